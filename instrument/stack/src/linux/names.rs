//! From addresses to functions: names, files and lines, inlined functions too.
//!
//! Nothing that was loaded for it is kept: only the frames of the addresses that were looked up ([`MAX_KNOWN`]; some 200 bytes a frame). A thread that is
//! stuck is stuck where it was a second ago, so most stacks need nothing else.
//!
//! Limits: of a file with more than [`MAX_DEBUG_BYTES`] of debug information, or with more than [`MAX_UNPACKED_BYTES`] of it packed, the names
//! of functions come from its symbol table alone, and that is said.

use std::{
    collections::HashMap,
    fs::File,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use addr2line::Loader;
use object::{CompressionFormat, Object as _, ObjectSection as _, ReadCache};

use super::{
    memory::Memory,
    module::Module,
    symtab::{self, Function, Source},
};
use crate::StackFrame;

/// Addresses whose frames are kept. A program is stuck in few places; past this all are forgotten and looked up again.
const MAX_KNOWN: usize = 4096;
/// Debug information of a file that is looked through: it is mapped, not read, but the index of it is made in memory, about a fiftieth of this.
const MAX_DEBUG_BYTES: u64 = 512 << 20;
/// Packed debug information has to be unpacked into memory.
const MAX_UNPACKED_BYTES: u64 = 32 << 20;
/// Bytes of the kernel's own file in memory.
const MAX_KERNEL_BYTES: u64 = 64 * 1024;

/// Bytes that all of the process's [`Names`] keep.
static KEPT_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Bytes that names take in this process.
pub(super) fn kept_bytes() -> usize {
    KEPT_BYTES.load(Relaxed)
}

/// Frames of addresses looked up before.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: HashMap<u64, Box<[StackFrame]>>,
    bytes: usize,
}

impl Names {
    /// The frames at an address, the innermost first: several where functions were inlined. Empty: not looked up yet.
    pub(super) fn frames(&self, address: u64) -> &[StackFrame] {
        self.known.get(&address).map_or(&[], |frames| frames)
    }

    /// Looks up those of `addresses` that are not known, all of one module. The error says what is missing.
    pub(super) fn look_up(
        &mut self,
        memory: &Memory,
        module: &Module,
        addresses: &[u64],
    ) -> Result<(), String> {
        let unknown: Vec<u64> =
            addresses.iter().copied().filter(|address| !self.known.contains_key(address)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        if self.known.len() + unknown.len() > MAX_KNOWN {
            self.forget();
        }
        let in_file: Vec<u64> =
            unknown.iter().map(|address| address.wrapping_sub(module.tables.bias)).collect();
        let (frames, problem) = look_up(memory, module, &in_file)?;
        for (address, frames) in unknown.into_iter().zip(frames) {
            let bytes = size_of::<(u64, Box<[StackFrame]>)>() + frames.iter().map(bytes_of).sum::<usize>();
            self.bytes += bytes;
            KEPT_BYTES.fetch_add(bytes, Relaxed);
            self.known.insert(address, frames.into());
        }
        problem.map_or(Ok(()), Err)
    }

    /// What was mapped somewhere is mapped no more.
    pub(super) fn forget(&mut self) {
        self.known = HashMap::new();
        KEPT_BYTES.fetch_sub(std::mem::take(&mut self.bytes), Relaxed);
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.forget();
    }
}

fn bytes_of(frame: &StackFrame) -> usize {
    size_of::<StackFrame>() + frame.function.capacity() + frame.file.capacity()
}

type Looked = (Vec<Vec<StackFrame>>, Option<String>);

/// Frames by address in the file, and why lines and inlined functions are missing, if they are.
fn look_up(memory: &Memory, module: &Module, addresses: &[u64]) -> Result<Looked, String> {
    let path = &module.mapping.path;
    let nameless = |why: &dyn std::fmt::Display| format!("{path} has no names: {why}");
    let Some(file) = module.file.as_ref().map_err(|why| nameless(&why))? else {
        let length = module.mapping.end - module.mapping.start;
        let bytes = memory.bytes(module.mapping.start, length, MAX_KERNEL_BYTES).unwrap_or_default();
        let functions = symtab::functions(&Source::Bytes(bytes), addresses).unwrap_or_default();
        let frames =
            addresses.iter().enumerate().map(|(i, _)| frames(vec![], functions.get(i), true)).collect();
        return Ok((frames, None));
    };
    let open = || File::open(file).map_err(|error| nameless(&error));
    let functions = symtab::functions(&Source::File(open()?), addresses).map_err(|error| nameless(&error))?;
    let (loader, problem) = match debug_information(open()?) {
        Ok(()) => match Loader::new(file) {
            Ok(loader) => (Some(loader), None),
            Err(error) => (None, Some(format!("{path}: {error}"))),
        },
        Err(why) => (None, Some(format!("{path} {why}: functions have no lines"))),
    };
    let is_library = path.contains(".so");
    let of_address = |(address, function)| {
        let inlined = loader.as_ref().map(|loader| inlined(loader, address)).unwrap_or_default();
        frames(inlined, Some(function), is_library)
    };
    Ok((addresses.iter().copied().zip(&functions).map(of_address).collect(), problem))
}

/// Whether debug information may be loaded; the error says why not.
fn debug_information(file: File) -> Result<(), String> {
    let cache = ReadCache::new(file);
    let object = object::File::parse(&cache).map_err(|error| format!("can't be read ({error})"))?;
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

/// A function as debug information has it: name, file, line.
type Named = (String, String, u32);

fn inlined(loader: &Loader, address: u64) -> Vec<Named> {
    let mut named = Vec::new();
    // Half a name is better than none: an error ends the inlined functions of this address alone.
    let Ok(mut frames) = loader.find_frames(address) else { return named };
    while let Ok(Some(frame)) = frames.next() {
        let name = frame.function.as_ref().and_then(|function| function.raw_name().ok()).unwrap_or_default();
        let place = frame.location;
        let file = place.as_ref().and_then(|place| place.file).unwrap_or_default();
        named.push((name.into_owned(), file.to_owned(), place.and_then(|place| place.line).unwrap_or(0)));
    }
    named
}

fn frames(mut named: Vec<Named>, function: Option<&Option<Function>>, is_library: bool) -> Vec<StackFrame> {
    if named.is_empty() {
        named.push(Named::default());
    }
    // Tables of lines alone name no function that is not inlined, or name it without its path. The symbol has all of it.
    let function = function.and_then(Option::as_ref);
    if let (Some((name, ..)), Some(Function::Symbol(symbol))) = (named.last_mut(), function) {
        symbol.clone_into(name);
    }
    let frame = |(name, file, line): Named| StackFrame::in_module(&name, &file, line, is_library);
    let mut frames: Vec<StackFrame> = named.into_iter().map(frame).collect();
    if let (Some(frame), Some(Function::OneOf(said))) = (frames.last_mut(), function) {
        said.clone_into(&mut frame.function);
    }
    frames
}
