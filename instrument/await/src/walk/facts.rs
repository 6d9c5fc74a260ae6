//! What a leaf waits for: where the facts are in tokio's types.

use super::Walk;
use crate::{
    leaves::Leaf,
    names,
    roles::Role,
    tree::{Channel, ChannelKind, Frame, FrameKind, LockKind, Wait},
    types::{Kind, Type, TypeId},
};

/// Functions of tokio by the prefix of their name, and the kind of lock whose permits they wait for.
const OWNERS: &[(&str, LockKind)] = &[
    ("tokio::sync::mutex::", LockKind::Mutex),
    ("tokio::sync::rwlock::RwLock::read", LockKind::Read),
    ("tokio::sync::rwlock::read", LockKind::Read),
    ("tokio::sync::rwlock::", LockKind::Write),
    ("tokio::sync::mpsc::", LockKind::ChannelRoom),
    ("tokio::sync::semaphore::", LockKind::Semaphore),
];

impl Walk<'_> {
    /// Adds a leaf.
    pub(super) fn leaf(&mut self, leaf: Leaf, id: TypeId, address: u64) {
        if leaf == Leaf::Ready {
            return;
        }
        let wait = self.wait(leaf, id, address);
        let name = names::short(&self.index.full_name(id));
        if wait.is_none() {
            self.problem(|| format!("what `{name}` waits for can't be read"));
        }
        self.frame(Frame { kind: FrameKind::Leaf, name, wait, ..Frame::default() }, |_| {});
    }

    fn wait(&mut self, leaf: Leaf, id: TypeId, address: u64) -> Option<Wait> {
        Some(match leaf {
            Leaf::Acquire => self.acquire(id, address)?,
            Leaf::Notified => {
                let notify = self.follow(id, "notify", address)?;
                match self.function() {
                    function if function.starts_with("tokio::sync::watch::") => Wait::Channel(Channel {
                        address: notify,
                        kind: ChannelKind::Watch,
                        ..Channel::default()
                    }),
                    _ => Wait::Notify { notify },
                }
            }
            Leaf::Sleep => Wait::Timer { deadline_ns: self.deadline(id, address)? },
            Leaf::Readiness => match self.socket {
                Some((fd, kind)) => Wait::Descriptor { fd, kind },
                None => Wait::Readiness { registration: self.follow(id, "scheduled_io", address)? },
            },
            Leaf::JoinHandle => {
                let header = self.follow(id, "raw", address)?;
                Wait::Task { header, id: self.task_id(header) }
            }
            Leaf::JoinSet => {
                let set = |_: TypeId, ty: &Type| {
                    self.program.is(ty, "tokio::util::idle_notified_set", "IdleNotifiedSet")
                };
                let (offset, set) = self.program.find(id, &set)?;
                let at = address.wrapping_add(offset);
                let length = self.program.field(set, "length")?.0;
                let tasks = self.word(at.wrapping_add(length))?;
                let lists = self.follow(set, "lists", at)?;
                Wait::JoinSet { set: lists, tasks, headers: self.children(set, lists) }
            }
            Leaf::Mpsc(field) => Wait::Channel(self.channel(id, field, address, ChannelKind::Mpsc)?),
            Leaf::Oneshot => Wait::Channel(self.channel(id, "inner", address, ChannelKind::Oneshot)?),
            Leaf::Broadcast => {
                let (offset, receiver) = self.program.pointer_in(id, "receiver")?;
                let at = self.word(address.wrapping_add(offset))?;
                Wait::Channel(self.channel(receiver, "shared", at, ChannelKind::Broadcast)?)
            }
            Leaf::Descriptor(kind) => Wait::Descriptor { fd: self.descriptor(id, address)?, kind },
            Leaf::Yield => Wait::Yield,
            Leaf::Ready => return None,
        })
    }

    /// The socket that a function of tokio's works on: `accept(&self)` has it, and waits for its readiness by a registration.
    pub(super) fn socket_of(&mut self, state: &Type, address: u64) -> Option<(u32, &'static str)> {
        state.members.iter().find_map(|member| {
            let Kind::Pointer(to) = self.index.ty(member.ty).kind else { return None };
            let Role::Leaf(Leaf::Descriptor(kind)) = self.program.roles.role(to) else { return None };
            let at = self.word(address.wrapping_add(member.offset))?;
            Some((self.descriptor(to, at)?, kind))
        })
    }

    /// The address in the first pointer of a field.
    pub(super) fn follow(&mut self, id: TypeId, field: &str, address: u64) -> Option<u64> {
        let (offset, _) = self.program.pointer_in(id, field)?;
        self.address(address.wrapping_add(offset))
    }

    /// The innermost function that the next frame is in.
    fn function(&self) -> String {
        let mut depth = self.frame_depth;
        for frame in self.frames.iter().rev() {
            if frame.depth < depth {
                depth = frame.depth;
                if frame.kind.is_function() {
                    return frame.name.clone();
                }
            }
        }
        String::new()
    }

    fn acquire(&mut self, id: TypeId, address: u64) -> Option<Wait> {
        let (offset, semaphore) = self.program.pointer_in(id, "semaphore")?;
        let lock = self.address(address.wrapping_add(offset))?;
        let (wanted_at, _) = self.program.field(id, "num_permits")?;
        let wanted = self.word(address.wrapping_add(wanted_at))?;
        let (queued_at, _) = self.program.field(id, "queued")?;
        let queued = self.uint(address.wrapping_add(queued_at), 1)? == 1;
        // What is still to come of the wanted permits.
        let (node_at, node) = self.program.field(id, "node")?;
        let state = self.program.field(node, "state")?.0;
        let left = self.word(address.wrapping_add(node_at).wrapping_add(state))?;
        let free = self.free_permits(semaphore, lock);
        let function = self.function();
        let owner = OWNERS.iter().find(|(prefix, _)| function.starts_with(prefix));
        let kind = owner.map_or(LockKind::Semaphore, |(_, kind)| *kind);
        if let (LockKind::ChannelRoom, Some(channel)) = (kind, self.sends_to) {
            return Some(Wait::Room(channel));
        }
        Some(Wait::Lock { lock, base: self.takes, kind, wanted, free, queued, granted: queued && left == 0 })
    }

    /// Permits that a semaphore has free; the lowest bit of its count says that it is closed.
    pub(super) fn free_permits(&mut self, semaphore: TypeId, address: u64) -> Option<u64> {
        let (offset, _) = self.program.field(semaphore, "permits")?;
        Some(self.word(address.wrapping_add(offset))? >> 1)
    }

    /// On the monotonic clock, which is what `std::time::Instant` is on Linux.
    fn deadline(&mut self, id: TypeId, address: u64) -> Option<u64> {
        let (offset, instant) = self.program.field(id, "deadline")?;
        let at = address.wrapping_add(offset);
        let seconds_at = self.program.find(instant, &|_, ty| ty.kind == Kind::Signed && ty.size == 8)?.0;
        let nanos_at = self.program.find(instant, &|_, ty| ty.kind == Kind::Unsigned && ty.size == 4)?.0;
        let seconds = self.word(at.wrapping_add(seconds_at))?;
        let nanos = self.uint(at.wrapping_add(nanos_at), 4)?;
        seconds.checked_mul(1_000_000_000)?.checked_add(nanos)
    }

    /// In the value itself, or behind its first pointer, which is how the halves of a split socket have it.
    fn descriptor(&mut self, id: TypeId, address: u64) -> Option<u32> {
        let is_fd = |_: TypeId, ty: &Type| self.index.text(ty.name) == "OwnedFd";
        let at = if let Some((offset, _)) = self.program.find(id, &is_fd) {
            address.wrapping_add(offset)
        } else {
            let (pointer, inner) = self.program.first_pointer(id)?;
            let (offset, _) = self.program.find(inner, &is_fd)?;
            self.word(address.wrapping_add(pointer))?.wrapping_add(offset)
        };
        u32::try_from(self.uint(at, 4)?).ok().filter(|fd| i32::try_from(*fd).is_ok())
    }
}
