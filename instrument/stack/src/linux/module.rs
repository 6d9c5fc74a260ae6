//! A file of code as this process has it mapped: what unwinding needs of it, and its names.
//!
//! Both are loaded when a stack first goes through the file. What unwinding needs (`.eh_frame`) is read into memory and kept while the file is
//! mapped; names are mapped from the file and given back by [`Module::forget_names`].

use std::{fs::File, io, os::unix::fs::FileExt as _, sync::Arc};

use addr2line::Loader;
use framehop::ExplicitModuleSectionInfo;
use object::{
    Object as _, ObjectSection as _, ReadCache,
    read::elf::{FileHeader as _, ProgramHeader as _},
};

use super::{maps::Mapping, shared::Shared};

/// Bytes of `.eh_frame` of one file that are read; that of a program of 100 MiB takes about 10.
const MAX_UNWIND_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of the kernel's own file in memory.
const MAX_VDSO_BYTES: u64 = 64 * 1024;

type Bytes = Arc<[u8]>;
type UnwindModule = framehop::Module<Bytes>;

/// See the module's text.
pub(super) struct Module {
    mapping: Mapping,
    /// What to add to an address in the file to have the one in memory.
    bias: u64,
    /// The same file, by a path that opens it.
    path: Option<String>,
    names: Names,
}

enum Names {
    NotLoaded,
    Loaded(Box<Loader>, Shared),
    /// Of the kernel's file: address in it, length, name.
    Kernel(Vec<(u64, u64, String)>),
    /// Why there are none.
    None(String),
}

impl Module {
    /// Reads what unwinding needs. The error is a sentence's middle.
    pub(super) fn load(mapping: &Mapping) -> Result<(Self, UnwindModule), String> {
        if mapping.path == "[vdso]" {
            return Self::load_vdso(mapping).map_err(|error| error.to_string());
        }
        let path = path_to_open(&mapping.path)?;
        let file = File::open(&path).map_err(|error| error.to_string())?;
        let cache = ReadCache::new(file);
        let object = object::File::parse(&cache).map_err(|error| error.to_string())?;
        let segment = code_segment(&cache, mapping.offset).ok_or("it is no ELF file with that segment")?;
        let unwind = unwind_module(&object, mapping, segment).map_err(|error| error.to_string())?;
        let bias = segment.bias(mapping);
        Ok((Self { mapping: mapping.clone(), bias, path: Some(path), names: Names::NotLoaded }, unwind))
    }

    /// The kernel maps a small ELF file that is nowhere on disk; a thread that reads the clock in a loop is mostly in it.
    fn load_vdso(mapping: &Mapping) -> io::Result<(Self, UnwindModule)> {
        let mut bytes = vec![0; (mapping.end - mapping.start).min(MAX_VDSO_BYTES) as usize];
        File::open("/proc/self/mem")?.read_exact_at(&mut bytes, mapping.start)?;
        let object = object::File::parse(&*bytes).map_err(io::Error::other)?;
        let segment = code_segment(&*bytes, 0).ok_or(io::ErrorKind::InvalidData)?;
        let unwind = unwind_module(&object, mapping, segment).map_err(io::Error::other)?;
        let names = object.dynamic_symbols().filter_map(|symbol| {
            use object::ObjectSymbol as _;
            Some((symbol.address(), symbol.size(), symbol.name().ok()?.to_owned()))
        });
        let names = Names::Kernel(names.collect());
        Ok((Self { mapping: mapping.clone(), bias: segment.bias(mapping), path: None, names }, unwind))
    }

    pub(super) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// An address in memory as one in the file.
    pub(super) fn in_file(&self, address: u64) -> u64 {
        address.wrapping_sub(self.bias)
    }

    /// The names of the file's functions, loaded now if they are not, and which of them share their code.
    pub(super) fn names(&mut self) -> Result<(&Loader, &Shared), &str> {
        if let (Names::NotLoaded, Some(path)) = (&self.names, &self.path) {
            self.names = match Loader::new(path) {
                Ok(loader) => Names::Loaded(Box::new(loader), Shared::load(path)),
                Err(error) => Names::None(error.to_string()),
            };
        }
        match &self.names {
            Names::Loaded(loader, shared) => Ok((loader, shared)),
            Names::None(why) => Err(why),
            Names::NotLoaded | Names::Kernel(_) => Err("it has none"),
        }
    }

    /// The kernel's name for an address in its file.
    pub(super) fn kernel_name(&self, in_file: u64) -> Option<&str> {
        let Names::Kernel(names) = &self.names else { return None };
        let at = |(start, length, _): &&(u64, u64, String)| (*start..start + length).contains(&in_file);
        names.iter().find(at).map(|(_, _, name)| name.as_str())
    }

    /// Gives back what names took.
    pub(super) fn forget_names(&mut self) {
        if matches!(self.names, Names::Loaded(..)) {
            self.names = Names::NotLoaded;
        }
    }
}

/// A path under which the mapped file itself is found, not what replaced it.
fn path_to_open(mapped: &str) -> Result<String, String> {
    if !mapped.ends_with(" (deleted)") {
        return Ok(mapped.to_owned());
    }
    // The program was rebuilt while it runs: the kernel still has the one that runs.
    let running = std::fs::read_link("/proc/self/exe").map_err(|error| error.to_string())?;
    if running.to_str() == Some(mapped) {
        return Ok("/proc/self/exe".to_owned());
    }
    Err("it was replaced or deleted".to_owned())
}

/// The part of a file that a mapping shows.
#[derive(Debug, Clone, Copy)]
struct Segment {
    /// The address in the file that belongs to the mapping's start.
    start: u64,
    /// The lowest address of the file's segments.
    base: u64,
}

impl Segment {
    fn bias(self, mapping: &Mapping) -> u64 {
        mapping.start.wrapping_sub(self.start)
    }
}

/// The segment that is mapped from `offset` on.
fn code_segment<'d, R: object::ReadRef<'d>>(data: R, offset: u64) -> Option<Segment> {
    let header = object::elf::FileHeader64::<object::Endianness>::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, data).ok()?;
    let loaded = || segments.iter().filter(|segment| segment.p_type(endian) == object::elf::PT_LOAD);
    let base = loaded().map(|segment| segment.p_vaddr(endian)).min()?;
    // A mapping starts on a page's boundary, a bit before the segment or some pages into it.
    let largest_page = 64 * 1024;
    let is_mapped = |start: u64, size: u64| {
        offset < start.saturating_add(size) && offset.saturating_add(largest_page) > start
    };
    let mut code = loaded().filter(|segment| segment.p_flags(endian) & object::elf::PF_X != 0);
    // The last one: with small pages between, the one before it may seem to reach here.
    let segment = code.rfind(|segment| is_mapped(segment.p_offset(endian), segment.p_filesz(endian)))?;
    let start = segment.p_vaddr(endian).wrapping_sub(segment.p_offset(endian)).wrapping_add(offset);
    Some(Segment { start, base })
}

fn unwind_module<'d, R: object::ReadRef<'d>>(
    object: &object::File<'d, R>,
    mapping: &Mapping,
    segment: Segment,
) -> object::Result<UnwindModule> {
    let range = |name| {
        let section = object.section_by_name(name)?;
        Some(section.address()..section.address().saturating_add(section.size()))
    };
    let bytes = |name| match object.section_by_name(name) {
        Some(section) if section.size() <= MAX_UNWIND_BYTES => {
            section.data().map(|data| Some(Bytes::from(data)))
        }
        _ => Ok(None),
    };
    let sections = ExplicitModuleSectionInfo {
        base_svma: segment.base,
        text_svma: range(".text"),
        got_svma: range(".got"),
        eh_frame_svma: range(".eh_frame"),
        eh_frame: bytes(".eh_frame")?,
        eh_frame_hdr_svma: range(".eh_frame_hdr"),
        eh_frame_hdr: bytes(".eh_frame_hdr")?,
        ..ExplicitModuleSectionInfo::default()
    };
    let base = segment.bias(mapping).wrapping_add(segment.base);
    Ok(UnwindModule::new(mapping.path.clone(), mapping.start..mapping.end, base, sections))
}
