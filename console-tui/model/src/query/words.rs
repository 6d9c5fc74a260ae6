//! A filter of words, for tables that have no numbers to compare: each word is in one of the fields, or in the one that it names.
//!
//! Invariant: no text panics the parser. Limit: [`MAX_LEN`] characters.

use crate::{
    query::parse::{self, MAX_LEN},
    screen::overlay::InputError,
};

/// What a table can be filtered by.
pub(crate) trait Fields: Copy + PartialEq + 'static {
    /// The fields by name; several names can mean the same.
    const ALL: &'static [(&'static str, Self)];
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term<F> {
    not: bool,
    /// `None`: any of them.
    field: Option<F>,
    /// Lower case.
    needle: String,
}

/// A filter in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WordFilter<F> {
    pub(crate) text: String,
    pub(crate) terms: Vec<Term<F>>,
}

impl<F> Default for WordFilter<F> {
    fn default() -> Self {
        Self { text: String::new(), terms: Vec::new() }
    }
}

impl<F: Fields> WordFilter<F> {
    /// Understands `text`; empty: everything matches.
    pub(crate) fn parse(text: &str) -> Result<Self, InputError> {
        if text.chars().count() > MAX_LEN {
            let message = format!("A filter has at most {MAX_LEN} characters.");
            return Err(InputError { at: MAX_LEN, len: 1, message });
        }
        let mut terms = Vec::new();
        let mut at = 0;
        for word in text.split(' ') {
            if !word.trim().is_empty() {
                terms.push(term(word.trim(), at)?);
            }
            at += word.chars().count() + 1;
        }
        let text = if terms.is_empty() { String::new() } else { text.to_owned() };
        Ok(Self { text, terms })
    }

    /// `has`: whether a field of what is looked at contains a text in lower case.
    pub(crate) fn holds(&self, has: impl Fn(F, &str) -> bool) -> bool {
        self.terms.iter().all(|term| {
            let held = match term.field {
                Some(field) => has(field, &term.needle),
                None => F::ALL.iter().any(|(_, field)| has(*field, &term.needle)),
            };
            held != term.not
        })
    }

    /// What could be typed next, and where the part that it replaces starts.
    pub(crate) fn complete(text: &str, cursor: usize) -> (usize, Vec<String>) {
        let before: Vec<char> = text.chars().take(cursor).collect();
        let start = before.iter().rposition(|c| c.is_whitespace() || *c == '!').map_or(0, |at| at + 1);
        let word: String = before[start..].iter().collect::<String>().to_lowercase();
        let known = F::ALL.iter().filter(|(name, _)| !word.is_empty() && name.starts_with(&word));
        (start, known.map(|(name, _)| format!("{name}:")).collect())
    }
}

fn term<F: Fields>(word: &str, at: usize) -> Result<Term<F>, InputError> {
    let wanted = word.trim_start_matches(['!', '-']);
    let skipped = word.chars().count() - wanted.chars().count();
    if wanted.is_empty() {
        let message = "What should not match is missing.".to_owned();
        return Err(InputError { at: at + skipped, len: 1, message });
    }
    let not = skipped % 2 == 1;
    let names = F::ALL.iter().map(|(name, _)| *name);
    let (field, needle) = match wanted.split_once(':') {
        Some((name, value)) => match F::ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            // `~`, as the filter of the tasks has it.
            Some((_, field)) => (Some(*field), value.strip_prefix('~').unwrap_or(value)),
            // `main.rs:40` and `Mutex::lock` are words.
            None if !parse::looks_like(name, names.clone()) => (None, wanted),
            None => {
                let len = name.chars().count();
                return Err(InputError {
                    at: at + skipped,
                    len,
                    message: parse::unknown("field", name, names),
                });
            }
        },
        None => (None, wanted),
    };
    Ok(Term { not, field, needle: needle.to_lowercase() })
}
