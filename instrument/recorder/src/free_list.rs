//! A lock-free stack of free slot numbers (Treiber's), whose links live beside the slots.
//!
//! Invariant: a number is in the stack at most once. The head carries a counter against the ABA problem: a pop that slept while
//! the same number was popped and pushed again fails its exchange. Many numbers go in or out with one successful compare-exchange.

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

    /// Takes as many numbers as `taken` has room for, or as there are, and says how many. `link` finds the link of a number that was pushed before.
    pub fn pop_many<'a>(&self, taken: &mut [u32], link: impl Fn(u32) -> &'a AtomicU32) -> usize {
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            // While another thread changes the list this may follow links that lead nowhere near; then the head is another, too.
            let mut next = head as u32;
            let mut count = 0;
            for place in &mut *taken {
                if next == NONE {
                    break;
                }
                *place = next - 1;
                count += 1;
                next = link(next - 1).load(Ordering::Relaxed);
            }
            if count == 0 {
                return 0;
            }
            let new = bumped(head) | u64::from(next);
            match self.head.compare_exchange_weak(head, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return count,
                Err(now) => head = now,
            }
        }
    }

    /// Takes a number, or `None` when the stack is empty.
    pub fn pop<'a>(&self, link: impl Fn(u32) -> &'a AtomicU32) -> Option<u32> {
        let mut taken = [0];
        (self.pop_many(&mut taken, link) == 1).then_some(taken[0])
    }

    /// Gives numbers back, the first of them on top. None must be in the stack already.
    pub fn push_many<'a>(&self, numbers: &[u32], link: impl Fn(u32) -> &'a AtomicU32) {
        let [first, .., last] = numbers else {
            return numbers.iter().for_each(|number| self.push(*number, link(*number)));
        };
        for pair in numbers.windows(2) {
            link(pair[0]).store(pair[1] + 1, Ordering::Relaxed);
        }
        self.push_chain(*first, link(*last));
    }

    /// Gives a number back. It must not be in the stack already.
    pub fn push(&self, number: u32, link: &AtomicU32) {
        self.push_chain(number, link);
    }

    /// Numbers that are linked to each other, from the first one to that of `last`.
    fn push_chain(&self, first: u32, last: &AtomicU32) {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            last.store(head as u32, Ordering::Relaxed);
            let new = bumped(head) | u64::from(first + 1);
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
