//! The last minutes of the process, a point a second: what the graphs of the overview show.
//!
//! Invariant: a point is of the moment of one scan; what the process does not report is `None` in every point. Limit: [`MAX_POINTS`] points,
//! [`MAX_WORKERS`] workers in each.

use std::collections::VecDeque;

use crate::{
    id::WorkerKey,
    store::{
        detail::{Bucket, Histogram},
        scheduler::{Scheduler, WorkerCount},
        task::Sums,
    },
};

/// Points kept: two minutes, as many as the maps of the scheduler reach back.
pub(crate) const MAX_POINTS: usize = 120;
/// Workers in a point.
pub(crate) const MAX_WORKERS: usize = 64;
/// Time that a place in a graph stands for.
pub(crate) const POINT_NS: u64 = 1_000_000_000;
/// A console may want frames as rarely as every ten seconds: what came in a longer time is of no point.
const MAX_GAP_NS: u64 = 15_000_000_000;
/// The percentile of the waits for a worker.
const PERCENTILE: u8 = 99;

/// A moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    pub(crate) at_ns: u64,
    pub(crate) alive: u64,
    /// Since the point before.
    pub(crate) polls_per_s: Option<f64>,
    /// Of the waits for a worker that ended since the point before, and of those that go on; 0: there was none.
    pub(crate) delay_p99_ns: Option<u64>,
    /// Shares of time in polls, in the order of the workers.
    pub(crate) busy: Vec<(WorkerKey, f32)>,
}

impl Point {
    /// The mean over the workers; `None`: none is reported.
    pub(crate) fn mean_busy(&self) -> Option<f64> {
        let sum: f64 = self.busy.iter().map(|(_, share)| f64::from(*share)).sum();
        (!self.busy.is_empty()).then(|| sum / self.busy.len() as f64)
    }
}

/// See the module's text.
#[derive(Debug, Default, Clone)]
pub(crate) struct Trends {
    /// Oldest first.
    points: VecDeque<Point>,
    polls: u64,
    /// When the waits were reported last, and what was reported.
    delays: Option<(u64, Histogram)>,
    /// Those that ended between the last two reports.
    ended: Option<Histogram>,
}

impl Trends {
    /// Oldest first.
    pub(crate) fn points(&self) -> impl DoubleEndedIterator<Item = &Point> {
        self.points.iter()
    }

    pub(crate) fn last(&self) -> Option<&Point> {
        self.points.back()
    }

    /// Takes a point. `sums`: of the process, `None` where they are unknown; `woken`: how long those wait that were woken.
    pub(super) fn add(
        &mut self,
        at_ns: u64,
        alive: u64,
        sums: Option<Sums>,
        scheduler: &Scheduler,
        woken: &Histogram,
    ) {
        let before_ns = self.last().map(|last| last.at_ns);
        if before_ns.is_some_and(|before_ns| before_ns >= at_ns) {
            return;
        }
        let gap_ns = before_ns.map(|before_ns| at_ns - before_ns).filter(|gap_ns| *gap_ns <= MAX_GAP_NS);
        let polls = sums.map(|sums| sums.polls);
        let more = polls.map(|polls| polls.saturating_sub(std::mem::replace(&mut self.polls, polls)));
        let point = Point {
            at_ns,
            alive,
            polls_per_s: gap_ns.zip(more).map(|(gap_ns, more)| more as f64 * 1e9 / gap_ns as f64),
            delay_p99_ns: self.delay(scheduler, woken),
            busy: busy(scheduler),
        };
        if self.points.len() == MAX_POINTS {
            self.points.pop_front();
        }
        self.points.push_back(point);
    }

    fn delay(&mut self, scheduler: &Scheduler, woken: &Histogram) -> Option<u64> {
        let reported_ns = scheduler.reported_ns?;
        let now = scheduler.delays_ever.as_ref()?;
        if self.delays.as_ref().is_none_or(|(known_ns, _)| *known_ns != reported_ns) {
            let before = self.delays.replace((reported_ns, now.clone()));
            self.ended = before.map(|(_, before)| less(now, &before));
        }
        let ended = self.ended.as_ref()?;
        let mut all =
            Histogram { buckets: ended.buckets.iter().chain(&woken.buckets).copied().collect(), max_ns: 0 };
        all.buckets.sort_by_key(|bucket| bucket.lower_ns);
        let longest = |of: &Histogram| of.buckets.last().map_or(0, |last| last.upper_ns.min(of.max_ns));
        all.max_ns = longest(ended).max(longest(woken));
        let count = all.buckets.iter().map(|bucket| bucket.count).fold(0, u64::saturating_add);
        Some(if count == 0 { 0 } else { all.value_at(count, PERCENTILE, all.max_ns) })
    }
}

/// What came to a histogram of all time since it was as `before`.
fn less(now: &Histogram, before: &Histogram) -> Histogram {
    let known = |lower_ns: u64| {
        let at = before.buckets.binary_search_by_key(&lower_ns, |bucket| bucket.lower_ns);
        at.map_or(0, |at| before.buckets[at].count)
    };
    let new = now
        .buckets
        .iter()
        .map(|bucket| Bucket { count: bucket.count.saturating_sub(known(bucket.lower_ns)), ..*bucket });
    Histogram { buckets: new.filter(|bucket| bucket.count > 0).collect(), max_ns: now.max_ns }
}

fn busy(scheduler: &Scheduler) -> Vec<(WorkerKey, f32)> {
    let shares = scheduler.workers().filter_map(|worker| {
        let share = scheduler.worker_share(worker.key, WorkerCount::PollTime)?;
        Some((worker.key, share as f32))
    });
    shares.take(MAX_WORKERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    fn bucket(lower_ns: u64, count: u64) -> Bucket {
        Bucket { lower_ns, upper_ns: lower_ns * 2, count }
    }

    fn histogram(buckets: Vec<Bucket>) -> Histogram {
        let max_ns = buckets.last().map_or(0, |last| last.upper_ns);
        Histogram { buckets, max_ns }
    }

    fn scheduler(at_ns: u64, ever: Vec<Bucket>) -> Scheduler {
        let mut scheduler = Scheduler::default();
        (scheduler.reported_ns, scheduler.delays_ever) = (Some(at_ns), Some(histogram(ever)));
        scheduler
    }

    /// The percentile after each second of these.
    fn delays(seconds: Vec<(Vec<Bucket>, Vec<Bucket>)>) -> Vec<Option<u64>> {
        let mut trends = Trends::default();
        for (second, (ever, woken)) in (1..).zip(seconds) {
            let at_ns = second * S;
            trends.add(at_ns, 1, Some(Sums::default()), &scheduler(at_ns, ever), &histogram(woken));
        }
        trends.points().map(|point| point.delay_p99_ns).collect()
    }

    #[test]
    fn a_point_has_the_waits_that_ended_and_those_that_go_on() {
        let (before, later) = (vec![bucket(1000, 500)], vec![bucket(1000, 500), bucket(8000, 100)]);
        let seen = delays(vec![
            (before, vec![]),
            (later.clone(), vec![]),
            // Nothing is polled any more; some wait.
            (later.clone(), vec![bucket(2 * S, 3)]),
            (later, vec![]),
        ]);
        assert_eq!(seen[0], None, "what was before is of no second");
        assert!(seen[1].is_some_and(|ns| (8000..=16_000).contains(&ns)), "{seen:?}");
        assert!(seen[2].is_some_and(|ns| ns >= 2 * S), "{seen:?}");
        assert_eq!(seen[3], Some(0));
    }

    #[test]
    fn what_is_not_reported_is_unknown() {
        let mut trends = Trends::default();
        for second in 1..4 {
            trends.add(second * S, 1, None, &Scheduler::default(), &Histogram::default());
        }
        let last = trends.last().unwrap();
        assert_eq!((last.polls_per_s, last.delay_p99_ns, last.mean_busy()), (None, None, None));
    }

    #[test]
    fn no_number_of_points_grows_it() {
        let mut trends = Trends::default();
        for second in 1..1000 {
            let sums = Sums { polls: second * 50, ..Sums::default() };
            trends.add(second * S, 1, Some(sums), &Scheduler::default(), &Histogram::default());
        }
        assert_eq!(trends.points().count(), MAX_POINTS);
        assert_eq!(trends.last().unwrap().polls_per_s, Some(50.0));
    }
}
