//! Watch the async tasks of a tokio program live, with the `taskscope` console.
//!
//! ```no_run
//! #[tokio::main]
//! async fn main() {
//!     taskscope::init();
//!     // the program …
//! }
//! ```
//!
//! That one line records every task of the program and serves its state on `127.0.0.1:6669`; run `taskscope` in another terminal.
//! It needs `RUSTFLAGS="--cfg tokio_unstable"`, as tokio makes its task spans only then. Without it, on stable tokio, spawn through
//! [`spawn`] or [`task::Builder`], or name any future with [`FutureExt::instrument_task`]: those tasks are seen all the same.
//!
//! # Which entry is mine?
//!
//! | you have | use |
//! |---|---|
//! | nothing, or `console_subscriber::init()` | [`init`]: what the program prints stays as it was |
//! | a subscriber of your own | [`wrap`]: tokio's spans never reach it, so it stays as fast as it was |
//! | a `tracing_subscriber::Registry` with layers that you can't wrap | [`layer`] |
//! | your own tonic server, several recorders, tests | [`builder`] |
//!
//! A program can ship with it always: with `TASKSCOPE=lazy` nothing is recorded until a console comes ([`Recording`]).
//!
//! Every option of [`Builder`] can be set from the environment (`TASKSCOPE_BIND`, …). A value that can't be used leaves the default, and is said.
//!
//! Call it before anything is spawned. The future of `#[tokio::main]` itself began earlier: it is listed, but its polls are unknown. With
//! `#[taskscope::main]` they are seen.
//!
//! # Features
//!
//! | feature | brings | default |
//! |---|---|---|
//! | `server` | the server that consoles connect to | yes |
//! | `layer` | [`layer`], for those who compose a `tracing_subscriber::Registry` | yes |
//! | `net`, `macros` | [`mod@net`]; `#[taskscope::main]`, `#[taskscope::test]`, `#[taskscope::trace]` | yes |
//! | `stacks` | the stack of a thread whose poll is stuck; a console on the same machine finds the names | yes |
//! | `symbols` | those names in the program itself: for consoles elsewhere, and for [`Builder::log_stuck`] | |
//! | `fmt` | [`init`] prints the program's events and log records, where `RUST_LOG` is set | |
//! | `console-api` | the same port answers `tokio-console` | |
//! | `gzip` | compressed frames, for a console that asks for them | |
//! | `taskdump` | await trees of futures that are not traced, by tokio's task dump; brings `symbols` | |
//! | `fs`, `process`, `signal`, `axum`, `tonic`, `lock-api`, `parking_lot` | wrappers of what they name | |
//!
//! # Cost
//!
//! A poll costs about 90 ns with its wake, a task 192 bytes, a lock of tokio's about 1.1 µs; `just bench-overhead` measures both on your machine. Nothing is read
//! while no console is connected.

#![cfg_attr(
    not(feature = "server"),
    allow(
        dead_code,
        reason = "a library that only spawns through the wrappers needs no server; what feeds one is idle then"
    )
)]

pub mod await_tree;
mod builder;
mod error;
#[cfg(feature = "fs")]
pub mod fs;
mod handle;
#[cfg_attr(not(feature = "net"), allow(dead_code, reason = "the sockets need more of it than other streams"))]
pub mod io;
pub mod lock;
#[cfg(feature = "net")]
pub mod net;
#[cfg(feature = "process")]
pub mod process;
mod recorded;
mod recording;
pub mod runtime;
mod say;
#[cfg(feature = "signal")]
pub mod signal;
mod source;
pub mod sync;
pub mod task;
pub mod time;
mod tracked;

#[cfg(feature = "server")]
mod aggregate;
#[cfg(feature = "console-api")]
mod compat;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
#[cfg(feature = "server")]
mod os;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "server")]
mod watchdog;

pub use builder::{Builder, Stacks};
#[cfg(all(feature = "layer", feature = "server"))]
pub use builder::{ConsoleLayer, layer};
#[cfg(feature = "server")]
pub use builder::{ServerAddr, init, wrap};
#[cfg(feature = "server")]
pub use error::ServeError;
pub use error::{BindError, InitError};
pub use handle::Handle;
pub use recording::Recording;
#[cfg(feature = "server")]
pub use server::{Address, Server};
pub use source::hooks::Hooks;
#[cfg(feature = "layer")]
pub use source::layer::TaskscopeLayer;
pub use source::wrap::Wrapped;
pub use task::{FutureExt, spawn};
#[cfg(feature = "macros")]
pub use taskscope_macros::{main, test, trace};

/// What `#[taskscope::test]` installs, once a process.
#[cfg(feature = "macros")]
#[doc(hidden)]
pub fn __init_test() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(init);
}

/// A builder with the defaults; the environment is read by [`Builder::with_default_env`]; [`Builder::init`] does it for you.
pub fn builder() -> Builder {
    Builder::default()
}
