//! Locks of a frame, and the details of resources.

use taskscope_proto::{
    limits::MAX_RESOURCE_DETAILS,
    rows::{HolderRow, Items, LockRow},
    v1,
};

use super::{Applying, details::histogram, since};
use crate::{
    id::{ResourceKey, SiteId},
    store::{
        Store,
        locks::{Holder, Lock, LockDetail, LockKnows, LockSums},
    },
};

pub(super) fn apply(of: &mut Applying<'_>) {
    let (now_ns, is_news) = (of.now_ns(), !of.store.filling);
    if let Some(locks) = &of.frame.locks {
        for (slot, row, holders) in locks.rows_with_items() {
            if of.store.resources.in_slot(slot).is_some() {
                let lock = lock(row, holders, now_ns);
                of.store.resources.locks.set_lock(slot, lock, is_news, of.losses);
            } else {
                of.orphan_resources += 1;
            }
        }
    }
    for detail in &of.frame.rest.resource_details {
        apply_detail(of.store, detail);
    }
}

fn apply_detail(store: &mut Store, wire: &v1::ResourceDetail) {
    let Some(key) = wire.resource.map(ResourceKey::from) else { return };
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

fn lock(row: LockRow, holders: Items<'_, HolderRow>, now_ns: u64) -> Lock {
    let holder = |row: HolderRow| Holder {
        who: row.holder.into(),
        since_ns: now_ns.saturating_sub(row.held_ago_ns),
        site: SiteId(row.site),
        permits: row.permits,
        shared: row.shared,
    };
    let known = |ns: u64| (ns > 0).then_some(ns);
    Lock {
        holders: holders.map(holder).collect(),
        more_holders: row.more_holders,
        sums: LockSums {
            acquisitions: row.acquisitions,
            contended: row.contended,
            hold_ns: row.hold_ns,
            wait_ns: row.wait_ns,
        },
        longest_hold_ns: row.longest_hold_ns,
        longest_wait_ns: row.longest_wait_ns,
        hold_p99_ns: known(row.hold_p99_ns),
        wait_p99_ns: known(row.wait_p99_ns),
        poisoned: row.poisoned,
        free_since_ns: since(row.free_ago_ns, now_ns),
        knows: knows(row.knows),
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
