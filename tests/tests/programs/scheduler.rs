//! What the wire shows of a scheduler with one known fault: which poll is stuck in which function, who starves, what the pool holds.

use taskscope_proto::v1::{StackFrame, StuckPoll, TaskKind, TaskState, WorkerState};
use taskscope_tests::{console::Console, fold::Fold, program::Program};

use crate::start_init;

/// Stacks are taken where a signal can be handled and unwound.
const STACKS: bool =
    cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"), tokio_unstable));

/// The runtime of the scenarios has no name.
const UNNAMED: &str = "";

/// A scenario under way.
async fn faulty(arguments: &[&str]) -> (Program, Console) {
    let mut program = start_init(arguments);
    let mut console = Console::open(program.address()).await;
    console.wait_for("the first snapshot", |fold| fold.complete).await;
    program.ask("go");
    (program, console)
}

/// The poll of this task that goes on, with its stack.
fn stuck<'a>(fold: &'a Fold, task: &'a str) -> Option<&'a StuckPoll> {
    let mut polls = fold.stuck(task);
    polls.find(|poll| poll.duration_ns == 0 && !(STACKS && poll.stack.is_empty()))
}

/// Waits until the task's poll is reported as stuck, and says how old it was then.
async fn until_stuck(console: &mut Console, scenario: &str, task: &str) -> StuckPoll {
    console.wait_for(task, |fold| stuck(fold, task).is_some()).await;
    let poll = stuck(&console.fold, task).expect("it was there a moment ago").clone();
    let seconds = poll.started_ago_ns as f64 / 1e9;
    println!("{scenario}: the stack of {task} was sent {seconds:.2} s after its poll began");
    assert!(console.fold.place(poll.site).contains("scheduler"), "{}", console.fold.place(poll.site));
    poll
}

/// The innermost frame of the program's own: it must be this function.
fn own<'a>(poll: &'a StuckPoll, function: &str) -> Option<&'a StackFrame> {
    if !STACKS {
        return None;
    }
    let own = poll.stack.iter().find(|frame| frame.own).expect("a stack has frames of the program");
    assert!(own.function.ends_with(function), "{function} is not {own:?}: {poll:#?}");
    assert!(own.file.ends_with("scheduler.rs") && own.line > 0, "{own:?}");
    Some(own)
}

#[tokio::test]
async fn a_poll_in_a_blocking_call_is_sent_with_the_function_that_called() {
    let scenarios = [
        ("blocking-call", "invoices", "render_invoice", "nanosleep"),
        ("blocking-pipe", "importer", "load_rates", "read"),
        ("blocking-socket", "rates", "ask_rates", "recv"),
    ];
    for (scenario, task, function, call) in scenarios {
        let (_program, mut console) = faulty(&[scenario, "--workers", "1"]).await;
        let poll = until_stuck(&mut console, scenario, task).await;
        own(&poll, function);
        if cfg!(target_os = "linux") {
            assert!(poll.kernel_state.contains(call), "{scenario}: {}", poll.kernel_state);
        }
        // Those that were woken meanwhile starve.
        console
            .wait_for("the bystanders", |fold| {
                let waiting = fold.in_state(TaskState::Scheduled).filter(|task| task.name == "bystander");
                waiting.count() == 3
            })
            .await;
    }
}

#[tokio::test]
async fn a_poll_that_computes_is_sent_as_running() {
    let (_program, mut console) = faulty(&["cpu-hog", "--workers", "1"]).await;
    let poll = until_stuck(&mut console, "cpu-hog", "digests").await;
    if STACKS {
        assert!(poll.stack.iter().any(|frame| frame.own && frame.function.ends_with("compute_digests")));
    }
    if cfg!(target_os = "linux") {
        assert_eq!(poll.kernel_state, "running");
    }
    let digests = console.fold.named("digests").expect("it goes on");
    assert_eq!((digests.polls, digests.state), (1, TaskState::Running as i32));
}

#[tokio::test]
async fn a_task_in_a_lifo_slot_starves_beside_an_idle_worker() {
    let (_program, mut console) = faulty(&["lifo-slot", "--workers", "2"]).await;
    let poll = until_stuck(&mut console, "lifo-slot", "speaker").await;
    own(&poll, "write_report");
    console
        .wait_for("the listener that waits beside an idle worker", |fold| {
            let listens =
                fold.named("listener").is_some_and(|task| task.state == TaskState::Scheduled as i32);
            let workers = fold.workers(UNNAMED);
            let idle = workers.iter().filter(|worker| worker.task.is_none());
            listens && stuck(fold, "speaker").is_some() && workers.len() == 2 && idle.count() == 1
        })
        .await;
}

#[tokio::test]
async fn a_wedged_runtime_is_sent_worker_by_worker() {
    let (_program, mut console) = faulty(&["wedged-runtime", "--workers", "3"]).await;
    let poll = until_stuck(&mut console, "wedged-runtime", "importer").await;
    own(&poll, "load_rates");
    console
        .wait_for("all workers in polls", |fold| {
            let workers = fold.workers(UNNAMED);
            workers.len() == 3 && workers.iter().all(|worker| worker.state() == WorkerState::Polling)
        })
        .await;
    for task in ["query 1", "query 2"] {
        let poll = until_stuck(&mut console, "wedged-runtime", task).await;
        if cfg!(target_os = "linux") {
            assert_eq!(poll.kernel_state, "futex", "{poll:?}");
        }
    }
    let oldest = console.fold.scheduler.stuck.iter().max_by_key(|poll| poll.started_ago_ns);
    let oldest = oldest.and_then(|poll| console.fold.task(poll.task)).expect("they are stuck");
    assert_eq!(oldest.name, "importer", "the others wait for it");
}

#[cfg(tokio_unstable)]
#[tokio::test]
async fn a_saturated_blocking_pool_is_sent_with_its_queue() {
    let blocking = |fold: &Fold, state| {
        fold.in_state(state).filter(|task| task.kind == TaskKind::Blocking as i32).count()
    };
    let (_program, mut console) = faulty(&["blocking-pool"]).await;
    console
        .wait_for("a full pool and its queue", |fold| {
            fold.runtime("archive").is_some_and(|pool| pool.blocking_queue == Some(5))
                && (blocking(fold, TaskState::Running), blocking(fold, TaskState::Scheduled)) == (2, 5)
        })
        .await;
    let pool = console.fold.runtime("archive").expect("it was there a moment ago");
    assert_eq!(
        (pool.blocking_threads, pool.idle_blocking_threads, pool.max_blocking_threads),
        (Some(2), Some(0), Some(2))
    );
    // What may block is not stuck.
    let stuck = console.fold.scheduler.stuck.iter().filter_map(|poll| console.fold.task(poll.task));
    assert_eq!(stuck.filter(|task| task.kind == TaskKind::Blocking as i32).count(), 0);
}

#[tokio::test]
async fn what_goes_on_is_never_stuck() {
    let mut program = start_init(&["scheduler-healthy"]);
    let mut console = Console::open(program.address()).await;
    console.wait_for("its tasks", |fold| fold.live().count() > 200).await;
    let before = program.ask("done");
    let end = console.fold.now_ns + 6_000_000_000;
    while console.fold.now_ns < end {
        console.next().await.expect("the stream is open");
        for poll in &console.fold.scheduler.stuck {
            // What is allowed to block; anything else was held up by the machine, and says so.
            let task = console.fold.task(poll.task).map(|task| task.name.clone()).unwrap_or_default();
            assert!(task != "in-place" && task != "archive", "{poll:?}");
            println!("held up by the machine: {task} for {} ms", poll.duration_ns / 1_000_000);
        }
    }
    let after = program.ask("done");
    for part in 0..5 {
        assert!(after["done"][part].as_u64() > before["done"][part].as_u64(), "{before} {after}");
    }
    assert!(console.fold.long_polls > 100, "polls over a millisecond are sent, and no fault");
}
