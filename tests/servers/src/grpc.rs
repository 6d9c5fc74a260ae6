//! A tonic server that echoes, and clients that ask one by one, by streams down and by streams both ways.

use std::{net::SocketAddr, pin::Pin, sync::atomic::Ordering::Relaxed};

use futures::Stream;
use tokio::sync::mpsc;
use tokio_stream::{
    StreamExt as _,
    wrappers::{ReceiverStream, TcpListenerStream},
};
use tonic::{Request, Response, Status, Streaming};

use crate::{Answers, Outcome};

#[allow(clippy::all, clippy::pedantic, reason = "tonic makes it")]
mod made {
    include!(concat!(env!("OUT_DIR"), "/servers.Echo.rs"));
}

use made::{
    echo_client::EchoClient,
    echo_server::{Echo, EchoServer},
};

/// What is sent and echoed.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Message {
    #[prost(bytes = "vec", tag = "1")]
    body: Vec<u8>,
    #[prost(uint32, tag = "2")]
    number: u32,
}

const CONNECTIONS: usize = 8;
const CALLERS_A_CONNECTION: usize = 4;
/// Of a stream; those that go on have so many that they last.
const FEW: u32 = 50;
const MANY: u32 = 100_000;
const BODY_BYTES: usize = 64;
/// As in many services: a slow reader stops the writer soon.
const CHANNEL: usize = 4;

type Messages = Pin<Box<dyn Stream<Item = Result<Message, Status>> + Send>>;

struct Echoes;

#[tonic::async_trait]
impl Echo for Echoes {
    type DownStream = Messages;
    type BothStream = Messages;

    async fn unary(&self, request: Request<Message>) -> Result<Response<Message>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    async fn down(&self, request: Request<Message>) -> Result<Response<Messages>, Status> {
        let messages = request.into_inner().number;
        let (sender, receiver) = mpsc::channel(CHANNEL);
        tokio::spawn(async move {
            for number in 0..messages {
                let message = Message { body: vec![1; BODY_BYTES], number };
                if sender.send(Ok(message)).await.is_err() {
                    break;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn both(&self, request: Request<Streaming<Message>>) -> Result<Response<Messages>, Status> {
        let mut asked = request.into_inner();
        let (sender, receiver) = mpsc::channel(CHANNEL);
        tokio::spawn(async move {
            while let Some(Ok(message)) = asked.next().await {
                if sender.send(Ok(message)).await.is_err() {
                    break;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

pub(crate) async fn serve(listens: impl FnOnce(SocketAddr)) -> Outcome {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    listens(listener.local_addr()?);
    let incoming = TcpListenerStream::new(listener);
    Ok(tonic::transport::Server::builder()
        .add_service(EchoServer::new(Echoes))
        .serve_with_incoming(incoming)
        .await?)
}

pub(crate) fn load(server: SocketAddr, answers: &Answers) {
    for connection in 0..CONNECTIONS {
        let answers = answers.clone();
        tokio::spawn(async move {
            let endpoint =
                tonic::transport::Endpoint::from_shared(format!("http://{server}")).expect("an address");
            let channel = endpoint.connect().await.expect("the server listens");
            for caller in 0..CALLERS_A_CONNECTION {
                let (client, answers) = (EchoClient::new(channel.clone()), answers.clone());
                tokio::spawn(async move {
                    let mut client = client;
                    while ask(&mut client, (connection + caller) % 4, &answers).await.is_ok() {}
                });
            }
        });
    }
}

async fn ask(
    client: &mut EchoClient<tonic::transport::Channel>,
    how: usize,
    answers: &Answers,
) -> Result<(), Status> {
    let message = |number| Message { body: vec![2; BODY_BYTES], number };
    match how {
        0 => {
            client.unary(message(1)).await?;
            answers.fetch_add(1, Relaxed);
        }
        1 | 2 => {
            let mut stream = client.down(message(if how == 1 { FEW } else { MANY })).await?.into_inner();
            while let Some(message) = stream.next().await {
                message?;
                answers.fetch_add(1, Relaxed);
            }
        }
        _ => {
            let (sender, receiver) = mpsc::channel(CHANNEL);
            let mut stream = client.both(ReceiverStream::new(receiver)).await?.into_inner();
            for number in 0..FEW {
                if sender.send(message(number)).await.is_err() || stream.next().await.is_none() {
                    break;
                }
                answers.fetch_add(1, Relaxed);
            }
        }
    }
    Ok(())
}
