//! Futures in futures: functions, boxes, trait objects, generics, closures, and futures written by hand.

use std::{
    fmt::Debug,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{sync::Notify, task::yield_now, time::sleep};

use crate::{LONG, silent};

type Boxed<'a> = Pin<Box<dyn Future<Output = u32> + Send + 'a>>;

pub fn spawn() {
    tokio::spawn(nested_calls(1));
    tokio::spawn(recursion(3, silent()));
    tokio::spawn(many_points(silent()));
    tokio::spawn(trait_object(Arc::new(Database { closed: Notify::new() })));
    tokio::spawn(huge_future());
    tokio::spawn(generic_future(second(4, "generic"), 9));
    tokio::spawn(written_by_hand());
    tokio::spawn(unknown_leaf());
    tokio::spawn(async_closure(silent()));
    tokio::spawn(sleep(LONG));
    tokio::spawn(Never);
}

async fn nested_calls(depth: u32) {
    second(depth + 1, "hello").await;
}

pub async fn second(number: u32, name: &str) -> usize {
    third(u64::from(number)).await;
    name.len()
}

pub async fn third(number: u64) {
    let text = format!("third {number}");
    fourth(&text).await;
    drop(text);
}

pub async fn fourth(text: &str) {
    yield_now().await;
    sleep(LONG).await;
    println!("{text}");
}

async fn recursion(depth: u32, notify: Arc<Notify>) {
    recurse(depth, notify).await;
}

fn recurse(depth: u32, notify: Arc<Notify>) -> Boxed<'static> {
    Box::pin(async move {
        if depth == 0 {
            notify.notified().await;
            return 0;
        }
        recurse(depth - 1, notify).await + 1
    })
}

/// Several await points in a loop: it is parked at the third one.
async fn many_points(notify: Arc<Notify>) {
    let mut round = 0u64;
    loop {
        yield_now().await;
        round += 1;
        if round == 3 {
            notify.notified().await;
        }
        yield_now().await;
    }
}

trait Service: Send + Sync {
    fn call<'a>(&'a self, request: &'a str) -> Boxed<'a>;
}

struct Database {
    closed: Notify,
}

impl Service for Database {
    fn call<'a>(&'a self, request: &'a str) -> Boxed<'a> {
        Box::pin(async move {
            self.closed.notified().await;
            u32::try_from(request.len()).unwrap_or(0)
        })
    }
}

async fn trait_object(service: Arc<dyn Service>) -> u32 {
    let request = String::from("GET /");
    service.call(&request).await
}

/// Over 16 KiB: tokio puts it in a box of its own.
#[allow(clippy::large_futures, clippy::large_stack_arrays)] // Reason: that is the shape.
async fn huge_future() {
    let big = [1u8; 20_000];
    sleep(LONG).await;
    println!("{}", big[7]);
}

async fn generic_future<T: Debug + Send, F: Future<Output = T>>(inner: F, tag: u8) -> T {
    let value = inner.await;
    println!("{tag}");
    value
}

struct ByHand<F> {
    inner: F,
    polls: u32,
}

impl<F: Future + Unpin> Future for ByHand<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.polls += 1;
        Pin::new(&mut self.inner).poll(context)
    }
}

async fn written_by_hand() {
    ByHand { inner: Box::pin(third(3)), polls: 0 }.await;
}

/// Nothing inside it is a future, and no table knows it.
struct Never;

impl Future for Never {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

async fn unknown_leaf() {
    Never.await;
}

async fn async_closure(notify: Arc<Notify>) {
    let closure = async |number: u32| {
        notify.notified().await;
        number
    };
    closure(5).await;
}
