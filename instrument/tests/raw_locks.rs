//! Raw locks of `lock_api` around those of parking_lot: what is on record of them is what the program knows itself.
//!
//! With the feature `parking_lot`.

#![cfg(feature = "parking_lot")]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

#[path = "support/record.rs"]
mod record;

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use record::{beside, histograms, line, lock, recorder, thread_name, until, wait, waits, who};
use taskscope::lock::{RawMutex, RawRwLock, parking_lot};

#[test]
fn a_mutex_is_on_record() {
    recorder();
    let mutex: parking_lot::Mutex<_> = lock_api::Mutex::from_raw(RawMutex::with_name("raw"), 0);
    let (guard, at) = (mutex.lock(), line!());
    let [holder] = lock("raw").holders[..] else { unreachable!("one holds it") };
    assert_eq!((line(holder.place), holder.shared), (at, false));
    assert!(mutex.is_locked() && mutex.try_lock().is_none());
    assert!(mutex.try_lock_for(Duration::from_millis(1)).is_none());
    assert_eq!((lock("raw").acquisitions, lock("raw").contended), (1, 0), "it gave up");
    beside(
        "raw waiter",
        || *mutex.lock() += 1,
        || {
            until("it blocks", || waits("raw").iter().any(|(_, op)| op.thread != 0));
            let (method, op) = wait("raw");
            assert_eq!((method.as_str(), thread_name(op.thread).as_str()), ("Mutex::lock", "raw waiter"));
            drop(guard);
        },
    );
    assert_eq!((lock("raw").acquisitions, lock("raw").contended, lock("raw").holders.len()), (2, 1, 0));
    let mut guard = mutex.try_lock_until(Instant::now() + Duration::from_secs(60)).unwrap();
    lock_api::MutexGuard::bump(&mut guard);
    assert_eq!(lock("raw").holders.len(), 1);
    lock_api::MutexGuard::unlock_fair(guard);
    assert!(lock("raw").holders.is_empty() && waits("raw").is_empty());
    assert_eq!(histograms("raw").holds.iter().sum::<u64>(), lock("raw").acquisitions);
}

#[test]
fn a_read_write_lock_is_on_record_in_all_its_ways() {
    recorder();
    let rwlock: parking_lot::RwLock<_> = lock_api::RwLock::from_raw(RawRwLock::with_name("raw rwlock"), 0);
    let shared = || lock("raw rwlock").holders.iter().map(|holder| holder.shared).collect::<Vec<_>>();
    let reader = rwlock.read();
    let again = rwlock.read_recursive();
    let upgradable = rwlock.upgradable_read();
    assert_eq!(shared(), [true; 3]);
    assert!(rwlock.try_write().is_none() && rwlock.try_upgradable_read().is_none());
    let upgradable = parking_lot::RwLockUpgradableReadGuard::try_upgrade(upgradable).unwrap_err();
    assert_eq!(shared(), [true; 3]);
    drop((reader, again));
    let writer = parking_lot::RwLockUpgradableReadGuard::upgrade(upgradable);
    assert_eq!(shared(), [false]);
    let upgradable = parking_lot::RwLockWriteGuard::downgrade_to_upgradable(writer);
    assert_eq!(shared(), [true]);
    let reader = parking_lot::RwLockUpgradableReadGuard::downgrade(upgradable);
    assert_eq!(shared(), [true]);
    beside(
        "raw writer",
        || *rwlock.write() += 1,
        || {
            until("it blocks", || waits("raw rwlock").iter().any(|(_, op)| op.thread != 0));
            assert_eq!(wait("raw rwlock").0, "RwLock::write");
            drop(reader);
        },
    );
    let writer = rwlock.try_write_for(Duration::from_secs(60)).unwrap();
    let reader = parking_lot::RwLockWriteGuard::downgrade(writer);
    assert_eq!(shared(), [true]);
    parking_lot::RwLockReadGuard::unlock_fair(reader);
    assert_eq!(shared(), [false; 0]);
    let upgradable = rwlock.upgradable_read();
    let reader = rwlock.read();
    let upgrade = |guard| drop(parking_lot::RwLockUpgradableReadGuard::upgrade(guard));
    thread::scope(|scope| {
        // The reader is another thread's, as this one waits for it.
        let address = &rwlock;
        drop(reader);
        let (held, is_held) = mpsc::channel();
        scope.spawn(move || {
            let _reader = address.read();
            held.send(()).unwrap();
            until("it blocks", || waits("raw rwlock").iter().any(|(_, op)| op.thread != 0));
            assert_eq!(wait("raw rwlock").0, "RwLock::upgrade");
            assert_eq!(
                lock("raw rwlock").holders.len(),
                1,
                "who waits to be the writer is not listed as a holder"
            );
        });
        is_held.recv().unwrap();
        upgrade(upgradable);
    });
    let after = lock("raw rwlock");
    assert_eq!((after.holders.len(), after.more_holders), (0, 0));
    assert_eq!(histograms("raw rwlock").holds.iter().sum::<u64>(), after.acquisitions);
}

#[test]
fn locks_of_constants_are_on_record_once_used() {
    static PLAIN: parking_lot::Mutex<u32> = parking_lot::Mutex::new(0);
    static REENTRANT: parking_lot::ReentrantMutex<u32> = parking_lot::ReentrantMutex::new(0);
    recorder();
    let outer = (PLAIN.lock(), REENTRANT.lock(), REENTRANT.lock());
    let holders = || {
        recorder()
            .resources
            .pages()
            .flat_map(|page| page.slots.iter())
            .filter(|resource| resource.description().is_some_and(|described| described.site == 0))
            .filter_map(|resource| recorder().resources.read_lock(resource))
            .filter(|lock| {
                lock.holders.iter().any(|holder| who(holder.by) == thread::current().name().unwrap())
            })
            .map(|lock| (lock.acquisitions, lock.holders.len()))
            .collect::<Vec<_>>()
    };
    assert_eq!(holders(), [(1, 1), (1, 1)]);
    drop(outer);
    assert_eq!(holders(), []);
}

#[test]
fn holds_from_before_the_recorder_are_unknown_and_do_no_harm() {
    // The recorder is made while this is held, if this test is the first.
    let mutex: parking_lot::Mutex<_> = parking_lot::Mutex::new(0);
    let rwlock: parking_lot::RwLock<_> = parking_lot::RwLock::new(0);
    let guards = (mutex.lock(), rwlock.read());
    recorder();
    drop(guards);
    assert_eq!((*mutex.lock(), *rwlock.read()), (0, 0));
}
