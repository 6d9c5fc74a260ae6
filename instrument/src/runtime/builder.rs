//! A runtime's builder that makes it known to taskscope from the start.

use std::io;

use tokio::runtime::Runtime;

use super::registry;
use crate::Hooks;

/// Blocking threads of a runtime at most, unless the program says otherwise; tokio's own default.
const DEFAULT_MAX_BLOCKING_THREADS: usize = 512;

/// Builds a tokio runtime that taskscope knows.
///
/// It is tokio's own [`Builder`](tokio::runtime::Builder) with taskscope's hooks on it: what has no method here is set through
/// [`Builder::with`]. Hooks of the program must be set here or given with [`Builder::hooks`], as tokio has one place for each.
#[derive(Debug)]
pub struct Builder {
    tokio: tokio::runtime::Builder,
    hooks: Hooks,
    max_blocking_threads: usize,
}

impl Builder {
    /// As [`tokio::runtime::Builder::new_multi_thread`].
    #[cfg(not(target_family = "wasm"))]
    pub fn new_multi_thread() -> Self {
        Self::around(tokio::runtime::Builder::new_multi_thread())
    }

    /// As [`tokio::runtime::Builder::new_current_thread`].
    pub fn new_current_thread() -> Self {
        Self::around(tokio::runtime::Builder::new_current_thread())
    }

    fn around(tokio: tokio::runtime::Builder) -> Self {
        Self { tokio, hooks: Hooks::default(), max_blocking_threads: DEFAULT_MAX_BLOCKING_THREADS }
    }

    /// What the console calls the runtime, and tokio's [`Handle::name`](tokio::runtime::Handle::name). At most 64 bytes are shown.
    /// Default: `runtime` and a number.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.tokio.name(name);
        self
    }

    /// As tokio's.
    ///
    /// # Panics
    /// With 0.
    pub fn worker_threads(mut self, threads: usize) -> Self {
        self.tokio.worker_threads(threads);
        self
    }

    /// As tokio's.
    ///
    /// # Panics
    /// With 0.
    pub fn max_blocking_threads(mut self, threads: usize) -> Self {
        self.tokio.max_blocking_threads(threads);
        self.max_blocking_threads = threads;
        self
    }

    /// As tokio's: timers and I/O, as far as tokio was built with them.
    pub fn enable_all(mut self) -> Self {
        self.tokio.enable_all();
        self
    }

    /// Sets anything else on tokio's builder. Hooks set here are replaced by taskscope's own; `max_blocking_threads` set here is shown wrong.
    pub fn with(mut self, set: impl FnOnce(&mut tokio::runtime::Builder)) -> Self {
        set(&mut self.tokio);
        self
    }

    /// Hooks of the program, all of them; and those that record tasks, if the hooks have a recorder. Replaces hooks given before.
    pub fn hooks(mut self, hooks: Hooks) -> Self {
        self.hooks = hooks;
        self
    }

    /// The program's own hook for tokio's `on_thread_start`.
    pub fn on_thread_start(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.hooks = self.hooks.on_thread_start(hook);
        self
    }

    /// The program's own hook for tokio's `on_thread_stop`.
    pub fn on_thread_stop(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.hooks = self.hooks.on_thread_stop(hook);
        self
    }

    /// The program's own hook for tokio's `on_thread_park`.
    pub fn on_thread_park(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.hooks = self.hooks.on_thread_park(hook);
        self
    }

    /// The program's own hook for tokio's `on_thread_unpark`.
    pub fn on_thread_unpark(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.hooks = self.hooks.on_thread_unpark(hook);
        self
    }

    /// Builds the runtime.
    ///
    /// # Errors
    /// As tokio's.
    pub fn build(mut self) -> io::Result<Runtime> {
        self.hooks.install(&mut self.tokio);
        let runtime = self.tokio.build()?;
        registry::built(runtime.handle(), Some(self.max_blocking_threads as u64));
        Ok(runtime)
    }
}
