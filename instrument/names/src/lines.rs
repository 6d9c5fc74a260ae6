//! Lines and inlined functions, from the debug information of a file.
//!
//! Two ways to the same tables. *Read*: into memory, from one file that is held open; a file that is cut short meanwhile is an error, and paths that stand in it are
//! not followed. *Mapped* (feature `mapped`): a fiftieth of the memory; a file that is cut short ends the process, so it is for files that run, which
//! the kernel lets no process write to.

use std::{borrow::Cow, fs::File};

use addr2line::Context;
use gimli::{DwarfSections, EndianSlice, Reader, RunTimeEndian, SectionId};
use object::{CompressionFormat, Object as _, ObjectSection as _, ReadCache, ReadRef};

/// Debug information of a file that is looked through.
pub const MAX_DEBUG_BYTES: u64 = 512 << 20;
/// Packed debug information has to be unpacked into memory.
pub const MAX_UNPACKED_BYTES: u64 = 32 << 20;
/// No file of code is loaded further up. The reader counts on from an address.
const MAX_ADDRESS: u64 = i64::MAX as u64;
/// Frames of one address; real ones have some ten inlined functions in each other.
const MAX_INLINED: usize = 256;

/// Sections that lines and inlined functions stand in. Those with the places of variables are larger than all of these.
const WANTED: [SectionId; 10] = [
    SectionId::DebugAbbrev,
    SectionId::DebugAddr,
    SectionId::DebugAranges,
    SectionId::DebugInfo,
    SectionId::DebugLine,
    SectionId::DebugLineStr,
    SectionId::DebugRanges,
    SectionId::DebugRngLists,
    SectionId::DebugStr,
    SectionId::DebugStrOffsets,
];

/// A function as debug information has it: name, file, line.
pub(crate) type Named = (String, String, u32);

/// The functions at each address, the innermost first.
///
/// # Errors
/// The rest of a sentence that begins with the file: why there are none.
pub(crate) fn read(cache: &ReadCache<File>, addresses: &[u64]) -> Result<Vec<Vec<Named>>, String> {
    let object = parsed(cache)?;
    check(&object)?;
    let endian = if object.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
    let section = |id: SectionId| -> Result<Cow<'_, [u8]>, String> {
        let wanted = WANTED.contains(&id).then(|| object.section_by_name(id.name())).flatten();
        let Some(section) = wanted else { return Ok(Cow::Borrowed(&[])) };
        section.uncompressed_data().map_err(|error| unreadable(&error))
    };
    let sections = DwarfSections::load(section)?;
    let dwarf = sections.borrow(|section| EndianSlice::new(section, endian));
    let context = Context::from_dwarf(dwarf).map_err(|error| unreadable(&error))?;
    let of_address = |address: &u64| {
        let known = Some(*address).filter(|address| *address <= MAX_ADDRESS);
        let frames = known.and_then(|address| context.find_frames(address).skip_all_loads().ok());
        frames.map(named).unwrap_or_default()
    };
    Ok(addresses.iter().map(of_address).collect())
}

/// The same through a mapping.
#[cfg(feature = "mapped")]
pub(crate) fn map(file: File, path: &str, addresses: &[u64]) -> Result<Vec<Vec<Named>>, String> {
    let cache = ReadCache::new(file);
    check(&parsed(&cache)?)?;
    let loader = addr2line::Loader::new(path).map_err(|error| unreadable(&error))?;
    let of_address = |address: &u64| loader.find_frames(*address).map(named).unwrap_or_default();
    Ok(addresses.iter().map(of_address).collect())
}

fn unreadable(error: &dyn std::fmt::Display) -> String {
    format!("can't be read ({error})")
}

fn parsed(cache: &ReadCache<File>) -> Result<object::File<'_, &ReadCache<File>>, String> {
    object::File::parse(cache).map_err(|error| unreadable(&error))
}

fn named<R: Reader>(mut frames: addr2line::FrameIter<'_, R>) -> Vec<Named> {
    let mut named = Vec::new();
    // Half a name is better than none: an error ends the inlined functions of this address alone.
    while named.len() < MAX_INLINED
        && let Ok(Some(frame)) = frames.next()
    {
        let name = frame.function.as_ref().and_then(|function| function.raw_name().ok()).unwrap_or_default();
        let place = frame.location;
        let file = place.as_ref().and_then(|place| place.file).unwrap_or_default();
        named.push((name.into_owned(), file.to_owned(), place.and_then(|place| place.line).unwrap_or(0)));
    }
    named
}

/// Whether debug information may be loaded; the error says why not.
fn check<'c, R: ReadRef<'c>>(object: &object::File<'c, R>) -> Result<(), String> {
    let (mut mapped, mut unpacked) = (0_u64, 0_u64);
    for section in object.sections() {
        let is_debug =
            section.name().is_ok_and(|name| name.starts_with(".debug_") || name.starts_with(".zdebug"));
        let Some(range) = section.compressed_file_range().ok().filter(|_| is_debug) else { continue };
        mapped = mapped.saturating_add(range.compressed_size);
        if range.format != CompressionFormat::None {
            unpacked = unpacked.saturating_add(range.uncompressed_size);
        }
    }
    let mib = |bytes: u64| bytes >> 20;
    if mapped > MAX_DEBUG_BYTES {
        return Err(format!(
            "has {} MiB of debug information, more than the {} that are looked through",
            mib(mapped),
            mib(MAX_DEBUG_BYTES)
        ));
    }
    if unpacked > MAX_UNPACKED_BYTES {
        return Err(format!(
            "has {} MiB of packed debug information, more than the {} that are unpacked",
            mib(unpacked),
            mib(MAX_UNPACKED_BYTES)
        ));
    }
    Ok(())
}
