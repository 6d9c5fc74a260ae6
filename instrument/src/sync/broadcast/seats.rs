//! How far each receiver of a broadcast has come: tokio gives it only behind its lock.
//!
//! Positions count the values sent. One word a receiver, written by that receiver alone.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst},
};

/// Receivers of one channel whose positions are known at once. With more, the channel's depth is unknown.
pub const MAX_SEATS: usize = 16;

const FREE: u64 = u64::MAX;

/// The positions of a channel's receivers.
#[derive(Debug)]
pub(super) struct Seats {
    sent: AtomicU64,
    capacity: u64,
    positions: [AtomicU64; MAX_SEATS],
    /// Receivers that found no seat.
    standing: AtomicUsize,
}

impl Seats {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            sent: AtomicU64::new(0),
            capacity: capacity as u64,
            positions: [const { AtomicU64::new(FREE) }; MAX_SEATS],
            standing: AtomicUsize::new(0),
        }
    }

    /// A value was sent.
    pub(super) fn sent(&self) {
        self.sent.fetch_add(1, SeqCst);
    }

    /// Values sent. Read before a receiver subscribes: its position may then be too low, but never too high.
    pub(super) fn position(&self) -> u64 {
        self.sent.load(SeqCst)
    }

    /// A seat for a receiver that starts there.
    pub(super) fn take(self: &Arc<Self>, position: u64) -> Seat {
        let index = self
            .positions
            .iter()
            .position(|seat| seat.compare_exchange(FREE, position, SeqCst, SeqCst).is_ok());
        if index.is_none() {
            self.standing.fetch_add(1, SeqCst);
        }
        Seat { seats: Arc::clone(self), index }
    }

    /// What the slowest receiver has not received, as far as the channel keeps it; `None` while a receiver has no seat.
    pub(super) fn depth(&self) -> Option<u64> {
        if self.standing.load(SeqCst) > 0 {
            return None;
        }
        let sent = self.position();
        let slowest = self.positions.iter().map(|seat| seat.load(SeqCst)).min().unwrap_or(FREE);
        Some(sent.saturating_sub(slowest).min(self.capacity))
    }
}

/// One receiver's place among the seats; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    index: Option<usize>,
}

impl Seat {
    pub(super) fn seats(&self) -> &Arc<Seats> {
        &self.seats
    }

    /// The receiver received or missed so many.
    pub(super) fn advance(&self, count: u64) {
        if let Some(index) = self.index {
            self.seats.positions[index].fetch_add(count, SeqCst);
        }
    }

    /// The receiver found nothing after the position was read: it has received all that was sent until then.
    pub(super) fn caught_up(&self, position: u64) {
        if let Some(index) = self.index {
            self.seats.positions[index].fetch_max(position, SeqCst);
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        match self.index {
            Some(index) => self.seats.positions[index].store(FREE, SeqCst),
            None => drop(self.seats.standing.fetch_sub(1, SeqCst)),
        }
    }
}
