//! Reads a process from outside on a thread of its own, and hands its frames on.
//!
//! Invariants: the process is read and nothing else; a look at it costs this console at most a [`SHARE`]th of the time. When the process ends, what was seen last
//! stays on the screen.

use std::{
    thread,
    time::{Duration, Instant},
};

use taskscope_attach::{About, Frames, Wish};
use taskscope_model::ConnectionEvent;
use taskscope_observe::Observer;
use taskscope_proto::{rows::SlotRef, v1::WatchRequest};
use tokio::sync::{mpsc, watch};

use super::{connect::News, random};
use crate::attach::{Memory, Watched};

/// Time between two looks, at least.
const INTERVAL: Duration = Duration::from_millis(250);
/// A look may take one part in so many of the time.
const SHARE: u32 = 10;
/// What can't be known, said once.
const OF_MEMORY: &str = "Read from memory: ages of waits are counted from the first look that saw them; polls and wakes are unknown";
const OF_CORE: &str = "Read from a core file: ages are counted from its opening; polls and wakes are unknown";
/// Types nest deeply, and a walk follows them.
pub(super) const STACK_BYTES: usize = 16 << 20;

type Requests = watch::Receiver<Option<WatchRequest>>;

/// How long to leave memory alone after a look that took so long.
pub(super) fn pause_after(took: Duration) -> Duration {
    (took * SHARE).max(INTERVAL)
}

/// Watches until the receiver of the news is dropped, or the process ends.
pub(super) async fn keep(watched: Watched, sender: mpsc::Sender<News>, wanted: Requests) {
    let started = thread::Builder::new().name("taskscope-attach".to_owned()).stack_size(STACK_BYTES).spawn({
        let sender = sender.clone();
        move || read(&watched, &sender, &wanted)
    });
    if let Err(error) = started {
        let reason = format!("no thread for reading the process: {error}");
        let lost = ConnectionEvent::Lost { reason, retry_in: None };
        // Without a receiver there is nothing to say.
        let _ = sender.send(News::Connection(lost)).await;
    }
    sender.closed().await;
}

/// Reads until the receiver is dropped, or the process ends.
fn read(watched: &Watched, sender: &mpsc::Sender<News>, wanted: &Requests) {
    let _ = sender.blocking_send(News::Connection(ConnectionEvent::Connecting { attempt: 1 }));
    let Some(reason) = look(watched, sender, wanted) else { return };
    let lost = ConnectionEvent::Lost { reason, retry_in: None };
    let _ = sender.blocking_send(News::Connection(lost));
}

/// Looks again and again. The reason for the end; `None`: the receiver is dropped.
fn look(watched: &Watched, sender: &mpsc::Sender<News>, wanted: &Requests) -> Option<String> {
    let opened = watched
        .memory
        .open()
        .and_then(|source| Observer::new(source, watched.program.clone(), watched.strings));
    let mut observer = match opened {
        Ok(observer) => observer,
        Err(error) => return Some(error.to_string()),
    };
    sender.blocking_send(News::Connection(ConnectionEvent::Connected)).ok()?;
    let is_core = matches!(watched.memory, Memory::Core(..));
    let mut about = About { instance: random(), problems: watched.problems.clone() };
    about.problems.push((if is_core { OF_CORE } else { OF_MEMORY }).to_owned());
    let mut frames = Frames::new(about);
    let mut resync = 0;
    let mut descriptors_at: Option<Instant> = None;
    loop {
        let began = Instant::now();
        let request = wanted.borrow().clone().unwrap_or_default();
        if request.resync != resync {
            resync = request.resync;
            frames = frames.anew();
        }
        if !request.paused {
            let seen = match observer.look() {
                Ok(seen) => seen,
                Err(error) => return Some(error.to_string()),
            };
            let interval = Duration::from_millis(u64::from(request.descriptors_interval_ms));
            let due = descriptors_at.is_none_or(|at| at.elapsed() >= interval);
            let descriptors = request.descriptors_interval_ms > 0 && due;
            if descriptors {
                descriptors_at = Some(began);
            }
            let trees =
                request.details.iter().map(|task| SlotRef { slot: task.slot, generation: task.generation });
            let wish = Wish { trees: trees.collect(), all_trees: request.all_await_trees, descriptors };
            for frame in frames.round(&observer, &seen, &wish) {
                sender.blocking_send(News::Frame(Box::new(frame))).ok()?;
            }
        }
        thread::sleep(pause_after(began.elapsed()));
        if sender.is_closed() {
            return None;
        }
    }
}
