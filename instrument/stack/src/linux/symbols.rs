//! From addresses to functions: names, files and lines, inlined functions too; and whose code a function is.

use std::collections::HashMap;

use super::module::Module;
use crate::Frame;

/// Addresses whose frames are kept. A program is stuck in few places; past this all are forgotten and looked up again.
const MAX_KNOWN: usize = 4096;
/// Bytes kept of a function's name and of a path: generic types write pages.
const MAX_TEXT_BYTES: usize = 512;

/// Crates whose code is not the program's. Those of a registry are known by where they lie.
const NOT_OWN: [&str; 14] = [
    "std",
    "core",
    "alloc",
    "test",
    "proc_macro",
    "compiler_builtins",
    "tokio",
    "tokio_util",
    "tracing",
    "tracing_core",
    "taskscope",
    "taskscope_recorder",
    "taskscope_stack",
    "taskscope_macros",
];

/// Frames of addresses looked up before.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    known: HashMap<u64, Box<[Frame]>>,
}

impl Symbols {
    /// The functions at an address of a module, the innermost first: several where they were inlined. The error says why there is no name.
    pub(super) fn frames(&mut self, address: u64, module: &mut Module) -> Result<&[Frame], String> {
        if !self.known.contains_key(&address) {
            let frames = look_up(address, module)?;
            if self.known.len() >= MAX_KNOWN {
                self.known.clear();
            }
            self.known.insert(address, frames.into());
        }
        Ok(self.known.get(&address).map_or(&[], |frames| frames))
    }

    /// What was mapped somewhere is mapped no more.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }
}

fn look_up(address: u64, module: &mut Module) -> Result<Vec<Frame>, String> {
    let at = module.in_file(address);
    if let Some(name) = module.kernel_name(at) {
        return Ok(vec![Frame { function: name.to_owned(), ..Frame::default() }]);
    }
    let path = module.mapping().path.clone();
    let names = module.names().map_err(|why| format!("{path} has no names: {why}"))?;
    let mut frames = Vec::new();
    // Half a name is better than none: an error ends the inlined functions of this address alone.
    if let Ok(mut inlined) = names.find_frames(at) {
        while let Ok(Some(frame)) = inlined.next() {
            let name =
                frame.function.as_ref().and_then(|function| function.raw_name().ok()).unwrap_or_default();
            let place = frame.location;
            frames.push((
                name.into_owned(),
                place.as_ref().and_then(|place| place.file).unwrap_or_default().to_owned(),
                place.and_then(|place| place.line).unwrap_or(0),
            ));
        }
    }
    if frames.is_empty() {
        frames.push(Default::default());
    }
    // Tables of lines alone name no function that is not inlined, or name it without its path. The symbol has all of it.
    if let (Some((name, ..)), Some(symbol)) = (frames.last_mut(), names.find_symbol(at)) {
        symbol.clone_into(name);
    }
    let is_library = path.contains(".so");
    Ok(frames.into_iter().map(|(name, file, line)| frame(&name, &file, line, is_library)).collect())
}

fn frame(raw: &str, file: &str, line: u32, is_library: bool) -> Frame {
    let mut function = format!("{:#}", rustc_demangle::demangle(raw));
    let is_mangled = function != raw;
    // The name alone of an inlined function, with all its types: `call_once<…>`.
    if let (false, Some(types @ 1..)) = (is_mangled, function.find('<')) {
        function.truncate(types);
    }
    let own = is_own(&function, is_mangled, file, is_library);
    Frame { function: cut_end(function), file: cut_start(shown(file)).to_owned(), line, own }
}

/// Whether a function is the program's: by its crate, else by where its source lies.
fn is_own(function: &str, is_mangled: bool, file: &str, is_library: bool) -> bool {
    let elsewhere = ["/registry/src/", "/git/checkouts/", "/rustlib/src/"];
    let from_elsewhere = file.starts_with("/rustc/")
        || elsewhere.iter().any(|folder| file.contains(folder))
        || is_taskscope(file);
    if from_elsewhere || function.is_empty() {
        return false;
    }
    // C: a library's, or `main` and `_start`.
    if !is_mangled && (is_library || file.is_empty()) {
        return false;
    }
    // An inlined function's name alone tells no crate.
    !(function.contains("::") && NOT_OWN.contains(&crate_of(function)))
}

/// A program that is built beside taskscope, as its own tests are, has it in no registry.
fn is_taskscope(file: &str) -> bool {
    let own_folder = env!("CARGO_MANIFEST_DIR").strip_suffix("/stack");
    let in_folder = own_folder.and_then(|folder| file.strip_prefix(folder));
    in_folder.is_some_and(|file| {
        ["/src/", "/recorder/src/", "/stack/src/", "/macros/src/"].iter().any(|part| file.starts_with(part))
    })
}

/// `<alloc::boxed::Box<F> as core::future::Future>::poll` is alloc's.
fn crate_of(function: &str) -> &str {
    let path = function.trim_start_matches(['<', '&', '*', '(']);
    let path =
        ["mut ", "dyn ", "const "].iter().fold(path, |path, word| path.strip_prefix(word).unwrap_or(path));
    let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
    &path[..end]
}

/// A path without what is the same for all: the compiler's or the registry's folder.
fn shown(file: &str) -> &str {
    if let Some((_, in_library)) = file.strip_prefix("/rustc/").and_then(|file| file.split_once('/')) {
        return in_library;
    }
    if let Some((_, in_library)) = file.split_once("/rustlib/src/rust/") {
        return in_library;
    }
    if let Some((_, crates)) = file.split_once("/registry/src/") {
        return crates.split_once('/').map_or(crates, |(_, in_crate)| in_crate);
    }
    file
}

fn cut_end(mut text: String) -> String {
    let end = (0..=MAX_TEXT_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    if text.len() > MAX_TEXT_BYTES {
        text.truncate(end);
    }
    text
}

/// Of a path the end tells files apart.
fn cut_start(text: &str) -> &str {
    let from = text.len().saturating_sub(MAX_TEXT_BYTES);
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[from..]
}

#[cfg(test)]
mod tests {
    use super::{crate_of, cut_end, cut_start, is_own, shown};

    #[test]
    fn a_function_belongs_to_the_crate_that_it_is_of() {
        assert_eq!(crate_of("std::thread::sleep"), "std");
        assert_eq!(crate_of("<alloc::boxed::Box<app::F> as core::future::Future>::poll"), "alloc");
        assert_eq!(crate_of("<&mut app::Reader as std::io::Read>::read"), "app");
        assert_eq!(crate_of("app::handler::{{closure}}"), "app");
        assert_eq!(crate_of(""), "");
    }

    #[test]
    fn what_is_the_programs_own() {
        let own = |function, file| is_own(function, true, file, false);
        assert!(own("app::handler", "/home/me/app/src/main.rs"));
        assert!(own("app::handler", ""), "without debug information the name decides");
        assert!(!own("tokio::runtime::park", ""));
        assert!(!own("", "/home/me/app/src/main.rs"));
        assert!(!own("app::generic", "/rustc/0123abc/library/core/src/option.rs"));
        assert!(!own("hyper::proto", "/home/me/.cargo/registry/src/index-1/hyper-1.0.0/src/proto.rs"));
        assert!(!own("serve", concat!(env!("CARGO_MANIFEST_DIR"), "/src/linux.rs")), "taskscope's");
        assert!(own("test", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/capture.rs")));
        // The name alone of an inlined function, and a function of C.
        assert!(is_own("handler", false, "/home/me/app/src/main.rs", false));
        assert!(!is_own("read", false, "", true));
        assert!(!is_own("main", false, "", false));
    }

    #[test]
    fn paths_without_what_is_the_same_for_all() {
        assert_eq!(shown("/rustc/0123abc/library/core/src/option.rs"), "library/core/src/option.rs");
        assert_eq!(shown("/x/lib/rustlib/src/rust/library/std/src/io.rs"), "library/std/src/io.rs");
        assert_eq!(shown("/x/registry/src/index-1/hyper-1.0.0/src/a.rs"), "hyper-1.0.0/src/a.rs");
        assert_eq!(shown("/home/me/app/src/main.rs"), "/home/me/app/src/main.rs");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "ä".repeat(300);
        assert_eq!(cut_end(long.clone()).len(), 512);
        assert_eq!(cut_end(format!("a{long}")).len(), 511);
        assert_eq!(cut_start(&format!("{long}a")).len(), 511);
        assert_eq!((cut_end("short".to_owned()).as_str(), cut_start("short")), ("short", "short"));
    }
}
