//! Their updates from bytes, with a look at the bytes first.
//!
//! They send everything they know in one message: far more than one of our frames may have. An empty entry of a list is two
//! bytes there and up to 300 in memory, so entries are counted before they are made.
//!
//! Invariant: a message takes at most [`MAX_MESSAGE_BYTES`] and [`MAX_ENTRIES`] times the largest entry, whatever the bytes.

use console_api::instrument::{InstrumentRequest, Update};
use prost::{
    DecodeError, Message as _,
    bytes::Buf,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field},
};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder},
};
use tonic_prost::{ProstCodec, ProstEncoder};

/// Largest update that is taken. Theirs keep their first one below 4 MiB, but not those after it, and old ones neither.
pub(super) const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

/// Entries of all lists of an update together: those of 100,000 tasks that are new at the same moment.
const MAX_ENTRIES: usize = 1 << 20;

/// The lists and parts of a message, by their numbers in its schema.
struct Shape {
    /// Lists of texts or numbers.
    lists: &'static [u32],
    /// Lists of messages.
    messages: &'static [(u32, &'static Shape)],
    /// Parts that have lists of their own.
    parts: &'static [(u32, &'static Shape)],
}

const PLAIN: Shape = Shape { lists: &[], messages: &[], parts: &[] };
const STATS_WITH_ATTRIBUTES: Shape = Shape { lists: &[], messages: &[(3, &PLAIN), (6, &PLAIN)], parts: &[] };
const ENTRY_OF_MAP: Shape = Shape { parts: &[(2, &STATS_WITH_ATTRIBUTES)], ..PLAIN };
const TASK: Shape = Shape { messages: &[(4, &PLAIN), (5, &PLAIN)], ..PLAIN };
const TASKS: Shape = Shape { messages: &[(1, &TASK), (3, &PLAIN)], ..PLAIN };
const RESOURCES: Shape = Shape { messages: &[(1, &PLAIN), (2, &ENTRY_OF_MAP), (3, &PLAIN)], ..PLAIN };
const OPS: Shape = Shape { messages: &[(1, &PLAIN), (2, &ENTRY_OF_MAP)], ..PLAIN };
const METADATA: Shape = Shape { lists: &[7], ..PLAIN };
const NEW_METADATA: Shape = Shape { parts: &[(2, &METADATA)], ..PLAIN };
const ALL_METADATA: Shape = Shape { messages: &[(1, &NEW_METADATA)], ..PLAIN };
const UPDATE: Shape =
    Shape { parts: &[(2, &TASKS), (3, &RESOURCES), (4, &OPS), (5, &ALL_METADATA)], ..PLAIN };

/// Reads an update that may come from anybody.
pub(super) fn decode(bytes: &[u8]) -> Result<Update, Status> {
    let mut left = MAX_ENTRIES;
    let refused = |error: DecodeError| Status::internal(format!("not a message of tokio-console: {error}"));
    if !count(bytes, &UPDATE, &mut left).map_err(refused)? {
        return Err(Status::internal(format!("an update with more than {MAX_ENTRIES} entries")));
    }
    Update::decode(bytes).map_err(refused)
}

/// Takes the entries of a message from `left`. False: there are more.
fn count(mut bytes: &[u8], shape: &Shape, left: &mut usize) -> Result<bool, DecodeError> {
    while bytes.has_remaining() {
        let (tag, wire_type) = decode_key(&mut bytes)?;
        let has =
            |list: &[(u32, &'static Shape)]| list.iter().find(|(of, _)| *of == tag).map(|(_, part)| *part);
        let (message, part) = (has(shape.messages), has(shape.parts));
        if message.is_some() || shape.lists.contains(&tag) {
            let Some(fewer) = left.checked_sub(1) else { return Ok(false) };
            *left = fewer;
        }
        let inside = message.or(part).filter(|_| wire_type == WireType::LengthDelimited);
        let Some(inside) = inside else {
            skip_field(wire_type, tag, &mut bytes, DecodeContext::default())?;
            continue;
        };
        let length = usize::try_from(decode_varint(&mut bytes)?).unwrap_or(usize::MAX);
        let Some((body, rest)) = bytes.split_at_checked(length) else {
            // The decoder says what is wrong.
            return Ok(true);
        };
        if !count(body, inside, left)? {
            return Ok(false);
        }
        bytes = rest;
    }
    Ok(true)
}

/// The codec of `WatchUpdates`.
#[derive(Debug, Default)]
pub(super) struct UpdateCodec;

impl Codec for UpdateCodec {
    type Encode = InstrumentRequest;
    type Decode = Update;
    type Encoder = ProstEncoder<InstrumentRequest>;
    type Decoder = Self;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<InstrumentRequest, Update>::default().encoder()
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Decoder for UpdateCodec {
    type Item = Update;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Update>, Status> {
        let bytes = bytes.copy_to_bytes(bytes.remaining());
        decode(&bytes).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use console_api::tasks::{Stats, Task, TaskUpdate};
    use proptest::prelude::*;

    fn tasks(update: TaskUpdate) -> Update {
        Update { task_update: Some(update), ..Update::default() }
    }

    #[test]
    fn a_message_larger_than_ours_is_read() {
        let new_tasks: Vec<Task> = (1..100_000)
            .map(|id| Task {
                id: Some(console_api::Id { id }),
                fields: vec![console_api::Field::default(); 2],
                ..Task::default()
            })
            .collect();
        let stats_update = (1..100_000).map(|id| (id, Stats::default())).collect();
        let update = tasks(TaskUpdate { new_tasks, stats_update, dropped_events: 3 });
        let bytes = update.encode_to_vec();
        assert_eq!(decode(&bytes).unwrap(), update);
    }

    #[test]
    fn bombs_of_empty_entries_are_refused() {
        // Lists in a task update: tasks, and entries of the map; and field names in metadata, three parts deep.
        for (outer, inner) in [(2_u8, 1_u8), (2, 3), (3, 3), (4, 1), (5, 1)] {
            let body = [inner << 3 | 2, 0].repeat(MAX_ENTRIES + 1);
            let mut bomb = vec![outer << 3 | 2];
            prost::encoding::encode_varint(body.len() as u64, &mut bomb);
            bomb.extend(body);
            let refused = decode(&bomb).unwrap_err();
            assert!(refused.message().contains("entries"), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode(&bytes);
        }
    }
}
