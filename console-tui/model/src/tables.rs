//! All tables there are: one line each.
//!
//! Each list of rows is a file here: its columns as data, what is known of a row, how rows fold and where they lead. A new table is its
//! file, its `mod` and its line in `tables!` below.

pub(crate) mod channels;
pub(crate) mod findings;
pub(crate) mod io;
pub(crate) mod locks;
pub(crate) mod made;
pub(crate) mod resources;
pub(crate) mod signals;
pub(crate) mod sockets;
pub(crate) mod tasks;
pub(crate) mod timers;
pub(crate) mod workers;

use crate::{
    columns::ColumnSpec,
    config::Config,
    nav::{Screen, Tab},
    query::{InputError, Names},
    screen::table::TableTab,
    table::{Context, Filter, List, Table, any::AnyTable, filter::names, specs},
    tables::{
        channels::Channels, findings::Findings, io::Io, locks::Locks, resources::Resources, signals::Signals,
        sockets::Sockets, tasks::Tasks, timers::Timers, workers::Workers,
    },
};

macro_rules! tables {
    ($($variant:ident $field:ident $list:ty, $name:literal $things:literal;)*) => {
        /// A table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum TableId {
            $(#[doc = concat!("The ", $things, ".")] $variant,)*
        }

        impl TableId {
            /// Every table.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Stable name, in the configuration.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it lists.
            pub fn things(self) -> &'static str {
                match self { $(Self::$variant => $things,)* }
            }

            /// What a filter for it can name.
            pub(crate) fn names(self) -> Names {
                match self { $(Self::$variant => names::<$list>(),)* }
            }

            /// Its things stand in groups.
            pub(crate) fn folds(self) -> bool {
                match self { $(Self::$variant => <$list as List>::FOLDS,)* }
            }

            /// All its columns, from left to right.
            pub fn columns(self) -> Vec<&'static ColumnSpec> {
                match self { $(Self::$variant => specs::<$list>().collect(),)* }
            }
        }

        /// The state of each table.
        #[derive(Debug)]
        pub(crate) struct Tables {
            $(pub(crate) $field: Table<$list>,)*
            /// Of the tables of each tab, the number of the one that is shown.
            shown: [usize; Tab::ALL.len()],
            /// Those whose rows are being made, and how many of them are done.
            building: Vec<TableId>,
            built: usize,
        }

        impl Tables {
            pub(crate) fn new(config: &Config) -> Self {
                Self { $($field: Table::new(config),)* shown: [0; Tab::ALL.len()], building: Vec::new(), built: 0 }
            }

            pub(crate) fn get(&self, id: TableId) -> &dyn AnyTable {
                match id { $(TableId::$variant => &self.$field,)* }
            }

            pub(crate) fn get_mut(&mut self, id: TableId) -> &mut dyn AnyTable {
                match id { $(TableId::$variant => &mut self.$field,)* }
            }
        }
    };
}

tables! {
    Tasks tasks Tasks, "tasks" "tasks";
    Locks locks Locks, "locks" "locks";
    Channels channels Channels, "channels" "channels";
    Sockets sockets Io<Sockets>, "sockets" "sockets & files";
    Timers timers Io<Timers>, "timers" "timers";
    Signals signals Io<Signals>, "signals" "signals & children";
    Resources resources Resources, "resources" "resources";
    Workers workers Workers, "workers" "workers";
    Findings findings Findings, "findings" "findings";
}

impl TableId {
    /// The table of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|id| id.name() == name)
    }

    /// What is wrong with a filter for it; `None`: it can be understood.
    pub fn filter_error(self, text: &str) -> Option<InputError> {
        Filter::parse(text, &self.names()).err()
    }
}

impl Tables {
    pub(crate) fn each(&mut self, mut change: impl FnMut(&mut dyn AnyTable)) {
        for id in TableId::ALL {
            change(self.get_mut(*id));
        }
    }

    /// The table that a screen shows; `None`: it has none.
    pub(crate) fn on(&self, screen: Screen) -> Option<TableId> {
        let tab = screen.tab()?;
        tab.tables().get(self.shown[tab as usize]).copied()
    }

    /// The tables of a screen, of which one is shown.
    pub(crate) fn tabs(&self, screen: Screen) -> Vec<TableTab> {
        let shown = self.on(screen);
        let tab = |id: &TableId| TableTab {
            id: *id,
            total: self.get(*id).info(None).total,
            open: shown == Some(*id),
        };
        screen.tab().map_or(&[][..], Tab::tables).iter().map(tab).collect()
    }

    /// The table after the one that a screen shows; `None`: it has one or none.
    pub(crate) fn after(&self, screen: Screen) -> Option<TableId> {
        let (tables, shown) = (screen.tab()?.tables(), self.on(screen));
        let at = tables.iter().position(|table| Some(*table) == shown)?;
        tables.get((at + 1) % tables.len()).copied().filter(|next| Some(*next) != shown)
    }

    /// Begins to make the rows of the tables of these screens anew, and to count what the tables beside them list. Returns of
    /// how many things.
    pub(crate) fn begin(&mut self, screens: &[Screen], at: Context<'_>) -> usize {
        self.building.clear();
        let mut things = 0;
        for screen in screens {
            let shown = self.on(*screen);
            for id in screen.tab().map_or(&[][..], Tab::tables) {
                things += self.get_mut(*id).begin(at, shown != Some(*id));
                self.building.push(*id);
            }
        }
        // They are on every screen: as a strip, and as a number.
        things += AnyTable::begin(&mut self.findings, at, false);
        self.building.push(TableId::Findings);
        self.built = 0;
        things
    }

    /// Goes on until `units` are used up; true: all rows are made.
    pub(crate) fn go_on(&mut self, at: Context<'_>, units: &mut usize) -> bool {
        while let Some(id) = self.building.get(self.built).copied() {
            if !self.get_mut(id).go_on(at, units) {
                return false;
            }
            self.built += 1;
        }
        true
    }

    /// What was made takes the place of what is shown.
    pub(crate) fn finish(&mut self, at: Context<'_>) {
        for id in std::mem::take(&mut self.building) {
            self.get_mut(id).finish(at);
        }
    }

    /// Shows a table on the screen of its tab. `None`: it is on none.
    pub(crate) fn show(&mut self, id: TableId) -> Option<Tab> {
        let (tab, index) = Tab::of_table(id)?;
        self.shown[tab as usize] = index;
        Some(tab)
    }
}
