//! Each thing of tokio's that a task can wait for.

use std::{io, net::SocketAddr, sync::Arc, thread};

use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream, UdpSocket, UnixStream},
    sync::{Barrier, Mutex, Notify, RwLock, Semaphore, broadcast, mpsc, oneshot, watch},
    time::{interval, sleep},
};

use crate::{LONG, keep, silent};

pub async fn spawn() {
    spawn_locks();
    spawn_channels();
    spawn_sockets().await.expect("sockets on the own machine open");
    tokio::spawn(wait_for_task());
    tokio::spawn(wait_for_closure());
    tokio::spawn(tick());
}

fn spawn_locks() {
    let mutex = Arc::new(Mutex::new(0));
    keep(mutex.clone().try_lock_owned().expect("the lock is new"));
    tokio::spawn(lock_mutex(mutex));
    let rwlock = Arc::new(RwLock::new(0));
    keep(rwlock.clone().try_read_owned().expect("the lock is new"));
    tokio::spawn(lock_for_write(rwlock));
    tokio::spawn(acquire_permits(Arc::new(Semaphore::new(1))));
    tokio::spawn(wait_for_notify(silent()));
    tokio::spawn(wait_at_barrier(Arc::new(Barrier::new(2))));
}

fn spawn_channels() {
    let (sender, receiver) = mpsc::channel(4);
    keep(sender);
    tokio::spawn(receive(receiver));
    let (sender, receiver) = mpsc::unbounded_channel();
    keep(sender);
    tokio::spawn(receive_unbounded(receiver));
    let (sender, receiver) = mpsc::channel(1);
    keep(receiver);
    tokio::spawn(send_to_full(sender));
    let (sender, receiver) = oneshot::channel();
    keep(sender);
    tokio::spawn(receive_once(receiver));
    let (sender, receiver) = broadcast::channel(3);
    keep(sender);
    tokio::spawn(receive_broadcast(receiver));
    let (sender, receiver) = watch::channel(0);
    keep(sender);
    tokio::spawn(watch_for_change(receiver));
}

async fn spawn_sockets() -> io::Result<()> {
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let address = listener.local_addr()?;
    let (first, second) = (TcpStream::connect(address).await?, TcpStream::connect(address).await?);
    keep((listener.accept().await?, listener.accept().await?));
    tokio::spawn(read_tcp(first));
    tokio::spawn(read_tcp_exact(second));
    tokio::spawn(accept_tcp(listener));
    tokio::spawn(receive_udp(UdpSocket::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?));
    let (near, far) = UnixStream::pair()?;
    keep(far);
    tokio::spawn(read_unix(near));
    Ok(())
}

async fn lock_mutex(lock: Arc<Mutex<u32>>) {
    *lock.lock().await += 1;
}

async fn lock_for_write(lock: Arc<RwLock<u32>>) {
    *lock.write().await += 1;
}

async fn acquire_permits(semaphore: Arc<Semaphore>) {
    let _permits = semaphore.acquire_many(2).await;
}

async fn wait_for_notify(notify: Arc<Notify>) {
    notify.notified().await;
}

async fn wait_at_barrier(barrier: Arc<Barrier>) {
    barrier.wait().await;
}

async fn receive(mut receiver: mpsc::Receiver<String>) {
    while let Some(text) = receiver.recv().await {
        println!("{text}");
    }
}

async fn receive_unbounded(mut receiver: mpsc::UnboundedReceiver<u8>) {
    while receiver.recv().await.is_some() {}
}

/// The channel holds one message: it is parked with its second.
async fn send_to_full(sender: mpsc::Sender<u32>) {
    for number in 0..10 {
        if sender.send(number).await.is_err() {
            return;
        }
    }
}

async fn receive_once(receiver: oneshot::Receiver<u64>) {
    let _ = receiver.await;
}

async fn receive_broadcast(mut receiver: broadcast::Receiver<u8>) {
    let _ = receiver.recv().await;
}

async fn watch_for_change(mut receiver: watch::Receiver<u8>) {
    let _ = receiver.changed().await;
}

async fn read_tcp(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0u8; 64];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

async fn read_tcp_exact(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0u8; 64];
    stream.read_exact(&mut buffer).await?;
    Ok(())
}

async fn accept_tcp(listener: TcpListener) {
    let _ = listener.accept().await;
}

async fn receive_udp(socket: UdpSocket) {
    let mut buffer = [0u8; 64];
    let _ = socket.recv_from(&mut buffer).await;
}

async fn read_unix(mut stream: UnixStream) {
    let mut buffer = [0u8; 64];
    let _ = stream.read(&mut buffer).await;
}

async fn wait_for_task() {
    let _ = tokio::spawn(awaited_task()).await;
}

async fn awaited_task() -> u32 {
    sleep(LONG).await;
    5
}

async fn wait_for_closure() {
    let _ = tokio::task::spawn_blocking(|| thread::sleep(LONG)).await;
}

/// The first tick is at once, the second one never.
async fn tick() {
    let mut interval = interval(LONG);
    interval.tick().await;
    interval.tick().await; // the second
}
