//! Runtime hooks: threads of a runtime on any tokio, and with `tokio_unstable` the source of tasks for runtimes whose subscriber is not
//! ours.
//!
//! Of tasks they see spawn sites and polls, but no names, wakes or blocking tasks, and count one poll too many of a task that is aborted
//! (tokio calls them when it drops the future, too, and does not say so). A task whose span arrived is recorded by the span; the
//! hooks then pass it by at the cost of one load.
//!
//! Tokio has one slot a hook: the program's own hooks are given to [`Hooks`], which calls them after its own.

#[cfg(tokio_unstable)]
mod table;
#[cfg(tokio_unstable)]
mod tasks;
mod threads;

use std::{fmt, sync::Arc};

use tokio::runtime::Builder;

#[cfg(tokio_unstable)]
pub(super) use self::tasks::traced;
use crate::handle::Handle;

type Hook = Arc<dyn Fn() + Send + Sync>;

/// The hooks of a runtime: taskscope's, then the program's own.
///
/// ```
/// let handle = taskscope::builder().build_handle();
/// let mut runtime = tokio::runtime::Builder::new_multi_thread();
/// taskscope::Hooks::new(&handle)
///     .on_thread_start(|| println!("a thread starts"))
///     .install(&mut runtime);
/// let runtime = runtime.build().unwrap();
/// # drop(runtime);
/// ```
///
/// The default has no recorder: it records only threads, which is all that is needed where tokio's spans are recorded.
#[derive(Clone, Default)]
pub struct Hooks {
    handle: Option<Handle>,
    thread_start: Option<Hook>,
    thread_stop: Option<Hook>,
    thread_park: Option<Hook>,
    thread_unpark: Option<Hook>,
    #[cfg(tokio_unstable)]
    tasks: tasks::Own,
}

impl Hooks {
    /// Taskscope's hooks alone; with `tokio_unstable` those of tasks, too.
    pub fn new(handle: &Handle) -> Self {
        Self { handle: Some(handle.clone()), ..Self::default() }
    }

    /// The program's own hook for tokio's `on_thread_start`.
    pub fn on_thread_start(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.thread_start = Some(Arc::new(hook));
        self
    }

    /// The program's own hook for tokio's `on_thread_stop`.
    pub fn on_thread_stop(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.thread_stop = Some(Arc::new(hook));
        self
    }

    /// The program's own hook for tokio's `on_thread_park`.
    pub fn on_thread_park(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.thread_park = Some(Arc::new(hook));
        self
    }

    /// The program's own hook for tokio's `on_thread_unpark`.
    pub fn on_thread_unpark(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.thread_unpark = Some(Arc::new(hook));
        self
    }

    /// Puts them into a runtime's builder, replacing the hooks it has.
    pub fn install(self, builder: &mut Builder) {
        let Self { handle, thread_start, thread_stop, thread_park, thread_unpark, .. } = self;
        builder.on_thread_start(move || {
            threads::started();
            call(thread_start.as_ref());
        });
        builder.on_thread_stop(move || {
            threads::stopped();
            call(thread_stop.as_ref());
        });
        builder.on_thread_park(move || {
            threads::parks();
            call(thread_park.as_ref());
        });
        builder.on_thread_unpark(move || {
            threads::unparks();
            call(thread_unpark.as_ref());
        });
        #[cfg(tokio_unstable)]
        self.tasks.install(handle, builder);
        #[cfg(not(tokio_unstable))]
        drop(handle);
    }
}

fn call(hook: Option<&Hook>) {
    if let Some(hook) = hook {
        hook();
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").field("handle", &self.handle).finish_non_exhaustive()
    }
}
