//! Tasks that wait for answers, for what they hold themselves, and for what all others hold, too.

use super::scene::{FakeChannel, Scene, task};
use crate::{
    LintKind, Severity,
    model::tests::fake::{MS, S},
};

/// Task 0 asks task 1 through the channel `b` and waits for the answer, task 1 asks task 0 through `a`.
fn two_who_ask() -> Scene {
    let mut scene = Scene::new(3);
    let inbox = |receiver: u32| FakeChannel {
        senders: 2,
        receivers: 1,
        depth: 1,
        capacity: 8,
        last_receiver: task(receiver),
        ..FakeChannel::default()
    };
    scene.channel(0, "a", inbox(0));
    scene.channel(1, "b", inbox(1));
    scene.thing(2, "Sender|Receiver", "");
    scene.thing(3, "oneshot", "").channel =
        Some(FakeChannel { senders: 1, receivers: 1, capacity: 1, ..FakeChannel::default() });
    scene.wait(0, "Receiver::await", 2, 0, 9 * S).asked = Some(1);
    scene.wait(1, "Receiver::recv", 3, 1, 8 * S).asked = Some(0);
    scene
}

#[test]
fn two_tasks_that_wait_for_each_others_answer() {
    let mut findings = two_who_ask().findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let finding = findings.remove(0);
    assert_eq!((finding.id.lint, finding.severity), (LintKind::Deadlock, Severity::Warning));
    assert_eq!(
        finding.message,
        "This may be a deadlock: t0 #100 → oneshot src/ledger.rs:20 → t1 #101 → oneshot src/ledger.rs:20 → t0 #100, for 8.00 s. \
         t0 #100 waits at src/main.rs:10 for oneshot src/ledger.rs:20, the answer to what it sent to mpsc b: t1 #101 receives from it, \
         and 1 value is still in it; t1 #101 waits at src/main.rs:10 for oneshot src/ledger.rs:20, the answer to what it sent to mpsc a: \
         t0 #100 receives from it, and 1 value is still in it. \
         Who was asked may have passed the sender of the answer on to another task."
    );
}

#[test]
fn a_question_that_can_be_answered_is_no_deadlock() {
    type Change<'a> = &'a dyn Fn(&mut Scene);
    let spared: [Change; 6] = [
        // Who was asked works on it.
        &|scene| scene.fake.task(1).state = taskscope_proto::v1::TaskState::Running,
        &|scene| {
            scene.thing(9, "Sleep", "").attribute = Some(("duration", 60_000));
            scene.wait(9, "Sleep::new_timeout", 9, 1, 8 * S);
        },
        // Something else can wake it.
        &|scene| scene.fake.task(1).wakers = Some(2),
        // Nothing is known of what it asked.
        &|scene| scene.waits.get_mut(&1).unwrap().asked = None,
        // Another one receives there.
        &|scene| scene.things.get_mut(&1).unwrap().channel.as_mut().unwrap().last_receiver = task(2),
        // It is young.
        &|scene| {
            scene.wait(1, "Receiver::recv", 3, 1, 600 * MS).asked = Some(0);
        },
    ];
    for (i, spare) in spared.into_iter().enumerate() {
        let mut scene = two_who_ask();
        spare(&mut scene);
        let messages = scene.messages();
        assert!(!messages.iter().any(|message| message.contains("deadlock")), "{i}: {messages:#?}");
    }
}

#[test]
fn a_task_that_asks_itself() {
    let mut scene = two_who_ask();
    scene.waits.get_mut(&0).unwrap().asked = Some(0);
    let messages = scene.messages();
    let itself = "t0 #100 waits at src/main.rs:10 for oneshot src/ledger.rs:20, the answer to what it sent to mpsc a: t0 #100 itself receives from it";
    assert!(messages.iter().any(|message| message.contains(itself)), "{messages:#?}");
}

#[test]
fn a_question_behind_a_lock() {
    // Task 0 holds the lock and asks, task 1 wants the lock before it answers.
    let mut scene = two_who_ask();
    scene.waits.remove(&1);
    scene.mutex(5, "session", 0, 10 * S);
    scene.wait(1, "Mutex::lock", 5, 1, 8 * S);
    let messages = scene.messages();
    assert_eq!(messages.len(), 1, "{messages:#?}");
    let way = "t0 #100 → oneshot src/ledger.rs:20 → t1 #101 → Mutex session → t0 #100";
    assert!(messages[0].contains(way), "{}", messages[0]);
}

#[test]
fn a_task_that_waits_for_its_own_lock_and_nothing_else_is_proven_at_once() {
    let mut scene = Scene::new(2);
    scene.mutex(0, "cache", 0, 2 * S);
    scene.wait(0, "Mutex::lock", 0, 0, S).own_waker = true;
    let mut findings = scene.findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let finding = findings.remove(0);
    assert_eq!((finding.id.lint, finding.severity), (LintKind::Deadlock, Severity::Critical));
    let why = "held by itself for 2.00 s (acquired at src/db.rs:30).";
    assert!(finding.message.contains(why), "{}", finding.message);
    // Another future of it may hold the lock: its waker is elsewhere, too, or lies with a set of futures.
    type Change<'a> = &'a dyn Fn(&mut Scene);
    let spared: [Change; 4] = [
        &|scene| scene.fake.task(0).wakers = Some(2),
        &|scene| scene.waits.get_mut(&0).unwrap().own_waker = false,
        &|scene| {
            scene.thing(9, "Sleep", "").attribute = Some(("duration", 60_000));
            scene.wait(9, "Sleep::new_timeout", 9, 0, S);
        },
        &|scene| scene.things.get_mut(&0).unwrap().lock.as_mut().unwrap().loose = true,
    ];
    for (i, spare) in spared.into_iter().enumerate() {
        let mut scene = Scene::new(2);
        scene.mutex(0, "cache", 0, 2 * S);
        scene.wait(0, "Mutex::lock", 0, 0, S).own_waker = true;
        spare(&mut scene);
        let findings = scene.findings();
        assert!(!findings.iter().any(|finding| finding.severity == Severity::Critical), "{i}: {findings:#?}");
    }
}

#[test]
fn a_pool_whose_connections_all_want_a_second_one() {
    const POOL: u32 = 12;
    let mut scene = Scene::new(2 * POOL);
    let lock = scene.lock(0, "Semaphore", "pool", &[]);
    lock.holders = (0..POOL).map(|slot| (task(slot), 9 * S, 1, true)).collect();
    scene.things.get_mut(&0).unwrap().attribute = Some(("permits", 0));
    for slot in 0..POOL {
        // Others came before them and hold nothing.
        scene.wait(slot, "Semaphore::acquire", 0, POOL + slot, 9 * S);
        scene.wait(POOL + slot, "Semaphore::acquire", 0, slot, 8 * S);
    }
    let mut findings = scene.findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let finding = findings.remove(0);
    assert_eq!((finding.id.lint, finding.severity), (LintKind::Deadlock, Severity::Critical));
    assert_eq!(finding.tasks.len(), POOL as usize, "each holder");
    assert!(finding.message.contains("and 2 more, who wait for it too"), "{}", finding.message);
    // One of them can go on and gives its connection back.
    scene.fake.task(5).state = taskscope_proto::v1::TaskState::Running;
    scene.waits.remove(&(POOL + 5));
    assert!(scene.findings().is_empty());
}

/// Task 0 holds a lock and is idle; task 1, which it spawned, wants the lock.
fn parent_and_child() -> Scene {
    let mut scene = Scene::new(3);
    scene.mutex(0, "registry", 0, 10 * S);
    scene.wait(0, "Mutex::lock", 0, 1, 9 * S);
    scene.fake.task(1).parent = Some((0, 1));
    let now_ns = scene.fake.now_ns;
    let parent = scene.fake.task(0);
    (parent.since_ns, parent.wakers, parent.last_wake_ns) = (now_ns - 9 * S, Some(1), Some(now_ns - 9 * S));
    scene
}

#[test]
fn a_parent_that_holds_what_its_child_wants_may_wait_for_it() {
    let messages = parent_and_child().messages();
    assert_eq!(messages.len(), 1, "{messages:#?}");
    let said = "deadlock This may be a deadlock: t0 #100 has held Mutex registry (made at src/ledger.rs:20) for 10.0 s (acquired at src/db.rs:30) and has been idle for 9.00 s; \
                1 task that it spawned waits for that lock at src/main.rs:10, the longest for 9.00 s: t1 #101. \
                If t0 #100 waits for it to end (JoinSet, JoinHandle, TaskTracker), neither side goes on.";
    assert_eq!(messages[0], said);
    type Change<'a> = &'a dyn Fn(&mut Scene);
    let spared: [Change; 4] = [
        // Another one spawned it.
        &|scene| scene.fake.task(1).parent = Some((2, 1)),
        // Two things can wake it.
        &|scene| scene.fake.task(0).wakers = Some(2),
        // What it waits for is known, and no task.
        &|scene| {
            scene.thing(9, "Sleep", "").attribute = Some(("duration", 60_000));
            scene.wait(9, "Sleep::new_timeout", 9, 0, 9 * S);
        },
        &|scene| scene.things.get_mut(&0).unwrap().lock.as_mut().unwrap().loose = true,
    ];
    for (i, spare) in spared.into_iter().enumerate() {
        let mut scene = parent_and_child();
        spare(&mut scene);
        let messages = scene.messages();
        assert!(!messages.iter().any(|message| message.starts_with("deadlock")), "{i}: {messages:#?}");
    }
}

#[test]
fn a_barrier_that_too_few_come_to() {
    let scene = || {
        let mut scene = Scene::new(3);
        scene.thing(0, "Barrier", "start").attribute = Some(("size", 4));
        for slot in 0..3 {
            scene.wait(slot, "Barrier::wait", 0, slot, 9 * S);
        }
        scene
    };
    let messages = scene().messages();
    assert_eq!(messages.len(), 1, "{messages:#?}");
    let said =
        "opens when 4 tasks wait at it, and 3 do: t0 #100, t1 #101, t2 #102. The last one came 9.00 s ago";
    assert!(messages[0].contains(said), "{}", messages[0]);
    // One of their place is on its way, the last one came just now, or all are there.
    let mut coming = scene();
    coming.waits.remove(&2);
    assert_eq!(coming.messages(), [""; 0]);
    let mut young = scene();
    young.wait(2, "Barrier::wait", 0, 2, S);
    assert_eq!(young.messages(), [""; 0]);
    let mut full = scene();
    full.things.get_mut(&0).unwrap().attribute = Some(("size", 3));
    assert_eq!(full.messages(), [""; 0]);
}
