//! The scheduler and await trees of a frame.

use taskscope_proto::{
    limits::{MAX_PATH_BYTES, MAX_TEXT_BYTES},
    v1,
};

use super::{Applying, details::histogram, since, text};
use crate::{
    id::{SiteId, TaskKey, WorkerKey},
    losses::Losses,
    store::{
        MAX_TREES, Store,
        detail::{AwaitFrame, AwaitTree},
        path::short_path,
        scheduler::{
            Code, Flavor, LongPoll, Runtime, SchedulerReport, StackFrame, StuckPoll, Worker, WorkerState,
            spent::Spent,
        },
    },
};

pub(super) fn apply(of: &mut Applying<'_>) {
    let (frame, losses) = (&of.frame.rest, &mut *of.losses);
    let now_ns = frame.now_ns;
    for tree in &frame.await_trees {
        let key = tree.task.map(TaskKey::from);
        await_tree(of.store, key, tree, now_ns, losses);
    }
    let Some(wire) = &frame.scheduler else { return };
    let report = SchedulerReport {
        runtimes: wire.runtimes.iter().map(|wire| runtime(wire, now_ns, losses)).collect(),
        workers: wire.workers.iter().map(|wire| worker(wire, now_ns, losses)).collect(),
        stuck: wire.stuck.iter().map(|wire| stuck(wire, now_ns, losses)).collect(),
        long_polls: wire.long_polls.iter().map(|wire| long_poll(wire, now_ns)).collect(),
        lost_long_polls: wire.lost_long_polls,
        polls: wire.polls.as_ref().map(histogram),
        scheduled: wire.scheduled.as_ref().map(histogram),
    };
    let now_ns = of.store.now_ns;
    of.store.scheduler.take_in(report, now_ns);
    of.store.remember_in_place();
}

/// A text that is there.
fn known(raw: &str, losses: &mut Losses) -> Option<String> {
    (!raw.is_empty()).then(|| text(raw, MAX_TEXT_BYTES, losses))
}

fn runtime(wire: &v1::Runtime, now_ns: u64, losses: &mut Losses) -> Runtime {
    let flavor = match v1::RuntimeFlavor::try_from(wire.flavor) {
        Ok(v1::RuntimeFlavor::MultiThread) => Flavor::MultiThread,
        Ok(v1::RuntimeFlavor::CurrentThread) => Flavor::CurrentThread,
        Ok(v1::RuntimeFlavor::Unspecified) | Err(_) => Flavor::Unknown,
    };
    Runtime {
        index: wire.index,
        name: text(&wire.name, MAX_TEXT_BYTES, losses),
        flavor,
        workers: wire.workers,
        alive_tasks: wire.alive_tasks,
        injection_queue: wire.injection_queue,
        spawned_tasks: wire.spawned_tasks,
        remote_schedules: wire.remote_schedules,
        budget_yields: wire.budget_yields,
        blocking_threads: wire.blocking_threads,
        idle_blocking_threads: wire.idle_blocking_threads,
        blocking_queue: wire.blocking_queue,
        max_blocking_threads: wire.max_blocking_threads,
        io_registered: wire.io_registered,
        io_deregistered: wire.io_deregistered,
        io_ready: wire.io_ready,
        driver_lost_since_ns: wire.driver_lost_ago_ns.map(|ago_ns| now_ns.saturating_sub(ago_ns)),
    }
}

fn worker(wire: &v1::Worker, now_ns: u64, losses: &mut Losses) -> Worker {
    let state = match v1::WorkerState::try_from(wire.state) {
        Ok(v1::WorkerState::Polling) => WorkerState::Polling,
        Ok(v1::WorkerState::Parked) => WorkerState::Parked,
        Ok(v1::WorkerState::Searching) => WorkerState::Searching,
        Ok(v1::WorkerState::DrivingIo) => WorkerState::DrivingIo,
        Ok(v1::WorkerState::Unspecified) | Err(_) => WorkerState::Unknown,
    };
    let number = if wire.runtime == 0 { wire.thread } else { wire.worker };
    Worker {
        key: WorkerKey { runtime: wire.runtime, number },
        thread: wire.thread,
        state,
        since_ns: now_ns.saturating_sub(wire.state_ago_ns),
        reported_ns: now_ns,
        task: wire.task.map(TaskKey::from),
        polls: wire.polls,
        poll_ns: wire.poll_ns,
        busy_ns: wire.busy_ns,
        parks: wire.parks,
        noops: wire.noops,
        steals: wire.steals,
        steal_operations: wire.steal_operations,
        local_schedules: wire.local_schedules,
        overflows: wire.overflows,
        local_queue: wire.local_queue,
        mean_poll_ns: wire.mean_poll_ns,
        cpu_ns: wire.cpu_ns,
        run_queue_wait_ns: wire.run_queue_wait_ns,
        voluntary_switches: wire.voluntary_switches,
        involuntary_switches: wire.involuntary_switches,
        kernel_state: known(&wire.kernel_state, losses),
        in_place: wire.in_place,
        handed_over: wire.handed_over,
    }
}

fn stuck(wire: &v1::StuckPoll, now_ns: u64, losses: &mut Losses) -> StuckPoll {
    let started_ns = now_ns.saturating_sub(wire.started_ago_ns);
    let length_ns = if wire.duration_ns > 0 { wire.duration_ns } else { wire.started_ago_ns };
    StuckPoll {
        thread: wire.thread,
        task: wire.task.map(TaskKey::from),
        site: SiteId(wire.site),
        started_ns,
        ended_ns: (wire.duration_ns > 0).then(|| started_ns.saturating_add(wire.duration_ns)),
        spent: spent(wire.spent.as_ref(), length_ns),
        reported_ns: now_ns,
        captured_ns: since(wire.captured_ago_ns_plus1.checked_sub(1), now_ns),
        stack: wire.stack.iter().map(|frame| stack_frame(wire, frame, losses)).collect(),
        problem: known(&wire.problem, losses),
        kernel_state: known(&wire.kernel_state, losses),
    }
}

fn stack_frame(poll: &v1::StuckPoll, wire: &v1::StackFrame, losses: &mut Losses) -> StackFrame {
    let place = known(&wire.file, losses).map(|file| format!("{}:{}", short_path(&file), wire.line));
    let function = known(&wire.function, losses);
    let file = (wire.code_file as usize).checked_sub(1).and_then(|index| poll.code_files.get(index));
    let code = file
        .filter(|_| function.is_none())
        .map(|file| Code { file: text(&file.path, MAX_PATH_BYTES, losses), address: wire.address });
    StackFrame { function, code, place, own: wire.own }
}

fn long_poll(wire: &v1::LongPoll, now_ns: u64) -> LongPoll {
    let started_ns = now_ns.saturating_sub(wire.started_ago_ns);
    LongPoll {
        thread: wire.thread,
        task: wire.task.map(TaskKey::from),
        site: SiteId(wire.site),
        started_ns,
        // It has ended by now.
        ended_ns: started_ns.saturating_add(wire.duration_ns).min(now_ns),
        spent: spent(wire.spent.as_ref(), wire.duration_ns),
        in_place: wire.in_place,
    }
}

fn spent(wire: Option<&v1::PollTime>, length_ns: u64) -> Option<Spent> {
    wire.map(|wire| {
        let spent = Spent { cpu_ns: wire.cpu_ns, queued_ns: wire.queued_ns, asleep_ns: wire.asleep_ns };
        spent.within(length_ns)
    })
}

/// An await tree of a task, whoever read it.
pub(crate) fn await_tree(
    store: &mut Store,
    key: Option<TaskKey>,
    wire: &v1::AwaitTree,
    now_ns: u64,
    losses: &mut Losses,
) {
    let Some(key) = key.filter(|key| store.task(*key).is_some()) else { return };
    if store.await_trees.len() >= MAX_TREES && !store.await_trees.contains_key(&key) {
        losses.await_trees_over_limit += 1;
        return;
    }
    let frame = |wire: &v1::AwaitFrame| AwaitFrame {
        depth: wire.depth,
        text: text(&wire.text, MAX_TEXT_BYTES, losses),
        place: known(&wire.file, losses).map(|file| format!("{}:{}", short_path(&file), wire.line)),
        since_ns: since(wire.since_ago_ns_plus1.checked_sub(1), now_ns),
        detail: known(&wire.detail, losses),
        not_polled: wire.not_polled,
    };
    let frames = wire.frames.iter().map(frame).collect();
    let tree = AwaitTree {
        taken_ns: now_ns.saturating_sub(wire.taken_ago_ns),
        frames,
        problem: known(&wire.problem, losses),
    };
    let trees = store.await_trees.entry(key).or_default();
    let place = if wire.walked { &mut trees.walked } else { &mut trees.traced };
    *place = Some(tree);
}
