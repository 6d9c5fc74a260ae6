//! A frame that was checked whole.
//!
//! Invariant: all that [`apply`](super::apply) relies on was checked when the [`CheckedFrame`] was made, and nothing has changed since. Checking
//! neither panics nor allocates by a number that the other side chose.

use taskscope_proto::{
    Message,
    columns::check_length,
    limits::{
        MAX_AWAIT_FRAMES, MAX_AWAIT_TREES, MAX_BUCKETS, MAX_CODE_FILES, MAX_DESCRIPTORS, MAX_DETAILS,
        MAX_EVENT_GAPS, MAX_EVENTS_PER_FRAME, MAX_FREED_PER_FRAME, MAX_LONG_POLLS, MAX_RESOURCE_DETAILS,
        MAX_RUNTIMES, MAX_SITES, MAX_SLOTS, MAX_STACK_FRAMES, MAX_STUCK_POLLS, MAX_THREADS, MAX_WAKERS,
        MAX_WORKERS, PROTOCOL_VERSION,
    },
    rows::{Checked, Columns},
    v1,
};

use super::WireError;

/// See the module's text. The columns are no part of `rest` any more.
#[derive(Debug)]
pub(crate) struct CheckedFrame {
    pub(super) rest: Box<v1::Frame>,
    pub(super) tasks: Option<Checked<v1::TaskColumns>>,
    pub(super) stats: Option<Checked<v1::StatColumns>>,
    pub(super) resources: Option<Checked<v1::ResourceColumns>>,
    pub(super) resource_stats: Option<Checked<v1::ResourceStatColumns>>,
    pub(super) ops: Option<Checked<v1::OpColumns>>,
    pub(super) op_stats: Option<Checked<v1::OpStatColumns>>,
    pub(super) locks: Option<Checked<v1::LockColumns>>,
    pub(super) channels: Option<Checked<v1::ChannelColumns>>,
    pub(super) io: Option<Checked<v1::IoColumns>>,
}

impl CheckedFrame {
    pub(crate) fn new(mut frame: Box<v1::Frame>) -> Result<Self, WireError> {
        check_head(&frame)?;
        check_tasks(&frame)?;
        check_resources(&frame)?;
        check_scheduler(&frame)?;
        Ok(Self {
            tasks: checked(&mut frame.tasks)?,
            stats: checked(&mut frame.stats)?,
            resources: checked(&mut frame.resources)?,
            resource_stats: checked(&mut frame.resource_stats)?,
            ops: checked(&mut frame.ops)?,
            op_stats: checked(&mut frame.op_stats)?,
            locks: checked(&mut frame.locks)?,
            channels: checked(&mut frame.channels)?,
            io: checked(&mut frame.io)?,
            rest: frame,
        })
    }

    pub(crate) fn sequence(&self) -> u64 {
        self.rest.sequence
    }

    pub(crate) fn hello(&self) -> Option<&v1::Hello> {
        self.rest.hello.as_ref()
    }

    pub(crate) fn starts_snapshot(&self) -> bool {
        self.rest.snapshot_start
    }

    pub(crate) fn ends_snapshot(&self) -> bool {
        self.rest.snapshot_end
    }

    /// The round is complete with it. A server that does not know rounds makes one of each frame.
    pub(crate) fn ends_round(&self) -> bool {
        self.rest.round == 0 || self.rest.round_end
    }

    /// Bytes as it was sent, and what a frame takes beside that. It looks at each value.
    pub(crate) fn bytes(&self) -> usize {
        self.rest.encoded_len()
            + bytes(self.tasks.as_ref())
            + bytes(self.stats.as_ref())
            + bytes(self.resources.as_ref())
            + bytes(self.resource_stats.as_ref())
            + bytes(self.ops.as_ref())
            + bytes(self.op_stats.as_ref())
            + bytes(self.locks.as_ref())
            + bytes(self.channels.as_ref())
            + bytes(self.io.as_ref())
            + size_of::<v1::Frame>()
    }
}

fn bytes<C: Columns + Message>(columns: Option<&Checked<C>>) -> usize {
    columns.map_or(0, |columns| columns.columns().encoded_len())
}

fn checked<C: Columns>(columns: &mut Option<C>) -> Result<Option<Checked<C>>, WireError> {
    Ok(columns.take().map(Checked::new).transpose()?)
}

fn check_head(frame: &v1::Frame) -> Result<(), WireError> {
    if let Some(hello) = &frame.hello
        && !(1..=PROTOCOL_VERSION).contains(&hello.protocol)
    {
        return Err(WireError::Protocol(hello.protocol));
    }
    at_most("sites", frame.sites.len(), MAX_SITES)?;
    at_most("threads", frame.threads.len(), MAX_THREADS)?;
    at_most("totals", frame.totals.len(), MAX_SITES + 1)?;
    for site in &frame.sites {
        in_range("Site.index", u64::from(site.index), 1..=MAX_SITES as u64)?;
    }
    for thread in &frame.threads {
        in_range("Thread.index", u64::from(thread.index), 1..=MAX_THREADS as u64)?;
    }
    for totals in &frame.totals {
        in_range("SiteTotals.site", u64::from(totals.site), 0..=MAX_SITES as u64)?;
    }
    Ok(())
}

fn check_tasks(frame: &v1::Frame) -> Result<(), WireError> {
    check_slots("freed", &frame.freed)?;
    at_most("details", frame.details.len(), MAX_DETAILS)?;
    for detail in &frame.details {
        at_most("wakers", detail.wakers.len(), MAX_WAKERS)?;
        at_most("events", detail.events.len(), MAX_EVENTS_PER_FRAME)?;
        at_most("gaps", detail.gaps.len(), MAX_EVENT_GAPS)?;
        check_histograms([&detail.polls, &detail.scheduled])?;
    }
    at_most("await_trees", frame.await_trees.len(), MAX_AWAIT_TREES)?;
    for tree in &frame.await_trees {
        at_most("AwaitTree.frames", tree.frames.len(), MAX_AWAIT_FRAMES)?;
    }
    Ok(())
}

fn check_resources(frame: &v1::Frame) -> Result<(), WireError> {
    check_slots("freed_resources", &frame.freed_resources)?;
    check_slots("freed_ops", &frame.freed_ops)?;
    at_most("resource_details", frame.resource_details.len(), MAX_RESOURCE_DETAILS)?;
    for detail in &frame.resource_details {
        check_histograms([&detail.holds, &detail.waits])?;
    }
    let descriptors = frame.descriptors.as_ref().map_or(0, |reading| reading.descriptors.len());
    at_most("descriptors", descriptors, MAX_DESCRIPTORS)
}

fn check_scheduler(frame: &v1::Frame) -> Result<(), WireError> {
    let Some(wire) = &frame.scheduler else { return Ok(()) };
    at_most("runtimes", wire.runtimes.len(), MAX_RUNTIMES)?;
    at_most("workers", wire.workers.len(), MAX_WORKERS)?;
    at_most("stuck", wire.stuck.len(), MAX_STUCK_POLLS)?;
    at_most("long_polls", wire.long_polls.len(), MAX_LONG_POLLS)?;
    for poll in &wire.stuck {
        at_most("StuckPoll.stack", poll.stack.len(), MAX_STACK_FRAMES)?;
        at_most("StuckPoll.code_files", poll.code_files.len(), MAX_CODE_FILES)?;
    }
    for worker in &wire.workers {
        in_range("Worker.thread", u64::from(worker.thread), 0..=MAX_THREADS as u64)?;
    }
    check_histograms([&wire.polls, &wire.scheduled])
}

fn check_slots(list: &'static str, slots: &[u32]) -> Result<(), WireError> {
    at_most(list, slots.len(), MAX_FREED_PER_FRAME)?;
    slots.iter().try_for_each(|slot| in_range(list, u64::from(*slot), 0..=u64::from(MAX_SLOTS - 1)))
}

fn check_histograms(histograms: [&Option<v1::Histogram>; 2]) -> Result<(), WireError> {
    for histogram in histograms.into_iter().flatten() {
        let rows = histogram.count.len();
        at_most("Histogram.count", rows, MAX_BUCKETS)?;
        check_length("Histogram.lower_ns", histogram.lower_ns.len(), rows)?;
        check_length("Histogram.upper_ns", histogram.upper_ns.len(), rows)?;
    }
    Ok(())
}

fn at_most(list: &'static str, len: usize, max: usize) -> Result<(), WireError> {
    if len > max { Err(WireError::TooMany { list, len, max }) } else { Ok(()) }
}

fn in_range(field: &'static str, value: u64, range: std::ops::RangeInclusive<u64>) -> Result<(), WireError> {
    if range.contains(&value) { Ok(()) } else { Err(WireError::Range { field, value }) }
}
