//! A console as bare as it can be: the stream, and a [`Fold`] of what came.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use hyper_util::rt::TokioIo;
use taskscope_console::{
    shell::Names,
    target::{Patience, Target},
};
use taskscope_proto::{
    limits,
    v1::{self, taskscope_client::TaskscopeClient},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming, codec::CompressionEncoding, transport::Channel};

use crate::{DEADLINE, fold::Fold};

/// A request as most tests want it: as many frames as there can be.
pub fn wish() -> v1::WatchRequest {
    v1::WatchRequest {
        protocol: limits::PROTOCOL_VERSION,
        interval_ms: limits::MIN_INTERVAL.as_millis() as u32,
        ..v1::WatchRequest::default()
    }
}

/// A connection that sends nothing yet.
///
/// # Errors
/// The address has no listener.
///
/// # Panics
/// The address is none.
pub async fn dial(address: &str) -> Result<TaskscopeClient<Channel>, tonic::transport::Error> {
    let channel = match address.strip_prefix("unix:") {
        Some(path) => {
            let path = PathBuf::from(path);
            let connect = move |_| {
                let path = path.clone();
                async move { tokio::net::UnixStream::connect(path).await.map(TokioIo::new) }
            };
            let endpoint = Channel::from_static("http://taskscope");
            endpoint.connect_with_connector(tower::service_fn(connect)).await?
        }
        None => Channel::from_shared(address.to_owned()).expect("an address").connect().await?,
    };
    Ok(TaskscopeClient::new(channel).max_decoding_message_size(limits::MAX_DECODE_BYTES))
}

/// An open stream and what came on it.
#[derive(Debug)]
pub struct Console {
    wishes: Option<mpsc::Sender<v1::WatchRequest>>,
    frames: Streaming<v1::Frame>,
    encoding: Option<String>,
    /// The program sends stacks as addresses; the console names them.
    names: Names,
    /// The request as it was sent last.
    pub wish: v1::WatchRequest,
    /// All that the frames said.
    pub fold: Fold,
}

impl Console {
    /// Opens a stream with [`wish`].
    ///
    /// # Panics
    /// No server answers.
    pub async fn open(address: &str) -> Self {
        Self::open_with(address, wish()).await.expect("the server answers")
    }

    /// Opens a stream.
    ///
    /// # Errors
    /// The server refuses.
    ///
    /// # Panics
    /// The address has no listener.
    pub async fn open_with(address: &str, wish: v1::WatchRequest) -> Result<Self, Status> {
        let client = dial(address).await.expect("the server listens");
        Self::on(client, wish).await
    }

    /// Opens a stream that may be compressed.
    ///
    /// # Panics
    /// No server answers.
    pub async fn open_compressed(address: &str) -> Self {
        let client = dial(address).await.expect("the server listens");
        let client = client.accept_compressed(CompressionEncoding::Gzip);
        Self::on(client, wish()).await.expect("the server answers")
    }

    async fn on(mut client: TaskscopeClient<Channel>, wish: v1::WatchRequest) -> Result<Self, Status> {
        let (wishes, requests) = mpsc::channel(16);
        wishes.send(wish.clone()).await.expect("the receiver lives");
        let response = client.watch(ReceiverStream::new(requests)).await?;
        let encoding =
            response.metadata().get("grpc-encoding").and_then(|value| value.to_str().ok()).map(Into::into);
        let frames = response.into_inner();
        let names = Names::new(&Target::default(), Patience::OfAReport);
        Ok(Self { wishes: Some(wishes), frames, encoding, names, wish, fold: Fold::default() })
    }

    /// How the frames are compressed; `None`: they are not.
    pub fn encoding(&self) -> Option<&str> {
        self.encoding.as_deref()
    }

    /// Changes the request and sends it.
    ///
    /// # Panics
    /// The stream has ended.
    pub async fn ask(&mut self, change: impl FnOnce(&mut v1::WatchRequest)) {
        change(&mut self.wish);
        let wishes = self.wishes.as_ref().expect("the requests are not over");
        wishes.send(self.wish.clone()).await.expect("the stream is open");
    }

    /// Ends the side of the requests; the frames go on.
    pub fn end_requests(&mut self) {
        self.wishes = None;
    }

    /// The next frame, folded.
    ///
    /// # Errors
    /// The stream ended.
    ///
    /// # Panics
    /// No frame comes, or one breaks the rules of the wire.
    pub async fn next(&mut self) -> Result<v1::Frame, Status> {
        let next = tokio::time::timeout(DEADLINE, self.frames.message()).await;
        let frame = next.expect("a frame before the deadline")?;
        let mut frame = frame.ok_or_else(|| Status::ok("the stream is over"))?;
        self.names.fill(&mut frame).await;
        if let Err(broken) = self.fold.apply(&frame) {
            panic!("frame {}: {broken}", frame.sequence);
        }
        Ok(frame)
    }

    /// A frame, if one comes within `time`.
    ///
    /// # Panics
    /// The stream ended.
    pub async fn next_within(&mut self, time: Duration) -> Option<v1::Frame> {
        tokio::time::timeout(time, self.next()).await.ok().map(|frame| frame.expect("the stream is open"))
    }

    /// Reads frames until the state is as wanted; returns how long that took.
    ///
    /// # Panics
    /// It does not become so before the deadline.
    pub async fn wait_for(&mut self, what: &str, mut wanted: impl FnMut(&Fold) -> bool) -> Duration {
        let start = Instant::now();
        loop {
            self.next().await.unwrap_or_else(|status| panic!("waiting for {what}: {status}"));
            if wanted(&self.fold) {
                return start.elapsed();
            }
            assert!(start.elapsed() < DEADLINE, "waited in vain for {what}; {}", self.fold.summary());
        }
    }
}
