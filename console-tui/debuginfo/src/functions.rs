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
    /// Of each part of a `block_on`, its type.
    block_ons: FxHashMap<Place, Place>,
}

impl<'a> Functions<'a> {
    pub(crate) fn new(found: &[Found<'a>]) -> Self {
        let functions = || found.iter().flat_map(|found| &found.functions);
        let links = || found.iter().flat_map(|found| &found.links);
        let mut this = Self {
            by_place: functions().map(|it| (it.place, *it)).collect(),
            links: links().map(|link| (link.place, link.to)).collect(),
            list: Vec::new(),
            block_ons: FxHashMap::default(),
        };
        for function in functions() {
            this.push(function.place, function, function.code);
        }
        for Link { place, to, code } in links() {
            if let Some(function) = this.origin(*to) {
                this.push(*place, &function, *code);
            }
        }
        this
    }

    /// A part at a place, of a function that another part may have said all of but the code.
    fn push(&mut self, place: Place, function: &Function<'a>, code: Option<(u64, u64)>) {
        let Function { role, name, ty, .. } = *function;
        if role == Role::BlockOn {
            self.block_ons.extend(ty.map(|ty| (place, ty)));
        }
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

    /// A second pass: the code of `block_on` where it is inlined into another function. Of a damaged unit, what is before the damage.
    pub(crate) fn inlined(&self, unit: &Unit<'a>) -> Vec<(u64, u64, Place)> {
        let mut found = Vec::new();
        // What ends it early was counted by the first pass.
        let _ = self.find_inlined(unit, &mut found);
        found
    }

    fn find_inlined(&self, unit: &Unit<'a>, found: &mut Vec<(u64, u64, Place)>) -> gimli::Result<()> {
        let mut entries = unit.entries(None)?;
        let mut code = Vec::new();
        while !entries.is_empty() {
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            let specs = abbreviation.attributes();
            if abbreviation.tag() != gimli::DW_TAG_inlined_subroutine {
                entries.skip_attributes(specs)?;
                continue;
            }
            code.clear();
            let mut of = None;
            for (number, spec) in specs.iter().enumerate() {
                let attribute = entries.read_attribute(*spec)?;
                if attribute.name() != gimli::DW_AT_abstract_origin {
                    code.push(attribute);
                    continue;
                }
                of = unit.refers(attribute.value()).and_then(|place| self.block_ons.get(&place));
                if of.is_none() {
                    entries.skip_attributes(&specs[number + 1..])?;
                    break;
                }
            }
            if let Some(ty) = of {
                found.extend(ranges(unit, &code).into_iter().map(|(from, to)| (from, to, *ty)));
            }
        }
        Ok(())
    }
}

/// Where the code of an entry is.
fn ranges<'a>(unit: &Unit<'a>, attributes: &[Attribute<Slice<'a>>]) -> Vec<(u64, u64)> {
    let value = |name| attributes.iter().find(|it| it.name() == name).map(Attribute::value);
    if let Some(low) = value(gimli::DW_AT_low_pc).and_then(|it| unit.address(it)) {
        return vec![(low, end(low, value(gimli::DW_AT_high_pc)))];
    }
    let Some(list) = value(gimli::DW_AT_ranges) else { return Vec::new() };
    let list = unit.opened().and_then(|it| it.dwarf.attr_ranges(&it.raw, list).ok()?);
    let Some(mut list) = list else { return Vec::new() };
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
