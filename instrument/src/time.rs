//! tokio's timers, on record without `tokio_unstable`: `use taskscope::time` in place of `use tokio::time`.
//!
//! Each is a resource with its length, and each wait an operation of the task that waits. With `tokio_unstable` tokio reports its timers
//! itself; then each is still one resource.

use std::{
    fmt,
    future::{Future, IntoFuture},
    panic::Location,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use taskscope_recorder::{AnyId, AttributeValue, Change, RecordKind};
pub use tokio::time::{Instant, MissedTickBehavior, error};

use crate::{
    source::unrecorded,
    tracked::{Pending, ResourceKind, Tracked},
};

const SLEEP: ResourceKind =
    ResourceKind { concrete_type: "Sleep", purpose: "timer", record: RecordKind::None };
const INTERVAL: ResourceKind =
    ResourceKind { concrete_type: "Interval", purpose: "timer", record: RecordKind::None };
const TIMEOUT: ResourceKind =
    ResourceKind { concrete_type: "Timeout", purpose: "timer", record: RecordKind::None };

/// A timer's resource and the wait for it.
struct Timer {
    tracked: Tracked,
    made_at: &'static Location<'static>,
    method: &'static str,
    wait: Option<Pending>,
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("made_at", &self.made_at).finish_non_exhaustive()
    }
}

impl Timer {
    fn new(
        kind: ResourceKind,
        method: &'static str,
        length: Duration,
        made_at: &'static Location<'static>,
    ) -> Self {
        let timer = Self { tracked: Tracked::new(kind, made_at), made_at, method, wait: None };
        timer.set_length(length);
        timer
    }

    /// As tokio reports it of its own timers: `duration`, in milliseconds.
    fn set_length(&self, length: Duration) {
        let Some((recorder, id)) = self.tracked.get() else { return };
        let (name, unit) = (recorder.resources.name_number("duration"), recorder.resources.name_number("ms"));
        let length_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        // Attributes are those of the innermost resource.
        recorder.enter_any(AnyId::Resource(id));
        recorder.resources.change_resource(name, unit, AttributeValue::Number(length_ms), Change::Override);
        recorder.exit_any(AnyId::Resource(id));
    }

    fn poll<R>(&mut self, poll: impl FnOnce() -> Poll<R>) -> Poll<R> {
        let result = match &self.wait {
            Some(wait) => wait.poll(poll),
            None => poll(),
        };
        if result.is_ready() {
            self.wait = None;
        } else if self.wait.is_none() {
            self.wait = self.tracked.begin(self.method, self.made_at);
            // The poll that has just found it not ready.
            self.wait.as_ref().inspect(|wait| wait.poll(|| ()));
        }
        result
    }
}

fn until(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// Waits for a time to pass.
///
/// # Panics
/// As tokio's: outside a runtime with timers.
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    let timer = Timer::new(SLEEP, "sleep", duration, Location::caller());
    Sleep { inner: unrecorded(|| tokio::time::sleep(duration)), timer }
}

/// Waits for a moment to come.
///
/// # Panics
/// As tokio's.
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    let timer = Timer::new(SLEEP, "sleep_until", until(deadline), Location::caller());
    Sleep { inner: unrecorded(|| tokio::time::sleep_until(deadline)), timer }
}

pin_project! {
    /// The future of [`sleep`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited or polled"]
    pub struct Sleep {
        #[pin]
        inner: tokio::time::Sleep,
        timer: Timer,
    }
}

impl Sleep {
    /// When it ends.
    pub fn deadline(&self) -> Instant {
        self.inner.deadline()
    }

    /// Whether it has ended.
    pub fn is_elapsed(&self) -> bool {
        self.inner.is_elapsed()
    }

    /// Sets another end.
    pub fn reset(self: Pin<&mut Self>, deadline: Instant) {
        let this = self.project();
        this.timer.set_length(until(deadline));
        this.inner.reset(deadline);
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.timer.poll(|| this.inner.poll(context))
    }
}

/// A tick at once, then one each period.
///
/// # Panics
/// As tokio's: the period is zero.
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    let timer = Timer::new(INTERVAL, "Interval::tick", period, Location::caller());
    Interval { inner: unrecorded(|| tokio::time::interval(period)), timer }
}

/// A tick at a moment, then one each period.
///
/// # Panics
/// As tokio's: the period is zero.
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    let timer = Timer::new(INTERVAL, "Interval::tick", period, Location::caller());
    Interval { inner: unrecorded(|| tokio::time::interval_at(start, period)), timer }
}

/// tokio's interval, on record.
#[derive(Debug)]
pub struct Interval {
    inner: tokio::time::Interval,
    timer: Timer,
}

impl Interval {
    /// Waits for the next tick.
    pub async fn tick(&mut self) -> Instant {
        std::future::poll_fn(|context| self.poll_tick(context)).await
    }

    /// One poll of [`Interval::tick`].
    pub fn poll_tick(&mut self, context: &mut Context<'_>) -> Poll<Instant> {
        let inner = &mut self.inner;
        self.timer.poll(|| inner.poll_tick(context))
    }

    /// The next tick comes one period from now.
    pub fn reset(&mut self) {
        self.inner.reset();
    }

    /// The next tick comes now.
    pub fn reset_immediately(&mut self) {
        self.inner.reset_immediately();
    }

    /// The next tick comes after a time.
    pub fn reset_after(&mut self, after: Duration) {
        self.inner.reset_after(after);
    }

    /// The next tick comes at a moment.
    pub fn reset_at(&mut self, deadline: Instant) {
        self.inner.reset_at(deadline);
    }

    /// What happens to ticks that were missed.
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.inner.missed_tick_behavior()
    }

    /// Sets what happens to ticks that were missed.
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.inner.set_missed_tick_behavior(behavior);
    }

    /// The time between two ticks.
    pub fn period(&self) -> Duration {
        self.inner.period()
    }
}

/// Lets a future run for a time at most.
///
/// # Panics
/// As tokio's.
#[track_caller]
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    let timer = Timer::new(TIMEOUT, "timeout", duration, Location::caller());
    Timeout { inner: unrecorded(|| tokio::time::timeout(duration, future)), timer }
}

/// Lets a future run until a moment at most.
///
/// # Panics
/// As tokio's.
#[track_caller]
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    let timer = Timer::new(TIMEOUT, "timeout_at", until(deadline), Location::caller());
    Timeout { inner: unrecorded(|| tokio::time::timeout_at(deadline, future)), timer }
}

pin_project! {
    /// The future of [`timeout`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited or polled"]
    pub struct Timeout<F> {
        #[pin]
        inner: tokio::time::Timeout<F>,
        timer: Timer,
    }
}

impl<F> Timeout<F> {
    /// The future inside.
    pub fn get_ref(&self) -> &F {
        self.inner.get_ref()
    }

    /// The future inside.
    pub fn get_mut(&mut self) -> &mut F {
        self.inner.get_mut()
    }

    /// The future inside, without its limit.
    pub fn into_inner(self) -> F {
        self.inner.into_inner()
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, error::Elapsed>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.timer.poll(|| this.inner.poll(context))
    }
}
