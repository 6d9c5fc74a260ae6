//! Typed ids: a task, a spawn site, a thread. A row number is never an identity.

/// A task for good. Slots are used again; a slot with its generation never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TaskKey {
    /// Where the recorder keeps the task.
    pub slot: u32,
    /// How often that slot was used before.
    pub generation: u32,
}

/// A spawn site of the present process; 0 is "no place known".
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiteId(pub u32);

impl SiteId {
    /// "No place known".
    pub const NONE: Self = Self(0);

    /// Whether a place is known.
    pub fn is_known(self) -> bool {
        self != Self::NONE
    }
}

/// A resource (a lock, a channel, a timer) for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceKey {
    /// Where the recorder keeps it; a numbering of its own, beside that of the tasks.
    pub slot: u32,
    /// How often that slot was used before.
    pub generation: u32,
}

impl ResourceKey {
    /// `r12`, as on the screen and in the report.
    pub fn id(self) -> String {
        format!("r{}", self.slot)
    }
}

/// An async operation (a `lock().await`) for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpKey {
    /// Where the recorder keeps it; a numbering of its own.
    pub slot: u32,
    /// How often that slot was used before.
    pub generation: u32,
}

/// A worker of a runtime; of a thread that polls tasks outside of any known runtime, `runtime` is 0 and `number` the thread's.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerKey {
    /// The runtime's index, from 1 on.
    pub runtime: u32,
    /// Its number in the runtime.
    pub number: u32,
}

/// An open file or socket for good, beside its number, which is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DescriptorId(pub u64);

impl DescriptorId {
    /// `d12`, as in the report.
    pub fn id(self) -> String {
        format!("d{}", self.0)
    }
}

/// Something that moves bytes or becomes ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IoKey {
    /// A wrapper's resource, and its descriptor if one is known.
    Resource(ResourceKey),
    /// A descriptor that no wrapper is around.
    Descriptor(DescriptorId),
}

impl IoKey {
    /// `r12`, `d3`
    pub fn id(self) -> String {
        match self {
            Self::Resource(key) => key.id(),
            Self::Descriptor(id) => id.id(),
        }
    }
}
