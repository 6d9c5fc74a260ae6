//! The functions that poll tasks, from the table of symbols: for programs whose debug information has lines alone.
//!
//! Lines come without namespaces, so a function called `poll<T, S>` may be another one. Its symbol says which it is.

use object::{Object, ObjectSymbol, read::ReadCache, read::elf::ElfFile64};

use crate::elf::Elf;

/// How older compilers write `tokio::runtime::task::raw::poll`, without `T` and `S`.
const LEGACY: &str = "_ZN5tokio7runtime4task3raw4poll17h";
/// How newer ones do, once it is decoded.
const DECODED: &str = "tokio::runtime::task::raw::poll::<";
/// What is in those of newer ones before that.
const ENCODED: &str = "4task3raw4poll";

/// The address of each such function, and its `T, S` where the symbol has it; ascending.
pub(crate) fn poll_functions(elf: &Elf) -> Vec<(u64, Option<String>)> {
    let Ok(cache) = elf.reader().map(ReadCache::new) else { return Vec::new() };
    let Ok(object) = ElfFile64::<object::Endianness, _>::parse(&cache) else { return Vec::new() };
    let mut found: Vec<_> = object
        .symbols()
        .filter_map(|symbol| {
            let name = symbol.name().ok()?;
            let arguments = if name.starts_with(LEGACY) { None } else { Some(arguments(name)?) };
            Some((symbol.address(), arguments))
        })
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn arguments(symbol: &str) -> Option<String> {
    if !symbol.contains(ENCODED) {
        return None;
    }
    let decoded = format!("{:#}", rustc_demangle::try_demangle(symbol).ok()?);
    Some(decoded.strip_prefix(DECODED)?.strip_suffix('>')?.to_owned())
}
