//! Streams whose other end reads no more, resets, or is not read.

use taskscope_proto::v1;
use taskscope_tests::{fold::Fold, ss};

use crate::{Watched, descriptor, number, stream, text, waiting};

/// Of poll(2), on every Linux.
const POLLIN: u32 = 1;

/// What was written is in the send queue or acknowledged; what came at the other end is in its queue or was read. (In both queues at once
/// may be what has come and is not acknowledged yet, and with a closed window that can take a while.)
fn all_lies_in_the_queues(fold: &Fold, book: &serde_json::Value) -> bool {
    let peer = number(book, "peer_fd").and_then(|fd| fold.descriptor(u32::try_from(fd).ok()?));
    let (Some(own), Some(peer)) = (descriptor(fold, book), peer) else { return false };
    let tcp = |of: &v1::Descriptor| of.tcp.unwrap_or_default();
    let sum = |queue: Option<u64>, gone: Option<u64>| Some(queue? + gone?);
    // The peer has acknowledged the SYN as well, as if it were a byte.
    let written = number(book, "written").map(|written| written + 1);
    own.send_queue_bytes > Some(0)
        && written.is_some()
        && sum(own.send_queue_bytes, tcp(own).acked_bytes) == written
        && sum(peer.recv_queue_bytes, number(book, "read_by_peer")) == tcp(peer).received_bytes
}

/// The kernel's own figures of the socket, as we and `ss` report them.
fn as_ss_says(local: &str, descriptor: &v1::Descriptor) -> bool {
    let Some(line) = ss::socket(&[], local) else { return !ss::exists() };
    let tcp = descriptor.tcp.expect("it is TCP");
    let same = |ours: Option<u64>, name: &str| {
        ours.map(|ours| ours as f64) == Some(line.number(name).unwrap_or(0.0))
    };
    descriptor.send_queue_bytes == Some(line.send_queue)
        && descriptor.recv_queue_bytes == Some(line.recv_queue)
        && same(tcp.acked_bytes, "bytes_acked")
        && same(tcp.received_bytes, "bytes_received")
        && same(Some(tcp.unacked), "unacked")
        && same(Some(tcp.congestion_window.into()), "cwnd")
        && same(Some(tcp.total_retransmits), "retrans")
        && same(tcp.unsent_bytes, "notsent")
        && line.first("rtt").is_some_and(|ms| (ms * 1e6 - tcp.rtt_ns as f64).abs() < 1000.0)
}

#[tokio::test]
async fn a_peer_that_reads_no_more_is_shown_to_the_byte() {
    let mut watched = Watched::start("slow-consumer").await;
    let book = watched
        .until("the writer waits", |fold, book| {
            let Some(stream) = stream(fold, text(book, "local")) else { return false };
            Some(stream.out_bytes) == number(book, "written")
                && waiting(fold, stream) == [("feed", "write")]
                && all_lies_in_the_queues(fold, book)
        })
        .await;
    let local = text(&book, "local").to_owned();
    watched
        .until("it is as `ss` says", |fold, book| {
            descriptor(fold, book).is_some_and(|descriptor| as_ss_says(&local, descriptor))
        })
        .await;
    let fold = &watched.console.fold;
    let (stream, descriptor) =
        (stream(fold, &local).expect("it lives"), descriptor(fold, &book).expect("it lives"));
    assert_eq!((stream.fd, stream.in_bytes), (Some(descriptor.fd), 0));
    assert_eq!((descriptor.state.as_str(), &descriptor.peer), ("established", &stream.peer));
    println!("{} bytes written, {:?} in the send queue", stream.out_bytes, descriptor.send_queue_bytes);
}

#[tokio::test]
async fn a_socket_without_a_wrapper_has_the_kernels_figures() {
    let mut watched = Watched::start("slow-consumer-plain").await;
    let book = watched.until("the queues are full", all_lies_in_the_queues).await;
    let fold = &watched.console.fold;
    assert_eq!(stream(fold, text(&book, "local")), None, "it has no wrapper");
    assert!(descriptor(fold, &book).is_some_and(|descriptor| descriptor.watched), "tokio watches it");
}

#[tokio::test]
async fn a_reset_is_an_error_of_the_stream() {
    let mut watched = Watched::start("reset").await;
    watched
        .until("the reset", |fold, book| {
            let Some(stream) = stream(fold, text(book, "local")) else { return false };
            Some(stream.out_bytes) == number(book, "written")
                && stream.errors == 1
                && !stream.last_error.is_empty()
                && stream.last_error == text(book, "error")
        })
        .await;
}

#[tokio::test]
async fn bytes_that_no_task_reads_are_shown() {
    let mut watched = Watched::start("unread").await;
    watched
        .until("the bytes", |fold, book| {
            let Some(stream) = stream(fold, text(book, "local")) else { return false };
            descriptor(fold, book).is_some_and(|descriptor| {
                descriptor.recv_queue_bytes == number(book, "sent_by_peer")
                    && descriptor.watched
                    && descriptor.ready & POLLIN > 0
            }) && stream.in_bytes == 0
                && waiting(fold, stream).is_empty()
        })
        .await;
}
