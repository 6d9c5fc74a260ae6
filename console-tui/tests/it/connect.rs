//! The connection: what it reports, and in which words, of servers that work, break, or are something else.

use std::time::Duration;

use taskscope_console::{
    shell::connect::{Connection, News},
    target::Reading,
};
use taskscope_model::ConnectionEvent;
use taskscope_proto::v1::WatchRequest;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::timeout,
};

use crate::{
    fixture::{Script, cast},
    server::{Fake, Then},
};

const PATIENCE: Duration = Duration::from_secs(30);

async fn next(connection: &mut Connection) -> News {
    timeout(PATIENCE, connection.news.recv())
        .await
        .expect("news in time")
        .expect("the task of the connection lives")
}

fn start(address: &str) -> Connection {
    Connection::start(address.parse().unwrap(), Reading::default())
}

/// The reason of the first loss.
async fn lost(connection: &mut Connection) -> String {
    loop {
        if let News::Connection(ConnectionEvent::Lost { reason, retry_in }) = next(connection).await {
            assert!(retry_in.is_some_and(|wait| wait <= Duration::from_millis(250)), "{retry_in:?}");
            return reason;
        }
    }
}

#[tokio::test]
async fn frames_and_requests_travel() {
    let frame = Script::new(cast()).snapshot();
    let mut server = Fake::tcp(vec![frame.clone()], Then::StayOpen).await;
    let mut connection = start(&server.address);
    assert!(matches!(
        next(&mut connection).await,
        News::Connection(ConnectionEvent::Connecting { attempt: 1 })
    ));
    assert!(matches!(next(&mut connection).await, News::Connection(ConnectionEvent::Connected)));
    let request = WatchRequest { protocol: 1, interval_ms: 250, ..WatchRequest::default() };
    connection.request(request.clone());
    let seen = timeout(PATIENCE, server.requests.recv()).await.unwrap();
    assert_eq!(seen, Some(request));
    let News::Frame(got) = next(&mut connection).await else { panic!("a frame comes next") };
    assert_eq!(*got, frame);
}

#[tokio::test]
async fn a_unix_socket_works_too() {
    let folder = std::env::temp_dir().join(format!("taskscope-it-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("a socket.sock");
    let _ = std::fs::remove_file(&path);
    let server = Fake::unix(&path, vec![Script::new(cast()).snapshot()]);
    let mut connection = start(&server.address);
    while !matches!(next(&mut connection).await, News::Frame(_)) {}
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn nothing_listens() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let reason = lost(&mut start(&free.to_string())).await;
    assert_eq!(reason, format!("nothing listens at {free}"));
    let reason = lost(&mut start("unix:/no/such/socket")).await;
    assert_eq!(reason, "there is no socket unix:/no/such/socket");
}

#[tokio::test]
async fn a_closed_stream_is_opened_again() {
    let server = Fake::tcp(vec![Script::new(cast()).snapshot()], Then::Close).await;
    let mut connection = start(&server.address);
    assert_eq!(lost(&mut connection).await, format!("the program at {} closed the stream", server.address));
    assert!(matches!(
        next(&mut connection).await,
        News::Connection(ConnectionEvent::Connecting { attempt: 2 })
    ));
    while !matches!(next(&mut connection).await, News::Frame(_)) {}
}

#[tokio::test]
async fn a_refusal_is_passed_on() {
    let server = Fake::tcp(Vec::new(), Then::Refuse).await;
    let reason = lost(&mut start(&server.address)).await;
    assert_eq!(
        reason,
        format!("the program at {} refuses: 16 consoles are connected already", server.address)
    );
}

#[tokio::test]
async fn a_web_server_is_not_taken_for_taskscope() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        }
    });
    let reason = lost(&mut start(&address)).await;
    assert!(reason.contains("does not speak gRPC"), "{reason}");
    server.abort();
}

#[tokio::test]
async fn a_server_without_taskscope_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
    let routes = tonic::service::Routes::default();
    let server = tokio::spawn(async move {
        tonic::transport::Server::builder().add_routes(routes).serve_with_incoming(incoming).await
    });
    let reason = lost(&mut start(&address)).await;
    assert!(reason.contains("no taskscope in it"), "{reason}");
    server.abort();
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let reason = lost(&mut start(&address)).await;
    assert!(reason.contains("did not answer within") || reason.contains("stopped answering"), "{reason}");
    drop(listener);
}
