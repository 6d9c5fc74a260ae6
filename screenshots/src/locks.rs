//! The locks and channels of the made-up service: two transfers that wait for each other, a channel that no task empties, and
//! healthy ones.
//!
//! Invariant: as for the tasks, everything follows from the time alone.

use taskscope_proto::{
    agent::AgentRef,
    columns::DeltaEncoder,
    v1::{
        ChannelColumns, Frame, Histogram, LockColumns, LockKnows, OpColumns, OpStatColumns, ResourceColumns,
        ResourceDetail, ResourceRef, TaskState,
    },
};

use crate::service::{PICTURE_NS, SECOND, slot};

const MILLI: u64 = 1_000_000;

/// Mutexes that the sessions have, one each.
const SESSIONS: u32 = 412;

/// Timers of the connections.
const TIMERS: u32 = 380;

/// When the deadlock began.
const STUCK_NS: u64 = PICTURE_NS - 41_200 * MILLI;

/// When the mailer stopped, and when its channel was full.
const MAIL_STOPPED_NS: u64 = PICTURE_NS - 12_400 * MILLI;
const MAIL_FULL_NS: u64 = PICTURE_NS - 9_100 * MILLI;

/// What the program made.
struct Made {
    concrete_type: &'static str,
    kind: &'static str,
    name: &'static str,
    /// Number of its place.
    site: u32,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    Lock { per_s: f64, contended: f64, hold_ns: u64, until_ns: u64 },
    Channel { capacity: u64, depth: u64, per_s: f64, senders: u32, receivers: u32, until_ns: u64 },
    Timer,
}

struct Hold {
    resource: u32,
    task: u32,
    since_ns: u64,
    site: u32,
    shared: bool,
}

struct Wait {
    source: &'static str,
    resource: u32,
    task: u32,
    since_ns: u64,
    site: u32,
}

/// Places, numbered as in [`crate::service::SITES`].
mod site {
    pub(super) const LEDGER: u32 = 18;
    pub(super) const ACCOUNTS: u32 = 19;
    pub(super) const CONFIG: u32 = 20;
    pub(super) const BANK: u32 = 21;
    pub(super) const STOCK: u32 = 22;
    pub(super) const MAIL: u32 = 23;
    pub(super) const PRICES: u32 = 24;
    pub(super) const JOBS: u32 = 25;
    pub(super) const DEBIT: u32 = 26;
    pub(super) const CREDIT: u32 = 27;
    pub(super) const REVERSE_DEBIT: u32 = 28;
    pub(super) const REVERSE_CREDIT: u32 = 29;
    pub(super) const REFUND: u32 = 30;
    pub(super) const CONFIRM: u32 = 31;
    pub(super) const SESSION: u32 = 10;
    pub(super) const CONN: u32 = 2;
    pub(super) const TIMEOUT: u32 = 1;
}

const LEDGER: u32 = 0;
const ACCOUNTS: u32 = 1;
const MAIL: u32 = 5;

fn made() -> Vec<Made> {
    let lock = |concrete_type, name, site, per_s, contended, hold_ns, until_ns| Made {
        concrete_type,
        kind: "Sync",
        name,
        site,
        what: What::Lock { per_s, contended, hold_ns, until_ns },
    };
    let channel = |concrete_type, name, site, what| Made { concrete_type, kind: "Sync", name, site, what };
    let mut all = vec![
        lock("Mutex", "ledger", site::LEDGER, 211.0, 0.031, 410_000, STUCK_NS),
        lock("Mutex", "accounts", site::ACCOUNTS, 209.0, 0.027, 380_000, STUCK_NS),
        lock("RwLock", "config", site::CONFIG, 4_100.0, 0.0, 22_000, u64::MAX),
        lock("Semaphore", "bank", site::BANK, 96.0, 0.004, 9 * MILLI, u64::MAX),
        lock("Mutex", "stock", site::STOCK, 812.0, 0.118, 64_000, u64::MAX),
        channel(
            "mpsc",
            "mail",
            site::MAIL,
            What::Channel {
                capacity: 256,
                depth: 256,
                per_s: 14.0,
                senders: 61,
                receivers: 1,
                until_ns: MAIL_FULL_NS,
            },
        ),
        channel(
            "broadcast",
            "prices",
            site::PRICES,
            What::Channel {
                capacity: 1_024,
                depth: 96,
                per_s: 96.0,
                senders: 1,
                receivers: 12,
                until_ns: u64::MAX,
            },
        ),
        channel(
            "mpsc",
            "jobs",
            site::JOBS,
            What::Channel {
                capacity: 64,
                depth: 3,
                per_s: 40.0,
                senders: 4,
                receivers: 1,
                until_ns: u64::MAX,
            },
        ),
    ];
    all.extend((0..SESSIONS).map(|_| lock("Mutex", "", site::SESSION, 1.4, 0.0, 9_000, u64::MAX)));
    all.extend((0..TIMERS).map(|_| Made {
        concrete_type: "Sleep",
        kind: "timer",
        name: "",
        site: site::TIMEOUT,
        what: What::Timer,
    }));
    all
}

fn holds() -> Vec<Hold> {
    let hold = |resource, task, since_ns, site, shared| Hold { resource, task, since_ns, site, shared };
    vec![
        hold(LEDGER, slot::TRANSFER_88, STUCK_NS - 2 * MILLI, site::DEBIT, false),
        hold(ACCOUNTS, slot::TRANSFER_91, STUCK_NS - MILLI, site::REVERSE_DEBIT, false),
        hold(2, slot::CONN, PICTURE_NS - MILLI, site::CONN, true),
        hold(2, slot::CONN + 3, PICTURE_NS - MILLI / 4, site::CONN, true),
        hold(3, slot::CONN + 6, PICTURE_NS - 4 * MILLI, site::CONN, false),
        hold(3, slot::CONN + 9, PICTURE_NS - 2 * MILLI, site::CONN, false),
    ]
}

fn waits() -> Vec<Wait> {
    let wait = |source, resource, task, since_ns, site| Wait { source, resource, task, since_ns, site };
    vec![
        wait("Mutex::lock", ACCOUNTS, slot::TRANSFER_88, STUCK_NS, site::CREDIT),
        wait("Mutex::lock", LEDGER, slot::TRANSFER_91, STUCK_NS, site::REVERSE_CREDIT),
        wait("Mutex::lock", ACCOUNTS, slot::REFUND, PICTURE_NS - 26_300 * MILLI, site::REFUND),
        wait("Sender::send", MAIL, slot::CONN + 1, MAIL_FULL_NS, site::CONFIRM),
    ]
}

/// How many there are: their slots come first.
pub(crate) fn count() -> u32 {
    made().len() as u32
}

/// Adds all of them to the first frame, and what changes to the others.
pub(crate) fn add(frame: &mut Frame, first: bool) {
    let (all, now_ns) = (made(), frame.now_ns);
    if first {
        resources(frame, &all, now_ns);
    }
    ops(frame, first, now_ns);
    locks(frame, &all, now_ns);
    channels(frame, &all, now_ns);
}

fn resources(frame: &mut Frame, all: &[Made], now_ns: u64) {
    let mut columns = ResourceColumns { slot_delta: deltas(0..all.len() as u32), ..Default::default() };
    for made in all {
        columns.generation.push(1);
        let [concrete_type, kind, name] =
            [made.concrete_type, made.kind, made.name].map(|text| intern(&mut columns.strings, text));
        columns.concrete_type.push(concrete_type);
        columns.kind.push(kind);
        columns.name.push(name);
        columns.site.push(made.site);
        columns.created_ago_ns.push(now_ns - 50 * MILLI);
    }
    frame.resources = Some(columns);
}

/// Those who wait by now; they are new to the console when it connects, or when they begin.
fn ops(frame: &mut Frame, first: bool, now_ns: u64) {
    let (mut columns, mut stats) = (OpColumns::default(), OpStatColumns::default());
    let (mut new, mut known) = (DeltaEncoder::default(), DeltaEncoder::default());
    for (slot, wait) in (0_u32..).zip(waits()).filter(|(_, wait)| wait.since_ns <= now_ns) {
        let ago_ns = now_ns - wait.since_ns;
        if first || ago_ns < SECOND / 2 {
            columns.slot_delta.extend(new.push(slot));
            columns.generation.push(1);
            columns.source.push(intern(&mut columns.strings, wait.source));
            columns.resource_slot_plus1.push(wait.resource + 1);
            columns.resource_generation.push(1);
            columns.created_ago_ns.push(ago_ns);
            columns.site.push(wait.site);
        }
        stats.slot_delta.extend(known.push(slot));
        stats.task_slot_plus1.push(wait.task + 1);
        stats.task_generation.push(1);
        stats.state.push(TaskState::Idle.into());
        stats.state_ago_ns.push(ago_ns);
        stats.polls.push(1);
        stats.busy_ns.push(4_000);
    }
    (frame.ops, frame.op_stats) = (Some(columns), Some(stats));
}

fn locks(frame: &mut Frame, all: &[Made], now_ns: u64) {
    let mut columns = LockColumns::default();
    let mut deltas = DeltaEncoder::default();
    let holds: Vec<Hold> = holds().into_iter().filter(|hold| hold.since_ns <= now_ns).collect();
    for (slot, made) in (0_u32..).zip(all) {
        let What::Lock { per_s, contended, hold_ns, until_ns } = made.what else { continue };
        let age = now_ns.min(until_ns) as f64 / SECOND as f64;
        let acquisitions = (per_s * (age + 0.6 * (age * 0.4 + f64::from(slot)).sin())) as u64;
        // Contention comes in waves.
        let waited = (per_s * contended * (age + 0.8 * (age * 1.1).sin() / 1.1)).max(0.0) as u64;
        columns.slot_delta.extend(deltas.push(slot));
        let mine = holds.iter().filter(|hold| hold.resource == slot);
        columns.holders.push(mine.clone().count() as u32);
        for hold in mine {
            columns.holder.push(AgentRef::Task { slot: hold.task, generation: 1 }.encode());
            columns.held_ago_ns.push(now_ns - hold.since_ns);
            columns.holder_site.push(hold.site);
            columns.holder_permits.push(1);
            columns.holder_shared.push(hold.shared);
        }
        columns.more_holders.push(0);
        columns.acquisitions.push(acquisitions);
        columns.contended.push(waited);
        columns.hold_ns.push(acquisitions * hold_ns / 3);
        columns.wait_ns.push(waited * hold_ns);
        columns.longest_hold_ns.push(hold_ns * 3);
        columns.longest_wait_ns.push(if waited > 0 { hold_ns * 11 } else { 0 });
        columns.hold_p99_ns.push(hold_ns);
        columns.wait_p99_ns.push(if waited > 0 { hold_ns * 3 } else { 0 });
        columns.poisoned.push(false);
        columns.free_ago_ns_plus1.push(0);
        let knows = [LockKnows::Holders, LockKnows::Times, LockKnows::Places];
        columns.knows.push(knows.into_iter().map(|bit| bit as u32).sum());
    }
    frame.locks = Some(columns);
}

fn channels(frame: &mut Frame, all: &[Made], now_ns: u64) {
    let mut columns = ChannelColumns::default();
    let mut deltas = DeltaEncoder::default();
    for (slot, made) in (0_u32..).zip(all) {
        let What::Channel { capacity, depth, per_s, senders, receivers, until_ns } = made.what else {
            continue;
        };
        let stopped = until_ns < u64::MAX;
        let sent = (per_s * now_ns.min(until_ns) as f64 / SECOND as f64) as u64;
        let depth = if stopped { depth * u64::from(now_ns >= until_ns) } else { depth };
        let last_ns = |end_ns: u64| if stopped { now_ns.saturating_sub(end_ns) + 1 } else { 8 * MILLI };
        columns.slot_delta.extend(deltas.push(slot));
        columns.senders_plus1.push(senders + 1);
        columns.receivers_plus1.push(receivers + 1);
        columns.depth_plus1.push(depth + 1);
        columns.capacity.push(capacity);
        columns.sent.push(sent);
        columns.received.push(sent - depth.min(sent));
        columns.lagged.push(if made.concrete_type == "broadcast" { 12 } else { 0 });
        columns.blocked_full_ns.push(if stopped { 310 * MILLI } else { 0 });
        columns.blocked_empty_ns.push(now_ns / 2);
        columns.last_sender.push(AgentRef::Task { slot: slot::CONN + 2, generation: 1 }.encode());
        let receiver = if stopped { slot::MAILER } else { slot::OUTBOX };
        columns.last_receiver.push(AgentRef::Task { slot: receiver, generation: 1 }.encode());
        columns.last_sent_ago_ns_plus1.push(last_ns(MAIL_FULL_NS));
        columns.last_received_ago_ns_plus1.push(last_ns(MAIL_STOPPED_NS));
        columns.closed.push(false);
    }
    frame.channels = Some(columns);
}

/// The histograms of a lock, as `histogram` makes them from a count, a typical value and the longest.
pub(crate) fn detail(
    resource: ResourceRef,
    now_ns: u64,
    histogram: impl Fn(u64, u64, u64) -> Histogram,
) -> ResourceDetail {
    let of = made().get(resource.slot as usize).map(|made| made.what);
    let Some(What::Lock { per_s, contended, hold_ns, until_ns }) = of else {
        return ResourceDetail { resource: Some(resource), ..Default::default() };
    };
    let count = per_s * now_ns.min(until_ns) as f64 / SECOND as f64;
    ResourceDetail {
        resource: Some(resource),
        holds: Some(histogram(count as u64, hold_ns / 4, hold_ns * 3)),
        waits: Some(histogram((count * contended) as u64, hold_ns, hold_ns * 11)),
    }
}

fn deltas(slots: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut encoder = DeltaEncoder::default();
    slots.filter_map(|slot| encoder.push(slot)).collect()
}

/// The 1-based index of a text among the strings; 0 for none.
fn intern(strings: &mut Vec<String>, text: &str) -> u32 {
    if text.is_empty() {
        return 0;
    }
    let known = strings.iter().position(|string| string == text).unwrap_or_else(|| {
        strings.push(text.to_owned());
        strings.len() - 1
    });
    known as u32 + 1
}
