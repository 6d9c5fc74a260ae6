//! What is known of a resource as a lock or a channel, and what a task holds, put together for their screens.

use crate::{
    analysis::{
        Analysis,
        locks::{End, Waiter},
    },
    format::{UNKNOWN, count, duration_ns, exact, percent, rate},
    id::{ResourceKey, SiteId},
    model::detail::{Links, distribution, fact},
    screen::{
        Tone,
        lock::{ChannelView, HoldView, HolderView, LockView, WaiterView},
        resource::MAX_OPS_LISTED,
        table::Cell,
        task::{Distribution, Fact},
    },
    store::{
        detail::Histogram,
        locks::{Channel, Holder, Lock, LockKind},
        resources::Resource,
        task::Agent,
    },
};

/// Holders shown of a lock, those who have held it the longest; the others are counted.
const SHOWN_HOLDERS: usize = 8;
/// Locks listed for a task.
const MAX_HOLDS: usize = 64;

/// The view of a lock.
pub(super) fn lock_view(
    store: Analysis<'_>,
    resource: &Resource,
    lock: &Lock,
    links: &mut Links,
) -> LockView {
    let mut holders: Vec<&Holder> = lock.holders.iter().collect();
    holders.sort_by_key(|holder| holder.since_ns);
    let more = holders.len().saturating_sub(SHOWN_HOLDERS) as u64;
    let holders: Vec<HolderView> = holders
        .into_iter()
        .take(SHOWN_HOLDERS)
        .map(|holder| holder_view(store, resource, holder, links))
        .collect();
    let detail = store.lock_detail(resource.key);
    LockView {
        holders: lock.knows.holders.then_some(holders),
        more_holders: u64::from(lock.more_holders) + more,
        uses: uses(store, resource.key, lock),
        holds: detail.map(|detail| counted(detail.holds.as_ref())),
        waits: detail.map(|detail| counted(detail.waits.as_ref())),
        contention: store.contention_series(resource.key),
    }
}

/// What was sent; where nothing was counted yet, that.
fn counted(sent: Option<&Histogram>) -> Distribution {
    let nothing =
        Distribution { count: 0, max_ns: 0, percentiles: Vec::new(), error_percent: 0, buckets: Vec::new() };
    sent.and_then(distribution).unwrap_or(nothing)
}

fn holder_view(store: Analysis<'_>, resource: &Resource, holder: &Holder, links: &mut Links) -> HolderView {
    let (who, link) = who_cell(store, holder.who, links);
    let waits_for = match holder.who {
        Agent::Task(key) => store.task(key).and_then(|task| store.waits_on(task)).map(|(op, _)| op),
        Agent::Thread(_) | Agent::Unknown => None,
    };
    let waits_for = waits_for.map(|op| match store.resource_of(op) {
        Some(other) => format!("waits for {}", store.resource_words(other)),
        None => format!("waits in {}", store.op_words(op)),
    });
    HolderView {
        who,
        link,
        age: age(store, holder.since_ns),
        how: how_held(store, resource, holder),
        place: place(store, holder.site),
        waits_for: waits_for.unwrap_or_default(),
    }
}

fn how_held(store: Analysis<'_>, resource: &Resource, holder: &Holder) -> String {
    match store.lock_kind(resource) {
        Some(LockKind::Semaphore) if holder.permits == 1 => "1 permit".to_owned(),
        Some(LockKind::Semaphore) => format!("{} permits", exact(u64::from(holder.permits))),
        Some(LockKind::RwLock) if holder.shared => "reads".to_owned(),
        Some(LockKind::RwLock) => "writes".to_owned(),
        Some(LockKind::Mutex) | None => String::new(),
    }
}

fn uses(store: Analysis<'_>, key: ResourceKey, lock: &Lock) -> Vec<Fact> {
    let sums = Some(lock.sums).filter(|_| lock.knows.times);
    let at = store.now_ns;
    let rates = store.lock_rates(key);
    let acquired = sums.map(|sums| match rates {
        Some(rates) => format!("{}  ({}/s)", exact(sums.acquisitions), rate(rates.acquisitions)),
        None => exact(sums.acquisitions),
    });
    let contended = sums.map(|sums| match lock.contended_share() {
        Some(share) => format!("{}  ({})", exact(sums.contended), percent(share)),
        None => exact(sums.contended),
    });
    let text = |text: Option<String>| text.map_or_else(Cell::unknown, Cell::normal);
    let longest_wait_ns = sums.map(|_| lock.longest_wait_ns);
    let mut facts = vec![
        fact("acquired", text(acquired)),
        fact("had to wait", text(contended)),
        fact("time held", Cell::value(sums.map(|sums| sums.hold_ns), duration_ns)),
        fact("time waited", Cell::value(sums.map(|sums| sums.wait_ns), duration_ns)),
        fact("longest hold", Cell::value(lock.longest_hold_ns(at), duration_ns)),
        fact("longest wait", Cell::value(longest_wait_ns, duration_ns)),
    ];
    if let Some(free_since_ns) = lock.free_since_ns {
        facts.push(fact("free for", age(store, free_since_ns)));
    }
    if lock.poisoned {
        facts.push(fact("poisoned", Cell::new("yes: a holder panicked", Tone::Warning)));
    }
    facts
}

/// Those who wait for a lock or at an end of a channel, in their order; and how many are left out.
pub(super) fn waiter_views(
    store: Analysis<'_>,
    resource: &Resource,
    links: &mut Links,
) -> (Vec<WaiterView>, usize) {
    let waiters = store.waiters(resource.key);
    let more = waiters.len().saturating_sub(MAX_OPS_LISTED);
    let views = waiters.iter().take(MAX_OPS_LISTED).map(|waiter| {
        let (who, link) = who_cell(store, waiter.who(), links);
        WaiterView {
            who,
            link,
            age: age(store, waiter.since_ns),
            how: how_awaited(store, resource, waiter),
            place: place(store, waiter.op.site),
        }
    });
    (views.collect(), more)
}

fn how_awaited(store: Analysis<'_>, resource: &Resource, waiter: &Waiter) -> String {
    if let Some(granted_ns) = waiter.granted_ns {
        let ago = duration_ns(store.now_ns.saturating_sub(granted_ns));
        return format!("given to it {ago} ago, not taken");
    }
    match (store.channel_end(waiter.op), store.lock_kind(resource), waiter.permits) {
        (Some(End::Sender), ..) => "to send".to_owned(),
        (Some(End::Receiver), ..) => "to receive".to_owned(),
        (None, Some(LockKind::RwLock), _) if waiter.shared => "to read".to_owned(),
        (None, Some(LockKind::RwLock), _) => "to write".to_owned(),
        (None, Some(LockKind::Semaphore), Some(1)) => "1 permit".to_owned(),
        (None, Some(LockKind::Semaphore), Some(permits)) => format!("{} permits", exact(permits)),
        (None, ..) if store.resources.streams.stream(resource.key.slot).is_some() => {
            store.op_words(waiter.op).to_owned()
        }
        (None, ..) => String::new(),
    }
}

/// The view of a channel.
pub(super) fn channel_view(
    store: Analysis<'_>,
    resource: &Resource,
    channel: &Channel,
    links: &mut Links,
) -> ChannelView {
    let number = |value: Option<u32>| Cell::value(value, |n| exact(u64::from(n)));
    let ago = |at_ns: Option<u64>| match at_ns {
        None if channel.room_alone => Cell::value(None, exact),
        Some(at_ns) => Cell::normal(format!("{} ago", duration_ns(store.now_ns.saturating_sub(at_ns)))),
        None => Cell::new("never", Tone::Dim),
    };
    let mut last = |label: &'static str, who: Agent| {
        let (value, link) = who_cell(store, who, links);
        Fact { label, value, link }
    };
    let (sender, receiver) = (last("by", channel.last_sender), last("by", channel.last_receiver));
    let mut ends = vec![
        fact("senders", number(channel.senders)),
        fact("last sent", ago(channel.last_sent_ns)),
        sender,
        fact("receivers", number(channel.receivers)),
        fact("last received", ago(channel.last_received_ns)),
        receiver,
    ];
    if channel.closed {
        ends.push(fact("closed", Cell::normal("yes")));
    }
    let rates = store.channel_rates(resource.key);
    let known = |sum: u64| Some(sum).filter(|_| !channel.room_alone);
    let with_rate = |sum: u64, per_s: Option<f64>| match per_s {
        _ if channel.room_alone => Cell::value(None, exact),
        Some(per_s) => Cell::normal(format!("{}  ({}/s)", exact(sum), rate(per_s))),
        None => Cell::normal(exact(sum)),
    };
    let flow = vec![
        fact("sent", with_rate(channel.sent, rates.map(|rates| rates.0))),
        fact("received", with_rate(channel.received, rates.map(|rates| rates.1))),
        fact("missed by slow receivers", Cell::value(known(channel.lagged), exact)),
        fact("blocked on full", Cell::value(known(channel.blocked_full_ns), duration_ns)),
        fact("blocked on empty", Cell::value(known(channel.blocked_empty_ns), duration_ns)),
    ];
    let depth = match (channel.depth, channel.capacity) {
        (Some(depth), Some(capacity)) => {
            let tone = if channel.is_full() { Tone::Warning } else { Tone::Normal };
            Cell::new(format!("{} of {}", exact(depth), exact(capacity)), tone)
        }
        (depth, _) => Cell::value(depth, exact),
    };
    let filled = channel.depth.zip(channel.capacity.filter(|capacity| *capacity > 0));
    let filled_percent =
        filled.map(|(depth, capacity)| (depth as f64 / capacity as f64 * 100.0).clamp(0.0, 100.0) as u8);
    ChannelView { ends, flow, depth, filled_percent }
}

/// What a task holds, the longest held first; and how many are left out.
pub(super) fn holds(store: Analysis<'_>, who: Agent, links: &mut Links) -> (Vec<HoldView>, usize) {
    let held = store.held_by(who);
    let more = held.len().saturating_sub(MAX_HOLDS);
    let views = held.into_iter().take(MAX_HOLDS).map(|(resource, holder)| {
        let waiters = store.waiters(resource.key);
        let longest = waiters.first().map(|waiter| store.now_ns.saturating_sub(waiter.since_ns));
        HoldView {
            lock: Cell::new(store.resource_words(resource), Tone::Link),
            link: links.resource(resource.key),
            age: age(store, holder.since_ns),
            how: how_held(store, resource, holder),
            place: place(store, holder.site),
            waiters: match longest {
                None => String::new(),
                Some(ns) if waiters.len() == 1 => format!("1 waits, for {}", duration_ns(ns)),
                Some(ns) => {
                    format!("{} wait, the longest for {}", count(waiters.len() as u64), duration_ns(ns))
                }
            },
        }
    });
    (views.collect(), more)
}

/// In a sentence: who holds it and who waits.
pub(super) fn state(store: Analysis<'_>, resource: &Resource, waiting: Option<String>) -> Option<Cell> {
    if let Some(channel) = store.channel(resource.key) {
        let words = match (channel.closed, channel.is_full()) {
            (true, _) => Some("closed".to_owned()),
            (false, true) => Some("full".to_owned()),
            (false, false) => None,
        };
        let tone = if words.is_some() { Tone::Warning } else { Tone::Normal };
        let words: Vec<String> = words.into_iter().chain(waiting).collect();
        return (!words.is_empty()).then(|| Cell::new(words.join(", "), tone));
    }
    let lock = store.lock(resource.key)?;
    let held = match (lock.holder_count()?, lock.holders.iter().map(|holder| holder.since_ns).min()) {
        (0, _) => "free".to_owned(),
        (_, Some(since_ns)) => format!("held for {}", duration_ns(store.now_ns.saturating_sub(since_ns))),
        (_, None) => "held".to_owned(),
    };
    let tone = if waiting.is_some() { Tone::Idle } else { Tone::Normal };
    Some(Cell::new([Some(held), waiting].into_iter().flatten().collect::<Vec<_>>().join(", "), tone))
}

fn who_cell(store: Analysis<'_>, who: Agent, links: &mut Links) -> (Cell, Option<usize>) {
    let Some(words) = store.who_words(who) else { return (Cell::unknown(), None) };
    let link = match who {
        Agent::Task(key) => links.task(key),
        Agent::Thread(_) | Agent::Unknown => None,
    };
    (Cell::new(words, if link.is_some() { Tone::Link } else { Tone::Normal }), link)
}

fn age(store: Analysis<'_>, since_ns: u64) -> Cell {
    Cell::normal(duration_ns(store.now_ns.saturating_sub(since_ns)))
}

fn place(store: Analysis<'_>, site: SiteId) -> Cell {
    store
        .short_place(site)
        .map_or_else(|| Cell::new(UNKNOWN, Tone::Unknown), |place| Cell::new(place, Tone::Dim))
}
