//! The functions of all units put together: each with its code and its type, whichever part of it says which.

use gimli::{Attribute, AttributeValue};
use rustc_hash::FxHashMap;

use crate::{
    scan::{Found, Function, Link, Role},
    units::{Place, Slice, Unit, Value, is_linked},
};

/// References from part to part: definition, what it is in general, declaration.
const MAX_LINKS: usize = 8;

/// A function of a role: from, to (0, 0: no code of its own), its type, its name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resolved<'a> {
    pub(crate) role: Role,
    pub(crate) code: (u64, u64),
    pub(crate) ty: Place,
    pub(crate) name: &'a [u8],
}

/// See the module's text.
pub(crate) struct Functions<'a> {
    by_place: FxHashMap<Place, Function<'a>>,
    links: FxHashMap<Place, Place>,
    pub(crate) list: Vec<Resolved<'a>>,
}

impl<'a> Functions<'a> {
    pub(crate) fn new(found: &[Found<'a>]) -> Self {
        let functions = || found.iter().flat_map(|found| &found.functions);
        let links = || found.iter().flat_map(|found| &found.links);
        let mut this = Self {
            by_place: functions().map(|it| (it.place, *it)).collect(),
            links: links().map(|link| (link.place, link.to)).collect(),
            list: Vec::new(),
        };
        for function in functions() {
            this.push(function, function.code);
        }
        for Link { to, code, .. } in links() {
            if let (Some(code), Some(function)) = (code, this.origin(*to)) {
                this.push(&function, Some(*code));
            }
        }
        this
    }

    fn push(&mut self, function: &Function<'a>, code: Option<(u64, u64)>) {
        let Function { role, name, ty, .. } = *function;
        // Without types, a task still has the name of its future; and what has no code of its own still says that its type is polled.
        let is_wanted = match role {
            Role::PollTask => code.is_some(),
            Role::BlockOn => code.is_some() && ty.is_some(),
            Role::PollFuture => ty.is_some(),
        };
        if is_wanted {
            let ty = ty.unwrap_or(0);
            self.list.push(Resolved { role, code: code.unwrap_or_default(), ty, name });
        }
    }

    /// The part of a function that has its name.
    fn origin(&self, place: Place) -> Option<Function<'a>> {
        let mut place = place;
        for _ in 0..MAX_LINKS {
            match self.by_place.get(&place) {
                Some(function) => return Some(*function),
                None => place = *self.links.get(&place)?,
            }
        }
        None
    }

    /// A second pass: the code of `block_on` where it is inlined into another function.
    pub(crate) fn inlined(&self, unit: &Unit<'a>) -> gimli::Result<Vec<(u64, u64, Place)>> {
        let mut found = Vec::new();
        let mut entries = unit.unit.entries_raw(None)?;
        let mut attributes = Vec::new();
        while !entries.is_empty() {
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            if abbreviation.tag() != gimli::DW_TAG_inlined_subroutine {
                entries.skip_attributes(abbreviation.attributes())?;
                continue;
            }
            entries.read_attributes(abbreviation.attributes(), &mut attributes)?;
            let of = attributes.iter().find(|it| it.name() == gimli::DW_AT_abstract_origin);
            let place = of.and_then(|it| unit.refers(it.value())).unwrap_or(0);
            let function = self.origin(place).filter(|it| it.role == Role::BlockOn);
            if let Some(ty) = function.and_then(|it| it.ty) {
                found.extend(ranges(unit, &attributes).into_iter().map(|(from, to)| (from, to, ty)));
            }
        }
        Ok(found)
    }
}

/// Where the code of an entry is.
fn ranges<'a>(unit: &Unit<'a>, attributes: &[Attribute<Slice<'a>>]) -> Vec<(u64, u64)> {
    let value = |name| attributes.iter().find(|it| it.name() == name).map(Attribute::value);
    if let Some(low) = value(gimli::DW_AT_low_pc).and_then(|it| unit.address(it)) {
        return vec![(low, end(low, value(gimli::DW_AT_high_pc)))];
    }
    let Some(list) = value(gimli::DW_AT_ranges) else { return Vec::new() };
    let Ok(Some(mut list)) = unit.dwarf.attr_ranges(&unit.unit, list) else { return Vec::new() };
    let mut found = Vec::new();
    while let Ok(Some(range)) = list.next() {
        if is_linked(range.begin) && range.begin < range.end {
            found.push((range.begin, range.end));
        }
    }
    found
}

/// Where code ends that starts at `low`.
pub(crate) fn end(low: u64, high: Option<Value<'_>>) -> u64 {
    let high = match high {
        Some(AttributeValue::Addr(high)) => high,
        Some(value) => low.saturating_add(value.udata_value().unwrap_or(0)),
        None => low,
    };
    high.max(low)
}
