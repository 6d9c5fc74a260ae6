//! The filter of the tasks table.
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
pub(crate) mod words;

use crate::{
    columns::Column,
    id::SiteId,
    lint::LintKind,
    store::{
        Store,
        task::{Kind, Marks, State, Task},
    },
    values,
};

/// A filter that has been understood.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    root: Expr,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Not(Box<Expr>),
    /// Lower case.
    Word(String),
    Text {
        field: TextField,
        exact: bool,
        needle: String,
    },
    State(State),
    Kind(Kind),
    Id(String),
    /// `None`: any lint.
    Lint(Option<LintKind>),
    Number {
        column: Column,
        compare: Compare,
        value: f64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextField {
    Name,
    Place,
    Fields,
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

/// What a field name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    State,
    Kind,
    Id,
    Lint,
    Text(TextField),
    Number(Column),
}

/// Every field name, the preferred one of each meaning first.
pub(crate) fn fields() -> impl Iterator<Item = (&'static str, Field)> + Clone {
    let numbers = Column::ALL
        .iter()
        .filter(|column| values::unit(**column).is_some())
        .map(|column| (column.spec().id, Field::Number(*column)));
    [
        ("state", Field::State),
        ("name", Field::Text(TextField::Name)),
        ("loc", Field::Text(TextField::Place)),
        ("place", Field::Text(TextField::Place)),
        ("id", Field::Id),
        ("kind", Field::Kind),
        ("fields", Field::Text(TextField::Fields)),
        ("lint", Field::Lint),
    ]
    .into_iter()
    .chain(numbers)
}

/// A query with what can be decided once for each spawn site instead of once for each task.
pub(crate) struct Prepared<'a> {
    query: &'a Query,
    store: &'a Store,
    places: &'a Places,
}

/// For each site, its place in lower case.
#[derive(Debug, Default)]
pub(crate) struct Places(Vec<Option<String>>);

impl Query {
    pub(crate) fn prepare<'a>(&'a self, store: &'a Store, places: &'a Places) -> Prepared<'a> {
        Prepared { query: self, store, places }
    }
}

impl Places {
    pub(crate) fn new(store: &Store) -> Self {
        let most = store.sites().map(|(id, _)| id.0).max().unwrap_or(0);
        Self((0..=most).map(|id| store.place(SiteId(id)).map(|place| place.to_lowercase())).collect())
    }
}

impl Prepared<'_> {
    /// `marks`: what the lints say of it.
    pub(crate) fn matches(&self, task: &Task, marks: Marks) -> bool {
        self.holds(&self.query.root, task, marks)
    }

    fn holds(&self, expr: &Expr, task: &Task, marks: Marks) -> bool {
        match expr {
            Expr::All(parts) => parts.iter().all(|part| self.holds(part, task, marks)),
            Expr::Any(parts) => parts.iter().any(|part| self.holds(part, task, marks)),
            Expr::Not(inner) => !self.holds(inner, task, marks),
            Expr::Word(word) => self.has_word(word, task),
            Expr::Text { field, exact, needle } => self.text(*field, task).is_some_and(|text| {
                if *exact { text.to_lowercase() == *needle } else { contains(text, needle) }
            }),
            Expr::State(state) => task.stats.state == *state,
            Expr::Kind(kind) => task.facts.kind == *kind,
            Expr::Id(id) => task.id().eq_ignore_ascii_case(id),
            Expr::Lint(None) => marks.any(),
            Expr::Lint(Some(kind)) => marks.has(*kind),
            Expr::Number { column, compare, value } => {
                values::number(self.store, task, *column).is_some_and(|number| compare.holds(number, *value))
            }
        }
    }

    fn has_word(&self, word: &str, task: &Task) -> bool {
        let texts = [TextField::Name, TextField::Place, TextField::Fields];
        texts.into_iter().any(|field| self.text(field, task).is_some_and(|text| contains(text, word)))
            || contains(&task.id(), word)
    }

    fn text(&self, field: TextField, task: &Task) -> Option<&str> {
        match field {
            TextField::Name => self.store.name(task),
            TextField::Fields => self.store.fields(task),
            TextField::Place => self.places.0.get(task.facts.site.0 as usize)?.as_deref(),
        }
    }
}

impl Compare {
    fn holds(self, number: f64, value: f64) -> bool {
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
