//! What is said of polls: by where their time went, as long as they are recent, and never of those that hold no worker.

use taskscope_proto::v1;

use super::{
    Client, Fake,
    fake::{MS, S},
    scheduler::{polling, scheduler, send, stuck, worker},
};
use crate::{
    LintKind, Severity, TaskKey,
    report::Lint,
    screen::task::{TaskView, TimelineEvent},
};

fn spent(cpu_ms: u64, queued_ms: u64, asleep_ms: u64) -> v1::PollTime {
    v1::PollTime { cpu_ns: cpu_ms * MS, queued_ns: queued_ms * MS, asleep_ns: asleep_ms * MS }
}

/// A poll of task 0 on worker 0 that ended just now.
fn ended(ms: u64, spent: impl Into<Option<v1::PollTime>>) -> v1::LongPoll {
    v1::LongPoll {
        thread: 1,
        task: Some(v1::TaskRef { slot: 0, generation: 1 }),
        site: 1,
        started_ago_ns: ms * MS,
        duration_ns: ms * MS,
        spent: spent.into(),
        in_place: false,
    }
}

fn lints(client: &Client, kind: LintKind) -> Vec<Lint> {
    client.model.report().lints.into_iter().filter(|lint| lint.lint == kind).collect()
}

/// What is said after task 0 had this poll.
fn after(poll: v1::LongPoll) -> (Client, Fake) {
    let mut fake = Fake::with_tasks(2);
    let mut client = Client::watching(&mut fake);
    let task = fake.task(0);
    (task.longest_poll_ns, task.polls) = (poll.duration_ns, 12_800_000);
    let mut report = scheduler(vec![worker(0, v1::WorkerState::Parked, S)], Vec::new());
    report.long_polls = vec![poll];
    send(&mut client, &mut fake, report);
    (client, fake)
}

fn of_poll(poll: v1::LongPoll) -> Option<(Severity, String, String)> {
    let (client, _) = after(poll);
    let mut found = lints(&client, LintKind::LongPoll);
    assert!(found.len() <= 1, "{found:?}");
    found.pop().map(|lint| (lint.severity, lint.message, lint.advice))
}

#[test]
fn a_poll_that_had_no_cpu_is_not_its_fault() {
    assert_eq!(of_poll(ended(102, spent(3, 98, 0))), None);
    assert_eq!(of_poll(ended(3_000, spent(20, 2_960, 15))), None);
}

#[test]
fn a_poll_that_slept_or_computed_is_described_by_what_it_did() {
    let (severity, message, advice) = of_poll(ended(1_500, spent(3, 20, 1_470))).unwrap();
    assert_eq!(severity, Severity::Warning);
    assert!(message.contains("was in one poll for 1.50 s"), "{message}");
    assert!(
        message.contains("it slept for at least 1.47 s. Since its start the longest of 12,800,000"),
        "{message}"
    );
    assert!(advice.starts_with("Look for blocking calls"), "{advice}");
    let (severity, message, advice) = of_poll(ended(300, spent(260, 35, 0))).unwrap();
    assert_eq!(severity, Severity::Info);
    assert!(message.contains("it computed for at least 260 ms and waited 35.0 ms for a CPU"), "{message}");
    assert!(advice.starts_with("It computes") && !advice.contains("blocking calls"), "{advice}");
}

#[test]
fn what_is_not_known_of_a_poll_is_said_to_be_unknown() {
    let (severity, message, _) = of_poll(ended(1_500, None)).unwrap();
    assert_eq!(severity, Severity::Info, "a suspicion");
    assert!(message.contains("how much of that it spent on a CPU is unknown"), "{message}");
}

#[test]
fn a_poll_is_no_finding_a_minute_later_and_its_length_stays() {
    let (mut client, mut fake) = after(ended(1_500, spent(3, 20, 1_470)));
    assert_eq!(lints(&client, LintKind::LongPoll).len(), 1);
    for _ in 0..59 {
        let report = scheduler(vec![worker(0, v1::WorkerState::Parked, S)], Vec::new());
        send(&mut client, &mut fake, report);
    }
    assert_eq!(lints(&client, LintKind::LongPoll).len(), 1, "59 s later");
    client.run(&mut fake, 3);
    assert_eq!(lints(&client, LintKind::LongPoll), []);
    let longest_ns = client.model.report().tasks.iter().filter_map(|task| task.longest_poll_ns).max();
    assert_eq!(longest_ns, Some(1_500 * MS));
}

#[test]
fn a_poll_that_gave_its_place_away_is_not_judged() {
    let poll = v1::LongPoll { in_place: true, ..ended(5_000, spent(3, 20, 4_970)) };
    assert_eq!(of_poll(poll), None);
}

/// Task 0 has been in a poll for 2.5 s, on worker 0 of 1; it is reported with its time.
fn running(polls: u64, spent: v1::PollTime) -> Client {
    let mut fake = Fake::with_tasks(1);
    let mut client = Client::watching(&mut fake);
    let now_ns = fake.now_ns + S;
    let task = fake.task(0);
    (task.state, task.polls, task.since_ns) = (v1::TaskState::Running, polls, now_ns - 2_500 * MS);
    let poll = v1::StuckPoll { spent: Some(spent), ..stuck(0, 0, 2_500 * MS) };
    send(&mut client, &mut fake, scheduler(vec![polling(0, 0, 2_500 * MS)], vec![poll]));
    client
}

#[test]
fn a_poll_that_goes_on_is_judged_by_its_own_time() {
    let kinds = |client: &Client| -> Vec<LintKind> {
        client.model.report().lints.into_iter().map(|lint| lint.lint).collect()
    };
    let blocked = spent(2, 10, 2_480);
    assert_eq!(kinds(&running(7, blocked)), [LintKind::RuntimeWedged, LintKind::LongPoll]);
    assert_eq!(kinds(&running(1, blocked)), [LintKind::RuntimeWedged, LintKind::NeverYielded]);
    let crowded_out = spent(90, 2_400, 0);
    assert_eq!(kinds(&running(7, crowded_out)), []);
    assert_eq!(kinds(&running(1, crowded_out)), []);
}

#[test]
fn a_runtime_driven_in_a_place_given_away_is_neither_wedged_nor_never_yields() {
    let mut fake = Fake::with_tasks(1);
    let mut client = Client::watching(&mut fake);
    let now_ns = fake.now_ns + S;
    let task = fake.task(0);
    (task.state, task.polls, task.since_ns) = (v1::TaskState::Running, 1, now_ns - 9 * S);
    // The thread is the only worker of the runtime that it drives in there.
    for seconds in 9..12 {
        let driven = v1::Worker { in_place: true, ..polling(0, 0, seconds * S) };
        send(&mut client, &mut fake, scheduler(vec![driven], Vec::new()));
        assert_eq!(client.model.report().lints, []);
    }
}

#[test]
fn a_protocol_without_workers_gives_no_more_than_a_suspicion() {
    for (polls, kind) in [(1, LintKind::NeverYielded), (9, LintKind::LongPoll)] {
        let mut fake = Fake::with_tasks(1);
        let now_ns = fake.now_ns;
        let task = fake.task(0);
        (task.state, task.polls, task.since_ns) = (v1::TaskState::Running, polls, now_ns - 9 * S);
        let mut client = Client::new(crate::Config::default());
        let mut frames = fake.snapshot();
        for frame in &mut frames {
            frame.hello.iter_mut().for_each(|hello| hello.taskscope_version.clear());
        }
        client.take(frames);
        let found = lints(&client, kind);
        assert_eq!(found[0].severity, Severity::Info, "{found:?}");
        assert!(found[0].message.contains("may be in block_in_place"), "{found:?}");
        assert!(!found[0].message.contains("has never yielded"), "{found:?}");
    }
}

/// Task 1 waited 200 ms for its poll, while the workers' counters went on by this.
fn delayed(poll_ms: u64, queued_ms: u64, long_poll: Option<v1::LongPoll>) -> Option<String> {
    let mut fake = Fake::with_tasks(2);
    let mut client = Client::watching(&mut fake);
    let with = |more: u64| v1::Worker {
        poll_ns: Some(S + more * poll_ms * MS),
        run_queue_wait_ns: Some(S + more * queued_ms * MS),
        ..worker(0, v1::WorkerState::Parked, MS)
    };
    send(&mut client, &mut fake, scheduler(vec![with(0)], Vec::new()));
    // A poll of 10 ms that ended 10 ms ago: the wait was from 220 ms to 20 ms ago.
    let now_ns = fake.now_ns + S;
    let conn = fake.task(1);
    (conn.longest_scheduled_ns, conn.polls) = (200 * MS, conn.polls + 1);
    (conn.since_ns, conn.busy_ns) = (now_ns - 10 * MS, conn.busy_ns + 10 * MS);
    let mut report = scheduler(vec![with(1)], Vec::new());
    report.long_polls = long_poll.into_iter().collect();
    send(&mut client, &mut fake, report);
    let mut found = lints(&client, LintKind::LongScheduleDelay);
    found.pop().map(|lint| format!("{} {}", lint.message, lint.advice))
}

#[test]
fn a_delay_is_explained_by_what_the_workers_did() {
    assert_eq!(delayed(60, 0, None), None, "nothing explains it: no finding");
    assert_eq!(delayed(60, 430, None), None, "the machine was busy");
    assert_eq!(delayed(950, 430, None), None, "preempted polls look like a busy worker");
    let busy = delayed(950, 0, None).unwrap();
    assert!(busy.contains("the workers were in polls for 95 % of that time"), "{busy}");
    assert!(busy.contains("The workers are busy"), "{busy}");
    let held = delayed(950, 430, Some(ended(1_000, spent(5, 20, 970)))).unwrap();
    assert!(held.contains("meanwhile #100 held worker 0") && !held.contains("are busy"), "{held}");
    let crowded_out = ended(1_000, spent(50, 940, 0));
    assert_eq!(delayed(950, 430, Some(crowded_out)), None);
}

/// What is shown of task 0 after this detail of it.
fn shown(change: impl FnOnce(&mut super::FakeTask), detail: v1::TaskDetail) -> TaskView {
    let mut fake = Fake::with_tasks(1);
    change(fake.task(0));
    let mut client = Client::watching(&mut fake);
    client.perform(crate::Action::Open);
    let task = Some(v1::TaskRef { slot: 0, generation: 1 });
    let detail = v1::TaskDetail { task, watched_ago_ns: S, ..detail };
    client.take(vec![v1::Frame { details: vec![detail], ..fake.delta() }]);
    client.model.task(TaskKey { slot: 0, generation: 1 }).expect("it lives")
}

fn event(kind: v1::EventKind, ago_ns: u64) -> v1::Event {
    v1::Event { kind: kind.into(), ago_ns, by: 1 }
}

#[test]
fn a_poll_whose_end_was_lost_is_no_bar_up_to_now() {
    let gaps = vec![v1::EventGap { from_ago_ns: 800, to_ago_ns: 300 }];
    let start = |ago_ns| event(v1::EventKind::PollStart, ago_ns);
    let end = |ago_ns| event(v1::EventKind::PollEnd, ago_ns);
    let known = TimelineEvent::Poll { start_ago_ns: 200, end_ago_ns: Some(150) };
    let unknown = TimelineEvent::Poll { start_ago_ns: 900, end_ago_ns: Some(900) };
    let cases = [
        (vec![start(900), start(200), end(150)], vec![unknown, known]),
        // This end is another poll's: that one's start was lost.
        (vec![start(900), end(250), start(200), end(150)], vec![unknown, known]),
        // The task is idle: the poll is over.
        (vec![start(200), end(150), start(900)], vec![unknown, known]),
    ];
    for (events, wanted) in cases {
        let view = shown(|_| {}, v1::TaskDetail { events, gaps: gaps.clone(), ..v1::TaskDetail::default() });
        let timeline = view.timeline.expect("it is watched");
        assert_eq!((timeline.events, timeline.gaps), (wanted, vec![(800, 300)]));
    }
}

#[test]
fn a_root_future_has_no_schedule_delays() {
    let zeros = v1::Histogram { lower_ns: vec![0], upper_ns: vec![98], count: vec![7], max_ns: 0 };
    let detail = || v1::TaskDetail { scheduled: Some(zeros.clone()), ..v1::TaskDetail::default() };
    let root = shown(|task| (task.kind, task.knows) = (v1::TaskKind::BlockOn, 0), detail());
    assert_eq!(root.schedule_delays, None);
    let never_waited = shown(|_| {}, detail()).schedule_delays.expect("it is known");
    assert!(never_waited.percentiles.iter().all(|(_, value)| *value == 0), "{never_waited:?}");
}

#[test]
fn the_last_of_few_polls_is_the_longest() {
    let polls = v1::Histogram {
        lower_ns: vec![20_000, 40_000, 300_000],
        upper_ns: vec![22_000, 44_000, 330_000],
        count: vec![2, 1, 1],
        max_ns: 312_000,
    };
    let view = shown(|_| {}, v1::TaskDetail { polls: Some(polls), ..v1::TaskDetail::default() });
    let percentiles = view.poll_times.expect("they are known").percentiles;
    assert_eq!(percentiles[3..], [(75, 44_000), (90, 312_000), (95, 312_000), (99, 312_000)]);
}
