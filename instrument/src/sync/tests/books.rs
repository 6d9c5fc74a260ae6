//! Many tasks on many locks: every acquisition is counted, once.

use std::sync::Arc;

use super::{Mutex, RwLock, Semaphore, read, recorder, waiters};

const TASKS: usize = 8;
const LOCKS: usize = 12;
const ROUNDS: usize = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acquisition_is_counted_once() {
    const NAMES: [&str; LOCKS] = ["b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "b9", "b10", "b11"];
    recorder();
    let locks = Arc::new(
        NAMES
            .iter()
            .map(|name| {
                let names: [&'static str; 3] =
                    ["mutex", "rwlock", "semaphore"].map(|kind| &*format!("{kind} {name}").leak());
                (
                    Mutex::with_name(names[0], 0),
                    RwLock::with_name(names[1], 0),
                    Semaphore::with_name(names[2], 3),
                )
            })
            .collect::<Vec<_>>(),
    );
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let locks = Arc::clone(&locks);
        tasks.spawn(async move {
            for round in 0..ROUNDS {
                let (mutex, rwlock, semaphore) = &locks[(round * 5 + task) % LOCKS];
                *mutex.lock().await += 1;
                let mut writer = rwlock.write().await;
                *writer += 1;
                tokio::task::yield_now().await;
                drop(writer.downgrade());
                let permits = semaphore.acquire_many(1 + (round % 3) as u32).await.unwrap();
                let reader = rwlock.read().await;
                tokio::task::yield_now().await;
                drop((permits, reader));
            }
        });
    }
    tasks.join_all().await;
    let (mut rounds, mut contended) = (0, 0);
    for (name, (mutex, rwlock, semaphore)) in NAMES.iter().zip(&*locks) {
        let used = mutex.lock().await;
        assert_eq!(read(&format!("mutex {name}")).acquisitions, *used + 1);
        rounds += *used;
        // Written, downgraded and read.
        let written = *rwlock.try_read().unwrap();
        assert_eq!(read(&format!("rwlock {name}")).acquisitions, written * 3 + 1);
        assert_eq!(read(&format!("semaphore {name}")).acquisitions, *used);
        assert_eq!(semaphore.available_permits(), 3);
        for kind in ["rwlock", "semaphore"] {
            let reading = read(&format!("{kind} {name}"));
            assert!(
                reading.holders.is_empty()
                    && reading.more_holders == 0
                    && reading.contended <= reading.acquisitions,
                "{reading:?}"
            );
            assert!(waiters(&format!("{kind} {name}")).is_empty());
            contended += reading.contended;
        }
    }
    assert_eq!(rounds as usize, TASKS * ROUNDS);
    assert!(contended > 0, "the test is about locks that are wanted by several");
}
