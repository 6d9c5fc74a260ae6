//! Semaphores: all who hold a permit are holders, permits may be forgotten, and a proof stays a proof.

use super::scene::{Scene, task};
use crate::{
    LintKind, Severity,
    model::tests::fake::{MS, S},
};

/// Each of so many tasks has a permit and waits for a second one; one more task has none, and waits too.
fn pool(size: u32, ago_ns: u64) -> Scene {
    let mut scene = Scene::new(size + 1);
    let holders: Vec<(u64, u64)> = (0..size).map(|slot| (task(slot), ago_ns + S)).collect();
    scene.lock(0, "Semaphore", "pool", &holders);
    scene.things.get_mut(&0).unwrap().attribute = Some(("permits", 0));
    for slot in 0..=size {
        let wait = scene.wait(slot, "Semaphore::acquire", 0, slot, ago_ns);
        wait.attributes = vec![("permits_requested", 1), ("permits_obtained", 0)];
    }
    scene
}

fn loose(mut scene: Scene) -> Scene {
    scene.things.get_mut(&0).unwrap().lock.as_mut().unwrap().loose = true;
    scene
}

#[test]
fn all_who_hold_are_named_as_holders() {
    let findings = pool(4, 20 * S).findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!((findings[0].id.lint, findings[0].severity), (LintKind::Deadlock, Severity::Critical));
    let message = &findings[0].message;
    assert!(message.contains("held by t1 #101 for 21.0 s"), "{message}");
    assert!(message.contains(", and by t2 #102, t3 #103, who wait for it too; "), "{message}");
    assert!(message.ends_with(" Behind them wait 1: t4 #104."), "{message}");
    assert_eq!((findings[0].count, findings[0].tasks.len()), (4, 4));
}

#[test]
fn permits_that_may_have_been_forgotten_are_no_finding() {
    // A token bucket of as many tokens as tasks, before its first refill.
    let findings = loose(pool(4, 20 * S)).findings();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!((findings[0].id.lint, findings[0].severity), (LintKind::Deadlock, Severity::Info));
    assert!(
        findings[0].message.starts_with("This may be a deadlock: ")
            && findings[0].message.ends_with(
                " Who took a lock need not hold it any more: permits can be forgotten, and a guard can go to another task."
            ),
        "{}",
        findings[0].message
    );
    // It waits for a token with a mutex in hand, and who took the last token for the mutex: that can go on too.
    let two = || {
        let mut scene = Scene::new(2);
        scene.lock(0, "Semaphore", "bucket", &[(task(1), 30 * S)]);
        scene.things.get_mut(&0).unwrap().attribute = Some(("permits", 0));
        scene.mutex(1, "connection", 0, 30 * S);
        scene.wait(0, "Semaphore::acquire", 0, 0, 20 * S).attributes =
            vec![("permits_requested", 1), ("permits_obtained", 0)];
        scene.wait(1, "Mutex::lock", 1, 1, 20 * S);
        scene
    };
    assert_eq!(two().findings()[0].severity, Severity::Critical, "else it is proven");
    let severities: Vec<Severity> = loose(two()).findings().iter().map(|finding| finding.severity).collect();
    assert_eq!(severities, [Severity::Info]);
}

/// The permits are held by futures that their task polls no more, and the last one was given to such a future too.
fn futurelock(ago_ns: u64) -> Scene {
    let mut scene = Scene::new(1);
    scene.lock(0, "Semaphore", "gate", &[(task(0), ago_ns + 2 * S), (task(0), ago_ns + 2 * S)]);
    scene.things.get_mut(&0).unwrap().attribute = Some(("permits", 0));
    let left = scene.wait(0, "Semaphore::acquire", 0, 0, ago_ns + 2 * S);
    left.attributes = vec![("permits_requested", 1), ("permits_obtained", 1)];
    (left.polled_ago_ns, left.granted_ago_ns) = (ago_ns + S, Some(ago_ns + 100 * MS));
    let wait = scene.wait(1, "Semaphore::acquire", 0, 0, ago_ns);
    wait.attributes = vec![("permits_requested", 1), ("permits_obtained", 0)];
    let now_ns = scene.fake.now_ns;
    let idle = scene.fake.task(0);
    (idle.wakers, idle.last_wake_ns) = (Some(1), Some(now_ns - ago_ns - 100 * MS));
    scene
}

#[test]
fn a_proof_stays_whenever_the_console_comes() {
    // The suspicions have patience for 10 s; the proof is there before, and none takes its place.
    for ago_ns in [S, 9 * S, 11 * S, 40 * S, 60 * S] {
        let findings = futurelock(ago_ns).findings();
        let kinds: Vec<_> = findings.iter().map(|finding| (finding.id.lint, finding.severity)).collect();
        assert_eq!(kinds, [(LintKind::Futurelock, Severity::Critical)], "{ago_ns}: {findings:#?}");
    }
}

#[test]
fn a_tree_has_each_task_once() {
    let size = 6;
    let report = pool(size, 20 * S).client().model.report();
    let chain = report.chains.iter().find(|chain| chain.task == "100").expect("it waits");
    let lines = &chain.lines;
    // Its wait, and for each holder a line and its wait; of whoever stands above nothing is repeated.
    let waits = lines.iter().filter(|line| line.text.starts_with("waits for")).count();
    assert_eq!(waits, size as usize, "{lines:#?}");
    assert!(lines.len() <= waits * (size as usize + 1), "{} lines: {lines:#?}", lines.len());
    let references = lines.iter().filter(|line| line.above || line.cycle).count();
    assert_eq!(lines.len() - references, 2 * waits - 1, "{lines:#?}");
}
