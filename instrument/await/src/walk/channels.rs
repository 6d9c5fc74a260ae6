//! Channels by what their ends share, the ends among a frame's variables and in messages that it has yet to receive, and the tasks of a `JoinSet`.

use rustc_hash::FxHashSet;

use super::{MAX_CHILDREN, Walk};
use crate::{
    roles::Keeps,
    tree::{Channel, ChannelKind, End},
    types::{Kind, Type, TypeId},
};

/// Types inside one another that an end is looked for in: `Option<Vec<(Sender, …)>>` by value.
const MAX_END_DEPTH: u32 = 8;
/// Ends of a frame.
const MAX_ENDS: usize = 16;

impl Walk<'_> {
    /// The channel that an end has in a field.
    pub(super) fn channel(
        &mut self,
        id: TypeId,
        field: &str,
        address: u64,
        kind: ChannelKind,
    ) -> Option<Channel> {
        let (_, shared) = self.program.pointer_in(id, field)?;
        let at = self.follow(id, field, address)?;
        let mut channel = Channel { address: at, kind, ..Channel::default() };
        if kind == ChannelKind::Mpsc {
            let count = self.program.find(shared, &|id, _| self.program.field(id, "tx_count").is_some());
            if let Some((chan_at, chan)) = count {
                let (count_at, _) = self.program.field(chan, "tx_count")?;
                channel.senders = self.word(at.wrapping_add(chan_at).wrapping_add(count_at));
            }
            self.room(shared, at, &mut channel);
        }
        Some(channel)
    }

    /// Capacity and depth of a bounded channel.
    fn room(&mut self, shared: TypeId, at: u64, channel: &mut Channel) {
        let bounded = self.program.find(shared, &|id, _| self.program.field(id, "bound").is_some());
        let Some((bounded_at, bounded)) = bounded else { return };
        let at = at.wrapping_add(bounded_at);
        let (bound, semaphore) =
            (self.program.field(bounded, "bound"), self.program.field(bounded, "semaphore"));
        let (Some((bound_at, _)), Some((semaphore_at, semaphore))) = (bound, semaphore) else { return };
        channel.capacity = self.word(at.wrapping_add(bound_at));
        let free = self.free_permits(semaphore, at.wrapping_add(semaphore_at));
        channel.depth = channel.capacity.zip(free).map(|(capacity, free)| capacity.saturating_sub(free));
    }

    /// The channel that a function of tokio's sends to: `send(&self)` has its end by reference.
    pub(super) fn channel_of(&mut self, state: &Type, address: u64) -> Option<Channel> {
        state.members.iter().find_map(|member| {
            let Kind::Pointer(to) = self.index.ty(member.ty).kind else { return None };
            let Some(Keeps::End { field, kind, sends: true }) = self.program.roles.keeps(to) else {
                return None;
            };
            let at = self.word(address.wrapping_add(member.offset))?;
            self.channel(to, field, at, kind)
        })
    }

    /// The ends of channels that a state's variables own.
    pub(super) fn ends(&mut self, state: &Type, address: u64) -> Vec<End> {
        let mut ends = Vec::new();
        let mut seen = FxHashSet::default();
        for member in &state.members {
            if self.index.text(member.name) != "__awaitee" && seen.insert(member.offset) {
                self.ends_in(member.ty, address.wrapping_add(member.offset), 0, &mut ends);
            }
        }
        ends
    }

    /// Through live variants alone.
    pub(super) fn ends_in(&mut self, id: TypeId, address: u64, depth: u32, ends: &mut Vec<End>) {
        if !self.program.roles.may_keep(id) || depth > MAX_END_DEPTH || ends.len() == MAX_ENDS {
            return;
        }
        if let Some(Keeps::End { field, kind, sends }) = self.program.roles.keeps(id) {
            let end = self.channel(id, field, address, kind).map(|channel| End { channel, sends });
            // One that was moved away leaves its bytes; the same end twice is one.
            ends.extend(end.filter(|end| !ends.contains(end)));
            if kind == ChannelKind::Mpsc && !sends {
                self.ends_in_messages(id, field, address, depth, ends);
            }
            return;
        }
        let ty = self.index.ty(id);
        // The ends of a future that it has are that future's.
        if crate::roles::is_coroutine(self.index.text(ty.name)) {
            return;
        }
        if let Some(variant) = self.variant(ty, address) {
            self.ends_in(variant.ty, address.wrapping_add(variant.offset), depth + 1, ends);
        }
        for member in &ty.members {
            self.ends_in(member.ty, address.wrapping_add(member.offset), depth + 1, ends);
        }
    }

    /// The headers of a `JoinSet`'s tasks: of both of its lists.
    pub(super) fn children(&mut self, set: TypeId, lists: u64) -> Vec<u64> {
        let mut headers = Vec::new();
        let Some((_, shared)) = self.program.pointer_in(set, "lists") else { return headers };
        for list in ["notified", "idle"] {
            let found = self.program.find(shared, &|id, _| {
                self.program.field(id, "notified").is_some() && self.program.field(id, "idle").is_some()
            });
            let Some((inner_at, inner)) = found else { return headers };
            let Some((list_at, list)) = self.program.field(inner, list) else { return headers };
            let Some((head_at, head)) = self.program.field(list, "head") else { return headers };
            let Some((_, entry)) = self.program.first_pointer(head) else { return headers };
            let at = lists.wrapping_add(inner_at).wrapping_add(list_at).wrapping_add(head_at);
            self.entries(entry, at, &mut headers);
        }
        headers
    }

    /// Follows a list of entries from its head.
    fn entries(&mut self, entry: TypeId, head: u64, headers: &mut Vec<u64>) {
        let is_pointers = |id: TypeId, _: &Type| {
            self.program.field(id, "next").is_some() && self.program.field(id, "prev").is_some()
        };
        let pointers = self.program.find(entry, &is_pointers);
        let raw = self.program.find(entry, &|id, _| self.program.field(id, "raw").is_some());
        let (Some((pointers_at, pointers)), Some((handle_at, handle))) = (pointers, raw) else { return };
        let Some((next_at, _)) = self.program.field(pointers, "next") else { return };
        let size = self.index.ty(entry).size;
        let mut at = self.address(head);
        while let Some(entry) = at.filter(|_| headers.len() < MAX_CHILDREN) {
            if self.bytes(entry, size).is_none() {
                return;
            }
            headers.extend(self.follow(handle, "raw", entry.wrapping_add(handle_at)));
            at = self.address(entry.wrapping_add(pointers_at).wrapping_add(next_at));
        }
    }
}
