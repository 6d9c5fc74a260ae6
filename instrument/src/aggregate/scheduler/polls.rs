//! Long polls since the console's last frame, and those that are or were stuck.

use std::collections::{HashMap, VecDeque};

use taskscope_proto::{limits, v1};
use taskscope_recorder::{LongPoll, Spent, TaskId, TaskKind, ThreadInfo, ThreadTimes, Ticks, WorkerReading};

use super::{
    super::{Hub, moment::Moment},
    workers::Worker,
};
use crate::os::thread::{self, Kernel};

/// How long a poll that was stuck is sent after its end.
const STUCK_SENT_NS: u64 = 60_000_000_000;

/// Why a poll comes without a stack.
const NO_STACK_YET: &str = "The stack has not been taken yet; look again in a second.";
const NO_STACK: &str = "The poll ended before its stack was taken.";

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct Polls {
    /// Where the reading of each thread's ring goes on.
    positions: HashMap<u32, u64>,
    /// At most [`limits::MAX_LONG_POLLS`].
    waiting: VecDeque<OnThread>,
    lost: u64,
    /// At most [`limits::MAX_STUCK_POLLS`], the newest first.
    stuck: VecDeque<Stuck>,
    started: bool,
}

#[derive(Debug, Clone, Copy)]
struct OnThread {
    thread: u32,
    poll: LongPoll,
}

#[derive(Debug, Clone, Copy)]
struct Stuck {
    thread: u32,
    task: u64,
    site: u32,
    started: Ticks,
    ended: Option<Ticks>,
    /// Where its time went, as far as was seen: lower bounds, so that each look may only raise them.
    spent: Option<Spent>,
    /// The thread gave its worker's place away (`block_in_place`): it is allowed to block.
    allowed: bool,
}

/// The polls of a round, as the frame has them.
#[derive(Debug, Default)]
pub(super) struct Messages {
    pub(super) stuck: Vec<v1::StuckPoll>,
    pub(super) long_polls: Vec<v1::LongPoll>,
    pub(super) lost: u64,
}

impl Messages {
    pub(super) fn sites(&self) -> impl Iterator<Item = u32> {
        let stuck = self.stuck.iter().map(|poll| poll.site);
        stuck.chain(self.long_polls.iter().map(|poll| poll.site))
    }
}

impl Polls {
    /// Takes the long polls out of their rings. Before the round's moment: those that are sent had ended by then.
    pub(super) fn take_all_long(&mut self, hub: &Hub) {
        for reading in hub.handle.recorder().workers() {
            self.take_long(hub, reading.thread, hub.handle.stuck_after_ns());
        }
        self.started = true;
    }

    /// Sees which polls were stuck at the moment.
    pub(super) fn look(&mut self, hub: &Hub, moment: &Moment) {
        let recorder = hub.handle.recorder();
        let stuck_after_ns = hub.handle.stuck_after_ns();
        for reading in moment.workers() {
            let Some((task, started)) = reading.polling else { continue };
            if recorder.clock().between_ns(started, moment.at) >= stuck_after_ns
                && self.find(reading.thread, task.to_u64(), started).is_none()
            {
                let description = recorder.tasks.get(task).and_then(taskscope_recorder::Task::description);
                if description.as_ref().is_none_or(|description| description.kind != TaskKind::Blocking) {
                    let site = description.map_or(0, |description| description.site);
                    self.add_stuck(Stuck {
                        thread: reading.thread,
                        task: task.to_u64(),
                        site,
                        started,
                        ended: None,
                        spent: None,
                        allowed: reading.in_place,
                    });
                }
            }
        }
        self.end_those_unseen(hub, moment);
    }

    fn take_long(&mut self, hub: &Hub, thread: u32, stuck_after_ns: u64) {
        let recorder = hub.handle.recorder();
        let from = self.positions.get(&thread).copied().unwrap_or(0);
        let mut taken = Vec::new();
        let (next, lost) = recorder.threads.long_polls(thread, from, |poll| taken.push(poll));
        // What happened before the console came is sent as far as it is there, and not counted as lost as far as it is not.
        let is_first_look = from == 0 && !self.started;
        self.lost += if is_first_look { 0 } else { lost };
        self.positions.insert(thread, next);
        for poll in taken {
            let length_ns = recorder.clock().between_ns(poll.started, poll.ended);
            match self.find(thread, poll.task, poll.started) {
                Some(stuck) => {
                    stuck.ended = Some(poll.ended);
                    stuck.spent = poll.spent.or(stuck.spent);
                    stuck.allowed |= poll.in_place;
                }
                None if length_ns >= stuck_after_ns => {
                    self.add_stuck(Stuck {
                        thread,
                        task: poll.task,
                        site: poll.site,
                        started: poll.started,
                        ended: Some(poll.ended),
                        spent: poll.spent,
                        allowed: poll.in_place,
                    });
                }
                None => {}
            }
            if self.waiting.len() == limits::MAX_LONG_POLLS {
                self.waiting.pop_front();
                self.lost += 1;
            }
            self.waiting.push_back(OnThread { thread, poll });
        }
    }

    fn find(&mut self, thread: u32, task: u64, started: Ticks) -> Option<&mut Stuck> {
        let same = |stuck: &&mut Stuck| (stuck.thread, stuck.task, stuck.started) == (thread, task, started);
        self.stuck.iter_mut().find(same)
    }

    /// Takes the place of the oldest one that is over; when all that there is room for go on, it is left out.
    fn add_stuck(&mut self, stuck: Stuck) {
        if self.stuck.len() == limits::MAX_STUCK_POLLS {
            let Some(over) = self.stuck.iter().rposition(|stuck| stuck.ended.is_some()) else { return };
            self.stuck.remove(over);
        }
        self.stuck.push_front(stuck);
    }

    /// Those whose end was overwritten in the ring ended by now; those that are long over are dropped.
    fn end_those_unseen(&mut self, hub: &Hub, moment: &Moment) {
        let clock = hub.handle.recorder().clock();
        self.stuck.retain_mut(|stuck| {
            if stuck.ended.is_none() {
                let goes_on = |reading: WorkerReading| {
                    let polled = reading.polling.map(|(task, started)| (task.to_u64(), started));
                    polled == Some((stuck.task, stuck.started))
                };
                if !moment.worker(stuck.thread).is_some_and(goes_on) {
                    stuck.ended = Some(moment.at);
                }
            }
            stuck.ended.is_none_or(|ended| clock.between_ns(ended, moment.at) < STUCK_SENT_NS)
        });
    }

    pub(super) fn read(
        &mut self,
        hub: &Hub,
        workers: &[Worker],
        threads: &[ThreadInfo],
        now: Ticks,
    ) -> Messages {
        let clock = hub.handle.recorder().clock();
        let has_workers = workers.iter().any(|worker| worker.message.runtime != 0);
        let mut messages = Messages { lost: self.lost, ..Messages::default() };
        for stuck in &mut self.stuck {
            let worker = workers.iter().find(|worker| worker.message.thread == stuck.thread);
            let has_place = worker.is_some_and(|worker| worker.message.runtime != 0);
            if stuck.ended.is_none() && has_workers && !has_place && is_spawned(hub, stuck.task) {
                stuck.allowed = true;
            }
            if stuck.ended.is_none() {
                stuck.allowed |= worker.is_some_and(|worker| worker.message.in_place);
                stuck.measure(hub, threads);
            }
            if !stuck.allowed {
                let kernel_state = match stuck.ended {
                    None => worker.map(|worker| worker.kernel.text()).unwrap_or_default(),
                    Some(_) => String::new(),
                };
                let mut message = stuck.message(clock, now, kernel_state);
                if let Some(task) = TaskId::from_u64(stuck.task) {
                    super::super::stuck::add_stack(
                        hub,
                        (stuck.thread, task, stuck.started),
                        now,
                        &mut message,
                    );
                }
                // The stack shows it even where another thread took the place and gave it back between two readings.
                stuck.allowed |=
                    message.stack.iter().any(|frame| !frame.own && frame.function.contains("block_in_place"));
                if !stuck.allowed {
                    messages.stuck.push(message);
                }
            }
        }
        messages.long_polls = self
            .waiting
            .drain(..)
            .map(|OnThread { thread, poll }| v1::LongPoll {
                thread,
                task: task(poll.task),
                site: poll.site,
                started_ago_ns: clock.between_ns(poll.started, now),
                duration_ns: clock.between_ns(poll.started, poll.ended),
                spent: poll.spent.map(poll_time),
                in_place: poll.in_place,
            })
            .collect();
        // Threads are read one after the other.
        messages.long_polls.sort_by_key(|poll| std::cmp::Reverse(poll.started_ago_ns));
        messages
    }
}

impl Stuck {
    /// Sees where the time of a poll that goes on went so far.
    fn measure(&mut self, hub: &Hub, threads: &[ThreadInfo]) {
        let recorder = hub.handle.recorder();
        let clock = recorder.clock();
        let before = recorder.worker(self.thread).and_then(|reading| reading.times);
        let os_id = threads.iter().find(|info| info.number == self.thread).and_then(|info| info.os_id);
        let Some((before, os_id)) = before.zip(os_id) else { return };
        // Up to before the reading, and read anew: counts of an earlier moment would make sleep of what came since.
        let wall_ns = clock.between_ns(self.started, clock.ticks());
        let facts = thread::read(os_id);
        let Some((cpu_ns, queued_ns)) = facts.cpu_ns.zip(facts.run_queue_wait_ns) else { return };
        let mut spent = before.spent(clock, self.started, wall_ns, ThreadTimes { cpu_ns, queued_ns });
        // Of a thread that is not asleep the kernel has not counted yet what it does since it woke.
        if !matches!(facts.kernel, Kernel::Call { .. } | Kernel::Asleep) {
            spent.asleep_ns = 0;
        }
        let known = self.spent.unwrap_or_default();
        self.spent = Some(Spent {
            cpu_ns: known.cpu_ns.max(spent.cpu_ns),
            queued_ns: known.queued_ns.max(spent.queued_ns),
            asleep_ns: known.asleep_ns.max(spent.asleep_ns),
        });
    }

    fn message(&self, clock: &taskscope_recorder::Clock, now: Ticks, kernel_state: String) -> v1::StuckPoll {
        v1::StuckPoll {
            thread: self.thread,
            task: task(self.task),
            site: self.site,
            started_ago_ns: clock.between_ns(self.started, now),
            duration_ns: self.ended.map_or(0, |ended| clock.between_ns(self.started, ended).max(1)),
            kernel_state,
            // Until there is one.
            problem: match self.ended {
                None => NO_STACK_YET,
                Some(_) => NO_STACK,
            }
            .to_owned(),
            spent: self.spent.map(poll_time),
            ..v1::StuckPoll::default()
        }
    }
}

fn poll_time(Spent { cpu_ns, queued_ns, asleep_ns }: Spent) -> v1::PollTime {
    v1::PollTime { cpu_ns, queued_ns, asleep_ns }
}

/// Whether a task is polled by workers only: then a thread that polls it without being one was a worker when the poll began.
fn is_spawned(hub: &Hub, task: u64) -> bool {
    let recorder = hub.handle.recorder();
    let description = TaskId::from_u64(task).and_then(|id| recorder.tasks.get(id)?.description());
    description.is_some_and(|description| description.kind == TaskKind::Task)
}

fn task(word: u64) -> Option<v1::TaskRef> {
    TaskId::from_u64(word).map(|id| v1::TaskRef { slot: id.index(), generation: id.generation() })
}
