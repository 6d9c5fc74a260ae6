//! From addresses in a file of code to functions: names, files and lines, inlined functions too.
//!
//! `in_file` is for the console: it reads one open file, which may be anything that a peer named, and follows it to no other. `in_mapped` (feature
//! `mapped`) is for a program that asks about its own files: it maps them, so that little memory is needed, and follows what is split off from them.
//!
//! Invariants: nothing that was loaded is kept. A file that makes no sense is an error, or has fewer names, never a panic. A name that may be wrong is not given.
//!
//! Limits: of a file with more than [`MAX_DEBUG_BYTES`] of debug information, or with more than [`MAX_UNPACKED_BYTES`] of it packed, the names
//! of functions come from its symbol table alone, and that is said. 64-bit ELF files; addresses are those that the file has, without where it is loaded.

mod frame;
mod lines;
mod symtab;

use std::{
    fmt::Display,
    fs::File,
    panic::{self, AssertUnwindSafe},
};

use object::{Object as _, ReadCache};

pub use self::{
    frame::{Origin, StackFrame},
    lines::{MAX_DEBUG_BYTES, MAX_UNPACKED_BYTES},
};
use self::{
    lines::Named,
    symtab::{Function, Source},
};

/// Frames by address, and what is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked {
    /// For each address its frames, the innermost first: several where functions were inlined. Never empty: one without a name where none is known.
    pub frames: Vec<Vec<StackFrame>>,
    /// The file has no full table of symbols: few of its functions have names.
    pub is_stripped: bool,
    /// Why lines and inlined functions are missing, without a stop at its end; `None`: they are not.
    pub problem: Option<String>,
}

/// The frames at these addresses of an open file, which `shown` names in errors. It is read piece by piece, and its debug information as a whole.
///
/// # Errors
/// A sentence without a stop: why the file has no names.
pub fn in_file(file: &File, shown: &str, addresses: &[u64]) -> Result<Looked, String> {
    let again = || file.try_clone().map_err(|error| nameless(shown, &error));
    let (functions, is_stripped) = functions(again()?, shown, addresses)?;
    let cache = ReadCache::new(again()?);
    // Debug information that contradicts itself may surprise its reader.
    let read = panic::catch_unwind(AssertUnwindSafe(|| lines::read(&cache, addresses)))
        .unwrap_or_else(|_| Err("can't be read (its debug information contradicts itself)".to_owned()));
    let (inlined, problem) = match read {
        Ok(inlined) => (inlined, None),
        Err(why) => (Vec::new(), Some(without_lines(shown, &why))),
    };
    Ok(Looked { frames: joined(addresses, inlined, functions, is_library(shown)), is_stripped, problem })
}

/// The same of a file by a path that opens it, through a mapping.
///
/// # Errors
/// As with [`in_file`].
#[cfg(feature = "mapped")]
pub fn in_mapped(path: &str, shown: &str, addresses: &[u64]) -> Result<Looked, String> {
    let open = || File::open(path).map_err(|error| nameless(shown, &error));
    let (functions, is_stripped) = functions(open()?, shown, addresses)?;
    let (inlined, problem) = match lines::map(open()?, path, addresses) {
        Ok(inlined) => (inlined, None),
        Err(why) => (Vec::new(), Some(without_lines(shown, &why))),
    };
    Ok(Looked { frames: joined(addresses, inlined, functions, is_library(shown)), is_stripped, problem })
}

/// The same of a file that is nowhere on disk, as the kernel's own one: it has no debug information.
pub fn in_bytes(bytes: Vec<u8>, addresses: &[u64]) -> Looked {
    let functions = symtab::functions(&Source::Bytes(bytes), addresses).unwrap_or_default();
    Looked { frames: joined(addresses, Vec::new(), functions, true), is_stripped: false, problem: None }
}

/// What distinguishes builds of a file; `None`: it has none, or is no file of code.
pub fn build_id(file: &File) -> Option<Vec<u8>> {
    let cache = ReadCache::new(file.try_clone().ok()?);
    let object = object::File::parse(&cache).ok()?;
    object.build_id().ok().flatten().map(<[u8]>::to_vec)
}

/// The same of a file that is nowhere on disk.
pub fn build_id_of_bytes(bytes: &[u8]) -> Option<Vec<u8>> {
    let object = object::File::parse(bytes).ok()?;
    object.build_id().ok().flatten().map(<[u8]>::to_vec)
}

fn nameless(shown: &str, why: &dyn Display) -> String {
    format!("{shown} has no names: {why}")
}

fn without_lines(shown: &str, why: &str) -> String {
    format!("{shown} {why}: functions have no lines")
}

/// The functions, and whether the file was stripped.
fn functions(file: File, shown: &str, addresses: &[u64]) -> Result<(Vec<Option<Function>>, bool), String> {
    let source = Source::File(file);
    let functions = symtab::functions(&source, addresses);
    let both = functions.and_then(|functions| Ok((functions, symtab::is_stripped(&source)?)));
    both.map_err(|error| nameless(shown, &error))
}

fn is_library(path: &str) -> bool {
    path.contains(".so")
}

/// What the debug information and the symbol table say of each address, together.
fn joined(
    addresses: &[u64],
    inlined: Vec<Vec<Named>>,
    functions: Vec<Option<Function>>,
    is_library: bool,
) -> Vec<Vec<StackFrame>> {
    let (mut inlined, mut functions) = (inlined.into_iter(), functions.into_iter());
    let of_address = |_| frames(inlined.next().unwrap_or_default(), functions.next().flatten(), is_library);
    addresses.iter().map(of_address).collect()
}

fn frames(mut named: Vec<Named>, function: Option<Function>, is_library: bool) -> Vec<StackFrame> {
    if named.is_empty() {
        named.push(Named::default());
    }
    // Tables of lines alone name no function that is not inlined, or name it without its path. The symbol has all of it.
    if let (Some((name, ..)), Some(Function::Symbol(symbol))) = (named.last_mut(), &function) {
        symbol.clone_into(name);
    }
    let frame = |(name, file, line): Named| StackFrame::in_module(&name, &file, line, is_library);
    let mut frames: Vec<StackFrame> = named.into_iter().map(frame).collect();
    if let (Some(frame), Some(Function::OneOf(said))) = (frames.last_mut(), function) {
        frame.function = said;
    }
    frames
}
