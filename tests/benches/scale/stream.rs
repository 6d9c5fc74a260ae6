//! The stream as it comes: frames, and how many bytes they were.

use std::time::Duration;

use taskscope_proto::{Message as _, limits, v1};
use taskscope_tests::console::dial;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::Outcome;

/// What gRPC puts before each message. HTTP/2 adds 9 bytes for each 16 KiB, which are not counted.
const GRPC_BYTES: usize = 5;

pub(crate) struct Stream {
    frames: Streaming<v1::Frame>,
    /// The stream ends with it.
    _wishes: mpsc::Sender<v1::WatchRequest>,
    pub(crate) bytes: usize,
    pub(crate) count: usize,
}

impl Stream {
    /// At the pace that the console asks for.
    pub(crate) async fn open(address: &str) -> Outcome<Self> {
        let (wishes, requests) = mpsc::channel(1);
        let wish = v1::WatchRequest { protocol: limits::PROTOCOL_VERSION, ..v1::WatchRequest::default() };
        wishes.send(wish).await?;
        let frames = dial(address).await?.watch(ReceiverStream::new(requests)).await?.into_inner();
        Ok(Self { frames, _wishes: wishes, bytes: 0, count: 0 })
    }

    pub(crate) async fn next(&mut self) -> Outcome<v1::Frame> {
        let frame = self.frames.message().await?.ok_or("the stream is over")?;
        self.bytes += frame.encoded_len() + GRPC_BYTES;
        self.count += 1;
        Ok(frame)
    }

    /// Up to the end of the first snapshot.
    pub(crate) async fn complete(&mut self) -> Outcome<()> {
        while !self.next().await?.snapshot_end {}
        Ok(())
    }

    /// What comes in a while, and the last frame of it.
    pub(crate) async fn read_for(&mut self, time: Duration) -> Outcome<v1::Frame> {
        let end = tokio::time::Instant::now() + time;
        let mut last = self.next().await?;
        while let Ok(frame) = tokio::time::timeout_at(end, self.next()).await {
            last = frame?;
        }
        Ok(last)
    }
}
