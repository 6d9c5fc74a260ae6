//! What the user can set, as far as the model cares.

use std::{collections::BTreeMap, time::Duration};

use crate::{columns::ColumnId, lints::LintConfig, tables::TableId};

/// Limits and tastes. [`Config::default`] is what a user without a configuration gets.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Shown in the header: the address that the shell connects to.
    pub target: String,
    /// Wanted time between frames; `None`: the server's default.
    pub interval: Option<Duration>,
    /// How long a task stays in the list after the server has dropped it.
    pub retention: Duration,
    /// Tasks held; the rest is counted in [`crate::Losses::tasks_over_limit`].
    pub max_tasks: usize,
    /// A spawn site with at least this many live tasks folds by itself.
    pub fold_at: usize,
    /// What the user set for a table.
    pub tables: BTreeMap<TableId, TableConfig>,
    /// Whether the mouse is captured at the start.
    pub mouse: bool,
    /// From this width on, the tasks screen has a side pane with the selected task's detail.
    pub side_pane_width: u16,
    /// How often the descriptors of the process are asked for while no screen shows them; the lints look at them.
    pub descriptors_interval: Duration,
    /// The await trees of all tasks are wanted, where they cost the process nothing: for reports.
    pub all_await_trees: bool,
    /// Thresholds of the lints.
    pub lints: LintConfig,
}

/// How a table starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableConfig {
    /// Its columns, in order; `None`: those that are shown by default. The mark of a finding always comes first.
    pub columns: Option<Vec<ColumnId>>,
    /// Its filter; one that can't be understood is left out.
    pub filter: String,
    /// By which column it is sorted; `None`: by suspicion, where there is one.
    pub sort: Option<ColumnId>,
}

/// Default of [`Config::retention`]: long enough to see a task end, short enough not to fill the list.
pub const DEFAULT_RETENTION: Duration = Duration::from_secs(6);
/// Default of [`Config::max_tasks`]: about 700 MB of records, far more than a program runs.
pub const DEFAULT_MAX_TASKS: usize = 4_000_000;
/// Default of [`Config::fold_at`].
pub const DEFAULT_FOLD_AT: usize = 50;
/// Default of [`Config::descriptors_interval`]: a thousand sockets take the process 10 ms, which is 0.3 % of a processor at this pace, and
/// what the lints look for goes on for seconds.
pub const DEFAULT_DESCRIPTORS_INTERVAL: Duration = Duration::from_secs(3);
/// Default of [`Config::side_pane_width`].
pub const DEFAULT_SIDE_PANE_WIDTH: u16 = 170;

impl Default for Config {
    fn default() -> Self {
        Self {
            target: String::new(),
            interval: None,
            retention: DEFAULT_RETENTION,
            max_tasks: DEFAULT_MAX_TASKS,
            fold_at: DEFAULT_FOLD_AT,
            tables: BTreeMap::new(),
            mouse: true,
            side_pane_width: DEFAULT_SIDE_PANE_WIDTH,
            descriptors_interval: DEFAULT_DESCRIPTORS_INTERVAL,
            all_await_trees: false,
            lints: LintConfig::default(),
        }
    }
}
