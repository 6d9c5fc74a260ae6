//! The healthy part: a line protocol over TCP, a payment task for each order, and some hundred clients that keep it busy.
//!
//! Limit: [`CLIENTS`] connections, each of which waits between two requests; nothing leaves the loopback interface.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use taskscope::net::{TcpListener, TcpStream};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    sync::{Mutex, Semaphore},
    time::{interval, sleep},
};

use super::service::Spawner;

/// Clients, and so connections.
const CLIENTS: u64 = 180;

/// Requests of a connection before its client comes back with a new one.
const REQUESTS_PER_CONNECTION: u64 = 40;

/// Payments that the bank takes at a time.
const PAYMENTS: usize = 16;

/// What the requests share.
struct Shop {
    stock: Mutex<u64>,
    bank: Semaphore,
}

pub(super) async fn start(spawner: &Spawner) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.get_ref().local_addr()?;
    let shop = Arc::new(Shop { stock: Mutex::new(0), bank: Semaphore::new(PAYMENTS) });
    let ours = spawner.clone();
    spawner.spawn("accept", accept(ours, listener, shop));
    spawner.spawn("flush-metrics", every(Duration::from_secs(1), 2));
    spawner.spawn("sweep-sessions", every(Duration::from_millis(250), 1));
    for client in 0..CLIENTS {
        spawner.spawn("client", shop_for_ever(address, client));
    }
    Ok(())
}

async fn accept(spawner: Spawner, listener: TcpListener, shop: Arc<Shop>) {
    // An error of `accept` is one of a single connection, or passes with the next one that closes.
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            spawner.spawn("conn", serve(spawner.clone(), stream, shop.clone()));
        }
    }
}

async fn serve(spawner: Spawner, stream: TcpStream, shop: Arc<Shop>) -> io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    while let Some(line) = lines.next_line().await? {
        let answer = match line.split_once(' ') {
            Some(("CART", item)) => cart(&shop, item).await,
            Some(("PAY", order)) => {
                let payment = spawner.spawn("charge-card", charge(shop.clone(), order.len() as u64));
                payment.await.unwrap_or_else(|_| "ERROR".to_owned())
            }
            _ => "WHAT?".to_owned(),
        };
        write.write_all(answer.as_bytes()).await?;
        write.write_all(b"\n").await?;
    }
    Ok(())
}

async fn cart(shop: &Shop, item: &str) -> String {
    let mut stock = shop.stock.lock().await;
    *stock = stock.wrapping_add(hash(item));
    format!("OK {}", *stock)
}

async fn charge(shop: Arc<Shop>, amount: u64) -> String {
    let Ok(_permit) = shop.bank.acquire().await else { return "CLOSED".to_owned() };
    sleep(Duration::from_millis(3 + amount % 9)).await;
    "PAID".to_owned()
}

/// A client: a cart, a payment, a pause, and after some requests a new connection.
async fn shop_for_ever(address: SocketAddr, client: u64) {
    let mut order = client;
    loop {
        // The service may be blocked for a while; that is what is on show.
        let _ = shop(address, &mut order).await;
        sleep(Duration::from_millis(200)).await;
    }
}

async fn shop(address: SocketAddr, order: &mut u64) -> io::Result<()> {
    let (read, mut write) = TcpStream::connect(address).await?.into_split();
    let mut answers = BufReader::new(read).lines();
    for _ in 0..REQUESTS_PER_CONNECTION {
        *order = order.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let request = if *order >> 62 == 0 { format!("PAY {order}\n") } else { format!("CART {order}\n") };
        write.write_all(request.as_bytes()).await?;
        answers.next_line().await?;
        sleep(Duration::from_millis(100 + (*order >> 56))).await;
    }
    Ok(())
}

/// Housekeeping: a little work at an interval.
async fn every(period: Duration, rounds: u64) {
    let mut ticks = interval(period);
    loop {
        ticks.tick().await;
        std::hint::black_box((0..rounds * 2_000).fold(0_u64, |sum, n| sum ^ hash(&n.to_string())));
    }
}

fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
