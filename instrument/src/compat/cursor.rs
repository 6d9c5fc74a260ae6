//! One stream's position in the state: what its console has, and so what it gets next.
//!
//! The same difference of state as our own consoles get, in the other protocol's rows. Memory: 72 bytes a task, 24 a resource and 48 an
//! operation.

use std::{ops::ControlFlow, sync::Arc};

use console_api::{
    RegisterMetadata, async_ops::AsyncOpUpdate, instrument::Update, resources::ResourceUpdate,
    tasks::TaskUpdate,
};

use taskscope_recorder::{Page, Slot};

use super::{ops, resources, tasks, values};
use crate::aggregate::{Hub, memory::Held, scan::Scan};

/// Bytes of a message, one row more at most. Half of what `tokio-console` takes: it sorts and draws everything after each message, so fewer
/// ones show a big program sooner.
const UPDATE_BYTES: usize = 2 * 1024 * 1024;
/// Bytes of a row's key and lengths.
const ROW_BYTES: usize = 24;
/// Rounds between two looks at every slot, changed page or not: the count of a wrapped task's wakers changes without a trace.
const ROUNDS_A_SWEEP: u64 = 8;

/// See the module's text.
#[derive(Debug)]
pub(super) struct Cursor {
    held: Held,
    hub: Arc<Hub>,
    /// The last round whose changes were sent; `None` before the first.
    sent: Option<u64>,
    rounds: u64,
    tasks: Scan<tasks::SentTask>,
    resources: Scan<resources::SentResource>,
    ops: Scan<ops::SentOp>,
    /// Losses that were sent.
    lost_tasks: u64,
    lost_resources: u64,
}

/// Room left in a message.
#[derive(Debug)]
pub(super) struct Room(usize);

impl Room {
    /// Takes the room of a row of so many bytes; the last one may be too big.
    pub(super) fn take(&mut self, bytes: usize) {
        self.0 = self.0.saturating_sub(bytes + ROW_BYTES);
    }
}

/// Looks at slots until the message is full or the round's pages are done; the latter is the answer.
fn fill<'p, K: Default + Clone, T: Slot + 'p>(
    scan: &mut Scan<K>,
    pages: impl Iterator<Item = &'p Page<T>>,
    room: &mut Room,
    mut look: impl FnMut(&mut K, &T, &mut Room),
) -> bool {
    scan.each(pages, |_, known, content| {
        if room.0 == 0 {
            return ControlFlow::Break(());
        }
        look(known, content, room);
        ControlFlow::Continue(())
    });
    scan.is_done()
}

impl Cursor {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        Self {
            held: Held::new(&hub),
            hub,
            sent: None,
            rounds: 0,
            tasks: Scan::default(),
            resources: Scan::default(),
            ops: Scan::default(),
            lost_tasks: 0,
            lost_resources: 0,
        }
    }

    /// Starts a round; [`Cursor::next_update`] then gives its messages.
    pub(super) fn begin_round(&mut self) {
        let round = self.hub.begin_round();
        // A change made while its page's mark was taken may have been missed: the last round's pages are looked at again.
        let since = match self.sent {
            Some(sent) if !self.rounds.is_multiple_of(ROUNDS_A_SWEEP) => sent,
            _ => 0,
        };
        let pages = self.hub.changed_pages(since);
        self.tasks.begin_round(pages.tasks);
        self.resources.begin_round(pages.resources);
        self.ops.begin_round(pages.ops);
        self.sent = Some(round);
        self.rounds += 1;
    }

    /// The next message of the round, `None` when all of it was sent. Every round has at least one: it carries the time, from which the
    /// console computes the age of what did not change.
    pub(super) fn next_update(&mut self, first: bool) -> Option<Update> {
        if !first && self.is_done() {
            return None;
        }
        let hub = Arc::clone(&self.hub);
        let recorder = hub.handle.recorder();
        let now = recorder.clock().ticks();
        let mut room = Room(UPDATE_BYTES);
        let mut tasks = TaskUpdate::default();
        let mut resources = ResourceUpdate::default();
        let mut ops = AsyncOpUpdate::default();
        if first {
            (tasks.dropped_events, resources.dropped_events) = self.losses();
        }
        // In this order: what points to another row comes after it.
        let _full = fill(&mut self.tasks, recorder.tasks.pages(), &mut room, |known, task, room| {
            known.look(&hub, task, now, &mut tasks, room);
        }) && fill(
            &mut self.resources,
            recorder.resources.pages(),
            &mut room,
            |known, resource, room| {
                known.look(&hub, resource, now, &mut resources, room);
            },
        ) && fill(&mut self.ops, recorder.resources.op_pages(), &mut room, |known, op, room| {
            known.look(&hub, op, now, &mut ops, room);
        });
        let first_of_all = first && self.rounds == 1;
        self.held.set(self.tasks.memory_bytes() + self.resources.memory_bytes() + self.ops.memory_bytes());
        // As messages it takes about what it takes encoded.
        let bytes = UPDATE_BYTES - room.0;
        self.held.send(bytes, bytes);
        Some(Update {
            now: Some(hub.wall_time(now).into()),
            task_update: Some(tasks),
            resource_update: Some(resources),
            async_op_update: Some(ops),
            new_metadata: first_of_all.then(|| RegisterMetadata { metadata: values::metadata() }),
        })
    }

    fn is_done(&self) -> bool {
        self.tasks.is_done() && self.resources.is_done() && self.ops.is_done()
    }

    /// Tasks and resources (operations with them) that were lost since this was asked last.
    fn losses(&mut self) -> (u64, u64) {
        let losses = self.hub.handle.recorder().losses();
        let new = |now: u64, sent: &mut u64| now.saturating_sub(std::mem::replace(sent, now));
        (
            new(losses.untracked, &mut self.lost_tasks),
            new(losses.untracked_resources, &mut self.lost_resources),
        )
    }
}
