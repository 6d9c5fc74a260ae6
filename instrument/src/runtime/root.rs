//! The future of a `block_on` that began before taskscope: `#[tokio::main]` with `taskscope::init()` inside.
//!
//! Tokio reports a task when it makes it, so this one never. It is listed from `init` on, as what is known: that it is there, where, and what
//! it waits for in locks, timers and channels. Its polls and their times are unknown. Limit: one a thread, the one that `init` runs in; one that
//! runs `tokio::task::unconstrained`, or that began on another thread, is not found.

use std::{
    cell::RefCell,
    panic::Location,
    task::{Context, Poll, Waker},
};

use taskscope_recorder::{Knows, Place, Spawn, TaskId, TaskKind};

use crate::handle::Handle;

/// Operations that tokio lets a task do in one poll are 128; one more than that, and no poll has as many left.
const MORE_THAN_A_POLLS_BUDGET: usize = 256;

thread_local! {
    static HERE: RefCell<Option<Root>> = const { RefCell::new(None) };
}

/// Ends the task when its thread does.
struct Root {
    handle: Handle,
    task: TaskId,
}

impl Drop for Root {
    fn drop(&mut self) {
        taskscope_recorder::set_root(None);
        self.handle.recorder().release(self.task);
    }
}

/// Lists the future that calls this, if it is that of a `block_on`, for the first recorder that asks on this thread. `at` is where.
///
/// Costs about 2 µs, and where the runtime has several threads one in tokio's count of forced yields: the budget of a poll shows in no other
/// way.
pub(crate) fn found_here(handle: &Handle, at: &Location<'_>) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    if handle.is_lazy() {
        // Its tasks are counted when recording begins, though none was seen.
        super::registry::built(&runtime, None);
    }
    let tasks = runtime.metrics().num_alive_tasks();
    handle.tasks_before(tasks);
    if tokio::task::try_id().is_some() || handle.recorder().current().is_some() || !in_a_poll() {
        return;
    }
    let _torn_down = HERE.try_with(|here| {
        let mut here = here.borrow_mut();
        if here.is_some() {
            return;
        }
        let thread = std::thread::current();
        let task = handle.recorder().spawn(&Spawn {
            kind: TaskKind::BlockOn,
            name: thread.name().unwrap_or_default(),
            place: Some(Place { file: at.file(), line: at.line(), column: at.column() }),
            knows: Knows { no_polls: true, ..Knows::default() },
            ..Spawn::default()
        });
        // A task that was spawned before this one's runtime was watched is polled here, too: then nothing distinguishes them.
        if tasks == 0 {
            taskscope_recorder::set_root(Some(task));
        }
        super::registry::root_found(&runtime, task);
        *here = Some(Root { handle: handle.clone(), task });
    });
}

/// A `block_on` begins on this thread: outside of any runtime, so the one before has returned.
pub(crate) fn another_begins() {
    let _torn_down = HERE.try_with(|here| {
        // Looked at first: a `block_on` inside of another, by `block_in_place`, ends nothing.
        if here.borrow().is_some() && tokio::runtime::Handle::try_current().is_err() {
            here.borrow_mut().take();
        }
    });
}

/// Whether the caller is polled by tokio, outside of any task: then it is the future of a `block_on`. A thread that merely entered a runtime's
/// context is not.
fn in_a_poll() -> bool {
    if tokio::runtime::worker_index().is_some() {
        return true;
    }
    // Whoever is polled has a budget, which ends; outside there is none.
    let mut context = Context::from_waker(Waker::noop());
    let mut taken = Vec::with_capacity(MORE_THAN_A_POLLS_BUDGET);
    while taken.len() < MORE_THAN_A_POLLS_BUDGET && tokio::task::coop::has_budget_remaining() {
        let Poll::Ready(one) = tokio::task::coop::poll_proceed(&mut context) else { break };
        taken.push(one);
    }
    let polled = !tokio::task::coop::has_budget_remaining();
    // Given back last first: each restores what was left before it.
    while taken.pop().is_some() {}
    polled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(handle: &Handle) -> Vec<(TaskKind, bool)> {
        let slots = handle.recorder().tasks.pages().flat_map(|page| &page.slots);
        let live = slots.filter(|task| {
            task.counters().is_some_and(|counters| counters.state != taskscope_recorder::State::Done)
        });
        live.filter_map(taskscope_recorder::Task::description)
            .map(|task| (task.kind, task.knows.no_polls))
            .collect()
    }

    fn on_a_thread(handle: &Handle, run: impl FnOnce(Handle) + Send + 'static) {
        let handle = handle.clone();
        std::thread::spawn(move || run(handle)).join().unwrap();
    }

    const ROOT: [(TaskKind, bool); 1] = [(TaskKind::BlockOn, true)];

    #[test]
    fn the_future_of_a_block_on_is_found_once_and_ends_with_its_thread() {
        for threads in [None, Some(2)] {
            let handle = crate::builder().build_handle();
            on_a_thread(&handle, move |handle| {
                let mut builder = match threads {
                    None => tokio::runtime::Builder::new_current_thread(),
                    Some(_) => tokio::runtime::Builder::new_multi_thread(),
                };
                let runtime = builder.worker_threads(threads.unwrap_or(1)).build().unwrap();
                runtime.block_on(async {
                    found_here(&handle, Location::caller());
                    found_here(&handle, Location::caller());
                    assert_eq!(listed(&handle), ROOT);
                    // The budget is as it was: a poll can do its 128 operations.
                    let mut context = Context::from_waker(Waker::noop());
                    for _ in 0..128 {
                        let Poll::Ready(one) = tokio::task::coop::poll_proceed(&mut context) else {
                            panic!("the budget was used")
                        };
                        one.made_progress();
                    }
                });
                assert_eq!(listed(&handle), ROOT, "nothing shows that it has returned");
            });
            assert_eq!(listed(&handle), [], "its thread has ended");
        }
    }

    #[cfg(tokio_unstable)]
    #[test]
    fn what_it_waits_for_and_holds_is_its_own() {
        std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
                let _default = tracing::dispatcher::set_default(&crate::source::tests::DEFAULT);
                let handle = Handle::default_handle().unwrap();
                found_here(handle, Location::caller());
                let root = HERE.with(|here| here.borrow().as_ref().unwrap().task);
                let lock = tokio::sync::Mutex::new(());
                let guard = lock.lock().await;
                let mut second = std::pin::pin!(lock.lock());
                let mut context = Context::from_waker(Waker::noop());
                assert!(second.as_mut().poll(&mut context).is_pending());
                let recorder = handle.recorder();
                let slots = recorder.resources.op_pages().flat_map(|page| &page.slots);
                let mut waits =
                    slots.filter_map(taskscope_recorder::Op::read).filter(|op| op.task == Some(root));
                // Beside it that of its part, the semaphore.
                let wait = waits.find(|op| recorder.resources.name_of(op.source) == "Mutex::lock").unwrap();
                let lock = recorder.resources.get(wait.resource.unwrap()).unwrap();
                let holders = recorder.resources.read_lock(lock).unwrap().holders;
                assert_eq!(holders[0].by, taskscope_recorder::Agent::Task(root));
                drop(guard);
            });
        })
        .join()
        .unwrap();
    }

    #[test]
    fn tasks_that_were_there_before_are_said() {
        let handle = crate::builder().build_handle();
        on_a_thread(&handle, |handle| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let _task = tokio::spawn(std::future::pending::<()>());
                found_here(&handle, Location::caller());
                assert_eq!(listed(&handle), ROOT);
                // Whose doing a lock is on this thread is not known then.
                let recorder = handle.recorder();
                let op = recorder.resources.new_op("lock", None, 0).unwrap();
                recorder.enter_any(taskscope_recorder::AnyId::OpPoll(op));
                recorder.exit_any(taskscope_recorder::AnyId::OpPoll(op));
                let mut ops = recorder.resources.op_pages().flat_map(|page| &page.slots);
                assert_eq!(ops.find_map(taskscope_recorder::Op::read).unwrap().task, None);
            });
        });
        #[cfg(tokio_unstable)]
        assert!(
            handle.problems().iter().any(|problem| problem.contains("set up: 1 task.")),
            "{:?}",
            handle.problems()
        );
    }

    #[test]
    fn another_block_on_on_the_thread_ends_it_and_one_inside_does_not() {
        let handle = crate::builder().build_handle();
        on_a_thread(&handle, |handle| {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
            runtime.block_on(async {
                found_here(&handle, Location::caller());
                another_begins();
                assert_eq!(listed(&handle), ROOT);
            });
            another_begins();
            assert_eq!(listed(&handle), []);
        });
    }

    #[test]
    fn neither_a_context_nor_a_task_nor_a_foreign_executor_is_a_block_on() {
        let handle = crate::builder().build_handle();
        on_a_thread(&handle, |handle| {
            found_here(&handle, Location::caller());
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
            let context = runtime.enter();
            found_here(&handle, Location::caller());
            drop(context);
            let spawned = handle.clone();
            let task = runtime.spawn(async move { found_here(&spawned, Location::caller()) });
            runtime.block_on(task).unwrap();
            let blocking = handle.clone();
            let task = runtime.spawn_blocking(move || found_here(&blocking, Location::caller()));
            runtime.block_on(task).unwrap();
            assert_eq!(listed(&handle), []);
        });
    }
}
