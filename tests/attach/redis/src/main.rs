//! The server of mini-redis, from the registry, with two clients that wait for messages: `redis` prints `ready PID`.

use std::{error::Error, future};

use mini_redis::{client, server};
use tokio::net::TcpListener;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(server::run(listener, future::pending::<()>()));
    for channel in ["news", "weather"] {
        let client = client::connect(address).await?;
        // It returns when the server has taken it in.
        let subscriber = client.subscribe(vec![channel.to_owned()]).await?;
        tokio::spawn(listen(subscriber));
    }
    println!("ready {}", std::process::id());
    future::pending().await
}

async fn listen(mut subscriber: client::Subscriber) {
    while let Ok(Some(message)) = subscriber.next_message().await {
        drop(message);
    }
}
