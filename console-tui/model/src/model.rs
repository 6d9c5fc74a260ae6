//! The whole state of the client, and what the views may ask of it.

use std::time::Duration;

use crate::{
    columns::{self, Column, Fitted},
    config::Config,
    effect::Effect,
    event::Event,
    id::TaskKey,
    nav::Screen,
    report::Report,
    screen::{
        findings::FindingView,
        header::{Breadcrumb, Header, Hint, Strip, TabView},
        overlay::{Input, Overlay},
        table::{Row, Sort, TableInfo},
        task::TaskView,
    },
};

/// Everything the client knows. Changed by [`update`] only, read through its methods only.
#[derive(Debug)]
pub struct Model {
    config: Config,
    now: Duration,
    screen: Screen,
    columns: Vec<Column>,
    mouse: bool,
    revision: u64,
}

/// Lets one event happen. What the shell has to do about it comes back; the order matters.
pub fn update(model: &mut Model, event: Event) -> Vec<Effect> {
    model.revision += 1;
    if let Event::Tick { now } = event {
        model.now = now;
    }
    Vec::new()
}

impl Model {
    /// A client that has not heard of anybody yet.
    pub fn new(config: Config) -> Self {
        Self {
            now: Duration::ZERO,
            screen: Screen::Tasks,
            columns: config.columns.clone(),
            mouse: config.mouse,
            revision: 0,
            config,
        }
    }

    /// Changes whenever a view could show something else than before: draw only then.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The time of the last [`Event::Tick`].
    pub fn now(&self) -> Duration {
        self.now
    }

    /// The configuration it was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The first snapshot is complete: what is shown is a whole picture. `--once` waits for it.
    pub fn is_complete(&self) -> bool {
        false
    }

    /// Whether the mouse should be captured.
    pub fn mouse(&self) -> bool {
        self.mouse
    }

    /// What fills the screen.
    pub fn screen(&self) -> Screen {
        self.screen
    }

    /// The header.
    pub fn header(&self) -> Header {
        todo_header(self)
    }

    /// The tabs, from left to right.
    pub fn tabs(&self) -> Vec<TabView> {
        Vec::new()
    }

    /// The most serious open finding; `None`: no strip.
    pub fn strip(&self) -> Option<Strip> {
        None
    }

    /// The way to the present screen.
    pub fn breadcrumbs(&self) -> Vec<Breadcrumb> {
        Vec::new()
    }

    /// What makes sense to press now, most useful first.
    pub fn hints(&self) -> Vec<Hint> {
        Vec::new()
    }

    /// The columns that are shown, in order, whether they fit or not.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The columns that fit `width` cells, with their widths.
    pub fn fit_columns(&self, width: u16) -> Vec<Fitted> {
        columns::fit(&self.columns, None, width)
    }

    /// What stands around the table.
    pub fn table(&self) -> TableInfo {
        let sort = Sort { column: Column::Warn, descending: true, by_change: false };
        TableInfo {
            rows: 0,
            offset: 0,
            selected: None,
            matching: 0,
            tasks: 0,
            sort,
            sort_words: String::new(),
            filter: String::new(),
            empty: None,
        }
    }

    /// The rows on the screen: one page ([`Event::PageRows`]) from the offset on, with a cell for each of `columns`.
    /// Costs what the page costs, however many tasks there are.
    pub fn rows(&self, columns: &[Column]) -> Vec<Row> {
        let _ = columns;
        Vec::new()
    }

    /// The task whose detail stands beside the table, on a terminal that is wide enough.
    pub fn side_pane(&self) -> Option<TaskKey> {
        None
    }

    /// Everything known of a task; `None`: nothing is.
    pub fn task(&self, key: TaskKey) -> Option<TaskView> {
        let _ = key;
        None
    }

    /// The findings, most serious first.
    pub fn findings(&self) -> Vec<FindingView> {
        Vec::new()
    }

    /// The first finding on the screen.
    pub fn findings_offset(&self) -> usize {
        0
    }

    /// What lies over the screen.
    pub fn overlay(&self) -> Option<Overlay> {
        None
    }

    /// The line that is being typed: while it is `Some`, characters are [`Event::Edit`], Enter is
    /// [`crate::Action::Open`], Esc [`crate::Action::Back`], the arrows up and down move in the list.
    pub fn input(&self) -> Option<Input> {
        None
    }

    /// The report of `--once --json`.
    pub fn report(&self) -> Report {
        Report {
            schema_version: crate::report::SCHEMA_VERSION,
            process: None,
            totals: crate::report::Totals::default(),
            tasks: Vec::new(),
            sites: Vec::new(),
            lints: Vec::new(),
        }
    }
}

fn todo_header(model: &Model) -> Header {
    Header {
        target: model.config.target.clone(),
        process: None,
        uptime: None,
        link: crate::screen::header::LinkState::Idle,
        data_age: None,
        stale: false,
        tasks: crate::screen::header::StateCounts::default(),
        polls_per_s: None,
        wakes_per_s: None,
        own_cost: None,
        own_memory_bytes: None,
        losses: crate::screen::header::Losses::default(),
        frozen: None,
        receiving: None,
        notices: Vec::new(),
    }
}
