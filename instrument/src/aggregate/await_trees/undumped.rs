//! Stands for tokio's task dump where taskscope is built without it.

use taskscope_recorder::{Recorder, TaskId};

use super::Tree;

/// Why a tree is empty.
pub(super) const NOTHING: &str = "No future of this task is traced (`#[taskscope::trace]`, `.trace(\"…\")`) and polled now, and this program is built \
     without taskscope's feature `taskdump`.";

/// There is none.
#[derive(Debug)]
pub(super) enum Path {}

/// Built without it.
#[derive(Debug)]
pub(super) struct Dumped;

impl Dumped {
    pub(super) fn ask(_recorder: &Recorder, _tasks: &[(TaskId, u64)]) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "as with the feature `taskdump`")]
    pub(super) fn is_ready(&mut self) -> bool {
        true
    }

    #[expect(clippy::unused_self, reason = "as with the feature `taskdump`")]
    pub(super) fn taken_ago_ns(&self) -> u64 {
        0
    }

    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "as with the feature `taskdump`")]
    pub(super) fn of(&self, _number: u64) -> Result<&[Path], &str> {
        Ok(&[])
    }
}

pub(super) fn add(_paths: &[Path], _tree: &mut Tree<'_>) {}
