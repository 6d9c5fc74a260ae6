//! Locks, channels and streams of a recorder: who holds, who waits, what is counted.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::{collections::HashSet, panic::Location};

use taskscope_recorder::{
    Agent, AnyId, AttributeValue, Change, Holder, Limits, LockReading, MAX_HOLDERS, NewResource, OpId,
    RecordKind, Recorder, ResourceId, Spawn, TaskId, histogram,
};

fn resource(recorder: &Recorder, concrete_type: &str, record: RecordKind) -> ResourceId {
    recorder
        .resources
        .new_resource(&NewResource { concrete_type, kind: "Sync", record, ..NewResource::default() })
        .unwrap()
}

fn read(recorder: &Recorder, id: ResourceId) -> LockReading {
    recorder.resources.read_lock(recorder.resources.get(id).unwrap()).unwrap()
}

fn who(reading: &LockReading) -> Vec<Agent> {
    reading.holders.iter().map(|holder| holder.by).collect()
}

fn in_task<R>(recorder: &Recorder, task: TaskId, run: impl FnOnce() -> R) -> R {
    recorder.enter(task);
    let result = run();
    recorder.exit(task);
    result
}

/// What tokio says of the resource whose span is entered.
fn says(recorder: &Recorder, resource: ResourceId, name: &str, value: AttributeValue, change: Change) {
    recorder.enter_any(AnyId::Resource(resource));
    recorder.resources.change_resource(recorder.resources.name_number(name), 0, value, change);
    recorder.exit_any(AnyId::Resource(resource));
}

fn locked(recorder: &Recorder, mutex: ResourceId, locked: bool) {
    says(recorder, mutex, "locked", AttributeValue::Bool(locked), Change::Override);
}

/// A semaphore as tokio makes it, one inside of the other; returns both.
fn semaphore(recorder: &Recorder, concrete_type: &str, record: RecordKind) -> (ResourceId, ResourceId) {
    let outer = recorder
        .resources
        .new_resource(&NewResource { concrete_type, record, inherits: true, ..NewResource::default() })
        .unwrap();
    recorder.enter_any(AnyId::Resource(outer));
    let inner = recorder
        .resources
        .new_resource(&NewResource { concrete_type: "Semaphore", internal: true, ..NewResource::default() })
        .unwrap();
    recorder.exit_any(AnyId::Resource(outer));
    (outer, inner)
}

/// `Acquire::new`.
fn acquire(recorder: &Recorder, inner: ResourceId, permits: u64) -> OpId {
    let op = recorder.resources.new_op("Acquire::new", Some(inner), 0).unwrap();
    recorder.enter_any(AnyId::Op(op));
    let (requested, obtained) = (
        recorder.resources.name_number("permits_requested"),
        recorder.resources.name_number("permits_obtained"),
    );
    recorder.resources.change_op(requested, 0, AttributeValue::Number(permits), Change::Override);
    recorder.resources.change_op(obtained, 0, AttributeValue::Number(0), Change::Override);
    recorder.exit_any(AnyId::Op(op));
    op
}

/// The operation is given permits, by whoever calls.
fn give(recorder: &Recorder, op: OpId, permits: u64) {
    recorder.enter_any(AnyId::Op(op));
    let obtained = recorder.resources.name_number("permits_obtained");
    recorder.resources.change_op(obtained, 0, AttributeValue::Number(permits), Change::Add);
    recorder.exit_any(AnyId::Op(op));
}

/// One poll of an operation, in which it obtains permits of the semaphore.
fn poll(recorder: &Recorder, op: OpId, permits: u64) {
    recorder.enter_any(AnyId::OpPoll(op));
    if permits > 0 {
        give(recorder, op, permits);
    }
    recorder.exit_any(AnyId::OpPoll(op));
}

#[test]
fn an_exclusive_hold_is_seen_and_counted() {
    let recorder = Recorder::default();
    let task = recorder.spawn(&Spawn::default());
    let id = resource(&recorder, "Mutex", RecordKind::Lock);
    let place = recorder.sites.place_number(Location::caller());
    assert_eq!(place, recorder.sites.place_number(Location::caller()) - 1, "two places, two numbers");
    let start = recorder.clock().ticks();
    in_task(&recorder, task, || recorder.resources.lock(id).unwrap().acquired_exclusive(place, start));
    let reading = read(&recorder, id);
    let holder = Holder { by: Agent::Task(task), since: start, place, permits: 1, shared: false };
    assert_eq!(reading.holders, [holder]);
    assert_eq!((reading.free_since, reading.acquisitions), (None, 1));
    assert!(reading.knows.holders && reading.knows.places);

    recorder.resources.lock(id).unwrap().released_exclusive(start + 1000);
    recorder.resources.lock(id).unwrap().waited(500);
    let reading = read(&recorder, id);
    assert!(reading.holders.is_empty());
    assert_eq!(reading.free_since, Some(start + 1000));
    assert_eq!((reading.hold, reading.longest_hold), (1000, 1000));
    assert_eq!((reading.contended, reading.wait, reading.longest_wait), (1, 500, 500));
}

#[test]
fn histograms_hold_every_hold() {
    let recorder = Recorder::default();
    let id = resource(&recorder, "Mutex", RecordKind::Lock);
    let lock = recorder.resources.lock(id).unwrap();
    for n in 1..=5_u64 {
        lock.acquired_exclusive(0, 1);
        lock.released_exclusive(1 + (n << 12));
        let histograms = recorder.resources.lock_histograms(recorder.resources.get(id).unwrap()).unwrap();
        assert_eq!(histograms.holds.iter().sum::<u64>(), n);
    }
    lock.waited(1 << 14);
    let histograms = recorder.resources.lock_histograms(recorder.resources.get(id).unwrap()).unwrap();
    for n in 1..=5_u64 {
        assert!(histograms.holds[histogram::bucket(n << 12)] > 0, "hold {n}");
    }
    assert_eq!(histograms.waits[histogram::bucket(1 << 14)], 1);
    assert_eq!(histogram::quantile(&histograms.waits, 0.99, 1 << 14), 1 << 14);
}

#[test]
fn readers_hold_it_beside_each_other_and_each_is_listed() {
    let recorder = Recorder::default();
    let id = resource(&recorder, "RwLock", RecordKind::Lock);
    let lock = recorder.resources.lock(id).unwrap();
    let tasks: Vec<TaskId> = (0..12).map(|_| recorder.spawn(&Spawn::default())).collect();
    let mut tokens: Vec<_> =
        tasks.iter().map(|task| in_task(&recorder, *task, || lock.acquired_shared(1, 0, 10))).collect();
    let reading = read(&recorder, id);
    assert_eq!(sorted(who(&reading)), tasks.iter().map(|task| Agent::Task(*task)).collect::<Vec<_>>());
    assert_eq!(reading.more_holders, 0);
    assert!(reading.holders.iter().all(|holder| holder.shared));
    // One of the lock's own block and one of a table release.
    lock.released_shared(tokens.pop().unwrap(), 20);
    lock.released_shared(tokens.remove(2), 30);
    let reading = read(&recorder, id);
    assert!(
        !who(&reading).contains(&Agent::Task(tasks[2])) && !who(&reading).contains(&Agent::Task(tasks[11]))
    );
    assert_eq!((reading.holders.len(), reading.more_holders, reading.hold), (10, 0, 30));
    for token in tokens {
        lock.released_shared(token, 40);
    }
    let reading = read(&recorder, id);
    assert_eq!((reading.holders.len(), reading.more_holders), (0, 0));
    assert_eq!((reading.acquisitions, reading.free_since, reading.longest_hold), (12, Some(40), 30));
}

#[test]
fn hundreds_hold_it_and_those_past_the_limit_are_counted() {
    let recorder = Recorder::default();
    let id = resource(&recorder, "Semaphore", RecordKind::Lock);
    let lock = recorder.resources.lock(id).unwrap();
    let before = recorder.memory_bytes();
    let tasks: Vec<TaskId> = (0..MAX_HOLDERS + 100).map(|_| recorder.spawn(&Spawn::default())).collect();
    // Twice: cells and tables are used again.
    for _ in 0..2 {
        let mut tokens: Vec<_> = Vec::new();
        for (n, task) in tasks.iter().enumerate() {
            tokens.push(in_task(&recorder, *task, || lock.acquired_shared(1, 0, 10)));
            let reading = read(&recorder, id);
            assert_eq!(reading.holders.len() + reading.more_holders as usize, n + 1);
            // A window of one holder can be full before all cells are.
            assert!(reading.more_holders == 0 || n > MAX_HOLDERS * 9 / 10, "{n}: {}", reading.more_holders);
        }
        let reading = read(&recorder, id);
        assert!(reading.holders.len() <= MAX_HOLDERS && reading.more_holders >= 100);
        let holders: HashSet<Agent> = who(&reading).into_iter().collect();
        assert_eq!(holders.len(), reading.holders.len(), "each is listed once");
        for (n, token) in tokens.into_iter().enumerate() {
            lock.released_shared(token, 20);
            let reading = read(&recorder, id);
            assert_eq!(reading.holders.len() + reading.more_holders as usize, tasks.len() - n - 1);
            assert!(!who(&reading).contains(&Agent::Task(tasks[n])));
        }
    }
    // Its tables go with it, to be used by the next one.
    let grown = recorder.memory_bytes();
    assert!(grown > before);
    recorder.release_any(AnyId::Resource(id));
    let id = resource(&recorder, "RwLock", RecordKind::Lock);
    let lock = recorder.resources.lock(id).unwrap();
    for task in &tasks[..20] {
        let _token = in_task(&recorder, *task, || lock.acquired_shared(1, 0, 10));
    }
    assert_eq!(
        sorted(who(&read(&recorder, id))),
        sorted(tasks[..20].iter().map(|task| Agent::Task(*task)).collect())
    );
    // Without tokens: each takes its own away.
    for (n, task) in tasks[..20].iter().enumerate() {
        in_task(&recorder, *task, || lock.released_any_shared(30));
        assert_eq!(sorted(who(&read(&recorder, id))).len(), 19 - n);
        assert!(!who(&read(&recorder, id)).contains(&Agent::Task(*task)));
    }
}

fn sorted(mut agents: Vec<Agent>) -> Vec<Agent> {
    agents.sort_by_key(|agent| format!("{agent:?}"));
    agents
}

#[test]
fn tokios_events_name_the_holder() {
    let recorder = Recorder::default();
    let (first, second) = (recorder.spawn(&Spawn::default()), recorder.spawn(&Spawn::default()));
    let mutex = resource(&recorder, "Mutex", RecordKind::Lock);
    locked(&recorder, mutex, false);
    assert_eq!(read(&recorder, mutex).free_since, None, "it was never held");
    in_task(&recorder, first, || locked(&recorder, mutex, true));
    assert_eq!(who(&read(&recorder, mutex)), [Agent::Task(first)]);
    // The guard went to another task.
    in_task(&recorder, second, || locked(&recorder, mutex, false));
    let reading = read(&recorder, mutex);
    assert_eq!((reading.holders.len(), reading.acquisitions), (0, 1));
    assert!(reading.free_since.is_some() && reading.hold > 0);
}

#[test]
fn a_release_that_comes_late_does_not_take_the_lock_from_the_next_holder() {
    let recorder = Recorder::default();
    let (first, second) = (recorder.spawn(&Spawn::default()), recorder.spawn(&Spawn::default()));
    let mutex = resource(&recorder, "Mutex", RecordKind::Lock);
    in_task(&recorder, first, || locked(&recorder, mutex, true));
    // Tokio lets go, the next task takes it and says so first.
    in_task(&recorder, second, || locked(&recorder, mutex, true));
    in_task(&recorder, first, || locked(&recorder, mutex, false));
    assert_eq!(who(&read(&recorder, mutex)), [Agent::Task(second)]);
    // The other way round: both releases after both acquisitions, the later one first.
    in_task(&recorder, first, || locked(&recorder, mutex, true));
    in_task(&recorder, first, || locked(&recorder, mutex, false));
    in_task(&recorder, second, || locked(&recorder, mutex, false));
    let reading = read(&recorder, mutex);
    assert_eq!((reading.holders.len(), reading.acquisitions), (0, 3));
    // And nothing is left over: a moved guard still frees it.
    in_task(&recorder, first, || locked(&recorder, mutex, true));
    in_task(&recorder, second, || locked(&recorder, mutex, false));
    assert!(read(&recorder, mutex).holders.is_empty());
}

#[test]
fn holds_of_many_threads_are_all_counted() {
    const ROUNDS: u64 = 2000;
    let recorder = Recorder::default();
    let mutex = resource(&recorder, "Mutex", RecordKind::Lock);
    let real = std::sync::Mutex::new(());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let task = recorder.spawn(&Spawn::default());
                for _ in 0..ROUNDS {
                    in_task(&recorder, task, || {
                        let guard = real.lock().unwrap();
                        locked(&recorder, mutex, true);
                        // As tokio does: the release first, the event after.
                        drop(guard);
                        locked(&recorder, mutex, false);
                    });
                }
            });
        }
    });
    let reading = read(&recorder, mutex);
    assert_eq!((reading.holders.len(), reading.acquisitions), (0, 4 * ROUNDS));
    let histograms = recorder.resources.lock_histograms(recorder.resources.get(mutex).unwrap()).unwrap();
    let counted: u64 = histograms.holds.iter().sum();
    assert!(counted.abs_diff(4 * ROUNDS) <= 8, "{counted} holds");
    let task = recorder.spawn(&Spawn::default());
    in_task(&recorder, task, || locked(&recorder, mutex, true));
    assert_eq!(who(&read(&recorder, mutex)), [Agent::Task(task)]);
}

#[test]
fn tokios_readers_clear_their_own_cell_first() {
    let recorder = Recorder::default();
    let (first, second, third) = (
        recorder.spawn(&Spawn::default()),
        recorder.spawn(&Spawn::default()),
        recorder.spawn(&Spawn::default()),
    );
    let lock = resource(&recorder, "RwLock", RecordKind::Lock);
    let readers = |change| says(&recorder, lock, "current_readers", AttributeValue::Number(1), change);
    readers(Change::Override);
    in_task(&recorder, first, || readers(Change::Add));
    in_task(&recorder, second, || readers(Change::Add));
    in_task(&recorder, second, || readers(Change::Sub));
    assert_eq!(who(&read(&recorder, lock)), [Agent::Task(first)]);
    in_task(&recorder, second, || readers(Change::Add));
    // A guard that went to a task that holds nothing: the oldest.
    in_task(&recorder, third, || readers(Change::Sub));
    assert_eq!(who(&read(&recorder, lock)), [Agent::Task(second)]);
    in_task(&recorder, second, || readers(Change::Sub));
    let reading = read(&recorder, lock);
    assert_eq!((reading.holders.len(), reading.acquisitions), (0, 3));
    assert!(reading.knows.holders && reading.free_since.is_some());
}

#[test]
fn permits_are_held_by_who_obtained_them() {
    let recorder = Recorder::default();
    let (first, second) = (recorder.spawn(&Spawn::default()), recorder.spawn(&Spawn::default()));
    let (outer, inner) = semaphore(&recorder, "Semaphore", RecordKind::Permits);
    in_task(&recorder, first, || poll(&recorder, acquire(&recorder, inner, 3), 3));
    let reading = read(&recorder, outer);
    assert_eq!(who(&reading), [Agent::Task(first)]);
    assert_eq!((reading.holders[0].permits, reading.acquisitions, reading.contended), (3, 1, 0));

    // The next one wants two, gets one of what is left and waits.
    let op = in_task(&recorder, second, || {
        let op = acquire(&recorder, inner, 2);
        poll(&recorder, op, 1);
        op
    });
    assert_eq!(who(&read(&recorder, outer)), [Agent::Task(first)], "half of it is not held");
    let granted = |op: OpId| {
        let page = recorder.resources.op_pages().next().unwrap();
        page.slots[op.index() as usize].read().unwrap().granted
    };
    assert_eq!(granted(op), None);
    // The first one lets go of its three: one for the waiter, two for the semaphore.
    in_task(&recorder, first, || {
        give(&recorder, op, 1);
        says(&recorder, inner, "permits", AttributeValue::Number(2), Change::Add);
    });
    assert!(granted(op).is_some());
    let reading = read(&recorder, outer);
    assert!(reading.holders.is_empty() && reading.free_since.is_some(), "given, not taken yet: {reading:?}");
    in_task(&recorder, second, || poll(&recorder, op, 0));
    assert_eq!(granted(op), None);
    let reading = read(&recorder, outer);
    assert_eq!((who(&reading), reading.holders[0].permits), (vec![Agent::Task(second)], 2));
    assert_eq!((reading.acquisitions, reading.contended), (2, 1));
    assert!(reading.wait > 0 && reading.knows.holders);
}

#[test]
fn a_waiter_that_gives_up_takes_nothing_from_a_holder() {
    let recorder = Recorder::default();
    let (first, second) = (recorder.spawn(&Spawn::default()), recorder.spawn(&Spawn::default()));
    let (outer, inner) = semaphore(&recorder, "Semaphore", RecordKind::Permits);
    in_task(&recorder, first, || poll(&recorder, acquire(&recorder, inner, 1), 1));
    in_task(&recorder, second, || {
        let op = acquire(&recorder, inner, 3);
        poll(&recorder, op, 2);
        // Its future is dropped: the two go back.
        says(&recorder, inner, "permits", AttributeValue::Number(2), Change::Add);
        recorder.release_any(AnyId::Op(op));
    });
    let reading = read(&recorder, outer);
    assert_eq!(who(&reading), [Agent::Task(first)]);
    assert_eq!((reading.acquisitions, reading.knows.holders), (1, true));
}

#[test]
fn permits_of_unseen_takers_leave_the_holders_unknown() {
    let recorder = Recorder::default();
    let task = recorder.spawn(&Spawn::default());
    let (outer, inner) = semaphore(&recorder, "Semaphore", RecordKind::Permits);
    says(&recorder, inner, "permits", AttributeValue::Number(1), Change::Add);
    in_task(&recorder, task, || poll(&recorder, acquire(&recorder, inner, 1), 1));
    let reading = read(&recorder, outer);
    assert_eq!((reading.holders.len(), reading.knows.holders, reading.free_since), (0, false, None));
}

/// A task takes permits, as tokio reports it: on the operation and on the semaphore.
fn takes(recorder: &Recorder, task: TaskId, inner: ResourceId, permits: u64) {
    in_task(recorder, task, || {
        let op = acquire(recorder, inner, permits);
        says(recorder, inner, "permits", AttributeValue::Number(permits), Change::Sub);
        poll(recorder, op, permits);
    });
}

fn gives(recorder: &Recorder, task: TaskId, inner: ResourceId, permits: u64) {
    in_task(recorder, task, || {
        says(recorder, inner, "permits", AttributeValue::Number(permits), Change::Add);
    });
}

#[test]
fn permits_that_are_forgotten_and_refilled_have_no_holder() {
    let recorder = Recorder::new(Limits::default());
    let tasks: Vec<TaskId> = (0..3).map(|_| recorder.spawn(&Spawn::default())).collect();
    let (outer, inner) = semaphore(&recorder, "Semaphore", RecordKind::Permits);
    says(&recorder, inner, "permits", AttributeValue::Number(3), Change::Override);
    takes(&recorder, tasks[0], inner, 1);
    assert_eq!(who(&read(&recorder, outer)), [Agent::Task(tasks[0])], "it may hold it");
    assert!(read(&recorder, outer).knows.loose, "or have forgotten it");
    takes(&recorder, tasks[0], inner, 1);
    takes(&recorder, tasks[1], inner, 1);
    let unknown = |reading: LockReading| (reading.knows.holders, reading.holders.len(), reading.free_since);
    assert_eq!(
        unknown(read(&recorder, outer)),
        (false, 0, None),
        "it took one again and never gave one back"
    );
    // The third task adds what it never took; all are free, and yet it is known how this semaphore is used.
    gives(&recorder, tasks[2], inner, 3);
    takes(&recorder, tasks[1], inner, 1);
    assert_eq!(unknown(read(&recorder, outer)), (false, 0, None));
}

#[test]
fn holders_are_known_again_when_all_permits_are_back() {
    let recorder = Recorder::new(Limits::default());
    let tasks: Vec<TaskId> = (0..2).map(|_| recorder.spawn(&Spawn::default())).collect();
    let (outer, inner) = semaphore(&recorder, "Semaphore", RecordKind::Permits);
    says(&recorder, inner, "permits", AttributeValue::Number(2), Change::Override);
    takes(&recorder, tasks[0], inner, 1);
    gives(&recorder, tasks[0], inner, 1);
    takes(&recorder, tasks[0], inner, 1);
    takes(&recorder, tasks[0], inner, 1);
    assert_eq!(who(&read(&recorder, outer)).len(), 2, "it gave one back before: it holds both");
    assert!(!read(&recorder, outer).knows.loose);
    // A guard that was moved: who lets it go is not who took it.
    gives(&recorder, tasks[1], inner, 1);
    assert!(!read(&recorder, outer).knows.holders);
    gives(&recorder, tasks[0], inner, 1);
    let reading = read(&recorder, outer);
    assert!(
        reading.knows.holders && reading.holders.is_empty() && reading.free_since.is_some(),
        "{reading:?}"
    );
    takes(&recorder, tasks[1], inner, 2);
    assert_eq!(who(&read(&recorder, outer)), [Agent::Task(tasks[1])]);
}

#[test]
fn who_took_a_lock_with_a_movable_guard_need_not_hold_it() {
    let recorder = Recorder::new(Limits::default());
    let tasks: Vec<TaskId> = (0..2).map(|_| recorder.spawn(&Spawn::default())).collect();
    let id = resource(&recorder, "Mutex", RecordKind::Lock);
    let lock = recorder.resources.lock(id).unwrap();
    let is_loose = || read(&recorder, id).knows.loose;
    in_task(&recorder, tasks[0], || lock.acquired_exclusive(0, 10));
    assert!(!is_loose(), "its guard lives in the task that took it");
    in_task(&recorder, tasks[0], || lock.released_exclusive(20));
    for (releaser, loose) in [(0, false), (1, true), (0, true)] {
        in_task(&recorder, tasks[0], || lock.with_movable_guard().acquired_exclusive(0, 30));
        let before = is_loose();
        in_task(&recorder, tasks[releaser], || lock.released_exclusive(40));
        assert_eq!(is_loose(), loose, "released by {releaser}, {before} before");
    }
    // Permits: nothing is known before the first one comes back.
    let id = resource(&recorder, "Semaphore", RecordKind::Lock);
    let lock = recorder.resources.lock(id).unwrap();
    let token = in_task(&recorder, tasks[0], || lock.with_movable_guard().acquired_shared(1, 0, 10));
    assert!(read(&recorder, id).knows.loose);
    in_task(&recorder, tasks[0], || lock.released_shared(token, 20));
    assert!(!read(&recorder, id).knows.loose);
    let token = in_task(&recorder, tasks[0], || lock.with_movable_guard().acquired_shared(1, 0, 30));
    in_task(&recorder, tasks[1], || lock.released_shared(token, 40));
    assert!(read(&recorder, id).knows.loose);
}

#[test]
fn the_semaphore_inside_of_a_lock_reports_only_its_waits() {
    let recorder = Recorder::default();
    let task = recorder.spawn(&Spawn::default());
    let (mutex, inner) = semaphore(&recorder, "Mutex", RecordKind::Lock);
    let whole = recorder.resources.new_op("Mutex::lock", Some(mutex), 0).unwrap();
    let part = in_task(&recorder, task, || {
        recorder.enter_any(AnyId::OpPoll(whole));
        let part = acquire(&recorder, inner, 1);
        poll(&recorder, part, 0);
        recorder.exit_any(AnyId::OpPoll(whole));
        part
    });
    give(&recorder, part, 1);
    let page = recorder.resources.op_pages().next().unwrap();
    let reads = |op: OpId| page.slots[op.index() as usize].read().unwrap();
    assert!(reads(part).granted.is_some() && reads(whole).granted.is_some());
    in_task(&recorder, task, || {
        recorder.enter_any(AnyId::OpPoll(whole));
        poll(&recorder, part, 0);
        recorder.exit_any(AnyId::OpPoll(whole));
        locked(&recorder, mutex, true);
    });
    let reading = read(&recorder, mutex);
    assert_eq!((who(&reading), reading.acquisitions, reading.contended), (vec![Agent::Task(task)], 1, 1));
    assert!(reading.wait > 0);
    assert!(
        recorder.resources.read_lock(recorder.resources.get(inner).unwrap()).is_none(),
        "a part is no lock of its own"
    );
}

#[test]
fn a_thread_that_blocks_is_named() {
    let recorder = Recorder::default();
    let id = resource(&recorder, "Mutex", RecordKind::Lock);
    let task = recorder.spawn(&Spawn::default());
    let op = recorder
        .resources
        .new_op("Mutex::lock", Some(id), recorder.sites.place_number(Location::caller()))
        .unwrap();
    let reads = || recorder.resources.op_pages().next().unwrap().slots[op.index() as usize].read().unwrap();
    in_task(&recorder, task, || {
        recorder.resources.block_on_op(op);
        let reading = reads();
        assert!(reading.running && reading.thread != 0 && reading.site != 0);
        assert_eq!(reading.task, Some(task));
        recorder.resources.unblock(op);
    });
    assert!(!reads().running && reads().thread == 0 && reads().busy > 0);
}

#[test]
fn what_is_unrecorded_has_no_owner() {
    let recorder = Recorder::default();
    let mutex = resource(&recorder, "Mutex", RecordKind::Lock);
    recorder.enter_any(AnyId::Resource(mutex));
    recorder.enter_any(AnyId::Unrecorded);
    assert!(recorder.resources.is_unrecorded());
    recorder.resources.change_resource(
        recorder.resources.name_number("locked"),
        0,
        AttributeValue::Bool(true),
        Change::Override,
    );
    assert_eq!(recorder.resources.current_op(), None);
    recorder.exit_any(AnyId::Unrecorded);
    recorder.exit_any(AnyId::Resource(mutex));
    assert!(!recorder.resources.is_unrecorded());
    assert_eq!(read(&recorder, mutex).acquisitions, 0);
}

#[test]
fn a_record_goes_with_its_resource_and_comes_back_empty() {
    let recorder = Recorder::new(Limits { max_resources: 1, ..Limits::default() });
    let first = resource(&recorder, "RwLock", RecordKind::Lock);
    let lock = recorder.resources.lock(first).unwrap();
    let _token = lock.acquired_shared(1, 0, 5);
    lock.waited(7);
    lock.poisoned(true);
    recorder.resources.set_name(first, "accounts");
    assert_eq!(recorder.resources.name(first).as_deref(), Some("accounts"));
    assert!(read(&recorder, first).poisoned);
    assert!(recorder.release_any(AnyId::Resource(first)));
    assert!(recorder.resources.lock(first).is_none() && recorder.resources.name(first).is_none());

    // The same slots, whatever they were used for.
    let memory = recorder.memory_bytes();
    for _ in 0..3000 {
        let id = resource(&recorder, "RwLock", RecordKind::Lock);
        let reading = read(&recorder, id);
        assert_eq!((reading.holders.len(), reading.wait, reading.poisoned), (0, 0, false));
        let token = recorder.resources.lock(id).unwrap().acquired_shared(1, 0, 5);
        recorder.resources.lock(id).unwrap().released_shared(token, 9);
        recorder.resources.lock(id).unwrap().waited(3);
        recorder.release_any(AnyId::Resource(id));
    }
    assert_eq!(recorder.memory_bytes(), memory);
}

#[test]
fn a_channel_knows_its_depth_and_its_ends() {
    let recorder = Recorder::default();
    let task = recorder.spawn(&Spawn::default());
    let id = resource(&recorder, "mpsc", RecordKind::Channel);
    let channel = recorder.resources.channel(id).unwrap();
    let reads = || recorder.resources.read_channel(recorder.resources.get(id).unwrap()).unwrap();
    assert_eq!((reads().depth, reads().senders), (None, None));
    channel.set_ends(3, 1);
    channel.set_capacity(8);
    channel.sent(5, None);
    in_task(&recorder, task, || channel.received(2, None));
    channel.blocked_full(100);
    channel.blocked_empty(30);
    channel.lagged(4);
    channel.closed();
    let reading = reads();
    assert_eq!((reading.depth, reading.capacity), (Some(3), 8));
    assert_eq!((reading.senders, reading.receivers), (Some(3), Some(1)));
    assert_eq!((reading.sent, reading.received, reading.lagged), (5, 2, 4));
    assert_eq!((reading.blocked_full, reading.blocked_empty, reading.closed), (100, 30, true));
    assert_eq!(reading.last_receiver, Agent::Task(task));
    assert!(matches!(reading.last_sender, Agent::Thread(_)) && reading.last_sent != 0);
    channel.set_depth(Some(taskscope_recorder::UNKNOWN_DEPTH));
    assert_eq!(reads().depth, None);
    channel.set_depth(Some(1));
    assert_eq!(reads().depth, Some(1));
    assert!(recorder.resources.lock(id).is_none() && recorder.resources.io(id).is_none());
}

#[test]
fn a_stream_knows_its_bytes_and_texts() {
    let recorder = Recorder::default();
    let id = resource(&recorder, "TcpStream", RecordKind::Io);
    let io = recorder.resources.io(id).unwrap();
    io.set_fd(Some(0));
    io.set_addresses("127.0.0.1:1", "127.0.0.1:2");
    io.read(10);
    io.read(5);
    io.wrote(7);
    io.read_wait(3);
    io.write_wait(4);
    io.error(&"x".repeat(2000));
    let reading = recorder.resources.read_io(recorder.resources.get(id).unwrap()).unwrap();
    assert_eq!((reading.fd, reading.errors), (Some(0), 1));
    assert_eq!((reading.inward.bytes, reading.inward.operations, reading.inward.wait), (15, 2, 3));
    assert_eq!((reading.outward.bytes, reading.outward.operations, reading.outward.wait), (7, 1, 4));
    assert_eq!((&*reading.local, &*reading.peer), ("127.0.0.1:1", "127.0.0.1:2"));
    assert_eq!(reading.last_error.len(), taskscope_recorder::MAX_TEXT_BYTES);
}
