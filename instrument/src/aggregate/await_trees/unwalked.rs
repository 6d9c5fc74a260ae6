//! Stands for the walk of the tasks' memory where taskscope is built without it.

use taskscope_proto::v1;

use crate::{Builder, aggregate::Hub};

/// There is none.
#[derive(Debug)]
pub(in crate::aggregate) struct Walker;

impl Walker {
    pub(in crate::aggregate) fn new(_options: &Builder, _build_id: &[u8]) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "as with the feature `await-index`")]
    pub(in crate::aggregate) fn memory_bytes(&self) -> usize {
        0
    }

    #[expect(clippy::unused_self, reason = "as with the feature `await-index`")]
    pub(in crate::aggregate) fn problem(&self) -> Option<String> {
        None
    }
}

/// What one console gets of it.
#[derive(Debug, Default)]
pub(super) struct Walked;

impl Walked {
    #[expect(clippy::unused_self, reason = "as with the feature `await-index`")]
    pub(super) fn want(&mut self, _hub: &Hub, _tasks: &[v1::TaskRef]) {}

    #[expect(clippy::unused_self, reason = "as with the feature `await-index`")]
    pub(super) fn take(&mut self) -> Vec<v1::AwaitTree> {
        Vec::new()
    }
}
