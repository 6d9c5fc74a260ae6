//! The screens of I/O: which table is shown, what stands around it, what the user's actions do to it.

use std::time::Duration;

use crate::{
    action::Action,
    format::{UNKNOWN, duration_ns, exact},
    id::{DescriptorId, IoKey},
    io_table::{self, IoTable},
    lint::findings::Finding,
    model::{Model, finding_list, io_detail},
    nav::{Screen, Tab},
    screen::{
        Tone,
        findings::Subject,
        io::{DescriptorView, IoColumn, IoInfo, IoListed, IoRow},
        table::Cell,
    },
    store::descriptors::Reading,
};

/// How often descriptors are asked for while a screen shows them: as often as the server reads them at most.
const SHOWN_INTERVAL: Duration = Duration::from_secs(1);
/// From this share of the limit on, the number of open descriptors is a warning.
const NEAR_LIMIT: f64 = 0.8;
/// A reading that is older says how old it is.
const OLD_NS: u64 = 1_500_000_000;

/// The three tables.
#[derive(Debug)]
pub(super) struct IoTables {
    tables: [IoTable; 3],
    listed: IoListed,
}

impl Default for IoTables {
    fn default() -> Self {
        Self { tables: IoListed::ALL.map(IoTable::new), listed: IoListed::default() }
    }
}

impl IoTables {
    /// The one that is shown.
    pub(super) fn shown(&self) -> &IoTable {
        &self.tables[self.listed as usize]
    }

    pub(super) fn shown_mut(&mut self) -> &mut IoTable {
        &mut self.tables[self.listed as usize]
    }

    pub(super) fn set_page(&mut self, rows: usize) {
        self.tables.iter_mut().for_each(|table| table.list.set_page(rows));
    }

    pub(super) fn forget(&mut self) {
        self.tables.iter_mut().for_each(IoTable::forget);
    }
}

impl Model {
    /// What stands around the table of I/O.
    pub fn io(&self) -> IoInfo {
        self.build_io_info()
    }

    /// The rows of that table that are on the screen, with a cell for each of `columns`.
    pub fn io_rows(&self, columns: &[IoColumn]) -> Vec<IoRow> {
        self.store().map_or_else(Vec::new, |store| self.io_tables.shown().page_rows(store, columns))
    }

    /// Everything known of a descriptor; `None`: nothing is (any more).
    pub fn descriptor(&self, id: DescriptorId) -> Option<DescriptorView> {
        let store = self.store()?;
        let mut view = io_detail::descriptor_view(store, &store.thing(IoKey::Descriptor(id))?);
        let about = |finding: &Finding| finding.id.subject == Subject::Descriptor(id);
        view.findings = finding_list::about(self.world(), about);
        Some(view)
    }

    pub(super) fn build_io_info(&self) -> IoInfo {
        let table = self.io_tables.shown();
        let way = match (table.sort, table.descending) {
            (IoColumn::Warn, true) => "",
            (IoColumn::Warn, false) => ", least first",
            (_, true) => ", largest first",
            (_, false) => ", smallest first",
        };
        IoInfo {
            listed: table.listed(),
            totals: table.totals,
            head: self.head(),
            rows: table.list.len(),
            offset: table.list.offset(),
            selected: table.list.selected_index(),
            matching: table.matching,
            not_listed: table.list.not_listed(),
            sort: table.sort,
            descending: table.descending,
            sort_words: format!("{}{way}", table.sort.spec().words),
            filter: table.filter.text.clone(),
            empty: self.why_no_io(),
        }
    }

    /// What is known of the descriptors as a whole.
    fn head(&self) -> Vec<Cell> {
        let Some(store) = self.store() else { return Vec::new() };
        let Some(reading) = store.descriptors.reading() else { return Vec::new() };
        let mut head = vec![open_words(reading)];
        let age_ns = store.now_ns.saturating_sub(reading.at_ns);
        let age = if age_ns > OLD_NS { format!("{} ago ", duration_ns(age_ns)) } else { String::new() };
        head.push(Cell::new(format!("read {age}in {}", duration_ns(reading.took_ns)), Tone::Dim));
        if reading.more > 0 {
            head.push(Cell::new(format!("{} more are not told of", exact(reading.more)), Tone::Warning));
        }
        if !reading.problem.is_empty() {
            head.push(Cell::new(reading.problem.clone(), Tone::Warning));
        }
        head
    }

    fn why_no_io(&self) -> Option<String> {
        let table = self.io_tables.shown();
        if table.list.len() > 0 {
            return None;
        }
        let total = table.totals?[table.listed() as usize];
        let title = table.listed().title();
        if total > 0 {
            return Some(format!("None of {} {title} matches the filter.", exact(total as u64)));
        }
        let reading = self.store()?.descriptors.reading();
        Some(match table.listed() {
            IoListed::Sockets => match reading {
                None => "The descriptors have not been read yet.".to_owned(),
                Some(Reading { problem, .. }) if !problem.is_empty() => problem.clone(),
                Some(_) => "No descriptor is open.".to_owned(),
            },
            IoListed::Timers => {
                "The process tells of no timer. taskscope::time has timers that do.".to_owned()
            }
            IoListed::Process => {
                "No signal is listened for, and no child runs, as far as taskscope::signal and taskscope::process tell."
                    .to_owned()
            }
        })
    }

    /// Makes the rows of the table that is shown anew, if it lies on the way of the screen.
    pub(super) fn rebuild_io(&mut self) {
        if !self.route.screens().any(|screen| screen == Screen::Io) {
            return;
        }
        let world = self.frozen.as_ref().map_or(&self.live, |frozen| &frozen.world);
        let Some(store) = &world.store else { return };
        let severities = io_table::severities(&world.findings);
        self.io_tables.shown_mut().rebuild(store, severities, &self.config);
    }

    pub(super) fn act_on_io(&mut self, action: Action) {
        let world = self.frozen.as_ref().map_or(&self.live, |frozen| &frozen.world);
        let Some(store) = &world.store else { return };
        let table = self.io_tables.shown_mut();
        match action {
            Action::SortNext => table.sort_step(1),
            Action::SortPrev => table.sort_step(-1),
            Action::InvertSort => table.descending = !table.descending,
            Action::FoldAll => table.fold_all(true),
            Action::UnfoldAll => table.fold_all(false),
            Action::ToggleFold if table.fold(store, None) => {}
            Action::Fold if table.fold(store, Some(true)) => {}
            Action::Unfold if table.fold(store, Some(false)) => {}
            // The others are about the tasks.
            _ => return,
        }
        self.due.force();
    }

    pub(super) fn next_io_list(&mut self) {
        self.show_io_list(self.io_tables.listed.next());
    }

    pub(super) fn show_io_list(&mut self, listed: IoListed) {
        if self.screen() != Screen::Io {
            self.open_tab(Tab::Io);
        }
        self.io_tables.listed = listed;
        self.editing = None;
        self.due.force();
    }

    /// The screen of something of I/O: one for a socket, whether its wrapper or its descriptor leads there.
    pub(super) fn io_screen(&self, key: IoKey) -> Screen {
        match key {
            IoKey::Resource(key) => Screen::Resource(key),
            IoKey::Descriptor(id) => {
                let wrapper = self.store().and_then(|store| store.wrapper_of(id));
                wrapper.map_or(Screen::Descriptor(id), Screen::Resource)
            }
        }
    }

    pub(super) fn selected_io(&self) -> Option<Screen> {
        self.io_tables.shown().selected().map(|key| self.io_screen(key))
    }

    /// How often the descriptors are wanted.
    pub(super) fn descriptors_interval(&self) -> Duration {
        let store = self.live.store.as_ref();
        let shows = |screen: Screen| match screen {
            Screen::Io | Screen::Descriptor(_) => true,
            Screen::Resource(key) => {
                store.is_some_and(|store| store.resources.streams.stream(key.slot).is_some())
            }
            _ => false,
        };
        if self.route.screens().any(shows) { SHOWN_INTERVAL } else { self.config.descriptors_interval }
    }
}

/// `212 of 1,024 descriptors open`
fn open_words(reading: &Reading) -> Cell {
    let open = reading.open.map_or_else(|| UNKNOWN.to_owned(), exact);
    let words = match reading.limit {
        Some(limit) => format!("{open} of {} descriptors open", exact(limit)),
        None => format!("{open} descriptors open"),
    };
    let near = match (reading.open, reading.limit) {
        (Some(open), Some(limit)) => open as f64 >= limit as f64 * NEAR_LIMIT,
        _ => false,
    };
    Cell::new(words, if near { Tone::Warning } else { Tone::Normal })
}
