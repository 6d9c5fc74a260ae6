//! The columnar messages, each described once. What a field means is said in the schema.

use super::{
    Row, SlotRef,
    describe::{cell, columns, item, lists, row, texts},
};
use crate::{
    agent::AgentRef,
    columns::ColumnError,
    limits::{MAX_HOLDERS, MAX_SITES, MAX_THREADS},
    v1::{AttributeKind, EventColumns, EventKind, TaskKind, TaskState},
};

const SITES: u32 = MAX_SITES as u32;

columns!(TaskColumns: TaskRow, texts: strings);
row! {
    /// What never changes of a task.
    TaskRow of TaskColumns {
        /// Of the slot.
        generation: u32,
        /// Tokio's number of the task; 0: unknown.
        tokio_id: u64,
        /// Number of the place that spawned it; 0: unknown.
        site: u32 [SITES],
        /// What made it.
        kind: TaskKind,
        /// Number of a text; 0: none.
        name: u32,
        /// Number of a text, `key=value key=value`; 0: none.
        fields: u32,
        /// When it was spawned.
        created_ago_ns: u64,
        /// The task that spawned it.
        parent: Option<SlotRef> = parent_slot_plus1 + parent_generation,
        /// Of the future; 0: unknown.
        size_bytes: u32,
        /// Before tokio boxed it; 0: it did not.
        original_size_bytes: u32,
        /// Bits of `Knows`.
        knows: u32,
    }
}

columns!(StatColumns: StatRow);
row! {
    /// What changes of a task.
    StatRow of StatColumns {
        /// What it does.
        state: TaskState,
        /// Since when.
        state_ago_ns: u64,
        /// Polls begun.
        polls: u64,
        /// Time in polls that ended.
        busy_ns: u64,
        /// Time between wake and poll, of polls begun.
        scheduled_ns: u64,
        /// All wakes.
        wakes: u64,
        /// Those by itself, in its own poll.
        self_wakes: u64,
        /// Wakers cloned.
        waker_clones: u64,
        /// Wakers dropped.
        waker_drops: u64,
        /// Wakers alive; `None`: unknown.
        wakers: Option<u32> = wakers_plus1,
        /// The last wake; `None`: never.
        last_wake_ago_ns: Option<u64> = last_wake_ago_ns_plus1,
        /// Who woke it last.
        last_waker: AgentRef,
        /// Of the polls that ended.
        longest_poll_ns: u64,
        /// Of the waits between wake and poll that ended.
        longest_scheduled_ns: u64,
        /// The operations under way are known to be all that it waits for.
        all_waits: bool,
    }
}

columns!(ResourceColumns: ResourceRow, texts: strings);
row! {
    /// What never changes of a resource.
    ResourceRow of ResourceColumns {
        /// Of the slot.
        generation: u32,
        /// Number of a text: `Mutex`.
        concrete_type: u32,
        /// Number of a text: `Sync`.
        kind: u32,
        /// Number of the place that made it; 0: unknown.
        site: u32 [SITES],
        /// The resource that it is a part of.
        parent: Option<SlotRef> = parent_slot_plus1 + parent_generation,
        /// A part that the program never sees.
        internal: bool,
        /// When it was made.
        created_ago_ns: u64,
        /// Number of a text, what the program calls it; 0: none.
        name: u32,
    }
}

columns!(ResourceStatColumns: ResourceStatRow, texts in attributes: strings, items: AttributeRow in attributes);
row! {
    /// What changes of a resource: its attributes, and nothing beside them.
    ResourceStatRow of ResourceStatColumns {}
}

columns!(OpColumns: OpRow, texts: strings);
row! {
    /// What never changes of an operation.
    OpRow of OpColumns {
        /// Of the slot.
        generation: u32,
        /// Number of a text: `Mutex::lock`.
        source: u32,
        /// The resource that it is on; `None`: unknown.
        resource: Option<SlotRef> = resource_slot_plus1 + resource_generation,
        /// The operation that it is a part of.
        parent: Option<SlotRef> = parent_slot_plus1 + parent_generation,
        /// When it began.
        created_ago_ns: u64,
        /// Number of the place where it began; 0: unknown.
        site: u32 [SITES],
        /// The channel that its task sent to before it waited here.
        asked: Option<SlotRef> = asked_slot_plus1 + asked_generation,
    }
}

columns!(OpStatColumns: OpStatRow, texts in attributes: strings, items: AttributeRow in attributes);
row! {
    /// What changes of an operation, beside its attributes.
    OpStatRow of OpStatColumns {
        /// The task that polled it last.
        task: Option<SlotRef> = task_slot_plus1 + task_generation,
        /// Idle, running or done.
        state: TaskState,
        /// Since when.
        state_ago_ns: u64,
        /// Polls begun.
        polls: u64,
        /// Time in polls that ended.
        busy_ns: u64,
        /// Since when what it waits for is its own, without a poll that took it; `None`: it is not, or unknown.
        granted_ago_ns: Option<u64> = granted_ago_ns_plus1,
        /// Number of the thread that it blocks; 0: none.
        thread: u32 [MAX_THREADS as u32],
        /// It has the waker of its task; false: unknown.
        own_waker: bool,
    }
}

item!(AttributeRow of Attributes by name: u32, count count);
row! {
    /// An attribute of a resource or an operation.
    AttributeRow of Attributes {
        /// Number of a text: `permits`.
        name: u32,
        /// What `value` is.
        kind: AttributeKind,
        /// A number, 0 or 1, or the number of a text.
        value: u64,
        /// Number of a text: `ms`; 0: none.
        unit: u32,
    }
}

columns!(LockColumns: LockRow, items: HolderRow);
row! {
    /// A lock, beside who holds it.
    LockRow of LockColumns {
        /// Holders past [`MAX_HOLDERS`].
        more_holders: u32,
        /// Times that it was taken.
        acquisitions: u64,
        /// Those that had to wait.
        contended: u64,
        /// Sum of the holds that ended.
        hold_ns: u64,
        /// Sum of the waits that ended.
        wait_ns: u64,
        /// Longest hold that ended.
        longest_hold_ns: u64,
        /// Longest wait that ended.
        longest_wait_ns: u64,
        /// 99th percentile of the holds; 0: none yet, or unknown.
        hold_p99_ns: u64,
        /// 99th percentile of the waits; 0: none yet, or unknown.
        wait_p99_ns: u64,
        /// A holder panicked.
        poisoned: bool,
        /// Since when it is free; `None`: it is held, or never was.
        free_ago_ns: Option<u64> = free_ago_ns_plus1,
        /// Bits of `LockKnows`.
        knows: u32,
    }
}

item!(HolderRow of LockColumns by holder: u64, count holders [MAX_HOLDERS as u32]);
row! {
    /// A holder of a lock.
    HolderRow of LockColumns {
        /// Who acquired it.
        holder: AgentRef,
        /// When.
        held_ago_ns: u64,
        /// Number of the place where; 0: unknown.
        site: u32 = holder_site [SITES],
        /// Permits held; 1 for anything but a semaphore.
        permits: u32 = holder_permits,
        /// Others may hold it beside this one.
        shared: bool = holder_shared,
    }
}

columns!(ChannelColumns: ChannelRow);
row! {
    /// A channel. `None` is unknown, unless said otherwise.
    ChannelRow of ChannelColumns {
        /// Sending ends.
        senders: Option<u32> = senders_plus1,
        /// Receiving ends.
        receivers: Option<u32> = receivers_plus1,
        /// Values in it.
        depth: Option<u64> = depth_plus1,
        /// Values that it has room for; 0: without bound, or unknown.
        capacity: u64,
        /// Values that went in.
        sent: u64,
        /// Values that came out.
        received: u64,
        /// Values that slow receivers of a broadcast missed.
        lagged: u64,
        /// Sum of the waits for room that ended.
        blocked_full_ns: u64,
        /// Sum of the waits for a value that ended.
        blocked_empty_ns: u64,
        /// Who sent last.
        last_sender: AgentRef,
        /// Who received last.
        last_receiver: AgentRef,
        /// When the last value went in; `None`: none did.
        last_sent_ago_ns: Option<u64> = last_sent_ago_ns_plus1,
        /// When the last value came out; `None`: none did.
        last_received_ago_ns: Option<u64> = last_received_ago_ns_plus1,
        /// No value goes in any more.
        closed: bool,
        /// Only how much room is taken is known.
        room_alone: bool,
    }
}

columns!(IoColumns: IoRow, texts: strings);
row! {
    /// What went through a wrapped socket, pipe or file.
    IoRow of IoColumns {
        /// Its descriptor; `None`: it has none, or unknown.
        fd: Option<u32> = fd_plus1,
        /// Bytes read.
        in_bytes: u64,
        /// Bytes written.
        out_bytes: u64,
        /// Reads.
        reads: u64,
        /// Writes.
        writes: u64,
        /// Sum of the waits to read that ended.
        read_wait_ns: u64,
        /// Sum of the waits to write that ended.
        write_wait_ns: u64,
        /// Reads and writes that failed.
        errors: u64,
        /// Of the reads, those whose bytes are not in `in_bytes`.
        uncounted_reads: u64,
        /// Of the writes, those whose bytes are not in `out_bytes`.
        uncounted_writes: u64,
        /// The last read; `None`: none yet.
        last_in_ago_ns: Option<u64> = last_in_ago_ns_plus1,
        /// The last write; `None`: none yet.
        last_out_ago_ns: Option<u64> = last_out_ago_ns_plus1,
        /// Number of a text: its own address, or a path; 0: none.
        local: u32,
        /// Number of a text: the address of the other end; 0: none.
        peer: u32,
        /// Number of a text: the last error; 0: none.
        last_error: u32,
    }
}

row! {
    /// An event of any task.
    EventRow of EventColumns {
        /// The task's slot.
        slot: u32,
        /// Its generation.
        generation: u32,
        /// What happened.
        kind: EventKind,
        /// When, as the distance to the event before; of the first, to the recorder's start.
        at_delta_ns: i64,
        /// For wakes who did it, for polls the thread.
        by: AgentRef,
    }
}

/// The events of a frame, in order.
///
/// # Errors
/// Columns differ in length.
pub fn events(columns: &EventColumns) -> Result<impl ExactSizeIterator<Item = EventRow>, ColumnError> {
    EventRow::check(columns, columns.slot.len())?;
    Ok((0..columns.slot.len()).map(|at| EventRow::read(columns, at)))
}
