//! A made-up checkout service: who its tasks are and what each has done by a given moment.
//!
//! Invariant: everything follows from the time alone; no chance, no clock. So a picture changes only if a view does.
//!
//! Limit: it is plausible, not simulated: a poll here does not depend on another.

use taskscope_proto::{agent::AgentRef, v1::TaskKind};

/// The recorder's clock when the pictures' console connects. The half second is there because lints are looked at
/// once a second, and the last look should be at what the picture shows.
pub(crate) const CONNECT_NS: u64 = 720 * SECOND + SECOND / 2;
/// The recorder's clock when the pictures are taken: 12 min 31 s of uptime.
pub(crate) const PICTURE_NS: u64 = 751 * SECOND;
/// For how long `render-pdf` has been in its poll then.
pub(crate) const RENDER_AGO_NS: u64 = 1_318 * MILLI;
/// A second of the clock.
pub(crate) const SECOND: u64 = 1_000_000_000;
const MILLI: u64 = 1_000_000;
const MICRO: u64 = 1_000;

/// Places that spawn. The index on the wire is the position + 1.
pub(crate) const SITES: &[(&str, u32, u32)] = &[
    ("src/main.rs", 31, 18),
    ("src/main.rs", 40, 13),
    ("src/ledger.rs", 118, 9),
    ("src/invoice.rs", 52, 22),
    ("src/audit.rs", 23, 9),
    ("src/queue.rs", 77, 5),
    ("src/mail.rs", 14, 5),
    ("src/cache.rs", 61, 5),
    ("src/thumbs.rs", 95, 17),
    ("src/session.rs", 33, 9),
    ("src/pool.rs", 208, 9),
    ("src/main.rs", 22, 1),
    ("src/prices.rs", 44, 5),
    ("src/metrics.rs", 19, 5),
    ("src/outbox.rs", 88, 9),
    ("src/config.rs", 130, 5),
    ("src/main.rs", 27, 5),
    ("src/state.rs", 12, 21),
    ("src/state.rs", 13, 23),
    ("src/state.rs", 19, 21),
    ("src/bank.rs", 31, 16),
    ("src/stock.rs", 9, 16),
    ("src/mail.rs", 8, 20),
    ("src/prices.rs", 30, 18),
    ("src/outbox.rs", 17, 20),
    ("src/ledger.rs", 121, 30),
    ("src/ledger.rs", 124, 34),
    ("src/ledger.rs", 140, 34),
    ("src/ledger.rs", 143, 30),
    ("src/ledger.rs", 171, 34),
    ("src/checkout.rs", 88, 26),
];

/// Slots of the tasks that hold something or wait for it: their places in [`cast`].
pub(crate) mod slot {
    pub(crate) const MAILER: u32 = 3;
    pub(crate) const TRANSFER_88: u32 = 6;
    pub(crate) const TRANSFER_91: u32 = 7;
    pub(crate) const RENDER: u32 = 8;
    pub(crate) const OUTBOX: u32 = 14;
    pub(crate) const REFUND: u32 = 20;
    /// The first connection; of each three, the first is busy and the others are parked.
    pub(crate) const CONN: u32 = 21;
}

/// Threads that wake. The index on the wire is the position + 1.
pub(crate) const THREADS: &[&str] = &["main", "tokio-rt-worker 0", "tokio-rt-worker 1", "thumb-pool 0"];

/// What a task does all its life.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Life {
    /// Polled so often a second; `swing` is how much that goes up and down, from 0 to 1.
    Rhythm { polls_per_s: f64, poll_ns: u64, delay_ns: u64, swing: f64, self_wakes: f64 },
    /// Idle since then, with so many wakers left.
    Parked { since_ns: u64, polls: u64, wakers: u32 },
    /// In its last poll since then.
    Running { since_ns: u64, polls: u64 },
    /// Woken then, and not polled yet.
    Waiting { since_ns: u64, polls: u64 },
}

/// One task.
#[derive(Debug, Clone)]
pub(crate) struct Actor {
    pub(crate) tokio_id: u64,
    /// Position in [`SITES`].
    pub(crate) site: usize,
    pub(crate) kind: TaskKind,
    pub(crate) name: &'static str,
    pub(crate) fields: String,
    pub(crate) born_ns: u64,
    pub(crate) parent_slot: Option<u32>,
    pub(crate) size_bytes: u32,
    pub(crate) original_size_bytes: u32,
    pub(crate) life: Life,
}

/// What is known of a task at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Vitals {
    pub(crate) running: bool,
    pub(crate) scheduled: bool,
    pub(crate) state_ago_ns: u64,
    pub(crate) polls: u64,
    pub(crate) busy_ns: u64,
    pub(crate) scheduled_ns: u64,
    pub(crate) wakes: u64,
    pub(crate) self_wakes: u64,
    pub(crate) wakers: u32,
    pub(crate) last_wake_ago_ns: Option<u64>,
    pub(crate) last_waker: AgentRef,
    pub(crate) longest_poll_ns: u64,
    pub(crate) longest_scheduled_ns: u64,
}

/// Every task that is ever alive here; a task's slot is its position.
pub(crate) fn cast() -> Vec<Actor> {
    let mut cast = named();
    let accept = 1;
    for n in 0..1180_u64 {
        let quiet = n % 3 != 0;
        let life = if quiet {
            let last_word_ns = 4 * SECOND + spread(n, 9_000) * 10 * MILLI;
            Life::Parked { since_ns: PICTURE_NS - last_word_ns, polls: 40 + spread(n, 900), wakers: 1 }
        } else {
            rhythm(30.0 + spread(n, 120) as f64, 4 * MICRO + spread(n, 60) * MICRO, 9 * MICRO, 0.3, 0.0)
        };
        let actor =
            task(1_100 + n * 7, 1, "conn", CONNECT_NS - spread(n, 6_000) * 100 * MILLI - 20 * SECOND, life);
        let fields = format!("peer=10.0.{}.{}:{}", 4 + n % 3, 9 + spread(n, 200), 40_000 + spread(n, 20_000));
        cast.push(Actor { fields, parent_slot: Some(accept), size_bytes: 1_912, ..actor });
    }
    for n in 0..520_u64 {
        let born_ns = PICTURE_NS - 300 * MILLI - (519 - n) * 85 * MILLI;
        let life = Life::Parked { since_ns: born_ns + 2 * MILLI, polls: 1, wakers: 1 };
        cast.push(Actor { size_bytes: 640, ..task(40_000 + n * 31, 4, "audit", born_ns, life) });
    }
    // In the queue of the worker that `render-pdf` blocks.
    let waiting = Life::Waiting { since_ns: PICTURE_NS - 900 * MILLI, polls: 412 };
    let parent_slot = Some(accept);
    cast.push(Actor {
        parent_slot,
        size_bytes: 1_912,
        ..task(1_190, 1, "conn", CONNECT_NS - SECOND, waiting)
    });
    cast
}

/// The tasks that a reader looks at.
fn named() -> Vec<Actor> {
    let start = 40 * MILLI;
    let stuck_ns = PICTURE_NS - 41_200 * MILLI;
    let transfer = |id, from: &str, to: &str, wakers| Actor {
        fields: format!("from={from} to={to}"),
        size_bytes: 1_104,
        parent_slot: Some(1),
        ..task(
            id,
            2,
            "transfer",
            stuck_ns - 90 * MILLI,
            Life::Parked { since_ns: stuck_ns, polls: 4, wakers },
        )
    };
    let render = Life::Running { since_ns: PICTURE_NS - RENDER_AGO_NS, polls: 3 };
    let mailer = Life::Parked { since_ns: PICTURE_NS - 12_400 * MILLI, polls: 2_214, wakers: 0 };
    let refund = Life::Parked { since_ns: PICTURE_NS - 26_300 * MILLI, polls: 2, wakers: 1 };
    let thumb = |id, ms: u64| Actor {
        kind: TaskKind::Blocking,
        ..task(
            id,
            8,
            "resize",
            PICTURE_NS - ms * MILLI,
            Life::Running { since_ns: PICTURE_NS - ms * MILLI, polls: 1 },
        )
    };
    vec![
        Actor {
            kind: TaskKind::BlockOn,
            ..task(1, 11, "main", 0, Life::Parked { since_ns: 55 * MILLI, polls: 2, wakers: 1 })
        },
        task(4, 0, "accept", start, rhythm(212.0, 11 * MICRO, 21 * MICRO, 0.4, 0.0)),
        task(5, 5, "queue-drain", start, rhythm(2_400.0, 3 * MICRO, 5 * MICRO, 0.1, 0.97)),
        task(6, 6, "mailer", start, mailer),
        task(7, 7, "cache-refresh", start, rhythm(0.5, 5 * MILLI, 40 * MICRO, 0.0, 0.0)),
        task(9, 10, "pool-reaper", start, rhythm(1.0, 18 * MICRO, 25 * MICRO, 0.0, 0.0)),
        transfer(88, "4411", "9020", 1),
        transfer(91, "9020", "4411", 1),
        Actor {
            fields: "invoice=2291 pages=48".to_owned(),
            ..task(102, 3, "render-pdf", PICTURE_NS - 3_400 * MILLI, render)
        },
        Actor {
            size_bytes: 16,
            original_size_bytes: 24_576,
            ..task(117, 9, "session-sync", start, rhythm(20.0, 60 * MICRO, 33 * MICRO, 0.5, 0.0))
        },
        thumb(2_040, 84),
        thumb(2_041, 12),
        task(12, 12, "price-feed", start, rhythm(96.0, 34 * MICRO, 18 * MICRO, 0.6, 0.0)),
        task(13, 13, "metrics", start, rhythm(4.0, 310 * MICRO, 40 * MICRO, 0.2, 0.0)),
        task(14, 14, "outbox", start, rhythm(40.0, 120 * MICRO, 26 * MICRO, 0.9, 0.0)),
        task(15, 15, "config-watch", start, Life::Parked { since_ns: 312 * SECOND, polls: 9, wakers: 1 }),
        task(16, 16, "shutdown", start, Life::Parked { since_ns: start, polls: 1, wakers: 2 }),
        database(21, 0, 180.0, 0.5),
        database(22, 1, 140.0, 0.7),
        database(23, 2, 12.0, 0.9),
        Actor {
            fields: "order=7713".to_owned(),
            size_bytes: 1_104,
            ..task(94, 2, "refund", PICTURE_NS - 26_310 * MILLI, refund)
        },
    ]
}

fn database(tokio_id: u64, n: u32, polls_per_s: f64, swing: f64) -> Actor {
    let life = rhythm(polls_per_s, 52 * MICRO, 14 * MICRO, swing, 0.0);
    Actor { fields: format!("conn={n}"), size_bytes: 3_264, ..task(tokio_id, 10, "db", 60 * MILLI, life) }
}

fn task(tokio_id: u64, site: usize, name: &'static str, born_ns: u64, life: Life) -> Actor {
    Actor {
        tokio_id,
        site,
        kind: TaskKind::Task,
        name,
        fields: String::new(),
        born_ns,
        parent_slot: None,
        size_bytes: 472,
        original_size_bytes: 0,
        life,
    }
}

fn rhythm(polls_per_s: f64, poll_ns: u64, delay_ns: u64, swing: f64, self_wakes: f64) -> Life {
    Life::Rhythm { polls_per_s, poll_ns, delay_ns, swing, self_wakes }
}

impl Actor {
    /// What it has done by then.
    pub(crate) fn at(&self, slot: u32, now_ns: u64) -> Vitals {
        match self.life {
            Life::Rhythm { polls_per_s, poll_ns, delay_ns, swing, self_wakes } => {
                let age = now_ns.saturating_sub(self.born_ns) as f64 / SECOND as f64;
                // The rate is `1 + swing * cos`, so its sum has a sine; each task at another point of its wave.
                let phase = f64::from(slot) * 0.7;
                let polls =
                    (polls_per_s * (age + swing * ((age * 0.5 + phase).sin() - phase.sin()) / 0.5)) as u64;
                let beat_ns = (SECOND as f64 / polls_per_s) as u64;
                let ago_ns = spread(u64::from(slot) ^ now_ns, beat_ns.max(2));
                let own = (polls as f64 * self_wakes) as u64;
                let scheduled = spread(u64::from(slot) ^ now_ns, 130) == 0;
                Vitals {
                    scheduled,
                    state_ago_ns: if scheduled { ago_ns.min(delay_ns) } else { ago_ns },
                    polls,
                    busy_ns: polls * poll_ns,
                    scheduled_ns: polls * delay_ns,
                    wakes: polls,
                    self_wakes: own,
                    wakers: 1,
                    last_wake_ago_ns: Some(ago_ns),
                    last_waker: if self_wakes > 0.5 {
                        AgentRef::Task { slot, generation: 1 }
                    } else {
                        AgentRef::Thread(2 + slot % 2)
                    },
                    longest_poll_ns: poll_ns * 9,
                    longest_scheduled_ns: delay_ns * 40,
                    ..Vitals::default()
                }
            }
            Life::Parked { since_ns, polls, wakers } => {
                let done = if now_ns >= since_ns { polls } else { 0 };
                let ago_ns = now_ns.saturating_sub(since_ns.max(self.born_ns));
                Vitals {
                    state_ago_ns: ago_ns,
                    polls: done,
                    busy_ns: done * 210 * MICRO,
                    scheduled_ns: done * 12 * MICRO,
                    wakes: done.saturating_sub(1),
                    wakers,
                    last_wake_ago_ns: (done > 1).then_some(ago_ns + 300 * MICRO),
                    last_waker: if done > 1 { AgentRef::Thread(2) } else { AgentRef::Unknown },
                    longest_poll_ns: 312 * MICRO,
                    longest_scheduled_ns: 31 * MICRO,
                    ..Vitals::default()
                }
            }
            Life::Waiting { since_ns, polls } => Vitals {
                scheduled: now_ns >= since_ns,
                state_ago_ns: now_ns.abs_diff(since_ns),
                polls,
                busy_ns: polls * 40 * MICRO,
                scheduled_ns: polls * 12 * MICRO,
                wakes: polls,
                wakers: 1,
                last_wake_ago_ns: Some(now_ns.saturating_sub(since_ns)),
                last_waker: AgentRef::Thread(3),
                longest_poll_ns: 410 * MICRO,
                longest_scheduled_ns: 31 * MICRO,
                ..Vitals::default()
            },
            Life::Running { since_ns, polls } => Vitals {
                running: now_ns >= since_ns,
                scheduled: now_ns < since_ns,
                state_ago_ns: now_ns.abs_diff(since_ns),
                polls,
                busy_ns: (polls - 1) * 420 * MILLI,
                scheduled_ns: polls * 90 * MICRO,
                wakes: polls - 1,
                wakers: 1,
                last_wake_ago_ns: (polls > 1).then_some(now_ns.saturating_sub(since_ns)),
                last_waker: if polls > 1 { AgentRef::Thread(4) } else { AgentRef::Unknown },
                longest_poll_ns: if polls > 1 { 498 * MILLI } else { 0 },
                longest_scheduled_ns: 190 * MICRO,
                ..Vitals::default()
            },
        }
    }
}

/// A number below `bound` that looks like chance: the mixer of SplitMix64.
fn spread(n: u64, bound: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) % bound
}
