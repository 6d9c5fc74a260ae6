//! The whole state of the client, and what the views may ask of it.
//!
//! Invariant: what is shown comes from one `Snapshot`: the live one, or the one that was frozen.

mod actions;
mod connection;
mod detail;
mod events;
mod finding_list;
mod header;
mod io;
mod io_detail;
mod lock;
mod nav_stack;
mod overlay;
mod refresh;
mod reports;
mod resource;
mod rounds;
pub(crate) mod runtime;
mod scan;
mod states;
#[cfg(test)]
mod tests;
mod waits;

use std::time::Duration;

use crate::{
    analysis::Analysis,
    columns::{ColumnId, ColumnSpec, Fitted},
    config::Config,
    effect::Effect,
    event::{ConnectionEvent, Event, Extent},
    id::{ResourceKey, TaskKey, WorkerKey},
    lints::{Judged, LintKind, findings::Finding, judged::not_judged},
    nav::{Screen, Tab, WaitsOf},
    report::Report,
    screen::{
        findings::{FindingView, Subject},
        header::{Breadcrumb, Header, Hint, Strip, TabView},
        overlay::{Input, Overlay},
        resource::ResourceView,
        runtime::{RuntimesView, WorkerView},
        table::{Row, TableInfo, TableTab},
        task::TaskView,
        waits::WaitsView,
    },
    store::ingest::Wish,
    stream::{FrameStream, Outcome},
    table::{Context, any::AnyTable},
    tables::made,
    tables::{TableId, Tables},
};
use connection::Connection;
use detail::Children;
pub use events::{EventLine, EventsError};
use nav_stack::NavStack;
use overlay::{FilterEdit, OverlayState};
use refresh::Schedule;
use resource::ResourceOps;
use scan::Scan;
use states::{Snapshot, States};

/// Everything the client knows. Changed by [`update`] only, read through its methods only.
#[derive(Debug)]
pub struct Model {
    config: Config,
    now: Duration,
    width: u16,
    mouse: bool,
    revision: u64,
    connection: Connection,
    stream: FrameStream,
    states: States,
    nav_stack: NavStack,
    overlay: Option<OverlayState>,
    editing: Option<FilterEdit>,
    tables: Tables,
    children: Children,
    resource_ops: ResourceOps,
    schedule: Schedule,
    /// The scan under way.
    scan: Option<Scan>,
    /// Rows were made of the state that is shown.
    has_rows: bool,
    /// What a scan may do in one event.
    slice: usize,
    /// Raised each time the user asks for an await tree.
    await_trees: u32,
    /// The last request that was sent on this stream.
    sent: Option<Wish>,
    /// How the view drew the screen last, if it is one that can be longer than the terminal is high.
    extent: Extent,
}

/// Lets one event happen. What the shell has to do about it comes back; the order matters. An effect that is not done is lost: the
/// model takes it for done.
#[must_use = "the model takes the effects for done"]
pub fn update(model: &mut Model, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    if !matches!(event, Event::Work | Event::Tick { .. } | Event::Frame(_)) {
        model.end_half_round();
    }
    match event {
        Event::Tick { now } => model.tick(now),
        Event::Work => model.work(),
        Event::Settle => model.settle(),
        Event::Resize { width, .. } => {
            model.width = width;
            model.changed();
        }
        Event::PageRows(rows) => {
            model.tables.each(|table| table.set_page(usize::from(rows)));
            model.changed();
        }
        Event::Extent(extent) => {
            // It says what was drawn: nothing is to be drawn again.
            model.nav_stack.set_scroll(extent.top);
            model.extent = extent;
            return effects;
        }
        Event::Action(action) => model.perform(action, &mut effects),
        Event::Edit(edit) => model.edit(&edit),
        Event::Click(target) => model.click(target, &mut effects),
        Event::Scroll(rows) => model.move_by(isize::from(rows)),
        Event::Connection(event) => model.connection(event),
        Event::Frame(frame) => {
            model.connection.heard_at = Some(model.now);
            let outcome = model.stream.frame(&mut model.states.live.store, frame, model.now);
            model.took_in(outcome);
            model.take_rounds();
        }
    }
    model.refresh();
    model.upkeep(&mut effects);
    effects
}

impl Model {
    /// A client that has not heard of anybody yet.
    pub fn new(config: Config) -> Self {
        let pace = config.interval.unwrap_or(taskscope_proto::limits::DEFAULT_INTERVAL);
        Self {
            now: Duration::ZERO,
            width: 80,
            mouse: config.mouse,
            revision: 0,
            connection: Connection::new(pace),
            stream: FrameStream::new(config.max_tasks),
            states: States::default(),
            nav_stack: NavStack::default(),
            overlay: None,
            editing: None,
            tables: Tables::new(&config),
            children: Children::default(),
            resource_ops: ResourceOps::default(),
            schedule: Schedule::default(),
            scan: None,
            has_rows: false,
            slice: scan::SLICE,
            await_trees: 0,
            sent: None,
            extent: Extent::default(),
            config,
        }
    }

    // --- reading ---

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

    /// What is shown is a whole state: the first snapshot is complete, and its lints and rows are made. `--once` waits for it.
    pub fn is_complete(&self) -> bool {
        self.has_rows
    }

    /// There is work that can be done a bit at a time: send [`Event::Work`] when nothing else is to be done.
    pub fn wants_work(&self) -> bool {
        self.states.has_discarded()
            || self.stream.rounds.has_whole()
            || self.scan.as_ref().is_some_and(|scan| !scan.is_done())
    }

    /// A round is in the state in part: draw when it is in it whole. That takes a few [`Event::Work`] and no message.
    pub fn is_between_rounds(&self) -> bool {
        self.stream.rounds.is_halfway()
    }

    /// Whether the mouse should be captured.
    pub fn mouse(&self) -> bool {
        self.mouse
    }

    /// What fills the screen.
    pub fn screen(&self) -> Screen {
        self.nav_stack.screen()
    }

    /// The header.
    pub fn header(&self) -> Header {
        self.build_header()
    }

    /// The tabs, from left to right.
    pub fn tabs(&self) -> Vec<TabView> {
        self.build_tabs()
    }

    /// The most serious open finding; `None`: no strip.
    pub fn strip(&self) -> Option<Strip> {
        self.build_strip()
    }

    /// Whether the screen has a table with a filter: where it has none, [`crate::Action::Filter`] does nothing.
    pub fn can_filter(&self) -> bool {
        self.shown_table().is_some()
    }

    /// The way to the present screen.
    pub fn breadcrumbs(&self) -> Vec<Breadcrumb> {
        self.build_breadcrumbs()
    }

    /// The lints that are not, or only partly, judged by what the process reports, those with the same reason together. None of them
    /// is [`Judged::Yes`].
    pub fn not_judged(&self) -> Vec<(Judged, Vec<LintKind>)> {
        self.store().map_or_else(Vec::new, |store| not_judged(&store.hello))
    }

    /// What makes sense to press now, most useful first.
    pub fn hints(&self) -> Vec<Hint> {
        self.build_hints()
    }

    /// The table on the screen; `None`: it has none. What is filtered, sorted and folded is this one.
    pub fn shown_table(&self) -> Option<TableId> {
        self.tables.on(self.screen())
    }

    /// The tables of the screen, of which one is shown.
    pub fn table_tabs(&self) -> Vec<TableTab> {
        let tables = self.screen().tab().map_or(&[][..], Tab::tables);
        let open = self.shown_table();
        let tab = |id: &TableId| TableTab {
            id: *id,
            total: self.tables.get(*id).info(None).total,
            open: open == Some(*id),
        };
        tables.iter().map(tab).collect()
    }

    /// The columns of a table that are shown, in order, whether they fit or not.
    pub fn columns(&self, table: TableId) -> Vec<&'static ColumnSpec> {
        self.tables.get(table).columns()
    }

    /// The columns that fit `width` cells, with their widths; the sort column never goes.
    pub fn fit_columns(&self, table: TableId, width: u16) -> Vec<Fitted> {
        self.tables.get(table).fit(width)
    }

    /// What stands around a table.
    pub fn table(&self, table: TableId) -> TableInfo {
        self.build_table_info(table)
    }

    /// The rows on the screen: one page ([`Event::PageRows`]) from the offset on, with a cell for each of `columns` that the table has.
    /// Costs what the page costs, however many rows there are.
    pub fn rows(&self, table: TableId, columns: &[ColumnId]) -> Vec<Row> {
        self.context().map_or_else(Vec::new, |at| self.tables.get(table).rows(at, columns))
    }

    /// The task whose detail stands beside the table, on a terminal that is wide enough.
    pub fn side_pane(&self) -> Option<TaskKey> {
        let wide = self.width >= self.config.side_pane_width && self.screen() == Screen::Tasks;
        self.tables.tasks.selected_key().filter(|_| wide)
    }

    /// Everything known of a task; `None`: nothing is (any more).
    pub fn task(&self, key: TaskKey) -> Option<TaskView> {
        let store = self.store()?;
        let task = store.task(key)?;
        let mut view = detail::view(store, task, &self.children, self.nav_stack.chosen(), &self.config.lints);
        let about = |finding: &Finding| match finding.id.subject {
            Subject::Site => false,
            Subject::Task(subject) => subject == key || finding.tasks.contains(&key),
            Subject::Resource(_) | Subject::Descriptor(_) | Subject::Thread(_) | Subject::Runtime(_) => {
                finding.tasks.contains(&key)
            }
        };
        view.findings.splice(0..0, finding_list::about(self.snapshot(), about));
        Some(view)
    }

    /// The runtimes; `None`: nothing is known yet.
    pub fn runtimes(&self) -> Option<RuntimesView> {
        let at = self.context()?;
        Some(runtime::view(self.snapshot(), at, &self.tables.workers, self.nav_stack.chosen()))
    }

    /// Everything known of a worker; `None`: there is none such (any more).
    pub fn worker(&self, key: WorkerKey) -> Option<WorkerView> {
        runtime::worker::view(self.snapshot(), key, self.nav_stack.chosen())
    }

    /// Who waits for whom; `None`: nothing is known of what the tree begins with (any more).
    pub fn waits(&self, of: WaitsOf) -> Option<WaitsView> {
        waits::view(self.store()?, of, self.nav_stack.chosen())
    }

    /// Everything known of a resource; `None`: nothing is (any more).
    pub fn resource(&self, key: ResourceKey) -> Option<ResourceView> {
        let store = self.store()?;
        let resource = store.resources.resource(key)?;
        let mut view = resource::view(store, resource, &self.resource_ops, self.nav_stack.chosen());
        let about = |finding: &Finding| made::concerned(finding, store).contains(&key);
        view.findings = finding_list::about(self.snapshot(), about);
        Some(view)
    }

    /// The line that a screen of this extent begins with: where the user left it, with the `chosen` link in sight.
    pub fn scroll_top(&self, extent: &Extent, chosen: Option<usize>) -> usize {
        let (top, follows) = self.nav_stack.scroll();
        let line = chosen.filter(|_| follows).and_then(|link| extent.line_of(link));
        let top = line.map_or(top, |line| top.min(line).max((line + 1).saturating_sub(extent.page)));
        top.min(extent.last_top())
    }

    /// The findings that match their filter, in their order: most serious first, unless the user wants another.
    pub fn findings(&self) -> Vec<FindingView> {
        self.context().map_or_else(Vec::new, |at| self.tables.findings.views(at))
    }

    /// What lies over the screen.
    pub fn overlay(&self) -> Option<Overlay> {
        self.overlay.as_ref().map(|overlay| overlay.view(self.shown()))
    }

    /// The line that is being typed: while it is `Some`, characters are [`Event::Edit`], Enter is
    /// [`crate::Action::Open`], Esc [`crate::Action::Back`], the arrows up and down move in the list.
    pub fn input(&self) -> Option<Input> {
        self.build_input()
    }

    /// The report of `--once --json`.
    pub fn report(&self) -> Report {
        reports::report(self.snapshot(), &self.stream.losses, self.config.retention)
    }

    fn snapshot(&self) -> &Snapshot {
        self.states.shown()
    }

    fn context(&self) -> Option<Context<'_>> {
        self.snapshot().context(&self.config)
    }

    /// The table on the screen.
    fn shown(&self) -> Option<&dyn AnyTable> {
        self.shown_table().map(|id| self.tables.get(id))
    }

    /// The table in which the selection moves. On other screens, one with a table in it as well, it goes from link to link.
    fn list(&self) -> Option<&dyn AnyTable> {
        self.shown().filter(|table| table.id() != TableId::Workers)
    }

    fn store(&self) -> Option<Analysis<'_>> {
        self.snapshot().analysis()
    }

    // --- changing ---

    fn changed(&mut self) {
        self.revision += 1;
    }

    fn tick(&mut self, now: Duration) {
        let before = self.now;
        self.now = now.max(before);
        self.stream.look_for_end(self.now);
        // Ages that advance by themselves are shown to a tenth of a second.
        let ages = self.connection.is_stale(self.now)
            || !self.connection.is_open()
            || self.states.is_frozen()
            || self.late_by().is_some();
        if ages && self.now.as_millis() / 100 != before.as_millis() / 100 {
            self.changed();
        }
    }

    fn connection(&mut self, event: ConnectionEvent) {
        match &event {
            ConnectionEvent::Connected => {
                self.stream.connected(self.now);
                self.sent = None;
            }
            ConnectionEvent::Lost { .. } => {
                self.stream.lost();
                self.sent = None;
            }
            ConnectionEvent::Connecting { .. } => {}
        }
        self.connection.event(event, self.now);
        self.changed();
    }

    fn took_in(&mut self, outcome: Outcome) {
        if matches!(outcome, Outcome::Waiting) {
            return;
        }
        // Even a frame that changes no task moves the progress of a snapshot, or a count of losses.
        self.changed();
        match outcome {
            Outcome::Unchanged | Outcome::Waiting => return,
            Outcome::Changed => {}
            Outcome::Replaced { old } => self.replaced(old),
        }
        self.connection.data_at = Some(self.now);
        self.schedule.data_changed();
    }
}
