//! What each operation of the hot path costs: `cargo bench -p taskscope-recorder`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use taskscope_recorder::{Clock, Place, Recorder, Spawn};

fn operations(c: &mut Criterion) {
    let clock = Clock::start();
    c.bench_function("clock read", |b| b.iter(|| black_box(clock.ticks())));

    let place = Place { file: "src/main.rs", line: 1, column: 1 };
    let spawn = Spawn { place: Some(place), traced: true, ..Spawn::default() };
    let recorder = Recorder::default();

    let task = recorder.spawn(&spawn);
    c.bench_function("poll: enter + exit", |b| {
        b.iter(|| {
            recorder.enter(task);
            recorder.exit(task);
        });
    });
    c.bench_function("poll that wakes itself", |b| {
        b.iter(|| {
            recorder.enter(task);
            recorder.wake(task, false);
            recorder.exit(task);
        });
    });
    c.bench_function("wake from outside, then poll", |b| {
        b.iter(|| {
            recorder.wake(task, false);
            recorder.enter(task);
            recorder.exit(task);
        });
    });
    c.bench_function("waker clone + drop", |b| {
        b.iter(|| {
            recorder.waker_cloned(task);
            recorder.waker_dropped(task);
        });
    });
    recorder.watch(task, true);
    c.bench_function("poll: enter + exit, watched", |b| {
        b.iter(|| {
            recorder.enter(task);
            recorder.exit(task);
        });
        recorder.drain(|event| {
            black_box(event);
        });
    });
    recorder.watch(task, false);
    recorder.watch_none();

    c.bench_function("spawn + end", |b| b.iter(|| recorder.release(recorder.spawn(&spawn))));
    let named = Spawn { name: "connection", ..spawn };
    c.bench_function("spawn + end, named", |b| b.iter(|| recorder.release(recorder.spawn(&named))));
}

criterion_group!(benches, operations);
criterion_main!(benches);
