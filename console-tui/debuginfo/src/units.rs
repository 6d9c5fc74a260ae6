//! The units of a program's debug information, opened: each with its strings, its addresses, and its place among all of them.
//!
//! A [`Place`] is the number of an entry of all units: its offset in `.debug_info`, and for split units, which lie in a `.dwp` file, that in
//! `.debug_info.dwo` above [`SPLIT`].

use std::sync::{Arc, OnceLock};

use gimli::{
    AttributeValue, DwarfPackage, EndianSlice, EntriesRaw, LittleEndian, Section, UnitHeader, UnitOffset,
};

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

/// One unit.
pub(crate) struct Unit<'a> {
    source: Arc<Source<'a>>,
    /// What the program itself has of it.
    header: UnitHeader<Slice<'a>>,
    /// The place where it starts.
    pub(crate) start: Place,
    /// The place that its references to other units count from.
    section: Place,
    bytes: u64,
    /// The scan has them open one after the other, and the types that are wanted are in few of them: their tables are as large as the file.
    opened: OnceLock<Option<Opened<'a>>>,
    /// Filled by the scan.
    pub(crate) scopes: Scopes,
}

/// The tables of a unit.
pub(crate) struct Opened<'a> {
    pub(crate) dwarf: Arc<Dwarf<'a>>,
    /// As gimli has it.
    pub(crate) raw: gimli::Unit<Slice<'a>>,
    /// Of a split unit, what the program itself has of it: the files of its lines.
    skeleton: Option<gimli::Unit<Slice<'a>>>,
    start: Place,
    section: Place,
}

impl<'a> Source<'a> {
    /// The unit of a header; where that is a skeleton whose split unit is in the package, that one.
    fn open(&self, header: UnitHeader<Slice<'a>>) -> gimli::Result<Opened<'a>> {
        let start = header.debug_info_offset().ok_or(gimli::Error::MissingUnitDie)?.0 as Place;
        let raw = self.dwarf.unit(header)?;
        let Some((dwarf, start)) = self.split(&raw)? else {
            return Ok(Opened { dwarf: self.dwarf.clone(), raw, skeleton: None, start, section: 0 });
        };
        let header = dwarf.units().next()?.ok_or(gimli::Error::MissingUnitDie)?;
        let mut split = dwarf.unit(header)?;
        split.copy_relocated_attributes(&raw);
        Ok(Opened { dwarf: Arc::new(dwarf), raw: split, skeleton: Some(raw), start, section: start })
    }

    /// What the package has for a skeleton, and where in it.
    fn split(&self, skeleton: &gimli::Unit<Slice<'a>>) -> gimli::Result<Option<(Dwarf<'a>, Place)>> {
        let (Some(package), Some(id)) = (&self.package, skeleton.dwo_id) else { return Ok(None) };
        let Some(dwarf) = package.find_cu(id, &self.dwarf)? else { return Ok(None) };
        if dwarf.debug_info.reader().is_empty() {
            return Ok(None);
        }
        let place = SPLIT + dwarf.debug_info.reader().offset_from(self.package_info) as Place;
        Ok(Some((dwarf, place)))
    }
}

impl<'a> Unit<'a> {
    pub(crate) fn open(source: &Arc<Source<'a>>, header: UnitHeader<Slice<'a>>) -> gimli::Result<Self> {
        let opened = source.open(header)?;
        Ok(Self {
            source: source.clone(),
            header,
            start: opened.start,
            section: opened.section,
            bytes: opened.raw.header.length_including_self() as u64,
            opened: OnceLock::from(Some(opened)),
            scopes: Scopes::default(),
        })
    }

    /// Its tables are read again when they are wanted.
    pub(crate) fn close(&mut self) {
        self.opened = OnceLock::new();
    }

    /// Its tables. They could be read once, so they can again.
    pub(crate) fn opened(&self) -> Option<&Opened<'a>> {
        self.opened.get_or_init(|| self.source.open(self.header).ok()).as_ref()
    }

    /// The entries from a place on.
    pub(crate) fn entries(&self, offset: Option<UnitOffset>) -> gimli::Result<EntriesRaw<'_, Slice<'a>>> {
        self.opened().ok_or(gimli::Error::MissingUnitDie)?.raw.entries_raw(offset)
    }

    /// The place that follows its last entry.
    pub(crate) fn end(&self) -> Place {
        self.start + self.bytes
    }

    pub(crate) fn place(&self, offset: UnitOffset) -> Place {
        self.start + offset.0 as u64
    }

    pub(crate) fn offset(&self, place: Place) -> Option<UnitOffset> {
        let offset = place.checked_sub(self.start)?;
        (offset < self.bytes).then_some(UnitOffset(offset as usize))
    }

    /// The place that an attribute refers to.
    pub(crate) fn refers(&self, value: Value<'a>) -> Option<Place> {
        match value {
            AttributeValue::UnitRef(offset) => Some(self.start + offset.0 as Place),
            AttributeValue::DebugInfoRef(offset) => self.section.checked_add(offset.0 as Place),
            _ => None,
        }
    }

    /// A text; empty where it can't be read.
    pub(crate) fn text(&self, value: Value<'a>) -> &'a [u8] {
        let text = self.opened().and_then(|it| it.dwarf.attr_string(&it.raw, value).ok());
        text.map(|text| text.slice()).unwrap_or_default()
    }

    /// An address, unless it is one that the linker writes for what it left out.
    pub(crate) fn address(&self, value: Value<'a>) -> Option<u64> {
        let address = self.opened().and_then(|it| it.dwarf.attr_address(&it.raw, value).ok()?)?;
        is_linked(address).then_some(address)
    }

    /// The file of a line: its directory and its name. That of a split unit can be in the program.
    pub(crate) fn file(&self, number: u64) -> Option<String> {
        let opened = self.opened()?;
        let in_program = || file(&self.source.dwarf, opened.skeleton.as_ref()?, number);
        file(&opened.dwarf, &opened.raw, number).or_else(in_program)
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
