//! The filter of the table of resources.
//!
//! ```text
//! ledger             name, type, kind, place, attributes, holder or id contain it
//! type:mutex         its type contains it; so do name:, kind:, place:, loc:, attr:, holder: and id:
//! mutex !locked      both; not
//! ```

use crate::{
    query::{
        contains,
        parse::{self, MAX_LEN},
    },
    screen::overlay::InputError,
    store::{Store, resources::Resource},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Name,
    Type,
    Kind,
    Place,
    Attributes,
    Holder,
    Id,
}

const FIELDS: [(&str, Field); 8] = [
    ("name", Field::Name),
    ("type", Field::Type),
    ("kind", Field::Kind),
    ("place", Field::Place),
    ("loc", Field::Place),
    ("attr", Field::Attributes),
    ("holder", Field::Holder),
    ("id", Field::Id),
];

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    not: bool,
    /// `None`: any of them.
    field: Option<Field>,
    /// Lower case.
    needle: String,
}

/// A filter in force.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct ResourceFilter {
    pub(crate) text: String,
    terms: Vec<Term>,
}

impl ResourceFilter {
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

    pub(crate) fn matches(&self, store: &Store, resource: &Resource) -> bool {
        self.terms.iter().all(|term| {
            let fields = FIELDS.map(|(_, field)| field);
            let held = match term.field {
                Some(field) => has(store, resource, field, &term.needle),
                None => fields.into_iter().any(|field| has(store, resource, field, &term.needle)),
            };
            held != term.not
        })
    }
}

/// What could be typed next, and where the part that it replaces starts.
pub(crate) fn complete(text: &str, cursor: usize) -> (usize, Vec<String>) {
    let before: Vec<char> = text.chars().take(cursor).collect();
    let start = before.iter().rposition(|c| c.is_whitespace() || *c == '!').map_or(0, |at| at + 1);
    let word: String = before[start..].iter().collect::<String>().to_lowercase();
    let known = FIELDS.iter().filter(|(name, _)| !word.is_empty() && name.starts_with(&word));
    (start, known.map(|(name, _)| format!("{name}:")).collect())
}

fn term(word: &str, at: usize) -> Result<Term, InputError> {
    let wanted = word.trim_start_matches(['!', '-']);
    let skipped = word.chars().count() - wanted.chars().count();
    if wanted.is_empty() {
        let message = "What should not match is missing.".to_owned();
        return Err(InputError { at: at + skipped, len: 1, message });
    }
    let not = skipped % 2 == 1;
    let names = FIELDS.iter().map(|(name, _)| *name);
    let (field, needle) = match wanted.split_once(':') {
        Some((name, value)) => match FIELDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, field)) => (Some(*field), value),
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

fn has(store: &Store, resource: &Resource, field: Field, needle: &str) -> bool {
    let text = |text: Option<&str>| text.is_some_and(|text| contains(text, needle));
    match field {
        Field::Name => text(store.resource_name(resource)),
        Field::Holder => store.lock(resource.key).is_some_and(|lock| {
            lock.holders.iter().any(|holder| text(store.who_words(holder.who).as_deref()))
        }),
        Field::Type => text(store.texts.text(resource.concrete_type)),
        Field::Kind => text(store.texts.text(resource.kind)),
        Field::Place => text(store.place(resource.site).as_deref()),
        Field::Attributes => text(Some(&store.attribute_words(&resource.attributes))),
        Field::Id => resource.key.id().eq_ignore_ascii_case(needle),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slips_are_named() {
        let error = ResourceFilter::parse("mutex typ:x").unwrap_err();
        assert_eq!((error.at, error.len), (6, 3));
        assert_eq!(error.message, "There is no field `typ`; did you mean `type`?");
        assert_eq!(ResourceFilter::parse("a !").unwrap_err().at, 3);
        assert_eq!(ResourceFilter::parse("main.rs:40 Mutex::lock").unwrap().terms.len(), 2);
        assert_eq!(complete("a ty", 4), (2, vec!["type:".to_owned()]));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), cursor in 0_usize..40) {
            if let Err(error) = ResourceFilter::parse(&text) {
                prop_assert!(error.at <= text.chars().count() && error.len > 0);
            }
            prop_assert!(complete(&text, cursor).0 <= cursor);
        }
    }
}
