//! What all wrapped channels share: one resource a channel, its ends, and the waits on them.
//!
//! The path of a value without a wait is one atomic load to find the channel's slot, one atomic addition, plain stores and one read
//! of the clock; nothing is allocated after the channel is made. A wait is an operation of the recorder, made when the first poll said "pending".
//! Whoever gives up a wait (a `select!` that took another branch) has waited, too: that time counts as blocked.
//!
//! Limit: what was sent before there was a recorder is not counted.

use std::{
    future::Future,
    ops::Deref,
    panic::Location,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst, fence},
    },
    task::Poll,
};

use taskscope_recorder::{ChannelRef, RecordKind, Recorder, Ticks, UNKNOWN_DEPTH};

use super::{hold::SharedHold, wait::Taken};
use crate::{
    recorded::{self, Book, Waits},
    tracked::{Pending, ResourceKind, Tracked},
};

/// A wait on a channel: what the operation is called and what it waits for.
#[derive(Debug, Clone, Copy)]
pub(super) struct What {
    source: &'static str,
    side: Side,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// For a value.
    Empty,
    /// For room.
    Full,
    /// For the end of the channel: neither.
    End,
}

impl What {
    pub(super) const fn empty(source: &'static str) -> Self {
        Self { source, side: Side::Empty }
    }

    pub(super) const fn full(source: &'static str) -> Self {
        Self { source, side: Side::Full }
    }

    pub(super) const fn end(source: &'static str) -> Self {
        Self { source, side: Side::End }
    }
}

/// The kind of a channel.
pub(super) const fn kind(concrete_type: &'static str) -> ResourceKind {
    ResourceKind { concrete_type, purpose: "channel", record: RecordKind::Channel }
}

/// What a channel is when it is made.
#[derive(Debug)]
pub(super) struct NewChannel {
    pub(super) kind: ResourceKind,
    /// Empty: none.
    pub(super) name: &'static str,
    pub(super) at: &'static Location<'static>,
    /// 0: without bound.
    pub(super) capacity: u64,
    /// Without receivers it is closed for good: none can subscribe.
    pub(super) receivers_close: bool,
}

/// One channel, shared by its ends.
#[derive(Debug)]
pub(super) struct Channel {
    tracked: Tracked,
    /// Who keeps room for values that are still to be sent; registered when the first does.
    room: Tracked,
    capacity: u64,
    receivers_close: bool,
    senders: AtomicU32,
    receivers: AtomicU32,
}

impl Channel {
    /// A channel with one end of each kind.
    pub(super) fn make(new: &NewChannel) -> (SenderEnd, ReceiverEnd) {
        let sender = Self::make_sender(new);
        let receiver = sender.receiver();
        (sender, receiver)
    }

    /// A channel with a sender alone.
    pub(super) fn make_sender(new: &NewChannel) -> SenderEnd {
        let channel = Arc::new(Self {
            tracked: Tracked::named(new.kind, new.name, new.at),
            room: Tracked::new(ResourceKind::ROOM, new.at),
            capacity: new.capacity,
            receivers_close: new.receivers_close,
            senders: AtomicU32::new(0),
            receivers: AtomicU32::new(0),
        });
        SenderEnd::new(channel)
    }

    fn with_slot(&self, write: impl FnOnce(&ChannelRef<'static>)) {
        if let Some(slot) = self.tracked.channel() {
            write(&slot);
        }
    }

    /// Records how many ends there are. Whoever changes a count calls this after.
    fn publish_ends(&self) {
        self.with_slot(|slot| {
            settle(|| self.ends(), |(senders, receivers)| slot.set_ends(senders, receivers));
            slot.set_capacity(self.capacity);
        });
    }

    fn ends(&self) -> (u32, u32) {
        (self.senders.load(SeqCst), self.receivers.load(SeqCst))
    }

    /// A channel in which each value is received once: what is in it is known from the start.
    pub(super) fn starts_empty(&self) {
        self.with_slot(|slot| slot.set_depth(None));
    }

    pub(super) fn sent(&self, values: u64) {
        self.with_slot(|slot| slot.sent(values, None));
    }

    pub(super) fn received(&self, values: u64) {
        self.with_slot(|slot| slot.received(values, None));
    }

    /// Of a channel whose depth is not what was sent less what was received; `None`: unknown.
    pub(super) fn sent_of(&self, values: u64, depth: impl Fn() -> Option<u64>) {
        self.with_slot(|slot| {
            slot.sent(values, Some(UNKNOWN_DEPTH));
            settle(&depth, |depth| slot.set_depth(Some(depth.unwrap_or(UNKNOWN_DEPTH))));
        });
    }

    /// The same.
    pub(super) fn received_of(&self, values: u64, depth: impl Fn() -> Option<u64>) {
        self.with_slot(|slot| {
            slot.received(values, Some(UNKNOWN_DEPTH));
            settle(&depth, |depth| slot.set_depth(Some(depth.unwrap_or(UNKNOWN_DEPTH))));
        });
    }

    pub(super) fn lagged(&self, values: u64) {
        self.with_slot(|slot| slot.lagged(values));
    }

    pub(super) fn closed(&self) {
        self.with_slot(ChannelRef::closed);
    }

    /// Room for so many values is kept from now on by whoever called at `at`.
    pub(super) fn keep(&self, values: usize, at: &'static Location<'static>) -> SharedHold {
        self.room.register_in(&self.tracked);
        SharedHold::begin(Taken::now(at), values, || self.room.lock())
    }

    fn waits(&self, what: What, at: &'static Location<'static>) -> ChannelWaits<'_> {
        ChannelWaits { channel: self, what, at }
    }

    /// Waits for `future`, on record from its first "pending" until it is ready or dropped.
    pub(super) fn wait<F: Future>(
        &self,
        what: What,
        at: &'static Location<'static>,
        future: F,
    ) -> Wait<'_, F> {
        Wait::with(self.waits(what, at), None, future)
    }

    /// The same for a wait for room. Begun already when it is `full`, so that the first poll is the operation's, too: what tokio then reports of
    /// its semaphore (that the waiter got room) is recorded in the operation.
    pub(super) fn wait_for_room<F: Future>(
        &self,
        full: bool,
        what: What,
        at: &'static Location<'static>,
        future: F,
    ) -> Wait<'_, F> {
        let mut waits = self.waits(what, at);
        let wait = if full { waits.begin() } else { None };
        Wait::with(waits, wait, future)
    }

    /// One poll of something that may wait; `waiting` is kept from one poll to the next.
    pub(super) fn poll<T>(
        &self,
        waiting: &mut Option<Waiting>,
        what: What,
        at: &'static Location<'static>,
        poll: impl FnOnce() -> Poll<T>,
    ) -> Poll<T> {
        recorded::poll(&mut self.waits(what, at), waiting, poll)
    }

    /// Runs what blocks this thread.
    pub(super) fn block<R>(
        &self,
        what: What,
        at: &'static Location<'static>,
        block: impl FnOnce() -> R,
    ) -> R {
        match self.waits(what, at).begin() {
            Some(waiting) => waiting.pending.block(block),
            None => block(),
        }
    }
}

/// A future that may wait on a channel.
pub(super) type Wait<'c, F> = recorded::Waiting<F, ChannelWaits<'c>>;

/// The waits of a call on a channel.
#[derive(Debug)]
pub(super) struct ChannelWaits<'c> {
    channel: &'c Channel,
    what: What,
    at: &'static Location<'static>,
}

impl Waits for ChannelWaits<'_> {
    type Wait = Waiting;

    fn begin(&mut self) -> Option<Waiting> {
        let (recorder, id) = self.channel.tracked.get()?;
        let slot = recorder.resources.channel(id)?;
        let pending = self.channel.tracked.begin(self.what.source, self.at)?;
        Some(Waiting { pending, recorder, slot, side: self.what.side, since: recorder.clock().ticks() })
    }

    fn op(wait: &Waiting) -> Option<&Pending> {
        Some(&wait.pending)
    }
}

impl<R> Book<R> for ChannelWaits<'_> {
    type Output = R;

    fn end(&mut self, result: R, _wait: Option<Waiting>) -> R {
        result
    }
}

/// A wait under way; ends when it is dropped.
#[derive(Debug)]
pub(super) struct Waiting {
    pending: Pending,
    recorder: &'static Recorder,
    slot: ChannelRef<'static>,
    side: Side,
    since: Ticks,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let waited = self.recorder.clock().ticks().saturating_sub(self.since);
        match self.side {
            Side::Empty => self.slot.blocked_empty(waited),
            Side::Full => self.slot.blocked_full(waited),
            Side::End => {}
        }
    }
}

/// Writes what several threads change at once, after each change: the last one to write has seen all changes.
fn settle<V: Copy + PartialEq>(read: impl Fn() -> V, write: impl Fn(V)) {
    loop {
        let value = read();
        write(value);
        // Not to read before the write is seen by others.
        fence(SeqCst);
        if read() == value {
            break;
        }
    }
}

/// Counts itself among the ends of its channel, and records when the last one is gone.
macro_rules! end {
    ($(#[$docs:meta])* $end:ident counts in $count:ident and closes if $closes:expr) => {
        $(#[$docs])*
        pub(super) struct $end(Arc<Channel>);

        impl $end {
            fn new(channel: Arc<Channel>) -> Self {
                channel.$count.fetch_add(1, SeqCst);
                channel.publish_ends();
                Self(channel)
            }
        }

        impl Clone for $end {
            fn clone(&self) -> Self {
                Self::new(Arc::clone(&self.0))
            }
        }

        impl Drop for $end {
            fn drop(&mut self) {
                let closes: fn(&Channel) -> bool = $closes;
                let last = self.0.$count.fetch_sub(1, SeqCst) == 1;
                self.0.publish_ends();
                if last && closes(&self.0) {
                    self.0.closed();
                }
            }
        }

        impl Deref for $end {
            type Target = Channel;

            fn deref(&self) -> &Channel {
                &self.0
            }
        }
    };
}

end! {
    /// A sender's share. It is dropped after tokio's sender: with the last one gone, none can come any more.
    SenderEnd counts in senders and closes if |_| true
}
end! {
    /// A receiver's share.
    ReceiverEnd counts in receivers and closes if |channel| channel.receivers_close
}

impl SenderEnd {
    /// One more receiver.
    pub(super) fn receiver(&self) -> ReceiverEnd {
        ReceiverEnd::new(Arc::clone(&self.0))
    }

    /// What a weak sender keeps.
    pub(super) fn downgrade(&self) -> WeakEnd {
        WeakEnd(Arc::clone(&self.0))
    }
}

/// A weak sender's share: the channel stays on record as long as tokio keeps it in memory.
#[derive(Clone)]
pub(super) struct WeakEnd(Arc<Channel>);

impl WeakEnd {
    /// One more sender. For callers that have tokio's already.
    pub(super) fn upgrade(&self) -> SenderEnd {
        SenderEnd::new(Arc::clone(&self.0))
    }
}
