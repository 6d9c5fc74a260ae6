//! A column: its fixed properties, and what it reads of a row.

use super::{List, value::Value};
use crate::{
    columns::{Align, ColumnSpec, WARN},
    format::SPARK_WIDTH,
    screen::table::Cell,
};

/// Heights of a sparkline.
pub(crate) type Spark = [u8; SPARK_WIDTH as usize];

/// What a column says of a row.
pub(crate) type ValueOf<L> = for<'a> fn(&'a <L as List>::Row<'a>) -> Value<'a>;

/// Heights of a sparkline of a row; `None`: not known.
pub(crate) type SparkOf<L> = for<'a> fn(&'a <L as List>::Row<'a>) -> Option<Spark>;

/// What the value of a row changes by in a second; `None`: not known.
pub(crate) type ChangeOf<L> = for<'a> fn(&'a <L as List>::Row<'a>) -> Option<f64>;

/// One column of the table of an `L`. Text, order and filter all come from its value.
pub(crate) struct Column<L: List> {
    pub(crate) spec: ColumnSpec,
    pub(crate) value: ValueOf<L>,
    /// Made for rows on the screen only.
    pub(crate) spark: Option<SparkOf<L>>,
    /// What it changes by in a second, of a row whose history is known. Of the others the table looks at the time before.
    pub(crate) change: Option<ChangeOf<L>>,
}

impl<L: List> std::fmt::Debug for Column<L> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.spec.id)
    }
}

impl<L: List> Column<L> {
    /// What stands in the cell of a row.
    pub(crate) fn cell<'a>(&self, row: &'a L::Row<'a>) -> Cell {
        let mut cell = (self.value)(row).cell(&self.spec);
        cell.spark = self.spark.and_then(|spark| spark(row));
        if self.spec.aside_width == self.spec.width {
            cell.text.clear();
        }
        cell
    }

    pub(crate) const fn new(spec: ColumnSpec, value: ValueOf<L>) -> Self {
        Self { spec, value, spark: None, change: None }
    }

    /// The mark of the worst finding.
    pub(crate) const fn warn(words: &'static str, value: ValueOf<L>) -> Self {
        let plain = ColumnSpec::text(WARN, "", 1, "How serious the worst finding about it is");
        Self::new(ColumnSpec { words, descending: true, ..plain }, value)
    }

    /// Another place in the order in which columns go.
    pub(crate) const fn priority(mut self, priority: u8) -> Self {
        self.spec.priority = priority;
        self
    }

    /// A sparkline after the number; in a column without a title it stands alone.
    pub(crate) const fn spark(mut self, spark: SparkOf<L>) -> Self {
        self.spark = Some(spark);
        self.spec.aside_width = SPARK_WIDTH + 1;
        if self.spec.title.is_empty() {
            assert!(self.spec.width == SPARK_WIDTH, "it fills its column");
            (self.spec.align, self.spec.aside_width) = (Align::Left, SPARK_WIDTH);
        }
        self
    }

    pub(crate) const fn change(mut self, change: ChangeOf<L>) -> Self {
        self.change = Some(change);
        self
    }
}

/// A column, as [`columns`] has them.
macro_rules! column {
    ($list:ty, $row:ident, $kind:ident $id:literal $title:literal $width:literal $help:literal
        $({ $($field:ident: $is:expr),* })? => $value:expr $(, $more:ident: $of:expr)*) => {
        $crate::table::column::Column::<$list>::new(
            $crate::columns::ColumnSpec {
                $($($field: $is,)*)?
                ..$crate::table::column::plain!($kind, $id, $title, $width, $help)
            },
            |$row| $crate::table::value::Value::from($value),
        )
        $(.$more(|$row| $of))*
    };
}
pub(crate) use column;

/// Before what a column sets.
macro_rules! plain {
    (text, $($part:expr),*) => { $crate::columns::ColumnSpec::text($($part),*) };
    ($unit:ident, $($part:expr),*) => {
        $crate::columns::ColumnSpec::number($crate::columns::Unit::$unit, $($part),*)
    };
}
pub(crate) use plain;

/// The columns of a list, a line each, in their order: `text` or the unit of its numbers, id, title, width, help, what else its
/// [`ColumnSpec`] sets, and what it says of a row, which has the name from the first line. `warn` is the mark of the worst finding; what
/// other lists have as well is `column` and what makes it.
///
/// ```text
/// columns! { Locks, row;
///     warn "suspicion" => suspicion(row);
///     column made::name_column();
///     Time "held" "HELD FOR" 8 "Time since its holder took it" { priority: 1 } => held_for(row);
/// }
/// ```
macro_rules! columns {
    ($list:ty, $row:ident; $($rest:tt)*) => {
        $crate::table::column::columns!(@ [] $list, $row; $($rest)*)
    };
    (@ [$($done:tt)*] $list:ty, $row:ident;) => { &[$($done)*] };
    (@ [$($done:tt)*] $list:ty, $row:ident; column $column:expr; $($rest:tt)*) => {
        $crate::table::column::columns!(@ [$($done)* $column,] $list, $row; $($rest)*)
    };
    (@ [$($done:tt)*] $list:ty, $row:ident; warn $words:literal => $value:expr; $($rest:tt)*) => {
        $crate::table::column::columns!(@ [
            $($done)* $crate::table::column::Column::<$list>::warn($words, |$row| $value),
        ] $list, $row; $($rest)*)
    };
    (@ [$($done:tt)*] $list:ty, $row:ident; $kind:ident $id:literal $title:literal $width:literal $help:literal
        $({ $($spec:tt)* })? => $value:expr $(, $more:ident: $of:expr)*; $($rest:tt)*) => {
        $crate::table::column::columns!(@ [
            $($done)*
            $crate::table::column::column!(
                $list, $row, $kind $id $title $width $help $({ $($spec)* })? => $value $(, $more: $of)*
            ),
        ] $list, $row; $($rest)*)
    };
}
pub(crate) use columns;
