//! Real sockets on loopback, and what Linux says of them.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::net::{UnixListener, UnixStream},
    },
    time::Duration,
};

use rustix::event::epoll;
use socket2::{Domain, Socket, Type};
use taskscope_proto::v1::{Descriptor, DescriptorKind, Descriptors};

use super::Reader;

/// What takes a moment in the kernel is waited for.
fn until(reader: &mut Reader, of: &impl AsRawFd, wanted: impl Fn(&Descriptor) -> bool) -> Descriptor {
    for _ in 0..2_000 {
        let found = find(&reader.read(), of);
        if let Some(found) = found.filter(|found| wanted(found)) {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("never: {:?}", find(&reader.read(), of));
}

fn find(answer: &Descriptors, of: &impl AsRawFd) -> Option<Descriptor> {
    assert_eq!(answer.problem, "");
    answer.descriptors.iter().find(|descriptor| descriptor.fd == of.as_raw_fd() as u32).cloned()
}

#[test]
fn a_connection_is_listed_with_both_ends_and_its_bytes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, peer) = listener.accept().unwrap();
    client.write_all(&[7; 1000]).unwrap();
    let mut reader = Reader::default();
    let listed = until(&mut reader, &server, |listed| listed.recv_queue_bytes == Some(1000));
    assert_eq!(listed.kind(), DescriptorKind::Tcp);
    assert_eq!(listed.state, "established");
    assert_eq!(listed.local, listener.local_addr().unwrap().to_string());
    assert_eq!(listed.peer, peer.to_string());
    let tcp = listed.tcp.unwrap();
    assert_eq!(tcp.received_bytes, Some(1000));
    assert!(tcp.rtt_ns > 0 && tcp.congestion_window > 0, "{tcp:?}");
    assert!(listed.ready & u32::from(rustix::event::PollFlags::IN.bits().cast_unsigned()) != 0);

    let mut bytes = [0; 1000];
    server.read_exact(&mut bytes).unwrap();
    until(&mut reader, &server, |listed| listed.recv_queue_bytes == Some(0));
    let sender = until(&mut reader, &client, |listed| {
        listed.tcp.as_ref().is_some_and(|tcp| tcp.acked_bytes >= Some(1000))
    });
    assert_eq!(sender.peer, listener.local_addr().unwrap().to_string());
    drop(client);
    until(&mut reader, &server, |listed| listed.state == "close-wait");
}

#[test]
fn a_peer_that_does_not_read_fills_the_send_queue() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (_server, _) = listener.accept().unwrap();
    client.set_nonblocking(true).unwrap();
    let mut written = 0;
    while let Ok(bytes) = (&client).write(&[0; 16_000]) {
        written += bytes as u64;
    }
    let mut reader = Reader::default();
    let listed = until(&mut reader, &client, |listed| listed.send_queue_bytes > Some(0));
    assert!(listed.send_queue_bytes <= Some(written), "{listed:?}");
    assert_eq!(listed.ready & u32::from(rustix::event::PollFlags::OUT.bits().cast_unsigned()), 0);
}

#[test]
fn a_listener_shows_its_backlog() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let _clients: Vec<TcpStream> =
        (0..3).map(|_| TcpStream::connect(listener.local_addr().unwrap()).unwrap()).collect();
    let mut reader = Reader::default();
    let listed = until(&mut reader, &listener, |listed| listed.backlog == Some(3));
    assert_eq!((listed.kind(), listed.state.as_str()), (DescriptorKind::TcpListener, "listen"));
    assert!(listed.max_backlog > Some(3) && listed.tcp.is_none() && listed.send_queue_bytes.is_none());
}

#[test]
fn a_connection_without_an_answer_is_listed_with_its_peer() {
    for (domain, any) in [(Domain::IPV4, "127.0.0.1:0"), (Domain::IPV6, "[::1]:0")] {
        let any: SocketAddr = any.parse().unwrap();
        let listener = Socket::new(domain, Type::STREAM, None).unwrap();
        if listener.bind(&any.into()).is_err() {
            assert!(any.is_ipv6(), "a machine without IPv6");
            continue;
        }
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        // One has a place in the backlog; the kernel does not answer the next.
        let _waits = TcpStream::connect(address.as_socket().unwrap()).unwrap();
        let client = Socket::new(domain, Type::STREAM, None).unwrap();
        client.set_nonblocking(true).unwrap();
        let _under_way = client.connect(&address);
        let other_number = client.try_clone().unwrap();
        let mut reader = Reader::default();
        let listed = until(&mut reader, &client, |listed| listed.state == "syn-sent");
        let peer = address.as_socket().unwrap().to_string();
        assert_eq!((listed.kind(), listed.peer), (DescriptorKind::Tcp, peer.clone()));
        assert_eq!(find(&reader.read(), &other_number).unwrap().peer, peer);
    }
}

#[test]
fn datagrams_unix_sockets_and_pipes_are_listed() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (near, far) = UnixStream::pair().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("listener.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (pipe, mut pipe_in) = std::io::pipe().unwrap();
    pipe_in.write_all(b"four").unwrap();
    (&far).write_all(b"three").unwrap();
    let mut reader = Reader::default();
    let answer = reader.read();
    let listed = find(&answer, &socket).unwrap();
    assert_eq!((listed.kind(), listed.drops), (DescriptorKind::Udp, Some(0)));
    let listed = find(&answer, &near).unwrap();
    assert_eq!((listed.kind(), listed.recv_queue_bytes), (DescriptorKind::Unix, Some(5)));
    assert_eq!(listed.peer_pid, std::process::id());
    let listed = find(&answer, &listener).unwrap();
    assert_eq!(
        (listed.kind(), listed.local.as_str()),
        (DescriptorKind::UnixListener, path.to_str().unwrap())
    );
    let listed = find(&answer, &pipe).unwrap();
    assert_eq!((listed.kind(), listed.recv_queue_bytes), (DescriptorKind::Pipe, Some(4)));
    assert!(answer.open >= 6 && answer.limit > answer.open && answer.reading_ns > 0);
}

#[test]
fn an_epolls_targets_are_known_with_what_it_wants() {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let (near, far) = UnixStream::pair().unwrap();
    let wanted = epoll::EventFlags::IN | epoll::EventFlags::ET;
    epoll::add(&epoll, near.as_fd(), epoll::EventData::new_u64(1), wanted).unwrap();
    let answer = Reader::default().read();
    let listed = find(&answer, &near).unwrap();
    assert!(listed.watched && listed.interest & wanted.bits() == wanted.bits(), "{listed:?}");
    assert!(!find(&answer, &far).unwrap().watched);
    assert_eq!(find(&answer, &epoll).unwrap().kind(), DescriptorKind::Epoll);
}

#[test]
fn a_number_that_is_used_again_is_another_descriptor() {
    let mut reader = Reader::default();
    let (first, _far) = UnixStream::pair().unwrap();
    let (second, _second_far) = UnixStream::pair().unwrap();
    let mut number = OwnedFd::from(first);
    let before = find(&reader.read(), &number).unwrap();
    assert_eq!(find(&reader.read(), &number).unwrap().identity, before.identity);
    rustix::io::dup2(&second, &mut number).unwrap();
    let after = find(&reader.read(), &number).unwrap();
    assert_eq!(after.fd, before.fd);
    assert_ne!((after.identity, after.inode), (before.identity, before.inode));
}

#[test]
fn what_belongs_to_the_servers_listener_is_left_out_and_all_else_is_listed() {
    let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
    let epoll = || epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let watch = |epoll: &OwnedFd, fd: &dyn AsFd| {
        epoll::add(epoll, fd.as_fd(), epoll::EventData::new_u64(1), flags).unwrap();
    };
    let eventfd = || rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).unwrap();
    // The server's: its epoll under two numbers, as tokio has it, an eventfd, a connection that its listener accepted.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    let (ours, woken) = (epoll(), eventfd());
    let copy = ours.try_clone().unwrap();
    watch(&ours, &listener);
    watch(&ours, &woken);
    watch(&ours, &accepted);
    // The program's, with a socket at the same address among it: its end of the connection.
    let (theirs, their_eventfd, their_listener) =
        (epoll(), eventfd(), TcpListener::bind("127.0.0.1:0").unwrap());
    watch(&theirs, &their_eventfd);
    watch(&theirs, &their_listener);
    watch(&theirs, &client);

    let all = Reader::default().read();
    let known = super::Listener::of(&listener);
    let listed = Reader::new(known.map(super::Listener::on_own_runtime)).read();
    let own: [&dyn AsRawFd; 5] = [&listener, &ours, &copy, &woken, &accepted];
    for own in own.map(AsRawFd::as_raw_fd) {
        assert!(find(&all, &own).is_some() && find(&listed, &own).is_none(), "{own}");
    }
    let program: [&dyn AsRawFd; 4] = [&theirs, &their_eventfd, &their_listener, &client];
    for of in program.map(AsRawFd::as_raw_fd) {
        assert_eq!(find(&listed, &of).map(|it| it.watched), find(&all, &of).map(|it| it.watched), "{of}");
        assert!(find(&listed, &of).is_some());
    }
    assert_eq!(listed.open, listed.descriptors.len() as u64);
    assert!(!find(&Reader::default().read(), &theirs).unwrap().watched);

    // On a runtime of the program's the epoll is the program's, and only what is at the listener's address is not.
    let listed = Reader::new(known).read();
    let listed = |of: &dyn AsRawFd| find(&listed, &of.as_raw_fd()).is_some();
    assert_eq!([listed(&listener), listed(&accepted)], [false, false]);
    assert_eq!([listed(&ours), listed(&copy), listed(&woken), listed(&client)], [true; 4]);

    // Its number is used again by another socket: that is the program's.
    let gone = known.map(super::Listener::on_own_runtime);
    let mut number = OwnedFd::from(listener);
    rustix::io::dup2(&their_listener, &mut number).unwrap();
    assert!(find(&Reader::new(gone).read(), &number).is_some());
}

#[test]
fn a_file_of_proc_is_listed_when_it_stays_open() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let file = std::fs::File::open("/proc/self/stat").unwrap();
    let mut reader = Reader::new(super::Listener::of(&listener));
    assert_eq!(find(&reader.read(), &file), None);
    assert!(find(&reader.read(), &file).is_some());
}
