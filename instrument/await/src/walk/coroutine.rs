//! Frames of `async` functions, blocks and closures.

use rustc_hash::FxHashSet;

use super::Walk;
use crate::{
    names,
    tree::{Frame, FrameKind, FrameState},
    types::{Kind, Member, Type},
};

/// The compiler's name of the future that a coroutine is parked at.
const AWAITEE: &str = "__awaitee";

impl<'w> Walk<'w> {
    /// Adds a coroutine, what it awaits, and what it has but does not poll.
    pub(super) fn coroutine(&mut self, ty: &'w Type, address: u64, depth: u32) {
        let index = self.index;
        let name = index.text(ty.name);
        let kind = match name {
            name if name.starts_with("{async_block") => FrameKind::Block,
            name if name.starts_with("{async_closure") => FrameKind::Closure,
            _ => FrameKind::Function,
        };
        let mut frame = Frame { kind, address, name: self.function_name(ty), ..Frame::default() };
        let Some(variant) = self.variant(ty, address) else {
            self.problem(|| format!("the state of `{}` is none that it can have", frame.name));
            frame.state = FrameState::Unknown;
            return self.frame(frame, |_| {});
        };
        let declared = index.declared(ty);
        frame.declared = declared.map(|(file, line)| (file.to_owned(), line)).unwrap_or_default();
        let parked = (index.text(variant.file), variant.line);
        // `select!` and `join!` await in a file of their library's: the function's own line says more.
        let (file, line) = declared.filter(|_| is_of_macro(parked.0)).unwrap_or(parked);
        (frame.file, frame.line) = (file.to_owned(), line);
        let state = index.ty(variant.ty);
        frame.state = match index.text(variant.name) {
            "Unresumed" => FrameState::NotStarted,
            "Returned" => FrameState::Finished,
            "Panicked" => FrameState::Panicked,
            _ => FrameState::Parked,
        };
        if frame.state != FrameState::Parked {
            return self.frame(frame, |_| {});
        }
        let at = address.wrapping_add(variant.offset);
        frame.locals = self.locals(state, at);
        let flags = self.drop_flags(state, at);
        frame.guards = self.guards(state, at, flags);
        if flags != DropFlags::OneGone {
            frame.ends = self.ends(state, at);
        }
        frame.unnamed = self.unnamed(state, ty.size, at);
        let outer = (self.socket, self.sends_to, self.takes);
        if index.text(ty.path).starts_with("tokio::net::") {
            self.socket = self.socket_of(state, at).or(self.socket);
        }
        if index.text(ty.path).starts_with("tokio::sync::") {
            self.takes = self.lock_of(state, at).or(self.takes);
        }
        if index.text(ty.path).starts_with("tokio::sync::mpsc::") {
            self.sends_to = self.channel_of(state, at).or(self.sends_to);
        }
        self.frame(frame, |walk| {
            if let Some(awaitee) = state.members.iter().find(|member| index.text(member.name) == AWAITEE) {
                walk.awaitee(awaitee, at, depth);
            }
            if flags != DropFlags::OneGone {
                walk.not_polled(state, at, depth);
            }
        });
        (self.socket, self.sends_to, self.takes) = outer;
    }

    /// The function's name; of a method with the type that it is of, as far as its `self` says that.
    fn function_name(&self, ty: &Type) -> String {
        let path = self.index.text(ty.path);
        let name = names::function(path);
        if !path.contains("{impl#") {
            return name;
        }
        let states =
            ty.variants.iter().flat_map(|variants| &variants.list).map(|variant| self.index.ty(variant.ty));
        let own = states
            .chain([ty])
            .find_map(|ty| ty.members.iter().find(|member| self.index.text(member.name) == "self"));
        let of = own.map(|member| match self.index.ty(member.ty).kind {
            Kind::Pointer(to) => to,
            _ => member.ty,
        });
        match of.map(|of| names::base(self.index.text(self.index.ty(of).name))) {
            Some(of) if !of.is_empty() && !of.starts_with(['&', '{', '(']) => names::method(&name, &of),
            _ => name,
        }
    }

    /// What it awaits; a frame with the type's name where that is all that is known.
    fn awaitee(&mut self, awaitee: &Member, address: u64, depth: u32) {
        let before = self.frames.len();
        self.member(awaitee, address, depth);
        if self.frames.len() == before {
            let name = names::short(&self.index.full_name(awaitee.ty));
            self.frame(Frame { kind: FrameKind::Future, name, ..Frame::default() }, |_| {});
        }
    }

    /// Futures that its variables have, under way, and that what it awaits does not reach: they make no progress.
    fn not_polled(&mut self, state: &'w Type, address: u64, depth: u32) {
        let mut seen = FxHashSet::default();
        for member in &state.members {
            let name = self.index.text(member.name);
            if name == AWAITEE || !seen.insert(member.offset) || self.is_reference(member) {
                continue;
            }
            let before = self.frames.len();
            self.member(member, address, depth);
            self.keep_under_way(before, name);
        }
    }

    /// Of the frames from `from` on, keeps the trees that begin with a coroutine under way.
    fn keep_under_way(&mut self, from: usize, variable: &str) {
        let found = self.frames.split_off(from);
        let mut keep = false;
        for mut frame in found {
            if frame.depth == self.frame_depth {
                let is_coroutine = frame.kind.is_function();
                keep = is_coroutine && frame.state == FrameState::Parked;
                frame.not_polled = Some(variable.to_owned());
            }
            if keep {
                self.frames.push(frame);
            }
        }
    }

    fn is_reference(&self, member: &Member) -> bool {
        let ty = self.index.ty(member.ty);
        let name = self.index.text(ty.name);
        name.starts_with('&') || name.starts_with("Pin<&")
    }

    /// What the compiler's drop flags of a state say: unnamed truth values. A value that was moved or dropped keeps its bytes; then its flag is false.
    fn drop_flags(&mut self, state: &Type, address: u64) -> DropFlags {
        let index = self.index;
        let (mut flags, mut gone) = (0, 0);
        for member in &state.members {
            let name = index.text(member.name);
            if name.starts_with("__") && name != AWAITEE && index.ty(member.ty).kind == Kind::Bool {
                flags += 1;
                gone += usize::from(self.uint(address.wrapping_add(member.offset), 1) == Some(0));
            }
        }
        match (flags, gone) {
            (_, 0) => DropFlags::AllThere,
            (1, 1) => DropFlags::OneGone,
            _ => DropFlags::SomeGone,
        }
    }
}

/// A file whose code a macro puts into the functions of others.
fn is_of_macro(file: &str) -> bool {
    file.contains("/src/macros/") || file.contains("src/async_await/")
}

/// Which flag is whose is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DropFlags {
    /// No flag says that something is gone.
    AllThere,
    /// There is one flag, and what it is of is gone.
    OneGone,
    /// Some of several.
    SomeGone,
}
