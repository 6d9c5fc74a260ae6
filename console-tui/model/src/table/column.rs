//! A column: its fixed properties, and what it reads of a row.

use super::{List, value::Value};
use crate::{
    columns::{Align, ColumnSpec, Cut, Unit, WARN},
    format::SPARK_WIDTH,
    screen::{Tone, table::Cell},
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

    /// Text, with what stands above it.
    pub(crate) const fn text(
        id: &'static str,
        title: &'static str,
        width: u16,
        help: &'static str,
        value: ValueOf<L>,
    ) -> Self {
        let spec = ColumnSpec {
            id,
            title,
            words: "",
            help,
            width,
            roomy_width: 0,
            grows: false,
            align: Align::Left,
            cut: Cut::End,
            aside_width: 0,
            indent: 0,
            priority: 0,
            on: true,
            unit: None,
            tone: None,
            descending: false,
        };
        Self { spec, value, spark: None, change: None }
    }

    /// Numbers: the largest comes first.
    pub(crate) const fn number(
        unit: Unit,
        id: &'static str,
        title: &'static str,
        width: u16,
        help: &'static str,
        value: ValueOf<L>,
    ) -> Self {
        let mut column = Self::text(id, title, width, help, value);
        column.spec.unit = Some(unit);
        column.spec.align = Align::Right;
        column.spec.descending = true;
        column
    }

    /// The mark of the worst finding.
    pub(crate) const fn warn(words: &'static str, value: ValueOf<L>) -> Self {
        let mut column = Self::text(WARN, "", 1, "How serious the worst finding about it is", value);
        column.spec.descending = true;
        column.words(words)
    }

    /// A sparkline alone.
    pub(crate) const fn trend(
        unit: Unit,
        words: &'static str,
        help: &'static str,
        value: ValueOf<L>,
        spark: SparkOf<L>,
    ) -> Self {
        let mut column = Self::number(unit, "trend", "", SPARK_WIDTH, help, value);
        column.spec.align = Align::Left;
        column.spec.aside_width = SPARK_WIDTH;
        column.spark = Some(spark);
        column.words(words)
    }

    pub(crate) const fn words(mut self, words: &'static str) -> Self {
        self.spec.words = words;
        self
    }

    pub(crate) const fn priority(mut self, priority: u8) -> Self {
        self.spec.priority = priority;
        self
    }

    pub(crate) const fn grows(mut self) -> Self {
        self.spec.grows = true;
        self
    }

    /// Not shown unless the user asks for it.
    pub(crate) const fn off(mut self) -> Self {
        self.spec.on = false;
        self
    }

    pub(crate) const fn ascending(mut self) -> Self {
        self.spec.descending = false;
        self
    }

    pub(crate) const fn right(mut self) -> Self {
        self.spec.align = Align::Right;
        self
    }

    pub(crate) const fn left(mut self) -> Self {
        self.spec.align = Align::Left;
        self
    }

    pub(crate) const fn cut(mut self, cut: Cut) -> Self {
        self.spec.cut = cut;
        self
    }

    pub(crate) const fn indent(mut self, cells: u16) -> Self {
        self.spec.indent = cells;
        self
    }

    pub(crate) const fn aside(mut self, cells: u16) -> Self {
        self.spec.aside_width = cells;
        self
    }

    pub(crate) const fn roomy(mut self, width: u16) -> Self {
        self.spec.roomy_width = width;
        self
    }

    pub(crate) const fn tone(mut self, tone: Tone) -> Self {
        self.spec.tone = Some(tone);
        self
    }

    /// A sparkline after the number.
    pub(crate) const fn spark(mut self, spark: SparkOf<L>) -> Self {
        self.spark = Some(spark);
        self.spec.aside_width = SPARK_WIDTH + 1;
        self
    }

    pub(crate) const fn change(mut self, change: ChangeOf<L>) -> Self {
        self.change = Some(change);
        self
    }
}
