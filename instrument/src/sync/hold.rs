//! Holds: who has a lock, since when and from where. A hold ends when it is dropped, just before tokio releases the lock.

use std::panic::Location;

use taskscope_recorder::{HoldToken, Recorder, ResourceId};

use super::wait::{self, Taken};

/// Of a lock that nobody else holds at the time, so that its record needs plain stores only.
#[derive(Debug)]
pub(super) struct Hold {
    resource: Option<ResourceId>,
}

impl Hold {
    /// `resource` is asked for only when there is a recorder.
    #[inline]
    pub(super) fn begin(taken: Option<Taken>, resource: impl FnOnce() -> Option<ResourceId>) -> Self {
        let begin = |taken: Taken| {
            let resource = resource()?;
            let lock = taken.recorder.lock(resource)?;
            if let Some(waited) = taken.waited {
                lock.waited(waited);
            }
            lock.acquired_exclusive(taken.recorder.place_number(taken.at), taken.now);
            Some(resource)
        };
        Self { resource: taken.and_then(begin) }
    }

    /// The writer becomes a reader.
    pub(super) fn downgrade(self, at: &'static Location<'static>) -> SharedHold {
        let resource = self.resource;
        let taken = resource.and_then(|_| Taken::now(at));
        drop(self);
        SharedHold::begin(taken, 1, || resource)
    }
}

impl Drop for Hold {
    #[inline]
    fn drop(&mut self) {
        if let Some((recorder, resource)) = on_record(self.resource)
            && let Some(lock) = recorder.lock(resource)
        {
            lock.released_exclusive(recorder.clock().ticks());
        }
    }
}

/// Beside others: a reader's, or permits.
#[derive(Debug)]
pub(super) struct SharedHold {
    held: Option<(ResourceId, HoldToken)>,
}

impl SharedHold {
    #[inline]
    pub(super) fn begin(
        taken: Option<Taken>,
        permits: usize,
        resource: impl FnOnce() -> Option<ResourceId>,
    ) -> Self {
        let begin = |taken: Taken| {
            let resource = resource()?;
            let lock = taken.recorder.lock(resource)?;
            if let Some(waited) = taken.waited {
                lock.waited(waited);
            }
            let place = taken.recorder.place_number(taken.at);
            Some((resource, lock.acquired_shared(as_u32(permits), place, taken.now)))
        };
        Self { held: taken.and_then(begin) }
    }

    /// It has so many permits from now on.
    pub(super) fn resize(&self, permits: usize) {
        if let Some((resource, token)) = &self.held
            && let Some((recorder, resource)) = on_record(Some(*resource))
            && let Some(lock) = recorder.lock(resource)
        {
            lock.resized_shared(token, as_u32(permits));
        }
    }

    /// It has `left` permits from now on, and another hold has `split`: of the same holder, since the same time.
    pub(super) fn split(&self, left: usize, split: usize) -> Self {
        let split = |(resource, token): &(ResourceId, HoldToken)| {
            let (recorder, resource) = on_record(Some(*resource))?;
            let token = recorder.lock(resource)?.split_shared(token, as_u32(left), as_u32(split));
            Some((resource, token))
        };
        Self { held: self.held.as_ref().and_then(split) }
    }
}

/// More permits than can be told are shown as the most that can.
fn as_u32(permits: usize) -> u32 {
    u32::try_from(permits).unwrap_or(u32::MAX)
}

impl Drop for SharedHold {
    #[inline]
    fn drop(&mut self) {
        if let Some((resource, token)) = self.held.take()
            && let Some((recorder, resource)) = on_record(Some(resource))
            && let Some(lock) = recorder.lock(resource)
        {
            lock.released_shared(token, recorder.clock().ticks());
        }
    }
}

#[inline]
fn on_record(resource: Option<ResourceId>) -> Option<(&'static Recorder, ResourceId)> {
    Some((wait::recorder()?, resource?))
}
