//! Deadlocks and futurelocks, and what only looks like them.

use super::scene::{FakeChannel, Scene, task, thread};
use crate::{
    Confidence, LintKind, Severity, TaskKey,
    model::tests::fake::{MS, S},
    screen::findings::Subject,
};

fn key(slot: u32) -> TaskKey {
    TaskKey { slot, generation: 1 }
}

/// Task 0 holds `a` and waits for `b`; task 1 the other way round.
fn two() -> Scene {
    let mut scene = Scene::new(3);
    scene.mutex(0, "a", 0, 50 * S);
    scene.mutex(1, "b", 1, 45 * S);
    scene.wait(0, "Mutex::lock", 1, 0, 41 * S);
    scene.wait(1, "Mutex::lock", 0, 1, 40 * S);
    scene
}

#[test]
fn two_tasks_that_wait_for_each_other() {
    let mut findings = two().findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let finding = findings.remove(0);
    assert_eq!(
        (finding.id.lint, finding.severity, finding.count),
        (LintKind::Deadlock, Severity::Critical, 2)
    );
    assert_eq!(finding.confidence, Confidence::Proven);
    assert_eq!((finding.id.subject, finding.tasks), (Subject::Task(key(0)), vec![key(0), key(1)]));
    assert_eq!(
        finding.message,
        "Deadlock: t0 #100 → Mutex b → t1 #101 → Mutex a → t0 #100, for 40.0 s. \
         t0 #100 waits at src/main.rs:10 for Mutex b, held by t1 #101 for 45.0 s (acquired at src/db.rs:30); \
         t1 #101 waits at src/main.rs:10 for Mutex a, held by t0 #100 for 50.0 s (acquired at src/db.rs:30)."
    );
}

#[test]
fn the_task_says_who_is_in_its_way() {
    let client = two().client();
    let mut waits = client.rows(&["id", "waits-for"]);
    waits.sort();
    assert_eq!(waits, ["100 Mutex b ◂ t1 #101", "101 Mutex a ◂ t0 #100", "102 –"]);
    let strip = client.model.strip().unwrap();
    assert_eq!((strip.lint, strip.severity), ("deadlock", Severity::Critical));
}

#[test]
fn those_behind_a_deadlock_are_named() {
    let mut scene = two();
    scene.wait(2, "Mutex::lock", 0, 2, 10 * S);
    let messages = scene.messages();
    assert_eq!(messages.len(), 1, "{messages:#?}");
    assert!(messages[0].ends_with(" Behind them wait 1: t2 #102."), "{}", messages[0]);
}

#[test]
fn what_can_go_on_is_no_deadlock() {
    type Change<'a> = &'a dyn Fn(&mut Scene);
    let spared: [Change; 11] = [
        // It may be over when the next frame comes.
        &|scene| {
            scene.wait(1, "Mutex::lock", 0, 1, 100 * MS);
        },
        // A timer will wake it.
        &|scene| {
            scene.thing(9, "Sleep", "").attribute = Some(("duration", 60_000));
            scene.wait(9, "Sleep::new_timeout", 9, 1, 40 * S);
        },
        // What it waits for beside is free: one branch of a select!.
        &|scene| {
            scene.mutex(5, "c", 2, S);
            scene.wait(5, "Mutex::lock", 5, 1, 40 * S);
        },
        &|scene| scene.fake.task(1).state = taskscope_proto::v1::TaskState::Running,
        &|scene| scene.fake.task(1).state = taskscope_proto::v1::TaskState::Scheduled,
        &|scene| scene.fake.task(1).state = taskscope_proto::v1::TaskState::Done,
        // Its holder is unknown.
        &|scene| scene.things.get_mut(&0).unwrap().lock.as_mut().unwrap().holders[0].0 = 0,
        &|scene| scene.things.get_mut(&0).unwrap().lock.as_mut().unwrap().knows_nothing = true,
        &|scene| scene.things.get_mut(&0).unwrap().lock.as_mut().unwrap().more_holders = 1,
        &|scene| scene.things.get_mut(&0).unwrap().lock = None,
        // It was given to the one that waits: its wake is on the way.
        &|scene| scene.waits.get_mut(&1).unwrap().granted_ago_ns = Some(MS),
    ];
    for (i, spare) in spared.into_iter().enumerate() {
        let mut scene = two();
        spare(&mut scene);
        let findings = scene.findings();
        let accused = findings.iter().any(|f| matches!(f.id.lint, LintKind::Deadlock | LintKind::Futurelock));
        assert!(!accused, "{i}: {findings:#?}");
    }
}

#[test]
fn without_proof_it_is_a_suspicion() {
    let mut scene = two();
    scene.fake.task(1).wakers = Some(2);
    let finding = scene.findings().remove(0);
    assert_eq!((finding.id.lint, finding.severity), (LintKind::Deadlock, Severity::Warning));
    assert_eq!(finding.confidence, Confidence::Suspected);
    assert!(finding.message.starts_with("This may be a deadlock: t0 #100 → "), "{}", finding.message);
    assert!(finding.message.ends_with("Something that is not instrumented may still wake one of them."));
}

#[test]
fn two_waits_that_are_both_stuck_are_stuck_for_select_and_join_alike() {
    let mut scene = two();
    scene.mutex(5, "c", 0, 50 * S);
    scene.wait(5, "Mutex::lock", 5, 1, 40 * S);
    let finding = scene.findings().remove(0);
    assert_eq!((finding.id.lint, finding.severity), (LintKind::Deadlock, Severity::Critical));
}

/// Two mutexes and a semaphore of two permits, one of which is left.
fn three(permits_left: u64, obtained: u64) -> Scene {
    let mut scene = Scene::new(4);
    scene.mutex(0, "accounts", 0, 10 * S);
    scene.mutex(1, "ledger", 1, 10 * S);
    scene.lock(2, "Semaphore", "permits", &[(task(2), 10 * S)]).holders[0].3 = true;
    scene.things.get_mut(&2).unwrap().attribute = Some(("permits", permits_left));
    scene.wait(0, "Mutex::lock", 1, 0, 9 * S);
    let wait = scene.wait(1, "Semaphore::acquire_many", 2, 1, 9 * S);
    wait.attributes = vec![("permits_requested", 2), ("permits_obtained", obtained)];
    scene.wait(2, "Mutex::lock", 0, 2, 9 * S);
    scene
}

#[test]
fn three_tasks_over_two_mutexes_and_a_semaphore() {
    // tokio gives the first in line the permit that is left, or leaves it.
    for (left, obtained) in [(1, 0), (0, 1)] {
        let findings = three(left, obtained).findings();
        assert_eq!(findings.len(), 1, "{findings:#?}");
        assert_eq!(findings[0].severity, Severity::Critical);
        let way = "Deadlock: t0 #100 → Mutex ledger → t1 #101 → Semaphore permits → t2 #102 → Mutex accounts → t0 #100, for 9.00 s. ";
        assert!(findings[0].message.starts_with(way), "{}", findings[0].message);
    }
    // Enough is left: the wake is on its way.
    assert_eq!(three(2, 0).messages(), [""; 0]);
    // Another holder lets one go when it is done.
    let mut scene = three(0, 1);
    scene.things.get_mut(&2).unwrap().lock.as_mut().unwrap().holders.push((task(3), S, 1, true));
    assert_eq!(scene.messages(), [""; 0]);
    // No task holds the missing permits: the program may add them. It is a request that can't be met as it is.
    let messages = three(0, 0).messages();
    assert_eq!(messages.len(), 1, "{messages:#?}");
    let unmet = "unmet-request t1 #101 has waited at src/main.rs:10 for 9.00 s for 2 permits of Semaphore permits (made at src/ledger.rs:20), which has 1: 0 are set aside for it, 0 are free, 1 is held.";
    assert_eq!(messages[0], unmet);
}

#[test]
fn a_reader_behind_a_writer_that_waits_for_the_reader() {
    let mut scene = Scene::new(2);
    scene.lock(0, "RwLock", "config", &[(task(0), 10 * S)]).holders[0].3 = true;
    scene.wait(0, "RwLock::write", 0, 1, 9 * S);
    scene.wait(1, "RwLock::read", 0, 0, 8 * S);
    let findings = scene.findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0].severity, Severity::Critical);
    assert!(
        findings[0]
            .message
            .contains("t0 #100 waits at src/main.rs:10 for RwLock config, in the queue behind t1 #101")
    );
    // Without the writer both may read.
    scene.waits.remove(&0);
    assert_eq!(scene.messages(), [""; 0]);
}

#[test]
fn a_blocking_lock_and_an_async_one() {
    let mut scene = Scene::new(4);
    scene.blocking(0, "registry", task(0), 10 * S);
    scene.mutex(1, "config", 1, 10 * S);
    scene.wait(0, "Mutex::lock", 1, 0, 9 * S);
    scene.block(1, 0, Some(1), 1, 9 * S);
    // Two more workers stand still behind it.
    scene.block(2, 0, Some(2), 2, 8 * S);
    scene.block(3, 0, None, 3, 8 * S);
    let findings = scene.findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!((findings[0].id.lint, findings[0].severity), (LintKind::Deadlock, Severity::Critical));
    let message = &findings[0].message;
    assert!(message.contains("t0 #100 → Mutex config → t1 #101 → Mutex registry → t0 #100"), "{message}");
    assert!(message.contains("Behind them wait 2: thread w3, t2 #102."), "{message}");
}

#[test]
fn threads_outside_of_tasks() {
    let mut scene = Scene::new(1);
    scene.blocking(0, "a", thread(1), 10 * S);
    scene.blocking(1, "b", thread(2), 10 * S);
    scene.block(0, 1, None, 1, 9 * S);
    scene.block(1, 0, None, 2, 9 * S);
    let finding = scene.findings().remove(0);
    assert_eq!((finding.id.subject, finding.severity), (Subject::Thread(1), Severity::Critical));
    assert!(
        finding
            .message
            .starts_with("Deadlock: thread w1 → Mutex b → thread w2 → Mutex a → thread w1, for 9.00 s.")
    );
}

#[test]
fn a_thread_that_takes_its_lock_twice_is_proven_a_task_is_not() {
    let mut scene = Scene::new(1);
    scene.blocking(0, "a", task(0), 2 * S);
    scene.block(0, 0, Some(0), 1, S);
    assert_eq!(scene.findings()[0].severity, Severity::Critical);
    // The guard may be another future's of the same task, which goes on.
    let mut scene = Scene::new(1);
    scene.mutex(0, "a", 0, 20 * S);
    scene.wait(0, "Mutex::lock", 0, 0, 9 * S);
    assert_eq!(scene.messages(), [""; 0]);
    scene.wait(0, "Mutex::lock", 0, 0, 11 * S);
    let finding = scene.findings().remove(0);
    assert_eq!((finding.id.lint, finding.severity), (LintKind::Deadlock, Severity::Warning));
}

#[test]
fn channels_make_suspicions() {
    // Task 0 drains `in` and waits for room in `out`; task 1 the other way round.
    let full = |receiver: u32| FakeChannel {
        senders: 1,
        receivers: 1,
        depth: 4,
        capacity: 4,
        last_receiver: task(receiver),
        received_ago_ns: Some(9 * S),
        ..FakeChannel::default()
    };
    let mut scene = Scene::new(2);
    scene.channel(0, "in", full(0));
    scene.channel(1, "out", full(1));
    scene.wait(0, "Sender::send", 1, 0, 9 * S);
    scene.wait(1, "Sender::send", 0, 1, 9 * S);
    let findings = scene.findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!((findings[0].id.lint, findings[0].severity), (LintKind::Deadlock, Severity::Warning));
    assert!(
        findings[0]
            .message
            .starts_with("This may be a deadlock: t0 #100 → mpsc out → t1 #101 → mpsc in → t0 #100")
    );
    // A second receiver may be anywhere.
    scene.things.get_mut(&0).unwrap().channel.as_mut().unwrap().receivers = 2;
    assert!(scene.findings().iter().all(|finding| finding.id.lint != LintKind::Deadlock));
}

/// Task 0 was given the lock in a future that it left, and waits for it in another.
fn futurelock() -> Scene {
    let mut scene = Scene::new(3);
    scene.lock(0, "Mutex", "shared", &[]);
    let first = scene.wait(0, "Mutex::lock", 0, 0, 10 * S);
    (first.polled_ago_ns, first.granted_ago_ns) = (9 * S, Some(8 * S));
    scene.wait(1, "Mutex::lock", 0, 0, 7 * S);
    let now_ns = scene.fake.now_ns;
    let task = scene.fake.task(0);
    (task.wakers, task.last_wake_ns) = (Some(1), Some(now_ns - 8 * S));
    scene
}

#[test]
fn a_lock_given_to_a_future_that_is_polled_no_more() {
    let findings = futurelock().findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!((findings[0].id.lint, findings[0].severity), (LintKind::Futurelock, Severity::Critical));
    assert_eq!(
        findings[0].message,
        "Futurelock: t0 #100 → Mutex shared → t0 #100, for 7.00 s. t0 #100 waits at src/main.rs:10 for Mutex shared, \
         which was given 8.00 s ago to a future of t0 #100 (begun at src/main.rs:10) that has not been polled since, though the task was."
    );
    // It waits for something else meanwhile, and others wait for the lock.
    let mut scene = futurelock();
    scene.thing(9, "Sleep", "").attribute = Some(("duration", 60_000));
    scene.waits.get_mut(&1).unwrap().on = 9;
    assert_eq!(scene.messages(), [""; 0], "no task is kept waiting");
    scene.wait(2, "Mutex::lock", 0, 1, 5 * S);
    let findings = scene.findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let start = "Futurelock: Mutex shared (made at src/ledger.rs:20) was given 8.00 s ago to a future of t0 #100 (begun at src/main.rs:10)";
    assert!(findings[0].message.starts_with(start), "{}", findings[0].message);
    assert!(
        findings[0].message.ends_with("t1 #101 has waited for it for 5.00 s."),
        "{}",
        findings[0].message
    );
}

#[test]
fn a_lock_that_was_just_given_is_no_futurelock() {
    let spared: [fn(&mut Scene); 3] = [
        |scene| scene.waits.get_mut(&0).unwrap().granted_ago_ns = Some(100 * MS),
        // Its wake has come, and it waits for a worker.
        |scene| scene.fake.task(0).state = taskscope_proto::v1::TaskState::Scheduled,
        // It is polled, and not ready for another reason.
        |scene| scene.waits.get_mut(&0).unwrap().polled_ago_ns = 7 * S,
    ];
    for (i, spare) in spared.into_iter().enumerate() {
        let mut scene = futurelock();
        spare(&mut scene);
        assert_eq!(scene.messages(), [""; 0], "{i}");
    }
}

#[test]
fn a_free_lock_that_the_first_in_line_does_not_take() {
    let scene = || {
        let mut scene = futurelock();
        scene.waits.get_mut(&0).unwrap().granted_ago_ns = None;
        scene.things.get_mut(&0).unwrap().lock.as_mut().unwrap().free_ago_ns = Some(8 * S);
        scene
    };
    let finding = scene().findings().remove(0);
    assert_eq!((finding.id.lint, finding.severity), (LintKind::Futurelock, Severity::Warning));
    assert!(finding.message.starts_with(
        "This may be a futurelock: Mutex shared (made at src/ledger.rs:20) has been free for 8.00 s"
    ));
    let mut taken = scene();
    taken.things.get_mut(&0).unwrap().lock.as_mut().unwrap().holders.push((task(2), S / 2, 1, false));
    assert_eq!(taken.messages(), [""; 0]);
}

#[test]
fn a_ring_of_hundreds_with_thousands_behind_it() {
    const RING: u32 = 300;
    let mut scene = Scene::new(RING + 2000);
    for slot in 0..RING {
        scene.mutex(slot, "", slot, 10 * S);
        scene.wait(slot, "Mutex::lock", (slot + 1) % RING, slot, 9 * S);
    }
    for slot in RING..RING + 2000 {
        scene.wait(slot, "Mutex::lock", slot % RING, slot, 8 * S);
    }
    let findings = scene.findings();
    assert_eq!(
        findings.len(),
        1,
        "{:#?}",
        findings.iter().map(|finding| &finding.message).collect::<Vec<_>>()
    );
    assert_eq!((findings[0].severity, findings[0].count), (Severity::Critical, u64::from(RING)));
    assert!(findings[0].message.contains(" → 292 more → t0 #100, for 9.00 s."), "{}", findings[0].message);
    assert!(findings[0].message.contains(" or more: t"), "{}", findings[0].message);
}

#[test]
fn who_stands_far_back_in_a_queue_can_go_on_when_the_queue_can() {
    // Task 0 holds `a` and is the last of many in the queue of a semaphore whose holder works.
    let mut scene = Scene::new(503);
    scene.mutex(0, "a", 0, 10 * S);
    scene.lock(1, "Semaphore", "permits", &[(task(1), 10 * S)]);
    scene.fake.task(1).state = taskscope_proto::v1::TaskState::Running;
    for slot in 2..502 {
        scene.wait(slot, "Semaphore::acquire", 1, slot, 9 * S);
    }
    scene.wait(1000, "Semaphore::acquire", 1, 0, 8 * S);
    assert_eq!(scene.messages(), [""; 0]);
    // Once its holder waits for `a`, all of them are stuck.
    scene.wait(1001, "Mutex::lock", 0, 1, 7 * S);
    let findings = scene.findings();
    assert_eq!((findings.len(), findings[0].severity), (1, Severity::Critical));
    assert!(findings[0].message.contains("Behind them wait 500: t2 #102, "), "{}", findings[0].message);
}
