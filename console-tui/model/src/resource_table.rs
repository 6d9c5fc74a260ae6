//! The table of resources: which rows there are, in which order, which one is selected.
//!
//! Invariants: the selection is a resource or a group, and follows it; the order changes in [`ResourceTable::rebuild`] only,
//! which runs while the table is on the screen.
//!
//! Limit: one rebuild walks over all resources and operations once; [`MAX_LISTED`] rows are in the list, those first in its
//! order, and the rest is counted.

pub(crate) mod filter;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    config::Config,
    format::{count, duration_ns, exact},
    id::{ResourceKey, SiteId},
    screen::{
        Tone,
        resources::{ResourceColumn, ResourceRow},
        table::Cell,
    },
    store::{Store, resources::Resource, waits::Waits},
    text::TextId,
};
use filter::ResourceFilter;

/// Rows of the list.
pub(crate) const MAX_LISTED: usize = 20_000;

/// Resources of one type that were made at one place.
type Place = (SiteId, TextId);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowKey {
    Resource(ResourceKey),
    Group(Place),
}

#[derive(Debug, Default, Clone, Copy)]
struct Group {
    resources: u64,
    waits: Waits,
    unfolded: bool,
    newest_ns: u64,
    /// The kind of the last one, and whether another one has another.
    kind: TextId,
    is_mixed: bool,
}

/// What a row is sorted by: unknown last, then the number, then the text.
type SortKey = (bool, u64, String);

/// The state of the table.
#[derive(Debug)]
pub(crate) struct ResourceTable {
    pub(crate) sort: ResourceColumn,
    pub(crate) descending: bool,
    pub(crate) filter: ResourceFilter,
    pub(crate) with_parts: bool,
    /// By place and type, in words: numbers of texts change with each snapshot.
    unfolded: FxHashSet<(SiteId, String)>,
    groups: FxHashMap<Place, Group>,
    waits: FxHashMap<ResourceKey, Waits>,
    rows: Vec<(RowKey, u8)>,
    selected: Option<RowKey>,
    index: usize,
    /// The user has chosen the selected row; otherwise the selection stays at the top.
    follows: bool,
    offset: usize,
    page: usize,
    pub(crate) matching: usize,
    pub(crate) resources: usize,
    pub(crate) hidden_parts: usize,
    pub(crate) not_listed: usize,
}

impl Default for ResourceTable {
    fn default() -> Self {
        Self {
            sort: ResourceColumn::Longest,
            descending: true,
            filter: ResourceFilter::default(),
            with_parts: false,
            unfolded: FxHashSet::default(),
            groups: FxHashMap::default(),
            waits: FxHashMap::default(),
            rows: Vec::new(),
            selected: None,
            index: 0,
            follows: false,
            offset: 0,
            page: 24,
            matching: 0,
            resources: 0,
            hidden_parts: 0,
            not_listed: 0,
        }
    }
}

impl ResourceTable {
    // --- reading ---

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    pub(crate) fn page(&self) -> usize {
        self.page
    }

    pub(crate) fn index(&self) -> usize {
        self.index
    }

    pub(crate) fn selected_index(&self) -> Option<usize> {
        self.selected.map(|_| self.index)
    }

    pub(crate) fn selected_resource(&self) -> Option<ResourceKey> {
        match self.selected {
            Some(RowKey::Resource(key)) => Some(key),
            Some(RowKey::Group(_)) | None => None,
        }
    }

    /// The place of the selected row.
    pub(crate) fn selected_site(&self, store: &Store) -> Option<SiteId> {
        match self.selected? {
            RowKey::Resource(key) => store.resources.resource(key).map(|resource| resource.site),
            RowKey::Group((site, _)) => Some(site),
        }
    }

    /// The rows of the page. A resource that is gone since the last rebuild is left out.
    pub(crate) fn page_rows(&self, store: &Store, columns: &[ResourceColumn]) -> Vec<ResourceRow> {
        let rows = self.rows.iter().enumerate().skip(self.offset).take(self.page);
        rows.filter_map(|(index, (key, depth))| {
            let (group, cells) = match *key {
                RowKey::Resource(key) => {
                    let resource = store.resources.resource(key)?;
                    (None, columns.iter().map(|column| self.cell(store, resource, *column)).collect())
                }
                RowKey::Group(place) => {
                    let group = self.groups.get(&place)?;
                    let cells = columns.iter().map(|column| group_cell(store, place, group, *column));
                    (Some(group.unfolded), cells.collect())
                }
            };
            Some(ResourceRow { index, selected: self.selected == Some(*key), depth: *depth, group, cells })
        })
        .collect()
    }

    fn cell(&self, store: &Store, resource: &Resource, column: ResourceColumn) -> Cell {
        let text = |text: Option<String>| text.map_or_else(Cell::unknown, Cell::normal);
        let word = |id: TextId| text(store.texts.text(id).map(str::to_owned));
        let waits = self.waits.get(&resource.key).copied().unwrap_or_default();
        match column {
            ResourceColumn::Type if store.is_hidden(resource) => {
                Cell { tone: Tone::Dim, ..word(resource.concrete_type) }
            }
            ResourceColumn::Type => word(resource.concrete_type),
            ResourceColumn::Kind => word(resource.kind),
            ResourceColumn::Place => text(store.short_place(resource.site)),
            ResourceColumn::Attributes => Cell::normal(store.attribute_words(&resource.attributes)),
            ResourceColumn::Age => {
                Cell::normal(duration_ns(store.now_ns.saturating_sub(resource.created_ns)))
            }
            ResourceColumn::Id => Cell::new(resource.key.id(), Tone::Door),
            ResourceColumn::Waiters | ResourceColumn::Longest | ResourceColumn::Waiter => {
                wait_cell(store, &waits, column)
            }
        }
    }

    // --- changing ---

    /// Makes the rows anew from what is known now.
    pub(crate) fn rebuild(&mut self, store: &Store, config: &Config) {
        self.waits = store.waits();
        (self.resources, self.hidden_parts) = (0, 0);
        let mut matching: Vec<&Resource> = Vec::new();
        let shown = |resource: &Resource| self.with_parts || !store.is_hidden(resource);
        for resource in store.resources.resources() {
            if !shown(resource) {
                self.hidden_parts += 1;
                continue;
            }
            self.resources += 1;
            if self.filter.matches(store, resource) {
                matching.push(resource);
            }
        }
        self.matching = matching.len();
        self.regroup(store, config, &matching);
        let mut top: Vec<(SortKey, RowKey)> = Vec::new();
        let mut members: FxHashMap<Place, Vec<(SortKey, RowKey)>> = FxHashMap::default();
        for (place, group) in &self.groups {
            top.push((self.group_sort_key(store, *place, group), RowKey::Group(*place)));
        }
        for resource in matching {
            let row = |table: &Self| (table.sort_key(store, resource), RowKey::Resource(resource.key));
            match self.groups.get(&place_of(resource)) {
                None => top.push(row(self)),
                Some(group) if group.unfolded => {
                    members.entry(place_of(resource)).or_default().push(row(self));
                }
                Some(_) => {}
            }
        }
        self.sort_rows(&mut top);
        self.rows.clear();
        for (_, key) in top {
            self.rows.push((key, 0));
            if let RowKey::Group(place) = key
                && let Some(mut list) = members.remove(&place)
            {
                self.sort_rows(&mut list);
                self.rows.extend(list.into_iter().map(|(_, key)| (key, 1)));
            }
        }
        self.not_listed = self.rows.len().saturating_sub(MAX_LISTED);
        self.rows.truncate(MAX_LISTED);
        self.place_selection();
    }

    fn regroup(&mut self, store: &Store, config: &Config, matching: &[&Resource]) {
        self.groups.clear();
        for resource in matching {
            let group = self.groups.entry(place_of(resource)).or_default();
            group.is_mixed |= group.resources > 0 && group.kind != resource.kind;
            group.kind = resource.kind;
            group.resources += 1;
            group.newest_ns = group.newest_ns.max(resource.created_ns);
            if let Some(waits) = self.waits.get(&resource.key) {
                group.waits.add(waits);
            }
        }
        let fold_at = config.fold_at.max(2) as u64;
        self.groups.retain(|_, group| group.resources >= fold_at);
        for (place, group) in &mut self.groups {
            group.unfolded = self.unfolded.contains(&in_words(store, *place));
        }
    }

    fn sort_rows(&self, rows: &mut [(SortKey, RowKey)]) {
        rows.sort_unstable_by(|(a, a_row), (b, b_row)| {
            let values = (a.1, &a.2).cmp(&(b.1, &b.2));
            let values = if self.descending { values.reverse() } else { values };
            a.0.cmp(&b.0).then(values).then_with(|| tie(a_row).cmp(&tie(b_row)))
        });
    }

    fn sort_key(&self, store: &Store, resource: &Resource) -> SortKey {
        let number = |number: u64| (false, number, String::new());
        match self.sort {
            ResourceColumn::Id => number(u64::from(resource.key.slot)),
            ResourceColumn::Age => number(store.now_ns.saturating_sub(resource.created_ns)),
            ResourceColumn::Waiters | ResourceColumn::Longest => {
                wait_sort_key(store, self.waits.get(&resource.key), self.sort)
            }
            column => text_sort_key(&self.cell(store, resource, column)),
        }
    }

    fn group_sort_key(&self, store: &Store, place: Place, group: &Group) -> SortKey {
        match self.sort {
            ResourceColumn::Waiters | ResourceColumn::Longest => {
                wait_sort_key(store, Some(&group.waits), self.sort)
            }
            ResourceColumn::Age => (false, store.now_ns.saturating_sub(group.newest_ns), String::new()),
            ResourceColumn::Id => (true, 0, String::new()),
            column => text_sort_key(&group_cell(store, place, group, column)),
        }
    }

    /// Finds the selected row again; if it is gone, the row that is now in its place.
    fn place_selection(&mut self) {
        let line = self.index.saturating_sub(self.offset);
        let found = self.selected.filter(|_| self.follows);
        let found = found.and_then(|selected| self.rows.iter().position(|(key, _)| *key == selected));
        match found {
            Some(index) => (self.index, self.offset) = (index, index.saturating_sub(line)),
            None if self.follows => {}
            None => (self.index, self.offset) = (0, 0),
        }
        self.settle();
    }

    /// Brings the selected row into the page.
    fn settle(&mut self) {
        self.index = self.index.min(self.rows.len().saturating_sub(1));
        if self.index < self.offset {
            self.offset = self.index;
        } else if self.index >= self.offset + self.page {
            self.offset = self.index + 1 - self.page;
        }
        self.offset = self.offset.min(self.rows.len().saturating_sub(self.page));
        self.selected = self.rows.get(self.index).map(|(key, _)| *key);
    }

    /// Rows that a page holds.
    pub(crate) fn set_page(&mut self, rows: usize) {
        self.page = rows.max(1);
        self.settle();
    }

    pub(crate) fn move_to(&mut self, index: usize) {
        self.follows = index > 0;
        self.index = index;
        self.settle();
    }

    /// Sorts by `column`; if it does already, the other way round.
    pub(crate) fn sort_by(&mut self, column: ResourceColumn) {
        if self.sort == column {
            self.descending = !self.descending;
        } else {
            (self.sort, self.descending) = (column, column.spec().descending);
        }
    }

    /// Sorts by the column that is `step` places to the right.
    pub(crate) fn sort_step(&mut self, step: isize) {
        let all = ResourceColumn::ALL;
        let now = all.iter().position(|column| *column == self.sort).unwrap_or(0);
        self.sort_by(all[(now + all.len()).saturating_add_signed(step) % all.len()]);
    }

    /// Folds (`Some(true)`), unfolds (`Some(false)`) or toggles the place of the selected row. False: nothing to do.
    pub(crate) fn fold(&mut self, store: &Store, wanted: Option<bool>) -> bool {
        let place = match self.selected {
            Some(RowKey::Group(place)) => Some(place),
            Some(RowKey::Resource(key)) => store.resources.resource(key).map(place_of),
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
            (self.selected, self.follows) = (Some(RowKey::Group(place)), true);
        } else {
            self.unfolded.insert(words);
            self.follows = true;
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

    /// Another process: nothing that points to a resource of the old one may stay.
    pub(crate) fn forget(&mut self) {
        self.unfolded.clear();
        self.rows.clear();
        (self.selected, self.follows, self.index, self.offset) = (None, false, 0, 0);
    }
}

fn place_of(resource: &Resource) -> Place {
    (resource.site, resource.concrete_type)
}

fn in_words(store: &Store, (site, concrete_type): Place) -> (SiteId, String) {
    (site, store.texts.text(concrete_type).unwrap_or_default().to_owned())
}

fn tie(row: &RowKey) -> (u32, u32, bool) {
    match row {
        RowKey::Resource(key) => (key.slot, key.generation, false),
        RowKey::Group((site, _)) => (site.0, 0, true),
    }
}

fn text_sort_key(cell: &Cell) -> SortKey {
    (cell.text.is_empty() || cell.tone == Tone::Unknown, 0, cell.text.to_lowercase())
}

fn wait_sort_key(store: &Store, waits: Option<&Waits>, column: ResourceColumn) -> SortKey {
    let waits = waits.copied().unwrap_or_default();
    match waits.longest_ns(store.now_ns) {
        Some(_) if column == ResourceColumn::Waiters => (false, waits.tasks, String::new()),
        Some(ns) => (false, ns, String::new()),
        None => (true, 0, String::new()),
    }
}

fn wait_cell(store: &Store, waits: &Waits, column: ResourceColumn) -> Cell {
    match column {
        ResourceColumn::Waiters => Cell::value(Some(waits.tasks), count),
        ResourceColumn::Longest => match waits.longest_ns(store.now_ns) {
            Some(ns) => Cell::new(duration_ns(ns), Tone::Idle),
            None => Cell::new("", Tone::Dim),
        },
        _ => match waits.longest.and_then(|key| store.task(key)) {
            Some(task) => Cell::new(store.task_words(task), Tone::Door),
            None => Cell::new("", Tone::Dim),
        },
    }
}

fn group_cell(store: &Store, (site, concrete_type): Place, group: &Group, column: ResourceColumn) -> Cell {
    let text = |text: Option<String>| text.map_or_else(Cell::unknown, Cell::normal);
    match column {
        ResourceColumn::Type => text(store.texts.text(concrete_type).map(str::to_owned)),
        ResourceColumn::Place => text(store.short_place(site)),
        ResourceColumn::Attributes => Cell::new(format!("{} of them", exact(group.resources)), Tone::Dim),
        ResourceColumn::Waiters | ResourceColumn::Longest | ResourceColumn::Waiter => {
            wait_cell(store, &group.waits, column)
        }
        ResourceColumn::Id => Cell::normal(count(group.resources)),
        ResourceColumn::Kind if group.is_mixed => Cell::new("several", Tone::Dim),
        ResourceColumn::Kind => text(store.texts.text(group.kind).map(str::to_owned)),
        ResourceColumn::Age => Cell::unknown(),
    }
}
