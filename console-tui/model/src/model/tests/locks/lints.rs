//! The other lints about locks and channels: each fires on its fault, and is silent on what only looks like it.

use super::scene::{FakeChannel, Scene, task};
use crate::{
    Config, LintKind, ResourceKey, Severity,
    model::tests::{
        Client,
        fake::{MS, S},
        scheduler::{polling, scheduler, stuck},
    },
    screen::findings::{FindingView, Subject},
};

fn only(scene: &mut Scene) -> FindingView {
    let mut findings = scene.findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert!(!findings[0].advice.is_empty());
    findings.remove(0)
}

fn lock_of(scene: &mut Scene, slot: u32) -> &mut super::scene::FakeLock {
    scene.things.get_mut(&slot).unwrap().lock.as_mut().unwrap()
}

#[test]
fn a_guard_across_an_await() {
    let scene = || {
        let mut scene = Scene::new(3);
        scene.mutex(0, "accounts", 0, 41 * S);
        scene.thing(9, "Sleep", "");
        scene.wait(9, "Sleep::new_timeout", 9, 0, 40 * S);
        scene.wait(0, "Mutex::lock", 0, 1, 5 * S);
        scene
    };
    let finding = only(&mut scene());
    assert_eq!((finding.id.lint, finding.severity), (LintKind::GuardAcrossAwait, Severity::Info));
    assert_eq!(finding.id.subject, Subject::Resource(ResourceKey { slot: 0, generation: 1 }));
    assert_eq!((finding.count, finding.place.as_deref()), (2, Some("src/ledger.rs:20:5")));
    assert_eq!(
        finding.message,
        "t0 #100 has held Mutex accounts (made at src/ledger.rs:20) for 41.0 s (acquired at src/db.rs:30) across an await: \
         it is idle and waits for Sleep src/ledger.rs:20 at src/main.rs:10, for 40.0 s; t1 #101 has waited for it for 5.00 s."
    );
    // What it costs: 30 s of waiting, of one task or of several.
    let costly: [fn(&mut Scene); 2] = [
        |scene| drop(scene.wait(0, "Mutex::lock", 0, 1, 30 * S).clone()),
        |scene| {
            scene.wait(0, "Mutex::lock", 0, 1, 20 * S);
            scene.wait(1, "Mutex::lock", 0, 2, 10 * S);
        },
    ];
    for cost in costly {
        let mut costly = scene();
        cost(&mut costly);
        assert_eq!(only(&mut costly).severity, Severity::Warning);
    }
    let spared: [fn(&mut Scene); 5] = [
        |scene| lock_of(scene, 0).holders[0].1 = S / 2,
        // No task is kept waiting.
        |scene| drop(scene.waits.remove(&0)),
        // It works.
        |scene| scene.fake.task(0).state = taskscope_proto::v1::TaskState::Running,
        // Permits are there to be held.
        |scene| scene.things.get_mut(&0).unwrap().concrete_type = "Semaphore",
        // Another future of the same task waits.
        |scene| scene.waits.get_mut(&0).unwrap().task = Some(0),
    ];
    for (i, spare) in spared.into_iter().enumerate() {
        let mut spared = scene();
        spare(&mut spared);
        assert_eq!(spared.messages(), [""; 0], "{i}");
    }
}

#[test]
fn of_a_chain_of_holders_the_root_is_named() {
    let mut scene = Scene::new(3);
    scene.mutex(0, "outer", 0, 10 * S);
    scene.mutex(1, "inner", 1, 20 * S);
    scene.wait(0, "Mutex::lock", 1, 0, 9 * S);
    scene.wait(1, "Mutex::lock", 0, 2, 8 * S);
    let finding = only(&mut scene);
    assert!(finding.message.starts_with("t1 #101 has held Mutex inner"), "{}", finding.message);
}

#[test]
fn a_blocking_lock_held_across_an_await() {
    let scene = || {
        let mut scene = Scene::new(3);
        scene.blocking(0, "registry", task(0), 3 * S);
        scene.block(0, 0, Some(1), 1, 2 * S);
        scene
    };
    let finding = only(&mut scene());
    assert_eq!((finding.id.lint, finding.severity), (LintKind::BlockingLockHeld, Severity::Critical));
    assert!(finding.message.starts_with(
        "Mutex registry (made at src/ledger.rs:20) is a blocking lock, and t0 #100 has held it for 3.00 s (acquired at src/db.rs:30) \
         without being polled: the guard lives across an await."
    ), "{}", finding.message);
    let mut alone = scene();
    alone.waits.clear();
    assert_eq!(only(&mut alone).severity, Severity::Warning);
    let mut short = scene();
    lock_of(&mut short, 0).holders[0].1 = 50 * MS;
    short.waits.clear();
    assert_eq!(short.messages(), [""; 0]);
}

#[test]
fn polls_that_block_their_workers() {
    let scene = |ago_ns: u64| {
        let mut scene = Scene::new(3);
        scene.blocking(0, "registry", task(0), ago_ns);
        scene.fake.task(0).state = taskscope_proto::v1::TaskState::Running;
        scene.block(0, 0, Some(1), 1, ago_ns);
        scene
    };
    for (ago_ns, severity) in
        [(20 * MS, Severity::Info), (200 * MS, Severity::Warning), (2 * S, Severity::Critical)]
    {
        let finding = only(&mut scene(ago_ns));
        assert_eq!((finding.id.lint, finding.severity), (LintKind::BlockingLockWait, severity));
        assert!(finding.message.contains("t0 #100 has held it for"), "{}", finding.message);
    }
    assert_eq!(scene(5 * MS).messages(), [""; 0]);
    // It has a thread of its own.
    let mut own = scene(2 * S);
    own.fake.task(1).kind = taskscope_proto::v1::TaskKind::Blocking;
    assert_eq!(own.messages(), [""; 0]);
}

#[test]
fn of_a_wedged_runtime_who_has_the_lock_is_named_before_who_waits_for_it() {
    let mut scene = Scene::new(3);
    scene.blocking(0, "registry", task(1), 2 * S);
    // The poll of who waits began before that of who has it.
    scene.block(0, 0, Some(0), 1, 3 * S);
    scene.block(1, 0, Some(2), 3, S);
    let now_ns = scene.fake.now_ns;
    let holder = scene.fake.task(1);
    (holder.state, holder.since_ns) = (taskscope_proto::v1::TaskState::Running, now_ns - 2 * S);
    let (mut workers, mut stuck_polls) = (Vec::new(), Vec::new());
    for (number, age_ns) in (0..3).zip([3 * S, 2 * S, S]) {
        workers.push(polling(number, number, age_ns));
        stuck_polls.push(stuck(number, number, age_ns));
    }
    let mut frames = scene.frames();
    frames.last_mut().unwrap().scheduler = Some(scheduler(workers, stuck_polls));
    let mut client = Client::new(Config::default());
    client.take(frames);
    let report = client.model.report();
    let wedged = report.lints.iter().find(|lint| lint.lint == LintKind::RuntimeWedged).expect("it is");
    assert_eq!(wedged.tasks, ["101", "100", "102"], "{}", wedged.message);
    assert!(wedged.message.contains("stuck in polls: worker 1 in t1 #101"), "{}", wedged.message);
}

/// A lock that is taken 500 times a second for `hold_ns` each, with ten in line.
fn crowd(hold_ns: u64) -> Vec<String> {
    let mut scene = Scene::new(12);
    scene.mutex(0, "counter", 11, 0);
    for task in 0..10 {
        scene.wait(task, "Mutex::lock", 0, task, 20 * MS);
    }
    let mut client = scene.client();
    for second in 1..=5 {
        scene.fake.now_ns += S;
        let lock = lock_of(&mut scene, 0);
        (lock.acquisitions, lock.contended, lock.hold_ns) =
            (500 * second, 495 * second, 500 * second * hold_ns);
        let mut frame = scene.fake.delta();
        scene.send_changes(&mut frame);
        client.now += std::time::Duration::from_secs(1);
        client.send(crate::Event::Tick { now: client.now });
        client.take(vec![frame]);
    }
    client.wait(std::time::Duration::from_secs(1));
    let findings = client.model.findings().into_iter();
    findings
        .filter(|finding| finding.id.lint.group() == crate::lints::Group::Locks)
        .map(|finding| finding.message)
        .collect()
}

#[test]
fn a_convoy_is_no_long_queue() {
    let convoy = crowd(20_000);
    assert_eq!(convoy.len(), 1, "{convoy:#?}");
    assert_eq!(
        convoy[0],
        "Mutex counter (made at src/ledger.rs:20) has a convoy: 10 wait in its queue, and 99 % of its 500 acquisitions a second have \
         to wait, although each holds it for 20.0 µs only."
    );
    // Held nearly all the time: it is simply in use.
    assert_eq!(crowd(1_900_000), [""; 0]);
}

#[test]
fn a_writer_that_readers_overtake() {
    let mut scene = Scene::new(3);
    scene.lock(0, "RwLock", "config", &[(task(0), S)]).holders[0].3 = true;
    scene.fake.task(0).state = taskscope_proto::v1::TaskState::Running;
    scene.wait(0, "RwLock::write", 0, 1, 3 * S);
    let finding = only(&mut scene);
    assert_eq!((finding.id.lint, finding.severity), (LintKind::WriterStarvation, Severity::Warning));
    assert!(
        finding
            .message
            .starts_with("t1 #101 has waited at src/main.rs:10 for 3.00 s to write to RwLock config")
    );
    // The readers were there before.
    lock_of(&mut scene, 0).holders[0].1 = 4 * S;
    assert_eq!(scene.messages(), [""; 0]);
}

fn full(receiver: u32, received_ago_ns: u64) -> FakeChannel {
    FakeChannel {
        senders: 1,
        receivers: 1,
        depth: 4,
        capacity: 4,
        last_receiver: task(receiver),
        received_ago_ns: Some(received_ago_ns),
        ..FakeChannel::default()
    }
}

#[test]
fn a_chain_of_full_channels_is_one_finding_with_its_root() {
    let mut scene = Scene::new(5);
    scene.channel(0, "first", full(1, 9 * S));
    scene.channel(1, "second", full(2, 8 * S));
    scene.mutex(2, "store", 3, 60 * S);
    scene.wait(0, "Sender::send", 0, 0, 9 * S);
    scene.wait(1, "Sender::send", 1, 1, 9 * S);
    scene.wait(2, "Mutex::lock", 2, 2, 8 * S);
    let findings = scene.findings();
    let kinds: Vec<LintKind> = findings.iter().map(|finding| finding.id.lint).collect();
    assert_eq!(kinds, [LintKind::FullChannel, LintKind::GuardAcrossAwait], "{findings:#?}");
    assert_eq!(
        findings[0].message,
        "mpsc second (made at src/ledger.rs:20) is full: t1 #101 has waited for it for 9.00 s at src/main.rs:10. \
         t2 #102 received last, 8.00 s ago; it is idle and waits for Mutex store at src/main.rs:10, for 8.00 s, \
         held by t3 #103 for 1m00s (acquired at src/db.rs:30). Full behind it: mpsc first (for room in it wait: t0 #100)."
    );
    assert_eq!(findings[0].tasks.len(), 3);
}

#[test]
fn a_full_channel_whose_receiver_receives_is_healthy() {
    let mut scene = Scene::new(3);
    scene.channel(0, "first", full(1, 20 * MS));
    scene.wait(0, "Sender::send", 0, 0, 9 * S);
    assert_eq!(scene.messages(), [""; 0]);
    scene.channel(0, "first", FakeChannel { depth: 3, ..full(1, 9 * S) });
    assert_eq!(scene.messages(), [""; 0]);
}

#[test]
fn a_oneshot_whose_sender_is_stuck_or_gone() {
    let scene = |sender: u32| {
        let mut scene = Scene::new(5);
        let channel =
            FakeChannel { senders: 1, receivers: 1, last_sender: task(sender), ..FakeChannel::default() };
        scene.thing(9, "oneshot", "answer").channel = Some(channel);
        scene.wait(9, "Receiver::await", 9, 4, 9 * S);
        scene
    };
    // The sender is unknown, or it is at work.
    assert_eq!(scene(3).messages(), [""; 0]);
    let mut ended = scene(3);
    ended.fake.task(3).state = taskscope_proto::v1::TaskState::Done;
    let finding = only(&mut ended);
    assert_eq!((finding.id.lint, finding.severity), (LintKind::StuckOneshot, Severity::Warning));
    assert!(finding.message.ends_with("t3 #103 had the sender last, and has ended."), "{}", finding.message);
    let mut stuck = scene(0);
    stuck.mutex(0, "a", 0, 50 * S);
    stuck.mutex(1, "b", 1, 45 * S);
    stuck.wait(0, "Mutex::lock", 1, 0, 41 * S);
    stuck.wait(1, "Mutex::lock", 0, 1, 40 * S);
    let messages = stuck.messages();
    assert!(
        messages[1].ends_with("its sender t0 #100 is stuck in a deadlock, or behind one."),
        "{messages:#?}"
    );
}

#[test]
fn each_can_be_switched_off() {
    let mut scene = Scene::new(3);
    scene.mutex(0, "accounts", 0, 41 * S);
    scene.wait(0, "Mutex::lock", 0, 1, 5 * S);
    let config = serde_json::from_str(r#"{ "guard-across-await": { "enabled": false } }"#).unwrap();
    assert_eq!(scene.client_with(config).model.findings(), []);
}

#[test]
fn what_is_passed_over_for_the_limit_is_said() {
    // Six locks with 4,000 waiters each: the last ones are not looked at.
    let mut scene = Scene::new(6 + 24_000);
    for slot in 0..6 {
        scene.mutex(slot, "", slot, (10 + u64::from(slot)) * S);
    }
    let mut client = scene.client();
    for lock in 0..6 {
        let mut waits = Scene { waits: std::collections::BTreeMap::new(), ..scene.clone() };
        for task in 0..4000 {
            let task = 6 + lock * 4000 + task;
            waits.wait(task, "Mutex::lock", lock, task, 5 * S);
        }
        let mut frame = scene.fake.delta();
        waits.send_waits(&mut frame);
        client.take(vec![frame]);
    }
    client.run(&mut scene.fake, 3);
    let findings = client.model.findings();
    let guards = findings.iter().filter(|finding| finding.id.lint == LintKind::GuardAcrossAwait);
    let counts: Vec<u64> = guards.map(|finding| finding.count).collect();
    assert_eq!(counts, [4001; 3], "{:?}", client.model.header().losses);
    let said = "So many tasks wait that 3 locks and channels were not looked at, but for deadlocks.";
    assert!(findings.iter().any(|finding| finding.message == said), "{:#?}", findings.last());
}
