//! What a filter can name in a table, and whether a row matches.

use std::borrow::Cow;

use super::List;
use crate::query::{Expr, Named, Names, Query, What, contains};

/// Something that a filter can name beside the columns.
pub(crate) struct Field<L: List> {
    pub(crate) name: &'static str,
    pub(crate) test: Test<L>,
}

/// How a field is looked into.
pub(crate) enum Test<L: List> {
    /// Contains the text; words without a name look here, too.
    Text(for<'a> fn(&'a L::Row<'a>) -> Option<Cow<'a, str>>),
    /// Another name of a field that words look into already.
    Alias(for<'a> fn(&'a L::Row<'a>) -> Option<Cow<'a, str>>),
    /// Is the text; words without a name look here, too.
    Whole(for<'a> fn(&'a L::Row<'a>) -> Option<Cow<'a, str>>),
    /// Is the text; a word without a name may be a part of it.
    Id(for<'a> fn(&'a L::Row<'a>) -> Option<Cow<'a, str>>),
    /// One of some words, by its number.
    Choice(fn() -> Vec<&'static str>, for<'a> fn(&'a L::Row<'a>, usize) -> bool),
}

impl<L: List> Field<L> {
    pub(crate) const fn new(name: &'static str, test: Test<L>) -> Self {
        Self { name, test }
    }
}

/// Every name that a filter of this table can have: fields first, then the columns that have no field of their name.
pub(crate) fn names<L: List>() -> Names {
    let fields = L::FIELDS.iter().enumerate().map(|(index, field)| Named {
        name: field.name,
        index,
        what: match field.test {
            Test::Text(_) | Test::Alias(_) => What::Text,
            Test::Whole(_) | Test::Id(_) => What::Whole,
            Test::Choice(values, _) => What::Choice(values()),
        },
    });
    let columns = L::COLUMNS.iter().enumerate().filter_map(|(index, column)| {
        let name = column.spec.id;
        let is_field = L::FIELDS.iter().any(|field| field.name == name);
        let what = match column.spec.unit {
            _ if is_field || name == crate::columns::WARN => return None,
            Some(unit) => What::Number(unit),
            None => What::Words,
        };
        Some(Named { name, index, what })
    });
    fields.chain(columns).collect()
}

/// Whether a row matches.
pub(crate) fn matches<'a, L: List>(query: &Query, row: &'a L::Row<'a>) -> bool {
    holds::<L>(&query.root, row)
}

fn holds<'a, L: List>(expr: &Expr, row: &'a L::Row<'a>) -> bool {
    match expr {
        Expr::All(parts) => parts.iter().all(|part| holds::<L>(part, row)),
        Expr::Any(parts) => parts.iter().any(|part| holds::<L>(part, row)),
        Expr::Not(inner) => !holds::<L>(inner, row),
        Expr::Word(word) => L::FIELDS.iter().any(|field| has_word(field, row, word)),
        Expr::Text { field, exact, needle } => match &L::FIELDS[*field].test {
            Test::Text(text) | Test::Alias(text) => says(text(row), *exact, needle),
            Test::Whole(text) | Test::Id(text) => says(text(row), true, needle),
            Test::Choice(..) => false,
        },
        Expr::Words { column, exact, needle } => {
            says((L::COLUMNS[*column].value)(row).words(), *exact, needle)
        }
        Expr::Choice { field, value } => match &L::FIELDS[*field].test {
            Test::Choice(_, has) => has(row, *value),
            _ => false,
        },
        Expr::Number { column, compare, value } => {
            let number = (L::COLUMNS[*column].value)(row).as_number();
            number.is_some_and(|number| compare.holds(number, *value))
        }
    }
}

fn has_word<'a, L: List>(field: &Field<L>, row: &'a L::Row<'a>, word: &str) -> bool {
    match &field.test {
        Test::Text(text) | Test::Id(text) => says(text(row), false, word),
        Test::Whole(text) => says(text(row), true, word),
        Test::Alias(_) | Test::Choice(..) => false,
    }
}

/// `needle` is in lower case.
fn says(text: Option<Cow<'_, str>>, exact: bool, needle: &str) -> bool {
    text.is_some_and(|text| if exact { text.to_lowercase() == needle } else { contains(&text, needle) })
}
