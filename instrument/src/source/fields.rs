//! The further fields of a task's span, with their types, in the text that the recorder keeps.
//!
//! A field is its name, a separator, a letter for its type, its value and an end: control characters, which no other field can bring in. A field
//! that the recorder's limit has cut is a text without its end, or is left out where its type says that a part means something else.

use std::fmt::{self, Write as _};

use taskscope_recorder::MAX_FIELDS_BYTES;

/// Between a name and its value.
const IS: char = '\u{1f}';
/// After a value.
const END: char = '\u{1e}';

/// A value as `tracing` was given it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'t> {
    /// What `Debug` or `Display` made of it.
    Text(&'t str),
    /// A string.
    Str(&'t str),
    U64(u64),
    I64(i64),
    Bool(bool),
}

/// Fields under way.
#[derive(Debug, Default)]
pub(super) struct Fields(String);

impl Fields {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn text(&mut self, name: &str, value: &dyn fmt::Debug) {
        self.push(name, 'd', format_args!("{value:?}"));
    }

    pub(super) fn str(&mut self, name: &str, value: &str) {
        self.push(name, 's', format_args!("{value}"));
    }

    pub(super) fn u64(&mut self, name: &str, value: u64) {
        self.push(name, 'u', format_args!("{value}"));
    }

    pub(super) fn i64(&mut self, name: &str, value: i64) {
        self.push(name, 'i', format_args!("{value}"));
    }

    pub(super) fn bool(&mut self, name: &str, value: bool) {
        self.push(name, 'b', format_args!("{value}"));
    }

    fn push(&mut self, name: &str, kind: char, value: fmt::Arguments<'_>) {
        // One byte past the limit is enough for the recorder to see and count that something was cut.
        let mut out = super::visit::Bounded { text: &mut self.0, max_bytes: MAX_FIELDS_BYTES + 1 };
        let _full = write!(Plain(&mut out), "{name}")
            .and_then(|()| write!(out, "{IS}{kind}"))
            .and_then(|()| write!(Plain(&mut out), "{value}"))
            .and_then(|()| write!(out, "{END}"));
    }
}

/// Leaves out what separates fields.
struct Plain<'o, 't>(&'o mut super::visit::Bounded<'t>);

impl fmt::Write for Plain<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.split([IS, END]).try_for_each(|part| self.0.write_str(part))
    }
}

/// Takes apart what [`Fields`] put together.
#[cfg_attr(not(feature = "server"), allow(dead_code, reason = "without a server no code reads the fields"))]
pub(crate) fn fields(kept: &str) -> impl Iterator<Item = (&str, Value<'_>)> {
    kept.split_inclusive(END).filter_map(|field| {
        let whole = field.strip_suffix(END);
        let (name, value) = whole.unwrap_or(field).split_once(IS)?;
        let mut rest = value.chars();
        let kind = rest.next()?;
        let text = rest.as_str();
        let value = match kind {
            's' => Value::Str(text),
            'u' => Value::U64(whole.and_then(|_| text.parse().ok())?),
            'i' => Value::I64(whole.and_then(|_| text.parse().ok())?),
            'b' => Value::Bool(whole.and_then(|_| text.parse().ok())?),
            _ => Value::Text(text),
        };
        Some((name, value))
    })
}

/// As a person reads them: `name=value name="a string"`.
#[cfg_attr(not(feature = "server"), allow(dead_code, reason = "without a server no code reads the fields"))]
pub(crate) fn words(kept: &str) -> String {
    let mut words = String::new();
    for (name, value) in fields(kept) {
        let separator = if words.is_empty() { "" } else { " " };
        // A string takes all that is written to it.
        let _written = match value {
            Value::Text(text) => write!(words, "{separator}{name}={text}"),
            Value::Str(text) => write!(words, "{separator}{name}={text:?}"),
            Value::U64(number) => write!(words, "{separator}{name}={number}"),
            Value::I64(number) => write!(words, "{separator}{name}={number}"),
            Value::Bool(yes) => write!(words, "{separator}{name}={yes}"),
        };
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_their_types_and_their_blanks() {
        let mut kept = Fields::default();
        kept.str("url", "GET /a b=1 c=2");
        kept.text("dbg", &format_args!("Point {{ x: 1, y=2 }}"));
        kept.u64("user.id", 7);
        kept.i64("delta", -3);
        kept.bool("cached", true);
        kept.str("empty", "");
        kept.str("hostile", "a\u{1e}b\u{1f}uc");
        let apart: Vec<_> = fields(kept.as_str()).collect();
        assert_eq!(
            apart,
            [
                ("url", Value::Str("GET /a b=1 c=2")),
                ("dbg", Value::Text("Point { x: 1, y=2 }")),
                ("user.id", Value::U64(7)),
                ("delta", Value::I64(-3)),
                ("cached", Value::Bool(true)),
                ("empty", Value::Str("")),
                ("hostile", Value::Str("abuc")),
            ]
        );
        assert!(
            words(kept.as_str())
                .starts_with(r#"url="GET /a b=1 c=2" dbg=Point { x: 1, y=2 } user.id=7 delta=-3 "#)
        );
    }

    #[test]
    fn a_number_that_was_cut_is_left_out() {
        let mut kept = Fields::default();
        kept.str("a", "1");
        kept.u64("number", 123_456);
        let cut = kept.as_str().strip_suffix("6\u{1e}").unwrap();
        assert_eq!(fields(cut).collect::<Vec<_>>(), [("a", Value::Str("1"))]);
        assert_eq!(fields("").count(), 0);
        assert_eq!(fields("no field").count(), 0);
    }

    #[test]
    fn a_megabyte_is_cut_and_seen_to_be() {
        let mut kept = Fields::default();
        kept.str("a", &"é".repeat(500_000));
        kept.u64("b", 1);
        assert!(kept.as_str().len() > MAX_FIELDS_BYTES && kept.as_str().len() <= MAX_FIELDS_BYTES + 2);
    }
}
