//! Whether anything is recorded: always, never, or while someone looks.
//!
//! While nothing is, tokio's callsites are off: a poll, a lock or a send costs the look at its callsite that it costs without any subscriber, two loads.
//! Switching asks every callsite of the process again (`rebuild_interest_cache`), some µs for a hundred of them, on the thread that switches.
//!
//! Invariant: what was recorded before a pause and missed events in it is not shown as if it were known. Tokio's locks, channels and timers of then stay
//! hidden for good, tasks of then keep their polls, and their wakes and wakers are unknown ([`taskscope_recorder::Recorder::forget_spans`]).

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

#[cfg(feature = "server")]
use taskscope_recorder::{Recorder, State, Task, TaskKind};

use crate::handle::Handle;

/// When a program is recorded; see [`crate::Builder::recording`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Recording {
    /// From the start.
    #[default]
    On,
    /// Never: no thread, no port, no subscriber of ours, no callsite of tokio's.
    Off,
    /// While a console is connected, or the program asked ([`Handle::start_recording`], a signal). Until then there is a port and its thread, and no
    /// callsite of tokio's is on.
    Lazy,
}

/// How long recording goes on after the last console left.
pub(crate) const DEFAULT_LINGER: Duration = Duration::from_secs(30);

/// The switch of a recorder.
#[derive(Debug)]
pub(crate) struct Switch {
    mode: Recording,
    on: AtomicBool,
    linger: Duration,
    uses: Mutex<Uses>,
}

#[derive(Debug, Default)]
struct Uses {
    consoles: usize,
    by_program: bool,
    /// Rises when a use begins: a wait for the end that began before it ends nothing.
    begun: u64,
    since: Option<Since>,
}

/// When recording began, of a lazy one.
#[derive(Debug, Clone, Copy)]
struct Since {
    at: SystemTime,
    /// Tasks that tokio counted then and that are not recorded.
    unseen_tasks: usize,
}

/// The last use ended; see [`Handle::end_unless_used`].
#[cfg(feature = "server")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unused(u64);

impl Switch {
    pub(crate) fn new(mode: Recording, linger: Duration) -> Self {
        Self { mode, on: AtomicBool::new(mode == Recording::On), linger, uses: Mutex::default() }
    }

    fn uses(&self) -> MutexGuard<'_, Uses> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a console should know, if this began late.
    pub(crate) fn problem(&self) -> Option<String> {
        match self.mode {
            Recording::On => None,
            Recording::Off => Some("Recording is off (TASKSCOPE=off): nothing is seen.".to_owned()),
            Recording::Lazy => {
                let since = self.uses().since?;
                let tasks = match since.unseen_tasks {
                    0 => "Tasks".to_owned(),
                    1 => "1 task".to_owned(),
                    tasks => format!("{tasks} tasks"),
                };
                let day_secs = since.at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() % 86_400;
                let (hours, minutes, seconds) = (day_secs / 3600, day_secs / 60 % 60, day_secs % 60);
                Some(format!(
                    "Recording began at {hours:02}:{minutes:02}:{seconds:02} UTC (TASKSCOPE=lazy). {tasks} from before are not listed, nor are \
                     tokio's locks, channels and timers from before. `taskscope attach PID` lists such tasks."
                ))
            }
        }
    }
}

impl Handle {
    /// Starts recording where that is lazy ([`Recording::Lazy`]); else does nothing. It goes on until [`Handle::stop_recording`].
    ///
    /// Tasks, locks and channels that the program has already are not recorded, but for those that taskscope's wrappers make known at their next use.
    /// Costs some µs: each callsite of the process is asked again.
    pub fn start_recording(&self) {
        self.begin(|uses| uses.by_program = true);
    }

    /// Takes [`Handle::start_recording`] back. Recording goes on while a console is connected.
    pub fn stop_recording(&self) {
        let uses = &mut *self.switch().uses();
        uses.by_program = false;
        self.end_if_unused(uses);
    }

    /// Whether events are recorded now. One load.
    #[inline]
    pub fn is_recording(&self) -> bool {
        self.switch().on.load(Relaxed)
    }

    /// Whether it can ever be.
    pub(crate) fn is_off(&self) -> bool {
        self.switch().mode == Recording::Off
    }

    /// Whether it waits for someone who looks.
    pub(crate) fn is_lazy(&self) -> bool {
        self.switch().mode == Recording::Lazy
    }

    /// The default recorder, while it records.
    #[inline]
    pub(crate) fn recording() -> Option<&'static Self> {
        Self::default_handle().filter(|handle| handle.is_recording())
    }

    /// Starts, or stops what the program itself started: for a signal.
    #[cfg(all(feature = "signal", feature = "server", unix))]
    pub(crate) fn toggle_recording(&self) {
        let on = self.switch().uses().by_program;
        if on { self.stop_recording() } else { self.start_recording() }
    }

    /// A console came.
    #[cfg(feature = "server")]
    pub(crate) fn console_came(&self) {
        self.begin(|uses| uses.consoles += 1);
    }

    /// A console left. If it was the last use, [`Handle::end_unless_used`] is to follow after [`Handle::linger`].
    #[cfg(feature = "server")]
    pub(crate) fn console_left(&self) -> Option<Unused> {
        let mut uses = self.switch().uses();
        uses.consoles = uses.consoles.saturating_sub(1);
        (self.is_lazy() && uses.is_none()).then_some(Unused(uses.begun))
    }

    /// How long recording goes on after the last console left.
    #[cfg(feature = "server")]
    pub(crate) fn linger(&self) -> Duration {
        self.switch().linger
    }

    /// Stops recording if no use began in the meantime.
    #[cfg(feature = "server")]
    pub(crate) fn end_unless_used(&self, unused: Unused) {
        let uses = &mut *self.switch().uses();
        if uses.begun == unused.0 {
            self.end_if_unused(uses);
        }
    }

    fn begin(&self, change: impl FnOnce(&mut Uses)) {
        let switch = self.switch();
        let uses = &mut *switch.uses();
        change(uses);
        uses.begun += 1;
        if switch.mode == Recording::Lazy && !switch.on.load(Relaxed) {
            #[cfg(feature = "server")]
            let unseen_tasks = unseen_tasks(self.recorder());
            #[cfg(not(feature = "server"))]
            let unseen_tasks = 0;
            uses.since = Some(Since { at: SystemTime::now(), unseen_tasks });
            switch.on.store(true, Relaxed);
            tracing_core::callsite::rebuild_interest_cache();
        }
    }

    fn end_if_unused(&self, uses: &mut Uses) {
        let switch = self.switch();
        if switch.mode == Recording::Lazy && uses.is_none() && switch.on.swap(false, Relaxed) {
            uses.since = None;
            tracing_core::callsite::rebuild_interest_cache();
            self.recorder().forget_spans();
        }
    }
}

impl Uses {
    fn is_none(&self) -> bool {
        self.consoles == 0 && !self.by_program
    }
}

/// Tasks that tokio counts in the runtimes that are known, without those that are recorded.
#[cfg(feature = "server")]
fn unseen_tasks(recorder: &Recorder) -> usize {
    let runtimes = crate::runtime::known(recorder);
    let counted: usize = runtimes.iter().map(|runtime| runtime.handle.metrics().num_alive_tasks()).sum();
    let is_counted = |task: &&Task| {
        task.counters().is_some_and(|counters| counters.state != State::Done)
            && task.description().is_some_and(|task| task.kind == TaskKind::Task)
    };
    let seen = recorder.tasks.pages().flat_map(|page| &page.slots).filter(is_counted).count();
    counted.saturating_sub(seen)
}
