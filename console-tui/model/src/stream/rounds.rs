//! Rounds that came and are not in the state yet: frames wait here until the last one of their round has come.
//!
//! Invariant: what leaves in one go, up to an end, is a whole round, so the state never shows half of one.
//!
//! Limits: [`MAX_WAITING_BYTES`] and [`MAX_ROUND_TIME`]. A server that never ends its round must not freeze the screen or fill the memory:
//! past a limit, what is there counts as a round, and as one without an end.

use std::{collections::VecDeque, time::Duration};

use super::ingest::CheckedFrame;

/// Bytes of frames that wait, as they were sent and with what each takes beside that: a million changed tasks fit.
const MAX_WAITING_BYTES: usize = 64 << 20;
/// The longest wait for the end of a round.
const MAX_ROUND_TIME: Duration = Duration::from_secs(5);

/// See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    /// With the bytes of each.
    frames: VecDeque<(CheckedFrame, usize)>,
    /// Frames of whole rounds, at the front.
    whole: usize,
    bytes: usize,
    /// When the first frame of the round came that has no end yet.
    since: Option<Duration>,
    /// A round is in the state in part.
    halfway: bool,
}

impl Rounds {
    pub(crate) fn push(&mut self, frame: CheckedFrame, now: Duration) {
        let (ends, bytes) = (frame.ends_round(), frame.bytes());
        self.bytes += bytes;
        self.frames.push_back((frame, bytes));
        if ends {
            self.whole = self.frames.len();
            self.since = None;
        } else {
            self.since.get_or_insert(now);
        }
    }

    /// There is more than may wait.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes > MAX_WAITING_BYTES
    }

    /// The end of the last round does not come.
    pub(crate) fn is_overdue(&self, now: Duration) -> bool {
        let waits = |since: Duration| now.saturating_sub(since) >= MAX_ROUND_TIME;
        self.since.is_some_and(waits) || (self.whole == 0 && self.is_full())
    }

    /// What is there of the last round counts as a round.
    pub(crate) fn end_here(&mut self) {
        (self.whole, self.since) = (self.frames.len(), None);
    }

    /// A frame of a whole round is there.
    pub(crate) fn has_whole(&self) -> bool {
        self.whole > 0
    }

    /// Of a round, some frames have left and some have not.
    pub(crate) fn is_halfway(&self) -> bool {
        self.halfway
    }

    /// The only frame of the only round that is there.
    pub(crate) fn is_one_frame(&self) -> bool {
        self.whole == 1 && !self.halfway
    }

    /// The next frame of a whole round, and whether it is the last of it.
    pub(crate) fn next(&mut self) -> Option<(CheckedFrame, bool)> {
        self.whole = self.whole.checked_sub(1)?;
        let (frame, bytes) = self.frames.pop_front()?;
        self.bytes -= bytes;
        let last = frame.ends_round() || self.whole == 0;
        self.halfway = !last;
        Some((frame, last))
    }

    /// What is there of a round that will not end any more is thrown away.
    pub(crate) fn drop_unfinished(&mut self) {
        self.frames.truncate(self.whole);
        self.bytes = self.frames.iter().map(|(_, bytes)| bytes).sum();
        self.since = None;
    }

    /// Another state takes the place of the one that they are for.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use taskscope_proto::v1;

    use super::*;

    /// A frame of a round, with a text of so many bytes.
    fn frame(round: u64, round_end: bool, bytes: usize) -> CheckedFrame {
        let text = v1::Thread { index: 1, name: "x".repeat(bytes), os_id: 0 };
        let frame = v1::Frame { round, round_end, threads: vec![text], ..v1::Frame::default() };
        CheckedFrame::new(Box::new(frame)).unwrap()
    }

    fn lasts(rounds: &mut Rounds) -> Vec<bool> {
        std::iter::from_fn(|| rounds.next()).map(|(_, last)| last).collect()
    }

    #[test]
    fn a_round_leaves_when_its_end_has_come() {
        let mut rounds = Rounds::default();
        let at = Duration::from_secs(1);
        rounds.push(frame(1, false, 0), at);
        assert!(!rounds.has_whole() && !rounds.is_overdue(at));
        rounds.push(frame(1, true, 0), at);
        rounds.push(frame(2, false, 0), at);
        assert_eq!(lasts(&mut rounds), [false, true], "the second round waits for its end");
        rounds.drop_unfinished();
        rounds.push(frame(2, true, 0), at);
        assert_eq!(lasts(&mut rounds), [true]);
    }

    #[test]
    fn an_end_that_does_not_come_is_waited_for_as_long_as_the_limit_says() {
        let mut rounds = Rounds::default();
        let start = Duration::from_secs(10);
        rounds.push(frame(1, false, 0), start);
        // Later frames of the round don't begin the wait anew.
        rounds.push(frame(1, false, 0), start + Duration::from_secs(4));
        let limit = start + MAX_ROUND_TIME;
        assert!(!rounds.is_overdue(limit.checked_sub(Duration::from_millis(1)).unwrap()));
        assert!(rounds.is_overdue(limit));
        rounds.end_here();
        assert!(!rounds.is_overdue(limit));
        assert_eq!(lasts(&mut rounds), [false, true]);
        assert!(!rounds.has_whole() && !rounds.is_halfway());
    }

    #[test]
    fn a_round_that_is_larger_than_the_limit_does_not_wait_for_its_end() {
        let mut rounds = Rounds::default();
        let at = Duration::from_secs(1);
        let part = MAX_WAITING_BYTES / 4;
        for pushed in 1..=4 {
            rounds.push(frame(1, false, part), at);
            assert_eq!(rounds.is_overdue(at), pushed == 4, "{pushed}");
        }
        rounds.end_here();
        assert_eq!(lasts(&mut rounds), [false, false, false, true]);
        assert!(!rounds.is_full(), "what left is counted no more");
    }
}
