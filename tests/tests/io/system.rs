//! Signals, children and timers.

use std::fs;

use rustix::process::Signal;
use taskscope_proto::v1::{self, DescriptorKind};
use taskscope_tests::{
    console::Console,
    fold::{Fold, io::Resource},
    program::Program,
};

use crate::{Watched, number, text, waiting};

fn listener<'a>(fold: &'a Fold, signal: &str) -> Option<&'a Resource> {
    fold.of_type("Signal").find(|listener| listener.local == signal)
}

#[tokio::test]
async fn every_signal_is_counted_and_who_waits_is_known() {
    let mut watched = Watched::start("signals").await;
    watched
        .until("both listen", |fold, book| {
            let waits = |signal, task| {
                listener(fold, signal).is_some_and(|it| waiting(fold, it) == [(task, "Signal::recv")])
            };
            book["listens"] == true && waits("SIGUSR1", "reloader") && waits("SIGUSR2", "dumper")
        })
        .await;
    // One at a time: a signal that is still pending swallows the next.
    for sent in 1..=5 {
        watched.program.signal(Signal::USR1);
        watched
            .until("the signal", |fold, book| {
                number(book, "received") == Some(sent)
                    && listener(fold, "SIGUSR1").is_some_and(|it| it.reads == sent)
            })
            .await;
    }
    assert_eq!(listener(&watched.console.fold, "SIGUSR2").map(|it| it.reads), Some(0));
}

#[tokio::test]
async fn children_are_listed_with_how_they_ended() {
    let mut watched = Watched::start("children").await;
    let child = |fold: &Fold, book: &serde_json::Value, key: &str| {
        let pid = number(book, &format!("{key} pid"))?;
        let mut children = fold.of_type("Child");
        children.find(|child| child.local.contains(&format!("(pid {pid})"))).map(|child| child.peer.clone())
    };
    let book = watched
        .until("all ends", |fold, book| {
            let ended = ["well", "badly", "killed"];
            let listed =
                ended.iter().all(|key| child(fold, book, key).is_some_and(|peer| peer == text(book, key)));
            listed
                && child(fold, book, "echo").as_deref() == Some("running")
                && number(book, "echoed").is_some()
        })
        .await;
    assert_eq!(text(&book, "well"), "exit status: 0");
    assert_eq!(text(&book, "badly"), "exit status: 7");
    assert!(text(&book, "killed").starts_with("signal: 15"), "{book}");
    let echoed = number(&book, "echoed").expect("it was there a moment ago");
    watched
        .until("the bytes of the pipes", |fold, _| {
            let pipe = |name: &str| fold.of_type("ChildPipe").find(|pipe| pipe.name == name);
            let (Some(input), Some(output)) = (pipe("stdin"), pipe("stdout")) else { return false };
            (input.out_bytes, output.in_bytes) == (echoed, echoed)
                && waiting(fold, output) == [("parent", "read")]
        })
        .await;
}

#[tokio::test]
async fn timers_are_listed_with_who_waits_for_them() {
    let mut watched = Watched::start("timers").await;
    watched
        .until("all three", |fold, book| {
            let waits = |kind, task, method| {
                fold.of_type(kind).any(|timer| waiting(fold, timer).contains(&(task, method)))
            };
            waits("Interval", "ticker", "Interval::tick")
                && waits("Sleep", "sleeper", "sleep")
                && waits("Timeout", "patient", "timeout")
                && number(book, "ticks") > Some(3)
        })
        .await;
}

/// What each descriptor of a process is, without the number that no other has.
fn kinds_in_proc(program: &Program) -> Vec<String> {
    let folder = format!("/proc/{}/fd", program.pid());
    let links = fs::read_dir(folder).expect("the program runs").filter_map(|entry| {
        let link = fs::read_link(entry.ok()?.path()).ok()?.to_string_lossy().into_owned();
        Some(link.split(":[").next().unwrap_or_default().to_owned())
    });
    let mut kinds: Vec<String> = links.collect();
    kinds.sort();
    kinds
}

fn kinds_listed(fold: &Fold) -> Vec<String> {
    let kind = |of: &v1::Descriptor| match of.kind() {
        DescriptorKind::Pipe => "pipe".to_owned(),
        DescriptorKind::Epoll | DescriptorKind::Eventfd => "anon_inode".to_owned(),
        DescriptorKind::File => of.local.clone(),
        _ => "socket".to_owned(),
    };
    let mut kinds: Vec<String> = fold.io.descriptors.descriptors.iter().map(kind).collect();
    kinds.sort();
    kinds
}

#[tokio::test]
async fn a_program_has_the_descriptors_that_it_has_without_us() {
    let bare = Program::start(env!("CARGO_BIN_EXE_program"), &["idle", "--source", "bare"]);
    let alone = kinds_in_proc(&bare);
    assert!(alone.iter().any(|kind| kind == "anon_inode"), "its runtime has an epoll: {alone:?}");
    // Over TCP and over a Unix socket, with a second console beside.
    let tcp = Program::start(env!("CARGO_BIN_EXE_program"), &["idle"]);
    let unix = Program::start_init(env!("CARGO_BIN_EXE_program"), &["idle"]);
    for program in [tcp, unix] {
        let _other = Console::open(program.address()).await;
        let mut watched = Watched::over(program).await;
        let console = &mut watched.console;
        console
            .wait_for("the same descriptors", |fold| {
                fold.io.descriptors.open > 0 && kinds_listed(fold) == alone
            })
            .await;
        assert_eq!(console.fold.io.descriptors.open, alone.len() as u64);
        assert!(kinds_in_proc(&watched.program).len() > alone.len(), "ours are there, and are left out");
    }
}
