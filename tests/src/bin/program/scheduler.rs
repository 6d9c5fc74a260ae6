//! Faults of the scheduler: workers that are held, and tasks that wait for one.
//!
//! A scenario starts with the command `go`; tasks are named after their part. What blocks does so in a function of its own that is never
//! inlined, and does something after the blocking call: so its frame is on the stack, by its name. All of it ends with the program, or after
//! [`LONG`].

mod driver;
mod healthy;
mod pool;

use std::{
    hint::black_box,
    io::{self, PipeReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::{sync::Notify, time::sleep};

pub(crate) use driver::run as driver_lost;
pub(crate) use healthy::run as healthy;
pub(crate) use pool::run as blocking_pool;

use crate::{faults, locks::on_go, stage::Stage};

/// Longer than any test looks.
const LONG: Duration = Duration::from_secs(600);
/// Between two wakes of the bystanders.
const WAKE_EVERY: Duration = Duration::from_millis(5);
/// Tasks that want a worker all the time.
const BYSTANDERS: usize = 3;

/// What those who only want to go on have done.
#[derive(Debug, Default)]
struct Served(AtomicU64);

impl Served {
    fn count(&self) -> u64 {
        self.0.load(SeqCst)
    }

    fn add(&self) {
        self.0.fetch_add(1, SeqCst);
    }

    /// Until the healthy part of the program has begun.
    async fn has_begun(&self) {
        while self.count() == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Tasks that a thread outside of the runtime wakes: without a worker they are scheduled, and starve.
fn bystanders(stage: &Stage) -> Arc<Served> {
    let served = Arc::new(Served::default());
    let calls: Vec<_> = (0..BYSTANDERS)
        .map(|_| {
            let (call, served) = (Arc::new(Notify::new()), Arc::clone(&served));
            let called = Arc::clone(&call);
            stage.spawn_named("bystander", async move {
                loop {
                    called.notified().await;
                    served.add();
                }
            });
            call
        })
        .collect();
    thread::spawn(move || {
        let end = Instant::now() + LONG;
        while Instant::now() < end {
            for call in &calls {
                call.notify_one();
            }
            thread::sleep(WAKE_EVERY);
        }
    });
    served
}

/// A task that sleeps with its thread.
pub(crate) fn blocking_call(stage: &Stage) {
    #[inline(never)]
    fn render_invoice() {
        thread::sleep(LONG);
        black_box(LONG);
    }
    on_go(|| {
        let served = bystanders(stage);
        stage.spawn_named("invoices", async move {
            served.has_begun().await;
            render_invoice();
        });
    });
}

/// A task that reads a pipe without a writer.
pub(crate) fn blocking_pipe(stage: &Stage) {
    let (reader, _writer) = io::pipe().expect("a pipe");
    on_go(|| {
        let served = bystanders(stage);
        stage.spawn_named("importer", async move {
            served.has_begun().await;
            load_rates(reader);
        });
    });
}

#[inline(never)]
fn load_rates(mut reader: PipeReader) {
    black_box(reader.read(&mut [0; 64]).is_ok());
}

/// A task that asks a peer over a blocking socket; the peer never answers.
pub(crate) fn blocking_socket(stage: &Stage) {
    #[inline(never)]
    fn ask_rates(mut peer: TcpStream) {
        peer.write_all(b"rates\n").expect("there is room");
        black_box(peer.read(&mut [0; 64]).is_ok());
    }
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let peer = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    let (_answers_never, _) = listener.accept().expect("the peer has connected");
    on_go(|| {
        let served = bystanders(stage);
        stage.spawn_named("rates", async move {
            served.has_begun().await;
            ask_rates(peer);
        });
    });
}

/// A task that computes and never yields, from its first poll on.
pub(crate) fn cpu_hog(stage: &Stage) {
    on_go(|| {
        let served = bystanders(stage);
        stage.spawn_named("digests", async move {
            compute_digests(&served);
        });
    });
}

#[inline(never)]
fn compute_digests(served: &Served) {
    let end = Instant::now() + LONG;
    let mut digest = served.count() | 1;
    while Instant::now() < end {
        for byte in 0..10_000_u64 {
            digest = black_box(digest.rotate_left(5).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ byte);
        }
    }
    black_box(digest);
}

/// A task that is woken a thousand times for each of its polls, and others that are woken as often as they are polled.
pub(crate) fn wake_storm(stage: &Stage) {
    on_go(|| {
        bystanders(stage);
        faults::storm(stage);
    });
}

/// A task in the LIFO slot of a worker: the task that woke it does not return from its poll, and no other worker may take it from there
/// (tokio could steal from that slot in 1.51 and 1.52.0 and 1.52.1, and has taken it back).
pub(crate) fn lifo_slot(stage: &Stage) {
    /// Blocks for as long as the listener starves.
    #[inline(never)]
    fn write_report(heard: &Served, before: u64) {
        let end = Instant::now() + LONG;
        while heard.count() == before && Instant::now() < end {
            thread::sleep(Duration::from_millis(10));
        }
    }
    on_go(|| {
        let (word, ready, heard) =
            (Arc::new(Notify::new()), Arc::new(Served::default()), Arc::new(Served::default()));
        let (spoken, is_ready, listened) = (Arc::clone(&word), Arc::clone(&ready), Arc::clone(&heard));
        stage.spawn_named("listener", async move {
            loop {
                is_ready.add();
                spoken.notified().await;
                listened.add();
            }
        });
        stage.spawn_named("speaker", async move {
            ready.has_begun().await;
            // Nothing shows here that the listener's poll has returned: a word that finds it in its poll is heard by another worker,
            // and the next one is spoken.
            loop {
                sleep(Duration::from_millis(1)).await;
                let before = heard.count();
                word.notify_one();
                write_report(&heard, before);
            }
        });
    });
}

/// Every worker in a poll that does not return: one reads what never comes and has a lock, the others wait for that.
pub(crate) fn wedged_runtime(stage: &Stage) {
    let (reader, _writer) = io::pipe().expect("a pipe");
    let workers = stage.workers;
    let rates = Arc::new(taskscope::lock::Mutex::new(()));
    on_go(|| {
        let served = bystanders(stage);
        let held = Arc::new(Served::default());
        for worker in 1..workers {
            let (rates, held) = (Arc::clone(&rates), Arc::clone(&held));
            stage.spawn_named(&format!("query {worker}"), async move {
                held.has_begun().await;
                // The poll that is stuck begins after that of the importer.
                tokio::task::yield_now().await;
                let _rates = rates.lock();
            });
        }
        stage.spawn_named("importer", async move {
            served.has_begun().await;
            let _rates = rates.lock();
            held.add();
            load_rates(reader);
        });
    });
}
