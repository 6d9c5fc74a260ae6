//! Functions that the pass asks about: those that poll a task, those that poll a future, and `block_on`.
//!
//! Optimised programs describe one function in parts: a declaration in its type, what it is in general (for copies that are inlined), and where
//! its code is. Each part refers to another; [`Link`] is such a reference.

use gimli::{Abbreviation, EntriesRaw};

use super::{Module, Scan};
use crate::{
    functions::end,
    units::{Place, Slice},
};

/// What a function does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// `tokio::runtime::task::raw::poll::<T, S>`; its type is `T`.
    PollTask,
    /// `block_on::<F>` of tokio's; its type is `F`.
    BlockOn,
    /// Polls a future, a stream or a coroutine; its type is that of `self`.
    PollFuture,
}

/// A function with a role.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Function<'a> {
    pub(crate) place: Place,
    pub(crate) role: Role,
    /// `None`: no code of its own.
    pub(crate) code: Option<(u64, u64)>,
    pub(crate) ty: Option<Place>,
    pub(crate) name: &'a [u8],
}

/// A part of a function that refers to another part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Link {
    pub(crate) place: Place,
    pub(crate) to: Place,
    pub(crate) code: Option<(u64, u64)>,
}

/// A function whose parameters are not read yet.
pub(super) struct Pending {
    pub(super) depth: isize,
    /// Its number among the functions found.
    function: usize,
}

impl<'a> Scan<'_, 'a> {
    pub(super) fn function(
        &mut self,
        entries: &mut EntriesRaw<'_, Slice<'a>>,
        abbreviation: &Abbreviation,
        depth: isize,
        place: Place,
    ) -> gimli::Result<()> {
        let (mut name, mut low, mut to, mut high): (&[u8], _, _, _) = (&[], None, None, None);
        for spec in abbreviation.attributes() {
            let attribute = entries.read_attribute(*spec)?;
            match attribute.name() {
                gimli::DW_AT_name => name = self.unit.text(attribute.value()),
                gimli::DW_AT_low_pc => low = self.unit.address(attribute.value()),
                gimli::DW_AT_high_pc => high = Some(attribute.value()),
                gimli::DW_AT_abstract_origin | gimli::DW_AT_specification => {
                    to = self.unit.refers(attribute.value());
                }
                _ => {}
            }
        }
        let code = low.map(|low| (low, end(low, high)));
        if let Some(to) = to {
            self.found.links.push(Link { place, to, code });
            return Ok(());
        }
        // Lines alone come without namespaces.
        if depth == 1 && name.starts_with(b"poll<") && has(name, b"tokio::runtime::") {
            self.found.has_tokio = true;
            self.found.flat_polls.extend(code.map(|(from, _)| (from, name)));
        }
        let Some(role) = self.role(name, depth) else { return Ok(()) };
        self.found.may_inline |= role == Role::BlockOn;
        self.pending = Some(Pending { depth, function: self.found.functions.len() });
        self.found.functions.push(Function { place, role, code, ty: None, name });
        Ok(())
    }

    fn role(&self, name: &[u8], depth: isize) -> Option<Role> {
        const COROUTINES: [&[u8]; 3] = [b"{async_", b"{gen_", b"{coroutine_"];
        let module = self.open.last().map_or(Module::Other, |open| open.module);
        match name.first()? {
            b'{' => COROUTINES.iter().any(|it| name.starts_with(it)).then_some(Role::PollFuture),
            b'p' if name.starts_with(b"poll<") && module == Module::TaskRaw => {
                self.parent(depth).map(|_| Role::PollTask)
            }
            b'p' => (module.is_braced() && is_poll(name)).then_some(Role::PollFuture),
            b'b' if module.is_runtime() => is_named(name, b"block_on").then_some(Role::BlockOn),
            _ => None,
        }
    }

    /// A parameter of the pending function; the first one that fits says its type.
    pub(super) fn parameter(
        &mut self,
        entries: &mut EntriesRaw<'_, Slice<'a>>,
        abbreviation: &Abbreviation,
    ) -> gimli::Result<()> {
        let (mut name, mut ty): (&[u8], _) = (&[], None);
        for spec in abbreviation.attributes() {
            let attribute = entries.read_attribute(*spec)?;
            match attribute.name() {
                gimli::DW_AT_name => name = self.unit.text(attribute.value()),
                gimli::DW_AT_type => ty = self.unit.refers(attribute.value()),
                _ => {}
            }
        }
        let Some(pending) = &self.pending else { return Ok(()) };
        let Some(function) = self.found.functions.get_mut(pending.function) else { return Ok(()) };
        let is_generic = abbreviation.tag() == gimli::DW_TAG_template_type_parameter;
        let fits = match function.role {
            Role::PollTask => is_generic && name == b"T",
            Role::BlockOn => is_generic && (name == b"F" || name == b"T"),
            Role::PollFuture => !is_generic,
        };
        if fits && ty.is_some() {
            function.ty = ty;
            self.pending = None;
        }
        Ok(())
    }
}

/// A function of this name, generic or not.
fn is_named(name: &[u8], wanted: &[u8]) -> bool {
    name.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"<"))
}

fn has(name: &[u8], part: &[u8]) -> bool {
    name.windows(part.len()).any(|window| window == part)
}

fn is_poll(name: &[u8]) -> bool {
    is_named(name, b"poll") || is_named(name, b"poll_next")
}

/// Whether entries of this form refer to functions of other units.
pub(super) fn is_foreign(abbreviation: &Abbreviation) -> bool {
    let mut specs = abbreviation.attributes().iter();
    specs.any(|spec| spec.name() == gimli::DW_AT_abstract_origin && spec.form() == gimli::DW_FORM_ref_addr)
}
