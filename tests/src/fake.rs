//! A server that says what a test wants it to say, down to the bytes of a message.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Buf as _, BufMut as _};
use taskscope_proto::{Message as _, v1};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use tokio_stream::{
    StreamExt as _,
    wrappers::{ReceiverStream, TcpListenerStream},
};
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::{Service, http},
    server::{Grpc, NamedService, StreamingService},
};

/// A running server; it stops when it is dropped.
#[derive(Debug)]
pub struct Fake {
    address: String,
    task: JoinHandle<()>,
}

impl Fake {
    /// Starts one. Every stream gets these frames, in order, as they are; then it stays open and silent.
    pub async fn start(frames: &[v1::Frame]) -> Self {
        Self::start_raw(frames.iter().map(v1::Frame::encode_to_vec).collect()).await
    }

    /// The same, of messages that need not be frames.
    ///
    /// # Panics
    /// No port is free.
    pub async fn start_raw(messages: Vec<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("it is bound"));
        let serve = tonic::transport::Server::builder()
            .add_service(Watch(Arc::new(messages)))
            .serve_with_incoming(TcpListenerStream::new(listener));
        let task = tokio::spawn(async move { serve.await.expect("the listener works") });
        Self { address, task }
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

type Later<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

#[derive(Clone)]
struct Watch(Arc<Vec<Vec<u8>>>);

impl NamedService for Watch {
    const NAME: &'static str = "taskscope.v1.Taskscope";
}

impl Service<http::Request<Body>> for Watch {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Later<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let watch = self.clone();
        Box::pin(async move { Ok(Grpc::new(Raw).streaming(watch, request).await) })
    }
}

impl StreamingService<Vec<u8>> for Watch {
    type Response = Vec<u8>;
    type ResponseStream = ReceiverStream<Result<Vec<u8>, Status>>;
    type Future = Later<Response<Self::ResponseStream>, Status>;

    fn call(&mut self, request: Request<Streaming<Vec<u8>>>) -> Self::Future {
        let messages = Arc::clone(&self.0);
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut requests = request.into_inner();
            for message in messages.iter() {
                if sender.send(Ok(message.clone())).await.is_err() {
                    return;
                }
            }
            // Until the console goes.
            while let Some(Ok(_)) = requests.next().await {}
            sender.closed().await;
        });
        Box::pin(async move { Ok(Response::new(ReceiverStream::new(receiver))) })
    }
}

/// Messages as they are.
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let message = from.copy_to_bytes(from.remaining());
        Ok(Some(message.to_vec()))
    }
}
