//! Tokio's runtimes: found by themselves, or built and named here.
//!
//! A runtime is known from the first poll of a recorded task on one of its threads on; nothing needs to be done for that. One that is built
//! with [`Builder`] is known before, and records when its threads park, also on stable tokio.
//!
//! ```
//! let runtime = taskscope::runtime::Builder::new_multi_thread()
//!     .name("api")
//!     .worker_threads(2)
//!     .enable_all()
//!     .on_thread_start(|| println!("the program's own hook"))
//!     .build()?;
//! # drop(runtime);
//! # std::io::Result::Ok(())
//! ```
//!
//! To read its metrics taskscope holds a [`tokio::runtime::Handle`] of each: a shutdown goes on as without, but what the handle shares (the
//! driver's descriptors, the hooks' captures) is freed only when taskscope sees that the runtime has ended. That is when its threads have
//! ended and it has no task, or, on one thread, when its `block_on` has returned and it has no task.

mod builder;
mod registry;
#[cfg(feature = "server")]
mod root;
mod threads;

pub use self::builder::Builder;
#[cfg(feature = "server")]
pub(crate) use self::{
    registry::{KnownRuntime, known},
    root::{another_begins, found_here},
    threads::parking,
};
pub(crate) use self::{
    registry::{MAX_RUNTIMES, driven, first_poll, forgotten_meanwhile, root_begins, spawning, unlisted},
    threads::{forget as forget_parking, note as note_parked},
};
pub use crate::source::hooks::Hooks;
