//! The only module (with [`rows`]) that reads and writes wire messages.
//!
//! Invariant: a frame is checked whole before any of it is applied, so a refused frame has changed nothing; checking
//! neither panics nor allocates by a number that the other side chose.

mod channels;
mod io;
mod locks;
mod resources;
mod rows;
mod scheduler;

use taskscope_proto::{
    columns::{Column, ColumnError, slots},
    limits::{
        MAX_BUCKETS, MAX_DETAILS, MAX_EVENT_GAPS, MAX_EVENTS_PER_FRAME, MAX_FIELDS_BYTES,
        MAX_FREED_PER_FRAME, MAX_HELLO_TEXT_BYTES, MAX_NAME_BYTES, MAX_PATH_BYTES, MAX_PROBLEM_BYTES,
        MAX_PROBLEMS, MAX_RESOURCE_DETAILS, MAX_SITES, MAX_SLOTS, MAX_THREAD_NAME_BYTES, MAX_THREADS,
        MAX_WAKERS, PROTOCOL_VERSION,
    },
    v1,
};

use crate::{
    id::{ResourceKey, SiteId, TaskKey},
    losses::Losses,
    store::{
        Hello, Process, Store,
        detail::{Bucket, Detail, Event, EventKind, Histogram},
        process::{TOKIO_CONSOLE, Told},
        task::Sums,
    },
    text::{TextId, clean},
};

use rows::{StatReader, TaskReader, waker};

/// Why a frame was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// Columns or slots that make no sense.
    #[error(transparent)]
    Columns(#[from] ColumnError),
    /// A list is longer than it may be.
    #[error("`{list}` has {len} entries, but at most {max} are allowed")]
    TooMany {
        /// The field's name in the schema.
        list: &'static str,
        /// Its entries.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// A number that points to nothing.
    #[error("`{field}` is {value}, which is out of range")]
    Range {
        /// The field's name in the schema.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// A version that this client does not speak.
    #[error("the process speaks version {0} of the protocol, this console versions 1 to {PROTOCOL_VERSION}")]
    Protocol(u32),
    /// The first frame of a stream does not say who it is from.
    #[error("the first frame does not say who it is from")]
    NoHello,
}

/// What the client wants of the server, whole.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) interval_ms: u32,
    pub(crate) resync: u32,
    pub(crate) details: Vec<TaskKey>,
    pub(crate) resource_details: Vec<ResourceKey>,
    /// Raised when the await trees of the tasks in `details` are wanted anew.
    pub(crate) await_trees: u32,
    /// 0: never.
    pub(crate) descriptors_interval_ms: u32,
}

impl From<&Wish> for v1::WatchRequest {
    fn from(wish: &Wish) -> Self {
        Self {
            protocol: PROTOCOL_VERSION,
            interval_ms: wish.interval_ms,
            // The screen freezes here, not there: recording goes on behind it.
            paused: false,
            resync: wish.resync,
            details: wish
                .details
                .iter()
                .take(MAX_DETAILS)
                .map(|key| v1::TaskRef { slot: key.slot, generation: key.generation })
                .collect(),
            resource_details: wish
                .resource_details
                .iter()
                .take(MAX_RESOURCE_DETAILS)
                .map(|key| v1::ResourceRef { slot: key.slot, generation: key.generation })
                .collect(),
            await_trees: wish.await_trees,
            descriptors_interval_ms: wish.descriptors_interval_ms,
            ..Self::default()
        }
    }
}

/// Checks everything that [`apply`] relies on.
pub(crate) fn check(frame: &v1::Frame) -> Result<(), WireError> {
    if let Some(hello) = &frame.hello
        && !(1..=PROTOCOL_VERSION).contains(&hello.protocol)
    {
        return Err(WireError::Protocol(hello.protocol));
    }
    at_most("sites", frame.sites.len(), MAX_SITES)?;
    at_most("threads", frame.threads.len(), MAX_THREADS)?;
    at_most("freed", frame.freed.len(), MAX_FREED_PER_FRAME)?;
    at_most("totals", frame.totals.len(), MAX_SITES + 1)?;
    at_most("details", frame.details.len(), MAX_DETAILS)?;
    for site in &frame.sites {
        in_range("Site.index", u64::from(site.index), 1..=MAX_SITES as u64)?;
    }
    for thread in &frame.threads {
        in_range("Thread.index", u64::from(thread.index), 1..=MAX_THREADS as u64)?;
    }
    for slot in &frame.freed {
        in_range("freed", u64::from(*slot), 0..=u64::from(MAX_SLOTS - 1))?;
    }
    for totals in &frame.totals {
        in_range("SiteTotals.site", u64::from(totals.site), 0..=MAX_SITES as u64)?;
    }
    if let Some(tasks) = &frame.tasks {
        TaskReader::new(tasks)?.check()?;
    }
    if let Some(stats) = &frame.stats {
        StatReader::new(stats)?;
    }
    resources::check(frame)?;
    locks::check(frame)?;
    channels::check(frame)?;
    scheduler::check(frame)?;
    io::check(frame)?;
    frame.details.iter().try_for_each(check_detail)
}

fn at_most(list: &'static str, len: usize, max: usize) -> Result<(), WireError> {
    if len > max { Err(WireError::TooMany { list, len, max }) } else { Ok(()) }
}

fn in_range(field: &'static str, value: u64, range: std::ops::RangeInclusive<u64>) -> Result<(), WireError> {
    if range.contains(&value) { Ok(()) } else { Err(WireError::Range { field, value }) }
}

fn check_detail(detail: &v1::TaskDetail) -> Result<(), WireError> {
    at_most("wakers", detail.wakers.len(), MAX_WAKERS)?;
    at_most("events", detail.events.len(), MAX_EVENTS_PER_FRAME)?;
    at_most("gaps", detail.gaps.len(), MAX_EVENT_GAPS)?;
    check_histograms([&detail.polls, &detail.scheduled])
}

fn check_histograms(histograms: [&Option<v1::Histogram>; 2]) -> Result<(), WireError> {
    for histogram in histograms.into_iter().flatten() {
        let rows = histogram.count.len();
        at_most("Histogram.count", rows, MAX_BUCKETS)?;
        Column::new("lower_ns", &histogram.lower_ns, rows)?;
        Column::new("upper_ns", &histogram.upper_ns, rows)?;
    }
    Ok(())
}

/// A frame on its way into the store.
struct Applying<'a> {
    store: &'a mut Store,
    frame: &'a v1::Frame,
    losses: &'a mut Losses,
    /// Rows of tasks, and of resources and operations, that nobody had told of.
    orphan_tasks: u64,
    orphan_resources: u64,
}

/// Parts of a frame, and what applies them.
type Step = (&'static [&'static str], fn(&mut Applying<'_>));

/// All parts, in the order in which they are applied: that of WIRE.md 3.4, which a test compares. What points to another part comes after
/// it; descriptors come before the streams that are joined with them.
const STEPS: [Step; 13] = [
    (&["sites"], sites),
    (&["threads"], threads),
    (&["freed"], |of| of.frame.freed.iter().for_each(|slot| of.store.drop_slot(*slot))),
    (&["tasks"], |of| {
        if let Some(tasks) = &of.frame.tasks {
            apply_tasks(of.store, tasks, of.frame.now_ns, of.losses);
        }
    }),
    (&["stats"], |of| {
        if let Some(stats) = &of.frame.stats {
            of.orphan_tasks += apply_stats(of.store, stats, of.frame.now_ns, of.losses);
        }
    }),
    (&["descriptors"], |of| io::apply_reading(of.store, of.frame, of.losses)),
    (&["freed_resources", "resources", "resource_stats", "freed_ops", "ops", "op_stats"], |of| {
        of.orphan_resources += resources::apply(of.store, of.frame, of.losses);
    }),
    (&["locks", "resource_details"], |of| {
        of.orphan_resources += locks::apply(of.store, of.frame, of.losses);
    }),
    (&["channels"], |of| of.orphan_resources += channels::apply(of.store, of.frame, of.losses)),
    (&["io"], |of| of.orphan_resources += io::apply(of.store, of.frame, of.losses)),
    (&["totals"], totals),
    (&["process", "details"], |of| {
        if let Some(process) = &of.frame.process {
            of.store.process = Some(process_numbers(process));
        }
        for detail in &of.frame.details {
            apply_detail(of.store, detail, of.frame.now_ns);
        }
    }),
    (&["await_trees", "scheduler"], |of| scheduler::apply(of.store, of.frame, of.losses)),
];

/// Applies a frame that [`check`] has passed. Returns whether it named a task nobody had told of.
pub(crate) fn apply(store: &mut Store, frame: &v1::Frame, losses: &mut Losses) -> bool {
    // The recorder's clock never goes back; a frame that says so is not believed.
    if frame.now_ns > store.now_ns {
        store.before_ns = store.now_ns;
        store.now_ns = frame.now_ns;
    }
    let mut of = Applying { store, frame, losses, orphan_tasks: 0, orphan_resources: 0 };
    for (_, apply) in STEPS {
        apply(&mut of);
    }
    // Tasks over the client's own limit are counted there already.
    let orphans = if of.losses.tasks_over_limit > 0 { 0 } else { of.orphan_tasks };
    let orphans = orphans + if of.losses.resources_over_limit > 0 { 0 } else { of.orphan_resources };
    of.losses.orphans += orphans;
    orphans > 0
}

fn sites(of: &mut Applying<'_>) {
    for site in &of.frame.sites {
        let file = text(&site.file, MAX_PATH_BYTES, of.losses);
        of.store.set_site(SiteId(site.index), file, site.line, site.column);
    }
}

fn threads(of: &mut Applying<'_>) {
    for thread in &of.frame.threads {
        let name = text(&thread.name, MAX_THREAD_NAME_BYTES, of.losses);
        of.store.threads.set(thread.index, name, thread.os_id);
    }
    if !of.frame.threads.is_empty() {
        of.store.threads.tell_apart();
    }
}

fn totals(of: &mut Applying<'_>) {
    for totals in &of.frame.totals {
        let sums = Sums {
            polls: totals.polls,
            wakes: totals.wakes,
            self_wakes: totals.self_wakes,
            busy_ns: totals.busy_ns,
            scheduled_ns: totals.scheduled_ns,
        };
        let (spawned, finished) = (totals.spawned, totals.finished);
        of.store.set_totals(SiteId(totals.site), Told { spawned, finished, sums });
    }
}

fn text(text: &str, max_bytes: usize, losses: &mut Losses) -> String {
    let cleaned = clean(text, max_bytes);
    losses.texts_cleaned += u64::from(cleaned != text);
    cleaned.into_owned()
}

fn apply_tasks(store: &mut Store, wire: &v1::TaskColumns, now_ns: u64, losses: &mut Losses) {
    let Ok(reader) = TaskReader::new(wire) else { return };
    let Ok(slots) = slots(&wire.slot_delta) else { return };
    for (row, slot) in slots.enumerate() {
        let mut facts = reader.facts(row, now_ns);
        facts.name = hold(store, wire, reader.name.at(row), MAX_NAME_BYTES, losses);
        facts.fields = hold(store, wire, reader.fields.at(row), MAX_FIELDS_BYTES, losses);
        store.insert(TaskKey { slot, generation: reader.generation.at(row) }, facts, losses);
    }
}

fn hold(
    store: &mut Store,
    wire: &v1::TaskColumns,
    index: u32,
    max_bytes: usize,
    losses: &mut Losses,
) -> TextId {
    let Some(raw) = (index as usize).checked_sub(1).and_then(|i| wire.strings.get(i)) else {
        return TextId::NONE;
    };
    let cleaned = clean(raw, max_bytes);
    losses.texts_cleaned += u64::from(cleaned != raw.as_str());
    if cleaned.is_empty() {
        return TextId::NONE;
    }
    store.texts.hold(&cleaned).unwrap_or_else(|| {
        losses.texts_over_limit += 1;
        TextId::NONE
    })
}

fn apply_stats(store: &mut Store, wire: &v1::StatColumns, now_ns: u64, losses: &mut Losses) -> u64 {
    let Ok(reader) = StatReader::new(wire) else { return 0 };
    let Ok(slots) = slots(&wire.slot_delta) else { return 0 };
    let mut orphans = 0;
    for (row, slot) in slots.enumerate() {
        orphans += u64::from(!store.apply(slot, reader.stats(row, now_ns), losses));
    }
    orphans
}

fn process_numbers(wire: &v1::Process) -> Process {
    Process {
        alive: wire.alive,
        spawned: wire.spawned,
        untracked: wire.untracked,
        untracked_alive: wire.untracked_alive,
        late_wakes: wire.late_wakes,
        lost_events: wire.lost_events,
        truncated: wire.truncated,
        folded_sites: wire.folded_sites,
        untracked_resources: wire.untracked_resources,
        own_cpu_ns: wire.cost_known.then_some(wire.own_cpu_ns),
        hot_path_ns: wire.hot_path_ns,
        own_memory_bytes: wire.own_memory_bytes,
    }
}

fn apply_detail(store: &mut Store, wire: &v1::TaskDetail, now_ns: u64) {
    let Some(task) = &wire.task else { return };
    let key = TaskKey { slot: task.slot, generation: task.generation };
    if store.task(key).is_none() || (store.details.len() >= MAX_DETAILS && !store.details.contains_key(&key))
    {
        return;
    }
    let detail: &mut Detail = store.details.entry(key).or_default();
    detail.polls = wire.polls.as_ref().map(histogram);
    detail.scheduled = wire.scheduled.as_ref().map(histogram);
    detail.wakers = wire.wakers.iter().map(|count| (waker(count.waker), count.count)).collect();
    detail.other_wakes = wire.other_wakes;
    detail.watched_since_ns = now_ns.saturating_sub(wire.watched_ago_ns);
    detail.lost_events = wire.lost_events;
    for event in &wire.events {
        let kind = match v1::EventKind::try_from(event.kind) {
            Ok(v1::EventKind::PollStart) => EventKind::PollStart,
            Ok(v1::EventKind::PollEnd) => EventKind::PollEnd,
            Ok(v1::EventKind::Wake) => EventKind::Wake,
            Ok(v1::EventKind::Unspecified) | Err(_) => continue,
        };
        detail.push(Event { kind, at_ns: now_ns.saturating_sub(event.ago_ns), by: waker(event.by) });
    }
    for gap in &wire.gaps {
        let (from_ns, to_ns) = (now_ns.saturating_sub(gap.from_ago_ns), now_ns.saturating_sub(gap.to_ago_ns));
        detail.add_gap(from_ns, to_ns.max(from_ns));
    }
}

/// Buckets in ascending order; those that overlap the one before, or hold nothing, make no sense and are left out.
fn histogram(wire: &v1::Histogram) -> Histogram {
    let mut buckets: Vec<Bucket> = Vec::with_capacity(wire.count.len());
    for ((&lower_ns, &upper_ns), &count) in wire.lower_ns.iter().zip(&wire.upper_ns).zip(&wire.count) {
        let ascends = buckets.last().is_none_or(|last| last.upper_ns <= lower_ns);
        if ascends && lower_ns < upper_ns && count > 0 {
            buckets.push(Bucket { lower_ns, upper_ns, count });
        }
    }
    Histogram { buckets, max_ns: wire.max_ns }
}

/// Who is on the other side.
pub(crate) fn hello(wire: &v1::Hello, losses: &mut Losses) -> Hello {
    let sources = wire.sources.unwrap_or_default();
    let mut short = |raw: &str| text(raw, MAX_HELLO_TEXT_BYTES, losses);
    let (process_name, taskscope_version, tokio_version, os) = (
        short(&wire.process_name),
        short(&wire.taskscope_version),
        short(&wire.tokio_version),
        short(&wire.os),
    );
    let known = |text: String| (!text.is_empty()).then_some(text);
    Hello {
        instance: wire.instance,
        process_name,
        pid: (wire.pid != 0).then_some(wire.pid),
        started_unix_ns: (wire.started_unix_ns > 0).then_some(wire.started_unix_ns),
        taskscope_version: known(taskscope_version),
        tokio_version: known(tokio_version),
        os: known(os),
        sources: [
            (sources.tracing, "tracing"),
            (sources.hooks, "hooks"),
            (sources.wrappers, "wrappers"),
            (sources.resources, "resources"),
            (sources.tokio_console, TOKIO_CONSOLE),
        ]
        .into_iter()
        .filter_map(|(on, name)| on.then_some(name))
        .collect(),
        tokio_unstable: sources.tokio_unstable,
        problems: wire
            .problems
            .iter()
            .take(MAX_PROBLEMS)
            .map(|problem| text(problem, MAX_PROBLEM_BYTES, losses))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_frame_are_applied_in_the_order_that_wire_md_has() {
        let spec = include_str!("../../../../proto/WIRE.md");
        let order = spec
            .split_once("parts of a frame in this order")
            .and_then(|(_, rest)| rest.split_once("So a slot"));
        let (order, _) = order.expect("section 3.4");
        let said: Vec<&str> = order.split('`').skip(1).step_by(2).collect();
        let intake_first = ["hello", "snapshot_start"];
        let steps = STEPS.into_iter().flat_map(|(parts, _)| parts.iter().copied());
        let done: Vec<&str> =
            intake_first.into_iter().chain(steps).chain(["snapshot_end", "round_end"]).collect();
        assert_eq!(said, done);
    }
}
