//! Full load on every worker, tasks beginning and ending all the time, and every way to wake one; all of it counted.

use std::{
    future::{pending, poll_fn},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Poll, Waker},
    thread::{self, JoinHandle},
    time::Duration,
};

use futures_util::future::join_all;
use serde_json::{Map, Value};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
};

use crate::{
    counted::Tally,
    stage::{Source, Spawner, Stage, answer, commands},
};

/// Loops that spawn, each with one task of each kind at a time.
const DRIVERS: usize = 12;
/// Tasks that stay alive, with polls and wakes behind them.
const RESIDENTS: usize = 200;

static DRIVER: Tally = Tally::new();
static YIELDING: Tally = Tally::new();
static SELF_WAKING: Tally = Tally::new();
static SENDING: Tally = Tally::new();
static RECEIVING: Tally = Tally::new();
static SLEEPING: Tally = Tally::new();
static ABORTED: Tally = Tally::new();
static FOREIGN: Tally = Tally::new();
static LATE: Tally = Tally::new();
static PANICKING: Tally = Tally::new();
static BLOCKING: Tally = Tally::new();
static NAMED: Tally = Tally::new();
static RESIDENT: Tally = Tally::new();

static BOOKS: [(&str, &Tally); 13] = [
    ("driver", &DRIVER),
    ("yielding", &YIELDING),
    ("self_waking", &SELF_WAKING),
    ("sending", &SENDING),
    ("receiving", &RECEIVING),
    ("sleeping", &SLEEPING),
    ("aborted", &ABORTED),
    ("foreign", &FOREIGN),
    ("late", &LATE),
    ("panicking", &PANICKING),
    ("blocking", &BLOCKING),
    ("named", &NAMED),
    ("resident", &RESIDENT),
];

/// What the loops share.
#[derive(Clone)]
struct Load {
    spawner: Spawner,
    stop: Arc<AtomicBool>,
    notify: Arc<Notify>,
    /// Woken by a thread of no runtime: wakers of tasks that wait for it, and of tasks that have ended.
    wakers: Arc<Mutex<Vec<Waker>>>,
}

/// Loads until a command comes; then answers, when everything is still, with what it counted. And again for each further command.
pub(crate) fn run(stage: &Stage) {
    std::panic::set_hook(Box::new(|_| {}));
    let load = Load {
        spawner: stage.spawner.clone(),
        stop: Arc::default(),
        notify: Arc::default(),
        wakers: Arc::default(),
    };
    for _ in 0..RESIDENTS {
        let notify = Arc::clone(&load.notify);
        RESIDENT.spawn(&stage.spawner, async move {
            loop {
                notify.notified().await;
            }
        });
    }
    for _ in 0..DRIVERS {
        DRIVER.spawn(&stage.spawner, drive(load.clone()));
    }
    let outside = outside(load.clone());
    let mut commands = commands();
    let _until_stopped = commands.next();
    load.stop.store(true, SeqCst);
    outside.join().expect("the thread does not panic");
    while BOOKS.iter().any(|(name, book)| book.alive() > 0 && *name != "resident") {
        thread::sleep(Duration::from_millis(1));
    }
    answer(&report());
    for _ in commands {
        answer(&report());
    }
}

fn report() -> Value {
    BOOKS.iter().map(|(name, book)| ((*name).to_owned(), book.report())).collect::<Map<_, _>>().into()
}

async fn drive(load: Load) {
    let mut rounds = 0_u32;
    while !load.stop.load(SeqCst) {
        let mut tasks = begin(&load);
        let sleeper = ABORTED.spawn(&load.spawner, pending());
        // Aborted before its first poll, or after it.
        rounds += 1;
        if rounds.is_multiple_of(2) {
            tokio::task::yield_now().await;
        }
        sleeper.abort();
        tasks.push(sleeper);
        load.notify.notify_one();
        load.notify.notify_waiters();
        let mut set = JoinSet::new();
        // Into the default recorder, which only this source sets.
        if load.spawner.source == Source::Init {
            for times in [0, 2] {
                NAMED.spawn_in(&mut set, "named", async move {
                    wake_self(times).await;
                    tokio::task::yield_now().await;
                });
            }
        }
        set.join_all().await;
        // Panics and cancellations are what some of them end with.
        let _results = join_all(tasks).await;
    }
}

fn begin(load: &Load) -> Vec<tokio::task::JoinHandle<()>> {
    let spawner = &load.spawner;
    let (sender, mut receiver) = mpsc::channel(1);
    let (foreign, late) = (Arc::clone(&load.wakers), Arc::clone(&load.wakers));
    let mut tasks = vec![
        YIELDING.spawn(spawner, async {
            for _ in 0..5 {
                tokio::task::yield_now().await;
            }
        }),
        SELF_WAKING.spawn(spawner, wake_self(15)),
        SENDING.spawn(spawner, async move {
            for i in 0..10_u32 {
                if sender.send(i).await.is_err() {
                    return;
                }
            }
        }),
        RECEIVING.spawn(spawner, async move { while receiver.recv().await.is_some() {} }),
        SLEEPING.spawn(spawner, tokio::time::sleep(Duration::from_millis(1))),
        FOREIGN.spawn(spawner, async move {
            let mut polls = 0;
            poll_fn(|context| {
                polls += 1;
                hand_out(&foreign, context.waker());
                if polls < 4 { Poll::Pending } else { Poll::Ready(()) }
            })
            .await;
        }),
        LATE.spawn(
            spawner,
            poll_fn(move |context| {
                hand_out(&late, context.waker());
                Poll::Ready(())
            }),
        ),
        PANICKING.spawn(spawner, async {
            tokio::task::yield_now().await;
            panic!("as it has to");
        }),
    ];
    // The other sources don't see blocking tasks.
    if matches!(spawner.source, Source::Wrap | Source::Layer | Source::All) {
        tasks.push(BLOCKING.spawn_blocking(spawner));
    }
    tasks
}

/// Wakes itself during the poll, by reference and by value.
async fn wake_self(times: u32) {
    let mut woken = 0;
    poll_fn(|context| {
        woken += 1;
        if woken > times {
            return Poll::Ready(());
        }
        if woken % 3 == 0 {
            let waker = context.waker().clone();
            waker.wake();
        } else {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await;
}

fn hand_out(wakers: &Mutex<Vec<Waker>>, waker: &Waker) {
    wakers.lock().unwrap_or_else(PoisonError::into_inner).push(waker.clone());
}

/// A thread of no runtime that wakes what it is given, twice.
fn outside(load: Load) -> JoinHandle<()> {
    thread::spawn(move || {
        loop {
            let wakers = std::mem::take(&mut *load.wakers.lock().unwrap_or_else(PoisonError::into_inner));
            // Tasks can only come from drivers: without them and without wakers there will be no more.
            if wakers.is_empty() && load.stop.load(SeqCst) && DRIVER.alive() == 0 {
                return;
            }
            if wakers.is_empty() {
                thread::sleep(Duration::from_millis(1));
            }
            for waker in wakers {
                waker.wake_by_ref();
                waker.wake();
            }
        }
    })
}
