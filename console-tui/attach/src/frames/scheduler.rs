//! Who is watched, its threads, its runtimes and their workers.

use rustc_hash::FxHashMap;
use taskscope_await::Flavor;
use taskscope_proto::{
    cut,
    limits::{
        MAX_PROBLEM_BYTES, MAX_RUNTIMES, MAX_THREAD_NAME_BYTES, MAX_THREADS, MAX_WORKERS, PROTOCOL_VERSION,
    },
    v1,
};

use super::{Filling, Frames, Round};
use taskscope_observe::{KernelState, SeenThread};

use crate::calls;

impl Frames {
    /// Says who this is, when that changed.
    pub(super) fn say_hello(&mut self, round: &Round<'_>, filling: &mut Filling) {
        let process = round.observer.source();
        let mut problems = self.about.problems.clone();
        if round.observed.left_bytes > 0 {
            let left = round.observed.left_bytes >> 20;
            problems.push(format!(
                "{left} MiB of memory were not searched for tasks; those in tokio's own lists are all there"
            ));
        }
        for problem in &mut problems {
            *problem = cut::end(problem, MAX_PROBLEM_BYTES).to_owned();
        }
        let hello = v1::Hello {
            protocol: PROTOCOL_VERSION,
            instance: self.about.instance,
            process_name: process.name(),
            pid: process.pid(),
            started_unix_ns: self.started_unix_ns,
            tokio_version: round.observer.tokio_version().unwrap_or_default().to_owned(),
            os: std::env::consts::OS.to_owned(),
            sources: Some(v1::Sources { memory: true, ..v1::Sources::default() }),
            problems,
            ..v1::Hello::default()
        };
        if self.hello.as_ref() != Some(&hello) {
            filling.last().hello = Some(hello.clone());
            self.hello = Some(hello);
        }
    }

    /// Names the threads that are new.
    pub(super) fn name_threads(&mut self, round: &Round<'_>, filling: &mut Filling) {
        for seen in &round.observed.threads {
            let next = self.threads.len() as u32 + 1;
            let name = cut::end(&seen.thread.name, MAX_THREAD_NAME_BYTES).to_owned();
            let known = self.threads.get(&seen.thread.os_id);
            if known.is_some_and(|(_, known)| *known == name) || next > MAX_THREADS as u32 {
                continue;
            }
            let index = known.map_or(next, |(index, _)| *index);
            self.threads.insert(seen.thread.os_id, (index, name.clone()));
            filling.last().threads.push(v1::Thread { index, name, os_id: seen.thread.os_id });
        }
    }

    /// Runtimes and workers.
    pub(super) fn scheduler(&self, round: &Round<'_>, filling: &mut Filling) {
        let by_id: FxHashMap<u64, usize> = round
            .observed
            .tasks
            .iter()
            .enumerate()
            .filter_map(|(number, seen)| Some((seen.task.id?, number)))
            .collect();
        let mut next_worker: FxHashMap<usize, u32> = FxHashMap::default();
        let is_worker = |seen: &&SeenThread| seen.is_worker;
        let workers = round.observed.threads.iter().filter(is_worker).take(MAX_WORKERS).map(|seen| {
            let runtime = seen.runtime;
            let worker = runtime.map_or(0, |runtime| {
                let next = next_worker.entry(runtime).or_default();
                *next += 1;
                *next - 1
            });
            // A worker between two polls has the number of the closure that it is.
            let task = seen.task_id.and_then(|id| round.tasks.get(*by_id.get(&id)?));
            v1::Worker {
                runtime: runtime.map_or(0, |runtime| runtime as u32 + 1),
                worker,
                thread: self.threads.get(&seen.thread.os_id).map_or(0, |(index, _)| *index),
                state: worker_state(task.is_some(), seen.thread.kernel_state) as i32,
                task: task.map(|slot| v1::TaskRef { slot: slot.slot, generation: slot.generation }),
                kernel_state: kernel_state(seen.thread.kernel_state),
                ..v1::Worker::default()
            }
        });
        let workers = workers.collect();
        let runtimes = round.observed.runtimes.iter().enumerate().take(MAX_RUNTIMES);
        let runtimes =
            runtimes.filter(|(_, seen)| seen.of.flavor != Flavor::LocalSet).map(|(number, seen)| {
                let alive = round.observed.tasks.iter().filter(|task| task.runtime == Some(number)).count();
                v1::Runtime {
                    index: number as u32 + 1,
                    name: seen.runtime.name.clone().unwrap_or_default(),
                    flavor: flavor(seen.of.flavor) as i32,
                    workers: seen
                        .runtime
                        .workers
                        .and_then(|workers| u32::try_from(workers).ok())
                        .unwrap_or(0),
                    alive_tasks: Some(alive as u64),
                    ..v1::Runtime::default()
                }
            });
        let scheduler = v1::Scheduler { runtimes: runtimes.collect(), workers, ..v1::Scheduler::default() };
        filling.last().scheduler = Some(scheduler);
    }
}

fn flavor(flavor: Flavor) -> v1::RuntimeFlavor {
    match flavor {
        Flavor::CurrentThread | Flavor::LocalSet => v1::RuntimeFlavor::CurrentThread,
        Flavor::MultiThread => v1::RuntimeFlavor::MultiThread,
    }
}

fn worker_state(polls: bool, kernel: Option<KernelState>) -> v1::WorkerState {
    match kernel {
        _ if polls => v1::WorkerState::Polling,
        Some(KernelState::Running) => v1::WorkerState::Searching,
        Some(KernelState::Sleeps(Some(call))) if calls::waits_for_io(call) => v1::WorkerState::DrivingIo,
        Some(KernelState::Sleeps(_)) => v1::WorkerState::Parked,
        None => v1::WorkerState::Unspecified,
    }
}

fn kernel_state(state: Option<KernelState>) -> String {
    match state {
        Some(KernelState::Running) => "running".to_owned(),
        Some(KernelState::Sleeps(Some(call))) => calls::call_name(call),
        Some(KernelState::Sleeps(None)) | None => String::new(),
    }
}
