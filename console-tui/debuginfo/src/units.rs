//! The units of a program's debug information, opened: each with its strings, its addresses, and its place among all of them.
//!
//! A [`Place`] is the number of an entry of all units: its offset in `.debug_info`, and for split units, which lie in a `.dwp` file, that in
//! `.debug_info.dwo` above [`SPLIT`].

use std::sync::Arc;

use gimli::{AttributeValue, DwarfPackage, EndianSlice, LittleEndian, Section, UnitHeader, UnitOffset};

use crate::scopes::Scopes;

pub(crate) type Slice<'a> = EndianSlice<'a, LittleEndian>;
pub(crate) type Dwarf<'a> = gimli::Dwarf<Slice<'a>>;
pub(crate) type Value<'a> = AttributeValue<Slice<'a>>;

/// Number of an entry; see the module's text. 0 is none.
pub(crate) type Place = u64;

/// Where the numbers of split units begin: above any file.
const SPLIT: Place = 1 << 48;

/// All debug information of a program.
pub(crate) struct Source<'a> {
    pub(crate) dwarf: Arc<Dwarf<'a>>,
    pub(crate) package: Option<DwarfPackage<Slice<'a>>>,
    /// All of `.debug_info.dwo`.
    pub(crate) package_info: Slice<'a>,
}

/// One unit, opened.
pub(crate) struct Unit<'a> {
    pub(crate) dwarf: Arc<Dwarf<'a>>,
    /// As gimli has it.
    pub(crate) raw: gimli::Unit<Slice<'a>>,
    /// The place where it starts.
    pub(crate) start: Place,
    /// The place that its references to other units count from.
    section: Place,
    /// Filled by the scan.
    pub(crate) scopes: Scopes,
}

impl<'a> Source<'a> {
    /// The unit of a header; and where that is a skeleton whose split unit is in the package, that one too.
    pub(crate) fn open(&self, header: UnitHeader<Slice<'a>>) -> gimli::Result<Vec<Unit<'a>>> {
        let Some(start) = header.debug_info_offset() else { return Ok(Vec::new()) };
        let raw = self.dwarf.unit(header)?;
        let split = self.split(&raw)?;
        let mut units = vec![Unit {
            dwarf: self.dwarf.clone(),
            raw,
            start: start.0 as Place,
            section: 0,
            scopes: Scopes::default(),
        }];
        units.extend(split);
        Ok(units)
    }

    fn split(&self, skeleton: &gimli::Unit<Slice<'a>>) -> gimli::Result<Option<Unit<'a>>> {
        let (Some(package), Some(id)) = (&self.package, skeleton.dwo_id) else { return Ok(None) };
        let Some(dwarf) = package.find_cu(id, &self.dwarf)? else { return Ok(None) };
        let Some(header) = dwarf.units().next()? else { return Ok(None) };
        let contribution = dwarf.debug_info.reader().offset_from(self.package_info) as Place;
        let mut raw = dwarf.unit(header)?;
        raw.copy_relocated_attributes(skeleton);
        // The files of its lines are in the program.
        raw.line_program = raw.line_program.or_else(|| skeleton.line_program.clone());
        let section = SPLIT + contribution;
        Ok(Some(Unit { dwarf: Arc::new(dwarf), raw, start: section, section, scopes: Scopes::default() }))
    }
}

impl<'a> Unit<'a> {
    /// The place that follows its last entry.
    pub(crate) fn end(&self) -> Place {
        self.start + self.bytes()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.raw.header.length_including_self() as u64
    }

    pub(crate) fn place(&self, offset: UnitOffset) -> Place {
        self.start + offset.0 as u64
    }

    pub(crate) fn offset(&self, place: Place) -> Option<UnitOffset> {
        let offset = place.checked_sub(self.start)?;
        (offset < self.bytes()).then_some(UnitOffset(offset as usize))
    }

    /// The place that an attribute refers to.
    pub(crate) fn refers(&self, value: Value<'a>) -> Option<Place> {
        match value {
            AttributeValue::UnitRef(offset) => Some(self.start + offset.0 as Place),
            AttributeValue::DebugInfoRef(offset) => Some(self.section + offset.0 as Place),
            _ => None,
        }
    }

    /// A text; empty where it can't be read.
    pub(crate) fn text(&self, value: Value<'a>) -> &'a [u8] {
        self.dwarf.attr_string(&self.raw, value).map(|text| text.slice()).unwrap_or_default()
    }

    /// An address, unless it is one that the linker writes for what it left out.
    pub(crate) fn address(&self, value: Value<'a>) -> Option<u64> {
        let address = self.dwarf.attr_address(&self.raw, value).ok()??;
        is_linked(address).then_some(address)
    }

    /// The file of a line: its directory and its name.
    pub(crate) fn file(&self, number: u64) -> Option<String> {
        let program = self.raw.line_program.as_ref()?;
        let file = program.header().file(number)?;
        let text = |value| String::from_utf8_lossy(self.text(value)).into_owned();
        let name = text(file.path_name());
        if name.starts_with('/') {
            return Some(name);
        }
        match file.directory(program.header()).map(text) {
            Some(folder) if !folder.is_empty() => Some(format!("{folder}/{name}")),
            _ => Some(name),
        }
    }
}

/// Linkers write 0, 1 or the highest numbers as the address of a function that they left out.
pub(crate) fn is_linked(address: u64) -> bool {
    address > 1 && address < u64::MAX - 1
}
