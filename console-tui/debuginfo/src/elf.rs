//! One ELF file: what it is, where its sections are, and the bytes of those that are asked for.
//!
//! Sections are read into memory, not mapped: a mapped file that is cut short meanwhile ends the reader with a signal.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use gimli::SectionId;
use object::{
    Endianness, Object, ObjectSection, ObjectSegment, elf,
    read::{
        CompressedData, CompressedFileRange, CompressionFormat, ReadCache,
        elf::{ElfFile64, ProgramHeader},
    },
};
use rustc_hash::FxHashMap;

use crate::{DebugInfoError, parallel};

/// Bytes of one section, unpacked.
pub const MAX_SECTION_BYTES: u64 = 8 << 30;
/// The start of an ELF file, up to the number of its machine.
const START_BYTES: usize = 20;

/// See the module's text.
pub(crate) struct Elf {
    pub(crate) path: PathBuf,
    /// Empty: it has none.
    pub(crate) build_id: Vec<u8>,
    /// The name of a file with its debug information.
    pub(crate) debug_link: Option<String>,
    pub(crate) segments: Vec<(u64, u64)>,
    pub(crate) tls_bytes: u64,
    file: File,
    file_bytes: u64,
    sections: FxHashMap<String, CompressedFileRange>,
}

impl Elf {
    pub(crate) fn open(path: &Path) -> Result<Self, DebugInfoError> {
        let io = |error| DebugInfoError::Io { path: path.to_owned(), error };
        let file = File::open(path).map_err(io)?;
        let file_bytes = file.metadata().map_err(io)?.len();
        check_start(path, &file)?;
        let cache = ReadCache::new(file.try_clone().map_err(io)?);
        let damaged =
            |error: object::Error| DebugInfoError::Damaged { path: path.to_owned(), what: error.to_string() };
        let object = ElfFile64::<Endianness, _>::parse(&cache).map_err(damaged)?;
        let link = object.gnu_debuglink().ok().flatten();
        let segments =
            object.segments().map(|it| (it.address(), it.address().saturating_add(it.size()))).collect();
        Ok(Self {
            path: path.to_owned(),
            build_id: object.build_id().ok().flatten().unwrap_or_default().to_vec(),
            debug_link: link.and_then(|(name, _)| String::from_utf8(name.to_vec()).ok()),
            segments,
            tls_bytes: tls_bytes(&object),
            sections: sections(&object),
            file,
            file_bytes,
        })
    }

    /// Whether it has more than the empty shell of debug information.
    pub(crate) fn has_debug_info(&self) -> bool {
        let bytes = |name: &str| self.sections.get(name).map_or(0, |range| range.uncompressed_size);
        bytes(".debug_info") > 0 || bytes(".debug_info.dwo") > 0
    }

    /// The bytes of a section, unpacked; none where it has no such section.
    pub(crate) fn section(&self, name: &str) -> Result<Vec<u8>, DebugInfoError> {
        let Some(range) = self.sections.get(name) else { return Ok(Vec::new()) };
        let bytes = range.compressed_size.max(range.uncompressed_size);
        if bytes > MAX_SECTION_BYTES {
            let section = name.to_owned();
            return Err(DebugInfoError::TooLarge {
                path: self.path.clone(),
                section,
                bytes,
                limit: MAX_SECTION_BYTES,
            });
        }
        if range.offset.checked_add(range.compressed_size).is_none_or(|end| end > self.file_bytes) {
            return Err(self.damaged(format!("its section {name} goes past its end")));
        }
        let mut data = vec![0; range.compressed_size as usize];
        self.file
            .read_exact_at(&mut data, range.offset)
            .map_err(|error| DebugInfoError::Io { path: self.path.clone(), error })?;
        if range.format == CompressionFormat::None {
            return Ok(data);
        }
        let packed =
            CompressedData { format: range.format, data: &data, uncompressed_size: range.uncompressed_size };
        let unpacked = packed.decompress().map_err(|error| self.damaged(format!("{name}: {error}")))?;
        Ok(unpacked.into_owned())
    }

    /// The sections that a scan reads. Several at a time, as most of it is the kernel finding memory for them.
    pub(crate) fn wanted(&self) -> Result<FxHashMap<SectionId, Vec<u8>>, DebugInfoError> {
        let mut sections = Vec::new();
        let read = |id: &SectionId| self.section(id.name()).map(|bytes| (*id, bytes));
        parallel::each(&WANTED, read, |section| sections.push(section));
        sections.into_iter().collect()
    }

    /// The file once more, for what is read of it only sometimes.
    pub(crate) fn reader(&self) -> io::Result<File> {
        self.file.try_clone()
    }

    pub(crate) fn damaged(&self, what: String) -> DebugInfoError {
        DebugInfoError::Damaged { path: self.path.clone(), what }
    }
}

/// Said before anything is parsed, as these are what people pass by mistake.
fn check_start(path: &Path, file: &File) -> Result<(), DebugInfoError> {
    let mut start = [0; START_BYTES];
    if file.read_exact_at(&mut start, 0).is_err() || !start.starts_with(b"\x7fELF") {
        return Err(DebugInfoError::NotElf(path.to_owned()));
    }
    if start[4] == elf::ELFCLASS32.0 {
        return Err(DebugInfoError::Bits32(path.to_owned()));
    }
    let machine = u16::from_le_bytes([start[18], start[19]]);
    if start[5] == elf::ELFDATA2LSB.0 && machine == elf::EM_X86_64.0 {
        return Ok(());
    }
    let machine = match machine {
        it if it == elf::EM_AARCH64.0 => "AArch64".to_owned(),
        it if it == elf::EM_RISCV.0 => "RISC-V".to_owned(),
        it => format!("number {it} of ELF"),
    };
    Err(DebugInfoError::Machine { path: path.to_owned(), machine })
}

/// Where each section of debug information is; sections of a `.dwp` have names of their own.
fn sections<'data, R>(object: &ElfFile64<'data, Endianness, R>) -> FxHashMap<String, CompressedFileRange>
where
    R: object::ReadRef<'data>,
{
    object
        .sections()
        .filter_map(|section| {
            let name = section.name().ok()?;
            let is_debug = name.starts_with(".debug_") || name.starts_with(".zdebug_");
            let range = is_debug.then(|| section.compressed_file_range().ok())??;
            Some((name.replacen(".zdebug_", ".debug_", 1), range))
        })
        .collect()
}

/// The size of the thread-local block, as the loader rounds it.
fn tls_bytes<'data, R>(object: &ElfFile64<'data, Endianness, R>) -> u64
where
    R: object::ReadRef<'data>,
{
    let endian = object.endian();
    let header = object.elf_program_headers().iter().find(|it| it.p_type(endian) == elf::PT_TLS);
    header.map_or(0, |it| {
        let (bytes, align) = (it.p_memsz(endian), it.p_align(endian).max(1));
        bytes.checked_next_multiple_of(align).unwrap_or(bytes)
    })
}

/// Sections that a scan reads, the largest first. Those with the locations of variables are larger than all of these.
const WANTED: [SectionId; 9] = [
    SectionId::DebugInfo,
    SectionId::DebugStr,
    SectionId::DebugRanges,
    SectionId::DebugLine,
    SectionId::DebugStrOffsets,
    SectionId::DebugRngLists,
    SectionId::DebugAddr,
    SectionId::DebugLineStr,
    SectionId::DebugAbbrev,
];
