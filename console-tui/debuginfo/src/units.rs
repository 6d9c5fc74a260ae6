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
    /// Of a split unit, what the program itself has of it: the files of its lines.
    skeleton: Option<(Arc<Dwarf<'a>>, gimli::Unit<Slice<'a>>)>,
    /// Filled by the scan.
    pub(crate) scopes: Scopes,
}

impl<'a> Source<'a> {
    /// The unit of a header; where that is a skeleton whose split unit is in the package, that one.
    pub(crate) fn open(&self, header: UnitHeader<Slice<'a>>) -> gimli::Result<Option<Unit<'a>>> {
        let Some(start) = header.debug_info_offset() else { return Ok(None) };
        let raw = self.dwarf.unit(header)?;
        if let Some(mut split) = self.split(&raw)? {
            split.skeleton = Some((self.dwarf.clone(), raw));
            return Ok(Some(split));
        }
        let (dwarf, start) = (self.dwarf.clone(), start.0 as Place);
        Ok(Some(Unit { dwarf, raw, start, section: 0, skeleton: None, scopes: Scopes::default() }))
    }

    fn split(&self, skeleton: &gimli::Unit<Slice<'a>>) -> gimli::Result<Option<Unit<'a>>> {
        let (Some(package), Some(id)) = (&self.package, skeleton.dwo_id) else { return Ok(None) };
        let Some(dwarf) = package.find_cu(id, &self.dwarf)? else { return Ok(None) };
        let Some(header) = dwarf.units().next()? else { return Ok(None) };
        let contribution = dwarf.debug_info.reader().offset_from(self.package_info) as Place;
        let mut raw = dwarf.unit(header)?;
        raw.copy_relocated_attributes(skeleton);
        let (dwarf, start) = (Arc::new(dwarf), SPLIT + contribution);
        Ok(Some(Unit { dwarf, raw, start, section: start, skeleton: None, scopes: Scopes::default() }))
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

    /// The file of a line: its directory and its name. That of a split unit can be in the program.
    pub(crate) fn file(&self, number: u64) -> Option<String> {
        let skeleton = || self.skeleton.as_ref().and_then(|(dwarf, raw)| file(dwarf, raw, number));
        file(&self.dwarf, &self.raw, number).or_else(skeleton)
    }
}

fn file<'a>(dwarf: &Dwarf<'a>, raw: &gimli::Unit<Slice<'a>>, number: u64) -> Option<String> {
    let header = raw.line_program.as_ref()?.header();
    let file = header.file(number)?;
    let text = |value| {
        let text = dwarf.attr_string(raw, value).ok()?;
        Some(String::from_utf8_lossy(text.slice()).into_owned())
    };
    let name = text(file.path_name())?;
    match file.directory(header).and_then(text) {
        Some(folder) if !folder.is_empty() && !name.starts_with('/') => Some(format!("{folder}/{name}")),
        _ => Some(name),
    }
}

/// Linkers write 0, 1 or the highest numbers as the address of a function that they left out.
pub(crate) fn is_linked(address: u64) -> bool {
    address > 1 && address < u64::MAX - 1
}
