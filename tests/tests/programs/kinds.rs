//! What each kind of task is said to be, who its parent is, who woke it, and how its time went.

use taskscope_proto::{
    agent::AgentRef,
    v1::{TaskKind, TaskState},
};
use taskscope_tests::{
    console::Console,
    fold::{Fold, Task},
};

use crate::start;

fn of_kind(fold: &Fold, kind: TaskKind) -> Vec<&Task> {
    fold.live().filter(|task| task.kind == kind as i32).collect()
}

async fn kinds(source: &str) {
    let mut program = start(&["kinds", "--source", source, "--workers", "4"]);
    let busy_ns = program.ask("ready")["busy_ns"].as_u64().expect("a number");
    let mut console = Console::open(program.address()).await;
    let woken = |fold: &Fold, name| fold.named(name).is_some_and(|task| task.wakes > 0 && task.polls > 1);
    console
        .wait_for("everything to be still", |fold| {
            let busy = fold
                .named("busy")
                .is_some_and(|task| task.polls == 4 && task.state == TaskState::Idle as i32);
            let local = of_kind(fold, TaskKind::Local).len() == 1;
            let is = |kind, state| of_kind(fold, kind).iter().all(|task| task.state == state as i32);
            let threads =
                is(TaskKind::Blocking, TaskState::Running) && is(TaskKind::BlockOn, TaskState::Idle);
            busy && local
                && threads
                && fold.named("inner").is_some()
                && woken(fold, "child")
                && woken(fold, "woken-by-thread")
        })
        .await;
    let fold = &console.fold;
    let named = |name: &str| fold.named(name).unwrap_or_else(|| panic!("{name} is known"));

    // The blocking task runs, and so does the root of the other runtime, between its polls.
    let blocking = of_kind(fold, TaskKind::Blocking);
    assert_eq!(blocking.len(), 1, "{blocking:?}");
    assert_eq!((blocking[0].state, blocking[0].polls), (TaskState::Running as i32, 1));
    let root = of_kind(fold, TaskKind::BlockOn);
    assert_eq!(root.len(), 1, "{root:?}");
    assert_eq!(root[0].state, TaskState::Idle as i32);

    let inner = named("inner");
    assert_eq!(inner.kind, TaskKind::Future as i32);
    let key = |task: &Task| Some((task.slot, task.generation));
    assert_eq!(inner.parent, key(named("outer")));
    assert_eq!(named("child").parent, key(named("parent")));
    assert_eq!(named("parent").parent, None);
    assert_eq!(of_kind(fold, TaskKind::Local)[0].parent, key(root[0]));

    let (child, sibling) = (named("child"), named("sibling"));
    let by = AgentRef::decode(child.last_waker);
    assert_eq!(by, AgentRef::Task { slot: sibling.slot, generation: sibling.generation });
    assert_eq!((child.wakes, child.self_wakes, child.polls), (1, 0, 2));
    match AgentRef::decode(named("woken-by-thread").last_waker) {
        AgentRef::Thread(index) => assert_eq!(fold.threads[&index], "waking thread"),
        other => panic!("woken by {other:?}"),
    }
    // A timer wakes from a worker, in no task.
    assert!(matches!(AgentRef::decode(sibling.last_waker), AgentRef::Thread(_)), "{sibling:?}");

    let busy = named("busy");
    assert!(busy.busy_ns >= busy_ns && busy.longest_poll_ns >= busy_ns / 3, "{busy:?}");
    let life_ns = fold.now_ns - busy.created_ns;
    assert!(busy.busy_ns + busy.scheduled_ns <= life_ns, "{busy:?}");
    assert!(named("inner").busy_ns < busy_ns, "who only waits is not busy: {inner:?}");
}

#[tokio::test]
async fn kinds_parents_and_wakers_of_the_wrapper() {
    kinds("wrap").await;
}

#[tokio::test]
async fn kinds_parents_and_wakers_of_the_layer() {
    kinds("layer").await;
}
