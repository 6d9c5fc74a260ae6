//! The ends of channels in messages that an `mpsc` channel has and its receiver has not taken: who receives them has these ends, and an answer that is waited
//! for may depend on it.
//!
//! tokio's queue is a list of blocks of 32 places, `sync/mpsc/{list,block}.rs`: the receiver knows the block and the number of the next message, and a
//! block has a bit for each place that is filled.

use super::Walk;
use crate::{
    tree::End,
    types::{Kind, Type, TypeId},
};

/// Messages of a channel that are looked at.
const MAX_MESSAGES: usize = 64;
/// Blocks of a channel that are looked at: the first may be full of messages that were received.
const MAX_BLOCKS: usize = 4;
/// Places of a block.
const PLACES: u64 = 32;

/// Where things are in a block.
struct Block {
    bytes: u64,
    start: u64,
    ready: u64,
    next: u64,
    /// The first value, and its type.
    values: u64,
    message: TypeId,
    message_bytes: u64,
}

impl Walk<'_> {
    /// Adds the ends in the messages of the channel that a receiver has in a field.
    pub(super) fn ends_in_messages(
        &mut self,
        receiver: TypeId,
        field: &str,
        address: u64,
        depth: u32,
        ends: &mut Vec<End>,
    ) {
        let found = self.queue(receiver, field, address);
        let Some((block, mut at, mut number)) = found else { return };
        // Most messages have none, and are not read.
        if !self.program.roles.may_keep(block.message) {
            return;
        }
        let mut left = MAX_MESSAGES;
        for _ in 0..MAX_BLOCKS {
            if self.bytes(at, block.bytes).is_none() {
                return;
            }
            let (Some(start), Some(ready)) =
                (self.word(at.wrapping_add(block.start)), self.word(at.wrapping_add(block.ready)))
            else {
                return;
            };
            while number.wrapping_sub(start) < PLACES && left > 0 {
                let place = number.wrapping_sub(start);
                // Messages are received in their order: one that is being written holds up those behind it.
                if ready >> place & 1 == 0 {
                    return;
                }
                let message =
                    at.wrapping_add(block.values).wrapping_add(place.wrapping_mul(block.message_bytes));
                self.ends_in(block.message, message, depth + 1, ends);
                (number, left) = (number.wrapping_add(1), left - 1);
            }
            let Some(next) = self.address(at.wrapping_add(block.next)) else { return };
            at = next;
        }
    }

    /// How a block is laid out, where the receiver's is, and the number of its next message.
    fn queue(&mut self, receiver: TypeId, field: &str, address: u64) -> Option<(Block, u64, u64)> {
        let program = self.program;
        let (_, shared) = program.pointer_in(receiver, field)?;
        let at = self.follow(receiver, field, address)?;
        let is_list = |id: TypeId, _: &Type| {
            ["head", "index", "free_head"].iter().all(|name| program.field(id, name).is_some())
        };
        let (list_at, list) = program.find(shared, &is_list)?;
        let (head_at, block) = program.pointer_in(list, "head")?;
        let (index_at, _) = program.field(list, "index")?;
        let layout = program.block(block)?;
        let list_at = at.wrapping_add(list_at);
        let head = self.address(list_at.wrapping_add(head_at))?;
        let number = self.word(list_at.wrapping_add(index_at))?;
        Some((layout, head, number))
    }
}

impl super::Program {
    fn block(&self, block: TypeId) -> Option<Block> {
        let ty = self.index.ty(block);
        let (header_at, header) = self.field(block, "header")?;
        let field = |name: &str| Some(header_at.checked_add(self.field(header, name)?.0)?);
        let (values_at, values) = self.field(block, "values")?;
        let (array_at, array) = self.find(values, &|_, ty| matches!(ty.kind, Kind::Array(..)))?;
        let Kind::Array(of, _) = self.index.ty(array).kind else { return None };
        let message = ty.params.iter().find(|(name, _)| self.index.text(*name) == "T")?.1;
        Some(Block {
            bytes: ty.size,
            start: field("start_index")?,
            ready: field("ready_slots")?,
            next: field("next")?,
            values: values_at.checked_add(array_at)?,
            message,
            message_bytes: self.index.ty(of).size,
        })
    }
}
