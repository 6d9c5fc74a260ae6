//! The filter of a table: what it means is the table's own (`table/filter.rs`). Of tasks, for example:
//!
//! ```text
//! transfer                  name, place, id or fields contain it
//! state:idle age>5s         both
//! loc:~db | name:accept     either
//! !kind:blocking -conn      not
//! (busy>10ms wakes>100) | lint:lost-waker
//! ```
//!
//! Invariants: no text panics the parser; an unknown value satisfies no comparison.
//!
//! Limit: [`parse::MAX_LEN`] characters, [`parse::MAX_DEPTH`] levels of nesting.

pub(crate) mod complete;
pub(crate) mod parse;

use crate::columns::Unit;

/// What is wrong with a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputError {
    /// Where, as a count of characters before it: the caret's place.
    pub at: usize,
    /// How many characters it spans, at least 1.
    pub len: usize,
    /// A sentence, with the nearest name where one is near.
    pub message: String,
}

/// A filter that has been understood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub(crate) root: Expr,
}

/// Fields, columns and values by their numbers in the table that the filter is for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Not(Box<Expr>),
    /// Lower case.
    Word(String),
    Text {
        field: usize,
        exact: bool,
        /// Lower case.
        needle: String,
    },
    /// What a column says.
    Words {
        column: usize,
        exact: bool,
        /// Lower case.
        needle: String,
    },
    Choice {
        field: usize,
        value: usize,
    },
    Number {
        column: usize,
        compare: Compare,
        value: f64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a filter of a table can name.
pub(crate) type Names = Vec<Named>;

/// A name, and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) name: &'static str,
    /// Of the field, or of the column.
    pub(crate) index: usize,
    pub(crate) what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A field with a text.
    Text,
    /// A field with an id.
    Whole,
    /// A field with one of these words.
    Choice(Vec<&'static str>),
    /// A column of text.
    Words,
    /// A column of numbers.
    Number(Unit),
}

impl Compare {
    pub(crate) fn holds(self, number: f64, value: f64) -> bool {
        match self {
            Self::Equal => (number - value).abs() < f64::EPSILON * value.abs().max(1.0),
            Self::NotEqual => !Self::Equal.holds(number, value),
            Self::Less => number < value,
            Self::LessOrEqual => number <= value,
            Self::Greater => number > value,
            Self::GreaterOrEqual => number >= value,
        }
    }
}

/// Whether `text` contains `needle`, which is in lower case; upper and lower case are the same.
pub(crate) fn contains(text: &str, needle: &str) -> bool {
    if needle.is_empty() {
        return true;
    }
    if text.is_ascii() && needle.is_ascii() {
        // A million names: no allocation.
        return text
            .as_bytes()
            .windows(needle.len())
            .any(|part| part.eq_ignore_ascii_case(needle.as_bytes()));
    }
    text.to_lowercase().contains(needle)
}
