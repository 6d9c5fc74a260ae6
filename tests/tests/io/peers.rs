//! Peers that say nothing, and one that is gone: the far side of a link that was cut.

use std::{
    process::Command,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

use taskscope_tests::{program::Program, ss};

use crate::{Watched, descriptor, number, stream, text, waiting};

#[tokio::test]
async fn a_peer_that_never_answers_is_waited_for() {
    let mut watched = Watched::start("dead-peer").await;
    watched.program.ask("own");
    let book = watched
        .until("it waits", |fold, book| {
            let Some(stream) = stream(fold, text(book, "local")) else { return false };
            stream.out_bytes == 15 && waiting(fold, stream) == [("asks", "read")]
        })
        .await;
    assert_eq!(book.get("answered"), None, "{book}");
}

/// Two network namespaces with a link between them; they go with this.
pub(crate) struct Link {
    near: String,
    far: String,
}

const NEAR: &str = "10.99.7.1";
const FAR: &str = "10.99.7.2";

impl Link {
    /// `None`: this may not be done here, which is said.
    pub(crate) fn make() -> Option<Self> {
        // Tests of one process make several.
        static MADE: AtomicU32 = AtomicU32::new(0);
        let id = format!("{}-{}", std::process::id(), MADE.fetch_add(1, Relaxed));
        let link = Self { near: format!("tsn{id}"), far: format!("tsf{id}") };
        // The ends are called as their namespaces are.
        let (near, far) = (&link.near, &link.far);
        let steps = [
            format!("netns add {near}"),
            format!("netns add {far}"),
            format!("link add {near} netns {near} type veth peer name {far} netns {far}"),
            format!("-n {near} addr add {NEAR}/24 dev {near}"),
            format!("-n {far} addr add {FAR}/24 dev {far}"),
            format!("-n {near} link set {near} up"),
            format!("-n {far} link set {far} up"),
        ];
        for step in &steps {
            if let Err(error) = ip(step) {
                println!("no network of our own can be made (ip {step}: {error}): not checked");
                return None;
            }
        }
        Some(link)
    }

    /// Nothing comes through any more, in either direction.
    pub(crate) fn cut(&self) {
        ip(&format!("-n {0} link set {0} down", self.far)).expect("it is ours");
    }

    /// A peer that accepts and says nothing at the far end, and the program that talks to it at the near one.
    pub(crate) fn ends(&self) -> (Program, Program) {
        let start = |namespace: &str, scenario: &str| {
            let command = ["ip", "netns", "exec", namespace];
            Program::start_init_through(&command, env!("CARGO_BIN_EXE_program"), &[scenario])
        };
        (start(&self.far, "silent-peer"), start(&self.near, "dead-peer"))
    }

    /// Where the peer listens.
    pub(crate) fn far_address(port: u64) -> String {
        format!("{FAR}:{port}")
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for namespace in [&self.near, &self.far] {
            // One that was not made can't be taken away.
            let _gone = ip(&format!("netns del {namespace}"));
        }
    }
}

fn ip(words: &str) -> Result<(), String> {
    let output = Command::new("ip").args(words.split(' ')).output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}

#[tokio::test]
async fn a_peer_that_is_gone_shows_by_what_is_sent_again() {
    let Some(link) = Link::make() else { return };
    let (mut peer, program) = link.ends();
    let port = number(&peer.ask("port"), "port").expect("it listens");
    let mut watched = Watched::over(program).await;
    watched.program.ask(&Link::far_address(port));
    watched
        .until("both are connected and were heard", |fold, book| {
            let talks = stream(fold, text(book, "talks_local"));
            number(book, "talks_written") > Some(11)
                && book["asked"] == true
                && talks
                    .is_some_and(|talks| fold.sockets(&talks.local).any(|it| it.send_queue_bytes == Some(0)))
        })
        .await;
    link.cut();
    let mut again = 0;
    let book = watched
        .until("it is sent again", |fold, book| {
            let local = text(book, "talks_local");
            let (Some(talks), Some(socket)) = (stream(fold, local), fold.sockets(local).next()) else {
                return false;
            };
            let tcp = socket.tcp.unwrap_or_default();
            let same = || {
                ss::socket(&["ip", "netns", "exec", &link.near], local).is_none_or(|line| {
                    line.number("retrans") == Some(tcp.total_retransmits as f64)
                        && line.number("unacked") == Some(tcp.unacked as f64)
                })
            };
            Some(talks.out_bytes) == number(book, "talks_written")
                && socket.state == "established"
                && socket.send_queue_bytes > Some(0)
                && tcp.unacked > 0
                && tcp.total_retransmits >= 2
                // Last, as it starts a process.
                && same()
        })
        .await;
    for socket in watched.console.fold.sockets(text(&book, "talks_local")) {
        again = socket.tcp.unwrap_or_default().total_retransmits;
    }
    println!("sent again {again} times, as ss says");
    // Who only waits sees nothing of it: no byte is under way.
    let fold = &watched.console.fold;
    let asks = stream(fold, text(&book, "local")).expect("it waits");
    assert_eq!(waiting(fold, asks), [("asks", "read")]);
    assert!(descriptor(fold, &book).is_some_and(|it| it.tcp.unwrap_or_default().unacked == 0));
    assert_eq!(number(&peer.ask("accepted"), "accepted"), Some(2));
}
