//! One recorder with what is known about its sources: the value that layer, wrappers and server share.

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use taskscope_recorder::{Limits, Recorder};

use crate::{Stacks, recording::Switch};

/// A recorder and its sources. Clones are the same recorder; a dozen can live side by side.
#[derive(Debug, Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    recorder: Recorder,
    switch: Switch,
    sources: Sources,
    /// A poll that takes longer is stuck.
    stuck_after_ns: u64,
    stacks: Stacks,
    /// Options that could not be used.
    options: Vec<String>,
    /// What was there before the recorder, and is not seen.
    before: OnceLock<String>,
    /// The subscriber that should see tokio's spans, to probe whether it does.
    dispatch: Mutex<Option<tracing_core::dispatcher::WeakDispatch>>,
}

/// What feeds the recorder.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// A span of tokio's arrived.
    pub(crate) tracing: AtomicBool,
    /// A span of a lock's or timer's arrived.
    pub(crate) resources: AtomicBool,
    /// Runtime hooks are installed.
    pub(crate) hooks: AtomicBool,
    /// A wrapped task was seen.
    pub(crate) wrappers: AtomicBool,
}

static DEFAULT: OnceLock<Handle> = OnceLock::new();

impl Handle {
    pub(crate) fn new(
        limits: Limits,
        switch: Switch,
        stuck_after: Duration,
        stacks: Stacks,
        options: Vec<String>,
    ) -> Self {
        taskscope_recorder::on_first_poll(crate::runtime::first_poll);
        let shared = Shared {
            recorder: Recorder::new(limits),
            switch,
            sources: Sources::default(),
            stuck_after_ns: u64::try_from(stuck_after.as_nanos()).unwrap_or(u64::MAX),
            stacks,
            options,
            before: OnceLock::new(),
            dispatch: Mutex::new(None),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The recorder that [`crate::spawn`] and the other free functions use: the first one that [`crate::init`], [`crate::wrap`] or
    /// [`crate::layer`] made. `None` before that.
    pub fn default_handle() -> Option<&'static Self> {
        DEFAULT.get()
    }

    /// Makes this the one that locks, channels, sockets and timers of taskscope are recorded with, if there is none yet. Nothing if it never records
    /// ([`Recording::Off`](crate::Recording::Off)).
    ///
    /// [`crate::init`], [`crate::wrap`] and [`crate::Server::spawn`] do so by themselves; who serves in another way calls it, before the first
    /// of them is used.
    pub fn set_default(&self) {
        if self.is_off() {
            return;
        }
        // A second one is legal: it serves those that hold its handle.
        let _already_set = DEFAULT.set(self.clone());
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.shared.recorder
    }

    #[inline]
    pub(crate) fn switch(&self) -> &Switch {
        &self.shared.switch
    }

    /// A poll that takes longer is stuck.
    pub(crate) fn stuck_after_ns(&self) -> u64 {
        self.shared.stuck_after_ns
    }

    /// Of which threads stacks are taken.
    pub(crate) fn stacks(&self) -> Stacks {
        self.shared.stacks
    }

    pub(crate) fn sources(&self) -> &Sources {
        &self.shared.sources
    }

    /// Notes that tasks were spawned before the recorder was there.
    #[cfg(feature = "server")]
    pub(crate) fn tasks_before(&self, tasks: usize) {
        if tasks > 0 && cfg!(tokio_unstable) && self.is_recording() {
            // The first number counts: later there are tasks that are seen.
            let _said = self.shared.before.set(format!(
                "Not listed, as they were spawned before taskscope was set up: {tasks} {}. Call taskscope::init() earlier, or write \
                 #[taskscope::main] in place of #[tokio::main].",
                if tasks == 1 { "task" } else { "tasks" }
            ));
        }
    }

    pub(crate) fn set_dispatch(&self, dispatch: &tracing_core::Dispatch) {
        *self.shared.dispatch.lock().unwrap_or_else(PoisonError::into_inner) = Some(dispatch.downgrade());
    }

    /// The dispatcher that the subscriber or layer of this recorder became part of, while it lives.
    pub(crate) fn dispatch(&self) -> Option<tracing_core::Dispatch> {
        self.shared.dispatch.lock().unwrap_or_else(PoisonError::into_inner).as_ref()?.upgrade()
    }

    /// Whether the subscriber or layer of this recorder became part of a dispatcher.
    #[cfg(feature = "server")]
    pub(crate) fn is_installed(&self) -> bool {
        self.shared.dispatch.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Sentences about what blinds this recorder, with the cure; empty when nothing does.
    ///
    /// Asks the subscriber whether it lets tokio's spans through, on a thread of its own: about 50 µs.
    pub fn problems(&self) -> Vec<String> {
        [self.shared.options.clone(), self.blind_spots()].concat()
    }

    /// The same without the options that could not be used, which were said when they were read.
    pub(crate) fn blind_spots(&self) -> Vec<String> {
        let mut problems = self.past_limits();
        problems.extend(self.shared.before.get().cloned());
        problems.extend(self.switch().problem());
        if !self.is_recording() {
            return problems;
        }
        if !cfg!(tokio_unstable) {
            problems.push(
                "Built without --cfg tokio_unstable: only tasks spawned through taskscope::spawn are seen. \
                 Set RUSTFLAGS=\"--cfg tokio_unstable\" and rebuild to see all."
                    .to_owned(),
            );
            return problems;
        }
        if tracing::level_filters::STATIC_MAX_LEVEL < tracing::Level::TRACE {
            problems.push(format!(
                "The tracing crate is built with a maximum level of {}: tokio's task spans are TRACE and are compiled out. \
                 Remove its max_level_* or release_max_level_* feature.",
                tracing::level_filters::STATIC_MAX_LEVEL
            ));
            return problems;
        }
        let Some(dispatch) = self.dispatch() else {
            if !self.sources().wrappers.load(Relaxed) && !self.sources().hooks.load(Relaxed) {
                problems.push(
                    "The taskscope subscriber or layer is not installed: call taskscope::init(), or set the wrapped subscriber as \
                     the global default."
                        .to_owned(),
                );
            }
            return problems;
        };
        if crate::source::lets_tokio_through(dispatch) == Some(false) {
            problems.push(
                "A global filter hides tokio's TRACE spans from the taskscope layer: no task is seen. Make the filter a per-layer one \
                 (`layer.with_filter(…)` instead of `registry.with(filter)`), or use taskscope::wrap()."
                    .to_owned(),
            );
        }
        problems
    }

    /// What of threads and runtimes found no place.
    fn past_limits(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let runtimes = crate::runtime::unlisted();
        if runtimes > 0 {
            problems.push(format!(
                "{runtimes} runtimes are not shown: {} are shown at a time. Build fewer runtimes, or end those that are done.",
                crate::runtime::MAX_RUNTIMES
            ));
        }
        let polls = self.recorder().threads.unplaced();
        if polls > 0 {
            problems.push(format!(
                "{polls} polls are in no thread's counts: more than {} threads live at a time. Their tasks have them. Run fewer threads.",
                taskscope_recorder::MAX_THREADS - 1
            ));
        }
        #[cfg(feature = "stacks")]
        if taskscope_stack::calls_met() > 0 {
            problems.push(
                "A signal for the stack of a thread that computes met a system call of the program, which may have failed with EINTR or been \
                 repeated. No signal is sent any more. TASKSCOPE_STACKS=sleepers sends none from the start."
                    .to_owned(),
            );
        }
        problems
    }
}
