//! Resources (locks, timers, channels) and the async operations on them, as tokio's spans report them.
//!
//! A resource is 128 bytes, an operation 192 bytes; both leave their slot at once when they are dropped. An operation is polled by one
//! thread at a time, so its counters are plain stores; attributes are written by whoever holds or releases, so they are atomics.
//!
//! An operation has a slot from the start, but readers see it only once a poll of it was pending: most never wait, and those cost no read of the
//! clock.

use std::sync::{
    Mutex, PoisonError,
    atomic::{
        AtomicU32, AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
};

use crate::{
    arena::{Slot, is_slot_of},
    clock::Ticks,
    id::{FrameId, OpId, ResourceId, TaskId},
    names,
    records::RecordRef,
    task::Touched,
};

/// Attributes a resource or operation can have; tokio's have at most four. Further ones are refused and counted.
pub const MAX_ATTRIBUTES: usize = 4;

/// What happens to an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Change {
    /// The value is the new one.
    #[default]
    Override,
    /// The value is added.
    Add,
    /// The value is taken away.
    Sub,
}

/// What an attribute's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttributeValue {
    /// A number.
    Number(u64),
    /// Yes or no.
    Bool(bool),
    /// A name of the recorder's table.
    Name(u32),
}

/// An attribute as a reader sees it: the numbers are of the recorder's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attribute {
    /// Number of its name.
    pub name: u32,
    /// Number of its unit; 0: none.
    pub unit: u32,
    /// Its value.
    pub value: AttributeValue,
}

/// The attributes of one resource or operation.
#[derive(Debug, Default)]
pub(crate) struct Attributes([Cell; MAX_ATTRIBUTES]);

#[derive(Debug, Default)]
struct Cell {
    /// Name's number in the upper 16 bits of 32, unit's in the lower; 0: free.
    name: AtomicU32,
    kind: AtomicU32,
    value: AtomicU64,
}

const NUMBER: u32 = 1;
const BOOL: u32 = 2;
const NAME: u32 = 3;

impl Attributes {
    pub(crate) fn clear(&self) {
        for cell in &self.0 {
            cell.name.store(0, Relaxed);
        }
    }

    /// Changes an attribute, making it at its first change. False: no room.
    pub(crate) fn change(&self, name: u32, unit: u32, value: AttributeValue, change: Change) -> bool {
        let key = name << 16 | unit & 0xffff;
        for cell in &self.0 {
            let known = cell.name.load(Acquire);
            if known >> 16 == name || known == 0 && cell.take(key) {
                cell.set(value, change);
                return true;
            }
        }
        false
    }

    pub(crate) fn read(&self) -> impl Iterator<Item = Attribute> {
        self.0.iter().filter_map(|cell| {
            let key = cell.name.load(Acquire);
            let raw = cell.value.load(Relaxed);
            let value = match cell.kind.load(Relaxed) {
                NUMBER => AttributeValue::Number(raw),
                BOOL => AttributeValue::Bool(raw != 0),
                NAME => AttributeValue::Name(raw as u32),
                _ => return None,
            };
            (key != 0).then_some(Attribute { name: key >> 16, unit: key & 0xffff, value })
        })
    }
}

impl Cell {
    fn take(&self, key: u32) -> bool {
        self.value.store(0, Relaxed);
        match self.name.compare_exchange(0, key, AcqRel, Acquire) {
            Ok(_) => true,
            Err(now) => now >> 16 == key >> 16,
        }
    }

    fn set(&self, value: AttributeValue, change: Change) {
        let (kind, raw) = match value {
            AttributeValue::Number(number) => (NUMBER, number),
            AttributeValue::Bool(yes) => (BOOL, u64::from(yes)),
            AttributeValue::Name(name) => (NAME, u64::from(name)),
        };
        match change {
            Change::Override => self.value.store(raw, Relaxed),
            Change::Add => drop(self.value.fetch_add(raw, Relaxed)),
            Change::Sub => drop(self.value.fetch_sub(raw, Relaxed)),
        }
        self.kind.store(kind, Release);
    }
}

/// A resource's slot.
#[derive(Debug)]
#[repr(align(64))]
pub struct Resource {
    pub(crate) key: AtomicU64,
    /// Its owners, where several can be.
    pub(crate) refs: AtomicU32,
    /// [`live`] bits; without the first one it is not to be seen.
    pub(crate) live: AtomicU32,
    pub(crate) attributes: Attributes,
    /// Where its record is; 0: it has none.
    pub(crate) record: AtomicU32,
    /// The resource that it is a part of; 0: none.
    pub(crate) parent: AtomicU64,
    pub(crate) facts: Mutex<ResourceFacts>,
}

/// Bits of `Resource::live`.
pub(crate) mod live {
    pub(crate) const LIVE: u32 = 1;
    /// It takes over the attributes of its parts.
    pub(crate) const INHERITS: u32 = 2;
    /// The program has a name for it, kept elsewhere.
    pub(crate) const NAMED: u32 = 4;
    /// Its attributes say nothing that the lock which it is a part of does not know.
    pub(crate) const SILENT: u32 = 8;
    /// Tokio's span made it, and its events change it.
    pub(crate) const TRACED: u32 = 16;
    /// Its events did not come for a while: it is not to be seen any more.
    pub(crate) const FORGOTTEN: u32 = 32;
}

#[derive(Debug, Default)]
pub(crate) struct ResourceFacts {
    pub(crate) created: Ticks,
    pub(crate) site: u32,
    pub(crate) concrete_type: u32,
    pub(crate) kind: u32,
    pub(crate) internal: bool,
}

const _: () = assert!(is_slot_of::<Resource>(128) && is_slot_of::<Op>(192), "the module's text says so");

impl Default for Resource {
    fn default() -> Self {
        Self {
            key: AtomicU64::new(0),
            refs: AtomicU32::new(0),
            live: AtomicU32::new(0),
            attributes: Attributes::default(),
            record: AtomicU32::new(0),
            parent: AtomicU64::new(0),
            facts: Mutex::default(),
        }
    }
}

impl Slot for Resource {
    const PAGE: usize = 256;
    type Shared = Touched;
}

/// What never changes of a resource; names are numbers of the recorder's.
#[derive(Debug, Clone, Copy)]
pub struct ResourceDescription {
    /// Whose.
    pub id: ResourceId,
    /// When it was made.
    pub created: Ticks,
    /// The resource that it is a part of.
    pub parent: Option<ResourceId>,
    /// Where it was made.
    pub site: u32,
    /// `Mutex`, `Sleep`, …
    pub concrete_type: u32,
    /// `Sync`, `timer`.
    pub kind: u32,
    /// A part that the program never sees.
    pub internal: bool,
    /// Takes over the attributes of its parts.
    pub inherits: bool,
    /// The program has a name for it; see `Resources::name`.
    pub named: bool,
}

impl Resource {
    /// Its id, or `None` when the slot is free.
    pub fn id(&self) -> Option<ResourceId> {
        let id = ResourceId::from_u64(self.key.load(Acquire))?;
        (self.live.load(Acquire) & live::LIVE != 0).then_some(id)
    }

    /// The last one that had this slot, gone or not: its attributes stay until the slot is used again.
    pub fn last_id(&self) -> Option<ResourceId> {
        ResourceId::from_u64(self.key.load(Acquire))
    }

    /// Whether it takes over the attributes of its parts.
    pub(crate) fn inherits(&self) -> bool {
        self.live.load(Relaxed) & live::INHERITS != 0
    }

    /// Whether it is the semaphore inside of a lock.
    /// Whether tokio's span made it.
    #[inline]
    pub(crate) fn is_traced(&self) -> bool {
        self.live.load(Relaxed) & live::TRACED != 0
    }

    pub(crate) fn is_part_of_lock(&self) -> bool {
        matches!(RecordRef::from_u32(self.record.load(Acquire)), Some(RecordRef::PartOfLock(_)))
    }

    /// Its attributes.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute> {
        self.attributes.read()
    }

    /// The facts, or `None` when the slot is free.
    pub fn description(&self) -> Option<ResourceDescription> {
        let facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        Some(ResourceDescription {
            id: self.id()?,
            created: facts.created,
            parent: ResourceId::from_u64(self.parent.load(Relaxed)),
            site: facts.site,
            concrete_type: facts.concrete_type,
            kind: facts.kind,
            internal: facts.internal,
            inherits: self.inherits(),
            named: self.live.load(Relaxed) & live::NAMED != 0,
        })
    }
}

/// An async operation's slot.
#[derive(Debug)]
#[repr(align(64))]
pub struct Op {
    pub(crate) key: AtomicU64,
    /// 0: free, or no poll of it was pending yet.
    pub(crate) live: AtomicU32,
    pub(crate) task: AtomicU64,
    pub(crate) started: AtomicU64,
    pub(crate) ended: AtomicU64,
    pub(crate) polls: AtomicU64,
    pub(crate) busy: AtomicU64,
    pub(crate) resource: AtomicU64,

    pub(crate) parent: AtomicU64,
    pub(crate) created: AtomicU64,
    /// The frame of an await tree in which it was polled last; 0: none.
    pub(crate) frame: AtomicU64,
    pub(crate) source: AtomicU32,
    /// Where it was begun.
    pub(crate) site: AtomicU32,
    pub(crate) attributes: Attributes,
    /// When another agent gave it the last of what it waits for; 0: not, or it has been polled since.
    pub(crate) granted: AtomicU64,
    /// The thread that it blocks; 0: none.
    pub(crate) thread: AtomicU32,
    /// 1: tokio's span made it, and what is made in it is a part of it.
    pub(crate) traced: AtomicU32,
    /// Permits wanted, with bits of [`wanted`], and given so far; of tokio's semaphores.
    pub(crate) requested: AtomicU32,
    /// Of an operation whose part has got what it wants: [`ALL`].
    pub(crate) obtained: AtomicU32,
    /// The channel that its task sent to before it waited here; 0: none, or not in the same poll.
    pub(crate) asked: AtomicU64,
}

/// In `Op::obtained`: all that it waits for, however much that is.
pub(crate) const ALL: u32 = u32::MAX;

/// Bits of `Op::requested`.
pub(crate) mod wanted {
    /// Tokio said how many; without it there is no number.
    pub(crate) const SAID: u32 = 1 << 31;
    /// They are its own, and were counted.
    pub(crate) const TAKEN: u32 = 1 << 30;
    /// The waker of its task was cloned in a poll of it: the task is polled when this operation is woken, and no set of futures lies between.
    pub(crate) const WAKER: u32 = 1 << 29;
    /// As many as the readers that a lock of tokio's has room for.
    pub(crate) const PERMITS: u32 = WAKER - 1;
}

impl Default for Op {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            key: zero(),
            live: AtomicU32::new(0),
            task: zero(),
            started: zero(),
            ended: zero(),
            polls: zero(),
            busy: zero(),
            resource: zero(),
            parent: zero(),
            created: zero(),
            frame: zero(),
            source: AtomicU32::new(0),
            site: AtomicU32::new(0),
            attributes: Attributes::default(),
            granted: zero(),
            thread: AtomicU32::new(0),
            traced: AtomicU32::new(0),
            requested: AtomicU32::new(0),
            obtained: AtomicU32::new(0),
            asked: zero(),
        }
    }
}

impl Slot for Op {
    const PAGE: usize = 256;
    type Shared = Touched;
}

/// An operation as a reader sees it; times in ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OpReading {
    /// Whose.
    pub id: OpId,
    /// The resource it is on.
    pub resource: Option<ResourceId>,
    /// The operation it is a part of.
    pub parent: Option<OpId>,
    /// The frame of an await tree that it is awaited in.
    pub frame: Option<FrameId>,
    /// Number of the method's name.
    pub source: u32,
    /// Number of the place where it was begun; 0: unknown.
    pub site: u32,
    /// When its first poll was pending.
    pub created: Ticks,
    /// The task that polled it last.
    pub task: Option<TaskId>,
    /// Whether it is being polled.
    pub running: bool,
    /// Since when it is or is not.
    pub since: Ticks,
    /// Polls started.
    pub polls: u64,
    /// Time in finished polls after the first.
    pub busy: Ticks,
    /// Since when what it waits for is its own, though it has not been polled to take it.
    pub granted: Option<Ticks>,
    /// The thread that it blocks; 0: none.
    pub thread: u32,
    /// The channel that its task sent to before it waited here, in the same poll.
    pub asked: Option<ResourceId>,
    /// It has the waker of its task, and not that of a set of futures in it; false: unknown.
    pub own_waker: bool,
}

impl Op {
    /// The operation, or `None` when the slot is free, no poll of it was pending yet, or it changed hands during the reading.
    pub fn read(&self) -> Option<OpReading> {
        let key = self.key.load(Acquire);
        let id = OpId::from_u64(key)?;
        if self.live.load(Acquire) == 0 {
            return None;
        }
        let (started, ended, created) =
            (self.started.load(Relaxed), self.ended.load(Relaxed), self.created.load(Relaxed));
        let running = started > ended;
        let reading = OpReading {
            id,
            resource: ResourceId::from_u64(self.resource.load(Relaxed)),
            parent: OpId::from_u64(self.parent.load(Relaxed)),
            frame: FrameId::from_u64(self.frame.load(Relaxed)),
            source: self.source.load(Relaxed),
            site: self.site.load(Relaxed),
            created,
            task: TaskId::from_u64(self.task.load(Relaxed)),
            running,
            since: if running { started } else { ended.max(created) },
            polls: self.polls.load(Relaxed),
            busy: self.busy.load(Relaxed),
            granted: Some(self.granted.load(Relaxed)).filter(|at| *at != 0),
            thread: self.thread.load(Relaxed),
            asked: ResourceId::from_u64(self.asked.load(Relaxed)),
            own_waker: self.requested.load(Relaxed) & wanted::WAKER != 0,
        };
        (self.key.load(Acquire) == key).then_some(reading)
    }

    /// The last one that had this slot, gone or not: its attributes stay until the slot is used again.
    pub fn last_id(&self) -> Option<OpId> {
        OpId::from_u64(self.key.load(Acquire))
    }

    /// Its attributes; the permits of a semaphore first.
    pub fn attributes(&self) -> impl Iterator<Item = Attribute> {
        let requested = self.requested.load(Relaxed);
        let number =
            |name, value| Attribute { name, unit: 0, value: AttributeValue::Number(u64::from(value)) };
        let permits = (requested & wanted::SAID != 0).then(|| {
            let obtained = self.obtained.load(Relaxed);
            [
                number(names::PERMITS_REQUESTED, requested & wanted::PERMITS),
                number(names::PERMITS_OBTAINED, obtained),
            ]
        });
        permits.into_iter().flatten().chain(self.attributes.read()).take(MAX_ATTRIBUTES)
    }

    /// Whether it has all that it waits for: permits of its own, or those that its part has got.
    pub(crate) fn has_all(&self) -> bool {
        let (requested, obtained) = (self.requested.load(Relaxed), self.obtained.load(Acquire));
        obtained == ALL || requested & wanted::SAID != 0 && obtained >= requested & wanted::PERMITS
    }
}
