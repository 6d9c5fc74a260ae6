//! Listeners that are full, sockets that are never closed, and numbers that are used again.

use std::collections::HashSet;

use taskscope_proto::v1::Descriptor;
use taskscope_tests::ss;

use crate::{Watched, descriptor, number, stream, text};

#[tokio::test]
async fn a_backlog_that_overflows_is_shown_with_what_it_refused() {
    let mut watched = Watched::start("backlog").await;
    let book = watched
        .until("the overflow", |fold, book| {
            // The book is older than the frame: all may have happened in between.
            let overflows = |listener: &Descriptor| {
                // Linux lets one more wait than the limit.
                (listener.backlog, listener.max_backlog) == (Some(3), Some(2)) && listener.drops > Some(0)
            };
            number(book, "accepted").is_some() && descriptor(fold, book).is_some_and(overflows)
        })
        .await;
    let fold = &watched.console.fold;
    let listener = fold.of_type("TcpListener").find(|listener| listener.local == text(&book, "local"));
    let listener = listener.expect("it is wrapped");
    assert_eq!((listener.reads, number(&book, "accepted")), (1, Some(1)), "one was accepted");
    assert_eq!(fold.waiting(listener).len(), 0, "and no task waits for the next");
    if let Some(line) = ss::socket(&[], text(&book, "local")) {
        assert_eq!((line.state.as_str(), line.recv_queue, line.send_queue), ("LISTEN", 3, 2));
    }
    println!(
        "drops after {:?} clients: {:?}",
        number(&book, "clients"),
        descriptor(fold, &book).and_then(|d| d.drops)
    );
}

#[tokio::test]
async fn sockets_that_are_never_closed_are_all_of_one_place() {
    let mut watched = Watched::start("leak").await;
    let book = watched
        .until("the leak", |fold, book| {
            let leaked: Vec<_> = fold.of_type("TcpStream").collect();
            // The peers have closed, and no task has read that.
            let left = leaked.iter().filter_map(|stream| fold.descriptor(stream.fd?));
            let left = left.filter(|descriptor| descriptor.state == "close-wait").count();
            leaked.len() as u64 >= number(book, "leaked").unwrap_or(u64::MAX) && left > 50
        })
        .await;
    let fold = &watched.console.fold;
    let places: HashSet<String> = fold.of_type("TcpStream").map(|stream| fold.place(stream.site)).collect();
    let line = number(&book, "line").expect("it is known");
    assert_eq!(places.len(), 1, "{places:?}");
    assert!(places.iter().all(|place| place.ends_with(&format!("io/sockets.rs:{line}"))), "{places:?}");
}

#[tokio::test]
async fn a_number_that_is_used_again_is_another_socket() {
    let mut watched = Watched::start("reuse").await;
    let (mut numbers, mut identities) = (HashSet::new(), HashSet::new());
    for round in 0..6 {
        let opened = watched.program.ask("next");
        let local = text(&opened, "local").to_owned();
        let wanted = number(&opened, "written");
        watched
            .console
            .wait_for("the socket of this round, as both have it", |fold| {
                let same = stream(fold, &local).is_some_and(|stream| {
                    Some(stream.out_bytes) == wanted && stream.fd.map(u64::from) == number(&opened, "fd")
                });
                // It has taken nothing of the one before: no byte, no address.
                same && fold.of_type("TcpStream").count() == 1
                    && descriptor(fold, &opened).is_some_and(|descriptor| descriptor.state != "close")
            })
            .await;
        let fold = &watched.console.fold;
        let descriptor = descriptor(fold, &opened).expect("it was there a moment ago");
        assert!(
            identities.insert(descriptor.identity),
            "round {round}: an identity came back: {descriptor:?}"
        );
        numbers.insert(descriptor.fd);
        assert_eq!(fold.sockets(&local).count(), 1, "one descriptor has the address");
    }
    assert!(numbers.len() < 6, "some number was used again: {numbers:?}");
}
