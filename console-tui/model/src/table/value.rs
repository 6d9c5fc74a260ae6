//! What a column says of a row. The text of the cell, the order of the rows and what a filter compares all come from it, so that
//! they can't differ.

use std::borrow::Cow;

use crate::{
    columns::{ColumnSpec, Unit},
    format::count,
    screen::{Tone, table::Cell},
    severity::Severity,
};

/// What a row is sorted by: unknown last, then the numbers, then the text.
pub(crate) type SortKey = (bool, [u64; 4], String);

/// The value of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    /// `–`, and last in any order.
    Unknown,
    /// An empty cell, and last in any order.
    Nothing,
    /// In the column's unit.
    Number(f64),
    /// The same, with a meaning that the number alone has not.
    Toned(f64, Tone),
    /// Words.
    Text(Cow<'a, str>, Tone),
    /// What it is called, if it is, and where it was made. Those with a name come first.
    Named { name: Option<Cow<'a, str>>, place: Option<String> },
    /// So much of what fits: `512/1.0k`, with a bar.
    Filled { filled: f64, of: f64, is_full: bool },
    /// `r12`, or `12`; one that does not order is last.
    Id { prefix: &'static str, number: u64, orders: bool },
    /// The worst finding, and what decides between those that are as serious.
    Mark(Option<Severity>, [u64; 3]),
    /// Words for a number; `None`: last in any order.
    Worded(Option<f64>, Cow<'a, str>, Tone),
}

/// The bits of a number, in the order of their values.
pub(crate) fn order_bits(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

impl<'a> Value<'a> {
    /// A number, or nothing.
    pub(crate) fn number_or_nothing(number: Option<u64>) -> Self {
        number.map_or(Self::Nothing, |number| Self::Number(number as f64))
    }

    /// Words in a tone, or unknown.
    pub(crate) fn toned<T: Into<Cow<'a, str>>>(words: Option<T>, tone: Tone) -> Self {
        words.map_or(Self::Unknown, |words| Self::Text(words.into(), tone))
    }

    /// What the row is sorted by.
    pub(crate) fn sort_key(&self) -> SortKey {
        let number = |number: f64| (false, [order_bits(number), 0, 0, 0], String::new());
        let last = (true, [0; 4], String::new());
        match self {
            Self::Mark(severity, [a, b, c]) => {
                let severity = severity.map_or(0, |severity| severity as u64 + 1);
                (false, [severity, *a, *b, *c], String::new())
            }
            Self::Text(words, tone) => {
                (words.is_empty() || *tone == Tone::Unknown, [0; 4], words.to_lowercase())
            }
            Self::Named { name: Some(name), .. } => (false, [0; 4], name.to_lowercase()),
            Self::Named { name: None, place: Some(place) } => (false, [1, 0, 0, 0], place.to_lowercase()),
            _ => self.as_number().map_or(last, number),
        }
    }

    /// What a filter compares; `None`: unknown, or no number.
    pub(crate) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) | Self::Toned(number, _) | Self::Filled { filled: number, .. } => {
                Some(*number)
            }
            Self::Id { number, orders: true, .. } => Some(*number as f64),
            Self::Worded(number, ..) => *number,
            _ => None,
        }
    }

    /// What a filter looks into; `None`: no words.
    pub(crate) fn words(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(words, _) | Self::Worded(_, words, _) => Some(Cow::Borrowed(words)),
            Self::Named { name, .. } => name.as_deref().map(Cow::Borrowed),
            Self::Id { prefix, number, .. } => Some(format!("{prefix}{number}").into()),
            _ => None,
        }
    }

    /// The cell of a column.
    pub(crate) fn cell(self, spec: &ColumnSpec) -> Cell {
        let write = |number: f64| spec.unit.unwrap_or(Unit::Number).write(number);
        match self {
            Self::Unknown => Cell::unknown(),
            Self::Nothing => Cell::new("", Tone::Dim),
            Self::Number(number) => {
                let plain = if number == 0.0 { Tone::Dim } else { Tone::Normal };
                Cell::new(write(number), spec.tone.unwrap_or(plain))
            }
            Self::Toned(number, tone) => Cell::new(write(number), tone),
            Self::Text(words, tone) | Self::Worded(_, words, tone) => Cell::new(words, tone),
            Self::Named { name: Some(name), place } => Cell { place, ..Cell::normal(name) },
            Self::Named { name: None, place } => place.map_or_else(Cell::unknown, Cell::normal),
            Self::Filled { filled, of, is_full } => {
                let tone = if is_full { Tone::Warning } else { Tone::Normal };
                let percent = (of > 0.0).then(|| (filled / of * 100.0).clamp(0.0, 100.0) as u8);
                let words = format!("{}/{}", count(filled as u64), count(of as u64));
                Cell { percent, ..Cell::new(words, tone) }
            }
            Self::Id { prefix, number, .. } => Cell::new(format!("{prefix}{number}"), Tone::Link),
            Self::Mark(severity, _) => Cell::mark(severity),
        }
    }
}

/// What is not known is unknown.
impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(known: Option<T>) -> Self {
        known.map_or(Self::Unknown, T::into)
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number as f64)
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(words: &'a str) -> Self {
        Self::Text(words.into(), Tone::Normal)
    }
}

impl From<String> for Value<'_> {
    fn from(words: String) -> Self {
        Self::Text(words.into(), Tone::Normal)
    }
}

impl<'a> From<Cow<'a, str>> for Value<'a> {
    fn from(words: Cow<'a, str>) -> Self {
        Self::Text(words, Tone::Normal)
    }
}

impl Cell {
    pub(crate) fn new(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone, spark: None, place: None, percent: None }
    }

    pub(crate) fn normal(text: impl Into<String>) -> Self {
        Self::new(text, Tone::Normal)
    }

    pub(crate) fn unknown() -> Self {
        Self::new(crate::format::UNKNOWN, Tone::Unknown)
    }

    /// A value, dim when it is nothing, `–` when it is not known.
    pub(crate) fn value<T: Copy + Default + PartialEq>(
        value: Option<T>,
        write: impl Fn(T) -> String,
    ) -> Self {
        match value {
            None => Self::unknown(),
            Some(value) if value == T::default() => Self::new(write(value), Tone::Dim),
            Some(value) => Self::normal(write(value)),
        }
    }

    fn mark(severity: Option<Severity>) -> Self {
        let Some(severity) = severity else { return Self::new("", Tone::Dim) };
        let text = match severity {
            Severity::Critical => "▲",
            Severity::Warning => "●",
            Severity::Info => "·",
        };
        Self::new(text, severity.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bits_are_in_the_order_of_the_numbers(a in -1e18..1e18_f64, b in -1e18..1e18_f64) {
            prop_assert_eq!(order_bits(a).cmp(&order_bits(b)), a.total_cmp(&b));
        }
    }

    #[test]
    fn unknown_and_nothing_are_last() {
        let last = |value: Value<'_>| value.sort_key().0;
        assert!(last(Value::Unknown) && last(Value::Nothing) && last(Value::Text("".into(), Tone::Normal)));
        assert!(!last(Value::Number(0.0)) && !last(Value::Mark(None, [0; 3])));
    }
}
