//! Which task waits for what, and who may have it: the facts of all trees of a round.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;
use taskscope_await::{Channel, ChannelKind, Frame, FrameKind, FrameState, LockKind, Wait};

use super::{Round, TaskKey};

/// Waits of one task.
const MAX_WAITS: usize = 64;

/// Something that tasks wait for, or hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum ResourceKey {
    Lock(u64),
    Notify(u64),
    Channel(u64),
    Task(u64),
    Set(u64),
    /// Of which task, and when it is due.
    Timer(TaskKey, u64),
    Descriptor(u32),
    Registration(u64),
}

/// A wait: the task, what for, and which of several for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct OpKey {
    pub(super) task: TaskKey,
    pub(super) resource: ResourceKey,
    pub(super) number: u32,
    /// When the task was seen to change last: a later one is another wait.
    pub(super) since_ns: u64,
}

/// What is known of a resource.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash)]
pub(super) struct Facts {
    /// `Mutex`
    pub(super) name: &'static str,
    /// `Sync`
    pub(super) purpose: &'static str,
    /// Where a guard of it points to.
    pub(super) base: Option<u64>,
    /// Permits that are free; `None`: unknown, or it has none.
    pub(super) free: Option<u64>,
    /// Tasks whose variables have a guard of it, by index, with permits, whether others may have it too, and whether the guard may be gone.
    pub(super) claims: Vec<Claim>,
    /// Of those that it is of, tasks that are not among them.
    pub(super) more_claims: usize,
    /// It was given to a task that has not taken it yet.
    pub(super) is_granted: bool,
    /// What a channel's memory says of it.
    pub(super) channel: Option<Channel>,
    /// Tasks that have an end of it that sends, by index.
    pub(super) senders: Vec<usize>,
    /// The task that has the end that receives.
    pub(super) receiver: Option<usize>,
    /// The descriptor.
    pub(super) fd: Option<u32>,
    /// Until a timer is due, from the clock's start.
    pub(super) deadline_ns: Option<u64>,
    /// What the program calls it.
    pub(super) title: String,
}

/// A guard of a lock in a task's variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Claim {
    /// Index of the task.
    pub(super) task: usize,
    pub(super) permits: u64,
    pub(super) shared: bool,
    pub(super) maybe_gone: bool,
}

/// What is known of a wait.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash)]
pub(super) struct WaitFacts {
    /// Index of the task.
    pub(super) task: usize,
    /// `Mutex::lock`
    pub(super) source: String,
    /// Where it waits.
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) granted: bool,
    /// No future on the way to it is left aside.
    pub(super) polled: bool,
    /// Permits wanted, of a semaphore.
    pub(super) wanted: Option<u64>,
}

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) resources: BTreeMap<ResourceKey, Facts>,
    pub(super) ops: BTreeMap<OpKey, WaitFacts>,
    /// By index of the task: when it was seen to change last.
    since_ns: Vec<u64>,
    /// By index of the task: its waits are all that can wake it.
    pub(super) whole: Vec<bool>,
}

impl Graph {
    /// `keys`: of the tasks, in their order.
    pub(super) fn new(round: &Round<'_>, keys: &[TaskKey]) -> Self {
        let mut graph =
            Self { whole: vec![false; keys.len()], since_ns: round.since_ns.clone(), ..Self::default() };
        let headers: FxHashMap<u64, usize> =
            keys.iter().enumerate().map(|(at, key)| (key.header, at)).collect();
        for (number, key) in keys.iter().enumerate() {
            graph.task(round, number, *key, &headers);
        }
        graph.unnamed_claims(round);
        // What no task waits for is of no interest.
        let waited: BTreeSet<ResourceKey> = graph.ops.keys().map(|op| op.resource).collect();
        graph.resources.retain(|key, _| !matches!(key, ResourceKey::Channel(_)) || waited.contains(key));
        graph
    }

    pub(super) fn resources(&self) -> impl Iterator<Item = ResourceKey> {
        self.resources.keys().copied()
    }

    pub(super) fn ops(&self) -> impl Iterator<Item = OpKey> {
        self.ops.keys().copied()
    }

    fn task(&mut self, round: &Round<'_>, number: usize, key: TaskKey, headers: &FxHashMap<u64, usize>) {
        let seen = &round.observed.tasks[number];
        let tree = &seen.task.tree;
        let mut waits = 0;
        let mut whole = !tree.frames.is_empty() && tree.problems.is_empty() && !seen.changed;
        // The innermost function of the program's own on the way to each frame, by depth.
        let mut path: Vec<&Frame> = Vec::new();
        for (at, frame) in tree.frames.iter().enumerate() {
            path.truncate(frame.depth as usize);
            path.push(frame);
            self.claims(number, frame);
            self.ends(number, frame);
            let is_last = tree.frames.get(at + 1).is_none_or(|next| next.depth <= frame.depth);
            let Some(wait) = &frame.wait else {
                whole &= !is_last || explains_itself(frame);
                continue;
            };
            if waits < MAX_WAITS {
                waits += 1;
                self.wait((number, key), wait, &path, headers);
            } else {
                whole = false;
            }
        }
        self.whole[number] = whole;
    }

    fn wait(
        &mut self,
        (task, key): (usize, TaskKey),
        wait: &Wait,
        path: &[&Frame],
        headers: &FxHashMap<u64, usize>,
    ) {
        let Some((resource, facts)) = resource(key, wait) else { return };
        let since_ns = self.since_ns.get(task).copied().unwrap_or(0);
        let entry = self.resources.entry(resource).or_default();
        entry.name = facts.name;
        entry.purpose = facts.purpose;
        entry.free = facts.free.or(entry.free);
        entry.base = facts.base.or(entry.base);
        entry.fd = facts.fd;
        entry.deadline_ns = facts.deadline_ns;
        entry.title = facts.title;
        entry.channel = facts.channel.or(entry.channel);
        let children: &[u64] = match wait {
            Wait::Task { header, .. } => std::slice::from_ref(header),
            Wait::JoinSet { headers, .. } => headers,
            _ => &[],
        };
        if !children.is_empty() {
            let claim = |task: &usize| Claim { task: *task, permits: 1, shared: false, maybe_gone: false };
            entry.claims = children.iter().filter_map(|header| headers.get(header).map(claim)).collect();
            // Tasks that have ended, or that are not known, need not be waited for.
            entry.more_claims = children.len().saturating_sub(entry.claims.len());
        }
        let granted = matches!(wait, Wait::Lock { granted: true, .. });
        entry.is_granted |= granted;
        let (file, line) = place(path);
        let wanted = match wait {
            Wait::Lock { wanted, kind: LockKind::Semaphore, .. } => Some(*wanted),
            _ => None,
        };
        let mut op = OpKey { task: key, resource, number: 0, since_ns };
        while self.ops.contains_key(&op) {
            op.number += 1;
        }
        let polled = path.iter().all(|frame| frame.not_polled.is_none());
        let source = source(wait, path);
        self.ops.insert(op, WaitFacts { task, source, file, line, granted, polled, wanted });
    }

    /// Of a lock that is taken and whose guard no variable has: tasks that have its address where no variable with a name is.
    fn unnamed_claims(&mut self, round: &Round<'_>) {
        let mut open: FxHashMap<u64, ResourceKey> = FxHashMap::default();
        for (key, facts) in &self.resources {
            if let Some(base) = facts.base.filter(|_| facts.claims.is_empty() && facts.free == Some(0)) {
                open.insert(base, *key);
            }
        }
        for (task, seen) in round.observed.tasks.iter().enumerate() {
            let words = seen.task.tree.frames.iter().flat_map(|frame| &frame.unnamed);
            for key in words.filter_map(|word| open.get(word)) {
                let waits = self.ops.iter().any(|(op, facts)| facts.task == task && op.resource == *key);
                let Some(facts) = self.resources.get_mut(key).filter(|_| !waits) else { continue };
                if facts.claims.iter().all(|claim| claim.task != task) {
                    facts.claims.push(Claim { task, permits: 1, shared: false, maybe_gone: true });
                }
            }
        }
    }

    /// The ends of channels that a task has.
    fn ends(&mut self, task: usize, frame: &Frame) {
        for end in &frame.ends {
            let entry = self.resources.entry(ResourceKey::Channel(end.channel.address)).or_default();
            channel_facts(end.channel, entry);
            if !end.sends {
                entry.receiver = Some(task);
            } else if !entry.senders.contains(&task) {
                entry.senders.push(task);
            }
        }
    }

    fn claims(&mut self, task: usize, frame: &Frame) {
        for guard in &frame.guards {
            // A blocking lock has no queue that memory shows.
            if guard.kind == LockKind::Blocking {
                continue;
            }
            let entry = self.resources.entry(ResourceKey::Lock(guard.lock)).or_default();
            (entry.name, entry.purpose) = lock_name(guard.kind);
            entry.free = guard.free.or(entry.free);
            entry.title = address(guard.lock);
            let shared = guard.kind == LockKind::Read;
            let claim = Claim { task, permits: guard.permits, shared, maybe_gone: guard.maybe_gone };
            entry.claims.push(claim);
        }
    }
}

/// A frame without a wait that is known is no reason to doubt the others: it was not begun, or is over.
fn explains_itself(frame: &Frame) -> bool {
    matches!(frame.state, FrameState::NotStarted | FrameState::Finished | FrameState::Panicked)
}

fn address(at: u64) -> String {
    format!("{at:#x}")
}

fn lock_name(kind: LockKind) -> (&'static str, &'static str) {
    let name = match kind {
        LockKind::Mutex => "Mutex",
        LockKind::Read | LockKind::Write => "RwLock",
        LockKind::Semaphore => "Semaphore",
        LockKind::ChannelRoom => "mpsc",
        LockKind::Blocking => "lock",
    };
    (name, if kind == LockKind::ChannelRoom { "channel" } else { "Sync" })
}

fn channel_facts(channel: Channel, facts: &mut Facts) {
    facts.name = match channel.kind {
        ChannelKind::Mpsc => "mpsc",
        ChannelKind::Oneshot => "oneshot",
        ChannelKind::Broadcast => "broadcast",
        ChannelKind::Watch => "watch",
    };
    facts.purpose = "channel";
    facts.title = address(channel.address);
    facts.channel = Some(channel);
}

fn resource(task: TaskKey, wait: &Wait) -> Option<(ResourceKey, Facts)> {
    let mut facts = Facts::default();
    let (key, name, purpose) = match wait {
        Wait::Channel(channel) | Wait::Room(channel) => {
            channel_facts(*channel, &mut facts);
            return Some((ResourceKey::Channel(channel.address), facts));
        }
        Wait::Lock { lock, kind, .. } => {
            let (name, purpose) = lock_name(*kind);
            (ResourceKey::Lock(*lock), name, purpose)
        }
        Wait::Notify { notify } => (ResourceKey::Notify(*notify), "Notify", "Sync"),
        Wait::Task { header, .. } => (ResourceKey::Task(*header), "JoinHandle", "task"),
        Wait::JoinSet { set, .. } => (ResourceKey::Set(*set), "JoinSet", "task"),
        Wait::Timer { deadline_ns } => (ResourceKey::Timer(task, *deadline_ns), "Sleep", "timer"),
        Wait::Descriptor { fd, kind } => (ResourceKey::Descriptor(*fd), *kind, "io"),
        Wait::Readiness { registration } => (ResourceKey::Registration(*registration), "I/O source", "io"),
        Wait::Yield => return None,
    };
    let title = match wait {
        Wait::Task { id: Some(id), .. } => format!("#{id}"),
        Wait::JoinSet { tasks, .. } => format!("of {tasks} tasks"),
        Wait::Timer { .. } => String::new(),
        Wait::Descriptor { fd, .. } => format!("fd {fd}"),
        _ => match key {
            ResourceKey::Lock(at)
            | ResourceKey::Notify(at)
            | ResourceKey::Channel(at)
            | ResourceKey::Task(at)
            | ResourceKey::Registration(at) => address(at),
            _ => String::new(),
        },
    };
    facts = Facts {
        name,
        purpose,
        base: if let Wait::Lock { base, .. } = wait { *base } else { None },
        free: if let Wait::Lock { free, .. } = wait { *free } else { None },
        fd: if let Wait::Descriptor { fd, .. } = wait { Some(*fd) } else { None },
        deadline_ns: if let Wait::Timer { deadline_ns } = wait { Some(*deadline_ns) } else { None },
        title,
        ..Facts::default()
    };
    Some((key, facts))
}

/// The method that waits, as tokio calls it.
fn source(wait: &Wait, path: &[&Frame]) -> String {
    // A function of the program's own may be called anything.
    let is_io = |frame: &&&Frame| frame.kind == FrameKind::Future || frame.name.starts_with("tokio::");
    let above = || path.iter().rev().skip(1).filter(is_io);
    let method = || above().map(|frame| frame.name.rsplit("::").next().unwrap_or_default());
    match wait {
        Wait::Lock { kind, .. } => match kind {
            LockKind::Mutex => "Mutex::lock".to_owned(),
            LockKind::Read => "RwLock::read".to_owned(),
            LockKind::Write => "RwLock::write".to_owned(),
            LockKind::ChannelRoom => "Sender::send".to_owned(),
            LockKind::Semaphore | LockKind::Blocking => "Semaphore::acquire".to_owned(),
        },
        Wait::Notify { .. } => "Notify::notified".to_owned(),
        Wait::Channel(Channel { kind: ChannelKind::Watch, .. }) => "Receiver::changed".to_owned(),
        Wait::Channel(Channel { kind: ChannelKind::Oneshot, .. }) => "Receiver::await".to_owned(),
        Wait::Channel(_) => "Receiver::recv".to_owned(),
        Wait::Room(_) => "Sender::send".to_owned(),
        Wait::Task { .. } => "JoinHandle::await".to_owned(),
        Wait::JoinSet { .. } => "JoinSet::join_next".to_owned(),
        Wait::Timer { .. } => "Sleep".to_owned(),
        Wait::Descriptor { kind, .. } => {
            let words = [
                ("read", "read"),
                ("recv", "recv"),
                ("accept", "accept"),
                ("connect", "connect"),
                ("write", "write"),
                ("send", "send"),
                ("flush", "flush"),
                ("shutdown", "shutdown"),
                ("fill", "read"),
                ("lines", "read"),
                ("next", "read"),
            ];
            let found = method().take(4).find_map(|name| {
                let name = name.to_lowercase().replace("readiness", "");
                words.iter().find(|(part, _)| name.contains(part)).map(|(_, method)| *method)
            });
            format!("{kind}::{}", found.unwrap_or("ready"))
        }
        Wait::Readiness { .. } => "readiness".to_owned(),
        Wait::Yield => "yield_now".to_owned(),
    }
}

/// Where the innermost function of the program's own is parked.
fn place(path: &[&Frame]) -> (String, u32) {
    let is_function = |frame: &&&Frame| frame.kind.is_function() && frame.line > 0;
    let own = path.iter().rev().filter(is_function).find(|frame| !super::trees::is_foreign(frame));
    own.or_else(|| path.iter().rev().find(is_function))
        .map_or((String::new(), 0), |frame| (frame.file.clone(), frame.line))
}
