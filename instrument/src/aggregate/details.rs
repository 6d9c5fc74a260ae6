//! Everything else about the few tasks and locks that a console looks at.

use std::collections::HashMap;

use taskscope_proto::{limits, v1};
use taskscope_recorder::{Agent, TaskId, Ticks, histogram};

use super::{Hub, Watched, events, rows};

/// Which events of a task a console had.
#[derive(Debug, Default, Clone, Copy)]
struct SentEvents {
    /// The number of the next one.
    next: u64,
    /// The moment of the last round that had them; 0: none.
    at: Ticks,
}

/// The details one console wants, and which events it had.
#[derive(Debug, Default)]
pub(super) struct Details {
    wanted: HashMap<TaskId, SentEvents>,
}

impl Details {
    /// Watches what is newly wanted, stops what no longer is.
    pub(super) fn want(&mut self, hub: &Hub, tasks: &[v1::TaskRef]) {
        let recorder = hub.handle.recorder();
        let wanted: Vec<TaskId> = tasks
            .iter()
            .take(limits::MAX_DETAILS)
            .map(|task| recorder.tasks.id(task.slot, task.generation))
            .filter(|id| recorder.tasks.get(*id).is_some())
            .collect();
        self.wanted.retain(|task, _| {
            let keep = wanted.contains(task);
            if !keep {
                hub.unwatch(*task);
            }
            keep
        });
        for task in wanted {
            self.wanted.entry(task).or_insert_with(|| {
                hub.watch(task);
                SentEvents::default()
            });
        }
    }

    /// Takes the events out of the threads' rings: those that are sent happened before the round's moment.
    pub(super) fn begin_round(&self, hub: &Hub) {
        if !self.wanted.is_empty() {
            drop(hub.drain());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// A message a wanted task.
    pub(super) fn read(&mut self, hub: &Hub, now: Ticks) -> Vec<v1::TaskDetail> {
        if self.wanted.is_empty() {
            return Vec::new();
        }
        let watched = hub.watched();
        let budget = limits::MAX_EVENTS_PER_FRAME / self.wanted.len();
        let details = self
            .wanted
            .iter_mut()
            .filter_map(|(task, sent)| detail(hub, *task, watched.get(task)?, sent, budget, now));
        details.collect()
    }
}

/// The locks whose histograms one console wants.
#[derive(Debug, Default)]
pub(super) struct ResourceDetails {
    wanted: Vec<v1::ResourceRef>,
}

impl ResourceDetails {
    pub(super) fn want(&mut self, resources: &[v1::ResourceRef]) {
        self.wanted = resources.iter().copied().take(limits::MAX_RESOURCE_DETAILS).collect();
    }

    /// A message a wanted lock that is still there.
    pub(super) fn read(&self, hub: &Hub) -> Vec<v1::ResourceDetail> {
        let recorder = hub.handle.recorder();
        let details = self.wanted.iter().filter_map(|wanted| {
            let resource = recorder.resources.get(recorder.resources.id(wanted.slot, wanted.generation))?;
            let (lock, histograms) =
                (recorder.resources.read_lock(resource)?, recorder.resources.lock_histograms(resource)?);
            Some(v1::ResourceDetail {
                resource: Some(*wanted),
                holds: Some(histogram(hub, &histograms.holds, lock.longest_hold)),
                waits: Some(histogram(hub, &histograms.waits, lock.longest_wait)),
            })
        });
        details.collect()
    }
}

fn detail(
    hub: &Hub,
    task: TaskId,
    watched: &Watched,
    sent: &mut SentEvents,
    budget: usize,
    now: Ticks,
) -> Option<v1::TaskDetail> {
    let recorder = hub.handle.recorder();
    let clock = recorder.clock();
    let slot = recorder.tasks.get(task)?;
    let histograms = recorder.tasks.histograms(slot)?;
    let counters = slot.counters()?;
    let (events, gone) = watched.events_since(sent.next);
    // The newest matter most; what is skipped counts as lost to this console.
    let available = (watched.next_number() - sent.next - gone) as usize;
    let skipped = available.saturating_sub(budget);
    let mut events = events.peekable();
    let first = events.peek().map(|event| event.at);
    let mut events = events.skip(skipped).peekable();
    let mut gaps: Vec<(Ticks, Ticks)> = watched.gaps.iter().copied().filter(|gap| gap.1 > sent.at).collect();
    // From the last event that was sent up to the first that is now.
    let from = if gone > 0 { Some(sent.at.max(watched.since)) } else { first.filter(|_| skipped > 0) };
    gaps.extend(from.zip(events.peek()).map(|(from, event)| (from, event.at)));
    gaps.sort_unstable();
    let gaps = gaps.into_iter().take(limits::MAX_EVENT_GAPS);
    let gaps = gaps.map(|(from, to)| v1::EventGap {
        from_ago_ns: clock.between_ns(from, now),
        to_ago_ns: clock.between_ns(to, now),
    });
    let events = events.map(|event| v1::Event {
        kind: events::kind(event.kind).into(),
        ago_ns: clock.between_ns(event.at, now),
        by: rows::agent(Agent::from_u64(event.by)).encode(),
    });
    let mut events: Vec<v1::Event> = events.collect();
    // Threads are drained one after the other.
    events.sort_by_key(|event| std::cmp::Reverse(event.ago_ns));
    *sent = SentEvents { next: watched.next_number(), at: now };
    let lost = recorder.losses().lost_events - watched.lost_before;
    Some(v1::TaskDetail {
        task: Some(v1::TaskRef { slot: task.index(), generation: task.generation() }),
        polls: Some(histogram(hub, &histograms.polls, counters.longest_poll)),
        scheduled: Some(histogram(hub, &histograms.scheduled, counters.longest_scheduled)),
        wakers: wakers(watched),
        other_wakes: watched.other_wakes,
        watched_ago_ns: clock.between_ns(watched.since, now),
        events,
        gaps: gaps.collect(),
        lost_events: lost + gone + skipped as u64,
    })
}

fn wakers(watched: &Watched) -> Vec<v1::WakerCount> {
    let mut wakers: Vec<v1::WakerCount> = watched
        .wakers
        .iter()
        .map(|(by, count)| v1::WakerCount {
            waker: rows::agent(Agent::from_u64(*by)).encode(),
            count: *count,
        })
        .collect();
    wakers.sort_by_key(|waker| std::cmp::Reverse(waker.count));
    wakers
}

pub(super) fn histogram(hub: &Hub, counts: &[u64], longest: Ticks) -> v1::Histogram {
    let clock = hub.handle.recorder().clock();
    let max_ns = clock.length_ns(longest);
    let mut histogram = v1::Histogram { max_ns, ..v1::Histogram::default() };
    for (bucket, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let upper = match bucket + 1 {
            next if next < histogram::BUCKETS => clock.length_ns(histogram::lower_bound(next)),
            // The last bucket ends where the longest value was.
            _ => max_ns.saturating_add(1),
        };
        histogram.lower_ns.push(clock.length_ns(histogram::lower_bound(bucket)));
        histogram.upper_ns.push(upper);
        histogram.count.push(*count);
    }
    histogram
}

impl Details {
    /// Stops watching everything; the console is gone.
    pub(super) fn drop_all(&mut self, hub: &Hub) {
        for (task, _) in self.wanted.drain() {
            hub.unwatch(task);
        }
    }
}
