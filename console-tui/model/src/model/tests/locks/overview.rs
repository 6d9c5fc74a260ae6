//! The verdict, and what stands beside it, in many states of a process.

use std::time::Duration;

use taskscope_proto::v1;

use super::scene::{FakeChannel, Scene};
use crate::{
    Action, ConnectionEvent, Event, Screen, Severity,
    model::tests::{
        Client, Fake,
        fake::{MS, S},
        scheduler::{polling, scheduler, send, stuck, worker},
    },
    screen::overview::{Health, OverviewView, Verdict},
};

fn overview(client: &Client) -> OverviewView {
    client.model.overview().expect("something is known")
}

fn verdict(client: &Client) -> Verdict {
    overview(client).verdict
}

/// Tasks that are polled a hundred times a second each, and workers that have time.
fn run(client: &mut Client, fake: &mut Fake, seconds: u64) {
    for _ in 0..seconds {
        for task in fake.tasks.values_mut() {
            task.polls += 100;
            task.since_ns = fake.now_ns + S - MS;
        }
        let workers = (0..2).map(|n| worker(n, v1::WorkerState::Parked, MS)).collect();
        send(client, fake, scheduler(workers, Vec::new()));
    }
}

#[test]
fn a_process_that_runs_is_healthy() {
    let mut fake = Fake::with_tasks(5);
    let mut client = Client::watching(&mut fake);
    run(&mut client, &mut fake, 4);
    let said = verdict(&client);
    assert_eq!((said.health, said.severity), (Health::Healthy, None), "{said:?}");
    assert_eq!(said.sentence, "500 polls/s; nothing was found");
    let view = overview(&client);
    let polls = view.graphs.iter().find(|graph| graph.title == "polls/s").unwrap();
    assert_eq!((polls.now.text.as_str(), polls.values.last()), ("500", Some(&Some(500.0))));
    assert_eq!(view.graphs[3].now.text, "5");
    assert_eq!(view.workers.len(), 2);
    assert!(view.findings.is_empty());
}

#[test]
fn one_where_nothing_is_polled_is_idle_and_says_what_is_waited_for() {
    let mut scene = Scene::new(3);
    let channel = FakeChannel { senders: 1, receivers: 1, ..FakeChannel::default() };
    scene.channel(0, "jobs", channel);
    scene.wait(0, "Receiver::recv", 0, 0, 9 * S);
    let mut client = scene.client();
    client.run(&mut scene.fake, 3);
    let said = verdict(&client);
    assert_eq!((said.health, said.severity), (Health::Idle, None), "{said:?}");
    assert_eq!(said.sentence, "nothing is polled; 3 tasks wait, t0 #100 12.0 s for mpsc jobs");
    assert_eq!(said.cause, "2 tasks wait for what nothing reports, for up to 5.00 s");
    let view = overview(&client);
    let waits: Vec<_> = view.waits.iter().map(|of| (of.what.text.as_str(), of.tasks.text.as_str())).collect();
    assert_eq!(waits, [("mpsc jobs", "1"), ("what nothing reports", "2")]);
    assert!(view.instrument.iter().any(|say| say.contains("use taskscope::")), "{:?}", view.instrument);
}

#[test]
fn a_wedged_runtime_is_said_before_all_else_with_who_blocks_it() {
    let mut scene = Scene::new(5);
    scene.mutex(0, "a", 2, 50 * S);
    scene.mutex(1, "b", 3, 45 * S);
    scene.wait(0, "Mutex::lock", 1, 2, 41 * S);
    scene.wait(1, "Mutex::lock", 0, 3, 40 * S);
    let now_ns = scene.fake.now_ns + S;
    for slot in [0, 1] {
        let task = scene.fake.task(slot);
        (task.state, task.since_ns) = (v1::TaskState::Running, now_ns - 41 * S);
    }
    let woken = scene.fake.task(4);
    (woken.state, woken.since_ns) = (v1::TaskState::Scheduled, now_ns - 40 * S);
    let mut client = scene.client();
    let report =
        |ago_ns| scheduler(vec![polling(0, 0, ago_ns), polling(1, 1, ago_ns)], vec![stuck(0, 0, ago_ns)]);
    send(&mut client, &mut scene.fake, report(41 * S));
    send(&mut client, &mut scene.fake, report(42 * S));
    let said = verdict(&client);
    assert_eq!((said.health, said.severity), (Health::Wedged, Some(Severity::Critical)), "{said:?}");
    assert_eq!(
        said.sentence,
        "both workers are stuck in polls, the longest for 42.0 s; 1 task waits for a worker"
    );
    assert!(
        said.cause.starts_with("t0 #100 blocks worker 0 in std::fs::read, called at src/invoice.rs:77"),
        "{said:?}"
    );
    let view = overview(&client);
    assert_eq!(view.workers[0].state.text, "blocked");
    let delay = view.graphs.iter().find(|graph| graph.title == "p99 delay").unwrap();
    assert_eq!(delay.now.text, "–", "the process reports no waits");
}

#[test]
fn a_deadlock_is_proven_or_suspected() {
    let scene = |loose| {
        let mut scene = Scene::new(3);
        scene.mutex(0, "a", 0, 50 * S).loose = loose;
        scene.mutex(1, "b", 1, 45 * S);
        scene.wait(0, "Mutex::lock", 1, 0, 41 * S);
        scene.wait(1, "Mutex::lock", 0, 1, 40 * S);
        scene
    };
    let said = verdict(&scene(false).client());
    assert_eq!((said.health, said.severity), (Health::Deadlocked, Some(Severity::Critical)), "{said:?}");
    assert_eq!(said.sentence, "t0 #100 → Mutex b → t1 #101 → Mutex a → t0 #100, for 40.0 s");
    assert!(said.cause.contains("t0 #100 waits at src/main.rs:10 for Mutex b"), "{said:?}");
    // What may be harmless is a suspicion.
    let mut client = scene(true).client();
    client.perform(Action::Overview);
    let view = overview(&client);
    let said = (view.verdict.health, view.verdict.severity);
    assert_eq!(said, (Health::Suspicious, Some(Severity::Warning)), "{:?}", view.verdict);
    assert_eq!(view.findings.len(), 1);
    client.perform(Action::Open);
    assert!(matches!(client.model.screen(), Screen::Waits(_)), "{:?}", client.model.screen());
    client.perform(Action::Back);
    assert_eq!(client.model.screen(), Screen::Overview);
}

#[test]
fn tasks_that_wait_for_a_worker_starve_and_who_held_it_is_named() {
    let mut scene = Scene::new(3);
    let now_ns = scene.fake.now_ns + S;
    let hog = scene.fake.task(0);
    (hog.site, hog.state, hog.since_ns) = (2, v1::TaskState::Running, now_ns - 3_200 * MS);
    for slot in [1, 2] {
        let woken = scene.fake.task(slot);
        (woken.state, woken.since_ns) = (v1::TaskState::Scheduled, now_ns - 2_000 * MS * u64::from(slot) / 2);
    }
    let mut client = scene.client();
    let workers = vec![polling(0, 0, 3_200 * MS), worker(1, v1::WorkerState::Searching, MS)];
    send(&mut client, &mut scene.fake, scheduler(workers, Vec::new()));
    let said = verdict(&client);
    assert_eq!((said.health, said.severity), (Health::Starving, Some(Severity::Critical)), "{said:?}");
    assert_eq!(said.sentence, "2 tasks wait for a worker, the longest, t2 #102, for 2.00 s");
    assert!(said.cause.contains("t0 #100 held worker 0"), "{said:?}");
}

#[test]
fn a_warning_is_one_and_further_findings_are_counted() {
    let mut fake = Fake::with_tasks(3);
    let now_ns = fake.now_ns;
    for slot in [5, 6] {
        fake.add(slot, |task| {
            (task.wakers, task.since_ns, task.site) = (Some(0), now_ns - 41 * S, slot - 4);
            task.kind = v1::TaskKind::Future;
        });
    }
    let said = verdict(&Client::watching(&mut fake));
    assert_eq!((said.health, said.severity), (Health::Suspicious, Some(Severity::Warning)), "{said:?}");
    assert!(said.sentence.contains("has been idle for 41.0 s and no waker for it exists"), "{said:?}");
    assert!(said.cause.starts_with("1 more finding"), "{said:?}");
}

#[test]
fn without_tasks_it_says_so() {
    let mut fake = Fake::new();
    let mut client = Client::watching(&mut fake);
    client.run(&mut fake, 2);
    assert_eq!(verdict(&client).health, Health::NoTasks);
    assert_eq!(verdict(&client).sentence, "no task has been spawned yet");
    fake.totals.insert(1, v1::SiteTotals { site: 1, spawned: 7, finished: 7, ..v1::SiteTotals::default() });
    client.run(&mut fake, 2);
    assert_eq!(verdict(&client).sentence, "all 7 tasks have ended");
}

#[test]
fn a_lost_connection_comes_first_with_what_was_seen_last() {
    let mut fake = Fake::with_tasks(3);
    let mut client = Client::watching(&mut fake);
    run(&mut client, &mut fake, 4);
    let reason = "the connection broke".to_owned();
    client.send(Event::Connection(ConnectionEvent::Lost { reason, retry_in: None }));
    client.wait(Duration::from_secs(12));
    let said = verdict(&client);
    assert_eq!((said.health, said.severity), (Health::Gone, Some(Severity::Warning)), "{said:?}");
    assert!(
        said.sentence.starts_with("no data for 13.0 s: the connection broke; it was healthy then: "),
        "{said:?}"
    );
    let nothing = Client::new(crate::Config::default());
    assert!(nothing.model.overview().is_none());
    let report = nothing.model.report().overview.unwrap();
    assert_eq!(report.verdict.health, Health::Unknown);
}

#[test]
fn what_limits_the_verdict_is_said() {
    let mut fake = Fake::with_tasks(3);
    fake.process.untracked = 12;
    let mut client = Client::watching(&mut fake);
    run(&mut client, &mut fake, 4);
    let said = verdict(&client);
    assert_eq!(said.health, Health::Healthy, "{said:?}");
    assert!(said.cause.contains("12 tasks or resources are beyond the recorder's limit"), "{said:?}");
}

#[test]
fn what_changed_is_listed_and_leads_to_its_tasks() {
    let mut fake = Fake::with_tasks(3);
    let mut client = Client::watching(&mut fake);
    client.perform(Action::Overview);
    client.run(&mut fake, 3);
    for slot in 10..60 {
        fake.add(slot, |task| task.site = 2);
    }
    client.run(&mut fake, 3);
    let view = overview(&client);
    let change = view.changes.iter().find(|change| change.measure == "tasks").expect("tasks came");
    assert_eq!(
        (change.name.text.as_str(), change.before.as_str(), change.now.as_str()),
        ("src/ledger.rs:20", "0", "50")
    );
    let link = change.link.expect("it leads there");
    client.send(Event::Click(crate::Target::Row(link)));
    client.perform(Action::Open);
    assert_eq!(client.model.screen(), Screen::Tasks);
    assert_eq!(client.model.table(crate::TableId::Tasks).filter, "place=\"src/ledger.rs:20:5\"");
    let report = client.model.report().overview.unwrap();
    assert!(report.changed.iter().any(|of| of.measure == "tasks" && of.now > 49.0), "{:?}", report.changed);
    assert_eq!(report.trend.last().map(|point| point.alive), Some(53));
}

#[test]
fn nothing_is_hidden_of_a_process_that_is_read_from_memory() {
    let mut fake = Fake::with_tasks(3);
    let mut frames = fake.snapshot();
    for hello in frames.iter_mut().filter_map(|frame| frame.hello.as_mut()) {
        hello.sources = Some(v1::Sources { memory: true, ..v1::Sources::default() });
    }
    let mut client = Client::new(crate::Config::default());
    client.take(frames);
    let view = overview(&client);
    assert_eq!(view.verdict.health, Health::Unjudged, "{:?}", view.verdict);
    assert!(view.verdict.cause.contains("lints can't be judged here"), "{:?}", view.verdict);
    assert_eq!(view.graphs[0].now.text, "–");
    assert_eq!(view.no_workers, Some("memory does not show it"));
}
