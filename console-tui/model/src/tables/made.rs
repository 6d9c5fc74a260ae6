//! Resources by where they were made: what the lists of locks, channels and all resources have in common.

use std::borrow::Cow;

use crate::{
    analysis::{Analysis, ops::Waits},
    columns::{Cut, Unit},
    format::UNKNOWN,
    id::{ResourceKey, SiteId},
    lints::{LintKind, findings::Finding},
    screen::{Tone, findings::Subject as About},
    store::resources::Resource,
    table::{
        column::Column,
        filter::{Field, Test},
        listing::{At, Listing},
        place::RowKey,
        value::Value,
    },
    text::TextId,
};

/// Those of one type that were made at one place.
pub(crate) type Made = (SiteId, TextId);

pub(super) fn made(resource: &Resource) -> Made {
    (resource.site, resource.concrete_type)
}

pub(super) fn group_of(store: Analysis<'_>, key: ResourceKey) -> Option<Made> {
    store.resources.resource(key).map(made)
}

/// The same in another process.
pub(super) fn words(store: Analysis<'_>, (site, concrete_type): Made) -> String {
    let name = store.texts.text(concrete_type).unwrap_or_default();
    format!("{name} {}", store.place(site).unwrap_or_default())
}

pub(super) fn site(store: Analysis<'_>, row: RowKey<ResourceKey, Made>) -> Option<SiteId> {
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
pub(crate) trait OfResources: Listing<Key = ResourceKey, Group = Made> {
    /// Who waits for it.
    fn waits(sum: &Self::Summary) -> &Waits;
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
pub(super) fn kind<'a, L: OfResources>(row: &At<'a, L>) -> Value<'a> {
    match row.type_name() {
        Some("Sender|Receiver") => Value::Text("oneshot".into(), Tone::Normal),
        name => Value::text(name),
    }
}

/// What it is called, if it is, and where it was made.
pub(super) fn named<'a, L: OfResources>(row: &At<'a, L>) -> Value<'a> {
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
    Column::<L>::text("kind", "KIND", 9, "Its type", kind).indent(2)
}

pub(super) const fn name_column<L: OfResources>() -> Column<L> {
    Column::<L>::text("name", "NAME  MADE AT", 23, "What it is called, and where it was made", named)
        .grows()
        .cut(Cut::Place)
}

pub(super) const fn longest_column<L: OfResources>(width: u16) -> Column<L> {
    Column::<L>::number(
        Unit::Time,
        "longest",
        "LONGEST",
        width,
        "How long the longest of them waits",
        |row| Value::number_or_nothing(L::waits(row.sum).longest_ns(row.store.now_ns)),
    )
    .words("longest wait")
    .tone(Tone::Idle)
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

/// The parts of `List` that every list of resources has alike.
macro_rules! of_resources {
    () => {
        type Key = crate::id::ResourceKey;
        type Group = crate::tables::made::Made;
        const FIELDS: &'static [crate::table::filter::Field<Self>] = &crate::tables::made::fields::<Self>();

        fn group_of(store: crate::analysis::Analysis<'_>, key: Self::Key) -> Option<Self::Group> {
            crate::tables::made::group_of(store, key)
        }

        fn group_words(store: crate::analysis::Analysis<'_>, group: Self::Group) -> String {
            crate::tables::made::words(store, group)
        }

        fn subject(
            at: crate::table::Context<'_>,
            row: crate::table::place::RowKey<Self::Key, Self::Group>,
        ) -> Option<crate::table::Subject> {
            match row {
                crate::table::place::RowKey::One(key) => Some(crate::table::Subject::Resource(key)),
                row @ crate::table::place::RowKey::Group(_) => {
                    crate::tables::made::site(at.store, row).map(crate::table::Subject::Site)
                }
            }
        }

        fn opens(_at: crate::table::Context<'_>, key: Self::Key) -> crate::table::Opens {
            crate::table::Opens::Screen(crate::nav::Screen::Resource(key))
        }

        crate::table::listing::listing!();
    };
}
pub(super) use of_resources;

/// The parts of `Listing` that the lists of locks and of channels have alike: every one that the program made, from a list of
/// [`Analysis`], with `of` of its summary for each.
macro_rules! listed {
    ($list:ident, $summary:ident) => {
        type Summary = $summary;

        fn each(
            at: crate::table::Context<'_>,
            lookup: &crate::table::listing::Lookup<Self::Key>,
            _with_parts: bool,
            take: crate::table::listing::Each<'_, Self>,
        ) -> usize {
            for of in at.store.$list() {
                take(of.key, crate::tables::made::made(of), $summary::of(at.store, lookup, of.key));
            }
            0
        }

        fn summary(
            at: crate::table::Context<'_>,
            lookup: &crate::table::listing::Lookup<Self::Key>,
            key: Self::Key,
        ) -> Option<$summary> {
            at.store.resources.resource(key).map(|_| $summary::of(at.store, lookup, key))
        }

        fn severity(sum: &$summary) -> Option<crate::severity::Severity> {
            sum.severity
        }

        fn concerned(
            finding: &crate::lints::findings::Finding,
            store: crate::analysis::Analysis<'_>,
        ) -> Vec<Self::Key> {
            crate::tables::made::concerned(finding, store)
        }
    };
}
pub(super) use listed;
