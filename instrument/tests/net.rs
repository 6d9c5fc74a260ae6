//! Sockets and streams on record: what the console gets against what this program counted.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]
#![cfg(feature = "net")]

use std::{collections::HashMap, io::IoSlice, sync::OnceLock, time::Duration};

use taskscope::{
    io::Instrumented,
    net::{TcpListener, TcpStream, UdpSocket, UnixStream},
};
use taskscope_proto::{
    rows::{Checked, Columns},
    v1::{self, taskscope_client::TaskscopeClient},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};

/// Serves the default recorder once for all tests of this file.
fn address() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap().keep();
        let path = folder.join("net-test.sock");
        taskscope::builder().bind(format!("unix:{}", path.display())).try_init().unwrap();
        path.display().to_string()
    })
}

/// What a console knows of a stream.
#[derive(Debug, Clone, Default, PartialEq)]
struct Known {
    concrete_type: String,
    name: String,
    local: String,
    peer: String,
    bytes: (u64, u64),
    operations: (u64, u64),
    waits_ns: (u64, u64),
    errors: u64,
    last_error: String,
    fd: u32,
    uncounted: (u64, u64),
}

struct Console {
    _requests: tokio::sync::mpsc::Sender<v1::WatchRequest>,
    frames: tonic::Streaming<v1::Frame>,
    streams: HashMap<u32, Known>,
    /// Method and resource of the operations under way.
    ops: HashMap<u32, (String, u32)>,
}

fn rows<C: Columns>(columns: Option<C>) -> Checked<C> {
    Checked::new(columns.unwrap_or_default()).unwrap()
}

fn text<C: Columns>(rows: &Checked<C>, number: u32) -> String {
    rows.text(number).unwrap_or_default().to_owned()
}

impl Console {
    async fn open() -> Self {
        let path = address();
        let connect = move |_| async move {
            tokio::net::UnixStream::connect(path).await.map(hyper_util::rt::TokioIo::new)
        };
        let endpoint = tonic::transport::Endpoint::from_static("http://taskscope");
        let channel = endpoint.connect_with_connector(tower::service_fn(connect)).await.unwrap();
        let (requests, receiver) = tokio::sync::mpsc::channel(8);
        let wish = v1::WatchRequest { protocol: 1, interval_ms: 50, ..v1::WatchRequest::default() };
        requests.send(wish).await.unwrap();
        let frames =
            TaskscopeClient::new(channel).watch(ReceiverStream::new(receiver)).await.unwrap().into_inner();
        Self { _requests: requests, frames, streams: HashMap::new(), ops: HashMap::new() }
    }

    fn fold(&mut self, frame: v1::Frame) {
        let new = rows(frame.resources);
        for (slot, row) in new.rows() {
            let (concrete_type, name) = (text(&new, row.concrete_type), text(&new, row.name));
            self.streams.insert(slot, Known { concrete_type, name, ..Known::default() });
        }
        let io = rows(frame.io);
        for (slot, row) in io.rows() {
            let known = self.streams.get_mut(&slot).unwrap();
            known.local = text(&io, row.local);
            known.peer = text(&io, row.peer);
            known.last_error = text(&io, row.last_error);
            known.bytes = (row.in_bytes, row.out_bytes);
            known.operations = (row.reads, row.writes);
            known.waits_ns = (row.read_wait_ns, row.write_wait_ns);
            known.errors = row.errors;
            known.uncounted = (row.uncounted_reads, row.uncounted_writes);
            known.fd = row.fd.unwrap_or(0);
        }
        for slot in frame.freed_ops {
            self.ops.remove(&slot);
        }
        let ops = rows(frame.ops);
        for (slot, row) in ops.rows() {
            let resource = row.resource.map_or(0, |resource| resource.slot);
            self.ops.insert(slot, (text(&ops, row.source), resource));
        }
    }

    async fn until(&mut self, what: &str, wanted: impl Fn(&Self) -> bool) -> &Self {
        let wait = async {
            while !wanted(self) {
                let frame = self.frames.next().await.expect("the stream goes on").unwrap();
                self.fold(frame);
            }
        };
        let outcome = tokio::time::timeout(Duration::from_secs(30), wait).await;
        assert!(outcome.is_ok(), "never: {what}; {:?} {:?}", self.streams, self.ops);
        self
    }

    fn by_local(&self, concrete_type: &str, local: &str) -> Option<&Known> {
        self.streams.values().find(|known| known.concrete_type == concrete_type && known.local == local)
    }

    fn waits_in(&self, method: &str, local: &str) -> bool {
        self.ops.values().any(|(source, resource)| {
            source == method && self.streams.get(resource).is_some_and(|known| known.local == local)
        })
    }
}

#[tokio::test]
async fn bytes_operations_and_waits_of_a_connection_are_sent() {
    let mut console = Console::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap();
    let waiting = tokio::spawn(async move { listener.accept().await.unwrap().0 });
    console.until("a task accepts", |c| c.waits_in("TcpListener::accept", &here.to_string())).await;
    let mut client = TcpStream::connect(here).await.unwrap();
    let mut server = waiting.await.unwrap();
    let (client_address, fd) =
        (client.local_addr().unwrap().to_string(), std::os::fd::AsRawFd::as_raw_fd(&client));

    let reading = tokio::spawn(async move {
        let mut bytes = vec![0; 5_000];
        server.read_exact(&mut bytes).await.unwrap();
        server
    });
    console.until("the server reads", |c| c.ops.values().any(|(method, _)| method == "read")).await;
    client.write_all(&[1; 4_000]).await.unwrap();
    let parts = [IoSlice::new(&[2; 600]), IoSlice::new(&[3; 400])];
    assert_eq!(client.write_vectored(&parts).await.unwrap(), 1_000);
    let _server = reading.await.unwrap();

    let row = console
        .until("all bytes", |c| c.by_local("TcpStream", &client_address).is_some_and(|k| k.bytes.1 == 5_000))
        .await;
    let near = row.by_local("TcpStream", &client_address).unwrap().clone();
    assert_eq!(
        (near.peer.as_str(), near.bytes, near.operations.1),
        (here.to_string().as_str(), (0, 5_000), 2)
    );
    assert_eq!((i32::try_from(near.fd), near.errors), (Ok(fd), 0));
    let far = |c: &Console| {
        c.streams.values().any(|k| k.peer == client_address && k.bytes == (5_000, 0) && k.waits_ns.0 > 0)
    };
    console.until("the other end", far).await;
    console.until("the wait is over", |c| !c.waits_in("read", &here.to_string())).await;
}

#[tokio::test]
async fn a_peer_that_does_not_read_is_a_write_that_waits() {
    let mut console = Console::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let address = client.local_addr().unwrap().to_string();
    let (mut server, _) = listener.accept().await.unwrap();
    let writing = tokio::spawn(async move {
        while client.write_all(&[0; 16_000]).await.is_ok() {}
        client
    });
    console.until("the writer waits", |c| c.waits_in("write", &address)).await;
    // A reset is an error with its words.
    socket2::SockRef::from(&server).set_linger(Some(Duration::ZERO)).unwrap();
    let mut some = [0; 1_000];
    server.read_exact(&mut some).await.unwrap();
    drop(server);
    let _client = writing.await.unwrap();
    let failed = |c: &Console| c.by_local("TcpStream", &address).is_some_and(|k| k.errors > 0);
    let row = console.until("the error", failed).await.by_local("TcpStream", &address).unwrap();
    assert!(row.last_error.contains("reset"), "{row:?}");
    assert!(row.waits_ns.1 > 0, "{row:?}");
}

#[tokio::test]
async fn a_dropped_future_waits_no_more() {
    let mut console = Console::open().await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let here = socket.local_addr().unwrap();
    let mut buffer = [0; 100];
    {
        let receiving = socket.recv_from(&mut buffer);
        tokio::pin!(receiving);
        let waits = console.until("it waits", |c| c.waits_in("UdpSocket::recv_from", &here.to_string()));
        tokio::select! {
            received = &mut receiving => panic!("received {received:?}, which was not sent"),
            _ = waits => {}
        }
    }
    console.until("it waits no more", |c| !c.waits_in("UdpSocket::recv_from", &here.to_string())).await;
    let other = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    other.send_to(&[7; 40], here).await.unwrap();
    assert_eq!(socket.recv_from(&mut buffer).await.unwrap().0, 40);
    let counted =
        |c: &Console| c.by_local("UdpSocket", &here.to_string()).is_some_and(|k| k.bytes == (40, 0));
    console.until("the datagram", counted).await;
}

#[tokio::test]
async fn datagrams_are_counted_however_they_are_received_or_are_said_not_to_be() {
    let mut console = Console::open().await;
    let (socket, other) =
        (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let here = socket.local_addr().unwrap();
    let address = here.to_string();
    let mut buffer = Vec::with_capacity(100);
    for way in 0..4 {
        other.send_to(&[7; 10], here).await.unwrap();
        socket.readable().await.unwrap();
        buffer.clear();
        let received = match way {
            0 => socket.recv_buf(&mut buffer).await.unwrap(),
            1 => socket.recv_buf_from(&mut buffer).await.unwrap().0,
            2 => socket.try_recv_buf(&mut buffer).unwrap(),
            _ => socket.try_recv_buf_from(&mut buffer).unwrap().0,
        };
        assert_eq!((received, buffer.len()), (10, 10));
    }
    let counted = |c: &Console| {
        c.by_local("UdpSocket", &address).is_some_and(|k| (k.bytes, k.operations) == ((40, 0), (4, 0)))
    };
    let row = console.until("forty bytes", counted).await.by_local("UdpSocket", &address).unwrap();
    assert_eq!(row.uncounted, (0, 0));

    // A system call of the program's own, as recvmmsg: only the caller learns how many bytes.
    let raw = |socket: &UdpSocket| {
        let mut bytes = [std::mem::MaybeUninit::uninit(); 100];
        socket2::SockRef::from(socket.get_ref()).recv(&mut bytes)
    };
    other.send_to(&[7; 30], here).await.unwrap();
    let received = socket.async_io(Interest::READABLE, || raw(&socket)).await.unwrap();
    assert_eq!(received, 30);
    assert!(socket.try_io(Interest::READABLE, || raw(&socket)).is_err(), "there is nothing more");
    let uncounted = |c: &Console| c.by_local("UdpSocket", &address).is_some_and(|k| k.uncounted == (1, 0));
    let row = console.until("what was not counted", uncounted).await.by_local("UdpSocket", &address).unwrap();
    assert_eq!((row.bytes, row.operations, row.errors), ((40, 0), (5, 0), 0));
}

#[tokio::test]
async fn halves_and_anything_else_count_on_one_resource() {
    let mut console = Console::open().await;
    let (near, mut far) = UnixStream::pair().unwrap();
    let (mut read, mut write) = near.into_split();
    write.write_all(b"question").await.unwrap();
    far.write_all(b"answer").await.unwrap();
    let mut answer = [0; 6];
    read.read_exact(&mut answer).await.unwrap();
    let near = read.reunite(write).unwrap();
    let both = |c: &Console| c.streams.values().any(|k| k.concrete_type == "UnixStream" && k.bytes == (6, 8));
    console.until("both halves", both).await;
    drop(near);

    let (one, mut other) = tokio::io::duplex(8);
    let mut one = Instrumented::with_name("pipe-to-worker", one);
    one.write_all(b"12345678").await.unwrap();
    let writing = tokio::spawn(async move { one.write_all(b"more").await.map(|()| one) });
    let named =
        |c: &Console| c.streams.iter().find(|(_, k)| k.name == "pipe-to-worker").map(|(slot, _)| *slot);
    let waits =
        |c: &Console| named(c).is_some_and(|slot| c.ops.values().any(|(m, r)| m == "write" && *r == slot));
    console.until("the full pipe", waits).await;
    let mut all = [0; 12];
    other.read_exact(&mut all).await.unwrap();
    let _one = writing.await.unwrap().unwrap();
    console.until("all of it", |c| named(c).is_some_and(|slot| c.streams[&slot].bytes == (0, 12))).await;
}
