//! An axum server behind a shared counter, and clients on connections that stay.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use axum::{Router, extract::State, routing::get};
use http_body_util::{BodyExt as _, Empty};
use hyper::{Request, body::Bytes};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, sync::Mutex};

use crate::{Answers, Outcome};

const CONNECTIONS: usize = 16;

pub(crate) async fn serve(listens: impl FnOnce(SocketAddr)) -> Outcome {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    listens(listener.local_addr()?);
    let visits = Arc::new(Mutex::new(0_u64));
    let visit = async |State(visits): State<Arc<Mutex<u64>>>| {
        let mut visits = visits.lock().await;
        *visits += 1;
        visits.to_string()
    };
    Ok(axum::serve(listener, Router::new().route("/", get(visit)).with_state(visits)).await?)
}

pub(crate) fn load(server: SocketAddr, answers: &Answers) {
    for _ in 0..CONNECTIONS {
        let answers = answers.clone();
        tokio::spawn(async move { ask(server, &answers).await.expect("the server answers") });
    }
}

async fn ask(server: SocketAddr, answers: &Answers) -> Outcome {
    let stream = TokioIo::new(TcpStream::connect(server).await?);
    let (mut client, connection) = hyper::client::conn::http1::handshake(stream).await?;
    tokio::spawn(connection);
    loop {
        let request = Request::get("/").header("host", "localhost").body(Empty::<Bytes>::new())?;
        client.send_request(request).await?.into_body().collect().await?;
        answers.fetch_add(1, Relaxed);
    }
}
