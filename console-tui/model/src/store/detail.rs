//! What the server sends of the tasks on the screen.
//!
//! Limit: [`MAX_KEPT_EVENTS`] timeline events a task and [`MAX_KEPT_GAPS`] gaps, the oldest go first: 512 KiB.

use std::collections::VecDeque;

use crate::store::task::Agent;

/// Events kept of a watched task.
pub(crate) const MAX_KEPT_EVENTS: usize = 16_384;
/// Gaps kept of it.
const MAX_KEPT_GAPS: usize = 256;

/// Counts by bucket, checked: bounds ascend, no bucket is empty.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Histogram {
    pub(crate) buckets: Vec<Bucket>,
    pub(crate) max_ns: u64,
}

impl Histogram {
    /// The value that `percentile` percent of the values don't exceed, as if the values of a bucket were spread evenly. The last of few values is the
    /// largest.
    pub(crate) fn value_at(&self, count: u64, percentile: u8, max_ns: u64) -> u64 {
        let rank = (count as f64 * f64::from(percentile) / 100.0).ceil().max(1.0);
        let mut below = 0.0;
        for bucket in &self.buckets {
            let inside = bucket.count as f64;
            if below + inside >= rank && rank < count as f64 {
                let (lower, upper) = (bucket.lower_ns, bucket.upper_ns.min(max_ns).max(bucket.lower_ns));
                let part = ((rank - below) / inside).clamp(0.0, 1.0);
                return lower.saturating_add(((upper - lower) as f64 * part) as u64).min(max_ns);
            }
            below += inside;
        }
        max_ns
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bucket {
    pub(crate) lower_ns: u64,
    pub(crate) upper_ns: u64,
    pub(crate) count: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    PollStart,
    PollEnd,
    Wake,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) kind: EventKind,
    pub(crate) at_ns: u64,
    pub(crate) by: Agent,
}

/// Everything else about one task.
#[derive(Debug, Default, Clone)]
pub(crate) struct Detail {
    pub(crate) polls: Option<Histogram>,
    pub(crate) scheduled: Option<Histogram>,
    pub(crate) wakers: Vec<(Agent, u64)>,
    pub(crate) other_wakes: u64,
    pub(crate) watched_since_ns: u64,
    pub(crate) events: VecDeque<Event>,
    pub(crate) lost_events: u64,
    /// Where events are missing, from and to; oldest first.
    pub(crate) gaps: VecDeque<(u64, u64)>,
    /// Events that this client dropped for want of room; the timeline starts later, nothing in it is missing.
    pub(crate) dropped_before_ns: Option<u64>,
}

/// The await trees of a task, from the surest source on.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct AwaitTrees {
    /// Read from memory: every future.
    pub(crate) walked: Option<AwaitTree>,
    /// The futures that are traced, and what a task dump added.
    pub(crate) traced: Option<AwaitTree>,
}

impl AwaitTrees {
    /// The frames of the first one that has any.
    pub(crate) fn frames(&self) -> &[AwaitFrame] {
        self.first().map_or(&[], |(_, tree)| &tree.frames)
    }

    /// Where these are from, as reports say it.
    pub(crate) fn source(&self) -> Option<&'static str> {
        self.first().map(|(source, _)| source)
    }

    fn first(&self) -> Option<(&'static str, &AwaitTree)> {
        let trees = [("memory", &self.walked), ("traced", &self.traced)];
        let known = trees.into_iter().filter_map(|(source, tree)| Some((source, tree.as_ref()?)));
        known.into_iter().find(|(_, tree)| !tree.frames.is_empty())
    }
}

/// Which futures of a task await each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwaitTree {
    pub(crate) taken_ns: u64,
    /// Depth first.
    pub(crate) frames: Vec<AwaitFrame>,
    /// Why there is none, or not all of it.
    pub(crate) problem: Option<String>,
}

/// A future in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwaitFrame {
    pub(crate) depth: u32,
    pub(crate) text: String,
    /// `file:line`
    pub(crate) place: Option<String>,
    pub(crate) since_ns: Option<u64>,
    /// What else is known of it.
    pub(crate) detail: Option<String>,
    /// The frame above does not poll it now.
    pub(crate) not_polled: bool,
}

impl Detail {
    pub(crate) fn push(&mut self, event: Event) {
        if self.events.len() == MAX_KEPT_EVENTS {
            self.dropped_before_ns = self.events.pop_front().map(|oldest| oldest.at_ns);
        }
        // Threads are read one after the other: one may be a little late.
        let late = self.events.iter().rev().take_while(|known| known.at_ns > event.at_ns).count();
        self.events.insert(self.events.len() - late, event);
    }

    pub(crate) fn add_gap(&mut self, from_ns: u64, to_ns: u64) {
        if self.gaps.len() == MAX_KEPT_GAPS
            && let Some((_, to_ns)) = self.gaps.pop_front()
        {
            // Before it nothing is known any more.
            self.dropped_before_ns = self.dropped_before_ns.max(Some(to_ns));
        }
        self.gaps.push_back((from_ns, to_ns));
    }
}
