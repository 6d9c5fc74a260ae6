//! Runtimes, workers, stuck polls: what is shown of them, and who is blamed.

use taskscope_proto::v1;

use super::{
    Client, Fake,
    fake::{MS, S},
};
use crate::{Action, Event, LintKind, Screen, Severity, WorkerKey, screen::runtime::RuntimesView};

/// A worker of runtime 1, on thread `number + 1`.
pub(super) fn worker(number: u32, state: v1::WorkerState, ago_ns: u64) -> v1::Worker {
    v1::Worker {
        runtime: 1,
        worker: number,
        thread: number + 1,
        state: state.into(),
        state_ago_ns: ago_ns,
        polls: Some(100),
        poll_ns: Some(S),
        parks: Some(7),
        ..v1::Worker::default()
    }
}

pub(super) fn polling(number: u32, slot: u32, ago_ns: u64) -> v1::Worker {
    v1::Worker {
        task: Some(v1::TaskRef { slot, generation: 1 }),
        ..worker(number, v1::WorkerState::Polling, ago_ns)
    }
}

pub(super) fn stuck(number: u32, slot: u32, ago_ns: u64) -> v1::StuckPoll {
    let frame = |function: &str, file: &str, line, own| v1::StackFrame {
        function: function.into(),
        file: file.into(),
        line,
        own,
        ..v1::StackFrame::default()
    };
    v1::StuckPoll {
        thread: number + 1,
        task: Some(v1::TaskRef { slot, generation: 1 }),
        site: 2,
        started_ago_ns: ago_ns,
        captured_ago_ns_plus1: MS,
        kernel_state: "read".into(),
        stack: vec![
            frame("read", "", 0, false),
            frame("std::fs::read", "library/std/src/fs.rs", 300, false),
            frame("checkout::invoice::render", "src/invoice.rs", 77, true),
            frame("tokio::runtime::task::poll", "tokio-1.54.1/src/task.rs", 1, false),
        ],
        ..v1::StuckPoll::default()
    }
}

pub(super) fn scheduler(workers: Vec<v1::Worker>, stuck: Vec<v1::StuckPoll>) -> v1::Scheduler {
    let runtime = v1::Runtime {
        index: 1,
        name: "main".into(),
        flavor: v1::RuntimeFlavor::MultiThread.into(),
        workers: workers.len() as u32,
        ..v1::Runtime::default()
    };
    v1::Scheduler { runtimes: vec![runtime], workers, stuck, ..v1::Scheduler::default() }
}

/// A second later, with this.
pub(super) fn send(client: &mut Client, fake: &mut Fake, report: v1::Scheduler) {
    fake.now_ns += S;
    let frame = v1::Frame { scheduler: Some(report), ..fake.delta() };
    client.now += std::time::Duration::from_secs(1);
    client.send(Event::Tick { now: client.now });
    client.take(vec![frame]);
    client.wait(std::time::Duration::from_secs(1));
}

/// `render` (slot 0) blocks worker 0 for 1.5 s; `conn` (slot 1) has waited for a worker for 1 s.
fn starving() -> (Client, Fake) {
    let mut fake = Fake::with_tasks(2);
    let mut client = Client::watching(&mut fake);
    client.perform(Action::Runtime);
    let now_ns = fake.now_ns + S;
    let hog = fake.task(0);
    hog.name = "render".into();
    (hog.site, hog.state, hog.since_ns) = (2, v1::TaskState::Running, now_ns - 1_500 * MS);
    let conn = fake.task(1);
    conn.name = "conn".into();
    (conn.state, conn.since_ns) = (v1::TaskState::Scheduled, now_ns - S);
    // Names travel with the first report of a task.
    fake.reconnect();
    client.take(fake.snapshot());
    let workers = vec![polling(0, 0, 1_500 * MS), worker(1, v1::WorkerState::Parked, 10 * S)];
    send(&mut client, &mut fake, scheduler(workers, vec![stuck(0, 0, 1_500 * MS)]));
    (client, fake)
}

fn runtimes(client: &Client) -> RuntimesView {
    client.model.runtimes().expect("there is a picture")
}

#[test]
fn a_blocked_worker_is_marked_with_its_task_and_where_it_is() {
    let (client, _) = starving();
    let view = runtimes(&client);
    let rows = &view.runtimes[0].workers;
    let text = |row: usize, column| view.cell(&rows[row], column).expect("a cell for each").text.clone();
    assert_eq!(rows[0].row.severity, Some(Severity::Critical));
    assert_eq!((text(0, "state"), text(0, "task")), ("blocked".into(), "render #100".into()));
    assert_eq!(text(0, "in"), "read: src/invoice.rs:77");
    assert_eq!((rows[1].row.severity, text(1, "state")), (None, "parked".into()));
    assert_eq!(text(1, "cpu"), "–", "what is not reported is unknown");
}

/// As a program without the feature `symbols` sends it, where the console has not the program's file.
#[test]
fn a_function_without_a_name_is_an_address_in_its_file_everywhere() {
    let (mut client, mut fake) = starving();
    let at = |code_file, address| v1::StackFrame { code_file, address, ..v1::StackFrame::default() };
    let code_file = |path: &str| v1::CodeFile { path: path.into(), ..v1::CodeFile::default() };
    let nameless = v1::StuckPoll {
        stack: vec![at(1, 0x11_4c70), at(2, 0x4_1f20), at(3, 1)],
        code_files: vec![code_file("/lib/libc.so.6"), code_file("/opt/checkout")],
        problem: "/opt/checkout has no names here.".into(),
        ..stuck(0, 0, 2_500 * MS)
    };
    let workers = vec![polling(0, 0, 2_500 * MS), worker(1, v1::WorkerState::Parked, 11 * S)];
    send(&mut client, &mut fake, scheduler(workers, vec![nameless]));
    let report = client.model.report();
    let poll = &report.stuck_polls[0];
    let of = |i: usize| (poll.stack[i].code_file.as_deref(), poll.stack[i].address.as_deref());
    assert_eq!(
        (of(0), of(1)),
        ((Some("/lib/libc.so.6"), Some("0x114c70")), (Some("/opt/checkout"), Some("0x41f20")))
    );
    assert_eq!((of(2), poll.stack[0].function.as_deref()), ((None, None), None), "an index past the list");
    assert!(poll.stack.iter().all(|frame| !frame.own), "whose it is is not known");
    let first = &report.lints[0];
    assert!(first.message.contains("in libc.so.6+0x114c70"), "{}", first.message);
    let view = client.model.worker(WorkerKey { runtime: 1, number: 0 }).expect("it is listed");
    let stack = view.stuck.expect("it was taken");
    let lines: Vec<&str> = stack.lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(lines, ["libc.so.6+0x114c70", "checkout+0x41f20", "–"]);
    assert_eq!(stack.problem.as_deref(), Some("/opt/checkout has no names here."));
}

#[test]
fn the_guilty_task_comes_first_and_is_named_by_whoever_waits() {
    let (client, _) = starving();
    let report = client.model.report();
    let first = &report.lints[0];
    assert_eq!((first.lint, first.tasks.clone()), (LintKind::LongPoll, vec!["100".to_owned()]), "{first:?}");
    let place =
        "in std::fs::read, called at src/invoice.rs:77 by checkout::invoice::render (system call read)";
    assert!(first.message.contains(place), "{}", first.message);
    let delay = report.lints.iter().find(|lint| lint.lint == LintKind::LongScheduleDelay).expect("it waits");
    assert!(
        delay.message.contains("meanwhile render #100 held worker 0 (100 % of that time)"),
        "{}",
        delay.message
    );
    let waits = &report.starving[0];
    assert_eq!((waits.task.as_deref(), waits.ended_ago_ns), (Some("101"), None));
    assert_eq!(waits.blame[0].task.as_deref(), Some("100"));
    assert!(waits.blame[0].share > 0.99);
    assert!(report.workers[0].stuck && report.stuck_polls[0].duration_ns.is_none());
}

#[test]
fn a_wait_that_is_over_is_kept_with_those_who_held_the_workers() {
    let mut fake = Fake::with_tasks(2);
    let mut client = Client::watching(&mut fake);
    // Idle for 890 ms now, after a poll of 10 ms: it had waited from 1.3 s to 900 ms ago.
    let now_ns = fake.now_ns + S;
    let conn = fake.task(1);
    (conn.longest_scheduled_ns, conn.polls) = (400 * MS, conn.polls + 1);
    (conn.since_ns, conn.busy_ns) = (now_ns - 890 * MS, conn.busy_ns + 10 * MS);
    let long_poll = |slot, thread, ago_ns, duration_ns| v1::LongPoll {
        thread,
        task: Some(v1::TaskRef { slot, generation: 1 }),
        site: 1,
        started_ago_ns: ago_ns,
        duration_ns,
        ..v1::LongPoll::default()
    };
    let mut report = scheduler(vec![worker(0, v1::WorkerState::Parked, S)], Vec::new());
    report.long_polls = vec![long_poll(0, 1, 1_400 * MS, 300 * MS), long_poll(0, 9, 900 * MS, 390 * MS)];
    send(&mut client, &mut fake, report);
    let starved = &runtimes(&client).starved[0];
    assert_eq!(starved.length.text, "400 ms");
    assert_eq!(starved.blame.len(), 1, "a thread that is no worker is not to blame: {:?}", starved.blame);
    assert_eq!(
        (starved.blame[0].text.as_str(), starved.blame[0].share.text.as_str()),
        ("#100 held worker 0", "50 %")
    );
}

#[test]
fn closures_and_root_futures_hold_no_worker() {
    for kind in [v1::TaskKind::Blocking, v1::TaskKind::BlockOn] {
        let mut fake = Fake::with_tasks(2);
        let now_ns = fake.now_ns + S;
        let other = fake.task(0);
        (other.kind, other.state, other.since_ns) = (kind, v1::TaskState::Running, now_ns - 3 * S);
        let conn = fake.task(1);
        (conn.state, conn.since_ns) = (v1::TaskState::Scheduled, now_ns - S);
        let mut client = Client::watching(&mut fake);
        let outside = v1::Worker { runtime: 0, thread: 7, ..polling(0, 0, 3 * S) };
        let workers = vec![worker(0, v1::WorkerState::Parked, S), outside];
        send(&mut client, &mut fake, scheduler(workers, Vec::new()));
        assert_eq!(client.model.report().starving[0].blame, [], "{kind:?}");
    }
}

#[test]
fn a_runtime_is_wedged_when_each_worker_is_stuck_and_not_before() {
    let (mut client, mut fake) = starving();
    let wedged = |client: &Client| {
        let mut lints = client.model.report().lints.into_iter();
        lints.find(|lint| lint.lint == LintKind::RuntimeWedged)
    };
    assert_eq!(wedged(&client), None, "one worker is free");
    let now_ns = fake.now_ns + S;
    let other = fake.task(1);
    (other.state, other.since_ns) = (v1::TaskState::Running, now_ns - 700 * MS);
    let workers = vec![polling(0, 0, 2_500 * MS), polling(1, 1, 700 * MS)];
    let stuck = vec![stuck(1, 1, 700 * MS), stuck(0, 0, 2_500 * MS)];
    send(&mut client, &mut fake, scheduler(workers, stuck));
    let found = wedged(&client).expect("both are stuck");
    assert_eq!((found.severity, found.tasks.clone()), (Severity::Warning, vec!["100".into(), "101".into()]));
    assert!(
        found.message.starts_with("All 2 workers are stuck in polls: worker 0 in render #100 for 2.50 s"),
        "{found:?}"
    );
    assert_eq!(
        found.message.matches("invoice.rs:77").count(),
        1,
        "one place is named once: {}",
        found.message
    );
}

#[test]
fn a_full_blocking_pool_names_what_runs_on_it() {
    let mut fake = Fake::with_tasks(3);
    let now_ns = fake.now_ns + S;
    for slot in 0..3 {
        let closure = fake.task(slot);
        (closure.kind, closure.site) = (v1::TaskKind::Blocking, 2);
        (closure.state, closure.since_ns) = (v1::TaskState::Running, now_ns - 9 * S);
    }
    let queued = fake.task(2);
    (queued.site, queued.state, queued.since_ns) = (3, v1::TaskState::Scheduled, now_ns - 2 * S);
    let mut client = Client::watching(&mut fake);
    let mut report = scheduler(vec![worker(0, v1::WorkerState::Parked, S)], Vec::new());
    let runtime = &mut report.runtimes[0];
    (runtime.blocking_threads, runtime.idle_blocking_threads) = (Some(2), Some(0));
    (runtime.blocking_queue, runtime.max_blocking_threads) = (Some(1), Some(3));
    send(&mut client, &mut fake, report.clone());
    let full = |client: &Client| {
        let mut lints = client.model.report().lints.into_iter();
        lints.find(|lint| lint.lint == LintKind::BlockingPoolSaturated)
    };
    assert_eq!(full(&client), None, "a third thread may come");
    report.runtimes[0].max_blocking_threads = Some(2);
    send(&mut client, &mut fake, report);
    let found = full(&client).expect("it is full");
    assert!(
        found.message.contains("2 of 2 threads are busy, and 1 in its queue, the first for 3.00 s"),
        "{}",
        found.message
    );
    assert!(
        found.message.contains("Running: 2 from src/ledger.rs:20, the oldest for 10.0 s"),
        "{}",
        found.message
    );
    let closures = client.model.report().closures;
    assert_eq!((closures[0].running, closures[0].queued, closures[1].queued), (2, 0, 1));
}

#[test]
fn a_lost_driver_is_found_with_the_polls_that_are_stuck() {
    let (mut client, mut fake) = starving();
    let workers = vec![polling(0, 0, 2_500 * MS), worker(1, v1::WorkerState::Parked, S)];
    let mut report = scheduler(workers, vec![stuck(0, 0, 2_500 * MS)]);
    report.runtimes[0].driver_lost_ago_ns = Some(800 * MS);
    send(&mut client, &mut fake, report);
    let report = client.model.report();
    let found = report.lints.iter().find(|lint| lint.lint == LintKind::DriverLost).expect("it is lost");
    assert!(
        found.message.contains("for 800 ms") && found.message.contains("worker 0 in render #100"),
        "{found:?}"
    );
    assert_ne!(report.lints[0].lint, LintKind::DriverLost, "the poll comes before what follows from it");
}

#[test]
fn an_interval_in_which_another_thread_had_the_place_counts_for_nothing() {
    let mut fake = Fake::with_tasks(1);
    let mut client = Client::watching(&mut fake);
    client.perform(Action::Runtime);
    let polls = |client: &Client| {
        let view = runtimes(client);
        view.cell(&view.runtimes[0].workers[0], "polls").expect("a cell").text.clone()
    };
    let with = |polls, handed_over| {
        let worker = worker(0, v1::WorkerState::Parked, S);
        scheduler(vec![v1::Worker { polls: Some(polls), handed_over, ..worker }], Vec::new())
    };
    send(&mut client, &mut fake, with(100, false));
    assert_eq!(polls(&client), "–", "one reading has no rate");
    send(&mut client, &mut fake, with(150, false));
    assert_eq!(polls(&client), "50");
    send(&mut client, &mut fake, with(9_000, true));
    assert_eq!(polls(&client), "–");
    send(&mut client, &mut fake, with(9_020, false));
    assert_eq!(polls(&client), "20");
}

#[test]
fn a_worker_stays_chosen_while_tasks_come_and_go_before_it() {
    let (mut client, mut fake) = starving();
    client.perform(Action::Runtime);
    client.perform(Action::NextRow);
    client.perform(Action::NextRow);
    let chosen = |client: &Client| {
        let view = runtimes(client);
        view.links[view.selected_link.expect("one is chosen")].to
    };
    let second = Screen::Worker(WorkerKey { runtime: 1, number: 1 });
    assert_eq!(chosen(&client), second);
    let free = (0..2).map(|n| worker(n, v1::WorkerState::Parked, S)).collect();
    send(&mut client, &mut fake, v1::Scheduler { lost_long_polls: 3, ..scheduler(free, Vec::new()) });
    assert_eq!(chosen(&client), second);
    client.perform(Action::Open);
    assert_eq!(client.model.screen(), second);
    let Screen::Worker(key) = client.model.screen() else { panic!("{:?}", client.model.screen()) };
    let view = client.model.worker(key).expect("it is known");
    assert_eq!((view.state.text.as_str(), view.lost_long_polls), ("parked for 1.00 s", 3));
    client.perform(Action::Back);
    assert_eq!(chosen(&client), second);
}

#[test]
fn an_await_tree_is_asked_for_and_shown() {
    let mut fake = Fake::with_tasks(1);
    let mut client = Client::watching(&mut fake);
    client.perform(Action::Open);
    client.perform(Action::AwaitTree);
    assert_eq!(client.requests.last().expect("it asks").await_trees, 1);
    let task = Some(v1::TaskRef { slot: 0, generation: 1 });
    let frame = |depth, text: &str| v1::AwaitFrame {
        depth,
        text: text.into(),
        file: "src/ledger.rs".into(),
        line: 121,
        since_ago_ns_plus1: 3 * S + 1,
        ..v1::AwaitFrame::default()
    };
    let tree = v1::AwaitTree {
        task,
        taken_ago_ns: S,
        frames: vec![frame(0, "handle"), frame(1, "lock_both\u{1b}[2J")],
        ..v1::AwaitTree::default()
    };
    let detail = v1::TaskDetail { task, ..v1::TaskDetail::default() };
    fake.now_ns += S;
    let frame = v1::Frame { details: vec![detail], await_trees: vec![tree], ..fake.delta() };
    client.take(vec![frame]);
    let Screen::Task(key) = client.model.screen() else { panic!("{:?}", client.model.screen()) };
    let mut view = client.model.task(key).expect("it lives");
    let tree = view.await_trees.pop().expect("it came");
    assert_eq!((tree.lines[1].depth, tree.lines[1].place.as_str()), (1, "src/ledger.rs:121"));
    assert_eq!(tree.lines[1].text, "lock_both·[2J");
    assert_eq!(tree.lines[0].age, "2.00 s", "as of when it was taken");
}

#[test]
fn the_screen_says_why_it_is_empty() {
    let client = Client::watching(&mut Fake::with_tasks(1));
    let view = runtimes(&client);
    assert!(view.empty.expect("nothing was reported").contains("No runtimes reported"));
}

#[test]
fn a_poll_that_may_have_been_beside_a_wait_is_not_blamed() {
    // The wait of 100 ms was at some time in 1.1 s: of a poll of 950 ms nothing is certain, of one of 1,050 ms a half.
    for (poll_ms, wait_ms, share) in [(600, 12, None), (950, 100, None), (1_050, 100, Some("50 %"))] {
        let mut fake = Fake::with_tasks(2);
        let mut client = Client::watching(&mut fake);
        let conn = fake.task(1);
        (conn.longest_scheduled_ns, conn.polls) = (wait_ms * MS, conn.polls + 2);
        let mut report = scheduler(vec![worker(0, v1::WorkerState::Parked, S)], Vec::new());
        report.long_polls = vec![v1::LongPoll {
            thread: 1,
            task: Some(v1::TaskRef { slot: 0, generation: 1 }),
            site: 1,
            started_ago_ns: poll_ms * MS,
            duration_ns: poll_ms * MS,
            ..v1::LongPoll::default()
        }];
        send(&mut client, &mut fake, report);
        let blame = &runtimes(&client).starved[0].blame;
        assert_eq!(blame.first().map(|blame| blame.share.text.as_str()), share, "{blame:?}");
    }
}

#[test]
fn a_runtime_of_more_workers_than_stacks_can_be_wedged() {
    let mut fake = Fake::with_tasks(40);
    let now_ns = fake.now_ns + S;
    for slot in 0..40 {
        let task = fake.task(slot);
        (task.state, task.since_ns) = (v1::TaskState::Running, now_ns - 2 * S);
    }
    let mut client = Client::watching(&mut fake);
    let workers: Vec<v1::Worker> = (0..40).map(|number| polling(number, number, 2 * S)).collect();
    let stuck: Vec<v1::StuckPoll> = (0..32).map(|number| stuck(number, number, 2 * S)).collect();
    send(&mut client, &mut fake, scheduler(workers, stuck));
    client.run(&mut fake, 1);
    let report = client.model.report();
    let wedged =
        report.lints.iter().find(|lint| lint.lint == LintKind::RuntimeWedged).expect("all are stuck");
    assert!(wedged.message.starts_with("All 40 workers are stuck in polls"), "{}", wedged.message);
}

#[test]
fn closures_of_another_runtime_are_not_named() {
    let mut fake = Fake::with_tasks(2);
    let now_ns = fake.now_ns + S;
    for (slot, state) in [(0, v1::TaskState::Running), (1, v1::TaskState::Scheduled)] {
        let closure = fake.task(slot);
        (closure.kind, closure.state, closure.since_ns) = (v1::TaskKind::Blocking, state, now_ns - 2 * S);
    }
    let mut client = Client::watching(&mut fake);
    let mut report = scheduler(vec![worker(0, v1::WorkerState::Parked, S)], Vec::new());
    let full = v1::Runtime {
        blocking_threads: Some(1),
        idle_blocking_threads: Some(0),
        blocking_queue: Some(1),
        ..report.runtimes[0].clone()
    };
    let busy = v1::Runtime { index: 2, blocking_queue: Some(0), ..full.clone() };
    report.runtimes = vec![full, busy];
    send(&mut client, &mut fake, report);
    let report = client.model.report();
    let found =
        report.lints.iter().find(|lint| lint.lint == LintKind::BlockingPoolSaturated).expect("it is full");
    assert!(found.tasks.is_empty() && found.message.contains("is unknown"), "{found:?}");
}
