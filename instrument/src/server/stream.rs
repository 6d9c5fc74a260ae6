//! One console's stream: its wishes come in, its frames go out.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::Ordering::{AcqRel, Relaxed},
    },
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _};
use taskscope_proto::{
    limits,
    v1::{self, taskscope_server::Taskscope},
};
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming};

use crate::aggregate::{
    Hub,
    cursor::Cursor,
    events::{DRAIN_INTERVAL, WATCH_DRAIN_INTERVAL},
};

/// Largest request that is decoded.
pub(crate) const MAX_REQUEST_BYTES: usize = 64 * 1024;
/// How often an idle connection is asked whether it lives.
pub(super) const KEEPALIVE: Duration = Duration::from_secs(10);
/// Frames ready for a console that does not take them. One more is being made meanwhile.
const FRAMES_AHEAD: usize = 1;
/// A round that took time T is followed by at least `IDLE_SHARE` times T of rest: the tool's thread uses at most a tenth of a core.
pub(crate) const IDLE_SHARE: u32 = 9;

/// The service behind every stream of a process.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    hub: Arc<Hub>,
}

impl Service {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }
}

#[tonic::async_trait]
impl Taskscope for Service {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<v1::Frame, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<Streaming<v1::WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let seat = Seat::take(&self.hub)?;
        let (frames, receiver) = mpsc::channel(FRAMES_AHEAD);
        let requests = request.into_inner();
        tokio::spawn(async move {
            let mut console =
                Console { cursor: Cursor::new(Arc::clone(&seat.0)), wish: None, resync: 0, frames };
            // An error is a request that can't be decoded or a connection that broke: either way the stream ends.
            if let Err(status) = console.run(requests).await {
                let _gone = console.frames.send(Err(status)).await;
            }
            drop(seat);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

/// A console's place among the most that are served.
pub(crate) struct Seat(Arc<Hub>);

impl Seat {
    pub(crate) fn take(hub: &Arc<Hub>) -> Result<Self, Status> {
        let taken = hub.clients.fetch_update(AcqRel, Relaxed, |clients| {
            (clients < limits::MAX_CLIENTS as u32).then_some(clients + 1)
        });
        if taken.is_err() {
            return Err(Status::resource_exhausted(format!(
                "{} consoles are connected already, the most this server takes",
                limits::MAX_CLIENTS
            )));
        }
        hub.watchdog.add_console();
        hub.handle.console_came();
        Ok(Self(Arc::clone(hub)))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.clients.fetch_sub(1, AcqRel);
        self.0.watchdog.remove_console();
        let handle = &self.0.handle;
        let Some(unused) = handle.console_left() else { return };
        match tokio::runtime::Handle::try_current() {
            Ok(server) => {
                let handle = handle.clone();
                drop(server.spawn(async move {
                    tokio::time::sleep(handle.linger()).await;
                    handle.end_unless_used(unused);
                }));
            }
            // The server's runtime is being torn down.
            Err(_) => handle.end_unless_used(unused),
        }
    }
}

struct Console {
    cursor: Cursor,
    wish: Option<v1::WatchRequest>,
    resync: u32,
    frames: mpsc::Sender<Result<v1::Frame, Status>>,
}

impl Drop for Console {
    fn drop(&mut self) {
        self.cursor.hub().reader.forget(self.wish.as_ref().map_or(0, |wish| wish.memory_reader_pid));
    }
}

impl Console {
    async fn run(&mut self, mut requests: Streaming<v1::WatchRequest>) -> Result<(), Status> {
        let mut next_round = Instant::now();
        let mut earliest_round = next_round;
        // A console that ends its side keeps its last wish.
        let mut wishes_end = false;
        loop {
            // What is there already is taken first, so that a wish is never older than a frame.
            while !wishes_end && let Some(request) = requests.next().now_or_never() {
                match request {
                    Some(request) => self.take(request?)?,
                    None => wishes_end = true,
                }
            }
            if wishes_end && self.wish.is_none() {
                return Ok(());
            }
            let sending = self.wish.as_ref().is_some_and(|wish| !wish.paused);
            let streaming = sending && self.streams_events();
            let draining = streaming || sending && self.cursor.watches();
            let drain_interval = if streaming { DRAIN_INTERVAL } else { WATCH_DRAIN_INTERVAL };
            tokio::select! {
                () = self.frames.closed() => return Ok(()),
                request = requests.next(), if !wishes_end => match request {
                    Some(request) => {
                        // A new request is answered early: a user pressed a key. Not at once, or requests could keep this thread busy.
                        self.take(request?)?;
                        next_round = earliest_round;
                    }
                    None => wishes_end = true,
                },
                () = tokio::time::sleep_until(next_round), if sending => {
                    let start = Instant::now();
                    let Some(worked) = self.round().await else { return Ok(()) };
                    // All events cost what they cost: resting would only lose them.
                    let rest = if streaming { Duration::ZERO } else { worked * IDLE_SHARE };
                    earliest_round = start + limits::MIN_INTERVAL.max(rest);
                    next_round = start + self.interval().max(rest);
                }
                () = tokio::time::sleep(drain_interval), if draining => self.cursor.drain_events(),
            }
        }
    }

    fn take(&mut self, request: v1::WatchRequest) -> Result<(), Status> {
        if request.protocol == 0 {
            return Err(Status::invalid_argument(
                "the request names no protocol version; this server speaks 1",
            ));
        }
        if request.resync != self.resync {
            self.resync = request.resync;
            self.cursor.resync();
        }
        self.cursor.want_details(&request.details, &request.resource_details);
        self.cursor.want_await_trees(&request);
        self.cursor.want_events(request.events);
        self.cursor.want_descriptors(request.descriptors_interval_ms);
        let reader = &self.cursor.hub().reader;
        let before = self.wish.as_ref().map_or(0, |wish| wish.memory_reader_pid);
        if before != request.memory_reader_pid {
            reader.forget(before);
        }
        reader.name(request.memory_reader_pid);
        self.wish = Some(request);
        Ok(())
    }

    /// Sends what changed; returns the time spent on it, without the waiting for the console, or `None` when that is gone.
    async fn round(&mut self) -> Option<Duration> {
        let mut start = Instant::now();
        let mut worked = Duration::ZERO;
        self.cursor.begin_round();
        let mut first = true;
        while let Some(frame) = self.cursor.next_frame(first) {
            first = false;
            worked += start.elapsed();
            if self.frames.send(Ok(frame)).await.is_err() {
                return None;
            }
            // Other consoles' turn: a snapshot of a million tasks is a hundred frames.
            tokio::task::yield_now().await;
            start = Instant::now();
        }
        Some(worked)
    }

    fn streams_events(&self) -> bool {
        self.wish.as_ref().is_some_and(|wish| wish.events)
    }

    fn interval(&self) -> Duration {
        if self.streams_events() {
            return limits::MIN_INTERVAL;
        }
        let wanted = self.wish.as_ref().map_or(0, |wish| wish.interval_ms);
        match wanted {
            0 => limits::DEFAULT_INTERVAL,
            ms => Duration::from_millis(ms.into()).clamp(limits::MIN_INTERVAL, limits::MAX_INTERVAL),
        }
    }
}
