//! From a checked frame into the store. With the modules below, the only one that reads and writes messages of the wire.
//!
//! Invariant: a frame is checked whole ([`CheckedFrame`]) before any of it is applied, so a refused frame has changed nothing.

mod channels;
mod checked;
mod details;
mod io;
mod locks;
mod process;
mod resources;
mod scheduler;
mod strings;
mod tasks;

use taskscope_proto::{
    agent::AgentRef,
    columns::ColumnError,
    limits::{MAX_DETAILS, MAX_PATH_BYTES, MAX_RESOURCE_DETAILS, MAX_THREAD_NAME_BYTES, PROTOCOL_VERSION},
    rows::SlotRef,
    v1,
};

pub(crate) use self::{checked::CheckedFrame, process::hello, scheduler::await_tree};
use crate::{
    id::{OpKey, ResourceKey, SiteId, TaskKey},
    losses::Losses,
    store::{
        Store,
        process::SiteTotals,
        task::{Agent, Sums},
    },
    text::clean,
};

/// Why a frame was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// Columns or slots that make no sense.
    #[error(transparent)]
    Columns(#[from] ColumnError),
    /// A list is longer than it may be.
    #[error("`{list}` has {len} entries, but at most {max} are allowed")]
    TooMany {
        /// The field's name in the schema.
        list: &'static str,
        /// Its entries.
        len: usize,
        /// The limit.
        max: usize,
    },
    /// A number that points to nothing.
    #[error("`{field}` is {value}, which is out of range")]
    Range {
        /// The field's name in the schema.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// A version that this client does not speak.
    #[error("the process speaks version {0} of the protocol, this console versions 1 to {PROTOCOL_VERSION}")]
    Protocol(u32),
    /// The first frame of a stream does not say who it is from.
    #[error("the first frame does not say who it is from")]
    NoHello,
}

/// What the client wants of the server, whole.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) interval_ms: u32,
    pub(crate) resync: u32,
    pub(crate) details: Vec<TaskKey>,
    pub(crate) resource_details: Vec<ResourceKey>,
    /// Raised when the await trees of the tasks in `details` are wanted anew.
    pub(crate) await_trees: u32,
    /// Those of all tasks are wanted.
    pub(crate) all_await_trees: bool,
    /// 0: never.
    pub(crate) descriptors_interval_ms: u32,
}

impl From<&Wish> for v1::WatchRequest {
    fn from(wish: &Wish) -> Self {
        Self {
            protocol: PROTOCOL_VERSION,
            interval_ms: wish.interval_ms,
            // The screen freezes here, not there: recording goes on behind it.
            paused: false,
            resync: wish.resync,
            details: wish
                .details
                .iter()
                .take(MAX_DETAILS)
                .map(|key| v1::TaskRef { slot: key.slot, generation: key.generation })
                .collect(),
            resource_details: wish
                .resource_details
                .iter()
                .take(MAX_RESOURCE_DETAILS)
                .map(|key| v1::ResourceRef { slot: key.slot, generation: key.generation })
                .collect(),
            await_trees: wish.await_trees,
            all_await_trees: wish.all_await_trees,
            descriptors_interval_ms: wish.descriptors_interval_ms,
            ..Self::default()
        }
    }
}

/// A frame on its way into the store.
struct Applying<'a> {
    store: &'a mut Store,
    frame: &'a CheckedFrame,
    losses: &'a mut Losses,
    /// Rows of tasks that are unknown here.
    orphan_tasks: u64,
    /// Rows of resources and operations that are unknown here.
    orphan_resources: u64,
}

impl Applying<'_> {
    /// All "ago" of the frame count back from here.
    fn now_ns(&self) -> u64 {
        self.frame.rest.now_ns
    }
}

/// Parts of a frame, and what applies them.
type Step = (&'static [&'static str], fn(&mut Applying<'_>));

/// All parts, in the order in which they are applied: that of WIRE.md 3.4, which a test compares. What points to another part comes after
/// it; descriptors come before the streams that are joined with them.
const STEPS: [Step; 13] = [
    (&["sites"], sites),
    (&["threads"], threads),
    (&["freed"], |of| of.frame.rest.freed.iter().for_each(|slot| of.store.drop_slot(*slot))),
    (&["tasks"], tasks::apply_new),
    (&["stats"], tasks::apply_stats),
    (&["descriptors"], io::apply_reading),
    (&["freed_resources", "resources", "resource_stats", "freed_ops", "ops", "op_stats"], resources::apply),
    (&["locks", "resource_details"], locks::apply),
    (&["channels"], channels::apply),
    (&["io"], io::apply),
    (&["totals"], totals),
    (&["process", "details"], |of| {
        if let Some(process) = &of.frame.rest.process {
            of.store.process = Some(process::process(process));
        }
        for detail in &of.frame.rest.details {
            details::apply(of.store, detail, of.frame.rest.now_ns);
        }
    }),
    (&["await_trees", "scheduler"], scheduler::apply),
];

/// Applies a frame. Returns whether it named a task, a resource or an operation that is unknown here.
#[expect(clippy::needless_pass_by_value, reason = "a frame is applied once")]
pub(crate) fn apply(store: &mut Store, frame: CheckedFrame, losses: &mut Losses) -> bool {
    // The recorder's clock never goes back; a frame that says so is not believed.
    if frame.rest.now_ns > store.now_ns {
        store.before_ns = store.now_ns;
        store.now_ns = frame.rest.now_ns;
    }
    let mut of = Applying { store, frame: &frame, losses, orphan_tasks: 0, orphan_resources: 0 };
    for (_, apply) in STEPS {
        apply(&mut of);
    }
    // Tasks over the client's own limit are counted there already.
    let orphans = if of.losses.tasks_over_limit > 0 { 0 } else { of.orphan_tasks };
    let orphans = orphans + if of.losses.resources_over_limit > 0 { 0 } else { of.orphan_resources };
    of.losses.orphans += orphans;
    orphans > 0
}

fn sites(of: &mut Applying<'_>) {
    for site in &of.frame.rest.sites {
        let file = text(&site.file, MAX_PATH_BYTES, of.losses);
        of.store.sites.set_place(SiteId(site.index), file, site.line, site.column);
    }
}

fn threads(of: &mut Applying<'_>) {
    for thread in &of.frame.rest.threads {
        let name = text(&thread.name, MAX_THREAD_NAME_BYTES, of.losses);
        of.store.threads.set(thread.index, name, thread.os_id);
    }
    if !of.frame.rest.threads.is_empty() {
        of.store.threads.distinguish();
    }
}

fn totals(of: &mut Applying<'_>) {
    for totals in &of.frame.rest.totals {
        let sums = Sums {
            polls: totals.polls,
            wakes: totals.wakes,
            self_wakes: totals.self_wakes,
            busy_ns: totals.busy_ns,
            scheduled_ns: totals.scheduled_ns,
        };
        let (spawned, finished) = (totals.spawned, totals.finished);
        of.store.sites.set_totals(SiteId(totals.site), SiteTotals { spawned, finished, sums });
    }
}

fn text(text: &str, max_bytes: usize, losses: &mut Losses) -> String {
    let cleaned = clean(text, max_bytes);
    losses.texts_cleaned += u64::from(cleaned != text);
    cleaned.into_owned()
}

/// When something was that was so long ago; `None`: never, or unknown.
fn since(ago_ns: Option<u64>, now_ns: u64) -> Option<u64> {
    ago_ns.map(|ago_ns| now_ns.saturating_sub(ago_ns))
}

impl From<AgentRef> for Agent {
    fn from(of: AgentRef) -> Self {
        match of {
            AgentRef::Unknown => Self::Unknown,
            AgentRef::Thread(index) => Self::Thread(index),
            AgentRef::Task { slot, generation } => Self::Task(TaskKey { slot, generation }),
        }
    }
}

macro_rules! keys {
    ($($of:ty => $Key:ident),*) => {$(
        impl From<$of> for $Key {
            fn from(of: $of) -> Self {
                Self { slot: of.slot, generation: of.generation }
            }
        }
    )*};
}

keys!(SlotRef => TaskKey, SlotRef => ResourceKey, SlotRef => OpKey, v1::TaskRef => TaskKey, v1::ResourceRef => ResourceKey);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_frame_are_applied_in_the_order_that_wire_md_has() {
        let spec = include_str!("../../../../proto/WIRE.md");
        let order = spec
            .split_once("parts of a frame in this order")
            .and_then(|(_, rest)| rest.split_once("So a slot"));
        let (order, _) = order.expect("section 3.4");
        let said: Vec<&str> = order.split('`').skip(1).step_by(2).collect();
        let stream_first = ["hello", "snapshot_start"];
        let steps = STEPS.into_iter().flat_map(|(parts, _)| parts.iter().copied());
        let done: Vec<&str> =
            stream_first.into_iter().chain(steps).chain(["snapshot_end", "round_end"]).collect();
        assert_eq!(said, done);
    }
}
