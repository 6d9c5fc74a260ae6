//! What changed most in the last minute: tasks by place, queues, backlogs, and the process as a whole.
//!
//! A change counts by its ratio: ten tasks that became a thousand are worth more than ten thousand that became eleven. What is small on both
//! sides counts for nothing.
//!
//! Limit: [`KEPT`] readings, one every [`EVERY_NS`], with [`MAX_SUBJECTS`] counts in each; a reading that had no room for all says nothing of
//! what it lacks.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use crate::{
    id::{DescriptorId, ResourceKey, SiteId},
    store::{Store, detail::Histogram, task::State},
};

/// Time between two readings that are kept.
const EVERY_NS: u64 = 10_000_000_000;
/// Readings kept: a minute, and the one before it.
const KEPT: usize = 7;
/// Counts in a reading.
const MAX_SUBJECTS: usize = 4096;
/// A smaller difference is no change.
const LEAST: u64 = 8;
/// Nor is one below half of what it was.
const LEAST_RATIO: f64 = 1.5;
/// So much on both sides takes the weight from what is small.
const DAMPING: f64 = 8.0;

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// Tasks of a place that are alive.
    Alive(SiteId),
    /// Those of them that were woken and not polled yet.
    Woken(SiteId),
    /// Values in a channel.
    Depth(ResourceKey),
    /// Connections that a listener did not accept yet.
    Backlog(DescriptorId),
    /// Bytes of a socket that the program did not read, and that the peer did not take.
    ReceiveQueue(DescriptorId),
    SendQueue(DescriptorId),
}

/// A count then and now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Change {
    pub(crate) subject: Subject,
    pub(crate) before: u64,
    pub(crate) now: u64,
}

impl Change {
    /// How much of a change it is; `None`: none.
    pub(crate) fn weight(&self) -> Option<f64> {
        // Bytes count by the kilobyte.
        let unit = match self.subject {
            Subject::ReceiveQueue(_) | Subject::SendQueue(_) => 1024,
            _ => 1,
        };
        let (before, now) = (self.before / unit, self.now / unit);
        weight(before as f64, now as f64).filter(|_| before.abs_diff(now) >= LEAST)
    }
}

/// The size of the change between two numbers; `None`: it is none.
pub(crate) fn weight(before: f64, now: f64) -> Option<f64> {
    let (least, most) = (before.min(now) + DAMPING, before.max(now) + DAMPING);
    (most / least >= LEAST_RATIO).then(|| (most / least).ln())
}

#[derive(Debug, Default, Clone)]
struct Reading {
    at_ns: u64,
    /// Counts of 0 are left out.
    counts: FxHashMap<Subject, u64>,
    /// There was no room for all.
    cut: bool,
}

/// See the module's text.
#[derive(Debug, Default, Clone)]
pub(crate) struct Changes {
    /// Oldest first.
    readings: VecDeque<Reading>,
    newest: Reading,
}

impl Changes {
    /// Takes in the counts of the moment that the store shows.
    fn add(&mut self, newest: Reading) {
        self.newest = newest;
        let last_ns = self.readings.back().map(|last| last.at_ns);
        if last_ns.is_none_or(|last_ns| self.newest.at_ns.saturating_sub(last_ns) >= EVERY_NS) {
            if self.readings.len() == KEPT {
                self.readings.pop_front();
            }
            self.readings.push_back(self.newest.clone());
        }
    }

    /// The time that the changes are of; `None`: there is one reading only.
    pub(crate) fn over_ns(&self) -> Option<u64> {
        let first = self.readings.front()?;
        Some(self.newest.at_ns.saturating_sub(first.at_ns)).filter(|over_ns| *over_ns > 0)
    }

    /// The largest first.
    pub(crate) fn list(&self) -> Vec<Change> {
        let Some(first) = self.readings.front() else { return Vec::new() };
        let mut changes: Vec<(f64, Change)> = Vec::new();
        let mut add = |subject: Subject, before: u64, now: u64| {
            let change = Change { subject, before, now };
            changes.extend(change.weight().map(|weight| (weight, change)));
        };
        for (subject, now) in &self.newest.counts {
            match first.counts.get(subject) {
                Some(before) => add(*subject, *before, *now),
                None if first.cut => {}
                None => add(*subject, 0, *now),
            }
        }
        for (subject, before) in &first.counts {
            if !self.newest.cut && !self.newest.counts.contains_key(subject) {
                add(*subject, *before, 0);
            }
        }
        changes.sort_by(|(a, left), (b, right)| b.total_cmp(a).then(left.subject.cmp(&right.subject)));
        changes.into_iter().map(|(_, change)| change).collect()
    }
}

impl Store {
    /// What the graphs and the list of changes show: a scan has looked at everything. `woken`: how long those wait that were woken.
    pub(crate) fn note_trends(&mut self, woken: &Histogram) {
        let sums = (!self.hello.is_memory()).then(|| self.totals());
        self.trends.add(self.now_ns, self.alive(), sums, &self.scheduler, woken);
        self.changes.add(read(self));
    }
}

fn read(store: &Store) -> Reading {
    let mut reading = Reading { at_ns: store.now_ns, ..Reading::default() };
    let mut add = |subject: Subject, count: Option<u64>| {
        let Some(count) = count.filter(|count| *count > 0) else { return };
        if reading.counts.len() < MAX_SUBJECTS {
            reading.counts.insert(subject, count);
        } else {
            reading.cut = true;
        }
    };
    for (id, site) in store.sites.used() {
        add(Subject::Alive(id), Some(site.live.len()));
        add(Subject::Woken(id), Some(site.live.count(State::Scheduled)));
    }
    for descriptor in store.descriptors.list() {
        add(Subject::Backlog(descriptor.id), descriptor.backlog);
        add(Subject::ReceiveQueue(descriptor.id), descriptor.recv_queue_bytes);
        add(Subject::SendQueue(descriptor.id), descriptor.send_queue_bytes);
    }
    for (slot, channel) in store.resources.locks.channels() {
        let key = store.resources.in_slot(slot).map(|resource| resource.key);
        if let Some(key) = key {
            add(Subject::Depth(key), channel.depth);
        }
    }
    reading
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    fn reading(at_ns: u64, counts: &[(u32, u64)]) -> Reading {
        let counts = counts.iter().map(|(site, count)| (Subject::Alive(SiteId(*site)), *count)).collect();
        Reading { at_ns, counts, cut: false }
    }

    fn between(before: Reading, now: Reading) -> Vec<(u64, u64)> {
        let changes = Changes { readings: VecDeque::from([before]), newest: now };
        changes.list().iter().map(|change| (change.before, change.now)).collect()
    }

    #[test]
    fn the_ratio_counts_and_what_is_small_does_not() {
        let before = reading(S, &[(1, 10), (2, 10_000), (3, 2), (4, 5), (5, 100)]);
        let now = reading(61 * S, &[(1, 1000), (2, 11_000), (3, 9), (5, 300), (6, 40)]);
        assert_eq!(between(before, now), [(10, 1000), (0, 40), (100, 300)]);
    }

    #[test]
    fn what_a_full_reading_lacks_is_no_change() {
        let before = Reading { cut: true, ..reading(S, &[(1, 50)]) };
        assert_eq!(between(before, reading(2 * S, &[(2, 900)])), [(50, 0)]);
        let now = Reading { cut: true, ..reading(2 * S, &[(2, 900)]) };
        assert_eq!(between(reading(S, &[(1, 50)]), now), [(0, 900)]);
    }
}
