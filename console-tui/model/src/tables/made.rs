//! Resources by where they were made: what the lists of locks, channels and all resources have in common.

use std::{borrow::Cow, fmt::Debug};

use crate::{
    analysis::{Analysis, ops::Waits},
    columns::{ColumnId, Cut, WARN},
    format::UNKNOWN,
    id::{ResourceKey, SiteId},
    lints::{LintKind, findings::Finding},
    nav::Screen,
    screen::{Tone, findings::Subject as About},
    store::resources::Resource,
    table::{
        Context, List, Opens, Subject, Table,
        column::{Column, column},
        filter::{Field, Test},
        listing::{At, Listed, Listing, Pick, Summary},
        place::RowKey,
        value::Value,
    },
    tables::TableId,
    text::TextId,
};

/// Those of one type that were made at one place.
pub(crate) type Made = (SiteId, TextId);

fn made(resource: &Resource) -> Made {
    (resource.site, resource.concrete_type)
}

fn site(store: Analysis<'_>, row: RowKey<ResourceKey, Made>) -> Option<SiteId> {
    match row {
        RowKey::One(key) => store.resources.resource(key).map(|resource| resource.site),
        RowKey::Group((site, _)) => Some(site),
    }
}

/// The resources that a finding is about, those of a cycle included.
pub(crate) fn concerned(finding: &Finding, store: Analysis<'_>) -> Vec<ResourceKey> {
    match finding.id.subject {
        About::Resource(key) => vec![key],
        About::Task(_) if finding.id.lint == LintKind::Deadlock => {
            let waits = finding.tasks.iter().flat_map(|task| store.waits_of(*task));
            waits.filter_map(|wait| store.resource_of(wait.op)).map(|resource| resource.key).collect()
        }
        About::Site | About::Task(_) | About::Descriptor(_) | About::Thread(_) | About::Runtime(_) => {
            Vec::new()
        }
    }
}

/// The sum of two; unknown if one of them is.
pub(super) fn both<T>(one: Option<T>, other: Option<T>, add: impl Fn(T, T) -> T) -> Option<T> {
    Some(add(one?, other?))
}

/// A list of resources.
pub(crate) trait OfResources: Debug + Copy + 'static {
    const ID: TableId;
    const COLUMNS: &'static [Column<Self>];
    const SORT: ColumnId = WARN;
    /// Findings are shown beside its rows.
    const HAS_FINDINGS: bool = true;

    type Summary: Summary;

    /// Whether it is one of them.
    fn lists(store: Analysis<'_>, of: &Resource) -> bool;
    fn summary(store: Analysis<'_>, of: &Resource, waits: &Waits) -> Self::Summary;

    /// It is a part of another one, and listed if the user wants parts.
    fn is_part(_store: Analysis<'_>, _of: &Resource) -> bool {
        false
    }

    fn why_empty(table: &Table<Self>, at: Context<'_>) -> String;
}

impl<L: OfResources> List for L {
    const ID: TableId = <L as OfResources>::ID;
    const COLUMNS: &'static [Column<Self>] = <L as OfResources>::COLUMNS;
    const FIELDS: &'static [Field<Self>] = &fields::<L>();
    const SORT: ColumnId = <L as OfResources>::SORT;

    type Key = ResourceKey;
    type Group = Made;
    type Row<'a> = At<'a, Self>;
    type Source = Listed<L>;

    fn group_of(store: Analysis<'_>, key: ResourceKey) -> Option<Made> {
        store.resources.resource(key).map(made)
    }

    fn group_words(store: Analysis<'_>, (site, concrete_type): Made) -> String {
        let name = store.texts.text(concrete_type).unwrap_or_default();
        format!("{name} {}", store.place(site).unwrap_or_default())
    }

    fn subject(at: Context<'_>, row: RowKey<ResourceKey, Made>) -> Option<Subject> {
        match row {
            RowKey::One(key) => Some(Subject::Resource(key)),
            RowKey::Group(_) => site(at.store, row).map(Subject::Site),
        }
    }

    fn opens(_at: Context<'_>, key: ResourceKey) -> Opens {
        Opens::Screen(Screen::Resource(key))
    }

    fn why_empty(table: &Table<Self>, at: Context<'_>) -> String {
        <L as OfResources>::why_empty(table, at)
    }
}

impl<L: OfResources> Listing for L {
    type Summary = <L as OfResources>::Summary;

    fn candidates(at: Context<'_>) -> Vec<ResourceKey> {
        at.store.resources.resources().map(|of| of.key).collect()
    }

    fn pick(at: Context<'_>, key: ResourceKey, with_parts: bool) -> Pick {
        match at.store.resources.resource(key) {
            Some(of) if !<L as OfResources>::lists(at.store, of) => Pick::No,
            Some(of) if !with_parts && L::is_part(at.store, of) => Pick::Part,
            Some(_) => Pick::Yes,
            None => Pick::No,
        }
    }

    fn summary(at: Context<'_>, key: ResourceKey, waits: &Waits) -> Option<Self::Summary> {
        at.store.resources.resource(key).map(|of| <L as OfResources>::summary(at.store, of, waits))
    }

    fn concerned(finding: &Finding, store: Analysis<'_>) -> Vec<ResourceKey> {
        if L::HAS_FINDINGS { concerned(finding, store) } else { Vec::new() }
    }

    fn waited_on(key: ResourceKey) -> Option<ResourceKey> {
        Some(key)
    }
}

impl<'a, L: OfResources> At<'a, L> {
    pub(super) fn resource(&self) -> Option<&'a Resource> {
        self.store.store().resources.resource(self.one()?)
    }

    fn type_id(&self) -> TextId {
        match self.key {
            RowKey::One(_) => self.resource().map_or(TextId::NONE, |resource| resource.concrete_type),
            RowKey::Group((_, concrete_type)) => concrete_type,
        }
    }

    pub(super) fn type_name(&self) -> Option<&'a str> {
        self.store.store().texts.text(self.type_id())
    }

    pub(super) fn short_place(&self) -> Option<String> {
        self.store.short_place(site(self.store, self.key)?)
    }

    fn name(&self) -> Option<&'a str> {
        self.store.resource_name(self.resource()?)
    }

    fn holders(&self) -> Option<Cow<'a, str>> {
        let lock = self.store.lock(self.one()?)?;
        let holders = lock.holders.iter().filter_map(|holder| self.store.who_words(holder.who));
        Some(holders.collect::<Vec<_>>().join(" ").into())
    }

    fn attributes(&self) -> Option<Cow<'a, str>> {
        Some(self.store.attribute_words(&self.resource()?.attributes).into())
    }

    fn whole_place(&self) -> Option<Cow<'a, str>> {
        self.store.place(self.resource()?.site).map(Cow::Owned)
    }
}

/// `Mutex`; both ends of tokio's own are one name.
fn kind<'a, L: OfResources>(row: &At<'a, L>) -> Value<'a> {
    match row.type_name() {
        Some("Sender|Receiver") => Value::Text("oneshot".into(), Tone::Normal),
        name => name.into(),
    }
}

/// What it is called, if it is, and where it was made.
fn named<'a, L: OfResources>(row: &At<'a, L>) -> Value<'a> {
    let name = match row.key {
        RowKey::One(_) => row.name().map(Cow::Borrowed),
        RowKey::Group(_) => Some(row.of_them().into()),
    };
    let place = row.short_place();
    if name.is_none() && place.is_none() {
        return Value::Unknown;
    }
    Value::Named { name, place: Some(place.unwrap_or_else(|| UNKNOWN.to_owned())) }
}

pub(super) const fn kind_column<L: OfResources>() -> Column<L> {
    column!(L, row, text "kind" "KIND" 9 "Its type" { indent: 2 } => kind(row))
}

pub(super) const fn name_column<L: OfResources>() -> Column<L> {
    column!(L, row, text "name" "NAME  MADE AT" 23 "What it is called, and where it was made"
        { grows: true, cut: Cut::Place } => named(row))
}

/// What a filter of a list of resources can name beside its columns.
///
/// ```text
/// ledger             name, type, kind, place, attributes, holder or id contain it
/// type:mutex         its type contains it; so do name:, kind:, place:, loc:, attr:, holder: and id:
/// held>5s            a column of numbers
/// mutex !locked      both; not
/// ```
pub(super) const fn fields<L: OfResources>() -> [Field<L>; 8] {
    [
        Field::new("name", Test::Text(|row| row.name().map(Cow::Borrowed))),
        Field::new("type", Test::Text(|row| row.type_name().map(Cow::Borrowed))),
        Field::new("kind", Test::Text(|row| row.store.texts.text(row.resource()?.kind).map(Cow::Borrowed))),
        Field::new("place", Test::Text(|row| row.whole_place())),
        Field::new("loc", Test::Alias(|row| row.whole_place())),
        Field::new("attr", Test::Text(|row| row.attributes())),
        Field::new("holder", Test::Text(|row| row.holders())),
        Field::new("id", Test::Whole(|row| row.one().map(|key| key.id().into()))),
    ]
}
