//! A server on a real socket that sends the frames of a test.

use std::{path::Path, pin::Pin, sync::Mutex};

use futures_util::{Stream, StreamExt as _, stream};
use taskscope_proto::v1::{
    Frame, WatchRequest,
    taskscope_server::{Taskscope, TaskscopeServer},
};
use tokio::{
    net::{TcpListener, UnixListener},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_stream::wrappers::{TcpListenerStream, UnixListenerStream};
use tonic::{Request, Response, Status, Streaming, transport::Server};

/// What the server does after its frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    StayOpen,
    Close,
    Refuse,
}

/// A running server; it stops, with its connections, when it is dropped.
#[derive(Debug)]
pub(crate) struct Fake {
    pub(crate) address: String,
    pub(crate) requests: mpsc::UnboundedReceiver<WatchRequest>,
    task: JoinHandle<()>,
}

impl Fake {
    pub(crate) async fn tcp(frames: Vec<Frame>, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (service, requests) = service(frames, then);
        let serve =
            Server::builder().add_service(service).serve_with_incoming(TcpListenerStream::new(listener));
        Self { address, requests, task: tokio::spawn(async move { serve.await.unwrap() }) }
    }

    pub(crate) fn unix(path: &Path, frames: Vec<Frame>) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let (service, requests) = service(frames, Then::StayOpen);
        let serve =
            Server::builder().add_service(service).serve_with_incoming(UnixListenerStream::new(listener));
        let address = format!("unix:{}", path.display());
        Self { address, requests, task: tokio::spawn(async move { serve.await.unwrap() }) }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Service {
    frames: Vec<Frame>,
    then: Then,
    seen: Mutex<mpsc::UnboundedSender<WatchRequest>>,
}

fn service(
    frames: Vec<Frame>,
    then: Then,
) -> (TaskscopeServer<Service>, mpsc::UnboundedReceiver<WatchRequest>) {
    let (seen, requests) = mpsc::unbounded_channel();
    (TaskscopeServer::new(Service { frames, then, seen: Mutex::new(seen) }), requests)
}

#[tonic::async_trait]
impl Taskscope for Service {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<Frame, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<Streaming<WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        if self.then == Then::Refuse {
            return Err(Status::resource_exhausted("16 consoles are connected already"));
        }
        let mut requests = request.into_inner();
        let seen = self.seen.lock().unwrap().clone();
        tokio::spawn(async move {
            while let Ok(Some(request)) = requests.message().await {
                // The test may have seen enough.
                let _ = seen.send(request);
            }
        });
        let frames = stream::iter(self.frames.clone()).map(Ok);
        let then = self.then;
        let rest = stream::pending::<Result<Frame, Status>>().take(usize::from(then != Then::Close));
        Ok(Response::new(Box::pin(frames.chain(rest))))
    }
}
