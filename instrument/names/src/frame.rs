//! What is known of a function on a stack: its name, its place, and whose it is.

/// Bytes kept of a function's name and of a path: generic types write pages.
const MAX_TEXT_BYTES: usize = 512;

/// A function that was being executed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackFrame {
    /// Demangled, without its hash; empty: unknown. Of an inlined function, most debug information has the name alone, without its path.
    pub function: String,
    /// Where it was at; empty: unknown. Files of a registry's crate start with the crate's folder, those of the standard library with `library/`.
    pub file: String,
    /// 1-based; 0: unknown.
    pub line: u32,
    /// Whose it is.
    pub origin: Origin,
}

/// Whose a function is, by its crate or by where its source lies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Its name is not known.
    #[default]
    Unknown,
    /// The program's own: none of the others.
    Program,
    /// A crate of a registry or a repository.
    Crate,
    /// Tokio.
    Tokio,
    /// The standard library.
    Std,
    /// Taskscope.
    Taskscope,
    /// A C library, or C code without debug information.
    Foreign,
}

impl StackFrame {
    /// From the symbol as the linker knows it and the path as debug information has it; empty and 0 where they are unknown.
    pub fn new(symbol: &str, file: &str, line: u32) -> Self {
        Self::in_module(symbol, file, line, false)
    }

    /// The same for a symbol of a shared library.
    pub(crate) fn in_module(symbol: &str, file: &str, line: u32, is_library: bool) -> Self {
        let mut function = format!("{:#}", rustc_demangle::demangle(symbol));
        let is_mangled = function != symbol;
        // The name alone of an inlined function, with all its types: `call_once<…>`.
        if let (false, Some(types @ 1..)) = (is_mangled, function.find('<')) {
            function.truncate(types);
        }
        let is_c = !is_mangled && (is_library || file.is_empty());
        let origin = origin(&function, file, is_c);
        Self { function: cut_end(function), file: cut_start(shown(file)).to_owned(), line, origin }
    }

    /// The program's own code.
    pub fn is_own(&self) -> bool {
        self.origin == Origin::Program
    }
}

fn origin(function: &str, file: &str, is_c: bool) -> Origin {
    if function.is_empty() {
        return Origin::Unknown;
    }
    if is_taskscope(file) {
        return Origin::Taskscope;
    }
    if file.starts_with("/rustc/") || file.contains("/rustlib/src/") {
        return Origin::Std;
    }
    if file.contains("/registry/src/") || file.contains("/git/checkouts/") {
        return of_crate(shown(file).split('-').next().unwrap_or_default()).unwrap_or(Origin::Crate);
    }
    if is_c {
        return Origin::Foreign;
    }
    // An inlined function's name alone shows no crate.
    let by_name = function.contains("::").then(|| of_crate(crate_of(function))).flatten();
    by_name.unwrap_or(Origin::Program)
}

fn of_crate(name: &str) -> Option<Origin> {
    Some(match name {
        "std" | "core" | "alloc" | "test" | "proc_macro" | "compiler_builtins" => Origin::Std,
        "tokio" => Origin::Tokio,
        "taskscope" | "taskscope_names" | "taskscope_recorder" | "taskscope_stack" => Origin::Taskscope,
        "tokio_util" | "tokio_stream" | "futures" | "futures_util" | "tracing" | "tracing_core" => {
            Origin::Crate
        }
        _ => return None,
    })
}

/// A program that is built beside taskscope, as its own tests are, has it in no registry.
fn is_taskscope(file: &str) -> bool {
    let own_folder = env!("CARGO_MANIFEST_DIR").strip_suffix("/names");
    let in_folder = own_folder.and_then(|folder| file.strip_prefix(folder));
    in_folder.is_some_and(|file| {
        ["/src/", "/names/src/", "/recorder/src/", "/stack/src/"].iter().any(|part| file.starts_with(part))
    })
}

/// `<alloc::boxed::Box<F> as core::future::Future>::poll` is alloc's.
pub(crate) fn crate_of(function: &str) -> &str {
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
    if text.len() > MAX_TEXT_BYTES {
        let end = (0..=MAX_TEXT_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// The end of a path distinguishes files.
fn cut_start(text: &str) -> &str {
    let from = text.len().saturating_sub(MAX_TEXT_BYTES);
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[from..]
}

#[cfg(test)]
mod tests {
    use super::{Origin, StackFrame, crate_of, cut_end, cut_start, origin, shown};

    #[test]
    fn a_function_belongs_to_the_crate_that_it_is_of() {
        assert_eq!(crate_of("std::thread::sleep"), "std");
        assert_eq!(crate_of("<alloc::boxed::Box<app::F> as core::future::Future>::poll"), "alloc");
        assert_eq!(crate_of("<&mut app::Reader as std::io::Read>::read"), "app");
        assert_eq!(crate_of("app::handler::{{closure}}"), "app");
        assert_eq!(crate_of(""), "");
    }

    #[test]
    fn whose_a_function_is() {
        fn of(function: &str, file: &str) -> Origin {
            origin(function, file, false)
        }
        let registry = "/home/me/.cargo/registry/src/index-1/";
        assert_eq!(of("app::handler", "/home/me/app/src/main.rs"), Origin::Program);
        assert_eq!(of("app::handler", ""), Origin::Program, "without debug information the name decides");
        assert_eq!(of("handler", "/home/me/app/src/main.rs"), Origin::Program, "inlined");
        assert_eq!(of("tokio::runtime::park", ""), Origin::Tokio);
        assert_eq!(of("poll", &format!("{registry}tokio-1.54.1/src/time.rs")), Origin::Tokio);
        assert_eq!(of("", "/home/me/app/src/main.rs"), Origin::Unknown);
        assert_eq!(of("app::generic", "/rustc/0123abc/library/core/src/option.rs"), Origin::Std);
        assert_eq!(of("hyper::proto", &format!("{registry}hyper-1.0.0/src/proto.rs")), Origin::Crate);
        assert_eq!(of("serve", concat!(env!("CARGO_MANIFEST_DIR"), "/src/lines.rs")), Origin::Taskscope);
        assert_eq!(of("test", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/names.rs")), Origin::Program);
        assert_eq!(StackFrame::new("main", "", 0).origin, Origin::Foreign);
        assert_eq!(StackFrame::in_module("read", "/usr/src/libc/read.c", 7, true).origin, Origin::Foreign);
        assert!(StackFrame::new("_ZN3app4main17h0123456789abcdefE", "", 0).is_own());
    }

    #[test]
    fn names_without_hashes_and_types() {
        assert_eq!(StackFrame::new("_ZN3app4main17h0123456789abcdefE", "", 0).function, "app::main");
        assert_eq!(
            StackFrame::new("call_once<app::F, ()>", "/rustc/0/library/core/src/ops.rs", 1).function,
            "call_once"
        );
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
