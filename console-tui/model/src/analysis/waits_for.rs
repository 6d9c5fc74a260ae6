//! Who is stuck behind whom: the wait-for graph of tasks, threads, locks and channels, and the cycles in it.
//!
//! A task is stuck when it waits for locks only, none of which can come free before another stuck task goes on. The
//! largest such set is found by assuming all who wait to be stuck and taking away whoever can go on, until nothing changes.
//! What remains is a deadlock: it holds for `select!` and `join!` alike, since every wait of everybody in it is stuck.
//!
//! Within one task several futures may wait at once, and one of them hold what another waits for: the wire does not distinguish
//! them. So a task that seems to wait for itself is a suspicion, unless its poll blocks its thread or it was given what it waits
//! for in a future that it polls no more.
//!
//! Invariants: a wait for anything but a lock (a timer, a socket, a `Notify`), an unknown holder, an operation that was
//! not polled in the last poll: each counts as "can go on", so that what is called proven is. Channels are looked at in a
//! second pass alone, whose cycles are suspicions: who received last need not receive again.
//!
//! Limit: [`MAX_HELD`] holders, [`MAX_WAITS`] waits and [`MAX_STEPS`] steps; past them there is no verdict, and that is said.
//! It costs what those cost who hold something and wait, not what all operations cost.

pub(crate) mod chain;
pub(crate) mod cycles;
mod solve;

use rustc_hash::FxHashMap;

use crate::{
    analysis::{
        Analysis,
        locks::{End, Waiter},
    },
    id::{OpKey, ResourceKey, SiteId},
    store::{
        locks::{Lock, LockKind},
        resources::{Op, Resource},
        task::{Agent, State, Task, TaskKind},
    },
};

/// Holders that are looked at in one run.
const MAX_HELD: usize = 50_000;
/// A lock with more holders is looked at only if someone waits for it.
const FEW_HOLDERS: usize = 8;
/// Waits that are followed in one run.
const MAX_WAITS: usize = 100_000;
/// Those at the head of a queue who are looked at though they hold nothing: of the others none is said to be in the way.
const MAX_AHEAD: usize = 256;
/// Steps from a part of an operation to the whole.
const MAX_PARTS: usize = 4;
/// Waits that are judged in one run, each as often as what it depends on changes.
const MAX_STEPS: usize = 1_000_000;

/// A wait for an answer is looked at from here on: most answers come soon.
const MIN_ASKED_NS: u64 = 500_000_000;

/// A timer is overdue from here on: the driver may be late.
const OVERDUE_NS: u64 = 100_000_000;

/// Whether a task or thread is kept from going on, as far as that is known.
#[derive(Debug)]
pub(crate) struct Blocked<'a> {
    /// Everything it waits for at once.
    pub(crate) waits: Vec<Waiter<'a>>,
    /// A thread stands still in it: nothing else can go on in there.
    pub(crate) in_poll: bool,
    /// Nothing else can wake it.
    pub(crate) sure: bool,
    /// The waits are those of this one: the future of a `block_on` that blocks its poll.
    pub(crate) inner: Option<Agent>,
}

/// What a wait is for.
#[derive(Debug, Clone, Copy)]
enum Target<'a> {
    Lock(ResourceKey, LockKind, &'a Lock),
    /// The peer that was seen last at the other end, if it must be that one.
    Channel(ResourceKey, Agent),
    /// The answer to a question: whoever receives from the channel that the question went through.
    Answer {
        oneshot: ResourceKey,
        asked: ResourceKey,
        peer: Agent,
    },
    /// The future of a `block_on` that blocks its poll, which waits for this.
    Inner(ResourceKey, Agent),
}

impl<'a> Analysis<'a> {
    /// What a task or thread waits for; `None`: it can go on, or unknown.
    pub(crate) fn blocked(self, who: Agent) -> Option<Blocked<'a>> {
        match who {
            Agent::Unknown => None,
            Agent::Thread(thread) => {
                let outside = |op: &&Op| op.stats.task.is_none();
                let ops: Vec<&Op> = self.store.resources.ops_of_thread(thread).filter(outside).collect();
                let waits = self.merge(&ops);
                (!waits.is_empty()).then_some(Blocked { waits, in_poll: true, sure: true, inner: None })
            }
            Agent::Task(key) => {
                let task = self.store.task(key)?;
                match task.stats.state {
                    State::Running => self.blocked_poll(task),
                    State::Idle => self.blocked_idle(task),
                    State::Scheduled | State::Done | State::Unknown => None,
                }
            }
        }
    }

    /// A poll that blocks its thread.
    fn blocked_poll(self, task: &Task) -> Option<Blocked<'a>> {
        let ops = self.store.resources.ops_of_task(task.key);
        let ops: Vec<&Op> = ops.filter(|op| op.blocks_thread()).collect();
        let waits = self.merge(&ops);
        if !waits.is_empty() {
            return Some(Blocked { waits, in_poll: true, sure: true, inner: None });
        }
        // The future of a `block_on` in it.
        let inner = self.store.blocked_on(task.key).filter(|inner| inner.stats.state == State::Idle)?;
        let blocked = self.blocked_idle(inner)?;
        Some(Blocked { in_poll: true, inner: Some(Agent::Task(inner.key)), ..blocked })
    }

    fn blocked_idle(self, task: &Task) -> Option<Blocked<'a>> {
        let mut waits = self.waits_of(task.key);
        waits.retain(|wait| {
            // What its last poll left out it polls no more if it had a reason to; else it may be one of many in a set of
            // futures, each polled when it is woken.
            let left_out = task.left_out(wait.op);
            let was_due = wait.granted_ns.is_some_and(|granted_ns| granted_ns < task.stats.state_since_ns)
                || self.is_overdue(wait.op);
            !(left_out && was_due)
        });
        // What it was given just now: the wake is on its way.
        if waits.is_empty() || waits.iter().any(|wait| wait.granted_ns.is_some()) {
            return None;
        }
        let wakers = task.wakers().is_some_and(|wakers| wakers as usize <= waits.len());
        let sure = (wakers || task.stats.all_waits) && task.facts.kind != TaskKind::Future;
        Some(Blocked { waits, in_poll: false, sure, inner: None })
    }

    /// A timer that should have fired.
    fn is_overdue(self, op: &Op) -> bool {
        let resource = op.resource.and_then(|key| self.store.resources.resource(key));
        let duration_ms = resource.and_then(|resource| self.number(&resource.attributes, "duration"));
        duration_ms.is_some_and(|ms| {
            let due_ns = op.stats.state_since_ns.saturating_add(ms.saturating_mul(1_000_000));
            due_ns.saturating_add(OVERDUE_NS) < self.store.now_ns
        })
    }

    /// A wait of a task that is read from memory for something that need not come, and does not end its other waits: no timer.
    fn is_beside(self, wait: &Waiter) -> bool {
        let resource = wait.op.resource.and_then(|key| self.store.resources.resource(key));
        self.store.hello.is_memory() && resource.is_some_and(|resource| !self.is_timer(resource))
    }

    /// What an operation waits for; `None`: something that comes by itself, or unknown.
    fn target(self, wait: &Waiter) -> Option<Target<'a>> {
        let key = wait.op.resource?;
        let around = self.lock_around(key)?;
        if self.is_channel(around) {
            return self.channel_target(around, wait.op);
        }
        let kind = self.lock_kind(around)?;
        let (around, lock) = self.lock_waited_for(key)?;
        (!self.is_hidden(around)).then_some(Target::Lock(around.key, kind, lock))
    }
}

impl<'a> Analysis<'a> {
    fn channel_target(self, around: &Resource, op: &Op) -> Option<Target<'a>> {
        let (channel, end) = (self.channel(around.key), self.channel_end(op)?);
        if let Some(channel) = channel {
            let (peers, peer) = match end {
                End::Sender => (channel.receivers, channel.last_receiver),
                End::Receiver => (channel.senders, channel.last_sender),
            };
            if channel.closed || channel.depth.is_some_and(|depth| depth > 0 && end == End::Receiver) {
                return None;
            }
            if peer != Agent::Unknown {
                return (peers == Some(1)).then_some(Target::Channel(around.key, peer));
            }
        }
        if end != End::Receiver || !self.is_oneshot(around) {
            return None;
        }
        let asked = op.asked?;
        let peer = self.channel(asked).filter(|channel| channel.receivers == Some(1))?.last_receiver;
        Some(Target::Answer { oneshot: around.key, asked, peer })
    }
}

/// A task or thread in the graph.
#[derive(Debug)]
struct Actor<'a> {
    /// What it waits for; empty: it can go on.
    waits: Vec<(Target<'a>, Waiter<'a>)>,
    in_poll: bool,
    sure: bool,
    stuck: bool,
}

/// A lock that one of the graph waits for.
#[derive(Debug)]
struct Queue<'a> {
    kind: LockKind,
    lock: &'a Lock,
    /// In the order in which they came; not all of them.
    waiters: Vec<Waiter<'a>>,
    /// Permits left; `None`: unknown.
    available: Option<u64>,
}

/// Whoever matters to whoever holds something and waits.
#[derive(Debug)]
pub(crate) struct Graph<'a> {
    store: Analysis<'a>,
    actors: FxHashMap<Agent, Actor<'a>>,
    queues: FxHashMap<ResourceKey, Queue<'a>>,
    granted: FxHashMap<ResourceKey, Vec<Waiter<'a>>>,
    waits: usize,
    steps: usize,
    /// A limit was hit: nothing can be said.
    cut: bool,
}

impl<'a> Graph<'a> {
    pub(crate) fn new(store: Analysis<'a>) -> Self {
        let mut graph = Self {
            store,
            actors: FxHashMap::default(),
            queues: FxHashMap::default(),
            granted: FxHashMap::default(),
            waits: 0,
            steps: 0,
            cut: false,
        };
        graph.gather();
        graph
    }

    /// Whoever holds something and waits, and whoever is in the way of those.
    fn gather(&mut self) {
        let store = self.store.store();
        let mut open: Vec<Agent> = Vec::new();
        let mut held = 0;
        for (slot, lock) in store.resources.locks.locks() {
            // What none waits for is in no one's way.
            let waited_for = |lock: &Resource| self.store.waiting_on(lock.key).next().is_some();
            let many = lock.holders.len() > FEW_HOLDERS;
            let around = store.resources.in_slot(slot).and_then(|of| self.store.lock_around(of.key));
            if many && !around.is_some_and(waited_for) {
                continue;
            }
            held += lock.holders.len();
            open.extend(lock.holders.iter().map(|holder| holder.who));
            if held > MAX_HELD {
                self.cut = true;
                return;
            }
        }
        self.gather_granted();
        open.extend(self.granted.values().flatten().map(Waiter::who));
        // Who is in the way of a full channel may hold nothing.
        let full = store.resources.locks.channels().filter(|(_, channel)| channel.is_full());
        open.extend(full.take(MAX_HELD).map(|(_, channel)| channel.last_receiver));
        // Memory shows who has the only end that can send an answer.
        if self.store.hello.is_memory() {
            let answers = store.resources.locks.channels().filter(|(_, channel)| channel.is_owed());
            open.extend(answers.take(MAX_HELD).map(|(_, channel)| channel.last_sender));
        }
        // So may who was asked for an answer.
        let asks = |op: &&Op| op.asked.is_some() && op.is_waiting() && op.age_ns(store.now_ns) > MIN_ASKED_NS;
        open.extend(store.resources.ops().filter(asks).take(MAX_HELD).map(Op::who));
        while let Some(who) = open.pop() {
            if who == Agent::Unknown || self.actors.contains_key(&who) {
                continue;
            }
            let actor = self.actor(who);
            for (target, wait) in &actor.waits {
                match *target {
                    Target::Lock(key, kind, lock) => {
                        open.extend(self.queue(key, kind, lock));
                        self.queues.entry(key).and_modify(|queue| queue.waiters.push(*wait));
                    }
                    Target::Channel(_, peer) | Target::Answer { peer, .. } | Target::Inner(_, peer) => {
                        open.push(peer);
                    }
                }
            }
            self.actors.insert(who, actor);
            if self.waits > MAX_WAITS {
                self.cut = true;
                return;
            }
        }
        for queue in self.queues.values_mut() {
            queue.waiters.sort_by_key(|waiter| (waiter.since_ns, waiter.op.key));
            queue.waiters.dedup_by_key(|waiter| waiter.op.key);
        }
    }

    /// What was given to a task, by lock. The grant is recorded at the part of an operation that asked for it.
    fn gather_granted(&mut self) {
        let (analysis, store) = (self.store, self.store.store());
        for op in store.resources.granted_ops().take(MAX_HELD) {
            let parent = |op: &&'a Op| store.resources.op(op.parent?);
            let whole: Vec<&Op> = std::iter::successors(Some(op), parent).take(MAX_PARTS).collect();
            let around = op.resource.and_then(|key| analysis.lock_around(key));
            if let Some(around) = around {
                self.granted.entry(around.key).or_default().extend(analysis.merge(&whole));
            }
        }
    }

    fn actor(&mut self, who: Agent) -> Actor<'a> {
        let free = Actor { waits: Vec::new(), in_poll: false, sure: false, stuck: false };
        let Some(blocked) = self.store.blocked(who) else { return free };
        self.waits += blocked.waits.len();
        let (in_poll, mut sure) = (blocked.in_poll, blocked.sure);
        let mut waits = Vec::with_capacity(blocked.waits.len());
        for wait in blocked.waits {
            match self.store.target(&wait).map(|target| within(target, blocked.inner)) {
                Some(target) => waits.push((target, wait)),
                // A connection's task waits for its socket too, whatever its handler waits for. An await tree shows one beside the other.
                None if self.store.is_beside(&wait) => sure = false,
                None => return free,
            }
        }
        Actor { stuck: !waits.is_empty(), waits, in_poll, sure }
    }

    /// Takes a lock into the graph, with those of its queue who can be in the way. Returns who that is.
    fn queue(&mut self, key: ResourceKey, kind: LockKind, lock: &'a Lock) -> Vec<Agent> {
        if self.queues.contains_key(&key) {
            return Vec::new();
        }
        let mut waiters = match kind {
            // Whoever waits before has the same holder in its way.
            LockKind::Mutex => Vec::new(),
            LockKind::RwLock | LockKind::Semaphore => self.store.waiters(key),
        };
        waiters.truncate(MAX_AHEAD);
        waiters.extend(self.granted.get(&key).into_iter().flatten());
        self.waits += waiters.len();
        let who = waiters.iter().map(Waiter::who).collect();
        self.queues.insert(key, Queue { kind, lock, waiters, available: self.available(key) });
        who
    }

    /// What a semaphore has left, of itself or of a part of it.
    fn available(&self, key: ResourceKey) -> Option<u64> {
        let resource = self.store.resources.resource(key)?;
        self.store.number(&resource.attributes, "permits")
    }

    /// It waits for a channel, and for other things beside it that may come at any time: memory shows them, or its wakers do.
    pub(super) fn may_go_on(&self, step: &cycles::Step) -> bool {
        let op = self.store.store().resources.op(step.wait.op);
        let end = op.and_then(|op| self.store.channel_end(op));
        let sure = self.actors.get(&step.who).is_some_and(|actor| actor.sure);
        let beside = match step.who {
            Agent::Task(key) => self.store.store().task(key).is_some_and(|task| task.wakers().is_some()),
            Agent::Thread(_) | Agent::Unknown => false,
        };
        match end {
            None => false,
            Some(_) if sure => false,
            Some(End::Receiver) if self.store.hello.is_memory() => true,
            Some(_) => beside,
        }
    }

    /// A task that waits for what it holds itself, and for nothing else: the only waker of it that is left lies with this wait.
    pub(super) fn waits_alone(&self, who: Agent) -> bool {
        self.actors.get(&who).is_some_and(|actor| {
            matches!(actor.waits.as_slice(), [(Target::Lock(..), wait)] if actor.sure && wait.own_waker)
        })
    }

    fn is_stuck(&self, who: Agent) -> bool {
        self.actors.get(&who).is_some_and(|actor| actor.stuck)
    }
}

/// What a wait is for, to the task whose poll is blocked by the future that waits.
fn within(target: Target<'_>, inner: Option<Agent>) -> Target<'_> {
    match (inner, target) {
        (None, target) => target,
        (
            Some(inner),
            Target::Lock(key, ..)
            | Target::Channel(key, _)
            | Target::Answer { oneshot: key, .. }
            | Target::Inner(key, _),
        ) => Target::Inner(key, inner),
    }
}

/// A wait, as others point to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) op: OpKey,
    pub(crate) resource: ResourceKey,
    pub(crate) since_ns: u64,
    /// Where it waits.
    pub(crate) site: SiteId,
}

impl Wait {
    fn of(resource: ResourceKey, waiter: &Waiter) -> Self {
        Self { op: waiter.op.key, resource, since_ns: waiter.since_ns, site: waiter.op.site }
    }
}
