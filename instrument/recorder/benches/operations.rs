//! What each operation of the hot path costs: `cargo bench -p taskscope-recorder`.

use std::{hint::black_box, panic::Location, sync::Mutex};

use criterion::{Criterion, criterion_group, criterion_main};
use taskscope_recorder::{AnyId, Clock, NewResource, Place, RecordKind, Recorder, ResourceId, Spawn};

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
            recorder.tasks.waker_cloned(task);
            recorder.tasks.waker_dropped(task);
        });
    });
    recorder.watch(task, true);
    c.bench_function("poll: enter + exit, watched", |b| {
        b.iter(|| {
            recorder.enter(task);
            recorder.exit(task);
        });
        recorder.timelines.drain(|event| {
            black_box(event);
        });
    });
    recorder.watch(task, false);
    recorder.timelines.watch_none();

    c.bench_function("spawn + end", |b| b.iter(|| recorder.release(recorder.spawn(&spawn))));
    let named = Spawn { name: "connection", ..spawn };
    c.bench_function("spawn + end, named", |b| b.iter(|| recorder.release(recorder.spawn(&named))));
}

fn resource(recorder: &Recorder, record: RecordKind) -> ResourceId {
    let new = NewResource { concrete_type: "Mutex", kind: "Sync", record, ..NewResource::default() };
    recorder.resources.new_resource(&new).expect("there is room for one")
}

/// What a wrapper does around an uncontended lock, inside a task.
fn locks(c: &mut Criterion) {
    let recorder = Recorder::default();
    let clock = recorder.clock();
    let task = recorder.spawn(&Spawn::default());
    recorder.enter(task);
    let place = Location::caller();
    c.bench_function("number of a place", |b| b.iter(|| recorder.sites.place_number(black_box(place))));

    let bare = Mutex::new(());
    c.bench_function("bare std Mutex: lock + unlock", |b| b.iter(|| drop(black_box(bare.lock()))));
    let id = resource(&recorder, RecordKind::Lock);
    c.bench_function("lock: acquired + released alone", |b| {
        b.iter(|| {
            let lock = recorder.resources.lock(black_box(id)).expect("it is a lock");
            lock.acquired_exclusive(recorder.sites.place_number(place), clock.ticks());
            let lock = recorder.resources.lock(black_box(id)).expect("it is a lock");
            lock.released_exclusive(clock.ticks());
        });
    });
    let id = resource(&recorder, RecordKind::Lock);
    c.bench_function("lock: acquired + released beside others", |b| {
        b.iter(|| {
            let lock = recorder.resources.lock(black_box(id)).expect("it is a lock");
            let token = lock.acquired_shared(1, recorder.sites.place_number(place), clock.ticks());
            let lock = recorder.resources.lock(black_box(id)).expect("it is a lock");
            lock.released_shared(token, clock.ticks());
        });
    });
    c.bench_function("lock: a wait", |b| {
        b.iter(|| {
            let number = recorder.sites.place_number(place);
            let op =
                recorder.resources.new_op("Mutex::lock", Some(id), number).expect("there is room for one");
            recorder.enter_any(AnyId::OpPoll(op));
            recorder.exit_any(AnyId::OpPoll(op));
            recorder.enter_any(AnyId::OpPoll(op));
            recorder.exit_any(AnyId::OpPoll(op));
            recorder.release_any(AnyId::Op(op));
            recorder.resources.lock(id).expect("it is a lock").waited(1000);
        });
    });
    let id = resource(&recorder, RecordKind::Channel);
    c.bench_function("channel: sent + received", |b| {
        b.iter(|| {
            let channel = recorder.resources.channel(black_box(id)).expect("it is a channel");
            channel.sent(1, None);
            let channel = recorder.resources.channel(black_box(id)).expect("it is a channel");
            channel.received(1, None);
        });
    });
    let id = resource(&recorder, RecordKind::Io);
    c.bench_function("stream: read + wrote", |b| {
        b.iter(|| {
            let io = recorder.resources.io(black_box(id)).expect("it is a stream");
            io.read(100);
            let io = recorder.resources.io(black_box(id)).expect("it is a stream");
            io.wrote(100);
        });
    });
    c.bench_function("lock: made + dropped", |b| {
        b.iter(|| recorder.release_any(AnyId::Resource(resource(&recorder, RecordKind::Lock))));
    });
    recorder.exit(task);
}

criterion_group!(benches, operations, locks);
criterion_main!(benches);
