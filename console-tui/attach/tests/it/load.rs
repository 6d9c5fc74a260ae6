//! Tasks that are polled all the time, by two threads: a tree counts only when it is of one moment, and none that counts is nonsense.
//!
//! Each function of `load`'s busy tasks has the same `k`, and `k` says which functions there are. See `tests/attach/load`.

use std::time::{Duration, Instant};

use taskscope_await::{Frame, FrameKind, FrameState, Tree};
use taskscope_observe::{Observed, Observer, Source};

use crate::{
    looking::observer,
    programs::{Profile, Running, built},
};

/// What was seen of busy tasks.
#[derive(Debug, Default)]
struct Counts {
    looks: u64,
    /// Trees of one moment.
    whole: u64,
    /// Those of several functions.
    deep: u64,
    /// Tasks that changed each time they were read: they have no tree.
    changed: u64,
    running: u64,
}

#[test]
fn trees_of_busy_tasks_are_of_one_moment() {
    look_for(Duration::from_secs(5));
}

#[test]
#[ignore = "takes a minute"]
fn trees_of_busy_tasks_are_of_one_moment_for_a_minute() {
    look_for(Duration::from_secs(60));
}

fn look_for(duration: Duration) {
    let built = built("load", Profile::Release);
    let mut running = Running::start(&built.path, &["8", "4"]);
    let mut observer = observer(&built, &running);
    let mut counts = Counts::default();
    let end = Instant::now() + duration;
    // As many as that are enough, however slow the machine is.
    while Instant::now() < end || counts.deep < 50 {
        counts.take(&observer.look().expect("it runs"));
    }
    println!("{counts:?}, {} bytes a look", read_bytes(&observer) / counts.looks);
    let rounds = |running: &mut Running| running.ask("").parse::<u64>().expect("a number");
    let before = rounds(&mut running);
    while rounds(&mut running) == before {}
}

fn read_bytes(observer: &Observer) -> u64 {
    match observer.source() {
        Source::Live(process) => process.read_bytes(),
        Source::Core(_) => 0,
    }
}

impl Counts {
    fn take(&mut self, observed: &Observed) {
        self.looks += 1;
        for seen in &observed.tasks {
            if seen.changed {
                assert!(seen.task.tree.frames.is_empty(), "a torn tree is worth nothing");
                self.changed += 1;
            } else if seen.task.tree.frames.is_empty() {
                self.running += 1;
            } else {
                self.whole += 1;
                self.deep += u64::from(seen.task.tree.frames.len() > 2);
                if let Err(reason) = judge(&seen.task.tree) {
                    panic!("{reason}: {:#?}", seen.task.tree);
                }
            }
        }
    }
}

/// Whether a tree is one that a task of `load` can have.
fn judge(tree: &Tree) -> Result<(), &'static str> {
    if !tree.problems.is_empty() {
        return Err("it has problems");
    }
    let frames = tree.folded();
    let functions: Vec<(u32, &Frame)> =
        frames.into_iter().filter(|(_, frame)| frame.kind == FrameKind::Function).collect();
    let Some((_, root)) = functions.first() else { return Err("its root is no function") };
    if root.state != FrameState::Parked {
        return Ok(());
    }
    let Some(k) = k(root) else {
        let is_parked = matches!(name(root), "first" | "second" | "third" | "fourth");
        return if is_parked { Ok(()) } else { Err("its root has no k") };
    };
    let agrees = |(_, frame): &(u32, &Frame)| {
        let is_ours = name(frame).starts_with("churn") || name(frame) == "short_lived";
        !is_ours || frame.state != FrameState::Parked || self::k(frame) == Some(k)
    };
    if !functions.iter().all(agrees) {
        return Err("its functions have different k");
    }
    let below = |number: usize| functions.get(number).map(|(_, frame)| name(frame));
    if name(root) != "churn" {
        return Ok(());
    }
    let route = match k >> 61 {
        0 => "churn_a",
        2 if k & 8 == 0 => "churn_a",
        1 | 2 => "churn_b",
        3 => return if below(1).is_none() { Ok(()) } else { Err("it sleeps, and its k says another thing") },
        _ => "yield_now",
    };
    if below(1) == Some(route) { Ok(()) } else { Err("what it awaits is not what its k says") }
}

fn name(frame: &Frame) -> &str {
    frame.name.rsplit("::").next().unwrap_or_default()
}

fn k(frame: &Frame) -> Option<u64> {
    let (_, value) = frame.locals.iter().find(|(name, _)| name == "k")?;
    value.parse().ok()
}
