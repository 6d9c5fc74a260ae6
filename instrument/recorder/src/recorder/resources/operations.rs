//! Operations: begun, entered, left, dropped.
//!
//! Most never wait. So an operation has its slot from the start, but readers see it from the end of its first pending poll on, and only then is
//! the clock read. Whether a poll was pending tokio's permits show; of an operation without permits every first poll counts as one that was.

use std::sync::atomic::Ordering::{Relaxed, Release};

use super::Resources;
use crate::{
    arena::Page,
    frame,
    id::{OpId, ResourceId, entered},
    resource::{ALL, Op, wanted},
    thread,
};

/// What tokio's semaphore, also the one inside of its locks, calls an acquisition.
const ACQUIRE: &str = "Acquire::new";

impl Resources {
    /// Makes an operation; `None` at the limit. Without a given resource it is on the current one. `place` as of [`Sites::place_number`]; 0: unknown.
    ///
    /// [`Sites::place_number`]: crate::Sites::place_number
    pub fn new_op(&self, source: &str, resource: Option<ResourceId>, place: u32) -> Option<OpId> {
        self.make_op(source, resource, place, false)
    }

    fn make_op(&self, source: &str, resource: Option<ResourceId>, place: u32, traced: bool) -> Option<OpId> {
        let number = self.allocated(self.ops.allocate())?;
        let (_, slot) = self.ops.slot(number)?;
        let generation =
            OpId::from_u64(slot.key.load(Relaxed)).map_or(1, |last| last.generation().wrapping_add(1));
        let id = OpId::new(self.number, generation, number);
        let resource = resource.or_else(|| self.current_resource());
        // `Mutex::lock_owned`, of tokio and of the wrappers: its guard can go to another task.
        if let Some(lock) = resource.filter(|_| source.ends_with("_owned")).and_then(|id| self.lock(id)) {
            let _marked = lock.with_movable_guard();
        }
        slot.attributes.clear();
        for zero in [&slot.started, &slot.ended, &slot.polls, &slot.busy, &slot.granted, &slot.asked] {
            zero.store(0, Relaxed);
        }
        for zero in [&slot.thread, &slot.requested, &slot.obtained] {
            zero.store(0, Relaxed);
        }
        slot.traced.store(u32::from(traced), Relaxed);
        slot.site.store(place, Relaxed);
        slot.resource.store(resource.map_or(0, ResourceId::to_u64), Relaxed);
        slot.parent.store(self.current_op().map_or(0, OpId::to_u64), Relaxed);
        slot.source.store(self.names.number(source), Relaxed);
        slot.key.store(id.to_u64(), Release);
        Some(id)
    }

    /// [`Resources::new_op`] for a span of tokio's. The acquisition of permits that tokio makes inside of another operation (`Acquire::new` of
    /// `Mutex::lock`) is a part of it: one waits exactly when the other does, so they are one. `None`: no room; `Some((op, false))`: a part of that one.
    pub fn new_traced_op(&self, source: &str, resource: Option<ResourceId>) -> Option<(OpId, bool)> {
        if source == ACQUIRE
            && let Some(whole) = self.traced_op_here()
        {
            return Some((whole, false));
        }
        Some((self.make_op(source, resource, 0, true)?, true))
    }

    /// The operation that tokio makes or polls here, within the task that this thread polls.
    #[inline]
    fn traced_op_here(&self) -> Option<OpId> {
        let op = thread::innermost(|raw| entered::op_in_task(raw, self.number))??;
        let (_, slot) = self.find_op(op)?;
        (slot.traced.load(Relaxed) != 0).then_some(op)
    }

    /// Whether the innermost operation here was entered before it was entered last: as the part of itself that it is.
    pub fn is_in_part(&self) -> bool {
        let Some(op) = self.current_op() else { return false };
        thread::entered_times(|raw| entered::op_in_task(raw, self.number), op) > 1
    }

    pub(in crate::recorder) fn enter_op(&self, id: OpId) {
        let task = thread::actor_in(self.number);
        thread::push(id.poll_span().get());
        let Some((page, op)) = self.find_op(id) else { return };
        op.polls.store(op.polls.load(Relaxed) + 1, Relaxed);
        // Another agent may give it something before this poll ends.
        op.task.store(task, Relaxed);
        if op.live.load(Relaxed) == 0 {
            // Seen when it has to wait.
            return;
        }
        op.frame.store(frame::current(), Relaxed);
        if op.granted.load(Relaxed) != 0 {
            op.granted.store(0, Relaxed);
        }
        op.started.store(self.clock.ticks().max(op.ended.load(Relaxed) + 1), Relaxed);
        page.shared.set();
    }

    pub(in crate::recorder) fn exit_op(&self, id: OpId) {
        thread::pop();
        let Some((page, op)) = self.find_op(id) else { return };
        if op.live.load(Relaxed) == 0 {
            // What another agent gave it in the meantime its own poll has not seen: that was pending.
            if op.granted.load(Relaxed) == 0 && op.has_all() {
                self.acquired(op, None);
            } else {
                self.publish(page, op);
            }
            return;
        }
        let started = op.started.load(Relaxed);
        let now = self.clock.ticks().max(started);
        op.busy.store(op.busy.load(Relaxed) + (now - started), Relaxed);
        op.ended.store(now, Relaxed);
        if op.has_all() {
            self.acquired(op, Some(now));
        }
        page.shared.set();
    }

    /// The operation waits, from now on.
    fn publish(&self, page: &Page<Op>, op: &Op) {
        let now = self.clock.ticks();
        op.frame.store(frame::current(), Relaxed);
        for at in [&op.created, &op.started, &op.ended] {
            at.store(now, Relaxed);
        }
        match ResourceId::from_u64(op.resource.load(Relaxed)) {
            Some(resource) if self.is_forgotten(resource) => op.resource.store(0, Relaxed),
            Some(resource) => self.publish_resource(resource, now),
            None => {}
        }
        if let Some(asked) = thread::sent().filter(|asked| asked.recorder() == self.number) {
            op.asked.store(asked.to_u64(), Relaxed);
        }
        op.live.store(1, Release);
        page.shared.set();
    }

    /// The calling thread blocks on an operation: it is running, from now until [`Resources::unblock`], for the current task and on this thread.
    pub fn block_on_op(&self, id: OpId) {
        let Some((page, op)) = self.find_op(id) else { return };
        op.thread.store(thread::number(), Relaxed);
        op.polls.store(op.polls.load(Relaxed) + 1, Relaxed);
        if op.live.load(Relaxed) == 0 {
            self.publish(page, op);
        }
        op.task.store(thread::actor_in(self.number), Relaxed);
        op.started.store(self.clock.ticks().max(op.ended.load(Relaxed) + 1), Relaxed);
        page.shared.set();
    }

    /// The calling thread goes on.
    pub fn unblock(&self, id: OpId) {
        let Some((page, op)) = self.find_op(id) else { return };
        let started = op.started.load(Relaxed);
        let now = self.clock.ticks().max(started);
        op.thread.store(0, Relaxed);
        op.busy.store(op.busy.load(Relaxed) + (now - started), Relaxed);
        op.ended.store(now, Release);
        page.shared.set();
    }

    /// It is dropped. Returns whether there was such an operation.
    pub(in crate::recorder) fn release_op(&self, id: OpId) -> bool {
        let Some((page, slot)) = self.find_op(id) else { return false };
        if slot.live.load(Relaxed) != 0 {
            slot.live.store(0, Release);
            page.shared.set();
        }
        slot.key.store(id.gone(), Relaxed);
        self.ops.free(id.index());
        true
    }

    /// What a part of `op` waited for is its own: so is what the whole waits for.
    pub(super) fn whole_has_all(&self, op: &Op) {
        self.on_whole(op, |whole| {
            whole.granted.store(0, Relaxed);
            whole.obtained.store(ALL, Relaxed);
        });
    }

    /// A waker of the task that is polled here is cloned: by the operation that it polls, if it does.
    pub(in crate::recorder) fn waker_cloned(&self) {
        let op = self.polled_op().and_then(|id| self.find_op(id));
        if let Some((_, op)) = op {
            // Only the thread that polls it writes this word.
            op.requested.store(op.requested.load(Relaxed) | wanted::WAKER, Relaxed);
        }
    }

    /// The operation whose span, or whose poll's, is innermost on this thread.
    #[inline]
    pub fn current_op(&self) -> Option<OpId> {
        thread::innermost(|raw| entered::op(raw, self.number))?
    }

    /// The operation that this thread polls, within the task that it polls.
    #[inline]
    pub fn polled_op(&self) -> Option<OpId> {
        thread::innermost(|raw| entered::polled_op(raw, self.number))?
    }

    #[inline]
    pub(super) fn find_op(&self, id: OpId) -> Option<(&Page<Op>, &Op)> {
        let (page, slot) = self.ops.slot(id.index())?;
        (slot.key.load(Relaxed) == id.to_u64()).then_some((page, slot))
    }
}
