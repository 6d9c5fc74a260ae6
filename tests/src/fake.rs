//! A server that says what a test wants it to say.

use std::pin::Pin;

use taskscope_proto::v1::{
    self,
    taskscope_server::{Taskscope, TaskscopeServer},
};
use tokio::{net::TcpListener, sync::mpsc, task::JoinHandle};
use tokio_stream::{
    Stream, StreamExt as _,
    wrappers::{ReceiverStream, TcpListenerStream},
};
use tonic::{Request, Response, Status, Streaming};

/// A running server; it stops when it is dropped.
#[derive(Debug)]
pub struct Fake {
    address: String,
    task: JoinHandle<()>,
}

impl Fake {
    /// Starts one. Every stream gets these frames, in order, as they are; then it stays open and silent.
    ///
    /// # Panics
    /// No port is free.
    pub async fn start(frames: Vec<v1::Frame>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("it is bound"));
        let service = TaskscopeServer::new(Service(frames));
        let serve = tonic::transport::Server::builder()
            .add_service(service)
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

struct Service(Vec<v1::Frame>);

#[tonic::async_trait]
impl Taskscope for Service {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<v1::Frame, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<Streaming<v1::WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let frames = self.0.clone();
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut requests = request.into_inner();
            for frame in frames {
                if sender.send(Ok(frame)).await.is_err() {
                    return;
                }
            }
            // Until the console goes.
            while let Some(Ok(_)) = requests.next().await {}
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}
