//! A channel with room for values, all of it kept for values that are still to be sent.

use super::RESERVED;
use crate::{
    analysis::locks::Waiter,
    format::exact,
    id::ResourceKey,
    lints::{LintKind, pass::locks::LockPass},
    severity::Severity,
    store::{
        locks::{Channel, Holder},
        task::Agent,
    },
};

pub(super) fn check(pass: &mut LockPass<'_>) {
    let look = pass.look;
    let channels = look.store.resources.locks.channels();
    let with_room = channels.filter(|(_, channel)| {
        channel.capacity.is_some() && channel.depth.is_some() && !channel.is_full() && !channel.room_alone
    });
    let mut keys: Vec<ResourceKey> =
        with_room.filter_map(|(slot, _)| Some(look.store.resources.in_slot(slot)?.key)).collect();
    keys.sort_unstable();
    for key in keys {
        let Some(channel) = look.store.channel(key) else { continue };
        let waiters = pass.senders(key);
        let is_explained = |waiter: &Waiter| pass.explained.contains(&waiter.who());
        if !waiters.is_empty() && !waiters.iter().all(is_explained) {
            found(pass, key, channel, &waiters);
        }
    }
}

fn found(pass: &mut LockPass<'_>, key: ResourceKey, channel: &Channel, waiters: &[Waiter]) {
    let look = pass.look;
    let Some(resource) = look.store.resources.resource(key) else { return };
    let parts = look.store.resources.parts(key);
    let rooms = parts.filter_map(|part| look.store.resources.locks.lock(part.key.slot));
    let mut kept: Vec<Holder> = rooms.flat_map(|room| room.holders.iter().copied()).collect();
    kept.sort_by_key(|holder| (holder.since_ns, holder.who));
    let (depth, capacity) = (channel.depth.unwrap_or(0), channel.capacity.unwrap_or(0));
    let who: Vec<Agent> = kept.iter().map(|holder| holder.who).collect();
    let taken = kept.iter().fold(depth, |taken, holder| taken.saturating_add(u64::from(holder.permits)));
    let Some(first) = kept.first().filter(|_| taken >= capacity) else { return };
    let by = format!(
        "by {}, the first for {}{}; {} {}",
        pass.list(&who),
        pass.age(first.since_ns),
        pass.noted("reserved", first.site),
        pass.who(first.who),
        pass.doing(first.who),
    );
    let at = waiters.first().map_or_else(String::new, |waiter| pass.place(waiter.op.site));
    let message = format!(
        "{} has room for {} and holds {}, but its other places are reserved, {by}. {}{at}.",
        pass.resource(resource),
        exact(capacity),
        exact(depth),
        pass.waiting(waiters),
    );
    let mut about = who;
    about.extend(waiters.iter().map(Waiter::who));
    pass.about_resource((LintKind::FullChannel, Severity::Warning), key, &about, message, RESERVED);
}
