//! A lock-free stack of free slot numbers (Treiber's), whose links live beside the slots.
//!
//! Invariant: a number is in the stack at most once. The head carries a counter against the ABA problem: a pop that slept while
//! the same number was popped and pushed again fails its exchange. Pop and push cost one successful compare-exchange each.

use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// 0 in a link or in the head means "none"; numbers are stored plus one.
const NONE: u32 = 0;

/// The stack's head; the caller owns the links.
#[derive(Debug)]
pub struct FreeList {
    /// Counter in the upper half, number + 1 in the lower.
    head: AtomicU64,
}

impl FreeList {
    /// An empty stack.
    pub fn new() -> Self {
        Self { head: AtomicU64::new(0) }
    }

    /// Whether a pop would find nothing at this moment.
    pub fn is_empty(&self) -> bool {
        self.head.load(Ordering::Acquire) as u32 == NONE
    }

    /// Takes a number, or `None` when the stack is empty. `link` finds the link of a number that was pushed before.
    pub fn pop<'a>(&self, link: impl Fn(u32) -> &'a AtomicU32) -> Option<u32> {
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            let top = head as u32;
            if top == NONE {
                return None;
            }
            let next = link(top - 1).load(Ordering::Relaxed);
            let new = bumped(head) | u64::from(next);
            match self.head.compare_exchange_weak(head, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(top - 1),
                Err(now) => head = now,
            }
        }
    }

    /// Gives a number back. It must not be in the stack already.
    pub fn push(&self, number: u32, link: &AtomicU32) {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            link.store(head as u32, Ordering::Relaxed);
            let new = bumped(head) | u64::from(number + 1);
            match self.head.compare_exchange_weak(head, new, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }
}

/// The head's counter, one further, with no number.
fn bumped(head: u64) -> u64 {
    ((head >> 32).wrapping_add(1)) << 32
}

impl Default for FreeList {
    fn default() -> Self {
        Self::new()
    }
}
