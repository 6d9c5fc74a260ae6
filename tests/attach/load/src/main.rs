//! `load BUSY PARKED`: so many tasks that are polled all the time, with as many that live for a moment, and so many that are parked. Prints `ready PID`, and
//! then for each line of its input how many rounds its busy tasks have made; after the line `exec` it is another program.
//!
//! The variables of a busy task agree: every function of its tree has the same `k`, and `k` alone decides which functions there are ([`churn`]). So a
//! tree that was read half before a poll and half after it shows.

use std::{
    env, hint,
    io::{self, BufRead as _},
    os::unix::process::CommandExt as _,
    pin::Pin,
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::{runtime::Builder, task::yield_now, time::sleep};

/// Longer than any test.
const LONG: Duration = Duration::from_secs(3600);

static ROUNDS: AtomicU64 = AtomicU64::new(0);

fn main() -> io::Result<()> {
    let mut numbers = env::args().skip(1).map(|number| number.parse::<u64>().expect("a number of tasks"));
    let (busy, parked) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    for number in 0..busy {
        runtime.spawn(churn(number * 77_777 + 3));
        runtime.spawn(spawn_short_lived(number));
    }
    let parked: Vec<_> = (0..parked).map(|number| runtime.spawn(first(number))).collect();
    runtime.block_on(async {
        while parked.len() as u64 > PARKED.load(Ordering::Acquire) {
            yield_now().await;
        }
    });
    println!("ready {}", std::process::id());
    for line in io::stdin().lock().lines() {
        if line? == "exec" {
            return Err(Command::new("sleep").arg(LONG.as_secs().to_string()).exec());
        }
        println!("{}", ROUNDS.load(Ordering::Relaxed));
    }
    Ok(())
}

/// What it awaits follows from `k`: see `tests/it/load.rs` of the crate that attaches.
async fn churn(mut k: u64) {
    loop {
        k = k.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        match k >> 61 {
            0 => churn_a(k).await,
            1 => churn_b(k).await,
            2 => boxed(k).await,
            3 => sleep(Duration::from_micros(k & 255)).await,
            _ => yield_now().await,
        }
        ROUNDS.fetch_add(1, Ordering::Relaxed);
        hint::black_box(k);
    }
}

fn boxed(k: u64) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    if k & 8 == 0 { Box::pin(churn_a(k)) } else { Box::pin(churn_b(k)) }
}

async fn churn_a(k: u64) {
    yield_now().await;
    churn_c(k).await;
    hint::black_box(k);
}

async fn churn_b(k: u64) {
    tokio::join!(churn_a(k), churn_c(k));
    hint::black_box(k);
}

/// A variable that is allocated and freed all the time, so that memory is used again for other things.
async fn churn_c(k: u64) {
    let values = vec![k; (k & 31) as usize];
    yield_now().await;
    hint::black_box((k, values));
}

async fn spawn_short_lived(mut k: u64) {
    loop {
        k = k.wrapping_add(1);
        for _ in 0..8 {
            tokio::spawn(short_lived(k));
        }
        yield_now().await;
    }
}

async fn short_lived(k: u64) {
    yield_now().await;
    churn_c(k).await;
    hint::black_box(k);
}

static PARKED: AtomicU64 = AtomicU64::new(0);

async fn first(number: u64) {
    second(number, "parked").await;
}

async fn second(number: u64, name: &str) -> usize {
    third(number).await;
    name.len()
}

async fn third(number: u64) {
    let text = format!("third {number}");
    fourth(&text).await;
    hint::black_box((number, text));
}

async fn fourth(text: &str) {
    PARKED.fetch_add(1, Ordering::Release);
    sleep(LONG).await;
    hint::black_box(text);
}
