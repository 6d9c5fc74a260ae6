//! Signals, children and timers.

use rustix::process::Signal;
use taskscope_tests::fold::{Fold, io::Resource};

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
async fn children_are_told_with_how_they_ended() {
    let mut watched = Watched::start("children").await;
    let child = |fold: &Fold, book: &serde_json::Value, key: &str| {
        let pid = number(book, &format!("{key} pid"))?;
        let mut children = fold.of_type("Child");
        children.find(|child| child.local.contains(&format!("(pid {pid})"))).map(|child| child.peer.clone())
    };
    let book = watched
        .until("all ends", |fold, book| {
            let ended = ["well", "badly", "killed"];
            let told =
                ended.iter().all(|key| child(fold, book, key).is_some_and(|peer| peer == text(book, key)));
            told && child(fold, book, "echo").as_deref() == Some("running")
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
async fn timers_are_told_with_who_waits_for_them() {
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
