//! What the user set: where they are, what lies over the screen, how the tables stand. It changes by what they do alone; what
//! is shown there comes from the `Context` that is handed in.

mod actions;
mod hints;
pub(super) mod nav_stack;
mod overlays;
mod selected;

use crate::{
    analysis::Analysis,
    config::Config,
    id::{DescriptorId, IoKey, ResourceKey, TaskKey},
    lints::findings::Findings,
    model::{
        detail::{ChildSearch, Children},
        pages::{LinkList, Pages},
        resource::ResourceOps,
    },
    nav::{Screen, Tab},
    screen::{
        header::{Breadcrumb, TabView},
        overlay::{Input, Overlay},
    },
    table::{Context, any::AnyTable},
    tables::{TableId, Tables, tasks::draft::Draft},
};
use nav_stack::NavStack;
use overlays::Overlays;

/// See the module's text.
#[derive(Debug)]
pub(super) struct Ui {
    pub(super) width: u16,
    pub(super) height: u16,
    mouse: bool,
    pub(super) nav: NavStack,
    overlays: Overlays,
    pub(super) tables: Tables,
    pub(super) pages: Pages,
    wants: Wants,
}

/// What the user's actions make due.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Wants {
    /// Other rows.
    pub(super) rows: bool,
    /// None for a moment: the selection moved.
    pub(super) moved: bool,
}

impl Ui {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            width: 80,
            height: 24,
            mouse: config.mouse,
            nav: NavStack::default(),
            overlays: Overlays::default(),
            tables: Tables::new(config),
            pages: Pages::default(),
            wants: Wants::default(),
        }
    }

    pub(super) fn take_wants(&mut self) -> Wants {
        std::mem::take(&mut self.wants)
    }

    /// The table on the screen.
    pub(super) fn table(&self) -> Option<&dyn AnyTable> {
        self.tables.on(self.nav.screen()).map(|id| self.tables.get(id))
    }

    /// The table in which the selection moves. On other screens, one with a table in it as well, it goes from link to link.
    fn list(&self) -> Option<&dyn AnyTable> {
        self.table().filter(|table| table.id() != TableId::Workers)
    }

    /// The links of the screen; `None`: it is one that has none.
    fn links(&self, at: Option<Context<'_>>) -> Option<LinkList> {
        let beside = (&self.tables.workers, self.height);
        self.pages.links(at?, self.nav.screen(), self.nav.chosen(), beside)
    }

    /// The task whose detail stands beside the table, on a terminal that is wide enough.
    pub(super) fn side_pane(&self, config: &Config) -> Option<TaskKey> {
        let wide = self.width >= config.side_pane_width && self.nav.screen() == Screen::Tasks;
        self.tables.tasks.selected_key().filter(|_| wide)
    }

    /// The task whose detail is on the screen.
    pub(super) fn watched_task(&self, config: &Config) -> Option<TaskKey> {
        match self.nav.screen() {
            Screen::Task(key) => Some(key),
            _ => self.side_pane(config),
        }
    }

    /// What lies over the screen.
    pub(super) fn overlay(&self) -> Option<Overlay> {
        self.overlays.view(self.table())
    }

    /// The line that is being typed.
    pub(super) fn input(&self) -> Option<Input> {
        self.overlays.input(&self.tables)
    }

    pub(super) fn tabs(&self, findings: &Findings) -> Vec<TabView> {
        let tab = |tab: &Tab| {
            let counts = *tab == Tab::Findings && !findings.list.is_empty();
            TabView {
                tab: *tab,
                number: tab.number(),
                title: tab.title(),
                badge: counts.then_some((findings.list.len() + findings.more) as u64),
                badge_severity: findings.list.first().map(|finding| finding.severity).filter(|_| counts),
                active: self.nav.tab() == *tab,
            }
        };
        Tab::ALL.iter().map(tab).collect()
    }

    pub(super) fn breadcrumbs(&self, store: Option<Analysis<'_>>) -> Vec<Breadcrumb> {
        let text = |screen: Screen| match (screen, screen.tab()) {
            (Screen::Locks, _) if self.tables.on(screen) == Some(TableId::Channels) => "Channels".to_owned(),
            (_, Some(tab)) => tab.title().to_owned(),
            (Screen::Task(key), _) => task_words(store, key),
            (Screen::Resource(key), _) => resource_words(store, key),
            (Screen::Descriptor(id), _) => descriptor_words(store, id),
            (Screen::Worker(key), _) => store
                .map_or_else(|| format!("worker {}", key.number), |store| store.scheduler.worker_words(key)),
            _ => "who waits for whom".to_owned(),
        };
        self.nav.screens().map(|screen| Breadcrumb { text: text(screen) }).collect()
    }

    /// Begins to make the rows of the other tables anew, those that are on the way. Returns of how many things.
    pub(super) fn begin_tables(&mut self, at: Context<'_>) -> usize {
        let screens: Vec<Screen> = self.nav.screens().collect();
        self.tables.begin(&screens, at)
    }

    /// What a scan has made takes the place of the rows, and of what the screen of a task shows.
    pub(super) fn install(&mut self, rows: Draft, children: Option<ChildSearch>, at: Context<'_>) {
        self.tables.tasks.install(rows, at.store);
        self.pages.children = children.map_or_else(Children::default, ChildSearch::finish);
        self.pages.resource_ops = match self.nav.screen() {
            Screen::Resource(key) => ResourceOps::find(at.store, key),
            _ => ResourceOps::default(),
        };
        self.tables.finish(at);
    }

    /// Another process is on the screen: nothing that points to a task of the old one may stay.
    pub(super) fn forget_process(&mut self) {
        self.nav.forget_process(&mut self.tables);
        self.tables.each(|table| table.forget());
        self.pages = Pages::default();
    }
}

fn task_words(store: Option<Analysis<'_>>, key: TaskKey) -> String {
    let words = store.and_then(|store| Some(store.task_words(store.task(key)?)));
    words.unwrap_or_else(|| format!("s{} (ended)", key.slot))
}

fn resource_words(store: Option<Analysis<'_>>, key: ResourceKey) -> String {
    let words = store.and_then(|store| Some(store.resource_words(store.resources.resource(key)?)));
    words.unwrap_or_else(|| format!("{} (gone)", key.id()))
}

fn descriptor_words(store: Option<Analysis<'_>>, id: DescriptorId) -> String {
    let words = store.and_then(|store| Some(store.io_words(&store.thing(IoKey::Descriptor(id))?)));
    words.unwrap_or_else(|| "a descriptor (closed)".to_owned())
}
