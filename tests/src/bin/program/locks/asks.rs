//! Tasks that wait for an answer, for their children, for themselves or for what can't come; and healthy ones that look alike.

use std::{
    future::pending,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use futures_util::{StreamExt as _, future::poll_immediate, stream::FuturesUnordered};
use tokio::{sync::Notify, task::JoinSet, time::sleep};

use super::{Steps, on_go};
use crate::stage::Stage;

/// Readers, and connections of a pool: more than a lock has cells for by itself.
const MANY: usize = 12;

/// Writes each scenario once for tokio's types and once for the wrappers of the same interface.
macro_rules! asks {
    ($($item:item)*) => {
        pub(crate) mod plain {
            use super::*;
            use tokio::sync;
            $($item)*
        }
        pub(crate) mod wrapped {
            use super::*;
            use taskscope::sync;
            $($item)*
        }
    };
}

asks! {
    /// Two that hand each other work through small channels, each more than it takes.
    pub(crate) fn actors(stage: &Stage) {
        let (to_worker, mut jobs) = sync::mpsc::channel::<u64>(2);
        let (to_dispatcher, mut wishes) = sync::mpsc::channel::<u64>(2);
        on_go(|| {
            let first = to_dispatcher.clone();
            stage.spawn_named("dispatcher", async move {
                while wishes.recv().await.is_some() {
                    for job in 0..2 {
                        let _is_gone = to_worker.send(job).await;
                    }
                }
            });
            stage.spawn_named("worker", async move {
                while let Some(job) = jobs.recv().await {
                    for _ in 0..2 {
                        let _is_gone = to_dispatcher.send(job).await;
                    }
                }
            });
            let _has_room = first.try_send(0);
        });
    }

    enum Message {
        Start,
        Ask(sync::oneshot::Sender<u64>),
    }

    async fn actor(
        mut inbox: sync::mpsc::Receiver<Message>,
        other: sync::mpsc::Sender<Message>,
        steps: Arc<Steps>,
    ) {
        while let Some(message) = inbox.recv().await {
            match message {
                Message::Ask(reply) => drop(reply.send(1)),
                Message::Start => {
                    steps.done();
                    steps.wait_for(2).await;
                    let (reply, answer) = sync::oneshot::channel();
                    let _is_gone = other.send(Message::Ask(reply)).await;
                    let _is_closed = answer.await;
                }
            }
        }
    }

    /// Two actors ask each other and answer nothing meanwhile.
    pub(crate) fn asks(stage: &Stage) {
        let steps = Arc::new(Steps::default());
        let (to_one, one) = sync::mpsc::channel(8);
        let (to_other, other) = sync::mpsc::channel(8);
        on_go(|| {
            for (name, inbox, peer) in
                [("one", one, to_other.clone()), ("other", other, to_one.clone())]
            {
                stage.spawn_named(name, actor(inbox, peer, Arc::clone(&steps)));
            }
            let _has_room = (to_one.try_send(Message::Start), to_other.try_send(Message::Start));
        });
    }

    /// An actor asks itself.
    pub(crate) fn asks_itself(stage: &Stage) {
        let steps = Arc::new(Steps::default());
        steps.done();
        let (to_itself, inbox) = sync::mpsc::channel(8);
        on_go(|| {
            let _has_room = to_itself.try_send(Message::Start);
            stage.spawn_named("reporter", actor(inbox, to_itself, steps));
        });
    }

    /// A lock is held over a question to a task that wants the lock.
    pub(crate) fn asks_locked(stage: &Stage) {
        let session = Arc::new(sync::Mutex::new(0_u64));
        let (store, mut asked) = sync::mpsc::channel::<sync::oneshot::Sender<u64>>(4);
        on_go(|| {
            let of_store = Arc::clone(&session);
            stage.spawn_named("store", async move {
                while let Some(reply) = asked.recv().await {
                    let session = of_store.lock().await;
                    let _is_gone = reply.send(*session);
                }
            });
            stage.spawn_named("handler", async move {
                let mut session = session.lock().await;
                let (reply, answer) = sync::oneshot::channel();
                let _is_gone = store.send(reply).await;
                *session += answer.await.unwrap_or(0);
            });
        });
    }

    /// A task locks what it holds.
    pub(crate) fn relocks(stage: &Stage) {
        let cache = Arc::new(sync::Mutex::new(0_u64));
        on_go(|| {
            stage.spawn_named("fetch", async move {
                let guard = cache.lock().await;
                *cache.lock().await += *guard;
            });
        });
    }

    /// Readers who read again behind a writer.
    pub(crate) fn readers(stage: &Stage) {
        let chain = Arc::new(sync::RwLock::new(0_u64));
        let steps = Arc::new(Steps::default());
        on_go(|| {
            for _ in 0..MANY {
                let (chain, steps) = (Arc::clone(&chain), Arc::clone(&steps));
                stage.spawn_named("peer", async move {
                    let tip = chain.read().await;
                    steps.done();
                    steps.wait_for(MANY + 1).await;
                    let again = chain.read().await;
                    assert_eq!(*tip, *again, "no writer between");
                });
            }
            stage.spawn_named("importer", async move {
                steps.wait_for(MANY).await;
                let mut writes = pin!(chain.write());
                assert!(poll_immediate(writes.as_mut()).await.is_none(), "the readers hold it");
                steps.done();
                *writes.await += 1;
            });
        });
    }

    /// A lock is held while the task waits for its children, who want it.
    pub(crate) fn children(stage: &Stage) {
        let registry = Arc::new(sync::Mutex::new(0_u64));
        on_go(|| {
            stage.spawn_named("drain", async move {
                let guard = registry.lock().await;
                let mut children = JoinSet::new();
                for _ in 0..3 {
                    let registry = Arc::clone(&registry);
                    children.spawn(async move { *registry.lock().await += 1 });
                }
                while children.join_next().await.is_some() {}
                drop(guard);
            });
        });
    }

    /// More permits than there are, and a barrier that one task never comes to.
    pub(crate) fn unmet(stage: &Stage) {
        let gate = Arc::new(sync::Semaphore::new(3));
        let start = Arc::new(sync::Barrier::new(3));
        on_go(|| {
            stage.spawn_named("export", async move { drop(gate.acquire_many(5).await) });
            for n in 0..3 {
                let start = Arc::clone(&start);
                stage.spawn_named("runner", async move {
                    if n > 0 {
                        start.wait().await;
                    }
                });
            }
        });
    }

    /// Those who have nothing to send keep all the room.
    pub(crate) fn reserved(stage: &Stage) {
        let (shared, mut values) = sync::mpsc::channel::<u64>(3);
        let never = Arc::new(Notify::new());
        let steps = Arc::new(Steps::default());
        on_go(|| {
            stage.spawn_named("sink", async move { while values.recv().await.is_some() {} });
            for _ in 0..3 {
                let (shared, never, steps) = (shared.clone(), Arc::clone(&never), Arc::clone(&steps));
                stage.spawn_named("forwarder", async move {
                    let place = shared.reserve().await;
                    steps.done();
                    never.notified().await;
                    if let Ok(place) = place {
                        place.send(1);
                    }
                });
            }
            stage.spawn_named("sender", async move {
                steps.wait_for(3).await;
                let _is_gone = shared.send(2).await;
            });
        });
    }

    /// What looks like the others and goes on, or may.
    pub(crate) fn answers(stage: &Stage) {
        let (lock, never) = (Arc::new(sync::Mutex::new(0_u64)), Arc::new(Notify::new()));
        on_go(|| {
            // Two futures of one task: one holds the lock and waits for something that nothing reports, the other wants the lock.
            let (held, wakes) = (Arc::clone(&lock), Arc::clone(&never));
            stage.spawn_named("both", async move {
                let holds = async {
                    let _guard = held.lock().await;
                    wakes.notified().await;
                };
                tokio::join!(holds, async { *held.lock().await += 1 });
            });
            // The same in a set of futures, whose waker is not the task's.
            let (held, wakes) = (Arc::new(sync::Mutex::new(0_u64)), Arc::clone(&never));
            stage.spawn_named("set", async move {
                let mut set: FuturesUnordered<Pin<Box<dyn Future<Output = ()> + Send>>> =
                    FuturesUnordered::new();
                let first = Arc::clone(&held);
                set.push(Box::pin(async move {
                    let _guard = first.lock().await;
                    wakes.notified().await;
                }));
                set.push(Box::pin(async move { *held.lock().await += 1 }));
                while set.next().await.is_some() {}
            });
            // An answer that takes its time, though who asks holds a lock that others want.
            let (ask, mut asked) = sync::mpsc::channel::<sync::oneshot::Sender<u64>>(4);
            stage.spawn_named("report", async move {
                while let Some(reply) = asked.recv().await {
                    sleep(Duration::from_secs(600)).await;
                    let _is_gone = reply.send(1);
                }
            });
            let session = Arc::new(sync::Mutex::new(0_u64));
            for _ in 0..2 {
                let (session, ask) = (Arc::clone(&session), ask.clone());
                stage.spawn_named("handler", async move {
                    let mut session = session.lock().await;
                    let (reply, answer) = sync::oneshot::channel();
                    let _is_gone = ask.send(reply).await;
                    *session += answer.await.unwrap_or(0);
                });
            }
            // Permits and tasks that come late.
            let start = Arc::new(sync::Barrier::new(3));
            for n in 0..3 {
                let start = Arc::clone(&start);
                stage.spawn_named("runner", async move {
                    if n == 0 {
                        pending::<()>().await;
                    }
                    start.wait().await;
                });
            }
            // A parent that waits for its children, who want nothing of it.
            stage.spawn_named("parent", async move {
                let _guard = lock.lock().await;
                let mut children = JoinSet::new();
                children.spawn(pending::<()>());
                children.join_next().await;
            });
        });
    }
}

/// A lock is given to a future that is put aside, and its task asks for the lock again in a `block_on`.
pub(crate) fn blocks_on(stage: &Stage) {
    let lock = Arc::new(tokio::sync::Mutex::new(0_u64));
    let steps = Arc::new(Steps::default());
    on_go(|| {
        let (held, at) = (Arc::clone(&lock), Arc::clone(&steps));
        stage.spawn_named("holder", async move {
            let _guard = held.lock().await;
            at.done();
            at.wait_for(2).await;
        });
        stage.spawn_named("publisher", async move {
            steps.wait_for(1).await;
            let mut first = Box::pin(Arc::clone(&lock).lock_owned());
            assert!(matches!(futures_util::poll!(first.as_mut()), Poll::Pending), "it is held");
            steps.done();
            // Until the lock was given to the first future.
            sleep(Duration::from_millis(200)).await;
            tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(async { *lock.lock().await += 1 });
            });
            drop(first);
        });
    });
}

/// A task writes what it reads, and blocks its worker for ever.
pub(crate) fn own_guard(stage: &Stage) {
    let cached = Arc::new(std::sync::RwLock::new(0_u64));
    on_go(|| {
        stage.spawn_named("payload", async move {
            // Not in its first poll.
            sleep(Duration::from_millis(20)).await;
            let seen = cached.read().expect("not poisoned");
            if let Ok(mut cached) = cached.write() {
                *cached += *seen;
            }
        });
    });
}
