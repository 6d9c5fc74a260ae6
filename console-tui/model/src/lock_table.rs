//! The tables of locks and of channels: which rows there are, in which order, which one is selected.
//!
//! Invariant: the order changes in [`LockTable::rebuild`] only, which runs while the table is on the way of the screen.
//!
//! Limit: one rebuild walks over all resources and operations once.

mod facts;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    config::Config,
    format::exact,
    id::{ResourceKey, SiteId},
    lint::{
        LintKind, Severity,
        findings::{Finding, Findings},
    },
    resource_table::filter::ResourceFilter,
    row_list::{PageRow, RowKey, RowList, SortKey, Within},
    screen::{
        Tone,
        findings::Subject,
        locks::{Listed, LockCell, LockColumn, LockRow},
        table::Cell,
    },
    store::{Store, resources::Resource, waits::Waits},
    text::TextId,
};
use facts::Facts;

/// The worst finding about each.
pub(crate) type Severities = FxHashMap<ResourceKey, Severity>;

/// The locks or channels that a finding is about, those of a circle included.
pub(crate) fn concerned(finding: &Finding, store: &Store) -> Vec<ResourceKey> {
    match finding.id.subject {
        Subject::Resource(key) => vec![key],
        Subject::Task(_) if finding.id.lint == LintKind::Deadlock => {
            let waits = finding.tasks.iter().flat_map(|task| store.waits_of(*task));
            waits.filter_map(|wait| store.resource_of(wait.op)).map(|resource| resource.key).collect()
        }
        Subject::Site
        | Subject::Task(_)
        | Subject::Descriptor(_)
        | Subject::Thread(_)
        | Subject::Runtime(_) => Vec::new(),
    }
}

/// The worst of the findings about each lock or channel, those of a circle included.
pub(crate) fn severities(findings: &Findings, store: &Store) -> Severities {
    let mut worst = Severities::default();
    for finding in &findings.list {
        for key in concerned(finding, store) {
            let severity = worst.entry(key).or_insert(finding.severity);
            *severity = finding.severity.max(*severity);
        }
    }
    worst
}

/// Those of one type that were made at one place.
type Place = (SiteId, TextId);

#[derive(Debug)]
struct Group {
    facts: Facts,
    unfolded: bool,
}

/// The state of a table.
#[derive(Debug)]
pub(crate) struct LockTable {
    listed: Listed,
    pub(crate) sort: LockColumn,
    pub(crate) descending: bool,
    pub(crate) filter: ResourceFilter,
    /// By place and type, in words: numbers of texts change with each snapshot.
    unfolded: FxHashSet<(SiteId, String)>,
    groups: FxHashMap<Place, Group>,
    waits: FxHashMap<ResourceKey, Waits>,
    severities: Severities,
    pub(crate) list: RowList<ResourceKey, Place>,
    pub(crate) matching: usize,
    /// Locks and channels there are, at the last rebuild of either table.
    pub(crate) totals: (usize, usize),
}

impl LockTable {
    pub(crate) fn new(listed: Listed) -> Self {
        Self {
            listed,
            sort: LockColumn::Warn,
            descending: true,
            filter: ResourceFilter::default(),
            unfolded: FxHashSet::default(),
            groups: FxHashMap::default(),
            waits: FxHashMap::default(),
            severities: Severities::default(),
            list: RowList::default(),
            matching: 0,
            totals: (0, 0),
        }
    }

    // --- reading ---

    pub(crate) fn listed(&self) -> Listed {
        self.listed
    }

    pub(crate) fn selected_resource(&self) -> Option<ResourceKey> {
        match self.list.selected() {
            Some(RowKey::One(key)) => Some(key),
            Some(RowKey::Group(_)) | None => None,
        }
    }

    /// The place of the selected row.
    pub(crate) fn selected_site(&self, store: &Store) -> Option<SiteId> {
        match self.list.selected()? {
            RowKey::One(key) => store.resources.resource(key).map(|resource| resource.site),
            RowKey::Group((site, _)) => Some(site),
        }
    }

    /// The rows of the page. What is gone since the last rebuild is left out.
    pub(crate) fn page_rows(&self, store: &Store, columns: &[LockColumn]) -> Vec<LockRow> {
        let rows = self.list.page_rows();
        rows.filter_map(|PageRow { index, key, depth, selected }| {
            let (group, severity, cells) = match key {
                RowKey::One(key) => {
                    let resource = store.resources.resource(key)?;
                    let facts = self.facts(store, resource);
                    let cells = columns.iter().map(|column| cell(store, resource, &facts, *column));
                    (None, facts.severity, cells.collect())
                }
                RowKey::Group(place) => {
                    let group = self.groups.get(&place)?;
                    let cells = columns.iter().map(|column| group_cell(store, place, &group.facts, *column));
                    (Some(group.unfolded), group.facts.severity, cells.collect())
                }
            };
            Some(LockRow { index, selected, depth, group, severity, cells })
        })
        .collect()
    }

    fn facts(&self, store: &Store, resource: &Resource) -> Facts {
        let key = resource.key;
        Facts::of(store, resource, self.waits.get(&key), self.severities.get(&key).copied())
    }

    // --- changing ---

    /// Makes the rows anew from what is known now.
    pub(crate) fn rebuild(&mut self, store: &Store, severities: Severities, config: &Config) {
        self.waits = store.waits();
        self.severities = severities;
        let (locks, channels) = (store.lock_list(), store.channel_list());
        self.totals = (locks.len(), channels.len());
        let all = match self.listed {
            Listed::Locks => locks,
            Listed::Channels => channels,
        };
        let matching = all.into_iter().filter(|resource| self.filter.matches(store, resource));
        let matching: Vec<(&Resource, Facts)> =
            matching.map(|resource| (resource, self.facts(store, resource))).collect();
        self.matching = matching.len();
        self.regroup(store, config, &matching);
        let groups = self.groups.iter().map(|(place, group)| {
            let cell = || group_cell(store, *place, &group.facts, self.sort);
            (self.sort_key(store, &group.facts, cell), *place)
        });
        let things = matching.iter().filter_map(|(resource, facts)| {
            let place = place_of(resource);
            let within = match self.groups.get(&place) {
                None => Within::Alone,
                Some(group) if group.unfolded => Within::Unfolded(place),
                Some(_) => return None,
            };
            let key = self.sort_key(store, facts, || cell(store, resource, facts, self.sort));
            Some((key, resource.key, within))
        });
        let (groups, things): (Vec<_>, Vec<_>) = (groups.collect(), things.collect());
        self.list.arrange(groups, things, self.descending);
    }

    fn regroup(&mut self, store: &Store, config: &Config, matching: &[(&Resource, Facts)]) {
        self.groups.clear();
        for (resource, facts) in matching {
            let group = self.groups.entry(place_of(resource));
            group
                .and_modify(|group| group.facts.add(facts))
                .or_insert_with(|| Group { facts: facts.clone(), unfolded: false });
        }
        let fold_at = config.fold_at.max(2) as u64;
        self.groups.retain(|_, group| group.facts.count >= fold_at);
        for (place, group) in &mut self.groups {
            group.unfolded = self.unfolded.contains(&in_words(store, *place));
        }
    }

    fn sort_key(&self, store: &Store, facts: &Facts, cell: impl FnOnce() -> LockCell) -> SortKey {
        facts.sort_key(self.sort, store.now_ns).unwrap_or_else(|| text_sort_key(&cell()))
    }

    /// Sorts by `column`; if it does already, the other way round.
    pub(crate) fn sort_by(&mut self, column: LockColumn) {
        if self.sort == column {
            self.descending = !self.descending;
        } else {
            (self.sort, self.descending) = (column, column.spec().descending);
        }
    }

    /// Sorts by the column that is `step` places to the right.
    pub(crate) fn sort_step(&mut self, step: isize) {
        let all = LockColumn::all(self.listed);
        let now = all.iter().position(|column| *column == self.sort).unwrap_or(0);
        self.sort_by(all[(now + all.len()).saturating_add_signed(step) % all.len()]);
    }

    /// Folds (`Some(true)`), unfolds (`Some(false)`) or toggles the place of the selected row. False: nothing to do.
    pub(crate) fn fold(&mut self, store: &Store, wanted: Option<bool>) -> bool {
        let place = match self.list.selected() {
            Some(RowKey::Group(place)) => Some(place),
            Some(RowKey::One(key)) => store.resources.resource(key).map(place_of),
            None => None,
        };
        let Some((place, group)) = place.and_then(|place| Some((place, self.groups.get(&place)?))) else {
            return false;
        };
        let folded = wanted.unwrap_or(group.unfolded);
        if folded != group.unfolded {
            return false;
        }
        let words = in_words(store, place);
        if folded {
            self.unfolded.remove(&words);
            self.list.follow(Some(RowKey::Group(place)));
        } else {
            self.unfolded.insert(words);
            self.list.follow(None);
        }
        true
    }

    /// Folds or unfolds everything.
    pub(crate) fn fold_all(&mut self, store: &Store, folded: bool) {
        self.unfolded.clear();
        if !folded {
            self.unfolded.extend(self.groups.keys().map(|place| in_words(store, *place)));
        }
    }

    /// Another process: nothing that points to a lock of the old one may stay.
    pub(crate) fn forget(&mut self) {
        self.unfolded.clear();
        self.list.forget();
    }
}

fn place_of(resource: &Resource) -> Place {
    (resource.site, resource.concrete_type)
}

fn in_words(store: &Store, (site, concrete_type): Place) -> (SiteId, String) {
    (site, store.texts.text(concrete_type).unwrap_or_default().to_owned())
}

fn text_sort_key(cell: &LockCell) -> SortKey {
    let (text, tone) = match cell {
        LockCell::Plain(cell) | LockCell::Filled { text: cell, .. } => (cell.text.clone(), cell.tone),
        // Those with a name first.
        LockCell::Name { name: Some(name), .. } => (name.clone(), Tone::Normal),
        LockCell::Name { name: None, place } => (format!("\u{10ffff}{}", place.text), place.tone),
    };
    (text.is_empty() || tone == Tone::Unknown, [0; 4], text.to_lowercase())
}

fn place_cell(store: &Store, site: SiteId) -> Cell {
    store.short_place(site).map_or_else(Cell::unknown, |place| Cell::new(place, Tone::Dim))
}

fn kind_cell(store: &Store, concrete_type: TextId) -> Cell {
    match store.texts.text(concrete_type) {
        // As tokio calls both ends of its own.
        Some("Sender|Receiver") => Cell::normal("oneshot"),
        Some(name) => Cell::normal(name),
        None => Cell::unknown(),
    }
}

fn cell(store: &Store, resource: &Resource, facts: &Facts, column: LockColumn) -> LockCell {
    LockCell::Plain(match column {
        LockColumn::Kind => kind_cell(store, resource.concrete_type),
        LockColumn::Name => {
            return LockCell::Name {
                name: store.resource_name(resource).map(str::to_owned),
                place: place_cell(store, resource.site),
            };
        }
        LockColumn::Holder => store.lock(resource.key).map_or_else(Cell::unknown, |lock| {
            let tone = if lock.holders.is_empty() { Tone::Dim } else { Tone::Door };
            store
                .holders_words(store.lock_kind(resource), lock)
                .map_or_else(Cell::unknown, |words| Cell::new(words, tone))
        }),
        LockColumn::Trend => Cell { spark: store.lock_spark(resource.key), ..Cell::new("", Tone::Dim) },
        column => return facts.cell(column, store.now_ns),
    })
}

fn group_cell(store: &Store, (site, concrete_type): Place, facts: &Facts, column: LockColumn) -> LockCell {
    LockCell::Plain(match column {
        LockColumn::Kind => kind_cell(store, concrete_type),
        LockColumn::Name => {
            let name = Some(format!("{} of them", exact(facts.count)));
            return LockCell::Name { name, place: place_cell(store, site) };
        }
        LockColumn::Holder => facts.held_words(),
        column => return facts.cell(column, store.now_ns),
    })
}
