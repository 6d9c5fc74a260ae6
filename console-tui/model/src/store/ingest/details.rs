//! The details of tasks on the screen, and histograms.

use taskscope_proto::{agent::AgentRef, limits::MAX_DETAILS, v1};

use crate::{
    id::TaskKey,
    store::{
        Store,
        detail::{Bucket, Detail, Event, EventKind, Histogram},
    },
};

/// Applies a detail; one of a task that is unknown or not looked at is skipped.
pub(super) fn apply(store: &mut Store, wire: &v1::TaskDetail, now_ns: u64) {
    let Some(key) = wire.task.map(TaskKey::from) else { return };
    if store.task(key).is_none() || (store.details.len() >= MAX_DETAILS && !store.details.contains_key(&key))
    {
        return;
    }
    let detail: &mut Detail = store.details.entry(key).or_default();
    detail.polls = wire.polls.as_ref().map(histogram);
    detail.scheduled = wire.scheduled.as_ref().map(histogram);
    detail.wakers =
        wire.wakers.iter().map(|count| (AgentRef::decode(count.waker).into(), count.count)).collect();
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
        detail.push(Event {
            kind,
            at_ns: now_ns.saturating_sub(event.ago_ns),
            by: AgentRef::decode(event.by).into(),
        });
    }
    for gap in &wire.gaps {
        let (from_ns, to_ns) = (now_ns.saturating_sub(gap.from_ago_ns), now_ns.saturating_sub(gap.to_ago_ns));
        detail.add_gap(from_ns, to_ns.max(from_ns));
    }
}

/// Buckets in ascending order; those that overlap the one before, or hold nothing, make no sense and are left out.
pub(super) fn histogram(wire: &v1::Histogram) -> Histogram {
    let mut buckets: Vec<Bucket> = Vec::with_capacity(wire.count.len());
    for ((&lower_ns, &upper_ns), &count) in wire.lower_ns.iter().zip(&wire.upper_ns).zip(&wire.count) {
        let ascends = buckets.last().is_none_or(|last| last.upper_ns <= lower_ns);
        if ascends && lower_ns < upper_ns && count > 0 {
            buckets.push(Bucket { lower_ns, upper_ns, count });
        }
    }
    Histogram { buckets, max_ns: wire.max_ns }
}
