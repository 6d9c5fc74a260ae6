//! The tables of I/O: which rows there are, in which order, which one is selected.
//!
//! Invariant: the order changes in [`IoTable::rebuild`] only, which runs while the table is on the way of the screen.
//!
//! Limit: one rebuild walks over all streams, descriptors and operations once.

mod facts;
pub(crate) mod filter;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    config::Config,
    format::exact,
    id::{IoKey, SiteId},
    lint::{Severity, findings::Findings},
    row_list::{PageRow, RowKey, RowList, SortKey, Within},
    screen::{
        Tone,
        findings::Subject,
        io::{IoColumn, IoListed, IoRow},
        table::Cell,
    },
    store::{
        Store,
        descriptors::port,
        io::{IoKind, things::Thing},
        waits::Waits,
    },
};
use facts::Facts;
use filter::IoFilter;

/// Descriptors that connect the program with nobody are one row when there are so many of a kind: eventfds tell little.
const FOLD_INNER_AT: u64 = 2;

/// Timers of a place are one row when there are so many: most of them are gone before they are read.
const FOLD_TIMERS_AT: u64 = 8;

/// The worst finding about each.
pub(crate) type Severities = FxHashMap<IoKey, Severity>;

/// What a finding is about, as far as it is I/O.
pub(crate) fn concerned(subject: Subject) -> Option<IoKey> {
    match subject {
        Subject::Resource(key) => Some(IoKey::Resource(key)),
        Subject::Descriptor(id) => Some(IoKey::Descriptor(id)),
        Subject::Site | Subject::Task(_) | Subject::Thread(_) | Subject::Runtime(_) => None,
    }
}

/// The worst of the findings about each thing.
pub(crate) fn severities(findings: &Findings) -> Severities {
    let mut worst = Severities::default();
    for finding in &findings.list {
        let Some(key) = concerned(finding.id.subject) else { continue };
        let severity = worst.entry(key).or_insert(finding.severity);
        *severity = finding.severity.max(*severity);
    }
    worst
}

/// Those of one kind that were made at one place; where no place is known, at one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    kind: IoKind,
    site: SiteId,
    /// 0: none.
    port: u16,
}

impl Place {
    fn of(store: &Store, thing: &Thing) -> Self {
        let site = thing.site();
        let port = if site.is_known() || thing.kind != IoKind::Tcp {
            None
        } else if store.is_accepted(thing) == Some(true) {
            // Who accepts has many peers, who connects many ports of its own.
            store.io_local(thing).and_then(port)
        } else {
            store.io_peer(thing).and_then(port)
        };
        let port = port.unwrap_or(0);
        Self { kind: thing.kind, site, port }
    }
}

#[derive(Debug)]
struct Group {
    facts: Facts,
    unfolded: bool,
    /// Of one of them.
    word: String,
}

/// The state of a table.
#[derive(Debug)]
pub(crate) struct IoTable {
    listed: IoListed,
    pub(crate) sort: IoColumn,
    pub(crate) descending: bool,
    pub(crate) filter: IoFilter,
    unfolded: FxHashSet<Place>,
    groups: FxHashMap<Place, Group>,
    waits: FxHashMap<crate::id::ResourceKey, Waits>,
    severities: Severities,
    pub(crate) list: RowList<IoKey, Place>,
    pub(crate) matching: usize,
    /// How many there are in each table, at the last rebuild of this one; `None`: there was none yet.
    pub(crate) totals: Option<[usize; 3]>,
}

impl IoTable {
    pub(crate) fn new(listed: IoListed) -> Self {
        Self {
            listed,
            sort: IoColumn::Warn,
            descending: true,
            filter: IoFilter::default(),
            unfolded: FxHashSet::default(),
            groups: FxHashMap::default(),
            waits: FxHashMap::default(),
            severities: Severities::default(),
            list: RowList::default(),
            matching: 0,
            totals: None,
        }
    }

    // --- reading ---

    pub(crate) fn listed(&self) -> IoListed {
        self.listed
    }

    pub(crate) fn selected(&self) -> Option<IoKey> {
        match self.list.selected() {
            Some(RowKey::One(key)) => Some(key),
            Some(RowKey::Group(_)) | None => None,
        }
    }

    /// The place of the selected row.
    pub(crate) fn selected_site(&self, store: &Store) -> Option<SiteId> {
        match self.list.selected()? {
            RowKey::One(key) => store.thing(key).map(|thing| thing.site()),
            RowKey::Group(place) => Some(place.site),
        }
    }

    /// The rows of the page. What is gone since the last rebuild is left out.
    pub(crate) fn page_rows(&self, store: &Store, columns: &[IoColumn]) -> Vec<IoRow> {
        let row = |PageRow { index, key, depth, selected }| {
            let (group, severity, cells) = match key {
                RowKey::One(key) => {
                    let thing = store.thing(key)?;
                    let facts = self.facts(store, &thing);
                    let cells = columns.iter().map(|column| cell(store, &thing, &facts, *column));
                    (None, facts.severity, cells.collect())
                }
                RowKey::Group(place) => {
                    let group = self.groups.get(&place)?;
                    let cells = columns.iter().map(|column| group_cell(store, place, group, *column));
                    (Some(group.unfolded), group.facts.severity, cells.collect())
                }
            };
            Some(IoRow { index, selected, depth, group, severity, cells })
        };
        self.list.page_rows().filter_map(row).collect()
    }

    fn facts(&self, store: &Store, thing: &Thing) -> Facts {
        let waits = self.waits_on(thing);
        Facts::of(store, thing, waits, self.severities.get(&thing.key()).copied())
    }

    fn waits_on(&self, thing: &Thing) -> Option<&Waits> {
        thing.resource.and_then(|resource| self.waits.get(&resource.key))
    }

    // --- changing ---

    /// Makes the rows anew from what is known now.
    pub(crate) fn rebuild(&mut self, store: &Store, severities: Severities, config: &Config) {
        self.waits = store.waits();
        self.severities = severities;
        let lists = [store.things(), store.timers(), store.signals_and_children()];
        self.totals = Some([lists[0].len(), lists[1].len(), lists[2].len()]);
        let [things, timers, process] = lists;
        let all = match self.listed {
            IoListed::Sockets => things,
            IoListed::Timers => timers,
            IoListed::Process => process,
        };
        let matching =
            all.into_iter().filter(|thing| self.filter.matches(store, thing, self.waits_on(thing)));
        let matching: Vec<(Thing, Place, Facts)> =
            matching.map(|thing| (thing, Place::of(store, &thing), self.facts(store, &thing))).collect();
        self.matching = matching.len();
        self.regroup(store, config, &matching);
        let folded = |place: &Place| self.groups.get(place).is_some_and(|group| !group.unfolded);
        self.list.follow_into(|selected| {
            let of_it = matching.iter().find(|(thing, place, _)| thing.key() == selected && folded(place));
            of_it.map(|(_, place, _)| *place)
        });
        let groups = self.groups.iter().map(|(place, group)| {
            let cell = || group_cell(store, *place, group, self.sort);
            (self.sort_key(store, &group.facts, cell), *place)
        });
        let things = matching.iter().filter_map(|(thing, place, facts)| {
            let within = match self.groups.get(place) {
                None => Within::Alone,
                Some(group) if group.unfolded => Within::Unfolded(*place),
                Some(_) => return None,
            };
            Some((self.sort_key(store, facts, || cell(store, thing, facts, self.sort)), thing.key(), within))
        });
        let (groups, things): (Vec<_>, Vec<_>) = (groups.collect(), things.collect());
        self.list.arrange(groups, things, self.descending);
    }

    fn regroup(&mut self, store: &Store, config: &Config, matching: &[(Thing, Place, Facts)]) {
        let before = std::mem::take(&mut self.groups);
        for (thing, place, facts) in matching {
            self.groups.entry(*place).and_modify(|group| group.facts.add(facts)).or_insert_with(|| Group {
                facts: facts.clone(),
                unfolded: false,
                word: kind_word(store, thing),
            });
        }
        let fold_at = config.fold_at.max(2) as u64;
        self.groups.retain(|place, group| {
            let inner = !place.kind.connects() && !place.site.is_known();
            let limit = match place.kind {
                IoKind::Timer => fold_at.min(FOLD_TIMERS_AT),
                _ if inner => FOLD_INNER_AT,
                _ => fold_at,
            };
            // What comes and goes around the limit would fold and unfold each second.
            let limit = if before.contains_key(place) { (limit / 2).max(2) } else { limit };
            group.facts.count >= limit
        });
        for (place, group) in &mut self.groups {
            group.unfolded = self.unfolded.contains(place);
        }
    }

    fn sort_key(&self, store: &Store, facts: &Facts, cell: impl FnOnce() -> Cell) -> SortKey {
        facts.sort_key(self.sort, store.now_ns).unwrap_or_else(|| {
            let Cell { text, tone, .. } = cell();
            let number = text.parse::<u64>().unwrap_or(0);
            (text.is_empty() || tone == Tone::Unknown, [number, 0, 0, 0], text.to_lowercase())
        })
    }

    /// Sorts by `column`; if it does already, the other way round.
    pub(crate) fn sort_by(&mut self, column: IoColumn) {
        if self.sort == column {
            self.descending = !self.descending;
        } else {
            (self.sort, self.descending) = (column, column.spec().descending);
        }
    }

    /// Sorts by the column that is `step` places to the right.
    pub(crate) fn sort_step(&mut self, step: isize) {
        let all = IoColumn::all(self.listed);
        let now = all.iter().position(|column| *column == self.sort).unwrap_or(0);
        self.sort_by(all[(now + all.len()).saturating_add_signed(step) % all.len()]);
    }

    /// Folds (`Some(true)`), unfolds (`Some(false)`) or toggles the group of the selected row. False: nothing to do.
    pub(crate) fn fold(&mut self, store: &Store, wanted: Option<bool>) -> bool {
        let place = match self.list.selected() {
            Some(RowKey::Group(place)) => Some(place),
            Some(RowKey::One(key)) => store.thing(key).map(|thing| Place::of(store, &thing)),
            None => None,
        };
        let Some((place, group)) = place.and_then(|place| Some((place, self.groups.get(&place)?))) else {
            return false;
        };
        let folded = wanted.unwrap_or(group.unfolded);
        if folded != group.unfolded {
            return false;
        }
        if folded {
            self.unfolded.remove(&place);
            self.list.follow(Some(RowKey::Group(place)));
        } else {
            self.unfolded.insert(place);
            self.list.follow(None);
        }
        true
    }

    /// Folds or unfolds everything.
    pub(crate) fn fold_all(&mut self, folded: bool) {
        self.unfolded.clear();
        if !folded {
            self.unfolded.extend(self.groups.keys());
        }
    }

    /// Another process: nothing that points to something of the old one may stay.
    pub(crate) fn forget(&mut self) {
        self.unfolded.clear();
        self.groups.clear();
        self.totals = None;
        self.list.forget();
    }
}

/// Of timers their type, of the others what they are.
fn kind_word(store: &Store, thing: &Thing) -> String {
    let name = thing.resource.and_then(|resource| store.texts.text(resource.concrete_type));
    match (thing.kind, name) {
        (IoKind::Timer, Some(name)) => name.to_owned(),
        (kind, _) => kind.short().to_owned(),
    }
}

fn text_cell(text: Option<String>, tone: Tone) -> Cell {
    text.map_or_else(Cell::unknown, |text| Cell::new(text, tone))
}

fn cell(store: &Store, thing: &Thing, facts: &Facts, column: IoColumn) -> Cell {
    match column {
        IoColumn::Fd => text_cell(thing.fd().map(|fd| fd.to_string()), Tone::Dim),
        IoColumn::Kind => Cell::normal(kind_word(store, thing)),
        IoColumn::Address => {
            let backlog = thing.backlog_words();
            let name = thing.resource.and_then(|of| store.resource_name(of)).map(str::to_owned);
            let peer = thing.descriptor.and_then(|of| of.peer_pid).map(|pid| match store.hello.pid {
                Some(own) if own == pid => "to this process itself".to_owned(),
                _ => format!("to pid {pid}"),
            });
            let told = store.io_addresses(thing).or(name).or(peer);
            let words: Vec<String> = told.into_iter().chain(backlog).collect();
            text_cell((!words.is_empty()).then(|| words.join("  ")), Tone::Normal)
        }
        IoColumn::State => {
            let state = thing.descriptor.map(|of| of.state.clone()).filter(|state| !state.is_empty());
            match state {
                // Files and pipes have none.
                None if thing.descriptor.is_some_and(|_| thing.kind != IoKind::Tcp) => {
                    Cell::new("", Tone::Dim)
                }
                state => text_cell(state, Tone::Normal),
            }
        }
        IoColumn::Trend => Cell { spark: store.io_spark(thing), ..Cell::new("", Tone::Dim) },
        IoColumn::Waiter => waiter_cell(store, thing),
        IoColumn::Place => text_cell(store.short_place(thing.site()), Tone::Dim),
        IoColumn::Name => text_cell(store.io_local(thing).map(str::to_owned), Tone::Normal),
        IoColumn::Ended if thing.kind == IoKind::Child => {
            text_cell(store.io_peer(thing).map(str::to_owned), Tone::Normal)
        }
        column => facts.cell(column, store.now_ns),
    }
}

/// `conn #1187 read`; who waits on a descriptor without a wrapper, nobody tells.
fn waiter_cell(store: &Store, thing: &Thing) -> Cell {
    if thing.resource.is_none() {
        return if thing.kind.connects() { Cell::unknown() } else { Cell::new("", Tone::Dim) };
    }
    let waiters = store.io_waiters(thing);
    let Some(first) = waiters.first() else { return Cell::new("", Tone::Dim) };
    let who = store.who_words(first.who()).unwrap_or_else(|| "somebody".to_owned());
    let more = if waiters.len() > 1 { format!(" +{}", waiters.len() - 1) } else { String::new() };
    let method = if thing.kind == IoKind::Timer { "" } else { store.method(first.op) };
    Cell::new(format!("{who} {method}{more}").trim_end().to_owned(), Tone::Door)
}

fn group_cell(store: &Store, place: Place, group: &Group, column: IoColumn) -> Cell {
    let of_them = format!("{} of them", exact(group.facts.count));
    match column {
        IoColumn::Kind => Cell::normal(group.word.clone()),
        IoColumn::Address | IoColumn::Name => {
            let at = match place.port {
                0 => store.short_place(place.site),
                port => Some(format!("port {port}")),
            };
            Cell::normal(at.into_iter().fold(of_them, |words, at| format!("{words}  {at}")))
        }
        IoColumn::Place => Cell::normal(
            store.short_place(place.site).into_iter().fold(of_them, |words, at| format!("{words}  {at}")),
        ),
        IoColumn::Waiter => group.facts.waiting_cell(),
        column => group.facts.cell(column, store.now_ns),
    }
}
