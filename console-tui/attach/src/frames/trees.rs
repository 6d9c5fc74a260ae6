//! Await trees, as frames of the wire.

use taskscope_await::Frame;
use taskscope_observe::await_tree;
use taskscope_proto::{
    limits::{MAX_AWAIT_TREES, MAX_DETAILS},
    v1,
};

use super::{Filling, Round, Wish};

/// Bytes of a frame beside its texts, at most.
const FRAME_BYTES: usize = 48;

/// The trees that are wanted.
pub(super) fn add(round: &Round<'_>, wish: &Wish, filling: &mut Filling) {
    for (seen, slot) in round.observed.tasks.iter().zip(&round.tasks) {
        if !wish.all_trees && !wish.trees.contains(slot) {
            continue;
        }
        let now_ns = round.observer.source().monotonic_ns();
        let task = v1::TaskRef { slot: slot.slot, generation: slot.generation };
        let tree = v1::AwaitTree { task: Some(task), ..await_tree(seen, now_ns) };
        let bytes =
            |frame: &v1::AwaitFrame| frame.text.len() + frame.file.len() + frame.detail.len() + FRAME_BYTES;
        if filling.last().await_trees.len() == MAX_AWAIT_TREES {
            filling.next();
        }
        let frame = filling.with_room(tree.frames.iter().map(bytes).sum());
        if wish.trees.contains(slot) && frame.details.len() < MAX_DETAILS {
            frame.details.push(v1::TaskDetail { task: tree.task, ..v1::TaskDetail::default() });
        }
        frame.await_trees.push(tree);
    }
}

/// A function of a library or of the compiler, not of the program. By its file; a library's own unit names that from the library's folder, and so does a
/// program that was installed from a registry: then by its crate.
pub(super) fn is_foreign(frame: &Frame) -> bool {
    const FOLDERS: [&str; 4] = ["/registry/src/", "/rustc/", "/rustlib/", "/git/checkouts/"];
    const CRATES: [&str; 12] = [
        "axum",
        "futures_channel",
        "futures_util",
        "h2",
        "hyper",
        "hyper_util",
        "reqwest",
        "tokio",
        "tokio_stream",
        "tokio_util",
        "tonic",
        "tower",
    ];
    let of = frame.name.split("::").next().unwrap_or_default();
    CRATES.contains(&of) || FOLDERS.iter().any(|part| frame.file.contains(part))
}
