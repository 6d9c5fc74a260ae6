//! A program that measures its own holds and waits, by the recorder's clock, agrees with what is on record.
//!
//! Each time is bounded from both sides: what surely was within it, and what it surely was within.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use super::{Mutex, RwLock, Semaphore, read, recorder};

const TASKS: u64 = 4;
const ROUNDS: u64 = 100;

/// Times of a future's polls, by the recorder's clock.
struct Polls<F> {
    future: Pin<Box<F>>,
    times: PollTimes,
}

#[derive(Debug, Clone, Copy, Default)]
struct PollTimes {
    /// Begin and end of the first.
    first: (u64, u64),
    /// Begin and end of the last.
    last: (u64, u64),
    polls: u32,
}

impl<F: Future> Future for Polls<F> {
    type Output = (F::Output, PollTimes);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let clock = recorder().clock();
        let begin = clock.ticks();
        let polled = self.future.as_mut().poll(context);
        let times = (begin, clock.ticks());
        if self.times.polls == 0 {
            self.times.first = times;
        }
        self.times.last = times;
        self.times.polls += 1;
        polled.map(|output| (output, self.times))
    }
}

fn timed<F: Future>(future: F) -> Polls<F> {
    Polls { future: Box::pin(future), times: PollTimes::default() }
}

/// What the program itself knows of one lock.
#[derive(Default)]
struct Book {
    acquisitions: AtomicU64,
    contended: AtomicU64,
    least_hold: AtomicU64,
    most_hold: AtomicU64,
    least_wait: AtomicU64,
    most_wait: AtomicU64,
}

impl Book {
    fn taken(&self, times: &PollTimes) {
        self.acquisitions.fetch_add(1, Relaxed);
        // Nothing but the lock makes it wait: the budget is not constrained.
        if times.polls > 1 {
            self.contended.fetch_add(1, Relaxed);
            self.least_wait.fetch_add(times.last.0 - times.first.1, Relaxed);
            self.most_wait.fetch_add(times.last.1 - times.first.0, Relaxed);
        }
    }

    fn agrees_with(&self, name: &str) {
        let reading = read(name);
        let own = |count: &AtomicU64| count.load(Relaxed);
        assert_eq!(
            (reading.acquisitions, reading.contended),
            (own(&self.acquisitions), own(&self.contended)),
            "{name}"
        );
        let (hold, wait) =
            ((own(&self.least_hold), own(&self.most_hold)), (own(&self.least_wait), own(&self.most_wait)));
        println!(
            "{name}: hold {} within {hold:?}, wait {} within {wait:?} ticks; {reading:?}",
            reading.hold, reading.wait
        );
        assert!(
            (hold.0..=hold.1).contains(&reading.hold),
            "{name}: hold {} is not within {hold:?}",
            reading.hold
        );
        assert!(
            (wait.0..=wait.1).contains(&reading.wait),
            "{name}: wait {} is not within {wait:?}",
            reading.wait
        );
        assert!(reading.contended > 0 && reading.holders.is_empty(), "{name}: {reading:?}");
        assert!(reading.longest_hold <= reading.hold && reading.longest_wait <= reading.wait);
    }
}

/// Holds what `$lock` gives for a while, `ROUNDS` times. A macro, as the compiler can't see yet that the future of an async closure is `Send`.
macro_rules! rounds {
    ($book:expr, $seed:expr, $lock:expr) => {{
        let (book, seed, clock) = ($book, $seed, recorder().clock());
        tokio::task::unconstrained(async move {
            for round in 0..ROUNDS {
                let (guard, times) = timed($lock).await;
                let taken = clock.ticks();
                book.taken(&times);
                for _ in 0..(round * 7 + seed) % 5 {
                    tokio::task::yield_now().await;
                }
                let released = clock.ticks();
                drop(guard);
                book.least_hold.fetch_add(released - taken, Relaxed);
                book.most_hold.fetch_add(clock.ticks() - times.last.0, Relaxed);
                tokio::task::yield_now().await;
            }
        })
    }};
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_measurements_agree_with_the_record() {
    recorder();
    let mutex = Arc::new(Mutex::with_name("true mutex", ()));
    let rwlock = Arc::new(RwLock::with_name("true rwlock", ()));
    let semaphore = Arc::new(Semaphore::with_name("true semaphore", 2));
    let books: [Arc<Book>; 3] = std::array::from_fn(|_| Arc::default());
    let mut tasks = tokio::task::JoinSet::new();
    for seed in 0..TASKS {
        let (lock, book) = (Arc::clone(&mutex), Arc::clone(&books[0]));
        tasks.spawn(rounds!(book, seed, lock.lock()));
        let (lock, book) = (Arc::clone(&rwlock), Arc::clone(&books[1]));
        if seed % 2 == 0 {
            tasks.spawn(rounds!(book, seed, lock.read()));
        } else {
            tasks.spawn(rounds!(book, seed, lock.write()));
        }
        let (lock, book) = (Arc::clone(&semaphore), Arc::clone(&books[2]));
        tasks.spawn(rounds!(book, seed, lock.acquire()));
    }
    tasks.join_all().await;
    for (book, name) in books.iter().zip(["true mutex", "true rwlock", "true semaphore"]) {
        book.agrees_with(name);
    }
}
