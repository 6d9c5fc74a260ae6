//! The attributes of taskscope; use them through the crate `taskscope`, which says what they are for.
//!
//! Invariant: they only write what a person could write by hand with taskscope's public items. They know nothing at run time.

mod entry;
mod options;
mod trace;

use proc_macro::TokenStream;

use self::entry::Entry;

/// `#[tokio::main]` that is watched: installs taskscope ([`taskscope::init`]), builds the runtime with [`taskscope::runtime::Builder`]
/// and runs the function on it.
///
/// Options, each at most once: `flavor = "multi_thread"` (the default) or `"current_thread"`, `worker_threads = 4`, `start_paused = true`
/// (needs tokio's feature `test-util`), `name = "api"` (what the console calls the runtime; default: the function's name), `crate =
/// "path::to::taskscope"`.
///
/// [`taskscope::init`]: https://docs.rs/taskscope/latest/taskscope/fn.init.html
/// [`taskscope::runtime::Builder`]: https://docs.rs/taskscope/latest/taskscope/runtime/struct.Builder.html
#[proc_macro_attribute]
pub fn main(options: TokenStream, function: TokenStream) -> TokenStream {
    entry::expand(Entry::Main, options.into(), &function.into()).into()
}

/// `#[tokio::test]` that is watched: as [`macro@main`], on one thread by default. A console sees the runtime under the
/// test's name.
///
/// The first such test of a process installs taskscope; what goes wrong with that is said on stderr, and the test runs.
#[proc_macro_attribute]
pub fn test(options: TokenStream, function: TokenStream) -> TokenStream {
    entry::expand(Entry::Test, options.into(), &function.into()).into()
}

/// Makes an async function a frame of its task's await tree: `#[taskscope::trace]`, or with a text of its own `#[taskscope::trace("fetch a page")]`.
///
/// The same as `.trace(…)` on the function's future at each place that calls it; without a text the frame is called by the function's path. Anything
/// but an async function is refused.
#[proc_macro_attribute]
pub fn trace(text: TokenStream, function: TokenStream) -> TokenStream {
    trace::expand(text.into(), function.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
