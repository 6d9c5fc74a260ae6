//! From bytes to messages, with a look at the bytes first.
//!
//! An empty entry of a list is two bytes on the wire and up to 250 in memory: [`MAX_DECODE_BYTES`] of them would be
//! half a gigabyte before anybody could refuse the frame. So the entries are counted before they are made.
//!
//! Invariant: a decoded message takes at most some twenty times [`MAX_DECODE_BYTES`], whatever the bytes.
//!
//! Limit: lists named in [`Bounded::LISTS`] are counted; the others are of numbers or of pairs of them, and cost what plain numbers cost.

#[cfg(any(feature = "client", feature = "server"))]
pub(crate) mod codec;

use prost::{
    DecodeError, Message,
    bytes::Buf,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field},
};

use crate::{
    limits::{
        MAX_AWAIT_FRAMES, MAX_AWAIT_TREES, MAX_CODE_FILES, MAX_DECODE_BYTES, MAX_DESCRIPTORS, MAX_DETAILS,
        MAX_LONG_POLLS, MAX_RESOURCE_DETAILS, MAX_RUNTIMES, MAX_SITES, MAX_STACK_FRAMES, MAX_STUCK_POLLS,
        MAX_THREADS, MAX_WORKERS,
    },
    v1,
};

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BytesError {
    /// Larger than a receiver takes.
    #[error("a message of {bytes} bytes, but at most {MAX_DECODE_BYTES} are taken")]
    TooLarge {
        /// Its bytes.
        bytes: usize,
    },
    /// A list with more entries than it may have.
    #[error("field {tag} has more than {max} entries")]
    TooMany {
        /// The field's number in the schema.
        tag: u32,
        /// Its limit.
        max: usize,
    },
    /// Not protobuf, or not this message.
    #[error("not a message of this protocol: {0}")]
    Malformed(DecodeError),
}

impl From<DecodeError> for BytesError {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

/// A list of messages, or a single message with such lists in it.
#[derive(Debug)]
pub struct List {
    /// The field's number in the schema.
    tag: u32,
    /// Entries it may have, over all messages around it.
    max: usize,
    /// The lists inside its entries.
    inside: &'static [List],
}

/// A message whose lists are counted before they are made.
pub trait Bounded: Message + Default {
    /// The lists of messages in it.
    const LISTS: &'static [List];
}

const fn list(tag: u32, max: usize, inside: &'static [List]) -> List {
    List { tag, max, inside }
}

impl Bounded for v1::Frame {
    const LISTS: &'static [List] = &[
        list(6, MAX_SITES, &[]),
        list(7, MAX_THREADS, &[]),
        // With the "other" that has no index.
        list(11, MAX_SITES + 1, &[]),
        list(13, MAX_DETAILS, &[]),
        list(23, MAX_RESOURCE_DETAILS, &[]),
        // A field that comes twice is merged: its lists are counted together.
        list(
            24,
            1,
            &[
                list(1, MAX_RUNTIMES, &[]),
                list(2, MAX_WORKERS, &[]),
                list(
                    3,
                    MAX_STUCK_POLLS,
                    &[
                        list(7, MAX_STUCK_POLLS * MAX_STACK_FRAMES, &[]),
                        list(11, MAX_STUCK_POLLS * MAX_CODE_FILES, &[]),
                    ],
                ),
                list(4, MAX_LONG_POLLS, &[]),
            ],
        ),
        list(25, 1, &[list(1, MAX_DESCRIPTORS, &[])]),
        list(26, MAX_AWAIT_TREES, &[list(3, MAX_AWAIT_TREES * MAX_AWAIT_FRAMES, &[])]),
    ];
}

impl Bounded for v1::WatchRequest {
    // Its lists are of pairs of numbers, no larger in memory than four times their bytes.
    const LISTS: &'static [List] = &[];
}

/// Reads a message that may come from anybody.
///
/// # Errors
/// The bytes are too many, are no such message, or hold a list that is longer than it may be.
pub fn decode<M: Bounded>(bytes: impl Buf + Clone) -> Result<M, BytesError> {
    if bytes.remaining() > MAX_DECODE_BYTES {
        return Err(BytesError::TooLarge { bytes: bytes.remaining() });
    }
    let mut copy = bytes.clone();
    count(&mut copy, M::LISTS)?;
    Ok(M::decode(bytes)?)
}

fn count(bytes: &mut impl Buf, lists: &'static [List]) -> Result<(), BytesError> {
    let mut left = Left::of(lists);
    left.count(bytes)
}

/// How many entries are left of each list of a message and of those inside.
struct Left(Vec<(&'static List, usize, Left)>);

impl Left {
    fn of(lists: &'static [List]) -> Self {
        Self(lists.iter().map(|list| (list, list.max, Self::of(list.inside))).collect())
    }

    /// By a trait object: a type for each depth would be types without end.
    fn count(&mut self, mut bytes: &mut dyn Buf) -> Result<(), BytesError> {
        while bytes.has_remaining() {
            let (tag, wire_type) = decode_key(&mut bytes)?;
            let found = self.0.iter_mut().find(|(list, ..)| list.tag == tag);
            let Some((list, left, inside)) = found.filter(|_| wire_type == WireType::LengthDelimited) else {
                skip_field(wire_type, tag, &mut bytes, DecodeContext::default())?;
                continue;
            };
            *left = left.checked_sub(1).ok_or(BytesError::TooMany { tag, max: list.max })?;
            if inside.0.is_empty() {
                skip_field(wire_type, tag, &mut bytes, DecodeContext::default())?;
                continue;
            }
            let length = decode_varint(&mut bytes)?;
            let length = usize::try_from(length).ok().filter(|length| *length <= bytes.remaining());
            // The decoder says what is wrong with a length past the end.
            let Some(length) = length else { return Ok(()) };
            inside.count(&mut (&mut *bytes).take(length))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn survives(frame: &v1::Frame) -> Result<v1::Frame, BytesError> {
        decode(frame.encode_to_vec().as_slice())
    }

    #[test]
    fn lists_are_taken_up_to_their_limit() {
        let full = v1::Frame {
            sites: vec![v1::Site::default(); MAX_SITES],
            threads: vec![v1::Thread::default(); MAX_THREADS],
            totals: vec![v1::SiteTotals::default(); MAX_SITES + 1],
            details: vec![v1::TaskDetail::default(); MAX_DETAILS],
            ..v1::Frame::default()
        };
        assert_eq!(survives(&full).as_ref(), Ok(&full));

        let over = |change: fn(&mut v1::Frame)| {
            let mut frame = full.clone();
            change(&mut frame);
            survives(&frame)
        };
        let refused = |tag, max| Err(BytesError::TooMany { tag, max });
        assert_eq!(over(|frame| frame.sites.push(v1::Site::default())), refused(6, MAX_SITES));
        assert_eq!(over(|frame| frame.threads.push(v1::Thread::default())), refused(7, MAX_THREADS));
        assert_eq!(over(|frame| frame.totals.push(v1::SiteTotals::default())), refused(11, MAX_SITES + 1));
        assert_eq!(over(|frame| frame.details.push(v1::TaskDetail::default())), refused(13, MAX_DETAILS));
        let stuck = v1::StuckPoll { stack: vec![v1::StackFrame::default(); 64], ..Default::default() };
        let scheduler = v1::Scheduler { stuck: vec![stuck; MAX_STUCK_POLLS], ..Default::default() };
        let mut nested = v1::Frame { scheduler: Some(scheduler), ..Default::default() };
        assert_eq!(survives(&nested).as_ref(), Ok(&nested));
        nested.scheduler.as_mut().unwrap().stuck[3].stack.push(v1::StackFrame::default());
        assert_eq!(survives(&nested), refused(7, MAX_STUCK_POLLS * MAX_STACK_FRAMES));
        let stuck = &mut nested.scheduler.as_mut().unwrap().stuck;
        stuck[3].stack.pop();
        stuck[0].code_files = vec![v1::CodeFile::default(); MAX_STUCK_POLLS * MAX_CODE_FILES + 1];
        assert_eq!(survives(&nested), refused(11, MAX_STUCK_POLLS * MAX_CODE_FILES));
    }

    #[test]
    fn a_bomb_of_empty_entries_is_refused_before_it_is_made() {
        // Field 13, length 0, over and over: two million details in four megabytes.
        let bomb = [13 << 3 | 2, 0].repeat(MAX_DECODE_BYTES / 2);
        assert_eq!(
            decode::<v1::Frame>(bomb.as_slice()),
            Err(BytesError::TooMany { tag: 13, max: MAX_DETAILS })
        );
        let larger = vec![0; MAX_DECODE_BYTES + 1];
        let refused = Err(BytesError::TooLarge { bytes: larger.len() });
        assert_eq!(decode::<v1::Frame>(larger.as_slice()), refused);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            // Random bytes are rarely a message; all that counts is that they come to an end.
            let _ = decode::<v1::Frame>(bytes.as_slice());
            let _ = decode::<v1::WatchRequest>(bytes.as_slice());
        }

        #[test]
        fn a_damaged_frame_does_not_panic(at in any::<prop::sample::Index>(), to in any::<u8>()) {
            let frame = v1::Frame {
                sequence: 7,
                sites: vec![v1::Site { index: 1, file: "src/main.rs".into(), line: 3, column: 9 }],
                stats: Some(v1::StatColumns { slot_delta: vec![1, 2, 3], polls: vec![9; 3], ..Default::default() }),
                ..v1::Frame::default()
            };
            let mut bytes = frame.encode_to_vec();
            let at = at.index(bytes.len());
            bytes[at] = to;
            let _ = decode::<v1::Frame>(bytes.as_slice());
        }
    }
}
