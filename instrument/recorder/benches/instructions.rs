//! Instructions of each operation of the hot path, held against a budget: `.ci/run instructions`.
//!
//! Times differ from machine to machine and from minute to minute; counts by valgrind do not, so a change that makes the
//! hot path longer fails here. The limits are what was counted, for [`OPERATIONS`] operations, with 5 % for other compilers. Who lowers
//! a count lowers its limit; who raises one says in the commit what for.
//!
//! Limit: valgrind's processor has no invariant TSC, so a read of the clock is counted as the call to the system that stands in for
//! it, not as the instruction it is on a real machine.

#![expect(missing_docs, unused_qualifications, reason = "in what the macros of gungraun make")]

use std::hint::black_box;

use gungraun::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use taskscope_recorder::{Place, Recorder, Spawn, TaskId};

/// Each benchmark does so many: the costs of the first and of the harness vanish in them.
const OPERATIONS: u64 = 1_000;

fn budget(instructions_an_operation: u64) -> LibraryBenchmarkConfig {
    let limit = instructions_an_operation * OPERATIONS * 105 / 100;
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, limit)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind);
    config
}

fn spawn() -> Spawn<'static> {
    let place = Place { file: "src/main.rs", line: 1, column: 1 };
    Spawn { place: Some(place), traced: true, ..Spawn::default() }
}

/// A task past its first polls: those allocate its histograms.
fn polled() -> (Recorder, TaskId) {
    let recorder = Recorder::default();
    let task = recorder.spawn(&spawn());
    for _ in 0..4 {
        recorder.wake(task, false);
        recorder.enter(task);
        recorder.exit(task);
    }
    (recorder, task)
}

fn watched() -> (Recorder, TaskId) {
    let (recorder, task) = polled();
    recorder.watch(task, true);
    recorder.enter(task);
    recorder.exit(task);
    recorder.timelines.drain(|event| {
        black_box(event);
    });
    (recorder, task)
}

/// A recorder whose free list has slots: the first spawns make pages.
fn spawned() -> Recorder {
    let recorder = Recorder::default();
    for _ in 0..OPERATIONS {
        recorder.release(recorder.spawn(&spawn()));
    }
    recorder
}

/// The state goes back to the harness, which drops it when nothing is counted any more.
fn repeat<S>(state: S, operation: impl Fn(&S)) -> S {
    for _ in 0..OPERATIONS {
        operation(black_box(&state));
    }
    state
}

#[library_benchmark(config = budget(315), setup = polled)]
fn poll(state: (Recorder, TaskId)) -> (Recorder, TaskId) {
    repeat(state, |(recorder, task)| {
        recorder.enter(*task);
        recorder.exit(*task);
    })
}

#[library_benchmark(config = budget(414), setup = polled)]
fn poll_that_wakes_itself(state: (Recorder, TaskId)) -> (Recorder, TaskId) {
    repeat(state, |(recorder, task)| {
        recorder.enter(*task);
        recorder.wake(*task, false);
        recorder.exit(*task);
    })
}

#[library_benchmark(config = budget(448), setup = polled)]
fn wake_from_outside_then_poll(state: (Recorder, TaskId)) -> (Recorder, TaskId) {
    repeat(state, |(recorder, task)| {
        recorder.wake(*task, false);
        recorder.enter(*task);
        recorder.exit(*task);
    })
}

#[library_benchmark(config = budget(62), setup = polled)]
fn waker_clone_and_drop(state: (Recorder, TaskId)) -> (Recorder, TaskId) {
    repeat(state, |(recorder, task)| {
        recorder.tasks.waker_cloned(*task);
        recorder.tasks.waker_dropped(*task);
    })
}

#[library_benchmark(config = budget(642), setup = watched)]
fn watched_poll(state: (Recorder, TaskId)) -> (Recorder, TaskId) {
    repeat(state, |(recorder, task)| {
        recorder.enter(*task);
        recorder.exit(*task);
    })
}

#[library_benchmark(config = budget(879), setup = spawned)]
fn spawn_and_end(recorder: Recorder) -> Recorder {
    repeat(recorder, |recorder| {
        recorder.release(recorder.spawn(&spawn()));
    })
}

library_benchmark_group!(
    name = hot_path,
    benchmarks = [
        poll,
        poll_that_wakes_itself,
        wake_from_outside_then_poll,
        waker_clone_and_drop,
        watched_poll,
        spawn_and_end
    ]
);

main!(library_benchmark_groups = hot_path);
