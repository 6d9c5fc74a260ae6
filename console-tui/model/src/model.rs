//! The whole state of the client, and what the views may ask of it.
//!
//! Invariant: what is shown comes from one `Snapshot`: the live one, or the one that was frozen.

mod connection;
mod detail;
mod events;
mod feed;
mod header;
mod io_detail;
mod lock;
mod memory;
mod overview;
mod pages;
mod reports;
mod requests;
mod resource;
pub(crate) mod runtime;
mod scan;
mod scanner;
mod states;
#[cfg(test)]
mod tests;
mod ui;
mod update;
mod waits;

use std::time::Duration;

use crate::{
    columns::{ColumnId, ColumnSpec, Fitted},
    config::Config,
    event::Extent,
    id::{DescriptorId, ResourceKey, TaskKey, WorkerKey},
    lints::{Judged, LintKind, judged::not_judged},
    nav::{Screen, WaitsOf},
    report::Report,
    screen::{
        findings::FindingView,
        header::{Breadcrumb, Header, Hint, Strip, TabView},
        io::DescriptorView,
        overlay::{Input, Overlay},
        overview::OverviewView,
        resource::ResourceView,
        runtime::{RuntimesView, WorkerView},
        table::{Row, TableInfo, TableTab},
        task::TaskView,
        waits::WaitsView,
    },
    table::{Context, any::AnyTable},
    tables::TableId,
};
pub use events::{EventLine, EventsError};
use feed::Feed;
use memory::Memory;
use requests::Requests;
use scanner::Scanner;
use ui::Ui;
pub use update::update;

/// Everything the client knows. Changed by [`update()`] only, read through its methods only.
///
/// Its parts own their state and its rules; what is here passes on to each part what happens, and what another part made of it.
#[derive(Debug)]
pub struct Model {
    config: Config,
    now: Duration,
    revision: u64,
    /// What comes from the process.
    feed: Feed,
    /// What the user set.
    ui: Ui,
    /// What makes lints and rows of the one for the other.
    scanner: Scanner,
    /// Rows were made of the state that is shown.
    has_rows: bool,
    /// What the process is asked for.
    requests: Requests,
    /// What its memory shows.
    memory: Memory,
}

impl Model {
    /// A client that has not heard of anybody yet.
    pub fn new(config: Config) -> Self {
        Self {
            now: Duration::ZERO,
            revision: 0,
            feed: Feed::new(&config),
            ui: Ui::new(&config),
            scanner: Scanner::default(),
            has_rows: false,
            requests: Requests::default(),
            memory: Memory::default(),
            config,
        }
    }

    /// Changes whenever a view could show something else than before: draw only then.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The configuration it was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What is shown is a whole state: the first snapshot is complete, and its lints and rows are made. `--once` waits for it.
    pub fn is_complete(&self) -> bool {
        self.has_rows
    }

    /// There is work that can be done a bit at a time: send [`crate::Event::Work`] when nothing else is to be done.
    pub fn wants_work(&self) -> bool {
        self.feed.wants_work() || self.scanner.is_scanning()
    }

    /// A round is in the state in part: draw when it is in it whole. That takes a few [`crate::Event::Work`] and no message.
    pub fn is_between_rounds(&self) -> bool {
        self.feed.rounds().is_halfway()
    }

    /// What fills the screen.
    pub fn screen(&self) -> Screen {
        self.ui.nav.screen()
    }

    /// The header.
    pub fn header(&self) -> Header {
        self.feed.header(&self.config.target, self.now, self.scanner.late_by(self.now))
    }

    /// The tabs, from left to right.
    pub fn tabs(&self) -> Vec<TabView> {
        self.ui.tabs(&self.feed.shown().findings)
    }

    /// The most serious open finding; `None`: no strip.
    pub fn strip(&self) -> Option<Strip> {
        header::strip(&self.feed.shown().findings)
    }

    /// The way to the present screen.
    pub fn breadcrumbs(&self) -> Vec<Breadcrumb> {
        self.ui.breadcrumbs(self.feed.shown().analysis())
    }

    /// The lints that are not, or only partly, judged by what the process reports, those with the same reason together. None of them
    /// is [`Judged::Yes`].
    pub fn not_judged(&self) -> Vec<(Judged, Vec<LintKind>)> {
        self.context().map_or_else(Vec::new, |at| not_judged(&at.store.hello))
    }

    /// What makes sense to press now, most useful first.
    pub fn hints(&self) -> Vec<Hint> {
        let has_findings = !self.feed.shown().findings.list.is_empty();
        self.ui.hints(self.feed.states.is_frozen(), has_findings)
    }

    /// The table on the screen; `None`: it has none. What is filtered, sorted and folded is this one; without one,
    /// [`crate::Action::Filter`] does nothing.
    pub fn shown_table(&self) -> Option<TableId> {
        self.ui.table().map(AnyTable::id)
    }

    /// The tables of the screen, of which one is shown.
    pub fn table_tabs(&self) -> Vec<TableTab> {
        self.ui.tables.tabs(self.screen())
    }

    /// The columns of a table that are shown, in order, whether they fit or not.
    pub fn columns(&self, table: TableId) -> Vec<&'static ColumnSpec> {
        self.ui.tables.get(table).columns()
    }

    /// The columns that fit `width` cells, with their widths; the sort column never goes.
    pub fn fit_columns(&self, table: TableId, width: u16) -> Vec<Fitted> {
        self.ui.tables.get(table).fit(width)
    }

    /// What stands around a table.
    pub fn table(&self, table: TableId) -> TableInfo {
        let mut info = self.ui.tables.get(table).info(self.context());
        if table == TableId::Tasks && info.rows == 0 {
            info.empty = self.feed.why_no_tasks(self.has_rows, self.now).or(info.empty);
        }
        info
    }

    /// The rows on the screen: one page ([`crate::Event::PageRows`]) from the offset on, with a cell for each of `columns` that the table has.
    /// Costs what the page costs, however many rows there are.
    pub fn rows(&self, table: TableId, columns: &[ColumnId]) -> Vec<Row> {
        self.context().map_or_else(Vec::new, |at| self.ui.tables.get(table).rows(at, columns))
    }

    /// The task whose detail stands beside the table, on a terminal that is wide enough.
    pub fn side_pane(&self) -> Option<TaskKey> {
        self.ui.side_pane(&self.config)
    }

    /// Everything known of a task; `None`: nothing is (any more).
    pub fn task(&self, key: TaskKey) -> Option<TaskView> {
        let mut view = self.ui.pages.task(self.context()?, key, self.ui.nav.chosen())?;
        self.memory.explain(&mut view);
        Some(view)
    }

    /// How the process is; `None`: nothing is known yet.
    pub fn overview(&self) -> Option<OverviewView> {
        let gone = self.feed.gone(self.now);
        let gone = gone.as_ref().map(|(since_ns, reason)| (*since_ns, reason.as_str()));
        Some(overview::view(self.context()?, self.ui.nav.chosen(), self.ui.height, gone).0)
    }

    /// The runtimes; `None`: nothing is known yet.
    pub fn runtimes(&self) -> Option<RuntimesView> {
        Some(runtime::view(self.context()?, &self.ui.tables.workers, self.ui.nav.chosen()))
    }

    /// Everything known of a worker; `None`: there is none such (any more).
    pub fn worker(&self, key: WorkerKey) -> Option<WorkerView> {
        runtime::worker::view(self.context()?, key, self.ui.nav.chosen())
    }

    /// Who waits for whom; `None`: nothing is known of what the tree begins with (any more).
    pub fn waits(&self, of: WaitsOf) -> Option<WaitsView> {
        waits::view(self.context()?.store, of, self.ui.nav.chosen())
    }

    /// Everything known of a resource; `None`: nothing is (any more).
    pub fn resource(&self, key: ResourceKey) -> Option<ResourceView> {
        self.ui.pages.resource(self.context()?, key, self.ui.nav.chosen())
    }

    /// Everything known of a descriptor; `None`: nothing is (any more).
    pub fn descriptor(&self, id: DescriptorId) -> Option<DescriptorView> {
        pages::descriptor(self.context()?, id)
    }

    /// The line that a screen of this extent begins with: where the user left it, with the `chosen` link in sight.
    pub fn scroll_top(&self, extent: &Extent, chosen: Option<usize>) -> usize {
        self.ui.nav.scroll_top(extent, chosen)
    }

    /// The findings that match their filter, in their order: most serious first, unless the user wants another.
    pub fn findings(&self) -> Vec<FindingView> {
        self.context().map_or_else(Vec::new, |at| self.ui.tables.findings.views(at))
    }

    /// What lies over the screen.
    pub fn overlay(&self) -> Option<Overlay> {
        self.ui.overlay()
    }

    /// The line that is being typed: while it is `Some`, characters are [`crate::Event::Edit`], Enter is
    /// [`crate::Action::Open`], Esc [`crate::Action::Back`], the arrows up and down move in the list.
    pub fn input(&self) -> Option<Input> {
        self.ui.input()
    }

    /// The report of `--once --json`.
    pub fn report(&self) -> Report {
        reports::report(self.feed.shown(), &self.feed.stream.losses, self.config.retention)
    }

    fn context(&self) -> Option<Context<'_>> {
        self.feed.shown().context(&self.config)
    }
}
