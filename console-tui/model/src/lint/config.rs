//! Thresholds of the lints, as a configuration file writes them. Unknown keys are errors.

use serde::{Deserialize, Serialize};

macro_rules! thresholds {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
        pub struct $name {
            /// Whether the lint runs.
            pub enabled: bool,
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { enabled: true, $($field: $default,)* }
            }
        }
    };
}

/// Every lint's thresholds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct LintConfig {
    /// `lost-waker`
    pub lost_waker: LostWaker,
    /// `never-yielded`
    pub never_yielded: NeverYielded,
    /// `long-poll`
    pub long_poll: LongPoll,
    /// `long-schedule-delay`
    pub long_schedule_delay: LongScheduleDelay,
    /// `task-leak`
    pub task_leak: TaskLeak,
    /// `wake-storm`
    pub wake_storm: WakeStorm,
    /// `self-wakes`
    pub self_wakes: SelfWakes,
    /// `auto-boxed-future`
    pub auto_boxed_future: AutoBoxedFuture,
    /// `large-future`
    pub large_future: LargeFuture,
    /// `deadlock`
    pub deadlock: Deadlock,
    /// `futurelock`
    pub futurelock: Futurelock,
    /// `guard-across-await`
    pub guard_across_await: GuardAcrossAwait,
    /// `blocking-lock-held`
    pub blocking_lock_held: BlockingLockHeld,
    /// `blocking-lock-wait`
    pub blocking_lock_wait: BlockingLockWait,
    /// `lock-convoy`
    pub lock_convoy: LockConvoy,
    /// `writer-starvation`
    pub writer_starvation: WriterStarvation,
    /// `full-channel`
    pub full_channel: FullChannel,
    /// `stuck-oneshot`
    pub stuck_oneshot: StuckOneshot,
    /// `runtime-wedged`
    pub runtime_wedged: RuntimeWedged,
    /// `blocking-pool-saturated`
    pub blocking_pool_saturated: BlockingPoolSaturated,
    /// `driver-lost`
    pub driver_lost: DriverLost,
    /// `slow-consumer`
    pub slow_consumer: SlowConsumer,
    /// `dead-peer`
    pub dead_peer: DeadPeer,
    /// `backlog-overflow`
    pub backlog_overflow: BacklogOverflow,
    /// `descriptor-leak`
    pub descriptor_leak: DescriptorLeak,
    /// `retransmit-storm`
    pub retransmit_storm: RetransmitStorm,
    /// `ready-not-polled`
    pub ready_not_polled: ReadyNotPolled,
}

thresholds! {
    /// `lost-waker`
    LostWaker {
        /// It must have been idle without a waker for this long: a waker on its way from one thread to another is not lost.
        idle_ms: u64 = 1000,
    }
}
thresholds! {
    /// `never-yielded`
    NeverYielded {
        /// The first poll must have been running for this long.
        running_ms: u64 = 1000,
    }
}
thresholds! {
    /// `long-poll`
    LongPoll {
        /// A poll of this length is a finding.
        poll_ms: u64 = 100,
        /// A poll that has been running for this long is critical; one that took so long, a warning.
        critical_ms: u64 = 1000,
    }
}
thresholds! {
    /// `long-schedule-delay`
    LongScheduleDelay {
        /// A wait of this length between wake and poll is a finding.
        delay_ms: u64 = 100,
        /// A present wait of this length is critical.
        critical_ms: u64 = 1000,
    }
}
thresholds! {
    /// `task-leak`
    TaskLeak {
        /// A place with fewer live tasks is no leak yet.
        min_alive: u64 = 100,
        /// At most this share of the tasks ever spawned there has ended.
        max_finished_percent: u64 = 10,
        /// It has grown for this long, in each tenth of that time by a quarter of a tenth at least: a burst of clients is no leak, …
        min_span_ms: u64 = 300_000,
        /// … and at least this share of the tasks that are older than a tenth of it have been idle for most of their life.
        min_idle_percent: u64 = 90,
    }
}
thresholds! {
    /// `wake-storm`
    WakeStorm {
        /// Wakes a second, over the last seconds.
        wakes_per_s: f64 = 1000.0,
        /// Wakes for each poll.
        wakes_per_poll: f64 = 10.0,
    }
}
thresholds! {
    /// `self-wakes`
    SelfWakes {
        /// At least this share of the wakes of the last seconds, …
        percent: u64 = 90,
        /// … that cost this share of a CPU, …
        cpu_percent: u64 = 10,
        /// … while the mean poll was shorter than this: a longer one does something.
        max_poll_us: u64 = 10,
    }
}
thresholds! {
    /// `auto-boxed-future`
    AutoBoxedFuture {}
}
thresholds! {
    /// `large-future`
    LargeFuture {
        /// From this size on.
        size_bytes: u64 = 4096,
    }
}
thresholds! {
    /// `deadlock`
    Deadlock {
        /// Every wait of the circle must be older than this: what a frame tells is not of one instant.
        min_ms: u64 = 300,
        /// A circle that is not proven must be older than this.
        suspected_ms: u64 = 1000,
        /// A task that seems to wait for itself must do so for this long: the holder may be another future in it.
        alone_ms: u64 = 10000,
    }
}
thresholds! {
    /// `futurelock`
    Futurelock {
        /// The lock must have been the future's for this long.
        granted_ms: u64 = 300,
        /// Where nothing tells that it was given: free for this long, though somebody is first in line.
        suspected_ms: u64 = 1000,
    }
}
thresholds! {
    /// `guard-across-await`
    GuardAcrossAwait {
        /// Held for this long by an idle task, while others wait: a note.
        held_ms: u64 = 1000,
        /// A warning when those who wait have waited this long in sum: 30 tasks for 1 s, or one for 30 s.
        warning_ms: u64 = 30_000,
    }
}
thresholds! {
    /// `blocking-lock-held`
    BlockingLockHeld {
        /// Held for this long by a task that is not in a poll; somebody waits: critical.
        held_ms: u64 = 100,
    }
}
thresholds! {
    /// `blocking-lock-wait`
    BlockingLockWait {
        /// A poll has waited for this long.
        wait_ms: u64 = 10,
        /// A warning from here on, …
        warning_ms: u64 = 100,
        /// … and critical from here on.
        critical_ms: u64 = 1000,
    }
}
thresholds! {
    /// `lock-convoy`
    LockConvoy {
        /// This many wait at once, and …
        min_waiters: u64 = 8,
        /// … at least this share of the acquisitions of the last seconds had to wait, and …
        contended_percent: u64 = 90,
        /// … it was taken this often a second: with fewer there is nothing to judge, and …
        min_acquisitions_per_s: f64 = 100.0,
        /// … it was held for at most this share of the time: the rest went into handing it over.
        max_held_percent: u64 = 50,
    }
}
thresholds! {
    /// `writer-starvation`
    WriterStarvation {
        /// A writer waits for this long, while readers that came after it got in.
        wait_ms: u64 = 1000,
    }
}
thresholds! {
    /// `full-channel`
    FullChannel {
        /// A sender waits for room for this long, and nothing was received meanwhile.
        wait_ms: u64 = 1000,
    }
}
thresholds! {
    /// `stuck-oneshot`
    StuckOneshot {
        /// The receiver waits for this long, and its sender can't send.
        wait_ms: u64 = 1000,
    }
}
thresholds! {
    /// `runtime-wedged`
    RuntimeWedged {
        /// The poll of each worker must have gone on for this long.
        stuck_ms: u64 = 500,
        /// If each has for this long, it is critical.
        critical_ms: u64 = 1000,
    }
}
thresholds! {
    /// `blocking-pool-saturated`
    BlockingPoolSaturated {
        /// The first closure in line must have waited for this long.
        wait_ms: u64 = 500,
        /// If it has for this long, it is critical.
        critical_ms: u64 = 5000,
    }
}
thresholds! {
    /// `driver-lost`
    DriverLost {
        /// The driver must have been lost for this long; the process tells of it from half a second on.
        lost_ms: u64 = 500,
        /// If it has for this long, it is critical.
        critical_ms: u64 = 1000,
    }
}
thresholds! {
    /// `slow-consumer`
    SlowConsumer {
        /// A task waits for room to write for this long, or for this long the peer has taken nothing of what is there to send.
        wait_ms: u64 = 2000,
    }
}
thresholds! {
    /// `dead-peer`
    DeadPeer {
        /// Segments are sent again, or a connection is tried, for this long.
        silent_ms: u64 = 3000,
        /// A task waits for an answer for this long.
        reply_ms: u64 = 10000,
    }
}
thresholds! {
    /// `backlog-overflow`
    BacklogOverflow {
        /// Something was turned away twice within this time, …
        recent_ms: u64 = 30000,
        /// … or the backlog has been full for this long.
        full_ms: u64 = 1000,
    }
}
thresholds! {
    /// `descriptor-leak`
    DescriptorLeak {
        /// This share of the descriptors that the process may have is open; …
        limit_percent: u64 = 80,
        /// … from here on it is critical.
        critical_percent: u64 = 95,
        /// A place with fewer open ones is no leak yet.
        min_open: u64 = 50,
        /// At most this share of those ever opened there was closed.
        max_closed_percent: u64 = 10,
        /// The opening must go on for at least this long, …
        min_span_ms: u64 = 3000,
        /// … the newest must be younger than this, …
        max_newest_ms: u64 = 5000,
        /// … and at least half of them nobody has used for this long.
        unused_ms: u64 = 2000,
    }
}
thresholds! {
    /// `retransmit-storm`
    RetransmitStorm {
        /// Segments sent again a second, between two readings.
        per_s: f64 = 10.0,
    }
}
thresholds! {
    /// `ready-not-polled`
    ReadyNotPolled {
        /// It is ready, and its task waits, for this long.
        ready_ms: u64 = 3000,
    }
}
