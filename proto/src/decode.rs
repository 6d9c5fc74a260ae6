//! From bytes to messages, with a look at the bytes first.
//!
//! An empty entry of a list is two bytes on the wire and up to 250 in memory: [`MAX_DECODE_BYTES`] of them would be
//! half a gigabyte before anybody could refuse the frame. So the entries are counted before they are made.
//!
//! Invariant: a decoded message takes at most some twenty times [`MAX_DECODE_BYTES`], whatever the bytes.
//!
//! Limit: only a message's own lists are counted; those inside its entries cost what plain numbers cost.

#[cfg(any(feature = "client", feature = "server"))]
pub(crate) mod codec;

use prost::{
    DecodeError, Message,
    bytes::Buf,
    encoding::{DecodeContext, WireType, decode_key, skip_field},
};

use crate::{
    limits::{MAX_DECODE_BYTES, MAX_DETAILS, MAX_SITES, MAX_THREADS},
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
    Malformed(#[from] DecodeError),
}

/// A message whose lists are counted before they are made.
pub trait Bounded: Message + Default {
    /// The numbers of the list fields, and how many entries each may have.
    const LISTS: &'static [(u32, usize)];
}

impl Bounded for v1::Frame {
    // Sites, threads, totals (with the "other" that has no index), details.
    const LISTS: &'static [(u32, usize)] =
        &[(6, MAX_SITES), (7, MAX_THREADS), (11, MAX_SITES + 1), (13, MAX_DETAILS)];
}

impl Bounded for v1::WatchRequest {
    // Its one list is of pairs of numbers, no larger in memory than four times its bytes.
    const LISTS: &'static [(u32, usize)] = &[];
}

/// Reads a message that may come from anybody.
///
/// # Errors
/// The bytes are too many, are no such message, or hold a list that is longer than it may be.
pub fn decode<M: Bounded>(bytes: impl Buf + Clone) -> Result<M, BytesError> {
    if bytes.remaining() > MAX_DECODE_BYTES {
        return Err(BytesError::TooLarge { bytes: bytes.remaining() });
    }
    count(bytes.clone(), M::LISTS)?;
    Ok(M::decode(bytes)?)
}

fn count(mut bytes: impl Buf, lists: &[(u32, usize)]) -> Result<(), BytesError> {
    let mut left: Vec<usize> = lists.iter().map(|(_, max)| *max).collect();
    while bytes.has_remaining() {
        let (tag, wire_type) = decode_key(&mut bytes)?;
        if let Some(list) = lists.iter().position(|(list, _)| *list == tag)
            && wire_type == WireType::LengthDelimited
        {
            let max = lists[list].1;
            left[list] = left[list].checked_sub(1).ok_or(BytesError::TooMany { tag, max })?;
        }
        skip_field(wire_type, tag, &mut bytes, DecodeContext::default())?;
    }
    Ok(())
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
