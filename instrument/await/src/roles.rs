//! What each type is to a walk, found once for an index.
//!
//! A walk enters a type only when a future may be in it: [`Roles::holds`]. What is shared (`Arc`, `Rc`, a waker) is not entered: its futures, if it has
//! some, are another task's.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::{
    index::Index,
    leaves::{self, Leaf},
    names,
    tree::ChannelKind,
    types::{Kind, Member, Type, TypeId},
};

/// What a type is to a walk.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Only what is in it counts.
    #[default]
    Plain,
    /// Not entered.
    Shared,
    /// An `async fn`, block or closure.
    Coroutine,
    /// A future of the foundation that waits by itself.
    Leaf(Leaf),
    /// A pointer with a vtable.
    Dyn {
        /// To the value.
        data: Member,
        /// To the vtable.
        vtable: Member,
    },
    /// A pointer with a length.
    Slice {
        /// To the first element.
        data: Member,
        /// Elements.
        length: Member,
    },
    /// `Vec<T>`.
    Vec,
    /// `FuturesUnordered<F>`.
    Set,
    /// A future that is a closure: `select!` and `join!` are.
    PollFn,
    /// Another type with a function that polls it.
    Future,
}

/// What a variable of a type keeps from others, or gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// A lock, by the number of its guard's type in [`leaves::GUARDS`].
    Guard(usize),
    /// An end of a channel, and the field that leads to what the ends share.
    End { field: &'static str, kind: ChannelKind, sends: bool },
}

/// By type.
#[derive(Debug, Clone)]
pub(crate) struct Roles {
    of: Vec<Role>,
    holds: Vec<bool>,
    keeps: FxHashMap<TypeId, Keeps>,
    may_keep: Vec<bool>,
}

impl Roles {
    /// Looks at each type once, and at each way from one to another once.
    pub(crate) fn new(index: &Index) -> Self {
        let futures: FxHashSet<TypeId> = index.polls.iter().map(|(_, ty)| *ty).collect();
        let mut texts = Texts { index, bases: FxHashMap::default(), keeps: FxHashMap::default() };
        let roles: Vec<Role> = (0..index.types.len())
            .map(|number| {
                let id = TypeId(number as u32);
                texts.role(id, futures.contains(&id))
            })
            .collect();
        let holds = holds(index, &roles);
        let keeps = texts.keeps;
        let may_keep = may_keep(index, &roles, &keeps);
        Self { of: roles, holds, keeps, may_keep }
    }

    pub(crate) fn keeps(&self, id: TypeId) -> Option<Keeps> {
        self.keeps.get(&id).copied()
    }

    /// Whether a guard or an end may be in a value of this type, without a pointer between.
    pub(crate) fn may_keep(&self, id: TypeId) -> bool {
        self.may_keep.get(id.0 as usize).copied().unwrap_or_default()
    }

    pub(crate) fn role(&self, id: TypeId) -> Role {
        self.of.get(id.0 as usize).copied().unwrap_or_default()
    }

    /// Whether a future may be in a value of this type.
    pub(crate) fn holds(&self, id: TypeId) -> bool {
        self.holds.get(id.0 as usize).copied().unwrap_or_default()
    }
}

struct Texts<'i> {
    index: &'i Index,
    /// By path and name: the same for many generic types.
    bases: FxHashMap<String, (Option<Leaf>, Option<Keeps>)>,
    keeps: FxHashMap<TypeId, Keeps>,
}

impl Texts<'_> {
    fn role(&mut self, id: TypeId, is_future: bool) -> Role {
        let ty = self.index.ty(id);
        let (path, name) = (self.index.text(ty.path), self.index.text(ty.name));
        if ty.kind != Kind::Struct {
            return Role::Plain;
        }
        if ty.variants.is_some() && is_coroutine(name) {
            return Role::Coroutine;
        }
        if is_shared(path, name) {
            return Role::Shared;
        }
        let base = names::base(&format!("{path}::{name}"));
        let of_base = |base: &String| (leaves::leaf(base), leaves::keeps(base));
        let (leaf, keeps) = *self.bases.entry(base).or_insert_with_key(of_base);
        self.keeps.extend(keeps.map(|keeps| (id, keeps)));
        if let Some(leaf) = leaf {
            return Role::Leaf(leaf);
        }
        if let Some(role) = self.fat_pointer(ty, name) {
            return role;
        }
        if path.starts_with("futures_util::stream::futures_unordered")
            && name.starts_with("FuturesUnordered<")
        {
            return Role::Set;
        }
        if path == "alloc::vec" && name.starts_with("Vec<") {
            return Role::Vec;
        }
        if name.starts_with("PollFn<") {
            return Role::PollFn;
        }
        // `Pin<P>` polls what it points to.
        if is_future && path != "core::pin" && !path.is_empty() { Role::Future } else { Role::Plain }
    }

    fn fat_pointer(&self, ty: &Type, name: &str) -> Option<Role> {
        let member =
            |wanted: &str| ty.members.iter().find(|member| self.index.text(member.name) == wanted).copied();
        if ty.members.len() != 2 {
            return None;
        }
        if let Some(vtable) = member("vtable") {
            let data = *ty.members.iter().find(|member| **member != vtable)?;
            let owned = name.contains("dyn ") && !name.starts_with('*');
            return Some(if owned { Role::Dyn { data, vtable } } else { Role::Shared });
        }
        let (data, length) = (member("data_ptr")?, member("length")?);
        Some(if name.starts_with('*') { Role::Shared } else { Role::Slice { data, length } })
    }
}

pub(crate) fn is_coroutine(name: &str) -> bool {
    name.starts_with("{async_") || name.starts_with("{gen_") || name.starts_with("{coroutine_")
}

fn is_shared(path: &str, name: &str) -> bool {
    matches!(path, "alloc::sync" | "alloc::rc" | "core::task::wake")
        || (path.starts_with("tracing") && !name.starts_with("Instrumented<"))
        || name.contains("dyn ") && name.contains("Arc<")
}

/// From the types that are futures back to all in which one may be.
fn holds(index: &Index, roles: &[Role]) -> Vec<bool> {
    let role = |id: TypeId| roles.get(id.0 as usize).copied().unwrap_or_default();
    // Who has a type in it, as a list for each.
    let mut users: Vec<Vec<u32>> = vec![Vec::new(); index.types.len()];
    for (number, ty) in index.types.iter().enumerate() {
        let mut add = |to: TypeId| {
            if let Some(users) = users.get_mut(to.0 as usize) {
                users.push(number as u32);
            }
        };
        match role(TypeId(number as u32)) {
            Role::Shared => {}
            Role::Vec => ty.params.iter().for_each(|(_, param)| add(*param)),
            Role::Slice { data, .. } => {
                if let Kind::Pointer(to) = index.ty(data.ty).kind {
                    add(to);
                }
            }
            _ => parts(index, ty, add),
        }
    }
    let is_start = |role: &Role| !matches!(role, Role::Plain | Role::Shared | Role::Vec | Role::Slice { .. });
    spread(roles.iter().map(is_start).collect(), &users)
}

/// From guards and ends back to all types that have one by value.
fn may_keep(index: &Index, roles: &[Role], keeps: &FxHashMap<TypeId, Keeps>) -> Vec<bool> {
    let mut users: Vec<Vec<u32>> = vec![Vec::new(); index.types.len()];
    for (number, ty) in index.types.iter().enumerate() {
        let is_own =
            matches!(ty.kind, Kind::Struct | Kind::Union) && roles.get(number) != Some(&Role::Shared);
        let variants = ty.variants.iter().flat_map(|variants| &variants.list).map(|variant| variant.ty);
        for part in ty.members.iter().map(|member| member.ty).chain(variants).filter(|_| is_own) {
            if let Some(users) = users.get_mut(part.0 as usize) {
                users.push(number as u32);
            }
        }
    }
    let is_start = |number| keeps.contains_key(&TypeId(number as u32));
    spread((0..index.types.len()).map(is_start).collect(), &users)
}

/// Marks all from whom a marked one is reached.
fn spread(mut marks: Vec<bool>, users: &[Vec<u32>]) -> Vec<bool> {
    let mut open: Vec<u32> = (0..marks.len() as u32).filter(|number| marks[*number as usize]).collect();
    while let Some(number) = open.pop() {
        for user in &users[number as usize] {
            if !std::mem::replace(&mut marks[*user as usize], true) {
                open.push(*user);
            }
        }
    }
    marks
}

/// The types of what is in a value, or behind a pointer that owns or borrows it.
fn parts(index: &Index, ty: &Type, mut add: impl FnMut(TypeId)) {
    match ty.kind {
        Kind::Pointer(to) => {
            let name = index.text(ty.name);
            if name.starts_with('&') || name.starts_with("alloc::boxed::Box<") || name.starts_with("Box<") {
                add(to);
            }
        }
        Kind::Array(of, _) => add(of),
        Kind::Struct | Kind::Union => {
            ty.members.iter().for_each(|member| add(member.ty));
            ty.variants.iter().flat_map(|variants| &variants.list).for_each(|variant| add(variant.ty));
        }
        _ => {}
    }
}
