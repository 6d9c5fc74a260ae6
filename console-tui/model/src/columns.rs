//! The columns of every table, as data: title, width, alignment, unit, what goes first when the screen is narrow.

pub use crate::format::SPARK_WIDTH;
use crate::{
    format::{bytes, count, duration_ns, exact, percent, rate, size},
    screen::Tone,
};

/// Stable name of a column: configuration, filter, `sort-by-<id>`. Two tables may have one of the same name; it is then sorted by,
/// shown and hidden by the same action.
pub type ColumnId = &'static str;

/// The column that every table has first: the mark of the worst finding about a row; sorts by suspicion.
pub const WARN: ColumnId = "warn";

/// A column's fixed properties.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ColumnSpec {
    /// Stable name.
    pub id: ColumnId,
    /// Shown above the column.
    pub title: &'static str,
    /// What it is sorted by, in words; empty: its id.
    pub words: &'static str,
    /// One line for the column chooser.
    pub help: &'static str,
    /// Cells wide, without the gap to the next column; never changes with the values.
    pub width: u16,
    /// Cells wide on a screen of [`ROOMY`] cells; 0: as on any other.
    pub roomy_width: u16,
    /// Takes a share of the room that is left.
    pub grows: bool,
    /// Where the text stands.
    pub align: Align,
    /// Which part of a text that is too long is left out.
    pub cut: Cut,
    /// Cells of the width that stand after the text, for a bar or a sparkline.
    pub aside_width: u16,
    /// Cells by which the rows of an unfolded group stand further right.
    pub indent: u16,
    /// 0 is always shown; the highest number goes first on a narrow screen.
    pub priority: u8,
    /// Shown unless the user says otherwise.
    pub on: bool,
    /// How its numbers are written, on the screen and in a filter; `None`: it holds text.
    pub unit: Option<Unit>,
    /// What its numbers look like; `None`: like a number, dim when it is 0.
    pub tone: Option<Tone>,
    /// Sorting by it starts with the largest value.
    pub descending: bool,
}

impl ColumnSpec {
    /// Text.
    pub(crate) const fn text(id: ColumnId, title: &'static str, width: u16, help: &'static str) -> Self {
        Self {
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
        }
    }

    /// Numbers: the largest comes first.
    pub(crate) const fn number(
        unit: Unit,
        id: ColumnId,
        title: &'static str,
        width: u16,
        help: &'static str,
    ) -> Self {
        Self { unit: Some(unit), align: Align::Right, descending: true, ..Self::text(id, title, width, help) }
    }

    /// What it is sorted by, in words.
    pub fn sort_words(&self) -> String {
        if self.words.is_empty() { self.id.replace('-', " ") } else { self.words.to_owned() }
    }
}

/// Where a cell's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Which part of a text that is too long is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Its end, without a mark where it goes.
    End,
    /// Its end, with an ellipsis.
    Marked,
    /// Its start: the end distinguishes the rows.
    Start,
    /// The folders of a place.
    Place,
}

/// How a number is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds: `1.20 ms`; in a filter `10ms`.
    Time,
    /// `1.2k`
    Count,
    /// `1,204`
    Exact,
    /// A number that counts nothing: `31`.
    Number,
    /// `0.3`, a second.
    PerSecond,
    /// `71 %`; the number is 71.
    Percent,
    /// `16.0 K`
    Bytes,
    /// Bytes in few characters: `16K`.
    Size,
    /// The same, a second.
    SizePerSecond,
}

impl Unit {
    /// The text of a number.
    pub fn write(self, number: f64) -> String {
        match self {
            Self::Time => duration_ns(number as u64),
            Self::Count => count(number as u64),
            Self::Exact => exact(number as u64),
            Self::Number => format!("{number}"),
            Self::PerSecond => rate(number),
            Self::Percent => percent(number / 100.0),
            Self::Bytes => bytes(number as u64),
            Self::Size => size(number as u64),
            Self::SizePerSecond => size(number.round() as u64),
        }
    }
}

/// Cells between two columns.
pub const GAP: u16 = 1;

/// From this width on a table has room for whole addresses.
pub const ROOMY: u16 = 100;

/// Widest that a growing column gets: text beyond it is rarely read.
const MAX_GROWN: u16 = 48;

/// A column with its place on the screen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fitted {
    /// Which.
    pub spec: &'static ColumnSpec,
    /// Cells wide, without the gap after it.
    pub width: u16,
}

/// Chooses from `wanted` what fits `width` cells and gives the room that is left to the columns that grow. Columns of the highest
/// priority number go first; `keep`, the one that sorts, never goes.
pub fn fit(wanted: &[&'static ColumnSpec], keep: Option<ColumnId>, width: u16) -> Vec<Fitted> {
    let full = |spec: &ColumnSpec| match spec.roomy_width {
        roomy if roomy > 0 && width >= ROOMY => roomy,
        _ => spec.width,
    };
    let mut shown: Vec<Fitted> = wanted.iter().map(|&spec| Fitted { spec, width: full(spec) }).collect();
    let room = u32::from(width) + u32::from(GAP);
    let used = |shown: &[Fitted]| shown.iter().map(|f| u32::from(f.width) + u32::from(GAP)).sum::<u32>();
    let goes = |f: &Fitted| if Some(f.spec.id) == keep { 0 } else { f.spec.priority };
    while used(&shown) > room {
        let victim = (0..shown.len()).max_by_key(|&i| goes(&shown[i]));
        match victim.filter(|&i| goes(&shown[i]) > 0) {
            Some(victim) => shown.remove(victim),
            None => break,
        };
    }
    let mut left = room.saturating_sub(used(&shown));
    let mut grew = true;
    while left > 0 && grew {
        grew = false;
        for fitted in shown.iter_mut().filter(|f| f.spec.grows && f.width < MAX_GROWN) {
            if left > 0 {
                fitted.width += 1;
                left -= 1;
                grew = true;
            }
        }
    }
    shown
}
