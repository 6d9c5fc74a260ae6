//! Everything known of one task, put together for its screen.

use crate::{
    analysis::Analysis,
    format::{UNKNOWN, bytes, count, duration_ns, exact, percent},
    id::{ResourceKey, TaskKey, WorkerKey},
    lints::{
        LintConfig,
        pass::{Look, run::about_task},
    },
    model::{io_detail, lock, resource::op_view, runtime::stack, ui::nav_stack::Chosen},
    nav::Screen,
    screen::{
        Tone,
        resource::OpView,
        table::Cell,
        task::{
            Bucket, Distribution, Fact, Link, MAX_CHILDREN, TaskFinding, TaskView, Timeline, TimelineEvent,
            WakerLine, Wakers,
        },
    },
    store::{
        detail::{Detail, EventKind, Histogram},
        scheduler::SAME_START_NS,
        task::{Agent, State, Task},
    },
};

/// The percentiles that are shown.
const PERCENTILES: [u8; 7] = [10, 25, 50, 75, 90, 95, 99];

/// Children of a task, found at the last refresh.
#[derive(Debug, Default, Clone)]
pub(crate) struct Children {
    pub(crate) of: Option<TaskKey>,
    pub(crate) list: Vec<TaskKey>,
    pub(crate) more: usize,
}

/// Children while a scan looks for them.
#[derive(Debug)]
pub(crate) struct ChildSearch {
    parent: TaskKey,
    found: Vec<(u64, TaskKey)>,
    total: usize,
}

impl ChildSearch {
    pub(super) fn new(parent: TaskKey) -> Self {
        Self { parent, found: Vec::new(), total: 0 }
    }

    pub(super) fn add(&mut self, task: &Task) {
        if task.facts.parent != Some(self.parent) {
            return;
        }
        self.total += 1;
        self.found.push((task.facts.created_ns, task.key));
        if self.found.len() > MAX_CHILDREN * 64 {
            // The newest ones.
            self.found.sort_unstable_by(|a, b| b.cmp(a));
            self.found.truncate(MAX_CHILDREN);
        }
    }

    pub(super) fn finish(mut self) -> Children {
        self.found.sort_unstable_by(|a, b| b.cmp(a));
        let list: Vec<TaskKey> = self.found.into_iter().take(MAX_CHILDREN).map(|(_, key)| key).collect();
        Children { of: Some(self.parent), more: self.total - list.len(), list }
    }
}

/// What can be opened from a screen; the same link for the same thing, and none to the screen itself.
pub(super) struct Links<'a> {
    store: Analysis<'a>,
    own: Screen,
    pub(super) list: Vec<Link>,
}

impl<'a> Links<'a> {
    pub(super) fn new(store: Analysis<'a>, own: Screen) -> Self {
        Self { store, own, list: Vec::new() }
    }

    pub(super) fn is_of_task(&self) -> bool {
        matches!(self.own, Screen::Task(_))
    }

    /// The link to a task that is known.
    pub(super) fn task(&mut self, key: TaskKey) -> Option<usize> {
        let store = self.store;
        let task = store.task(key)?;
        self.to(Screen::Task(key), || store.task_words(task))
    }

    /// The link to a resource that is known.
    pub(super) fn resource(&mut self, key: ResourceKey) -> Option<usize> {
        let store = self.store;
        let resource = store.resources.resource(key)?;
        self.to(Screen::Resource(key), || store.resource_words(resource))
    }

    /// The link to a worker that is known.
    pub(super) fn worker(&mut self, key: WorkerKey) -> Option<usize> {
        let store = self.store;
        store.scheduler.worker(key)?;
        self.to(Screen::Worker(key), || store.scheduler.worker_words(key))
    }

    fn to(&mut self, to: Screen, text: impl FnOnce() -> String) -> Option<usize> {
        if to == self.own {
            return None;
        }
        let known = self.list.iter().position(|link| link.to == to);
        known.or_else(|| {
            self.list.push(Link { text: text(), to });
            Some(self.list.len() - 1)
        })
    }
}

/// The screen of a task.
pub(crate) fn view(
    store: Analysis<'_>,
    task: &Task,
    children: &Children,
    chosen: Chosen,
    config: &LintConfig,
) -> TaskView {
    let mut links = Links::new(store, Screen::Task(task.key));
    // In the order of the screen.
    let (ops, more_ops) = store.ops_of_task(task.key);
    let ops: Vec<OpView> = ops.into_iter().map(|(depth, op)| op_view(store, depth, op, &mut links)).collect();
    let (holds, more_holds) = lock::holds(store, Agent::Task(task.key), &mut links);
    let (io, more_io) = io_detail::uses(store, task.key, &mut links);
    let detail = store.details.get(&task.key);
    let about = about(store, task, &mut links);
    let wake_facts = wake_facts(store, task, &mut links);
    // Where the server sends sums only, nothing of this will ever come.
    let sums_alone = task.facts.knows.sums_alone || task.facts.knows.looks_alone;
    let singles = detail.filter(|_| !sums_alone);
    let wakers = singles.map(|detail| wakers(store, task, detail, &mut links));
    let mine = children.of == Some(task.key);
    let listed: &[TaskKey] = if mine { &children.list } else { &[] };
    let children_links: Vec<usize> = listed.iter().filter_map(|key| links.task(*key)).collect();
    let at = store.now_ns;
    let state_words = match task.known_state() {
        State::Done if task.left_unseen => "ended between two rounds; what it did last is unknown".to_owned(),
        State::Unknown if task.state_is_unknown() => {
            "unknown: it began before taskscope, which sees no poll of it. With #[taskscope::main] it does"
                .to_owned()
        }
        State::Done => format!("ended {} ago", duration_ns(task.state_age_ns(at))),
        state if task.facts.knows.looks_alone => state.word().to_owned(),
        State::Running => format!("in its poll for {}", duration_ns(task.state_age_ns(at))),
        State::Unknown => UNKNOWN.to_owned(),
        state => format!("{} for {}", state.word(), duration_ns(task.state_age_ns(at))),
    };
    TaskView {
        key: task.key,
        id: if task.facts.tokio_id > 0 { format!("#{}", task.id()) } else { task.id() },
        title: store.name(task).unwrap_or(UNKNOWN).to_owned(),
        state: Cell::new(state_words, crate::tables::tasks::state_cell(task.known_state()).tone),
        gone: task.gone,
        about,
        life: life(store, task),
        wakes: wake_facts,
        ops,
        more_ops,
        holds,
        more_holds,
        io,
        more_io,
        waits: task.stats.state == State::Idle,
        findings: about_task(Look { store, config }, task).iter().map(TaskFinding::from).collect(),
        poll_times: detail.and_then(|detail| distribution(detail.polls.as_ref()?)),
        schedule_delays: detail.and_then(|detail| {
            distribution(detail.scheduled.as_ref().filter(|_| task.facts.knows.scheduled)?)
        }),
        wakers,
        children: children_links.iter().map(|link| links.list[*link].clone()).collect(),
        more_children: if mine { children.more } else { 0 },
        sums_alone,
        looks_alone: task.facts.knows.looks_alone,
        stuck: store.scheduler.stuck_of(task.key).and_then(|poll| stack::stack(store, poll)),
        await_trees: stack::await_trees(store, task.key),
        timeline: singles.map(|detail| timeline(task, detail, at)),
        selected_link: chosen.among(&links.list),
        links: links.list,
    }
}

pub(super) fn fact(label: &'static str, value: Cell) -> Fact {
    Fact { label, value, link: None }
}

fn about(store: Analysis<'_>, task: &Task, links: &mut Links) -> Vec<Fact> {
    let text = |text: Option<String>| text.map_or_else(Cell::unknown, Cell::normal);
    let parent = task.facts.parent.map(|key| {
        let words = store.waker_words(Agent::Task(key)).unwrap_or_default();
        (Cell::new(words, Tone::Link), links.task(key))
    });
    let (parent, link) = parent.unwrap_or((Cell::unknown(), None));
    let mut facts = vec![
        fact("kind", text(task.facts.kind.word().map(str::to_owned))),
        fact("spawned at", text(store.place(task.facts.site))),
        Fact { label: "spawned by", value: parent, link },
        fact("size", Cell::value(task.size_bytes(), |n| bytes(u64::from(n)))),
    ];
    if task.facts.original_size_bytes > 0 {
        facts.push(fact("before boxing", Cell::normal(bytes(u64::from(task.facts.original_size_bytes)))));
    }
    if let Some(fields) = store.fields(task) {
        facts.push(fact("fields", Cell::normal(fields)));
    }
    facts
}

fn life(store: Analysis<'_>, task: &Task) -> Vec<Fact> {
    let at = store.now_ns;
    // The longest since its start stays; what it did lately stands beside it.
    let recent = store.scheduler.worst_poll(task.key, at).map(|worst| worst.poll.length_ns);
    let longest = |ns: u64| match recent {
        Some(recent_ns) if recent_ns < ns => {
            format!("{} (last minute {})", duration_ns(ns), duration_ns(recent_ns))
        }
        _ => duration_ns(ns),
    };
    let total_ns = task.total_ns(at);
    let share = |ns: u64| {
        let share = percent(ns as f64 / total_ns.max(1) as f64);
        format!("{} ({share})", duration_ns(ns))
    };
    vec![
        fact("total", Cell::value(task.known_total_ns(at), duration_ns)),
        fact("busy", Cell::value(task.known_busy_ns(at), share)),
        fact("scheduled", Cell::value(task.scheduled_ns(at), share)),
        fact("idle", Cell::value(task.idle_ns(at), share)),
        fact("polls", Cell::value(task.polls(), exact)),
        fact("longest poll", Cell::value(task.longest_poll_ns(at), longest)),
        fact("longest delay", Cell::value(task.longest_scheduled_ns(at), duration_ns)),
    ]
}

fn wake_facts(store: Analysis<'_>, task: &Task, links: &mut Links) -> Vec<Fact> {
    let knows = task.facts.knows;
    let self_wakes = |n: u64| {
        let share = percent(n as f64 / task.stats.sums.wakes.max(1) as f64);
        format!("{} ({share})", exact(n))
    };
    let last_wake = match task.last_wake_ns(store.now_ns) {
        Some(ago_ns) => Cell::normal(format!("{} ago", duration_ns(ago_ns))),
        None if knows.wakes && !task.left_unseen => Cell::new("never", Tone::Dim),
        None => Cell::unknown(),
    };
    let (by, link) = match task.stats.last_waker {
        Agent::Task(key) if key == task.key => (Cell::normal("itself"), None),
        Agent::Task(key) => {
            let words = store.waker_words(Agent::Task(key)).unwrap_or_default();
            (Cell::new(words, Tone::Link), links.task(key))
        }
        waker => (store.waker_words(waker).map_or_else(Cell::unknown, Cell::normal), None),
    };
    vec![
        fact("wakes", Cell::value(task.wakes(), exact)),
        fact("self-wakes", Cell::value(task.self_wakes(), self_wakes)),
        fact("last wake", last_wake),
        Fact { label: "woken by", value: by, link },
        fact("wakers alive", Cell::value(task.wakers(), |n| count(u64::from(n)))),
        fact("clones", Cell::value(knows.clones.then_some(task.stats.waker_clones), exact)),
        fact("drops", Cell::value(knows.clones.then_some(task.stats.waker_drops), exact)),
    ]
}

fn wakers(store: Analysis<'_>, task: &Task, detail: &Detail, links: &mut Links) -> Wakers {
    let mut counts = detail.wakers.clone();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    let shown = counts.into_iter().map(|(waker, count)| {
        let (text, link) = match waker {
            Agent::Task(key) if key == task.key => ("itself".to_owned(), None),
            Agent::Task(key) => (store.waker_words(waker).unwrap_or_default(), links.task(key)),
            Agent::Thread(_) | Agent::Unknown => {
                (store.waker_words(waker).unwrap_or_else(|| "unknown".to_owned()), None)
            }
        };
        WakerLine { text, count, link }
    });
    Wakers {
        counts: shown.collect(),
        other: detail.other_wakes,
        watched_ns: store.now_ns.saturating_sub(detail.watched_since_ns),
    }
}

/// `None`: nothing was counted yet.
pub(super) fn distribution(histogram: &Histogram) -> Option<Distribution> {
    let count = histogram.buckets.iter().fold(0_u64, |sum, bucket| sum.saturating_add(bucket.count));
    if count == 0 {
        return None;
    }
    // The largest value is in the last bucket that has one, and every bucket ends there.
    let least_max_ns = histogram.buckets.last().map_or(0, |last| last.lower_ns);
    let max_ns = histogram.max_ns.max(least_max_ns);
    let end = |upper_ns: u64| upper_ns.min(max_ns);
    let percentiles =
        PERCENTILES.map(|percentile| (percentile, histogram.value_at(count, percentile, max_ns)));
    let error = |bucket: &crate::store::detail::Bucket| {
        let (lower, upper) = (bucket.lower_ns as f64, end(bucket.upper_ns).max(bucket.lower_ns) as f64);
        // Below the recorder's finest step there is nothing to be wrong about.
        if bucket.lower_ns == 0 { 0.0 } else { (upper - lower) / (upper + lower) }
    };
    let worst = histogram.buckets.iter().map(error).fold(0.0, f64::max);
    Some(Distribution {
        count,
        max_ns,
        percentiles: percentiles.to_vec(),
        error_percent: (worst * 100.0).ceil().clamp(0.0, 100.0) as u8,
        buckets: histogram
            .buckets
            .iter()
            .map(|bucket| Bucket {
                lower_ns: bucket.lower_ns,
                upper_ns: bucket.upper_ns,
                count: bucket.count,
            })
            .collect(),
    })
}

fn timeline(task: &Task, detail: &Detail, at: u64) -> Timeline {
    let ago = |at_ns: u64| at.saturating_sub(at_ns);
    let mut events: Vec<TimelineEvent> = Vec::with_capacity(detail.events.len());
    // The poll whose end is not known yet, and when it began.
    let mut open: Option<(usize, u64)> = None;
    for event in &detail.events {
        match event.kind {
            EventKind::PollStart => {
                open = Some((events.len(), event.at_ns));
                let start_ago_ns = ago(event.at_ns);
                // Until its end is found: of a poll whose end was lost no more is known than that it was.
                events.push(TimelineEvent::Poll { start_ago_ns, end_ago_ns: Some(start_ago_ns) });
            }
            EventKind::PollEnd => {
                // The end of a poll whose start was lost says nothing. Nor does one beyond a gap: it may be another poll's.
                let Some((index, start_ns)) = open.take() else { continue };
                let is_whole = !detail.gaps.iter().any(|gap| gap.0 < event.at_ns && gap.1 > start_ns);
                if let Some(TimelineEvent::Poll { end_ago_ns, .. }) =
                    events.get_mut(index).filter(|_| is_whole)
                {
                    *end_ago_ns = Some(ago(event.at_ns));
                }
            }
            EventKind::Wake => events.push(TimelineEvent::Wake {
                ago_ns: ago(event.at_ns),
                by_itself: event.by == Agent::Task(task.key),
            }),
        }
    }
    // A poll without an end goes on only if the task says so, too.
    let runs = |start_ns: u64| {
        task.stats.state == State::Running && task.stats.state_since_ns.abs_diff(start_ns) < SAME_START_NS
    };
    if let Some((index, _)) = open.filter(|(_, start_ns)| runs(*start_ns))
        && let Some(TimelineEvent::Poll { end_ago_ns, .. }) = events.get_mut(index)
    {
        *end_ago_ns = None;
    }
    let from_ns = detail.dropped_before_ns.unwrap_or(0).max(detail.watched_since_ns);
    let gaps = detail.gaps.iter().filter(|gap| gap.1 > from_ns);
    let gaps = gaps.map(|(from_ns, to_ns)| (ago(*from_ns), ago(*to_ns)));
    Timeline { from_ago_ns: ago(from_ns), events, gaps: gaps.collect(), lost: detail.lost_events }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::detail::Bucket as Raw;
    use proptest::prelude::*;

    fn raw(lower_ns: u64, upper_ns: u64, count: u64) -> Raw {
        Raw { lower_ns, upper_ns, count }
    }

    #[test]
    fn percentiles_are_interpolated_and_never_above_the_largest() {
        let histogram = Histogram {
            buckets: vec![raw(0, 100, 50), raw(100, 200, 49), raw(1000, u64::MAX, 1)],
            max_ns: 1500,
        };
        let shown = distribution(&histogram).unwrap();
        assert_eq!((shown.count, shown.max_ns, shown.error_percent), (100, 1500, 34));
        assert_eq!(shown.percentiles[2], (50, 100));
        assert_eq!(shown.percentiles[3], (75, 151));
        assert_eq!(shown.percentiles[6], (99, 200));
        assert_eq!(distribution(&Histogram::default()), None);
    }

    proptest! {
        #[test]
        fn percentiles_ascend_whatever_the_wire_says(
            parts in prop::collection::vec((1_u64..1 << 40, 1_u64..1 << 40, 1_u64..u64::MAX), 1..40), max_ns: u64,
        ) {
            let mut lower = 0;
            let buckets = parts.iter().map(|(gap, width, count)| {
                let bucket = raw(lower + gap, lower + gap + width, *count);
                lower = bucket.upper_ns;
                bucket
            }).collect();
            let shown = distribution(&Histogram { buckets, max_ns }).unwrap();
            prop_assert!(shown.percentiles.is_sorted_by_key(|(_, value)| *value));
            prop_assert!(max_ns == 0 || shown.percentiles.iter().all(|(_, value)| *value <= max_ns));
        }
    }
}
