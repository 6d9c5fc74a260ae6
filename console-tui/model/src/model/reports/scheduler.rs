//! Runtimes, workers, stuck polls and those who wait for a worker, for the report.

use crate::{
    analysis::{
        Analysis, blame,
        pressure::{self, Pressure},
    },
    id::TaskKey,
    report::{Blame, Closures, PollTime, Runtime, StackFrame, Starving, StuckPoll, Worker, WorstPoll},
    store::{
        scheduler::{self, WorkerCount, spent},
        task::Task,
    },
};

pub(super) fn runtimes(store: Analysis<'_>) -> Vec<Runtime> {
    store.scheduler.runtimes.iter().map(|of| runtime(store, of)).collect()
}

fn runtime(store: Analysis<'_>, of: &scheduler::Runtime) -> Runtime {
    Runtime {
        index: of.index,
        name: (!of.name.is_empty()).then(|| of.name.clone()),
        flavor: of.flavor.word().map(str::to_owned),
        workers: of.workers,
        alive_tasks: of.alive_tasks,
        injection_queue: of.injection_queue,
        remote_schedules: of.remote_schedules,
        budget_yields: of.budget_yields,
        blocking_threads: of.blocking_threads,
        idle_blocking_threads: of.idle_blocking_threads,
        blocking_queue: of.blocking_queue,
        max_blocking_threads: of.max_blocking_threads,
        io_sources: of.io_sources(),
        io_ready: of.io_ready,
        driver_lost_ns: of.driver_lost_since_ns.map(|since_ns| store.now_ns.saturating_sub(since_ns)),
    }
}

pub(super) fn workers(store: Analysis<'_>) -> Vec<Worker> {
    store.scheduler.workers.iter().map(|of| worker(store, of)).collect()
}

fn worker(store: Analysis<'_>, of: &scheduler::Worker) -> Worker {
    Worker {
        runtime: (of.key.runtime > 0).then_some(of.key.runtime),
        worker: of.key.number,
        thread: store.thread_name(of.thread),
        state: of.state.word().map(str::to_owned),
        state_ns: (!store.hello.is_memory()).then(|| store.now_ns.saturating_sub(of.since_ns)),
        stuck: store.scheduler.stuck_on(of.thread).is_some(),
        task: id(store, of.task),
        polls: of.polls,
        poll_ns: of.poll_ns,
        busy_share: store.scheduler.worker_share(of.key, WorkerCount::PollTime),
        cpu_share: store.scheduler.worker_share(of.key, WorkerCount::CpuTime),
        run_queue_wait_ns: of.run_queue_wait_ns,
        local_queue: of.local_queue,
        parks: of.parks,
        noops: of.noops,
        steals: of.steals,
        overflows: of.overflows,
        mean_poll_ns: of.mean_poll_ns,
        kernel_state: of.kernel_state.clone(),
        in_place: of.in_place,
    }
}

pub(super) fn stuck_polls(store: Analysis<'_>) -> Vec<StuckPoll> {
    let stuck = store.scheduler.stuck.iter().map(|poll| StuckPoll {
        task: id(store, poll.task),
        place: store.place(poll.site),
        thread: store.thread_name(poll.thread),
        age_ns: store.now_ns.saturating_sub(poll.started_ns),
        duration_ns: poll.ended_ns.map(|ended_ns| ended_ns.saturating_sub(poll.started_ns)),
        spent: poll.spent.map(poll_time),
        kernel_state: poll.kernel_state.clone(),
        stack: poll.stack.iter().map(frame).collect(),
        problem: poll.problem.clone(),
    });
    stuck.collect()
}

fn poll_time(of: spent::Spent) -> PollTime {
    PollTime { cpu_ns: of.cpu_ns, queued_ns: of.queued_ns, asleep_ns: of.asleep_ns }
}

/// The worst poll of a task in the last minute.
pub(super) fn worst_poll(store: Analysis<'_>, task: TaskKey) -> Option<WorstPoll> {
    let worst = store.scheduler.worst_poll(task, store.now_ns)?;
    Some(WorstPoll {
        duration_ns: worst.poll.length_ns,
        ended_ago_ns: store.now_ns.saturating_sub(worst.ended_ns),
        spent: worst.poll.spent.map(poll_time),
    })
}

fn frame(of: &scheduler::StackFrame) -> StackFrame {
    let (code_file, address) =
        of.code.clone().map(|code| (code.file, format!("{:#x}", code.address))).unzip();
    StackFrame { function: of.function.clone(), place: of.place.clone(), own: of.own, code_file, address }
}

/// Those that wait now, then the worst waits of the last minutes.
pub(super) fn starving(store: Analysis<'_>, pressure: &Pressure) -> Vec<Starving> {
    let now = pressure.starving.iter().map(|of| wait(store, of, None));
    let over = pressure.starved.iter().map(|of| {
        let ago_ns = store.now_ns.saturating_sub(of.wait.ended_ns);
        wait(store, of, Some(ago_ns))
    });
    now.chain(over).collect()
}

fn wait(store: Analysis<'_>, of: &pressure::Starving, ended_ago_ns: Option<u64>) -> Starving {
    Starving {
        task: id(store, Some(of.wait.task)),
        place: store.place(of.wait.site),
        count: of.count,
        scheduled_ns: of.wait.length_ns,
        ended_ago_ns,
        why: of.wait.why.unwrap_or_else(|| store.why(&of.wait)).word().map(str::to_owned),
        blame: of.blame.iter().map(|of| blamed(store, of)).collect(),
    }
}

fn blamed(store: Analysis<'_>, of: &blame::Blame) -> Blame {
    Blame {
        task: id(store, of.task),
        place: store.place(of.site),
        thread: store.thread_name(of.thread),
        held_ns: of.held_ns,
        share: of.share,
    }
}

pub(super) fn closures(store: Analysis<'_>, pressure: &Pressure) -> Vec<Closures> {
    let since = |first: Option<(u64, TaskKey)>| first.map(|(ns, _)| store.now_ns.saturating_sub(ns));
    let closures = pressure.closures.iter().map(|of| Closures {
        place: store.place(of.site),
        running: of.running,
        oldest_ns: since(of.oldest),
        queued: of.queued,
        longest_wait_ns: since(of.first),
    });
    closures.collect()
}

fn id(store: Analysis<'_>, task: Option<TaskKey>) -> Option<String> {
    store.task(task?).map(Task::id)
}
