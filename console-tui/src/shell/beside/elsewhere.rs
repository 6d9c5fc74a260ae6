//! Memory is read on Linux alone.

use taskscope_model::MemoryWish;
use taskscope_proto::v1::{Frame, WatchRequest};
use tokio::sync::{mpsc, watch};

use super::connect::News;
use crate::target::Reading;

/// Requests alone.
#[derive(Debug, Clone)]
pub(super) struct Beside(watch::Sender<Option<WatchRequest>>);

impl Beside {
    pub(super) fn new(
        requests: watch::Sender<Option<WatchRequest>>,
        _news: mpsc::Sender<News>,
        _reading: Reading,
    ) -> Self {
        Self(requests)
    }

    pub(super) fn request(&self, request: WatchRequest) {
        self.0.send_replace(Some(request));
    }

    pub(super) fn read(&self, _wish: MemoryWish) {}

    pub(super) fn see(&self, _frame: &Frame) {}

    pub(super) fn lost(&self) {}

    pub(super) fn is_under_way(&self) -> bool {
        false
    }
}
