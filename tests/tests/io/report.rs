//! The console's own diagnosis of sockets, signals and children: which finding, against whom, and the rows of the report.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use taskscope_model::{
    LintKind,
    report::{Io, Lint, Report},
};
use taskscope_tests::{DEADLINE, program::Program, screen::Screen};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{number, peers::Link, text};

/// What can be said of sockets.
const ABOUT_IO: [LintKind; 6] = [
    LintKind::SlowConsumer,
    LintKind::DeadPeer,
    LintKind::BacklogOverflow,
    LintKind::DescriptorLeak,
    LintKind::RetransmitStorm,
    LintKind::ReadyNotPolled,
];

/// A program and the real console.
struct Shown {
    program: Program,
    screen: Screen,
}

impl Shown {
    fn start(scenario: &str) -> Self {
        Self::over(Program::start_init(env!("CARGO_BIN_EXE_program"), &[scenario]))
    }

    fn over(program: Program) -> Self {
        let screen = Screen::open(program.address());
        Self { program, screen }
    }

    /// Goes on until the report and the program's own book agree.
    async fn until(&mut self, what: &str, agree: impl Fn(&Report, &Value) -> bool) -> (Report, Value) {
        let start = Instant::now();
        loop {
            let book = self.program.ask("book");
            self.screen.watch_for(Duration::from_millis(100)).await;
            let report = self.screen.report();
            if agree(&report, &book) {
                println!("{what}: after {:.1} s", start.elapsed().as_secs_f64());
                return (report, book);
            }
            assert!(
                start.elapsed() < DEADLINE,
                "never: {what}; {book}; {:#?}; {:#?}",
                report.io,
                report.lints
            );
        }
    }

    /// Goes on until this is found of the book's socket, against this task alone; nothing else is said of any socket.
    async fn until_found(&mut self, lint: LintKind, task: Option<&str>) -> (Report, Value, Lint) {
        let found = |report: &Report| {
            finding(report, lint).filter(|found| blamed(report, found) == Vec::from_iter(task))
        };
        let (report, book) = self.until(lint.name(), |report, _| found(report).is_some()).await;
        let found = found(&report).expect("it was there a moment ago");
        println!("  {}", found.message);
        let others: Vec<_> = report
            .lints
            .iter()
            .filter(|other| ABOUT_IO.contains(&other.lint) && other.lint != lint)
            .collect();
        assert!(others.is_empty(), "{others:?}");
        (report, book, found)
    }
}

fn finding(report: &Report, lint: LintKind) -> Option<Lint> {
    report.lints.iter().find(|found| found.lint == lint).cloned()
}

/// Names of the tasks that a finding blames.
fn blamed(report: &Report, lint: &Lint) -> Vec<String> {
    let name = |id: &String| report.tasks.iter().find(|task| task.id == *id)?.name.clone();
    lint.tasks.iter().filter_map(name).collect()
}

/// The row of the socket with this local address, by wrapper and descriptor together. What a listener has accepted has its address, too.
fn row<'a>(report: &'a Report, local: &str) -> Option<&'a Io> {
    let rows = report.io.iter().filter(|io| io.local.as_deref() == Some(local) && io.accepted != Some(true));
    let rows: Vec<&Io> = rows.collect();
    assert!(rows.len() <= 1, "a socket has one row: {rows:#?}");
    rows.first().copied()
}

/// The row of its other end, if that is of the same process.
fn peer_of<'a>(report: &'a Report, io: &Io) -> Option<&'a Io> {
    let peer = io.peer.as_deref()?;
    report
        .io
        .iter()
        .find(|io| io.local.as_deref() == Some(peer) && io.state.as_deref() == Some("established"))
}

/// The task that waits on it, and in what.
fn waits<'a>(report: &'a Report, io: &'a Io) -> Vec<(&'a str, &'a str)> {
    let name = |id: &String| report.tasks.iter().find(|task| task.id == *id)?.name.as_deref();
    io.waiting
        .iter()
        .filter_map(|wait| Some((wait.task.as_ref().and_then(name)?, wait.op.as_deref()?)))
        .collect()
}

#[tokio::test]
async fn a_slow_consumer_is_found_by_who_waits_for_it() {
    let mut shown = Shown::start("slow-consumer");
    shown.until_found(LintKind::SlowConsumer, Some("feed")).await;
    // Only the wrapper has it so far; the kernel's part comes with the next reading.
    let (report, book) = shown
        .until("its queue", |report, book| {
            row(report, text(book, "local"))
                .is_some_and(|io| io.send_queue_bytes > Some(0) && peer_of(report, io).is_some())
        })
        .await;
    let io = row(&report, text(&book, "local")).expect("it has a row");
    assert_eq!((io.kind.as_str(), io.state.as_deref()), ("tcp", Some("established")));
    assert_eq!((io.out_bytes, io.in_bytes), (number(&book, "written"), Some(0)));
    assert_eq!(io.fd.map(u64::from), number(&book, "fd"));
    assert!(io.unsent_bytes > Some(0), "{io:?}");
    assert_eq!(waits(&report, io), [("feed", "write")]);
    // The other end, of the standard library, has a row by its descriptor alone.
    let peer = peer_of(&report, io).expect("it was there a moment ago");
    assert!(peer.resource.is_none() && peer.recv_queue_bytes > Some(0), "{peer:?}");
}

#[tokio::test]
async fn a_slow_consumer_of_a_bare_socket_is_found_as_well() {
    let mut shown = Shown::start("slow-consumer-plain");
    let (report, book, found) = shown.until_found(LintKind::SlowConsumer, None).await;
    let io = row(&report, text(&book, "local")).expect("it has a row");
    assert_eq!((io.resource.as_deref(), io.waiting.len()), (None, 0));
    assert!(found.message.contains(io.peer.as_deref().expect("it is connected")), "{}", found.message);
}

#[tokio::test]
async fn a_reset_is_shown_with_its_error() {
    let mut shown = Shown::start("reset");
    shown
        .until("the reset", |report, book| {
            row(report, text(book, "local")).is_some_and(|io| {
                (io.errors, io.last_error.as_deref()) == (Some(1), book["error"].as_str())
                    && io.out_bytes == number(book, "written")
            })
        })
        .await;
}

#[tokio::test]
async fn a_read_that_is_not_polled_is_found() {
    let mut shown = Shown::start("forgotten");
    let (report, book, _) = shown.until_found(LintKind::ReadyNotPolled, Some("forgetful")).await;
    let io = row(&report, text(&book, "local")).expect("it has a row");
    assert_eq!((io.recv_queue_bytes, io.in_bytes), (number(&book, "sent_by_peer"), Some(0)));
}

#[tokio::test]
async fn a_listener_without_an_accept_is_found() {
    let mut shown = Shown::start("backlog");
    let (_, _, found) = shown.until_found(LintKind::BacklogOverflow, None).await;
    // Its clients ask again and again by then, and it is their own process that does not answer.
    let asks = |io: &Io| io.state.as_deref() == Some("syn-sent") && io.total_retransmits >= Some(3);
    let (report, _) = shown
        .until("the listener", |report, book| {
            let listener = row(report, text(book, "local")).is_some_and(|io| {
                let backlog = (io.backlog, io.max_backlog) == (Some(3), Some(2));
                io.kind == "tcp-listener" && io.reads == Some(1) && backlog && io.drops > Some(0)
            });
            listener && report.io.iter().any(asks)
        })
        .await;
    assert!(finding(&report, LintKind::DeadPeer).is_none(), "{:?}", report.lints);
    assert!(found.message.contains("no task waits in accept"), "{}", found.message);
}

#[tokio::test]
async fn sockets_that_are_never_closed_are_found_by_their_place() {
    let mut shown = Shown::start("leak");
    let (_, book, found) = shown.until_found(LintKind::DescriptorLeak, None).await;
    let line = number(&book, "line").expect("it is known");
    assert!(found.message.contains(&format!("io/sockets.rs:{line}")), "{}", found.message);
}

#[tokio::test]
async fn a_peer_that_never_answers_is_found_by_who_asks() {
    let mut shown = Shown::start("dead-peer");
    shown.program.ask("own");
    let (report, book, _) = shown.until_found(LintKind::DeadPeer, Some("asks")).await;
    let io = row(&report, text(&book, "local")).expect("it has a row");
    assert_eq!(waits(&report, io), [("asks", "read")]);
}

#[tokio::test]
async fn a_peer_behind_a_cut_link_is_found_by_what_is_sent_again() {
    let Some(link) = Link::make() else { return };
    let (mut peer, program) = link.ends();
    let port = number(&peer.ask("port"), "port").expect("it listens");
    let mut shown = Shown::over(program);
    shown.program.ask(&Link::far_address(port));
    shown
        .until("both are heard", |report, book| {
            book["asked"] == true
                && row(report, text(book, "talks_local")).is_some_and(|io| io.send_queue_bytes == Some(0))
        })
        .await;
    link.cut();
    shown
        .until("the dead peer", |report, book| {
            let local = text(book, "talks_local");
            let dead = report.lints.iter().filter(|found| found.lint == LintKind::DeadPeer);
            let mut messages = dead.map(|found| &found.message);
            row(report, local).is_some_and(|io| io.total_retransmits >= Some(3) && io.unacked > Some(0))
                && messages.any(|message| message.contains("sent the same segment"))
        })
        .await;
}

#[tokio::test]
async fn signals_children_and_their_waiters_are_in_the_report() {
    let mut shown = Shown::start("signals");
    shown.until("it listens", |_, book| book["listens"] == true).await;
    for sent in 1..=3 {
        shown.program.signal(Signal::USR1);
        shown
            .until("the signal", |report, book| {
                let shown = report.signals.iter().find(|signal| signal.name == "SIGUSR1");
                number(book, "received") == Some(sent)
                    && shown.is_some_and(|shown| {
                        (shown.received, shown.number, shown.waiting.len()) == (sent, Some(10), 1)
                    })
            })
            .await;
    }
    let mut shown = Shown::start("children");
    shown
        .until("the children", |report, book| {
            ["well", "badly", "killed"].iter().all(|key| {
                let Some(pid) = number(book, &format!("{key} pid")) else { return false };
                let of_it = |program: &Option<String>| {
                    program.as_ref().is_some_and(|program| program.contains(&format!("(pid {pid})")))
                };
                let child = report.children.iter().find(|child| of_it(&child.program));
                book[key].is_string()
                    && child.is_some_and(|child| child.state.as_deref() == book[key].as_str())
            })
        })
        .await;
}

#[tokio::test]
async fn a_server_with_many_quiet_clients_is_not_accused() {
    const CLIENTS: u64 = 100;
    let mut shown = Shown::start("axum-io");
    let port = number(&shown.program.ask("port"), "port").expect("a number") as u16;
    let (mut open, mut sent, mut received) = (Vec::new(), 0, 0);
    for _ in 0..CLIENTS {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("it listens");
        let request = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
        stream.write_all(request).await.expect("it reads");
        sent += request.len() as u64;
        let mut answer = Vec::new();
        while !answer.ends_with(b"hello") {
            received += stream.read_buf(&mut answer).await.expect("it answers") as u64;
        }
        open.push(stream);
    }
    // Longer than any lint about sockets has patience with silence.
    let end = Instant::now() + Duration::from_secs(14);
    while Instant::now() < end {
        shown.screen.watch_for(Duration::from_millis(500)).await;
        for found in shown.screen.report().lints {
            assert!(!ABOUT_IO.contains(&found.lint), "{found:?}");
        }
    }
    let (report, book) = shown
        .until("every byte", |report, _| {
            let streams: Vec<&Io> =
                report.io.iter().filter(|io| io.concrete_type.as_deref() == Some("TcpStream")).collect();
            let sum = |bytes: fn(&Io) -> Option<u64>| streams.iter().filter_map(|io| bytes(io)).sum::<u64>();
            streams.len() as u64 == CLIENTS
                && (sum(|io| io.in_bytes), sum(|io| io.out_bytes)) == (sent, received)
        })
        .await;
    assert_eq!((number(&book, "in_bytes"), number(&book, "out_bytes")), (Some(sent), Some(received)));
    let whole = report.descriptors.expect("they were read");
    assert!(whole.open > Some(CLIENTS) && whole.more == 0 && whole.problem.is_none(), "{whole:?}");
}
