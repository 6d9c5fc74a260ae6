//! Whose turn it is to touch the buffer: the thread that asks, or the handler of the thread that was asked.
//!
//! One word holds a ticket and a phase. A ticket is used once:
//!
//! ```text
//!            open (asker)         claim (handler)          finish (handler)          release (asker)
//! free(_) ───────────────▶ asked(t) ───────────▶ writing(t) ────────────▶ done(t) ───────────────▶ free(t)
//!                             └── withdraw (asker, time is up) ──▶ free(t)
//! ```
//!
//! **Proof that a late handler does no harm.** A handler carries the ticket of its signal and touches the buffer only between a successful `claim`
//! of that ticket and its `finish`. `claim` is a compare-exchange from `asked(t)`, and the word is `asked(t)` during one span of time only, as
//! `open` never uses a ticket twice. So after `withdraw` or a `claim` no other handler with `t` can ever claim it: a signal that was blocked
//! for an hour, or sent twice, finds another word and returns. The asker touches the buffer only in `done(t)`, after which the handler never
//! touches it, and `open` refuses while the word is `writing(_)`: a handler that was claimed and then not scheduled keeps the buffer for
//! itself until it is done. Askers exclude each other by a lock. `finish` releases and `is_done` acquires, so what was written is seen.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{AcqRel, Acquire, Release},
};

const FREE: u64 = 0;
const ASKED: u64 = 1;
const WRITING: u64 = 2;
const DONE: u64 = 3;
const PHASE: u64 = 3;

/// Bits of a ticket. 2^46 captures at ten a second outlive the machine.
pub(super) const TICKET_BITS: u32 = 46;

/// See the module's text.
#[derive(Debug)]
pub(super) struct Turn(AtomicU64);

/// How a time limit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Withdrawn {
    /// No handler has claimed the ticket, and none ever will.
    Yes,
    /// A handler is writing.
    Writing,
    /// A handler has just finished.
    Done,
}

impl Turn {
    pub(super) const fn new() -> Self {
        Self(AtomicU64::new(FREE))
    }

    /// Asker: the buffer is lent for `ticket`. False: an earlier handler is still writing.
    pub(super) fn open(&self, ticket: u64) -> bool {
        let word = self.0.load(Acquire);
        // Done: given up by its asker while it was being written. Only this asker changes a word that is free or done.
        if matches!(word & PHASE, FREE | DONE) {
            self.0.store(ticket << 2 | ASKED, Release);
            return true;
        }
        false
    }

    /// Handler: whether the buffer is its own until [`Turn::finish`].
    pub(super) fn claim(&self, ticket: u64) -> bool {
        let asked = ticket << 2 | ASKED;
        self.0.compare_exchange(asked, ticket << 2 | WRITING, AcqRel, Acquire).is_ok()
    }

    /// Handler: the buffer is the asker's.
    pub(super) fn finish(&self, ticket: u64) {
        self.0.store(ticket << 2 | DONE, Release);
    }

    /// Asker: whether the buffer holds what was asked for.
    pub(super) fn is_done(&self, ticket: u64) -> bool {
        self.0.load(Acquire) == ticket << 2 | DONE
    }

    /// Asker: time is up.
    pub(super) fn withdraw(&self, ticket: u64) -> Withdrawn {
        let asked = ticket << 2 | ASKED;
        match self.0.compare_exchange(asked, ticket << 2 | FREE, AcqRel, Acquire) {
            Ok(_) => Withdrawn::Yes,
            Err(word) if word & PHASE == DONE => Withdrawn::Done,
            Err(_) => Withdrawn::Writing,
        }
    }

    /// Asker: the buffer was read.
    pub(super) fn release(&self, ticket: u64) {
        self.0.store(ticket << 2 | FREE, Release);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test's unwrap is an assertion")]

    use std::{
        sync::atomic::{AtomicU64, Ordering::Relaxed},
        thread,
    };

    use super::{Turn, Withdrawn};

    #[test]
    fn a_ticket_is_claimed_once_and_never_after_it_was_withdrawn() {
        let turn = Turn::new();
        assert!(turn.open(1));
        assert!(!turn.claim(2), "another ticket's handler");
        assert!(turn.claim(1));
        assert!(!turn.claim(1), "the same signal twice");
        assert!(!turn.open(2), "the buffer is being written");
        assert_eq!(turn.withdraw(1), Withdrawn::Writing);
        turn.finish(1);
        assert_eq!(turn.withdraw(1), Withdrawn::Done);
        assert!(turn.is_done(1) && !turn.is_done(2));
        turn.release(1);
        assert!(turn.open(2));
        assert_eq!(turn.withdraw(2), Withdrawn::Yes);
        assert!(!turn.claim(2), "late");
        assert!(turn.open(3));
        assert!(turn.claim(3));
        turn.finish(3);
        assert!(turn.open(4), "given up by its asker, then done");
    }

    /// Two handlers for each ticket against an asker without patience: the buffer (two words) is never torn.
    #[test]
    fn handlers_and_an_impatient_asker_never_share_the_buffer() {
        const TICKETS: u64 = 20_000;
        /// Every so many tickets the asker has patience, so that some handler is in time on any machine.
        const PATIENT: u64 = 1_000;
        let (turn, asked) = (Turn::new(), AtomicU64::new(0));
        let buffer = [AtomicU64::new(0), AtomicU64::new(0)];
        let mut taken = 0;
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    loop {
                        match asked.load(Relaxed) {
                            u64::MAX => return,
                            0 => {}
                            ticket if turn.claim(ticket) => {
                                buffer[0].store(ticket, Relaxed);
                                buffer[1].store(ticket, Relaxed);
                                turn.finish(ticket);
                            }
                            _ => {}
                        }
                        std::hint::spin_loop();
                    }
                });
            }
            'tickets: for ticket in 1..=TICKETS {
                // A handler that is late may still have the buffer.
                while !turn.open(ticket) {
                    if ticket % PATIENT != 0 {
                        continue 'tickets;
                    }
                    thread::yield_now();
                }
                asked.store(ticket, Relaxed);
                for _ in 0..ticket % 64 {
                    std::hint::spin_loop();
                }
                while ticket % PATIENT == 0 && !turn.is_done(ticket) {
                    thread::yield_now();
                }
                if turn.is_done(ticket) || turn.withdraw(ticket) == Withdrawn::Done {
                    let words = [buffer[0].load(Relaxed), buffer[1].load(Relaxed)];
                    assert_eq!(words, [ticket, ticket]);
                    turn.release(ticket);
                    taken += 1;
                }
            }
            asked.store(u64::MAX, Relaxed);
        });
        assert!(taken >= TICKETS / PATIENT, "{taken} handlers were in time");
    }
}
