//! The locks and channels of the made-up service: two transfers that wait for each other, a channel that no task empties, and
//! healthy ones.
//!
//! Invariant: as for the tasks, everything follows from the time alone.

use taskscope_proto::{
    agent::AgentRef,
    rows::{ChannelRow, FrameRows, HolderRow, LockRow, OpRow, OpStatRow, ResourceRow},
    v1::{Histogram, LockKnows, ResourceDetail, ResourceRef, TaskState},
};

use crate::{
    frames::first_in,
    service::{PICTURE_NS, SECOND, slot},
};

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

/// A task that waits for a resource.
pub(crate) struct Wait {
    pub(crate) source: &'static str,
    pub(crate) resource: u32,
    pub(crate) task: u32,
    pub(crate) since_ns: u64,
    pub(crate) site: u32,
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

/// Adds all of them to the first frame, and what changes to the others.
pub(crate) fn add(rows: &mut FrameRows, first: bool, now_ns: u64) {
    let all = made();
    if first {
        resources(rows, &all, now_ns);
    }
    for (slot, wait) in (0_u32..).zip(waits()).filter(|(_, wait)| wait.since_ns <= now_ns) {
        wait.add(rows, slot, first, now_ns);
    }
    locks(rows, &all, now_ns);
    channels(rows, &all, now_ns);
}

/// How many there are: their slots come first.
pub(crate) fn count() -> u32 {
    made().len() as u32
}

fn resources(rows: &mut FrameRows, all: &[Made], now_ns: u64) {
    for (slot, made) in (0..).zip(all) {
        let row = ResourceRow {
            generation: 1,
            concrete_type: rows.resources.text(made.concrete_type),
            kind: rows.resources.text(made.kind),
            name: rows.resources.text(made.name),
            site: made.site,
            created_ago_ns: now_ns - 50 * MILLI,
            ..ResourceRow::default()
        };
        rows.resources.push(slot, row);
    }
}

impl Wait {
    /// Adds it to those who wait; it is new to the console when that connects, or when it begins.
    pub(crate) fn add(&self, rows: &mut FrameRows, slot: u32, first: bool, now_ns: u64) {
        let ago_ns = now_ns - self.since_ns;
        if first || ago_ns < SECOND / 2 {
            let row = OpRow {
                generation: 1,
                source: rows.ops.text(self.source),
                resource: Some(first_in(self.resource)),
                created_ago_ns: ago_ns,
                site: self.site,
                ..OpRow::default()
            };
            rows.ops.push(slot, row);
        }
        let stats = OpStatRow {
            task: Some(first_in(self.task)),
            state: TaskState::Idle,
            state_ago_ns: ago_ns,
            polls: 1,
            busy_ns: 4_000,
            ..OpStatRow::default()
        };
        rows.op_stats.push(slot, stats);
    }
}

fn locks(rows: &mut FrameRows, all: &[Made], now_ns: u64) {
    let holds: Vec<Hold> = holds().into_iter().filter(|hold| hold.since_ns <= now_ns).collect();
    let knows = [LockKnows::Holders, LockKnows::Times, LockKnows::Places];
    for (slot, made) in (0_u32..).zip(all) {
        let What::Lock { per_s, contended, hold_ns, until_ns } = made.what else { continue };
        let age = now_ns.min(until_ns) as f64 / SECOND as f64;
        let acquisitions = (per_s * (age + 0.6 * (age * 0.4 + f64::from(slot)).sin())) as u64;
        // Contention comes in waves.
        let waited = (per_s * contended * (age + 0.8 * (age * 1.1).sin() / 1.1)).max(0.0) as u64;
        let row = LockRow {
            acquisitions,
            contended: waited,
            hold_ns: acquisitions * hold_ns / 3,
            wait_ns: waited * hold_ns,
            longest_hold_ns: hold_ns * 3,
            longest_wait_ns: if waited > 0 { hold_ns * 11 } else { 0 },
            hold_p99_ns: hold_ns,
            wait_p99_ns: if waited > 0 { hold_ns * 3 } else { 0 },
            knows: knows.into_iter().map(|bit| bit as u32).sum(),
            ..LockRow::default()
        };
        let mine = holds.iter().filter(|hold| hold.resource == slot);
        let holders = mine.map(|hold| HolderRow {
            holder: task(hold.task),
            held_ago_ns: now_ns - hold.since_ns,
            site: hold.site,
            permits: 1,
            shared: hold.shared,
        });
        rows.locks.push_with(slot, row, holders);
    }
}

fn channels(rows: &mut FrameRows, all: &[Made], now_ns: u64) {
    for (slot, made) in (0_u32..).zip(all) {
        let What::Channel { capacity, depth, per_s, senders, receivers, until_ns } = made.what else {
            continue;
        };
        let stopped = until_ns < u64::MAX;
        let sent = (per_s * now_ns.min(until_ns) as f64 / SECOND as f64) as u64;
        let depth = if stopped { depth * u64::from(now_ns >= until_ns) } else { depth };
        let last_ns = |end_ns: u64| if stopped { now_ns.saturating_sub(end_ns) } else { 8 * MILLI - 1 };
        let row = ChannelRow {
            senders: Some(senders),
            receivers: Some(receivers),
            depth: Some(depth),
            capacity,
            sent,
            received: sent - depth.min(sent),
            lagged: if made.concrete_type == "broadcast" { 12 } else { 0 },
            blocked_full_ns: if stopped { 310 * MILLI } else { 0 },
            blocked_empty_ns: now_ns / 2,
            last_sender: task(slot::CONN + 2),
            last_receiver: task(if stopped { slot::MAILER } else { slot::OUTBOX }),
            last_sent_ago_ns: Some(last_ns(MAIL_FULL_NS)),
            last_received_ago_ns: Some(last_ns(MAIL_STOPPED_NS)),
            closed: false,
            room_alone: false,
        };
        rows.channels.push(slot, row);
    }
}

fn task(slot: u32) -> AgentRef {
    AgentRef::Task { slot, generation: 1 }
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
