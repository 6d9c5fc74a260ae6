//! The future around a recorded future.

use std::{
    future::Future,
    panic::Location,
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll, Waker},
};

use pin_project_lite::pin_project;
use taskscope_recorder::{CountWakers, TaskId, TaskKind};

use super::waker::Counting;
use crate::handle::Handle;

pin_project! {
    /// A future that is recorded while it is polled.
    ///
    /// Transparent: output, panics and cancellation are those of the inner future.
    #[derive(Debug)]
    pub struct Tracked<F> {
        // Before the inner future in memory, after it in drop order is not needed: a drop of the inner future is no poll.
        #[pin]
        future: F,
        recording: Option<Recording>,
    }
}

/// Ends the task when the future is dropped.
#[derive(Debug)]
struct Recording {
    handle: Handle,
    state: State,
    waker: Option<Arc<Counting>>,
}

#[derive(Debug)]
enum State {
    /// Made by `instrument_task`, not polled yet: whether it is a task of its own shows at the first poll.
    Named { name: &'static str, at: &'static Location<'static> },
    /// A task or future that this wrapper made.
    Own(TaskId),
    /// Tokio's span recorded the task already; nothing to do but to stay out of the way.
    Traced,
}

impl<F: Future> Tracked<F> {
    pub(super) fn passive(future: F) -> Self {
        Self { future, recording: None }
    }

    pub(super) fn spawned(handle: Handle, task: TaskId, future: F) -> Self {
        Self { future, recording: Some(Recording { handle, state: State::Own(task), waker: None }) }
    }

    pub(super) fn named(
        handle: Handle,
        name: &'static str,
        at: &'static Location<'static>,
        future: F,
    ) -> Self {
        Self { future, recording: Some(Recording { handle, state: State::Named { name, at }, waker: None }) }
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(recording) = this.recording else { return this.future.poll(context) };
        let Some(task) = recording.task_to_poll(size_of::<F>()) else { return this.future.poll(context) };
        let waker = recording.counting_waker(task, context.waker());
        let _poll = RunningPoll::enter(&recording.handle, task);
        this.future.poll(&mut Context::from_waker(&waker))
    }
}

impl Recording {
    /// The task whose poll this wrapper must record; `None` when tokio's span does it.
    fn task_to_poll(&mut self, size_bytes: usize) -> Option<TaskId> {
        let recorder = self.handle.recorder();
        match self.state {
            State::Traced => None,
            // Tokio's span adopted the task and has entered it.
            State::Own(task) if recorder.current() == Some(task) => None,
            State::Own(task) => Some(task),
            State::Named { .. } if !self.handle.is_recording() => None,
            State::Named { name, at } => {
                let tokio_id = tokio_id();
                if let Some(current) =
                    recorder.current().filter(|task| is_whole_task(recorder, *task, tokio_id))
                {
                    recorder.tasks.name(current, name);
                    self.state = State::Traced;
                    return None;
                }
                let inside_another = recorder.current().is_some();
                let kind = if inside_another { TaskKind::Future } else { TaskKind::Task };
                let task = recorder.spawn(&super::wrapped(kind, name, size_bytes as u64, at));
                if !inside_another {
                    recorder.tasks.set_tokio_id(task, tokio_id);
                }
                self.handle.sources().wrappers.store(true, std::sync::atomic::Ordering::Relaxed);
                self.state = State::Own(task);
                Some(task)
            }
        }
    }

    fn counting_waker(&mut self, task: TaskId, waker: &Waker) -> Waker {
        let counting = match self.waker.take() {
            Some(counting) if counting.wakes(waker) => counting,
            first => {
                let counting = Counting::new(&self.handle, task, waker);
                let weak = Arc::downgrade(&counting);
                self.handle.recorder().tasks.count_wakers(task, weak as Weak<dyn CountWakers>);
                if first.is_none() {
                    self.handle.recorder().tasks.set_tokio_id(task, tokio_id());
                }
                counting
            }
        };
        self.waker = Some(Arc::clone(&counting));
        Waker::from(counting)
    }
}

/// Whether `task` is the tokio task that runs here and has had no name from elsewhere: then a named future polled first in it is it.
fn is_whole_task(recorder: &taskscope_recorder::Recorder, task: TaskId, tokio_id: u64) -> bool {
    let Some(description) = recorder.tasks.get(task).and_then(taskscope_recorder::Task::description) else {
        return false;
    };
    let first_poll = recorder
        .tasks
        .get(task)
        .and_then(taskscope_recorder::Task::counters)
        .is_some_and(|counters| counters.polls == 1);
    first_poll && description.tokio_id == tokio_id && tokio_id != 0 && description.name.is_empty()
}

/// Tokio's id of the task that runs here; 0: none.
fn tokio_id() -> u64 {
    // The id's number is only in its text.
    tokio::task::try_id().and_then(|id| id.to_string().parse().ok()).unwrap_or(0)
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let State::Own(task) = self.state {
            self.handle.recorder().release(task);
        }
    }
}

/// Ends the poll also when the inner future panics.
struct RunningPoll<'h> {
    handle: &'h Handle,
    task: TaskId,
}

impl<'h> RunningPoll<'h> {
    fn enter(handle: &'h Handle, task: TaskId) -> Self {
        handle.recorder().enter(task);
        Self { handle, task }
    }
}

impl Drop for RunningPoll<'_> {
    fn drop(&mut self) {
        self.handle.recorder().exit(self.task);
    }
}
