//! From a future's type and address down to what it waits for.
//!
//! A walk reads a [`Snapshot`] alone. Where bytes are missing it goes on as far as it can and then says which: the caller reads them, adds them, and walks
//! again, until none are missing. So a caller reads for many tasks with one call. What can't be read is a problem of the tree, never a panic.
//!
//! Limits: [`MAX_DEPTH`] types inside one another, [`MAX_FRAMES`] frames, [`MAX_VISITS`] values, [`MAX_ITEMS`] elements of a slice and [`MAX_SET`] futures
//! of a set; what is past one is a problem of the tree. The bytes may be anything: no loop is longer than a limit, no sum overflows.

mod channels;
mod coroutine;
mod facts;
mod find;
mod guards;
mod locals;
mod messages;
mod several;

use rustc_hash::FxHashSet;

use crate::{
    Index, Snapshot,
    layout::Layout,
    names,
    roles::{Role, Roles},
    snapshot::{FIRST_ADDRESS, Look},
    tree::{Channel, Frame, FrameKind, Tree},
    types::{Kind, Member, Type, TypeId, Variant},
};

/// Types inside one another.
pub const MAX_DEPTH: u32 = 400;
/// Frames of a tree.
pub const MAX_FRAMES: usize = 2_000;
/// Values that a walk looks at.
pub const MAX_VISITS: u32 = 50_000;
/// Elements of a slice that are looked at.
pub const MAX_ITEMS: u64 = 64;
/// Futures of a `FuturesUnordered` that are looked at.
pub const MAX_SET: usize = 1_000;
/// Tasks of a `JoinSet` that are listed.
pub const MAX_CHILDREN: usize = 64;
/// Addresses of a frame that no variable with a name has.
pub const MAX_UNNAMED: usize = 32;
/// Variables of a frame.
pub const MAX_LOCALS: usize = 6;
/// Sentences about what is missing in a tree.
pub const MAX_PROBLEMS: usize = 8;
/// Pieces that are asked for at once.
const MAX_MISSING: usize = 256;

/// A program that can be walked: its index, and what each type is.
#[derive(Debug, Clone)]
pub struct Program {
    pub(crate) index: Index,
    pub(crate) roles: Roles,
    pub(crate) layout: Layout,
}

/// How to walk.
#[derive(Debug, Default, Clone, Copy)]
pub struct Options {
    /// Address of the program in memory less its address in the file.
    pub bias: u64,
    /// Show the texts of variables; they may be secrets.
    pub strings: bool,
}

/// What a step of a walk gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<T> {
    /// All that there is.
    Done(T),
    /// Pieces to read, by address and length, before the next try.
    Missing(Vec<(u64, u64)>),
}

impl Program {
    /// Looks at each type once: some 100 ns a type.
    #[must_use]
    pub fn new(index: Index) -> Self {
        let roles = Roles::new(&index);
        let mut program = Self { index, roles, layout: Layout::default() };
        program.layout = program.layout_of_tasks();
        program
    }

    /// Its index.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Whether a value of this type may have a future in it.
    #[must_use]
    pub fn holds_futures(&self, ty: TypeId) -> bool {
        self.roles.holds(ty)
    }

    /// Walks the value of a type at an address.
    #[must_use]
    pub fn walk(&self, ty: TypeId, address: u64, snapshot: &Snapshot, options: Options) -> Step<Tree> {
        let mut walk = Walk::new(self, snapshot, options);
        walk.value(ty, address, 0);
        walk.finish()
    }
}

/// A walk under way.
pub(crate) struct Walk<'w> {
    program: &'w Program,
    index: &'w Index,
    snapshot: &'w Snapshot,
    options: Options,
    frames: Vec<Frame>,
    /// Depth of the next frame.
    frame_depth: u32,
    problems: Vec<String>,
    missing: Vec<(u64, u64)>,
    visited: FxHashSet<(u64, TypeId)>,
    visits: u32,
    /// The socket that the function of tokio's works on that is walked now, and its type.
    socket: Option<(u32, &'static str)>,
    /// The lock that the function of tokio's takes that is walked now.
    takes: Option<u64>,
    /// The channel that the function of tokio's sends to that is walked now.
    sends_to: Option<Channel>,
}

impl<'w> Walk<'w> {
    pub(crate) fn new(program: &'w Program, snapshot: &'w Snapshot, options: Options) -> Self {
        Self {
            program,
            index: &program.index,
            snapshot,
            options,
            frames: Vec::new(),
            frame_depth: 0,
            problems: Vec::new(),
            missing: Vec::new(),
            visited: FxHashSet::default(),
            visits: 0,
            socket: None,
            takes: None,
            sends_to: None,
        }
    }

    pub(crate) fn finish(mut self) -> Step<Tree> {
        let tree =
            Tree { frames: std::mem::take(&mut self.frames), problems: std::mem::take(&mut self.problems) };
        self.step(tree)
    }

    pub(crate) fn program(&self) -> &'w Program {
        self.program
    }

    /// What was found, unless bytes are missing.
    pub(crate) fn step<T>(self, found: T) -> Step<T> {
        if self.missing.is_empty() { Step::Done(found) } else { Step::Missing(self.missing) }
    }

    /// The bytes of a piece; `None`: missing, or unreadable.
    pub(crate) fn bytes(&mut self, address: u64, len: u64) -> Option<&'w [u8]> {
        match self.snapshot.look(address, len) {
            Look::Bytes(bytes) => Some(bytes),
            Look::Missing => {
                if self.missing.len() < MAX_MISSING {
                    self.missing.push((address, len));
                }
                None
            }
            Look::Unreadable => None,
        }
    }

    /// Whether a value's bytes are there; a value without size always is.
    fn has(&mut self, address: u64, len: u64) -> bool {
        len == 0 || self.bytes(address, len).is_some()
    }

    /// A number of 1 to 8 bytes.
    pub(crate) fn uint(&mut self, address: u64, len: u64) -> Option<u64> {
        if !(1..=8).contains(&len) {
            return None;
        }
        let mut word = [0; 8];
        word[..len as usize].copy_from_slice(self.bytes(address, len)?);
        Some(u64::from_le_bytes(word))
    }

    /// A word: a pointer, a `usize`.
    pub(crate) fn word(&mut self, address: u64) -> Option<u64> {
        self.uint(address, 8)
    }

    /// A pointer that may lead to a value.
    pub(crate) fn address(&mut self, at: u64) -> Option<u64> {
        self.word(at).filter(|address| *address >= FIRST_ADDRESS)
    }

    /// Notes why the tree is not whole, unless it is about to be walked again.
    fn problem(&mut self, sentence: impl FnOnce() -> String) {
        if self.missing.is_empty() && self.problems.len() < MAX_PROBLEMS {
            self.problems.push(sentence());
        }
    }

    /// Adds a frame with the name of a future in which nothing was found.
    pub(crate) fn root(&mut self, future: TypeId) {
        if self.frames.is_empty() && self.index.ty(future).kind != Kind::Unknown {
            let name = names::short(&self.index.full_name(future));
            self.frame(Frame { kind: FrameKind::Future, name, ..Frame::default() }, |_| {});
        }
    }

    /// Adds the frames of all futures in a value. `depth` counts types inside one another.
    pub(crate) fn value(&mut self, id: TypeId, address: u64, depth: u32) {
        if !self.program.roles.holds(id) {
            return;
        }
        self.visits += 1;
        if depth > MAX_DEPTH || self.visits > MAX_VISITS || self.frames.len() >= MAX_FRAMES {
            return self.problem(|| "the tree is cut: it is too deep or too large".to_owned());
        }
        let index = self.index;
        let ty = index.ty(id);
        match ty.kind {
            Kind::Pointer(to) => self.pointer(ty, to, address, depth),
            Kind::Array(of, count) => {
                let size = index.ty(of).size;
                for number in 0..count.min(MAX_ITEMS) {
                    self.value(of, address.wrapping_add(number.wrapping_mul(size)), depth + 1);
                }
            }
            // `MaybeUninit`, `ManuallyDrop`: the field that is the value.
            Kind::Union => {
                for member in &ty.members {
                    if matches!(index.text(member.name), "value" | "__0") {
                        self.member(member, address, depth);
                    }
                }
            }
            Kind::Struct => self.structure(id, ty, address, depth),
            _ => {}
        }
    }

    fn member(&mut self, member: &Member, address: u64, depth: u32) {
        self.value(member.ty, address.wrapping_add(member.offset), depth + 1);
    }

    fn pointer(&mut self, ty: &Type, to: TypeId, address: u64, depth: u32) {
        let Some(at) = self.word(address) else { return };
        if !self.has(at, self.index.ty(to).size) {
            let name = self.index.text(ty.name);
            return self.problem(|| {
                format!("a pointer `{}` leads to {at:#x}, which can't be read", names::short(name))
            });
        }
        self.value(to, at, depth + 1);
    }

    fn structure(&mut self, id: TypeId, ty: &'w Type, address: u64, depth: u32) {
        let role = self.program.roles.role(id);
        let is_frame =
            matches!(role, Role::Coroutine | Role::PollFn | Role::Future | Role::Leaf(_) | Role::Set);
        if is_frame && ty.size > 0 && !self.visited.insert((address, id)) {
            return;
        }
        match role {
            Role::Shared => {}
            Role::Coroutine => self.coroutine(ty, address, depth),
            Role::Leaf(leaf) => self.leaf(leaf, id, address),
            Role::Dyn { data, vtable } => self.dynamic(ty, data, vtable, address, depth),
            Role::Slice { data, length } => {
                let (Some(at), Some(count)) = (
                    self.word(address.wrapping_add(data.offset)),
                    self.word(address.wrapping_add(length.offset)),
                ) else {
                    return;
                };
                if let Kind::Pointer(of) = self.index.ty(data.ty).kind {
                    self.items(of, at, count, depth);
                }
            }
            Role::Vec => self.vec(id, ty, address, depth),
            Role::Set => self.set(ty, address, depth),
            Role::PollFn | Role::Future => {
                let (kind, name) = self.future_name(id, ty, role);
                self.frame(Frame { kind, name, ..Frame::default() }, |walk| walk.fields(ty, address, depth));
            }
            Role::Plain => self.fields(ty, address, depth),
        }
    }

    /// Adds a frame with what `children` adds below it.
    fn frame(&mut self, frame: Frame, children: impl FnOnce(&mut Self)) {
        self.frames.push(Frame { depth: self.frame_depth, ..frame });
        self.frame_depth += 1;
        children(self);
        self.frame_depth -= 1;
    }

    /// All fields, and those of the live variant.
    fn fields(&mut self, ty: &Type, address: u64, depth: u32) {
        for member in &ty.members {
            self.member(member, address, depth);
        }
        if let Some(variant) = self.variant(ty, address) {
            self.value(variant.ty, address.wrapping_add(variant.offset), depth + 1);
        }
    }

    /// The live variant of a value.
    pub(crate) fn variant<'t>(&mut self, ty: &'t Type, address: u64) -> Option<&'t Variant> {
        let variants = ty.variants.as_ref()?;
        if variants.size == 0 {
            return variants.list.first();
        }
        let number = self.uint(address.wrapping_add(variants.offset), variants.size)?;
        let mask = u64::MAX >> (64 - 8 * variants.size.min(8));
        let live = |variant: &&Variant| variant.value.is_some_and(|value| value & mask == number);
        variants
            .list
            .iter()
            .find(live)
            .or_else(|| variants.list.iter().find(|variant| variant.value.is_none()))
    }

    /// The value behind a pointer with a vtable.
    fn dynamic(&mut self, ty: &Type, data: Member, vtable: Member, address: u64, depth: u32) {
        let (Some(at), Some(table)) =
            (self.word(address.wrapping_add(data.offset)), self.word(address.wrapping_add(vtable.offset)))
        else {
            return;
        };
        let name = self.index.text(ty.name);
        let Some(concrete) = self.concrete(table) else {
            let file_address = table.wrapping_sub(self.options.bias);
            if !self.program.is_in_file(file_address) {
                return self.problem(|| {
                    format!("the vtable of `{}` is at {table:#x}, outside of the program", names::short(name))
                });
            }
            let name = format!("{} of unknown type", names::short(name));
            return self.frame(Frame { kind: FrameKind::Unknown, name, ..Frame::default() }, |_| {});
        };
        if !self.has(at, self.index.ty(concrete).size) {
            return self.problem(|| format!("a `{}` is at {at:#x}, which can't be read", names::short(name)));
        }
        self.value(concrete, at, depth + 1);
    }

    /// The type behind a vtable: by the vtable's own entry, else by the function in it that polls.
    fn concrete(&mut self, table: u64) -> Option<TypeId> {
        let file_address = table.wrapping_sub(self.options.bias);
        if let Some(ty) = last_of(&self.index.vtables, file_address) {
            return Some(ty);
        }
        if !self.program.is_in_file(file_address) {
            return None;
        }
        // Drop, size, alignment, then the functions of the trait.
        let function = self.word(table.checked_add(24)?)?;
        last_of(&self.index.polls, function.wrapping_sub(self.options.bias))
    }

    fn future_name(&self, id: TypeId, ty: &Type, role: Role) -> (FrameKind, String) {
        if role == Role::PollFn {
            let closure = ty.members.first().map(|member| self.index.ty(member.ty));
            let has = |closure: &Type, part: &str| {
                closure.members.iter().any(|member| self.index.text(member.name).contains(part))
            };
            if let Some(closure) = closure {
                let name = names::function(self.index.text(closure.path));
                return if has(closure, "disabled") {
                    (FrameKind::Select, format!("select! in {name}"))
                } else if has(closure, "rotator") || has(closure, "skip") {
                    (FrameKind::Join, format!("join! in {name}"))
                } else {
                    (FrameKind::Future, format!("poll_fn in {name}"))
                };
            }
        }
        (FrameKind::Future, names::short(&self.index.full_name(id)))
    }
}

/// The last of the types of an address: the linker may merge functions and tables that are the same.
fn last_of(list: &[(u64, TypeId)], address: u64) -> Option<TypeId> {
    let end = list.partition_point(|(at, _)| *at <= address);
    let (at, ty) = list.get(end.checked_sub(1)?)?;
    (*at == address).then_some(*ty)
}
