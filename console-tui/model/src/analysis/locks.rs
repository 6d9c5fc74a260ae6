//! What the rest of the model asks of locks and channels.

use std::cmp::Reverse;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    analysis::Analysis,
    format::{SPARK_WIDTH, UNKNOWN},
    id::{OpKey, ResourceKey, TaskKey},
    store::{
        locks::{Channel, Holder, Lock, LockDetail, LockKind},
        resources::{Op, Resource, Value},
        task::Agent,
        window::LockRates,
    },
};

/// Types of what waits for tasks to end.
const JOIN_HANDLE: &str = "JoinHandle";
const JOIN_SET: &str = "JoinSet";

/// Parts of a lock whose operations are looked at; tokio has one.
const MAX_PARTS_SEARCHED: usize = 16;
/// Operations on one lock that are looked at.
pub(crate) const MAX_WAITERS: usize = 4096;

/// The end of a channel that an operation is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum End {
    Sender,
    Receiver,
}

/// A wait for a lock or a channel: an operation and its innermost part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiter<'a> {
    /// What the program called.
    pub(crate) op: &'a Op,
    pub(crate) since_ns: u64,
    /// It is its own since then, and was not taken.
    pub(crate) granted_ns: Option<u64>,
    /// Permits it still wants; 1 for anything but a semaphore; `None`: unknown.
    pub(crate) permits: Option<u64>,
    /// It wants to read.
    pub(crate) shared: bool,
    /// It has the waker of its task, not that of a set of futures in it; false: unknown.
    pub(crate) own_waker: bool,
}

impl Waiter<'_> {
    /// The task that waits; for the wait of a thread the one that it polls.
    pub(crate) fn task(&self) -> Option<TaskKey> {
        self.op.stats.task
    }

    /// Who waits: a task, or a thread outside any task.
    pub(crate) fn who(&self) -> Agent {
        self.op.who()
    }
}

impl<'a> Analysis<'a> {
    /// A resource as a lock.
    pub(crate) fn lock(self, key: ResourceKey) -> Option<&'a Lock> {
        self.store.resources.resource(key)?;
        self.store.resources.locks.lock(key.slot)
    }

    /// A resource as a channel.
    pub(crate) fn channel(self, key: ResourceKey) -> Option<&'a Channel> {
        self.store.resources.resource(key)?;
        self.store.resources.locks.channel(key.slot)
    }

    /// The resource that is waited for when one waits on `key`: the lock around tokio's own semaphore.
    pub(crate) fn lock_around(self, key: ResourceKey) -> Option<&'a Resource> {
        self.store.resources.visible(key)
    }

    /// Whoever took a lock need not hold it any more.
    pub(crate) fn is_loose(self, key: ResourceKey) -> bool {
        self.lock_waited_for(key).is_some_and(|(_, lock)| lock.knows.loose)
    }

    /// `taken by`, `read by`, `held by`: a permit is held, though others have theirs beside it.
    pub(crate) fn hold_words(self, resource: &Resource, lock: &Lock, holder: &Holder) -> &'static str {
        let reads = holder.shared && self.lock_kind(resource) == Some(LockKind::RwLock);
        match (lock.knows.loose, reads) {
            (true, _) => "taken by",
            (false, true) => "read by",
            (false, false) => "held by",
        }
    }

    /// The kind of lock that a resource is; `None`: it is none.
    pub(crate) fn lock_kind(self, resource: &Resource) -> Option<LockKind> {
        let name = self.store.texts.text(resource.concrete_type)?;
        if name.contains("RwLock") {
            Some(LockKind::RwLock)
        } else if name.contains("Mutex") {
            Some(LockKind::Mutex)
        } else if name.contains("Semaphore") || name == JOIN_SET {
            // The end of any of its tasks is enough.
            Some(LockKind::Semaphore)
        } else if name == JOIN_HANDLE {
            Some(LockKind::Mutex)
        } else {
            None
        }
    }

    /// A lock whose wait blocks the thread.
    pub(crate) fn is_blocking(self, resource: &Resource) -> bool {
        let is_one = |kind: &str| kind.eq_ignore_ascii_case("lock") || kind.eq_ignore_ascii_case("blocking");
        self.store.texts.text(resource.kind).is_some_and(is_one)
    }

    /// A lock that the program made: with a row of its own, or of a type that is one.
    pub(crate) fn is_lock(self, resource: &Resource) -> bool {
        !self.is_hidden(resource)
            && !self.is_channel(resource)
            && !self.is_join(resource)
            && (self.store.resources.locks.lock(resource.key.slot).is_some()
                || self.lock_kind(resource).is_some())
    }

    /// What waits for tasks to end, as if they held it.
    pub(crate) fn is_join(self, resource: &Resource) -> bool {
        matches!(self.store.texts.text(resource.concrete_type), Some(JOIN_HANDLE | JOIN_SET))
    }

    /// A channel that the program made: with a row of its own, or of a type that is one.
    pub(crate) fn is_channel(self, resource: &Resource) -> bool {
        let of_type = |name: &str| name.contains("Sender") || name.contains("Receiver");
        !self.is_hidden(resource)
            && (self.store.resources.locks.channel(resource.key.slot).is_some()
                || self.store.texts.text(resource.concrete_type).is_some_and(of_type))
    }

    /// A channel of one value: tokio's, or a wrapper of it.
    pub(crate) fn is_oneshot(self, resource: &Resource) -> bool {
        let of_type = |name: &str| name.contains("oneshot") || name == "Sender|Receiver";
        self.store.texts.text(resource.concrete_type).is_some_and(of_type)
    }

    /// All locks that the program made, in the order of their slots.
    pub(crate) fn lock_list(self) -> Vec<&'a Resource> {
        let mut list: Vec<&Resource> =
            self.store.resources.resources().filter(|resource| self.is_lock(resource)).collect();
        list.sort_unstable_by_key(|resource| resource.key);
        list
    }

    /// All channels that the program made, in the order of their slots.
    pub(crate) fn channel_list(self) -> Vec<&'a Resource> {
        let mut list: Vec<&Resource> =
            self.store.resources.resources().filter(|resource| self.is_channel(resource)).collect();
        list.sort_unstable_by_key(|resource| resource.key);
        list
    }

    /// The lock that one waits for on `key`: of the resource that the program knows, or of a part of it.
    pub(crate) fn lock_waited_for(self, key: ResourceKey) -> Option<(&'a Resource, &'a Lock)> {
        let around = self.lock_around(key)?;
        let as_lock = |resource: &Resource| self.store.resources.locks.lock(resource.key.slot);
        let lock = as_lock(around).or_else(|| self.store.resources.chain(key).find_map(as_lock))?;
        Some((around, lock))
    }

    /// What the program calls it.
    pub(crate) fn resource_name(self, resource: &Resource) -> Option<&'a str> {
        self.store.texts.text(resource.name)
    }

    /// What a task or a thread holds, the longest held first.
    pub(crate) fn held_by(self, who: Agent) -> Vec<(&'a Resource, &'a Holder)> {
        let mut held: Vec<(&Resource, &Holder)> = Vec::new();
        for slot in self.store.resources.locks.held_by(who) {
            let (Some(resource), Some(lock)) =
                (self.store.resources.in_slot(slot), self.store.resources.locks.lock(slot))
            else {
                continue;
            };
            let own = lock.holders.iter().filter(|holder| holder.who == who);
            held.extend(own.map(|holder| (resource, holder)));
        }
        held.sort_by_key(|(resource, holder)| (holder.since_ns, resource.key));
        held
    }

    /// `transfer #91`, `thread main`; `None`: unknown.
    pub(crate) fn who_words(self, who: Agent) -> Option<String> {
        let words = self.waker_words(who)?;
        Some(words.trim_end_matches(" (outside any task)").to_owned())
    }

    /// Who holds it, in a few words: `transfer #91`, `2 readers`, `free`; `None`: unknown.
    pub(crate) fn holders_words(self, kind: Option<LockKind>, lock: &Lock) -> Option<String> {
        let count = lock.holder_count()?;
        let is_read = kind != Some(LockKind::Semaphore) && lock.holders.iter().all(|holder| holder.shared);
        let one = match (&*lock.holders, lock.more_holders) {
            ([], 0) => return Some("free".to_owned()),
            ([holder], 0) if !holder.shared => Some(holder),
            _ => None,
        };
        Some(match one {
            Some(holder) => {
                self.who_words(holder.who).unwrap_or_else(|| "an unknown task or thread".to_owned())
            }
            None if count == 1 => {
                let holder = lock.holders.first().and_then(|holder| self.who_words(holder.who));
                let holder = holder.unwrap_or_else(|| "an unknown task or thread".to_owned());
                if is_read { format!("{holder} (reads)") } else { holder }
            }
            None if is_read => format!("{count} readers"),
            None => format!("{count} holders"),
        })
    }

    /// Who is in the way of an operation, in as few words: `◂ transfer #91`; nothing for what has no holder at all.
    pub(crate) fn in_the_way_words(self, op: &Op) -> Option<String> {
        let resource = self.resource_of(op)?;
        if self.is_channel(resource) {
            return None;
        }
        let kind = self.lock_kind(resource);
        let lock = self.lock_waited_for(op.resource?).map(|(_, lock)| lock);
        if lock.is_none() && kind.is_none() {
            return None;
        }
        let holders = lock.and_then(|lock| self.holders_words(kind, lock));
        Some(format!("◂ {}", holders.as_deref().unwrap_or(UNKNOWN)))
    }

    /// The operations that wait on a resource or on a part of it, in no order.
    pub(crate) fn waiting_on(self, key: ResourceKey) -> impl Iterator<Item = &'a Op> {
        let mut family = vec![key];
        let mut next = 0;
        while let Some(of) = family.get(next).copied() {
            let room = MAX_PARTS_SEARCHED.saturating_sub(family.len());
            let parts: Vec<ResourceKey> =
                self.store.resources.parts(of).map(|part| part.key).take(room).collect();
            family.extend(parts.into_iter().filter(|part| *part != key));
            next += 1;
        }
        family.into_iter().flat_map(|of| self.store.resources.ops_on(of)).filter(|op| op.is_waiting())
    }

    /// Those who wait on a resource or on a part of it, in the order in which they came. Those past [`MAX_WAITERS`] are left
    /// out: use [`Self::waits`] to count.
    pub(crate) fn waiters(self, key: ResourceKey) -> Vec<Waiter<'a>> {
        let ops: Vec<&Op> = self.waiting_on(key).take(MAX_WAITERS).collect();
        let mut waiters = self.merge(&ops);
        waiters.sort_by_key(|waiter| (waiter.since_ns, waiter.op.key));
        waiters
    }

    /// Operations, each with what is known of its parts among them; the parts are no waiters of their own.
    pub(crate) fn merge(self, ops: &[&'a Op]) -> Vec<Waiter<'a>> {
        if ops.iter().all(|op| op.parent.is_none()) {
            return ops.iter().map(|op| self.waiter(op, &[*op])).collect();
        }
        let keys: FxHashSet<OpKey> = ops.iter().map(|op| op.key).collect();
        let mut parts: FxHashMap<OpKey, Vec<&Op>> = FxHashMap::default();
        for op in ops {
            if let Some(parent) = op.parent.filter(|parent| keys.contains(parent) && *parent != op.key) {
                parts.entry(parent).or_default().push(op);
            }
        }
        let outer = ops.iter().filter(|op| op.parent.is_none_or(|parent| !keys.contains(&parent)));
        outer
            .map(|op| {
                let mut inner: Vec<&Op> = vec![op];
                let mut next = 0;
                while let Some(part) = inner.get(next)
                    && inner.len() <= MAX_PARTS_SEARCHED
                {
                    let further = parts.remove(&part.key).unwrap_or_default();
                    inner.extend(further);
                    next += 1;
                }
                self.waiter(op, &inner)
            })
            .collect()
    }

    /// `parts`: the operation itself, and the parts of it.
    fn waiter(self, op: &'a Op, parts: &[&Op]) -> Waiter<'a> {
        let words = self.op_words(op);
        let method = words.rsplit("::").next().unwrap_or(words);
        let is_semaphore =
            self.resource_of(op).and_then(|resource| self.lock_kind(resource)) == Some(LockKind::Semaphore);
        let number = |name: &str| parts.iter().find_map(|part| self.number(&part.attributes, name));
        // tokio gives the first in line what comes free, bit by bit.
        let wanted = number("permits_requested")
            .map(|wanted| wanted.saturating_sub(number("permits_obtained").unwrap_or(0)));
        Waiter {
            op,
            since_ns: self.waits_since_ns(op),
            granted_ns: parts.iter().filter_map(|part| part.stats.granted_ns).min(),
            permits: if is_semaphore { wanted } else { Some(1) },
            shared: method.contains("read"),
            own_waker: parts.iter().any(|part| part.stats.own_waker),
        }
    }

    /// An attribute that is a number.
    pub(crate) fn number(self, attributes: &[crate::store::resources::Attribute], name: &str) -> Option<u64> {
        attributes.iter().find_map(|attribute| match attribute.value {
            Value::Number(number) if self.store.texts.text(attribute.name) == Some(name) => Some(number),
            _ => None,
        })
    }

    /// The end of a channel that an operation is on: `None`: it is on none, or unknown.
    pub(crate) fn channel_end(self, op: &Op) -> Option<End> {
        let resource = self.resource_of(op)?;
        if !self.is_channel(resource) {
            return None;
        }
        let words = self.op_words(op);
        let method = words.rsplit("::").next().unwrap_or(words);
        let starts = |begins: &[&str]| begins.iter().any(|begin| method.starts_with(begin));
        if method.starts_with("closed") {
            return None;
        }
        // Of tokio's own channels only the wait for room is reported.
        if words.starts_with("Acquire") {
            return Some(End::Sender);
        }
        if starts(&["recv", "changed", "wait_for", "await", "next", "blocking_recv"]) {
            Some(End::Receiver)
        } else if starts(&["send", "reserve", "blocking_send"]) {
            Some(End::Sender)
        } else if words.contains("Receiver") {
            Some(End::Receiver)
        } else {
            words.contains("Sender").then_some(End::Sender)
        }
    }

    /// The four counters a second; zero for what did nothing lately, `None`: unknown (yet, or for want of room).
    fn window_rates(self, key: ResourceKey) -> Option<[f64; 4]> {
        self.store.resources.resource(key)?;
        self.store.resources.locks.windows.rates(key.slot, &self.store.histories.ticks)
    }

    /// What a lock cost over the last seconds; `None`: unknown.
    pub(crate) fn lock_rates(self, key: ResourceKey) -> Option<LockRates> {
        self.lock(key).filter(|lock| lock.knows.times)?;
        let [acquisitions, contended, hold_us, wait_us] = self.window_rates(key)?;
        Some(LockRates { acquisitions, contended, hold: hold_us / 1e6, wait: wait_us / 1e6 })
    }

    /// Values sent and received a second; `None`: unknown.
    pub(crate) fn channel_rates(self, key: ResourceKey) -> Option<(f64, f64)> {
        self.channel(key).filter(|channel| !channel.room_alone)?;
        self.window_rates(key).map(|[sent, received, ..]| (sent, received))
    }

    /// Acquisitions of a lock, or values sent through a channel, over the last seconds; heights 0 to 8.
    pub(crate) fn lock_spark(self, key: ResourceKey) -> Option<[u8; SPARK_WIDTH as usize]> {
        self.store.resources.resource(key)?;
        self.store.resources.locks.windows.spark(key.slot, 0, &self.store.histories.ticks)
    }

    /// Share of the acquisitions that had to wait, second by second, oldest first; `None` where there was none.
    pub(crate) fn contention_series(self, key: ResourceKey) -> Vec<Option<f64>> {
        if self.store.resources.resource(key).is_none() {
            return Vec::new();
        }
        let windows = &self.store.resources.locks.windows;
        let pairs = windows.series(key.slot, 0).into_iter().zip(windows.series(key.slot, 1));
        pairs.map(|(all, waited)| (all > 0).then(|| (f64::from(waited) / f64::from(all)).min(1.0))).collect()
    }

    /// Histograms of a lock on the screen.
    pub(crate) fn lock_detail(self, key: ResourceKey) -> Option<&'a LockDetail> {
        self.store.resources.locks.details.get(&key)
    }

    /// What a task waits in, the longest wait first: operations that are outermost and not over.
    pub(crate) fn waits_of(self, task: TaskKey) -> Vec<Waiter<'a>> {
        let ops: Vec<&Op> =
            self.store.resources.ops_of_task(task).filter(|op| op.is_waiting()).take(MAX_WAITERS).collect();
        let mut waiters = self.merge(&ops);
        waiters.sort_by_key(|waiter| (waiter.since_ns, Reverse(waiter.op.key)));
        waiters
    }
}
