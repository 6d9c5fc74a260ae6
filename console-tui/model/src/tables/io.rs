//! What the lists of I/O have in common: sockets, timers, signals and children.
//!
//! Invariant: a sum is over those of which something is known, as a connection has no rate before it is a second old; where nothing is
//! known of any, the sum is unknown. A time of several is the worst of theirs.

use std::borrow::Cow;

use crate::{
    analysis::{Analysis, ops::Waits, things::Thing, timers::Due},
    columns::Cut,
    config::Config,
    format::count,
    id::{IoKey, ResourceKey, SiteId},
    lints::findings::Finding,
    nav::Screen,
    screen::{Tone, findings::Subject as About, table::Cell},
    store::{
        descriptors::port,
        io::{IoKind, Stream},
    },
    table::{
        Context, List, Opens, Subject, Table,
        column::{Column, column},
        filter::{Field, Test},
        listing::{At, Listed, Listing, Pick, Summary, longest_wait},
        place::RowKey,
        value::Value,
    },
    tables::TableId,
};

/// Descriptors without another end are one row when there are so many of a kind: eventfds say little.
const FOLD_INNER_AT: u64 = 2;

/// Timers of a place are one row when there are so many: most of them are gone before they are read.
const FOLD_TIMERS_AT: u64 = 8;

/// What makes one of the lists of I/O.
pub(crate) trait IoList: std::fmt::Debug + Copy + 'static {
    const ID: TableId;
    const COLUMNS: &'static [Column<Io<Self>>];
    /// The keys of all that may be one of them.
    fn candidates(store: Analysis<'_>) -> Vec<IoKey>;
    /// Whether it is one.
    fn lists(store: Analysis<'_>, key: IoKey) -> bool;
    fn why_empty(at: Context<'_>) -> String;
}

/// A list of I/O.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Io<W>(std::marker::PhantomData<W>);

/// Those of one kind that were made at one place; where no place is known, at one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct IoGroup {
    kind: IoKind,
    site: SiteId,
    /// 0: none.
    port: u16,
}

impl IoGroup {
    fn of(store: Analysis<'_>, thing: &Thing) -> Self {
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

/// What is known of a thing, or of several of one kind.
#[derive(Debug, Clone)]
pub(crate) struct IoSummary {
    pub(super) kind: IoKind,
    /// Of one of them.
    word: String,
    pub(super) in_per_s: Option<f64>,
    pub(super) out_per_s: Option<f64>,
    pub(super) recv_queue_bytes: Option<u64>,
    pub(super) send_queue_bytes: Option<u64>,
    pub(super) rtt_ns: Option<u64>,
    pub(super) retransmits: Option<u64>,
    pub(super) length_ns: Option<u64>,
    pub(super) due: Due,
    pub(super) created_ns: Option<u64>,
    pub(super) received: Option<u64>,
    pub(super) last_ns: Option<u64>,
}

pub(super) fn sum<T>(one: Option<T>, other: Option<T>, add: impl Fn(T, T) -> T) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(add(one, other)),
        (one, other) => one.or(other),
    }
}

impl IoSummary {
    fn of(store: Analysis<'_>, thing: &Thing) -> Self {
        let descriptor = thing.descriptor;
        let tcp = descriptor.and_then(|of| of.tcp.as_ref());
        let (in_per_s, out_per_s) = store.io_rates(thing);
        let timer = thing.resource.filter(|_| thing.kind == IoKind::Timer);
        let due = timer.map_or(Due::Unknown, |timer| {
            store.timer_due(timer, store.waiters(timer.key).first().map(|waiter| waiter.op))
        });
        Self {
            kind: thing.kind,
            word: kind_word(store, thing),
            in_per_s,
            out_per_s,
            recv_queue_bytes: descriptor.and_then(|of| of.recv_queue_bytes),
            send_queue_bytes: descriptor.and_then(|of| of.send_queue_bytes),
            rtt_ns: tcp.map(|tcp| tcp.rtt_ns).filter(|ns| *ns > 0),
            retransmits: tcp.map(|tcp| tcp.total_retransmits),
            length_ns: timer.and_then(|timer| store.timer_length_ns(timer)),
            due,
            created_ns: thing.resource.map(|resource| resource.created_ns),
            received: thing.stream.filter(|_| thing.kind == IoKind::Signal).map(|stream| stream.reads),
            last_ns: thing.stream.and_then(Stream::last_ns),
        }
    }
}

impl Summary for IoSummary {
    fn add(&mut self, other: &Self) {
        self.in_per_s = sum(self.in_per_s, other.in_per_s, |one, other| one + other);
        self.out_per_s = sum(self.out_per_s, other.out_per_s, |one, other| one + other);
        self.recv_queue_bytes = sum(self.recv_queue_bytes, other.recv_queue_bytes, u64::saturating_add);
        self.send_queue_bytes = sum(self.send_queue_bytes, other.send_queue_bytes, u64::saturating_add);
        self.rtt_ns = self.rtt_ns.max(other.rtt_ns);
        self.retransmits = sum(self.retransmits, other.retransmits, u64::saturating_add);
        self.length_ns = self.length_ns.filter(|_| self.length_ns == other.length_ns);
        self.due = match (self.due, other.due) {
            (Due::Late(one), Due::Late(other)) => Due::Late(one.max(other)),
            (Due::Late(late), _) | (_, Due::Late(late)) => Due::Late(late),
            (Due::In(one), Due::In(other)) => Due::In(one.min(other)),
            (Due::In(left), _) | (_, Due::In(left)) => Due::In(left),
            (Due::Unknown, Due::Unknown) => Due::Unknown,
        };
        self.created_ns = sum(self.created_ns, other.created_ns, u64::min);
        self.received = sum(self.received, other.received, u64::saturating_add);
        self.last_ns = self.last_ns.max(other.last_ns);
    }
}

/// The most suspicious is the greatest: what the lints say, then what connects the program with others, by what moves.
fn suspicion<'a, W: IoList>(row: &At<'a, Io<W>>) -> Value<'a> {
    let sum = row.sum;
    let late_ns = sum.due.late_ns().unwrap_or(0);
    let moved = sum.in_per_s.unwrap_or(0.0) + sum.out_per_s.unwrap_or(0.0);
    // What listens stands above what is idle; of timers, where there are many.
    let rank = if sum.kind == IoKind::Timer { row.count } else { u64::from(sum.kind.listens()) };
    Value::Mark(row.severity, [u64::from(sum.kind.connects()).max(late_ns), moved as u64, rank])
}

/// Of timers their type, of the others what they are.
fn kind_word(store: Analysis<'_>, thing: &Thing) -> String {
    let name = thing.resource.and_then(|resource| store.texts.text(resource.concrete_type));
    match (thing.kind, name) {
        (IoKind::Timer, Some(name)) => name.to_owned(),
        (kind, _) => kind.short().to_owned(),
    }
}

impl<'a, W: IoList> At<'a, Io<W>> {
    pub(super) fn thing(&self) -> Option<Thing<'a>> {
        self.store.thing(self.one()?)
    }

    fn made_at(&self) -> Option<String> {
        match self.key {
            RowKey::One(_) => self.store.short_place(self.thing()?.site()),
            RowKey::Group(IoGroup { port: 0, site, .. }) => self.store.short_place(site),
            RowKey::Group(IoGroup { port, .. }) => Some(format!("port {port}")),
        }
    }

    /// `60 of them  src/main.rs:40`
    pub(super) fn several(&self) -> Value<'a> {
        let at = self.made_at();
        let words = at.into_iter().fold(self.of_them(), |words, at| format!("{words}  {at}"));
        words.into()
    }

    fn local(&self) -> Option<Cow<'a, str>> {
        Some(self.store.io_local(&self.thing()?)?.to_owned().into())
    }

    pub(super) fn peer(&self) -> Option<Cow<'a, str>> {
        Some(self.store.io_peer(&self.thing()?)?.to_owned().into())
    }

    pub(super) fn name(&self) -> Option<Cow<'a, str>> {
        self.store.resource_name(self.thing()?.resource?).map(Cow::Borrowed)
    }
}

/// `conn #1187 read`; who waits on a descriptor without a wrapper is unknown.
fn waiter<'a, W: IoList>(row: &At<'a, Io<W>>) -> Value<'a> {
    let Some(thing) = row.thing() else {
        return match row.waits.tasks {
            0 => Value::Nothing,
            tasks => Value::Text(format!("{} wait", count(tasks)).into(), Tone::Idle),
        };
    };
    if thing.resource.is_none() {
        return if thing.kind.connects() { Value::Unknown } else { Value::Nothing };
    }
    let waiters = row.store.io_waiters(&thing);
    let Some(first) = waiters.first() else { return Value::Nothing };
    let who = row.store.who_words(first.who()).unwrap_or_else(|| "an unknown task or thread".to_owned());
    let more = if waiters.len() > 1 { format!(" +{}", waiters.len() - 1) } else { String::new() };
    let method = if thing.kind == IoKind::Timer { "" } else { row.store.method(first.op) };
    Value::Text(format!("{who} {method}{more}").trim_end().to_owned().into(), Tone::Link)
}

fn place<'a, W: IoList>(row: &At<'a, Io<W>>) -> Value<'a> {
    if row.one().is_none() { row.several() } else { Value::toned(row.made_at(), Tone::Dim) }
}

/// The columns that the lists have in common.
impl<W: IoList> Column<Io<W>> {
    pub(super) const WARN: Self = Self::warn("suspicion, then bytes/s", suspicion);
    pub(super) const KIND: Self = column!(Io<W>, row, text "kind" "KIND" 8 "What it is"
        { cut: Cut::Marked, indent: 1 } => row.sum.word.as_str());
    pub(super) const WAITER: Self = column!(Io<W>, row, text "waiting" "WAITING TASK" 14 "Who waits, and in what"
        { words: "waiting task", grows: true, cut: Cut::Marked } => waiter(row));
    pub(super) const WAITED_FOR: Self = longest_wait!(Io<W>, "for" "FOR" 7 "How long it waits" "time waited");
    pub(super) const PLACE: Self = column!(Io<W>, row, text "place" "MADE AT" 22 "Where it was made"
        { words: "place", grows: true, cut: Cut::Place, priority: 6 } => place(row));
}

fn whole_place<'a, W: IoList>(row: &At<'a, Io<W>>) -> Option<Cow<'a, str>> {
    row.store.place(row.thing()?.site()).map(Cow::Owned)
}

/// ```text
/// 10.0.0.7           kind, state, address, descriptor, waiting task, name, place or id contain it
/// kind:tcp peer:~10.0.0.7    so do state:, local:, addr:, fd:, waiting:, name:, type:, place: and id:
/// sendq>1M           a column of numbers
/// ```
const fn fields<W: IoList>() -> [Field<Io<W>>; 11] {
    [
        Field::new("kind", Test::Text(|row| Some(row.sum.kind.word().into()))),
        Field::new("state", Test::Text(|row| Some(row.thing()?.descriptor?.state.as_str().into()))),
        Field::new("local", Test::Text(|row| row.local())),
        Field::new("peer", Test::Text(|row| row.peer())),
        Field::new("addr", Test::Text(|row| row.store.io_addresses(&row.thing()?).map(Cow::Owned))),
        Field::new("fd", Test::Whole(|row| Some(row.thing()?.fd()?.to_string().into()))),
        Field::new(
            "waiting",
            Test::Text(|row| {
                let task = row.store.task(row.waits.longest?)?;
                Some(row.store.task_words(task).into())
            }),
        ),
        Field::new("name", Test::Text(|row| row.name())),
        Field::new(
            "type",
            Test::Text(|row| row.store.texts.text(row.thing()?.resource?.concrete_type).map(Cow::Borrowed)),
        ),
        Field::new("place", Test::Text(|row| whole_place(row))),
        Field::new("id", Test::Whole(|row| row.one().map(|key| key.id().into()))),
    ]
}

impl<W: IoList> List for Io<W> {
    const ID: TableId = W::ID;
    const COLUMNS: &'static [Column<Self>] = W::COLUMNS;
    const FIELDS: &'static [Field<Self>] = &fields::<W>();

    type Key = IoKey;
    type Group = IoGroup;
    type Row<'a> = At<'a, Self>;
    type Source = Listed<Self>;

    fn group_of(store: Analysis<'_>, key: IoKey) -> Option<IoGroup> {
        store.thing(key).map(|thing| IoGroup::of(store, &thing))
    }

    fn group_words(store: Analysis<'_>, made: IoGroup) -> String {
        format!("{} {} {}", made.kind.word(), store.place(made.site).unwrap_or_default(), made.port)
    }

    fn fold_at(made: IoGroup, config: &Config) -> u64 {
        let fold_at = config.fold_at.max(2) as u64;
        let inner = !made.kind.connects() && !made.site.is_known();
        match made.kind {
            IoKind::Timer => fold_at.min(FOLD_TIMERS_AT),
            _ if inner => FOLD_INNER_AT,
            _ => fold_at,
        }
    }

    /// What comes and goes around the limit would fold and unfold each second.
    fn unfold_at(fold_at: u64) -> u64 {
        (fold_at / 2).max(2)
    }

    fn subject(_at: Context<'_>, row: RowKey<IoKey, IoGroup>) -> Option<Subject> {
        Some(match row {
            RowKey::One(IoKey::Resource(key)) => Subject::Resource(key),
            RowKey::One(IoKey::Descriptor(id)) => Subject::Descriptor(id),
            RowKey::Group(made) => Subject::Site(made.site),
        })
    }

    fn opens(at: Context<'_>, key: IoKey) -> Opens {
        Opens::Screen(screen(at.store, key))
    }

    fn why_empty(_table: &Table<Self>, at: Context<'_>) -> String {
        W::why_empty(at)
    }

    fn head(at: Context<'_>) -> Vec<Cell> {
        super::sockets::head(at)
    }
}

/// The screen of something of I/O: one for a socket, whether its wrapper or its descriptor leads there.
pub(crate) fn screen(store: Analysis<'_>, key: IoKey) -> Screen {
    match key {
        IoKey::Resource(key) => Screen::Resource(key),
        IoKey::Descriptor(id) => store.wrapper_of(id).map_or(Screen::Descriptor(id), Screen::Resource),
    }
}

impl<W: IoList> Listing for Io<W> {
    type Summary = IoSummary;

    fn candidates(at: Context<'_>) -> Vec<IoKey> {
        W::candidates(at.store)
    }

    fn pick(at: Context<'_>, key: IoKey, _with_parts: bool) -> Pick {
        Pick::only_if(W::lists(at.store, key))
    }

    fn summary(at: Context<'_>, key: IoKey, _waits: &Waits) -> Option<IoSummary> {
        at.store.thing(key).map(|thing| IoSummary::of(at.store, &thing))
    }

    fn waited_on(key: IoKey) -> Option<ResourceKey> {
        match key {
            IoKey::Resource(key) => Some(key),
            IoKey::Descriptor(_) => None,
        }
    }

    fn concerned(finding: &Finding, _store: Analysis<'_>) -> Vec<IoKey> {
        match finding.id.subject {
            About::Resource(key) => vec![IoKey::Resource(key)],
            About::Descriptor(id) => vec![IoKey::Descriptor(id)],
            About::Site | About::Task(_) | About::Thread(_) | About::Runtime(_) => Vec::new(),
        }
    }
}
