//! Runtimes, workers and stuck polls, as the frames have them: the last state of each, and the long polls of all frames counted.

use taskscope_proto::{limits, v1};

use super::{Fold, rule};

impl Fold {
    pub(super) fn add_scheduler(&mut self, scheduler: &v1::Scheduler) -> Result<(), String> {
        rule(scheduler.runtimes.len() <= limits::MAX_RUNTIMES, "runtimes are within their limit")?;
        rule(scheduler.workers.len() <= limits::MAX_WORKERS, "workers are within their limit")?;
        rule(scheduler.stuck.len() <= limits::MAX_STUCK_POLLS, "stuck polls are within their limit")?;
        rule(scheduler.long_polls.len() <= limits::MAX_LONG_POLLS, "long polls are within their limit")?;
        for (row, runtime) in scheduler.runtimes.iter().enumerate() {
            let twice = scheduler.runtimes[..row].iter().any(|other| other.index == runtime.index);
            rule(runtime.index > 0 && !twice, "a runtime has an index of its own")?;
        }
        for worker in &scheduler.workers {
            let known = scheduler.runtimes.iter().any(|runtime| runtime.index == worker.runtime);
            rule(worker.runtime == 0 || known, "a worker's runtime is in the same frame")?;
            rule(
                worker.task.is_none() || worker.state() == v1::WorkerState::Polling,
                "a worker with a task polls",
            )?;
        }
        for poll in &scheduler.stuck {
            self.check_poll(poll.thread, poll.site)?;
            rule(poll.duration_ns <= poll.started_ago_ns, "a poll is not longer than its age")?;
            rule(poll.stack.len() <= limits::MAX_STACK_FRAMES, "a stack is within its limit")?;
            rule(
                poll.stack.is_empty() == (poll.captured_ago_ns_plus1 == 0),
                "a stack has the time when it was taken",
            )?;
            for frame in &poll.stack {
                let longest = frame.function.len().max(frame.file.len());
                rule(longest <= limits::MAX_TEXT_BYTES, "a frame's texts are within their limit")?;
            }
        }
        for poll in &scheduler.long_polls {
            self.check_poll(poll.thread, poll.site)?;
            rule(poll.duration_ns <= poll.started_ago_ns, "a poll is not longer than its age")?;
        }
        self.long_polls += scheduler.long_polls.len() as u64;
        self.scheduler.clone_from(scheduler);
        Ok(())
    }

    fn check_poll(&self, thread: u32, site: u32) -> Result<(), String> {
        rule(thread > 0, "a poll has a thread")?;
        rule(site == 0 || self.sites.contains_key(&site), "a poll's place was sent")
    }

    /// The task of a reference, if the slot still has it.
    pub fn task(&self, task: Option<v1::TaskRef>) -> Option<&super::Task> {
        let task = task?;
        self.tasks.get(&task.slot).filter(|known| known.generation == task.generation)
    }

    /// The stuck polls of the tasks of a name, those that are over included.
    pub fn stuck<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a v1::StuckPoll> {
        let polls = self.scheduler.stuck.iter();
        polls.filter(move |poll| self.task(poll.task).is_some_and(|task| task.name == name))
    }

    /// The workers of the runtime of a name.
    pub fn workers(&self, runtime: &str) -> Vec<&v1::Worker> {
        let Some(runtime) = self.runtime(runtime) else { return Vec::new() };
        self.scheduler.workers.iter().filter(|worker| worker.runtime == runtime.index).collect()
    }

    /// The runtime of a name.
    pub fn runtime(&self, name: &str) -> Option<&v1::Runtime> {
        self.scheduler.runtimes.iter().find(|runtime| runtime.name == name)
    }
}
