//! tokio's barrier, with who waits on record.

use std::{fmt, future::Future, panic::Location, sync::Once};

use taskscope_recorder::{AnyId, AttributeValue, Change, RecordKind, ResourceId};
use tokio::sync as inner;

use super::{
    BarrierWaitResult,
    wait::{Call, Waiting},
};
use crate::{
    source::unrecorded,
    tracked::{ResourceKind, Tracked},
};

const KIND: ResourceKind =
    ResourceKind { concrete_type: "Barrier", purpose: "Sync", record: RecordKind::None };

/// Lets tasks wait for each other, as [`tokio::sync::Barrier`].
///
/// ```
/// use taskscope::sync::Barrier;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let barrier = Barrier::with_name("start", 2);
/// let (one, other) = tokio::join!(barrier.wait(), barrier.wait());
/// assert!(one.is_leader() != other.is_leader());
/// # }
/// ```
pub struct Barrier {
    tracked: Tracked,
    size: u64,
    reported: Once,
    inner: inner::Barrier,
}

impl Barrier {
    /// One that opens when `n` tasks wait; 0 is as 1.
    #[track_caller]
    pub fn new(n: usize) -> Self {
        Self::with_name("", n)
    }

    /// One with a name for the console; empty: none.
    #[track_caller]
    pub fn with_name(name: &'static str, n: usize) -> Self {
        let inner = unrecorded(|| inner::Barrier::new(n));
        let tracked = Tracked::named(KIND, name, Location::caller());
        Self { tracked, size: n as u64, reported: Once::new(), inner }
    }

    /// Waits until as many do as the barrier is for; one of them is the leader. Not cancel safe, as tokio's is not.
    #[track_caller]
    pub fn wait(&self) -> impl Future<Output = BarrierWaitResult> {
        let call = Call::here("Barrier::wait");
        async move { Waiting::new(call, self.resource(), self.inner.wait()).await.0 }
    }

    /// Its resource, which says for how many it is.
    fn resource(&self) -> Option<ResourceId> {
        let (recorder, id) = self.tracked.get()?;
        self.reported.call_once(|| {
            let name = recorder.resources.name_number("size");
            recorder.enter_any(AnyId::Resource(id));
            recorder.resources.change_resource(name, 0, AttributeValue::Number(self.size), Change::Override);
            recorder.exit_any(AnyId::Resource(id));
        });
        Some(id)
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.inner, f)
    }
}
