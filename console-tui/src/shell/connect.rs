//! The connection: dials, opens the stream, hands frames on, and dials again until its [`Connection`] is dropped.
//!
//! Invariant: it never gives up and never runs hot: every failure is reported with its reason, and followed by a wait that
//! [`backoff`] bounds; only a frame resets the count of failures. Limit: [`QUEUED_NEWS`] frames wait for the screen; then
//! the connection itself is held back, and the server skips to its newest state.

mod reason;

use std::time::Duration;

use futures_util::StreamExt as _;
#[cfg(unix)]
use hyper_util::rt::TokioIo;
use taskscope_model::{ConnectionEvent, MemoryNews, MemoryWish};
use taskscope_proto::{
    limits::MAX_DECODE_BYTES,
    v1::{Frame, WatchRequest, taskscope_client::TaskscopeClient},
};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};
use tokio_stream::wrappers::WatchStream;
use tonic::{
    Code, Streaming,
    transport::{Channel, Endpoint},
};

#[cfg(target_os = "linux")]
use super::attached;
use super::{backoff, beside::Beside, compat, names::Names, random};
use crate::target::{Patience, Reading, Target};

/// Frames and other news that wait for the screen.
pub const QUEUED_NEWS: usize = 4;

/// Longest wait for a connection, and for the answer to the call.
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection without any traffic is probed this often, …
const PROBE_INTERVAL: Duration = Duration::from_secs(2);

/// … and is dead when a probe has no answer for this long. taskscope answers from a thread of its own, however busy
/// the program is.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// Room for frames in flight: one of the largest that are accepted.
const WINDOW_BYTES: u32 = MAX_DECODE_BYTES as u32;

/// News of the connection.
#[derive(Debug)]
pub enum News {
    /// About the connection.
    Connection(ConnectionEvent),
    /// A frame.
    Frame(Box<Frame>),
    /// About the program's memory.
    Memory(MemoryNews),
}

/// The channels to and from the task of the connection.
#[derive(Debug)]
pub struct Connection {
    /// Its news; bounded.
    pub news: mpsc::Receiver<News>,
    beside: Beside,
    task: tokio::task::JoinHandle<()>,
}

impl Connection {
    /// Starts to dial `target`. Must be called inside a tokio runtime.
    pub fn start(target: Target, reading: Reading) -> Self {
        let (sender, news) = mpsc::channel(QUEUED_NEWS);
        let (requests, wanted) = watch::channel(None);
        let names = reading.names;
        let beside = Beside::new(requests, sender.clone(), reading);
        let task = tokio::spawn(keep(target, names, sender, wanted, beside.clone()));
        Self { news, beside, task }
    }

    /// Sends a request on the open stream; only the newest one counts.
    pub fn request(&self, request: WatchRequest) {
        self.beside.request(request);
    }

    /// Reads these tasks from the program's memory, when it is on this machine.
    pub fn read_memory(&self, wish: MemoryWish) {
        self.beside.read(wish);
    }

    /// Whether what the memory was asked for is still to come.
    pub fn is_reading_memory(&self) -> bool {
        self.beside.is_under_way()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Requests = watch::Receiver<Option<WatchRequest>>;

/// Connects again and again, until the receiver of the news is dropped.
async fn keep(
    target: Target,
    patience: Patience,
    sender: mpsc::Sender<News>,
    wanted: Requests,
    beside: Beside,
) {
    #[cfg(target_os = "linux")]
    if let Target::Process(watched) = target {
        return attached::keep(watched, sender, wanted).await;
    }
    let mut failures = 0_u32;
    loop {
        let attempt = failures.saturating_add(1);
        if sender.send(News::Connection(ConnectionEvent::Connecting { attempt })).await.is_err() {
            return;
        }
        let mut frames = 0_u64;
        let mut names = Names::new(&target, patience);
        // On the heap: what decodes a frame is large.
        let ended =
            Box::pin(stream(&target, &mut names, &sender, wanted.clone(), &beside, &mut frames)).await;
        beside.lost();
        let Some(reason) = ended else { return };
        failures = if frames > 0 { 1 } else { attempt };
        let wait = backoff::jittered(backoff::delay(failures), chance());
        let lost = ConnectionEvent::Lost { reason, retry_in: Some(wait) };
        if sender.send(News::Connection(lost)).await.is_err() {
            return;
        }
        sleep(wait).await;
    }
}

/// One connection from dialling to its end. The reason for the end; `None`: the receiver of the news is dropped.
async fn stream(
    target: &Target,
    names: &mut Names,
    sender: &mpsc::Sender<News>,
    mut wanted: Requests,
    beside: &Beside,
    frames: &mut u64,
) -> Option<String> {
    let channel = match timeout(DIAL_TIMEOUT, dial(target)).await {
        Ok(Ok(channel)) => channel,
        Ok(Err(error)) => return Some(reason::of_dial(target, &error)),
        Err(_) => return Some(reason::of_silence(target, DIAL_TIMEOUT)),
    };
    // Requests for the connection before this one are not sent: the model asks anew for this one.
    wanted.mark_unchanged();
    sender.send(News::Connection(ConnectionEvent::Connected)).await.ok()?;
    let mut client = TaskscopeClient::new(channel.clone()).max_decoding_message_size(MAX_DECODE_BYTES);
    let requests = WatchStream::from_changes(wanted.clone()).filter_map(std::future::ready);
    let mut incoming: Streaming<Frame> = match timeout(DIAL_TIMEOUT, client.watch(requests)).await {
        Ok(Ok(answer)) => answer.into_inner(),
        // No taskscope there; tokio-console's protocol, perhaps.
        Ok(Err(status)) if status.code() == Code::Unimplemented => {
            return match compat::watch(channel, sender, wanted, frames).await {
                compat::End::Unheard => None,
                compat::End::Closed => Some(reason::of_end(target)),
                compat::End::Broke(status) => Some(reason::of_status(target, &status, *frames)),
                compat::End::Silent => Some(reason::of_silence(target, DIAL_TIMEOUT)),
            };
        }
        Ok(Err(status)) => return Some(reason::of_status(target, &status, *frames)),
        Err(_) => return Some(reason::of_silence(target, DIAL_TIMEOUT)),
    };
    loop {
        match incoming.message().await {
            Ok(Some(mut frame)) => {
                beside.see(&frame);
                names.fill(&mut frame).await;
                sender.send(News::Frame(Box::new(frame))).await.ok()?;
                *frames += 1;
            }
            Ok(None) => return Some(reason::of_end(target)),
            Err(status) => return Some(reason::of_status(target, &status, *frames)),
        }
    }
}

async fn dial(target: &Target) -> Result<Channel, tonic::transport::Error> {
    let with_limits = |endpoint: Endpoint| {
        endpoint
            .connect_timeout(DIAL_TIMEOUT)
            .http2_keep_alive_interval(PROBE_INTERVAL)
            .keep_alive_timeout(PROBE_TIMEOUT)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
    };
    match target {
        Target::Tcp(authority) => {
            with_limits(Endpoint::from_shared(format!("http://{authority}"))?).connect().await
        }
        #[cfg(unix)]
        Target::Unix(path) => {
            let path = path.clone();
            // The address is never dialled; HTTP/2 wants a name for the other side.
            let endpoint = with_limits(Endpoint::from_static("http://localhost"));
            let connector = tower::service_fn(move |_| {
                let path = path.clone();
                async move { tokio::net::UnixStream::connect(path).await.map(TokioIo::new) }
            });
            endpoint.connect_with_connector(connector).await
        }
        #[cfg(target_os = "linux")]
        Target::Process(_) => unreachable!("a process is read, not dialled: see `keep`"),
    }
}

/// A number in 0..1 that differs from process to process and from call to call.
fn chance() -> f64 {
    random() as f64 / u64::MAX as f64
}
