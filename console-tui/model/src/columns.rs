//! The columns of the tasks table, as data: title, width, alignment, what goes first when the screen is narrow.

use serde::{Deserialize, Serialize};

/// A column's fixed properties.
#[expect(clippy::struct_excessive_bools, reason = "independent properties, set by name in one table")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSpec {
    /// The column.
    pub column: Column,
    /// Stable name: configuration, palette, `sort-by-<id>`.
    pub id: &'static str,
    /// Stable name of the action that sorts by it.
    pub sort_action: &'static str,
    /// Stable name of the action that shows or hides it.
    pub toggle_action: &'static str,
    /// Shown above the column.
    pub title: &'static str,
    /// One line for the column chooser.
    pub help: &'static str,
    /// Cells wide, without the gap to the next column; never changes with the values.
    pub width: u16,
    /// Takes a share of the room that is left.
    pub grows: bool,
    /// Where the text stands.
    pub align: Align,
    /// 0 is always shown; the highest number goes first on a narrow screen.
    pub priority: u8,
    /// Shown unless the user says otherwise.
    pub default_on: bool,
    /// Cells of [`Self::width`] that a sparkline takes, after the text and one blank; 0: has none.
    pub spark_width: u16,
    /// Sorting by it starts with the largest value.
    pub descending: bool,
    /// Has a change per second that can be sorted by.
    pub has_rate: bool,
}

/// Where a cell's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

macro_rules! columns {
    ($($variant:ident $id:literal $title:literal $width:literal $align:ident prio $prio:literal [$($flag:ident)*] $help:literal;)*) => {
        /// A column of the tasks table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Column {
            $(#[doc = $help] #[serde(rename = $id)] $variant,)*
        }

        impl Column {
            /// Every column, in the default order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its fixed properties.
            pub fn spec(self) -> &'static ColumnSpec {
                match self {
                    $(Self::$variant => {
                        const SPEC: ColumnSpec = ColumnSpec {
                            column: Column::$variant,
                            id: $id,
                            sort_action: concat!("sort-by-", $id),
                            toggle_action: concat!("toggle-column-", $id),
                            title: $title,
                            help: $help,
                            width: $width,
                            grows: flag("grows", FLAGS),
                            align: Align::$align,
                            priority: $prio,
                            default_on: flag("on", FLAGS),
                            spark_width: if flag("spark", FLAGS) { SPARK_WIDTH } else { 0 },
                            descending: flag("desc", FLAGS),
                            has_rate: flag("rate", FLAGS),
                        };
                        const FLAGS: &[&str] = &[$(stringify!($flag)),*];
                        &SPEC
                    })*
                }
            }
        }
    };
}

/// Samples that a table's sparkline shows.
pub const SPARK_WIDTH: u16 = 8;

columns! {
    Warn "warn" "" 1 Left prio 0 [on desc] "How serious the worst finding about it is";
    Id "id" "ID" 9 Right prio 0 [on] "tokio's id of the task, or `s` and its slot where that is unknown";
    State "state" "STATE" 5 Left prio 0 [on] "Running (in a poll), scheduled (woken, waits for a worker), idle, done";
    Age "age" "AGE" 7 Right prio 1 [on desc] "Time in that state";
    Name "name" "NAME" 16 Left prio 0 [on grows] "Its name";
    Place "place" "SPAWNED AT" 22 Left prio 3 [on grows] "Where it was spawned";
    Kind "kind" "KIND" 8 Left prio 9 [on] "task, local, blocking, block_on or future";
    Total "total" "TOTAL" 7 Right prio 7 [on desc] "Time since it was spawned";
    Busy "busy" "BUSY" 7 Right prio 2 [on desc rate] "Time in polls, the running one included";
    Sched "sched" "SCHED" 7 Right prio 5 [on desc rate] "Time between wake and poll, the present wait included";
    Idle "idle" "IDLE" 7 Right prio 8 [on desc] "Time in which it had nothing to do";
    Polls "polls" "POLLS" 7 Right prio 6 [on desc rate] "Polls started";
    PollRate "polls-per-s" "POLLS/s" 16 Right prio 3 [on spark desc] "Polls a second, over the last seconds";
    Wakes "wakes" "WAKES" 7 Right prio 6 [on desc rate] "Wakes, self-wakes included";
    WakeRate "wakes-per-s" "WAKES/s" 7 Right prio 10 [desc] "Wakes a second, over the last seconds";
    SelfWakes "self-wakes" "SELF" 7 Right prio 8 [on desc rate] "Wakes by the task itself";
    BusyRate "busy-percent" "BUSY%" 6 Right prio 4 [on desc] "Share of the last seconds that it spent in polls";
    LastWake "last-wake" "WOKEN" 7 Right prio 9 [on] "Time since the last wake";
    WaitsFor "waits-for" "WAITS FOR" 20 Left prio 3 [on grows] "What it waits for while it is idle, as far as tokio tells: a lock, a channel, a timer";
    Wakers "wakers" "WAKERS" 6 Right prio 12 [desc] "Wakers alive now";
    LongestPoll "longest-poll" "LONGEST" 7 Right prio 10 [desc] "Longest poll, the running one included";
    LongestSched "longest-sched" "DELAY" 7 Right prio 11 [desc] "Longest wait between wake and poll";
    Size "size" "SIZE" 7 Right prio 12 [desc] "Size of its future";
    Fields "fields" "FIELDS" 12 Left prio 11 [on grows] "Further fields of its span";
}

const fn flag(wanted: &str, flags: &[&str]) -> bool {
    let mut i = 0;
    while i < flags.len() {
        if same(wanted.as_bytes(), flags[i].as_bytes()) {
            return true;
        }
        i += 1;
    }
    false
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

impl Column {
    /// What a user without a configuration sees.
    pub fn defaults() -> Vec<Self> {
        Self::ALL.iter().copied().filter(|column| column.spec().default_on).collect()
    }

    /// The column with this id.
    pub fn from_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|column| column.spec().id == id)
    }
}

/// A column with its place on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fitted {
    /// Which.
    pub column: Column,
    /// Cells wide, without the gap after it.
    pub width: u16,
}

/// Cells between two columns.
pub const GAP: u16 = 1;

/// What decides whether a column of any table is shown, and how wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed {
    /// Cells, without the gap to the next column.
    pub width: u16,
    /// Takes a share of the room that is left.
    pub grows: bool,
    /// 0 is always shown; the highest number goes first on a narrow screen.
    pub priority: u8,
}

/// Of the columns of a table those that fit `width` cells, with their widths; `keep`, the one that sorts, goes last.
pub fn fit_by<C: Copy + PartialEq>(
    all: &[C],
    fixed: impl Fn(C) -> Fixed,
    keep: Option<C>,
    width: u16,
) -> Vec<(C, u16)> {
    let mut shown: Vec<(C, u16)> = all.iter().map(|column| (*column, fixed(*column).width)).collect();
    let used = |shown: &[(C, u16)]| shown.iter().map(|(_, width)| width + GAP).sum::<u16>();
    let goes = |column: C| if Some(column) == keep { 0 } else { fixed(column).priority };
    while used(&shown) > width.saturating_add(GAP) {
        let victim = (0..shown.len()).max_by_key(|i| goes(shown[*i].0));
        match victim.filter(|i| goes(shown[*i].0) > 0) {
            Some(victim) => shown.remove(victim),
            None => break,
        };
    }
    let mut room = width.saturating_add(GAP).saturating_sub(used(&shown));
    let mut grew = true;
    while room > 0 && grew {
        grew = false;
        for (column, width) in &mut shown {
            if room > 0 && fixed(*column).grows && *width < MAX_GROWN {
                *width += 1;
                room -= 1;
                grew = true;
            }
        }
    }
    shown
}

/// Chooses from `wanted` what fits `width` cells (columns of the highest priority number go first; `keep`, the sort
/// column, goes last) and gives the room that is left to the columns that grow.
pub fn fit(wanted: &[Column], keep: Option<Column>, width: u16) -> Vec<Fitted> {
    let mut shown: Vec<Fitted> =
        wanted.iter().map(|&column| Fitted { column, width: column.spec().width }).collect();
    let used = |shown: &[Fitted]| shown.iter().map(|f| u32::from(f.width + GAP)).sum::<u32>();
    while used(&shown) > u32::from(width) + u32::from(GAP) {
        let rank = |f: &Fitted| if Some(f.column) == keep { 1 } else { f.column.spec().priority };
        let Some(victim) =
            (0..shown.len()).filter(|&i| rank(&shown[i]) > 0).max_by_key(|&i| (rank(&shown[i]), i))
        else {
            break;
        };
        shown.remove(victim);
    }
    grow(&mut shown, width);
    shown
}

/// Widest that a growing column gets: text beyond it is rarely read.
const MAX_GROWN: u16 = 48;

fn grow(shown: &mut [Fitted], width: u16) {
    let used: u32 = shown.iter().map(|f| u32::from(f.width + GAP)).sum();
    let mut room = (u32::from(width) + u32::from(GAP)).saturating_sub(used);
    while room > 0 {
        let mut grew = false;
        for fitted in shown.iter_mut().filter(|f| f.column.spec().grows && f.width < MAX_GROWN) {
            if room > 0 {
                fitted.width += 1;
                room -= 1;
                grew = true;
            }
        }
        if !grew {
            return;
        }
    }
}
