//! Timers: when they are due, as far as that is known.
//!
//! Invariant: a timer from before this console connected may have been set again since it was made; it is never called late.

use crate::analysis::Analysis;

use crate::store::resources::{Op, Resource};

const NS_PER_MS: u64 = 1_000_000;

/// When a timer is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    In(u64),
    /// So long ago, and it is still there.
    Late(u64),
    Unknown,
}

/// A timer that is late by less is on its way.
const LATE_NS: u64 = 50_000_000;

impl Due {
    /// Late by so much that it means something.
    pub(crate) fn late_ns(self) -> Option<u64> {
        match self {
            Self::Late(ns) => Some(ns).filter(|ns| *ns >= LATE_NS),
            Self::In(_) | Self::Unknown => None,
        }
    }
}

impl Analysis<'_> {
    pub(crate) fn is_timer(self, resource: &Resource) -> bool {
        !self.is_hidden(resource)
            && self.store.texts.text(resource.kind).is_some_and(|kind| kind.eq_ignore_ascii_case("timer"))
    }

    /// The length that a timer was set to: to its end, or the period of an interval.
    pub(crate) fn timer_length_ns(self, resource: &Resource) -> Option<u64> {
        self.number(&resource.attributes, "duration").map(|ms| ms.saturating_mul(NS_PER_MS))
    }

    pub(crate) fn is_interval(self, resource: &Resource) -> bool {
        self.store.texts.text(resource.concrete_type).is_some_and(|name| name.contains("Interval"))
    }

    /// When a timer is due; of an interval, the next tick at the latest. `wait`: the operation that waits for it.
    pub(crate) fn timer_due(self, resource: &Resource, wait: Option<&Op>) -> Due {
        let Some(length_ns) = self.timer_length_ns(resource) else { return Due::Unknown };
        let from_ns = match wait {
            // A tick is waited for from the one before it on.
            Some(op) if self.is_interval(resource) => op.created_ns,
            None if self.is_interval(resource) => return Due::Unknown,
            // tokio begins another one when the timer is set again.
            Some(op) if self.method(op) == "reset" => op.created_ns,
            _ => resource.reported_ns.unwrap_or(resource.created_ns),
        };
        let due_ns = from_ns.saturating_add(length_ns);
        match due_ns.checked_sub(self.store.now_ns) {
            Some(left_ns) => Due::In(left_ns),
            None if resource.reported_ns.is_some() && wait.is_some() => Due::Late(self.store.now_ns - due_ns),
            None => Due::Unknown,
        }
    }
}
