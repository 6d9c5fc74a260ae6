//! The blocking locks: they do what std's and parking_lot's do, and what is on record of them is what the program knows itself.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]
#![allow(
    clippy::format_push_string,
    clippy::items_after_statements,
    reason = "a test reads from top to bottom"
)]

#[path = "support/record.rs"]
mod record;

use std::{
    panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind},
    sync::{Arc, Barrier, mpsc},
    thread,
    time::Duration,
};

use record::{
    beside, histograms, line, lock, nanoseconds, recorder, task_name, thread_name, until, wait, waits, who,
};
use taskscope::lock::{Condvar, Mutex, RwLock};

fn send_sync<T: Send + Sync>() {}
fn unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}

/// Both crates run the same text; what they print must be equal.
macro_rules! on_both {
    ($($body:tt)*) => {
        mod on_std {
            use super::*;
            use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
            $($body)*
        }
        mod on_taskscope {
            use super::*;
            use taskscope::lock::{Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
            $($body)*
        }
    };
}

on_both! {
    static MUTEX: Mutex<u32> = Mutex::new(7);
    static LOCK: RwLock<u32> = RwLock::new(7);
    static CONDITION: Condvar = Condvar::new();

    pub(super) fn bounds() {
        send_sync::<Mutex<std::cell::Cell<u32>>>();
        send_sync::<RwLock<u32>>();
        send_sync::<Condvar>();
        fn sync<T: Sync>() {}
        sync::<MutexGuard<'_, u32>>();
        sync::<RwLockReadGuard<'_, u32>>();
        sync::<RwLockWriteGuard<'_, u32>>();
        unwind_safe::<Mutex<std::cell::Cell<u32>>>();
        unwind_safe::<RwLock<std::cell::Cell<u32>>>();
        unwind_safe::<Condvar>();
        let object: Arc<Mutex<dyn std::fmt::Debug + Send>> = Arc::new(Mutex::new(5_u8));
        let slice: Arc<RwLock<[u8]>> = Arc::new(RwLock::new([1_u8, 2]));
        assert_eq!((format!("{:?}", object.lock()), slice.read().unwrap().len()), ("Ok(5)".into(), 2));
    }

    pub(super) fn mutex() -> String {
        let mut seen = String::new();
        let mut mutex = Mutex::from(1);
        *mutex.get_mut().unwrap() += 1;
        seen += &format!("{mutex:?} {:?} {} ", Mutex::<u8>::default(), MUTEX.lock().unwrap());
        let mut guard: MutexGuard<'_, i32> = mutex.lock().unwrap();
        *guard += 1;
        seen += &format!("{mutex:?} {guard:?} {guard} {:?} ", mutex.try_lock().map(|guard| *guard));
        drop(guard);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _guard = mutex.lock().unwrap();
            std::panic::resume_unwind(Box::new("on purpose"));
        }));
        seen += &format!("{} {} {mutex:?} ", panicked.is_err(), mutex.is_poisoned());
        seen += &format!("{:?} ", mutex.lock());
        seen += &format!("{:?} ", mutex.try_lock());
        seen += &format!("{} ", mutex.lock().unwrap_err());
        seen += &format!("{:?} ", mutex.lock().map_err(PoisonError::into_inner));
        seen += &format!("{:?} ", mutex.get_mut());
        mutex.clear_poison();
        seen += &format!("{} {:?}", mutex.is_poisoned(), mutex.lock());
        seen += &format!("{:?}", mutex.into_inner());
        seen
    }

    pub(super) fn rwlock() -> String {
        let mut seen = String::new();
        let mut lock = RwLock::from(1);
        *lock.get_mut().unwrap() += 1;
        seen += &format!("{lock:?} {:?} {} ", RwLock::<u8>::default(), LOCK.read().unwrap());
        let reader: RwLockReadGuard<'_, i32> = lock.read().unwrap();
        seen += &format!("{lock:?} {reader:?} {reader} {:?} {:?} ", lock.try_read(), lock.try_write());
        drop(reader);
        let mut writer: RwLockWriteGuard<'_, i32> = lock.write().unwrap();
        *writer += 1;
        seen += &format!("{lock:?} {writer:?} {writer} {:?} {:?} ", lock.try_read(), lock.try_write());
        drop(writer);
        let reader_panics = catch_unwind(AssertUnwindSafe(|| {
            let _guard = lock.read().unwrap();
            std::panic::resume_unwind(Box::new("on purpose"));
        }));
        seen += &format!("{} {} ", reader_panics.is_err(), lock.is_poisoned());
        let writer_panics = catch_unwind(AssertUnwindSafe(|| {
            let _guard = lock.try_write().unwrap();
            std::panic::resume_unwind(Box::new("on purpose"));
        }));
        seen += &format!("{} {} {lock:?} ", writer_panics.is_err(), lock.is_poisoned());
        seen += &format!("{:?} {:?} ", lock.read(), lock.try_read());
        seen += &format!("{} ", lock.write().unwrap_err());
        seen += &format!("{:?} ", lock.try_write());
        seen += &format!("{:?} ", lock.get_mut());
        lock.clear_poison();
        seen += &format!("{} {:?}", lock.is_poisoned(), lock.into_inner());
        seen
    }

    pub(super) fn condvar() -> String {
        let mut seen = format!("{CONDITION:?} {:?} ", Condvar::default());
        let (mutex, condition) = (Mutex::new(0), Condvar::new());
        let guard = mutex.lock().unwrap();
        let (guard, timeout) = condition.wait_timeout(guard, Duration::from_millis(1)).unwrap();
        seen += &format!("{guard:?} {} ", timeout.timed_out());
        let mut asked = 0;
        let never = |_: &mut i32| {
            asked += 1;
            false
        };
        let (guard, timeout) = condition.wait_timeout_while(guard, Duration::from_secs(60), never).unwrap();
        seen += &format!("{guard:?} {} {asked} ", timeout.timed_out());
        let always = |_: &mut i32| true;
        let (guard, timeout) = condition.wait_timeout_while(guard, Duration::from_millis(1), always).unwrap();
        seen += &format!("{guard:?} {} ", timeout.timed_out());
        let guard = condition.wait_while(guard, |_| false).unwrap();
        drop(guard);
        let count_up = || {
            for _ in 0..3 {
                *mutex.lock().unwrap() += 1;
                condition.notify_one();
                condition.notify_all();
            }
        };
        beside("counts up", count_up, || {
            let mut guard = mutex.lock().unwrap();
            while *guard == 0 {
                guard = condition.wait(guard).unwrap();
            }
            let guard = condition.wait_while(guard, |value| *value < 2).unwrap();
            let minute = Duration::from_secs(60);
            let (guard, timeout) = condition.wait_timeout_while(guard, minute, |value| *value < 3).unwrap();
            assert!(*guard == 3 && !timeout.timed_out());
        });
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _guard = mutex.lock().unwrap();
            std::panic::resume_unwind(Box::new("on purpose"));
        }));
        let guard = mutex.lock().unwrap_err().into_inner();
        let poisoned = condition.wait_timeout(guard, Duration::from_millis(1)).unwrap_err().into_inner();
        seen += &format!("{} {:?}", panicked.is_err(), poisoned.0);
        seen
    }
}

#[test]
fn std_shaped_locks_do_what_those_of_std_do() {
    for _with_and_without_a_recorder in 0..2 {
        on_std::bounds();
        on_taskscope::bounds();
        assert_eq!(on_taskscope::mutex(), on_std::mutex());
        assert_eq!(on_taskscope::rwlock(), on_std::rwlock());
        assert_eq!(on_taskscope::condvar(), on_std::condvar());
        recorder();
    }
}

#[test]
fn a_holder_is_on_record_with_place_and_time() {
    let clock = recorder().clock();
    let mutex = Mutex::with_name("held", 0);
    assert!(record::find("held").is_none(), "it was not used yet");
    let before = clock.ticks();
    let (guard, at) = (mutex.lock().unwrap(), line!());
    let held = lock("held");
    let [holder] = held.holders[..] else { unreachable!("{held:?}") };
    assert!((before..=clock.ticks()).contains(&holder.since));
    assert_eq!((line(holder.place), holder.permits, holder.shared), (at, 1, false));
    assert_eq!(who(holder.by), thread::current().name().unwrap());
    assert_eq!((held.acquisitions, held.contended, held.free_since), (1, 0, None));
    assert!(held.knows.holders && held.knows.times && held.knows.places);
    drop(guard);
    let free = lock("held");
    assert!(free.holders.is_empty() && free.free_since.is_some());
    assert!(free.hold > 0 && free.hold <= clock.ticks() - before && free.longest_hold == free.hold);
    let described = record::resource("held").description().unwrap();
    let names =
        (recorder().resources.name_of(described.concrete_type), recorder().resources.name_of(described.kind));
    assert_eq!((names, line(described.site)), (("Mutex", "lock"), at - 3));
    drop(mutex);
    assert!(record::find("held").is_none());
}

#[test]
fn the_holder_is_the_task_that_is_polled() {
    static MUTEX: Mutex<u32> = Mutex::with_name("task's", 0);
    recorder();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let (free, may_end) = mpsc::channel::<()>();
    let (held, is_held) = mpsc::channel();
    let holder = taskscope::task::Builder::new().name("holder").spawn_on(
        async move {
            let _guard = MUTEX.lock().unwrap();
            held.send(()).unwrap();
            may_end.recv().unwrap();
        },
        runtime.handle(),
    );
    is_held.recv().unwrap();
    assert_eq!(who(lock("task's").holders[0].by), "holder");
    let waiter = taskscope::task::Builder::new()
        .name("waiter")
        .spawn_on(async { drop(MUTEX.lock()) }, runtime.handle());
    until("it waits", || waits("task's").iter().any(|(_, op)| op.thread != 0));
    let (method, op) = wait("task's");
    assert_eq!(
        (method.as_str(), task_name(op.task.unwrap()), op.running),
        ("Mutex::lock", "waiter".into(), true)
    );
    assert!(thread_name(op.thread).starts_with("tokio"), "{}", thread_name(op.thread));
    free.send(()).unwrap();
    runtime.block_on(async { (holder.await.unwrap(), waiter.await.unwrap()) });
    assert!(waits("task's").is_empty());
    assert_eq!((lock("task's").acquisitions, lock("task's").contended), (2, 1));
}

#[test]
fn a_blocked_thread_is_seen_while_it_blocks_and_its_time_counts() {
    let clock = recorder().clock();
    let mutex = Mutex::with_name("contended", 0);
    let guard = mutex.lock().unwrap();
    let blocked = || {
        let before = clock.ticks();
        let (guard, at) = (mutex.lock().unwrap(), line!());
        drop(guard);
        (at, clock.ticks() - before)
    };
    let mut seen_for = 0;
    let (at, took) = beside("blocked thread", blocked, || {
        until("it blocks", || waits("contended").iter().any(|(_, op)| op.thread != 0));
        let (seen, (method, op)) = (clock.ticks(), wait("contended"));
        assert_eq!((method.as_str(), thread_name(op.thread).as_str()), ("Mutex::lock", "blocked thread"));
        assert_eq!((op.running, op.task), (true, None));
        assert_eq!(lock("contended").contended, 0, "it goes on");
        until("a while", || nanoseconds(clock.ticks() - seen) > 5_000_000);
        seen_for = clock.ticks() - seen;
        drop(guard);
    });
    let after = lock("contended");
    assert_eq!((after.acquisitions, after.contended), (2, 1));
    assert!((seen_for..=took).contains(&after.wait), "{seen_for} <= {} <= {took}", after.wait);
    assert_eq!((after.longest_wait, histograms("contended").waits.iter().sum::<u64>()), (after.wait, 1));
    assert!(waits("contended").is_empty() && at > 0);
}

#[test]
fn sums_are_exact_under_load() {
    const THREADS: u64 = 4;
    const EACH: u64 = 5_000;
    let clock = recorder().clock();
    let mutex = Mutex::with_name("load", (0, 0));
    let start = Barrier::new(THREADS as usize);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                for _ in 0..EACH {
                    let mut guard = mutex.lock().unwrap();
                    let (count, held) = &mut *guard;
                    let from = clock.ticks();
                    *count += 1;
                    // The program's own measure lies within the hold.
                    *held += clock.ticks() - from;
                }
            });
        }
    });
    let (count, held) = *mutex.lock().unwrap();
    let on_record = lock("load");
    assert_eq!((on_record.acquisitions, count), (THREADS * EACH + 1, THREADS * EACH));
    assert!(on_record.hold >= held, "{} >= {held}", on_record.hold);
    let all = histograms("load");
    assert_eq!(all.holds.iter().sum::<u64>(), THREADS * EACH + 1);
    assert_eq!(all.waits.iter().sum::<u64>(), on_record.contended);
    assert!(on_record.longest_wait <= on_record.wait && on_record.longest_hold <= on_record.hold);
    assert!(on_record.holders.is_empty() && waits("load").is_empty());
}

#[test]
fn poison_is_on_record() {
    recorder();
    let (mutex, rwlock) = (Mutex::with_name("poisoned", 0), RwLock::with_name("poisoned rwlock", 0));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _guards = (mutex.lock().unwrap(), rwlock.write().unwrap());
        std::panic::resume_unwind(Box::new("on purpose"));
    }));
    assert!(panicked.is_err() && mutex.is_poisoned() && rwlock.is_poisoned());
    assert!(lock("poisoned").poisoned && lock("poisoned rwlock").poisoned);
    mutex.clear_poison();
    rwlock.clear_poison();
    assert!(!lock("poisoned").poisoned && !lock("poisoned rwlock").poisoned);
    // A lock that is taken while the thread panics already is not poisoned.
    struct Locks<'a>(&'a Mutex<i32>);
    impl Drop for Locks<'_> {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _locks = Locks(&mutex);
        std::panic::resume_unwind(Box::new("on purpose"));
    }));
    assert_eq!((panicked.is_err(), mutex.is_poisoned(), lock("poisoned").poisoned), (true, false, false));
}

#[test]
fn readers_are_listed_one_by_one() {
    recorder();
    let rwlock = RwLock::with_name("readers", 0);
    let (first, at) = (rwlock.read().unwrap(), line!());
    let second = rwlock.try_read().unwrap();
    let held = lock("readers");
    assert_eq!((held.holders.len(), held.acquisitions), (2, 2));
    assert!(held.holders.iter().all(|holder| holder.shared && holder.permits == 1));
    assert_eq!(held.holders.iter().map(|holder| line(holder.place)).collect::<Vec<_>>(), [at, at + 1]);
    drop(first);
    assert_eq!(lock("readers").holders.len(), 1);
    let write = || *rwlock.write().unwrap() += 1;
    beside("writer", write, || {
        until("it blocks", || waits("readers").iter().any(|(_, op)| op.thread != 0));
        assert_eq!(wait("readers").0, "RwLock::write");
        drop(second);
    });
    let after = lock("readers");
    assert_eq!((after.acquisitions, after.contended, after.holders.len()), (3, 1, 0));
    assert_eq!(histograms("readers").holds.iter().sum::<u64>(), 3);
}

#[test]
fn a_condition_is_waited_for_without_the_mutex() {
    recorder();
    let (mutex, condition) = (Mutex::with_name("of condition", false), Condvar::with_name("condition"));
    let wait_for_it = || drop(condition.wait_while(mutex.lock().unwrap(), |ready| !*ready).unwrap());
    beside("waits for it", wait_for_it, || {
        until("it blocks", || waits("condition").iter().any(|(_, op)| op.thread != 0));
        let (method, op) = wait("condition");
        assert_eq!(
            (method.as_str(), thread_name(op.thread).as_str()),
            ("Condvar::wait_while", "waits for it")
        );
        let of_mutex = lock("of condition");
        assert_eq!((of_mutex.holders.len(), of_mutex.acquisitions), (0, 1));
        *mutex.lock().unwrap() = true;
        condition.notify_one();
    });
    assert!(waits("condition").is_empty());
    // Taken, given up while it waited, taken by the other thread, and again.
    assert_eq!(lock("of condition").acquisitions, 3);
    assert_eq!(histograms("of condition").holds.iter().sum::<u64>(), 3);
    let guard = mutex.lock().unwrap();
    let minute = Duration::from_secs(60);
    let (guard, timeout) = condition.wait_timeout_while(guard, minute, |ready| !*ready).unwrap();
    assert!(!timeout.timed_out() && lock("of condition").holders.len() == 1);
    drop(guard);
    assert_eq!((lock("of condition").acquisitions, lock("of condition").holders.len()), (4, 0));
}
