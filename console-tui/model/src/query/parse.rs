//! The parser of the filter: errors say where, what, and what is near.

use crate::{
    columns::Unit,
    query::{Compare, Expr, InputError, Named, Query, What},
};

/// Characters of a filter.
pub(crate) const MAX_LEN: usize = 512;
/// Levels of brackets and negations.
pub(crate) const MAX_DEPTH: usize = 32;
/// A name this similar is offered instead of an unknown one.
const NEAR: f64 = 0.7;

/// Understands `text`, in which `names` can be named. `Ok(None)`: it is empty, everything matches.
pub(crate) fn parse(text: &str, names: &[Named]) -> Result<Option<Query>, InputError> {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() > MAX_LEN {
        return Err(error(
            MAX_LEN,
            chars.len() - MAX_LEN,
            format!("A filter has at most {MAX_LEN} characters."),
        ));
    }
    let mut parser = Parser { chars: &chars, names, at: 0, depth: 0 };
    parser.skip_blanks();
    if parser.at == chars.len() {
        return Ok(None);
    }
    let root = parser.any()?;
    match parser.peek() {
        None => Ok(Some(Query { root })),
        Some(_) => Err(error(parser.at, 1, "This bracket closes nothing.".to_owned())),
    }
}

fn error(at: usize, len: usize, message: String) -> InputError {
    InputError { at, len: len.max(1), message }
}

struct Parser<'a> {
    chars: &'a [char],
    names: &'a [Named],
    at: usize,
    depth: usize,
}

type Parsed = Result<Expr, InputError>;

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.at += 1;
        }
    }

    fn any(&mut self) -> Parsed {
        let mut parts = vec![self.all()?];
        while self.peek() == Some('|') {
            self.at += 1;
            parts.push(self.all()?);
        }
        Ok(single(parts, Expr::Any))
    }

    fn all(&mut self) -> Parsed {
        let mut parts = Vec::new();
        loop {
            self.skip_blanks();
            match self.peek() {
                None | Some('|' | ')') => break,
                Some(_) => parts.push(self.term()?),
            }
        }
        if parts.is_empty() {
            return Err(error(self.at, 1, "Something to look for is missing here.".to_owned()));
        }
        Ok(single(parts, Expr::All))
    }

    fn term(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(error(self.at, 1, format!("More than {MAX_DEPTH} levels of brackets.")));
        }
        let term = match self.peek() {
            Some('!' | '-') => {
                self.at += 1;
                self.skip_blanks();
                match self.peek() {
                    None | Some('|' | ')') => {
                        Err(error(self.at, 1, "What should not match is missing.".to_owned()))
                    }
                    Some(_) => self.term().map(|inner| Expr::Not(Box::new(inner))),
                }
            }
            Some('(') => self.bracket(),
            _ => self.atom(),
        };
        self.depth -= 1;
        term
    }

    fn bracket(&mut self) -> Parsed {
        let open = self.at;
        self.at += 1;
        let inner = self.any()?;
        if self.peek() != Some(')') {
            return Err(error(open, 1, "This bracket is never closed.".to_owned()));
        }
        self.at += 1;
        Ok(inner)
    }

    fn atom(&mut self) -> Parsed {
        let start = self.at;
        if self.peek() == Some('"') {
            return Ok(Expr::Word(self.text()?.to_lowercase()));
        }
        while self.peek().is_some_and(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '%')) {
            self.at += 1;
        }
        let name: String = self.chars[start..self.at].iter().collect();
        let name_end = self.at;
        let Some(compare) = self.compare() else {
            self.at = start;
            return Ok(Expr::Word(self.text()?.to_lowercase()));
        };
        let names = self.names;
        let Some(field) = names.iter().find(|named| named.name.eq_ignore_ascii_case(&name)) else {
            let known = names.iter().map(|named| named.name);
            // `main.rs:40` and `a::b` are words.
            if compare == (Compare::Equal, true) && !looks_like(&name, known.clone()) {
                self.at = start;
                return Ok(Expr::Word(self.text()?.to_lowercase()));
            }
            return Err(error(start, name_end - start, unknown("field", &name, known)));
        };
        self.value(field, compare.0, compare.1)
    }

    /// The comparison, and whether it was a colon.
    fn compare(&mut self) -> Option<(Compare, bool)> {
        let next = self.chars.get(self.at + 1).copied();
        let (compare, len, colon) = match (self.peek()?, next) {
            (':', Some('>')) if self.chars.get(self.at + 2) == Some(&'=') => {
                (Compare::GreaterOrEqual, 3, false)
            }
            (':', Some('<')) if self.chars.get(self.at + 2) == Some(&'=') => (Compare::LessOrEqual, 3, false),
            (':', Some('>')) => (Compare::Greater, 2, false),
            (':', Some('<')) => (Compare::Less, 2, false),
            (':', _) => (Compare::Equal, 1, true),
            ('>', Some('=')) => (Compare::GreaterOrEqual, 2, false),
            ('<', Some('=')) => (Compare::LessOrEqual, 2, false),
            ('!', Some('=')) => (Compare::NotEqual, 2, false),
            ('>', _) => (Compare::Greater, 1, false),
            ('<', _) => (Compare::Less, 1, false),
            ('=', _) => (Compare::Equal, 1, false),
            _ => return None,
        };
        self.at += len;
        Some((compare, colon))
    }

    fn value(&mut self, named: &Named, compare: Compare, colon: bool) -> Parsed {
        let start = self.at;
        if self.peek() == Some('~') && colon {
            self.at += 1;
        }
        let value = self.text()?;
        let len = self.at - start;
        if value.is_empty() {
            return Err(error(start, 1, "A value is missing.".to_owned()));
        }
        let index = named.index;
        let plain = match &named.what {
            What::Number(unit) => {
                let value = number(&value, *unit).map_err(|message| error(start, len, message))?;
                return Ok(Expr::Number { column: index, compare, value });
            }
            _ if !matches!(compare, Compare::Equal | Compare::NotEqual) => {
                return Err(error(start, len, "This can't be larger or smaller; use `:` here.".to_owned()));
            }
            What::Text => Expr::Text { field: index, exact: !colon, needle: value.to_lowercase() },
            What::Words => Expr::Words { column: index, exact: !colon, needle: value.to_lowercase() },
            What::Whole => {
                let needle = value.trim_start_matches('#').to_lowercase();
                Expr::Text { field: index, exact: true, needle }
            }
            What::Choice(values) => {
                let value = one_of(named.name, &value, values).map_err(|message| error(start, len, message));
                Expr::Choice { field: index, value: value? }
            }
        };
        Ok(if compare == Compare::NotEqual { Expr::Not(Box::new(plain)) } else { plain })
    }

    /// A text in quotes, or up to the next blank, bar or bracket.
    fn text(&mut self) -> Result<String, InputError> {
        let start = self.at;
        if self.peek() != Some('"') {
            while self.peek().is_some_and(|c| !c.is_whitespace() && !matches!(c, '|' | '(' | ')')) {
                self.at += 1;
            }
            if self.at == start && self.peek() == Some('(') {
                return Err(error(
                    start,
                    1,
                    "A bracket can't stand here; put the text in quotes.".to_owned(),
                ));
            }
            return Ok(self.chars[start..self.at].iter().collect());
        }
        self.at += 1;
        while self.peek().is_some_and(|c| c != '"') {
            self.at += 1;
        }
        if self.peek().is_none() {
            return Err(error(start, 1, "This quote is never closed.".to_owned()));
        }
        self.at += 1;
        Ok(self.chars[start + 1..self.at - 1].iter().collect())
    }
}

fn single(mut parts: Vec<Expr>, many: fn(Vec<Expr>) -> Expr) -> Expr {
    if parts.len() == 1 { parts.remove(0) } else { many(parts) }
}

/// Near enough to one of the names to be a slip of the finger.
pub(crate) fn looks_like<'a>(name: &str, mut known: impl Iterator<Item = &'a str>) -> bool {
    let lower = name.to_lowercase();
    !name.is_empty() && known.any(|known| strsim::jaro_winkler(known, &lower) >= 0.85)
}

pub(crate) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let lower = name.to_lowercase();
    let near = known
        .clone()
        .map(|candidate| (strsim::jaro_winkler(candidate, &lower), candidate))
        .filter(|(similarity, _)| *similarity >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((_, near)) => format!("There is no {what} `{name}`; did you mean `{near}`?"),
        None => format!("There is no {what} `{name}`; there are {}.", known.collect::<Vec<_>>().join(", ")),
    }
}

/// The number of the value that `text` names, whole or by a beginning that fits one only.
fn one_of(what: &str, text: &str, known: &[&'static str]) -> Result<usize, String> {
    let lower = text.to_lowercase();
    if let Some(value) = known.iter().position(|name| *name == lower) {
        return Ok(value);
    }
    let mut begun = known.iter().enumerate().filter(|(_, name)| name.starts_with(&lower));
    match (begun.next(), begun.next()) {
        (Some((value, _)), None) => Ok(value),
        _ => Err(unknown(what, text, known.iter().copied())),
    }
}

fn number(text: &str, unit: Unit) -> Result<f64, String> {
    let lower = text.to_lowercase();
    let digits = lower.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(lower.len());
    let (digits, suffix) = lower.split_at(digits);
    let wrong = || format!("`{text}` is no {}.", example(unit));
    let number: f64 = digits.parse().map_err(|_| wrong())?;
    Ok(number * scale(unit, suffix, digits == "0").ok_or_else(wrong)?)
}

/// What a suffix stands for; `None`: it has no such.
fn scale(unit: Unit, suffix: &str, is_zero: bool) -> Option<f64> {
    Some(match unit {
        Unit::Time => match suffix {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" | "min" => 60e9,
            "h" => 3600e9,
            "d" => 86_400e9,
            "" if is_zero => 1.0,
            _ => return None,
        },
        Unit::Count | Unit::Exact | Unit::Number | Unit::PerSecond => match suffix {
            "" => 1.0,
            "k" => 1e3,
            "m" => 1e6,
            "g" => 1e9,
            _ => return None,
        },
        Unit::Percent => match suffix {
            "" | "%" => 1.0,
            _ => return None,
        },
        Unit::Bytes | Unit::Size | Unit::SizePerSecond => match suffix {
            "" | "b" => 1.0,
            "k" | "kb" | "kib" => 1024.0,
            "m" | "mb" | "mib" => 1024.0 * 1024.0,
            "g" | "gb" | "gib" => 1024.0 * 1024.0 * 1024.0,
            _ => return None,
        },
    })
}

fn example(unit: Unit) -> &'static str {
    match unit {
        Unit::Time => "time: write it as 10ms, 5s or 2m",
        Unit::Count | Unit::Exact | Unit::Number => "count: write it as 100 or 1.5k",
        Unit::PerSecond => "rate: write it as 100 or 1.5k, which is per second",
        Unit::Percent => "percentage: write it as 50 or 50%",
        Unit::Bytes | Unit::Size => "size: write it as 512 or 16k",
        Unit::SizePerSecond => "rate: write it as 512 or 16k, which is per second",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{table::filter::names, tables::tasks::Tasks};
    use proptest::prelude::*;

    fn understood(text: &str) -> Result<Option<Query>, InputError> {
        parse(text, &names::<Tasks>())
    }

    fn root(text: &str) -> Expr {
        understood(text).unwrap().unwrap().root
    }

    fn message(text: &str) -> (usize, String) {
        let error = understood(text).unwrap_err();
        (error.at, error.message)
    }

    /// The number of a field, or of a column.
    fn index(name: &str) -> usize {
        names::<Tasks>().iter().find(|named| named.name == name).unwrap().index
    }

    #[test]
    fn terms_are_understood() {
        assert_eq!(understood("  ").unwrap(), None);
        assert_eq!(root("Conn"), Expr::Word("conn".into()));
        assert_eq!(root("state:idle"), Expr::Choice { field: index("state"), value: 2 });
        assert_eq!(root("state:sch"), Expr::Choice { field: index("state"), value: 1 });
        let number = |column, compare, value| Expr::Number { column: index(column), compare, value };
        assert_eq!(root("wakes>100"), number("wakes", Compare::Greater, 100.0));
        assert_eq!(root("age>=5s"), number("age", Compare::GreaterOrEqual, 5e9));
        assert_eq!(root("busy:>10ms"), number("busy", Compare::Greater, 1e7));
        assert_eq!(root("polls-per-s<1.5k"), number("polls-per-s", Compare::Less, 1500.0));
        let text =
            |field, exact, needle: &str| Expr::Text { field: index(field), exact, needle: needle.into() };
        assert_eq!(root("loc:~db"), text("loc", false, "db"));
        assert_eq!(root("name=\"A b\""), text("name", true, "a b"));
        assert_eq!(root("id:#88"), text("id", true, "88"));
        assert_eq!(root("main.rs:40"), Expr::Word("main.rs:40".into()));
        assert!(matches!(root("lint:lost-waker"), Expr::Choice { .. }));
        assert_eq!(
            root("waits-for:ledger"),
            Expr::Words { column: index("waits-for"), exact: false, needle: "ledger".into() }
        );
    }

    #[test]
    fn terms_are_joined() {
        let word = |text: &str| Expr::Word(text.into());
        assert_eq!(root("a b"), Expr::All(vec![word("a"), word("b")]));
        assert_eq!(root("a b|c"), Expr::Any(vec![Expr::All(vec![word("a"), word("b")]), word("c")]));
        assert_eq!(root("!a -b"), Expr::All(vec![Expr::Not(word("a").into()), Expr::Not(word("b").into())]));
        assert_eq!(root("(a|b) c"), Expr::All(vec![Expr::Any(vec![word("a"), word("b")]), word("c")]));
        assert_eq!(root("task-leak"), word("task-leak"));
    }

    #[test]
    fn errors_say_where_and_what_is_near() {
        assert_eq!(message("a stat:idle"), (2, "There is no field `stat`; did you mean `state`?".into()));
        assert_eq!(message("state:idel"), (6, "There is no state `idel`; did you mean `idle`?".into()));
        assert_eq!(message("age>5"), (4, "`5` is no time: write it as 10ms, 5s or 2m.".into()));
        assert_eq!(message("(a"), (0, "This bracket is never closed.".into()));
        assert_eq!(message("a)"), (1, "This bracket closes nothing.".into()));
        assert_eq!(message("a |"), (3, "Something to look for is missing here.".into()));
        assert_eq!(message("\"a"), (0, "This quote is never closed.".into()));
        assert_eq!(message("name>x").0, 5);
        assert_eq!(message("wakes>").1, "A value is missing.");
        assert!(message("bogus>1").1.starts_with("There is no field `bogus`"));
        assert!(message(&"!".repeat(100)).1.starts_with("More than 32 levels"));
        assert_eq!(message(&"x".repeat(600)).0, MAX_LEN);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = understood(&text);
        }

        #[test]
        fn nothing_made_of_its_own_parts_panics(parts in prop::collection::vec(prop::sample::select(vec![
            "(", ")", "|", "!", "-", "\"", ":", ">", "<", "=", "!=", "~", " ", "state", "age", "5s", "name", "é", "99", "lint",
        ]), 0..40)) {
            let text = parts.concat();
            if let Err(error) = understood(&text) {
                prop_assert!(error.at <= text.chars().count());
                prop_assert!(error.len > 0);
            }
        }
    }
}
