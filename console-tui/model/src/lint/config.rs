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
        /// The spawning must go on for at least this long, …
        min_span_ms: u64 = 5000,
        /// … the newest task must be younger than this, …
        max_newest_ms: u64 = 3000,
        /// … and at least half of the tasks must have been idle for this long.
        idle_ms: u64 = 2000,
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
        /// More than this share of the wakes.
        percent: u64 = 50,
        /// With fewer wakes there is nothing to judge.
        min_wakes: u64 = 100,
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
