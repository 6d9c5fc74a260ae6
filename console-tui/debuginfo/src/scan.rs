//! One pass over the entries of a unit: where tokio's functions, the vtables, the poll functions and the namespaces are.
//!
//! Types are not read here: most of them are never asked for. What is found are places, to be put together once all units are scanned.

mod functions;
mod module;

use gimli::{Abbreviation, AttributeValue, DebugAddrIndex, EntriesRaw, Operation};

pub(crate) use self::functions::{Function, Link, Role};
use self::module::Module;
use crate::units::{Place, Slice, Unit, is_linked};

/// What one unit has.
#[derive(Default)]
pub(crate) struct Found<'a> {
    pub(crate) functions: Vec<Function<'a>>,
    pub(crate) links: Vec<Link>,
    /// Address and name of functions outside any namespace that may poll a task.
    pub(crate) flat_polls: Vec<(u64, &'a [u8])>,
    /// Address of a vtable, and the type that says whose it is.
    pub(crate) vtables: Vec<(u64, Place)>,
    /// Types of tokio's with their names: `Header`, `Cell<…>`.
    pub(crate) named: Vec<(&'a [u8], Place)>,
    /// tokio's `CONTEXT`: its offset in the thread-local block, and its type.
    pub(crate) contexts: Vec<(u64, Place)>,
    pub(crate) producer: &'a [u8],
    pub(crate) entries: u64,
    /// Entries of structures: without any there are no types.
    pub(crate) structures: u64,
    /// It has a `block_on`, or functions of other units are inlined into it.
    pub(crate) may_inline: bool,
    /// It is a skeleton whose entries are in another file.
    pub(crate) is_skeleton: bool,
    /// A namespace `tokio` was there, or a name that says it.
    pub(crate) has_tokio: bool,
}

/// A namespace that is open while the pass is in it.
#[derive(Clone, Copy)]
struct Open {
    depth: isize,
    scope: u32,
    module: Module,
}

struct Scan<'u, 'a> {
    unit: &'u mut Unit<'a>,
    found: Found<'a>,
    open: Vec<Open>,
    pending: Option<functions::Pending>,
}

/// All of a unit, and whether its end was reached. Its scopes are filled on the way.
pub(crate) fn unit<'a>(unit: &mut Unit<'a>) -> (Found<'a>, gimli::Result<()>) {
    let Some(opened) = unit.opened() else { return (Found::default(), Err(gimli::Error::MissingUnitDie)) };
    // The entries borrow the abbreviations; what the pass writes is beside them.
    let (abbreviations, header) = (opened.raw.abbreviations.clone(), opened.raw.header);
    let is_split_off = opened.raw.dwo_id.is_some();
    let mut scan = Scan { unit, found: Found::default(), open: Vec::new(), pending: None };
    let result = header.entries_raw(&abbreviations, None).and_then(|mut entries| {
        let result = scan.run(&mut entries);
        scan.leave(0, entries.next_offset().0);
        result
    });
    let mut found = scan.found;
    found.is_skeleton = is_split_off && found.entries <= 1;
    unit.close();
    (found, result)
}

impl<'a> Scan<'_, 'a> {
    fn run(&mut self, entries: &mut EntriesRaw<'_, Slice<'a>>) -> gimli::Result<()> {
        while !entries.is_empty() {
            let (depth, offset) = (entries.next_depth(), entries.next_offset());
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            self.found.entries += 1;
            self.leave(depth, offset.0);
            let place = self.unit.place(offset);
            match abbreviation.tag() {
                gimli::DW_TAG_namespace => self.namespace(entries, abbreviation, depth, offset.0)?,
                gimli::DW_TAG_subprogram => self.function(entries, abbreviation, depth, place)?,
                gimli::DW_TAG_template_type_parameter | gimli::DW_TAG_formal_parameter
                    if self.pending.as_ref().is_some_and(|it| it.depth + 1 == depth) =>
                {
                    self.parameter(entries, abbreviation)?;
                }
                gimli::DW_TAG_structure_type => self.structure(entries, abbreviation, depth, place)?,
                gimli::DW_TAG_variable if self.is_global(depth) => self.variable(entries, abbreviation)?,
                gimli::DW_TAG_compile_unit => self.compile_unit(entries, abbreviation)?,
                gimli::DW_TAG_inlined_subroutine => {
                    self.found.may_inline |= functions::is_foreign(abbreviation);
                    entries.skip_attributes(abbreviation.attributes())?;
                }
                _ => entries.skip_attributes(abbreviation.attributes())?,
            }
        }
        Ok(())
    }

    /// Closes what an entry of this depth is no longer in.
    fn leave(&mut self, depth: isize, offset: usize) {
        while let Some(open) = self.open.pop_if(|open| open.depth >= depth) {
            self.unit.scopes.close(open.scope, offset);
        }
        if self.pending.as_ref().is_some_and(|it| it.depth >= depth) {
            self.pending = None;
        }
    }

    /// The namespace that an entry of this depth lies directly in.
    fn parent(&self, depth: isize) -> Option<&Open> {
        self.open.last().filter(|open| open.depth + 1 == depth)
    }

    fn is_global(&self, depth: isize) -> bool {
        depth == 1 || self.parent(depth).is_some()
    }

    fn namespace(
        &mut self,
        entries: &mut EntriesRaw<'_, Slice<'a>>,
        abbreviation: &Abbreviation,
        depth: isize,
        start: usize,
    ) -> gimli::Result<()> {
        let mut name: &[u8] = &[];
        for spec in abbreviation.attributes() {
            let attribute = entries.read_attribute(*spec)?;
            if attribute.name() == gimli::DW_AT_name {
                name = self.unit.text(attribute.value());
            }
        }
        if !abbreviation.has_children() {
            return Ok(());
        }
        let parent = self.open.last();
        let module = Module::enter(parent.map(|open| open.module), name);
        self.found.has_tokio |= module == Module::Tokio;
        let scope = self.unit.scopes.open(start, parent.map(|open| open.scope));
        self.open.push(Open { depth, scope, module });
        Ok(())
    }

    fn structure(
        &mut self,
        entries: &mut EntriesRaw<'_, Slice<'a>>,
        abbreviation: &Abbreviation,
        depth: isize,
        place: Place,
    ) -> gimli::Result<()> {
        self.found.structures += 1;
        let is_wanted = self.parent(depth).is_some_and(|open| open.module.has_named_types());
        if !is_wanted || !abbreviation.has_children() {
            return entries.skip_attributes(abbreviation.attributes());
        }
        let (mut name, mut is_whole): (&[u8], bool) = (&[], false);
        for spec in abbreviation.attributes() {
            let attribute = entries.read_attribute(*spec)?;
            match attribute.name() {
                gimli::DW_AT_name => name = self.unit.text(attribute.value()),
                gimli::DW_AT_byte_size => is_whole = true,
                _ => {}
            }
        }
        if is_whole {
            self.found.named.push((name, place));
        }
        Ok(())
    }

    fn variable(
        &mut self,
        entries: &mut EntriesRaw<'_, Slice<'a>>,
        abbreviation: &Abbreviation,
    ) -> gimli::Result<()> {
        let (mut name, mut ty, mut location): (&[u8], _, _) = (&[], None, None);
        for spec in abbreviation.attributes() {
            let attribute = entries.read_attribute(*spec)?;
            match attribute.name() {
                gimli::DW_AT_name => name = self.unit.text(attribute.value()),
                gimli::DW_AT_type => ty = self.unit.refers(attribute.value()),
                gimli::DW_AT_location => {
                    if let AttributeValue::Exprloc(expression) = attribute.value() {
                        location = Some(expression);
                    }
                }
                _ => {}
            }
        }
        let (Some(ty), Some(location)) = (ty, location) else { return Ok(()) };
        let Some(opened) = self.unit.opened() else { return Ok(()) };
        let mut operations = location.operations(opened.raw.encoding());
        let (first, second) = (operations.next().ok().flatten(), operations.next().ok().flatten());
        if name.ends_with(b"::{vtable}") {
            let address = first.and_then(|it| self.static_address(&it));
            self.found.vtables.extend(address.filter(|_| !is_dull(name)).map(|address| (address, ty)));
        } else if self.open.last().is_some_and(|open| open.module == Module::ContextStatic) {
            let is_local = matches!(second, Some(Operation::TLS));
            let offset = first.filter(|_| is_local).and_then(|it| self.constant(&it));
            self.found.contexts.extend(offset.map(|offset| (offset, ty)));
        }
        Ok(())
    }

    fn static_address(&self, operation: &Operation<Slice<'a>>) -> Option<u64> {
        let address = match operation {
            Operation::Address { address } => *address,
            Operation::AddressIndex { index } => self.indexed(*index)?,
            _ => return None,
        };
        is_linked(address).then_some(address)
    }

    fn constant(&self, operation: &Operation<Slice<'a>>) -> Option<u64> {
        match operation {
            Operation::UnsignedConstant { value } => Some(*value),
            Operation::ConstantIndex { index } => self.indexed(*index),
            _ => None,
        }
    }

    /// Split units have their addresses in a table of the program.
    fn indexed(&self, index: DebugAddrIndex<usize>) -> Option<u64> {
        self.unit.opened().and_then(|it| it.dwarf.address(&it.raw, index).ok())
    }

    fn compile_unit(
        &mut self,
        entries: &mut EntriesRaw<'_, Slice<'a>>,
        abbreviation: &Abbreviation,
    ) -> gimli::Result<()> {
        for spec in abbreviation.attributes() {
            let attribute = entries.read_attribute(*spec)?;
            if attribute.name() == gimli::DW_AT_producer {
                self.found.producer = self.unit.text(attribute.value());
            }
        }
        Ok(())
    }
}

/// Whether a vtable, or a trait object, is of a trait whose values are never polled. They are most of all vtables.
pub(crate) fn is_dull_trait(name: &[u8]) -> bool {
    const DULL: [&[u8]; 5] =
        [b"core::fmt::", b"core::error::", b"core::any::", b"core::ops::function::", b"std::io::"];
    DULL.iter().any(|dull| name.starts_with(dull))
}

/// `<T as Trait>::{vtable}`.
fn is_dull(vtable: &[u8]) -> bool {
    let mut ends = vtable.windows(4).rposition(|window| window == b" as ").into_iter();
    ends.next().is_none_or(|at| is_dull_trait(&vtable[at + 4..]))
}
