//! hickory's DNS server over UDP and TCP, and resolvers that ask it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    str::FromStr as _,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use hickory_proto::rr::{
    Name, RData, Record,
    rdata::{A, SOA},
};
use hickory_server::{
    ServerFuture,
    authority::{Catalog, ZoneType},
    store::in_memory::InMemoryAuthority,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
};

use crate::{Answers, Outcome};

const RESOLVERS: usize = 32;
/// One in so many asks over TCP.
const ONE_BY_TCP: usize = 4;
const QUERIES_A_CONNECTION: u16 = 100;
const HOSTS: u8 = 200;
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) async fn serve(listens: impl FnOnce(SocketAddr)) -> Outcome {
    let origin = Name::from_str("example.com.")?;
    let mut zone = InMemoryAuthority::empty(origin.clone(), ZoneType::Primary, false);
    let soa = SOA::new(origin.clone(), origin.clone(), 1, 60, 60, 60, 60);
    zone.upsert_mut(Record::from_rdata(origin.clone(), 300, RData::SOA(soa)), 0);
    for host in 0..HOSTS {
        let name = Name::from_str(&format!("h{host}.example.com."))?;
        zone.upsert_mut(Record::from_rdata(name, 300, RData::A(A(Ipv4Addr::new(10, 0, 0, host)))), 0);
    }
    let mut catalog = Catalog::new();
    catalog.upsert(origin.into(), vec![Arc::new(zone)]);
    let mut server = ServerFuture::new(catalog);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    server.register_socket(UdpSocket::bind(address).await?);
    server.register_listener(listener, Duration::from_secs(5));
    listens(address);
    Ok(server.block_until_done().await?)
}

pub(crate) fn load(server: SocketAddr, answers: &Answers) {
    for resolver in 0..RESOLVERS {
        let answers = answers.clone();
        tokio::spawn(async move {
            if resolver % ONE_BY_TCP == 0 {
                while over_tcp(server, &answers).await.is_ok() {}
            } else {
                over_udp(server, &answers).await.expect("loopback works");
            }
        });
    }
}

async fn over_tcp(server: SocketAddr, answers: &Answers) -> Outcome {
    let mut stream = TcpStream::connect(server).await?;
    for number in 0..QUERIES_A_CONNECTION {
        let query = query(number);
        let mut framed = u16::try_from(query.len())?.to_be_bytes().to_vec();
        framed.extend(query);
        stream.write_all(&framed).await?;
        let length = stream.read_u16().await?;
        stream.read_exact(&mut vec![0; length.into()]).await?;
        answers.fetch_add(1, Relaxed);
    }
    Ok(())
}

async fn over_udp(server: SocketAddr, answers: &Answers) -> Outcome {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(server).await?;
    let mut answer = [0; 512];
    for number in (0..=u16::MAX).cycle() {
        socket.send(&query(number)).await?;
        if let Ok(received) = tokio::time::timeout(PATIENCE, socket.recv(&mut answer)).await {
            received?;
            answers.fetch_add(1, Relaxed);
        }
    }
    Ok(())
}

/// RFC 1035, section 4.1: a header, and the question for the address of one host.
fn query(number: u16) -> Vec<u8> {
    let mut query = number.to_be_bytes().to_vec();
    query.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in [format!("h{}", number % u16::from(HOSTS)).as_str(), "example", "com"] {
        query.extend(u8::try_from(label.len()));
        query.extend(label.as_bytes());
    }
    query.extend([0, 0, 1, 0, 1]);
    query
}
