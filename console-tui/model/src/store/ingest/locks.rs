//! The columns of locks and the details of resources: checked once, then read without a way to fail.

use taskscope_proto::{
    columns::{Column, ColumnError, slots},
    limits::{MAX_HOLDERS, MAX_RESOURCE_DETAILS, MAX_SITES},
    v1,
};

use super::{
    WireError, at_most, check_histograms, histogram, in_range,
    rows::{since, waker},
};
use crate::{
    id::{ResourceKey, SiteId},
    losses::Losses,
    store::{
        Store,
        locks::{Holder, Lock, LockDetail, LockKnows, LockSums},
    },
};

/// Checks all that [`apply`] relies on.
pub(super) fn check(frame: &v1::Frame) -> Result<(), WireError> {
    if let Some(wire) = &frame.locks {
        LockReader::new(wire)?.check(wire)?;
    }
    at_most("resource_details", frame.resource_details.len(), MAX_RESOURCE_DETAILS)?;
    frame.resource_details.iter().try_for_each(|detail| check_histograms([&detail.holds, &detail.waits]))
}

/// Applies what [`check`] has passed. Returns how many rows named a resource that nobody had told of.
pub(super) fn apply(store: &mut Store, frame: &v1::Frame, losses: &mut Losses) -> u64 {
    let mut orphans = 0;
    let is_news = !store.filling;
    if let Some(wire) = &frame.locks
        && let (Ok(mut reader), Ok(slots)) = (LockReader::new(wire), slots(&wire.slot_delta))
    {
        for (row, slot) in slots.enumerate() {
            let lock = reader.lock(row, frame.now_ns);
            if store.resources.in_slot(slot).is_some() {
                store.resources.locks.set_lock(slot, lock, is_news, losses);
            } else {
                orphans += 1;
            }
        }
    }
    for detail in &frame.resource_details {
        apply_detail(store, detail);
    }
    orphans
}

fn apply_detail(store: &mut Store, wire: &v1::ResourceDetail) {
    let Some(of) = &wire.resource else { return };
    let key = ResourceKey { slot: of.slot, generation: of.generation };
    if store.resources.resource(key).is_none() {
        return;
    }
    let details = &mut store.resources.locks.details;
    if details.len() >= MAX_RESOURCE_DETAILS && !details.contains_key(&key) {
        return;
    }
    let (holds, waits) = (wire.holds.as_ref().map(histogram), wire.waits.as_ref().map(histogram));
    details.insert(key, LockDetail { holds, waits });
}

struct LockReader<'a> {
    rows: usize,
    holders: Column<'a, u32>,
    holder: &'a [u64],
    held_ago_ns: Column<'a, u64>,
    holder_site: Column<'a, u32>,
    holder_permits: Column<'a, u32>,
    holder_shared: Column<'a, bool>,
    more_holders: Column<'a, u32>,
    acquisitions: Column<'a, u64>,
    contended: Column<'a, u64>,
    hold_ns: Column<'a, u64>,
    wait_ns: Column<'a, u64>,
    longest_hold_ns: Column<'a, u64>,
    longest_wait_ns: Column<'a, u64>,
    hold_p99_ns: Column<'a, u64>,
    wait_p99_ns: Column<'a, u64>,
    poisoned: Column<'a, bool>,
    free_ago_ns_plus1: Column<'a, u64>,
    knows: Column<'a, u32>,
    /// The first holder of the next row.
    next: usize,
}

impl<'a> LockReader<'a> {
    fn new(wire: &'a v1::LockColumns) -> Result<Self, WireError> {
        let rows = slots(&wire.slot_delta)?.len();
        let len = wire.holder.len();
        let sum = wire.holders.iter().map(|count| u64::from(*count)).sum::<u64>();
        if sum != len as u64 {
            let rows = usize::try_from(sum).unwrap_or(usize::MAX);
            return Err(ColumnError::Length { column: "holder", len, rows }.into());
        }
        Ok(Self {
            rows,
            holders: Column::new("holders", &wire.holders, rows)?,
            holder: &wire.holder,
            held_ago_ns: Column::new("held_ago_ns", &wire.held_ago_ns, len)?,
            holder_site: Column::new("holder_site", &wire.holder_site, len)?,
            holder_permits: Column::new("holder_permits", &wire.holder_permits, len)?,
            holder_shared: Column::new("holder_shared", &wire.holder_shared, len)?,
            more_holders: Column::new("more_holders", &wire.more_holders, rows)?,
            acquisitions: Column::new("acquisitions", &wire.acquisitions, rows)?,
            contended: Column::new("contended", &wire.contended, rows)?,
            hold_ns: Column::new("hold_ns", &wire.hold_ns, rows)?,
            wait_ns: Column::new("wait_ns", &wire.wait_ns, rows)?,
            longest_hold_ns: Column::new("longest_hold_ns", &wire.longest_hold_ns, rows)?,
            longest_wait_ns: Column::new("longest_wait_ns", &wire.longest_wait_ns, rows)?,
            hold_p99_ns: Column::new("hold_p99_ns", &wire.hold_p99_ns, rows)?,
            wait_p99_ns: Column::new("wait_p99_ns", &wire.wait_p99_ns, rows)?,
            poisoned: Column::new("poisoned", &wire.poisoned, rows)?,
            free_ago_ns_plus1: Column::new("free_ago_ns_plus1", &wire.free_ago_ns_plus1, rows)?,
            knows: Column::new("knows", &wire.knows, rows)?,
            next: 0,
        })
    }

    fn check(&self, wire: &v1::LockColumns) -> Result<(), WireError> {
        for row in 0..self.rows {
            at_most("holders", self.holders.at(row) as usize, MAX_HOLDERS)?;
        }
        wire.holder_site
            .iter()
            .try_for_each(|site| in_range("holder_site", u64::from(*site), 0..=MAX_SITES as u64))
    }

    /// The next row.
    fn lock(&mut self, row: usize, now_ns: u64) -> Lock {
        let (start, count) = (self.next, self.holders.at(row) as usize);
        self.next += count;
        let holder = |at: usize| Holder {
            who: waker(self.holder[at]),
            since_ns: now_ns.saturating_sub(self.held_ago_ns.at(at)),
            site: SiteId(self.holder_site.at(at)),
            permits: self.holder_permits.at(at),
            shared: self.holder_shared.at(at),
        };
        let known = |ns: u64| (ns > 0).then_some(ns);
        Lock {
            holders: (start..self.next).map(holder).collect(),
            more_holders: self.more_holders.at(row),
            sums: LockSums {
                acquisitions: self.acquisitions.at(row),
                contended: self.contended.at(row),
                hold_ns: self.hold_ns.at(row),
                wait_ns: self.wait_ns.at(row),
            },
            longest_hold_ns: self.longest_hold_ns.at(row),
            longest_wait_ns: self.longest_wait_ns.at(row),
            hold_p99_ns: known(self.hold_p99_ns.at(row)),
            wait_p99_ns: known(self.wait_p99_ns.at(row)),
            poisoned: self.poisoned.at(row),
            free_since_ns: since(self.free_ago_ns_plus1.at(row), now_ns),
            knows: knows(self.knows.at(row)),
        }
    }
}

fn knows(bits: u32) -> LockKnows {
    let has = |bit: v1::LockKnows| bits & (bit as u32) != 0;
    LockKnows {
        holders: has(v1::LockKnows::Holders),
        times: has(v1::LockKnows::Times),
        places: has(v1::LockKnows::Places),
        loose: has(v1::LockKnows::Loose),
    }
}
