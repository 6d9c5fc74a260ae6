//! The workers of all runtimes, and the threads that poll outside of any worker's place.

use std::collections::HashMap;

use taskscope_proto::v1::{self, WorkerState};
use taskscope_recorder::{TaskId, TaskKind, ThreadInfo, Ticks, WorkerReading};
use tokio::runtime::RuntimeMetrics;

use super::super::{Hub, lock, moment::Moment};
use crate::{
    os::thread::{Kernel, ThreadFacts},
    runtime::{self, KnownRuntime},
};

/// What was seen of each worker last.
#[derive(Debug, Default)]
pub(super) struct Workers {
    /// By runtime and number, or by 0 and the thread's number.
    seen: HashMap<(u32, u32), Seen>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    /// The thread that it was.
    thread: u32,
    state: WorkerState,
    parks: Option<u64>,
    /// Since when it is known to be so.
    since: Ticks,
}

/// A worker as it is sent, and what its thread does.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) message: v1::Worker,
    pub(super) kernel: Kernel,
}

/// A worker's place and what is known of the thread in it.
struct Place<'a> {
    runtime: u32,
    worker: u32,
    thread: Option<&'a ThreadInfo>,
    reading: Option<WorkerReading>,
    facts: ThreadFacts,
    /// Parks and unparks.
    parks: Option<u64>,
    parked: Option<bool>,
}

impl Workers {
    pub(super) fn read(
        &mut self,
        hub: &Hub,
        known: &[KnownRuntime],
        threads: &[ThreadInfo],
        moment: &Moment,
    ) -> Vec<Worker> {
        let mut seen = HashMap::new();
        let mut workers = Vec::new();
        let mut placed = Vec::new();
        for runtime in known {
            let metrics = runtime.handle.metrics();
            for number in 0..metrics.num_workers() {
                let thread = thread_of(runtime, &metrics, number, threads);
                placed.extend(thread.map(|thread| thread.number));
                let reading = thread.and_then(|thread| moment.worker(thread.number));
                let place = Place::of_worker(hub, runtime.index, number, thread, reading, &metrics);
                let mut worker = self.worker(hub, place, &mut seen, moment.at);
                count(&mut worker.message, &metrics, number);
                workers.push(worker);
            }
        }
        for thread in threads.iter().filter(|thread| !placed.contains(&thread.number)) {
            let Some(reading) = moment.worker(thread.number) else { continue };
            if polls_tasks(hub, &reading) {
                let place = Place::of_thread(hub, thread, reading);
                workers.push(self.worker(hub, place, &mut seen, moment.at));
            }
        }
        self.seen = seen;
        workers
    }

    fn worker(
        &self,
        hub: &Hub,
        place: Place<'_>,
        seen: &mut HashMap<(u32, u32), Seen>,
        now: Ticks,
    ) -> Worker {
        let clock = hub.handle.recorder().clock();
        let thread = place.thread.map_or(0, |thread| thread.number);
        let key = (place.runtime, if place.runtime == 0 { thread } else { place.worker });
        let before = self.seen.get(&key);
        let parks = place.parks;
        let (state, since) = place.state();
        let same =
            before.filter(|before| before.thread == thread && before.state == state && before.parks == parks);
        let since = since.or(same.map(|before| before.since)).unwrap_or(now);
        seen.insert(key, Seen { thread, state, parks, since });
        let Place { runtime, worker, reading, facts, .. } = place;
        let task = reading.and_then(|reading| reading.polling).map(|(task, _)| task);
        let message = v1::Worker {
            runtime,
            worker,
            thread,
            state: state.into(),
            state_ago_ns: clock.between_ns(since, now),
            task: task.map(|task| v1::TaskRef { slot: task.index(), generation: task.generation() }),
            polls: reading.map(|reading| reading.polls),
            poll_ns: reading.map(|reading| clock.length_ns(reading.busy)),
            cpu_ns: facts.cpu_ns,
            run_queue_wait_ns: facts.run_queue_wait_ns,
            voluntary_switches: facts.voluntary_switches,
            involuntary_switches: facts.involuntary_switches,
            kernel_state: facts.kernel.text(),
            in_place: reading.is_some_and(|reading| reading.in_place),
            handed_over: before.is_some_and(|before| before.thread != thread && before.thread != 0),
            ..v1::Worker::default()
        };
        Worker { message, kernel: facts.kernel }
    }
}

impl<'a> Place<'a> {
    fn of_worker(
        hub: &Hub,
        runtime: u32,
        worker: usize,
        thread: Option<&'a ThreadInfo>,
        reading: Option<WorkerReading>,
        metrics: &RuntimeMetrics,
    ) -> Self {
        let facts = facts(hub, thread);
        #[cfg(target_has_atomic = "64")]
        let parks = Some(metrics.worker_park_unpark_count(worker));
        #[cfg(not(target_has_atomic = "64"))]
        let parks: Option<u64> = None;
        let parked = parks.map(|parks| parks % 2 == 1);
        Self { runtime, worker: worker as u32, thread, reading, facts, parks, parked }
    }

    fn of_thread(hub: &Hub, thread: &'a ThreadInfo, reading: WorkerReading) -> Self {
        let facts = facts(hub, Some(thread));
        let parked = match facts.kernel {
            Kernel::Unknown => None,
            Kernel::Running => Some(false),
            Kernel::Call { .. } | Kernel::Asleep => Some(true),
        };
        Self {
            runtime: 0,
            worker: 0,
            thread: Some(thread),
            reading: Some(reading),
            facts,
            parks: None,
            parked,
        }
    }

    /// What it does, and since when if that is known.
    fn state(&self) -> (WorkerState, Option<Ticks>) {
        if let Some((_, since)) = self.reading.and_then(|reading| reading.polling) {
            return (WorkerState::Polling, Some(since));
        }
        let parking = self.thread.and_then(|thread| runtime::parking(thread.number));
        let since = parking.map(|parking| parking.since);
        match parking.map(|parking| parking.parked).or(self.parked) {
            Some(true) if self.facts.kernel.waits_for_io() => (WorkerState::DrivingIo, since),
            Some(true) => (WorkerState::Parked, since),
            Some(false) => (WorkerState::Searching, since),
            None => (WorkerState::Unspecified, None),
        }
    }
}

/// The thread that is a worker now.
fn thread_of<'a>(
    runtime: &KnownRuntime,
    metrics: &RuntimeMetrics,
    worker: usize,
    threads: &'a [ThreadInfo],
) -> Option<&'a ThreadInfo> {
    #[cfg(tokio_unstable)]
    if let Some(id) = metrics.worker_thread_id(worker) {
        // One that has polled nothing yet has no number: nothing of it is known.
        return threads.iter().find(|thread| thread.id == id);
    }
    #[cfg(not(tokio_unstable))]
    let _ = metrics;
    let number = runtime.placed_thread(worker)?;
    threads.iter().find(|thread| thread.number == number)
}

fn facts(hub: &Hub, thread: Option<&ThreadInfo>) -> ThreadFacts {
    let Some(os_id) = thread.and_then(|thread| thread.os_id) else { return ThreadFacts::default() };
    lock(&hub.threads).facts(os_id, hub.handle.recorder().clock())
}

/// Whether a thread polls tasks that any thread may poll: those of the blocking pool each have their own closure.
fn polls_tasks(hub: &Hub, reading: &WorkerReading) -> bool {
    let recorder = hub.handle.recorder();
    let task = reading.polling.map(|(task, _)| task).or(reading.last);
    let kind = |task: TaskId| Some(recorder.tasks.get(task)?.description()?.kind);
    task.and_then(kind).is_some_and(|kind| kind != TaskKind::Blocking)
}

/// What tokio counts of a worker.
fn count(worker: &mut v1::Worker, metrics: &RuntimeMetrics, number: usize) {
    #[cfg(target_has_atomic = "64")]
    {
        let busy = metrics.worker_total_busy_duration(number);
        worker.busy_ns = Some(u64::try_from(busy.as_nanos()).unwrap_or(u64::MAX));
        worker.parks = Some(metrics.worker_park_count(number));
    }
    #[cfg(tokio_unstable)]
    {
        worker.local_queue = Some(metrics.worker_local_queue_depth(number) as u64);
        let mean = metrics.worker_mean_poll_time(number);
        worker.mean_poll_ns = Some(u64::try_from(mean.as_nanos()).unwrap_or(u64::MAX));
    }
    #[cfg(all(tokio_unstable, target_has_atomic = "64"))]
    {
        worker.noops = Some(metrics.worker_noop_count(number));
        worker.steals = Some(metrics.worker_steal_count(number));
        worker.steal_operations = Some(metrics.worker_steal_operations(number));
        worker.local_schedules = Some(metrics.worker_local_schedule_count(number));
        worker.overflows = Some(metrics.worker_overflow_count(number));
    }
    #[cfg(not(any(target_has_atomic = "64", tokio_unstable)))]
    let _ = (worker, metrics, number);
}
