//! Functions that share their code: of several that came out equal, compiler and linker keep one, and the symbol found at its address has the
//! name of any of them. `PipeReader` and `ChildStderr` are read by the same bytes.
//!
//! Invariant: a name that may be wrong is not told. Limit: [`MAX_SYMBOLS`] of a file are compared; past them, what was found stays.

use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
};

use object::{Object as _, ObjectSymbol as _, ReadCache, SymbolKind};

/// Symbols of one file that are compared: 24 bytes each, while they are read.
const MAX_SYMBOLS: usize = 1 << 20;

/// By the address in the file, what may be said of the functions there.
#[derive(Debug, Default)]
pub(super) struct Shared {
    names: HashMap<u64, String>,
}

impl Shared {
    /// Of a file that can't be read nothing is known to be shared.
    pub(super) fn load(path: &str) -> Self {
        let Ok(file) = File::open(path) else { return Self::default() };
        let cache = ReadCache::new(file);
        let Ok(object) = object::File::parse(&cache) else { return Self::default() };
        let code = object.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0);
        let of_code = code.filter_map(|symbol| Some((symbol.address(), symbol.name().ok()?)));
        let mut symbols: Vec<(u64, &str)> = of_code.take(MAX_SYMBOLS).collect();
        symbols.sort_unstable();
        symbols.dedup();
        let groups = symbols.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1);
        let names =
            groups.filter_map(|group| Some((group[0].0, together(group.iter().map(|(_, name)| name))?)));
        Self { names: names.collect() }
    }

    /// What may be said of the function at an address; `None`: its symbol is its name.
    pub(super) fn name(&self, address: u64) -> Option<&str> {
        self.names.get(&address).map(String::as_str)
    }
}

/// What functions have in common: `std::…::read`; else one of them, and how many others there are. `None`: they have one name.
fn together<'a>(symbols: impl Iterator<Item = &'a &'a str>) -> Option<String> {
    let names: BTreeSet<String> =
        symbols.map(|symbol| format!("{:#}", rustc_demangle::demangle(symbol))).collect();
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
    use super::together;

    #[test]
    fn what_is_not_known_of_a_name_is_not_said() {
        let said = |names: &[&str]| together(names.iter());
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
}
