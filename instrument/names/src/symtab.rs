//! Names from the symbol table of a file of code, read piece by piece: nothing of the table is kept, however long it is.
//!
//! Of several functions that came out equal, compiler and linker keep one, and the symbol found at its address has the name of any of them: `PipeReader`
//! and `ChildStderr` are read by the same bytes. Invariant: a name that may be wrong is not shown.
//!
//! Source: System V ABI, chapter 4 ("Sections", "Symbol Table"), for 64-bit files.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
};

use object::elf::{SHT_DYNSYM, SHT_SYMTAB, STT_FUNC, STT_GNU_IFUNC};

/// Sections of a file that are looked at; real ones have some forty.
const MAX_SECTIONS: u16 = 1024;
/// Bytes of a table that are in memory at a time: a whole number of its entries.
const PIECE_BYTES: usize = SYMBOL_BYTES * 2048;
const SYMBOL_BYTES: usize = 24;
const SECTION_BYTES: usize = 64;
/// Symbols of one address that are compared; more are as one name too many.
const MAX_EQUALS: usize = 32;
/// Bytes of a mangled name that are read: generic types write pages.
const MAX_NAME_BYTES: usize = 4096;

/// A file, or its bytes where it is nowhere on disk.
#[derive(Debug)]
pub(crate) enum Source {
    File(File),
    Bytes(Vec<u8>),
}

impl Source {
    fn read(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        match self {
            Self::File(file) => {
                let mut file: &File = file;
                file.seek(SeekFrom::Start(at))?;
                file.read_exact(bytes)
            }
            Self::Bytes(all) => {
                let from = usize::try_from(at).unwrap_or(usize::MAX);
                let part = all.get(from..).and_then(|rest| rest.get(..bytes.len()));
                bytes.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
                Ok(())
            }
        }
    }
}

/// A function that holds an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Function {
    /// As the linker knows it.
    Symbol(String),
    /// What may be said of functions that share their code.
    OneOf(String),
}

/// A section header's part that matters.
#[derive(Debug, Clone, Copy)]
struct Section {
    kind: u32,
    offset: u64,
    size: u64,
    link: u32,
}

/// What is known of one address so far.
#[derive(Debug, Clone, Default)]
struct Found {
    start: u64,
    /// Where its names are in the table of names.
    names: Vec<u32>,
}

/// The functions at these addresses of the file, in the same order. `None`: none is known there.
///
/// # Errors
/// The file can't be read, or is no such file.
pub(crate) fn functions(source: &Source, addresses: &[u64]) -> io::Result<Vec<Option<Function>>> {
    let sections = sections(source)?;
    // The full table, else the one that a stripped file keeps.
    let of_kind = |kind| sections.iter().find(|section| section.kind == kind);
    let Some(table) = of_kind(SHT_SYMTAB.0).or_else(|| of_kind(SHT_DYNSYM.0)) else {
        return Ok(vec![None; addresses.len()]);
    };
    let names = sections.get(table.link as usize).copied().ok_or(io::ErrorKind::InvalidData)?;
    let mut found = vec![Found::default(); addresses.len()];
    let mut piece = vec![0; PIECE_BYTES];
    let end = table.offset.saturating_add(table.size / SYMBOL_BYTES as u64 * SYMBOL_BYTES as u64);
    let mut at = table.offset;
    while at < end {
        let length = usize::try_from(end - at).unwrap_or(PIECE_BYTES).min(PIECE_BYTES);
        source.read(&mut piece[..length], at)?;
        for symbol in piece[..length].chunks_exact(SYMBOL_BYTES) {
            compare(symbol, addresses, &mut found);
        }
        at += length as u64;
    }
    found.into_iter().map(|found| function(source, names, &found)).collect()
}

/// Whether a symbol holds one of the addresses, and is nearer to it than those before.
fn compare(symbol: &[u8], addresses: &[u64], found: &mut [Found]) {
    let kind = symbol[4] & 0xf;
    let (start, size) = (number(symbol, 8), number(symbol, 16));
    if (kind != STT_FUNC.0 && kind != STT_GNU_IFUNC.0) || size == 0 {
        return;
    }
    for (address, found) in addresses.iter().zip(found) {
        if *address < start || *address - start >= size || start < found.start {
            continue;
        }
        if start > found.start {
            *found = Found { start, names: Vec::new() };
        }
        if found.names.len() < MAX_EQUALS {
            found.names.push(number(symbol, 0) as u32);
        }
    }
}

fn function(source: &Source, names: Section, found: &Found) -> io::Result<Option<Function>> {
    let symbols =
        found.names.iter().map(|name| text(source, names, *name)).collect::<io::Result<Vec<_>>>()?;
    Ok(match together(&symbols) {
        Some(said) => Some(Function::OneOf(said)),
        None => symbols.into_iter().next().map(Function::Symbol),
    })
}

/// A name of the table of names, up to its zero.
fn text(source: &Source, names: Section, at: u32) -> io::Result<String> {
    let room = names.size.saturating_sub(u64::from(at));
    let mut bytes = vec![0; usize::try_from(room).unwrap_or(MAX_NAME_BYTES).min(MAX_NAME_BYTES)];
    source.read(&mut bytes, names.offset.saturating_add(u64::from(at)))?;
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
}

fn sections(source: &Source) -> io::Result<Vec<Section>> {
    let mut header = [0; 64];
    source.read(&mut header, 0)?;
    let (offset, size) = (number(&header, 40), u16::from_ne_bytes([header[58], header[59]]));
    let count = u16::from_ne_bytes([header[60], header[61]]).min(MAX_SECTIONS);
    if !header.starts_with(b"\x7fELF\x02") || usize::from(size) != SECTION_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no 64-bit ELF file"));
    }
    let mut headers = vec![0; usize::from(count) * SECTION_BYTES];
    source.read(&mut headers, offset)?;
    let section = |header: &[u8]| Section {
        kind: (number(header, 0) >> 32) as u32,
        offset: number(header, 24),
        size: number(header, 32),
        link: number(header, 40) as u32,
    };
    Ok(headers.chunks_exact(SECTION_BYTES).map(section).collect())
}

/// Eight bytes as a number; 0 where there are not as many.
fn number(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}

/// What functions have in common: `std::…::read`; else one of them, and how many others there are. `None`: they have one name.
fn together(symbols: &[String]) -> Option<String> {
    let names: BTreeSet<String> =
        symbols.iter().map(|symbol| format!("{:#}", rustc_demangle::demangle(symbol))).collect();
    let first = names.first().filter(|_| names.len() > 1)?;
    let parts = |name: &str| {
        let end = name.rsplit("::").next().unwrap_or_default().to_owned();
        (crate::frame::crate_of(name).to_owned(), end)
    };
    let (krate, end) = parts(first);
    if names.iter().all(|name| parts(name) == (krate.clone(), end.clone())) {
        return Some(format!("{krate}::…::{end}"));
    }
    Some(format!("{first} or one of {} of the same code", names.len() - 1))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test's unwrap is an assertion")]

    use super::{Source, functions, together};

    #[test]
    fn what_is_not_known_of_a_name_is_not_said() {
        let said =
            |names: &[&str]| together(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let reads = [
            "<std::io::pipe::PipeReader as std::io::Read>::read",
            "<std::process::ChildStderr as std::io::Read>::read",
        ];
        assert_eq!(said(&reads).as_deref(), Some("std::…::read"));
        let others =
            ["<std::net::TcpStream as std::io::Read>::read", "<std::os::UnixDatagram>::recv", "app::receive"];
        let one = "<std::net::TcpStream as std::io::Read>::read or one of 2 of the same code";
        assert_eq!(said(&others).as_deref(), Some(one));
        // Two symbols of one function, as of a generic one in two crates.
        assert_eq!(said(&["_ZN3app3run17h0123456789abcdefE", "_ZN3app3run17hfedcba9876543210E"]), None);
    }

    #[test]
    fn what_is_no_such_file_is_an_error() {
        assert!(functions(&Source::Bytes(vec![0; 200]), &[1]).is_err());
        assert!(functions(&Source::Bytes(Vec::new()), &[1]).is_err());
        // A header that points past the end.
        let mut lies = b"\x7fELF\x02".to_vec();
        lies.resize(64, 0xff);
        lies[58..60].copy_from_slice(&64_u16.to_ne_bytes());
        assert!(functions(&Source::Bytes(lies), &[1]).is_err());
    }
}
