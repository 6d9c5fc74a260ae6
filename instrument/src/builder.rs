//! Options, and the ways to put a recorder, a subscriber and a server together.

#[cfg(feature = "server")]
mod console_subscriber;
mod env;
#[cfg(all(feature = "fmt", feature = "server"))]
mod print;
mod span;

use std::time::Duration;

#[cfg(all(feature = "layer", feature = "server"))]
pub use console_subscriber::ConsoleLayer;
#[cfg(feature = "server")]
pub use console_subscriber::ServerAddr;

use taskscope_recorder::Limits;
#[cfg(feature = "server")]
use tracing_core::{Dispatch, Subscriber};

#[cfg(feature = "server")]
use crate::{error::InitError, source::wrap::Wrapped};
use crate::{
    handle::Handle,
    recording::{Recording, Switch},
};

/// Set-up of a recorder and its server. Each option's variable of the environment is read by [`Builder::with_default_env`].
#[cfg_attr(
    all(feature = "fmt", feature = "server"),
    expect(clippy::struct_excessive_bools, reason = "switches that have nothing to do with each other")
)]
#[derive(Debug, Clone)]
pub struct Builder {
    pub(crate) bind: String,
    pub(crate) name: Option<String>,
    pub(crate) show_own_tasks: bool,
    #[cfg(feature = "console-api")]
    pub(crate) publish_interval: Duration,
    #[cfg(all(feature = "fmt", feature = "server"))]
    filter_env_var: String,
    stuck_after: Duration,
    pub(crate) log_stuck: bool,
    stacks: Stacks,
    #[cfg(feature = "server")]
    pub(crate) memory_readers: bool,
    #[cfg(feature = "await-index")]
    pub(crate) await_index: Option<std::path::PathBuf>,
    #[cfg(all(feature = "fmt", feature = "server"))]
    print_events: bool,
    limits: Limits,
    recording: Recording,
    linger: Duration,
    #[cfg(all(feature = "signal", feature = "server", unix))]
    pub(crate) signal: Option<i32>,
    /// Sentences about options that could not be used. At most one a variable or method.
    problems: Vec<String>,
}

/// Of which threads stacks are taken while a poll on them is stuck; see [`Builder::stacks`]. `docs/WHAT_IT_DOES.md` has what each does to a program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stacks {
    /// Of none. No signal is sent, and no thread's stack is read.
    Never,
    /// Of threads that sleep in the kernel, which are only looked at. No signal is sent.
    OfSleepers,
    /// Also of threads that compute: such a thread is sent a real-time signal.
    #[default]
    Always,
}

/// `Server::DEFAULT_IP` and `Server::DEFAULT_PORT`.
const DEFAULT_BIND: &str = "127.0.0.1:6669";
/// How long finished tasks can be looked at.
pub(crate) const DEFAULT_RETENTION: Duration = Duration::from_secs(6);

impl Default for Builder {
    fn default() -> Self {
        Self {
            bind: DEFAULT_BIND.to_owned(),
            name: None,
            show_own_tasks: false,
            #[cfg(feature = "console-api")]
            publish_interval: crate::compat::DEFAULT_INTERVAL,
            #[cfg(all(feature = "fmt", feature = "server"))]
            filter_env_var: tracing_subscriber::EnvFilter::DEFAULT_ENV.to_owned(),
            stuck_after: Duration::from_millis(100),
            log_stuck: false,
            stacks: Stacks::default(),
            #[cfg(feature = "server")]
            memory_readers: true,
            #[cfg(feature = "await-index")]
            await_index: None,
            #[cfg(all(feature = "fmt", feature = "server"))]
            print_events: true,
            limits: Limits { retention: DEFAULT_RETENTION, ..Limits::default() },
            recording: Recording::default(),
            linger: crate::recording::DEFAULT_LINGER,
            #[cfg(all(feature = "signal", feature = "server", unix))]
            signal: None,
            problems: Vec::new(),
        }
    }
}

impl Builder {
    /// Where to listen: `host:port` or `unix:/path/to/socket`. Default `127.0.0.1:6669`; `TASKSCOPE_BIND`.
    ///
    /// Port 0 takes a free one. An address that is not loopback shows the program's insides to the network, without authentication.
    pub fn bind(mut self, address: impl Into<String>) -> Self {
        self.bind = address.into();
        self
    }

    /// The name the console shows for this process. Default: the executable's; `TASKSCOPE_NAME`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// When the program is recorded. Default [`Recording::On`]; `TASKSCOPE` (`on`, `off` or `lazy`). With `lazy` a program can ship with taskscope: it
    /// pays for what it does not see from the first console on alone. With `off` there is no subscriber, no thread and no port.
    pub fn recording(mut self, recording: Recording) -> Self {
        self.recording = recording;
        self
    }

    /// How long recording goes on after the last console left, where it is lazy. Default 30 s; `TASKSCOPE_LINGER`.
    pub fn linger(mut self, length: Duration) -> Self {
        self.linger = length;
        self
    }

    /// A signal that starts recording where that is lazy, and stops it again. Default none; `TASKSCOPE_SIGNAL` (`USR1` or `USR2`). It is taken as
    /// [`tokio::signal::unix`] takes it: from then on its default action does not happen. For [`crate::Server::spawn`] and what calls it.
    #[cfg(all(feature = "signal", feature = "server", unix))]
    pub fn recording_signal(mut self, signal: i32) -> Self {
        self.signal = Some(signal);
        self
    }

    /// How long finished tasks can be looked at. Default 6 s; `TASKSCOPE_RETENTION` (`10s`, `500ms`). Their totals by spawn site stay.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.limits.retention = retention;
        self
    }

    /// How many finished tasks can be looked at. Default 4,096; `TASKSCOPE_RETAINED_TASKS`.
    pub fn retained_tasks(mut self, tasks: usize) -> Self {
        self.limits.retained_tasks = tasks;
        self
    }

    /// How many live tasks are watched; further ones are counted. Default 2,097,152; `TASKSCOPE_MAX_TASKS`.
    pub fn max_tasks(mut self, tasks: u32) -> Self {
        self.limits.max_tasks = tasks;
        self
    }

    /// A poll that takes longer is stuck, and its thread's stack is looked at. Default 100 ms; `TASKSCOPE_STUCK_AFTER`.
    pub fn stuck_after(mut self, length: Duration) -> Self {
        self.stuck_after = length;
        self
    }

    /// Logs each stuck poll through `tracing`, at `warn` with the target `taskscope::stuck`, whether a console is connected or not. Default no;
    /// `TASKSCOPE_LOG_STUCK` (`1` or `true`). Then the threads' polls are looked at, and stacks taken, without a console too. With the
    /// feature `symbols` its functions are named; else they are addresses, as `addr2line` takes them.
    pub fn log_stuck(mut self, log: bool) -> Self {
        self.log_stuck = log;
        self
    }

    /// Of which threads stacks are taken while a poll on them is stuck. Default [`Stacks::Always`]; `TASKSCOPE_STACKS` (`never`, `sleepers`, `always`).
    pub fn stacks(mut self, stacks: Stacks) -> Self {
        self.stacks = stacks;
        self
    }

    /// Whether a console on this machine, run by the same user, may be named to the kernel as one that reads this process's memory: it shows await trees
    /// from there. Default yes; `TASKSCOPE_MEMORY_READERS` (`0` or `false`). It matters under Linux's Yama with `ptrace_scope` 1 alone, and for as long as
    /// that console is connected.
    #[cfg(feature = "server")]
    pub fn memory_readers(mut self, allow: bool) -> Self {
        self.memory_readers = allow;
        self
    }

    /// An index of this program's debug information, made by `taskscope index PROGRAM -o FILE` after it was linked: with it the program sends the await
    /// trees of its tasks by itself, to consoles on other machines too, and may be stripped. Default none; `TASKSCOPE_INDEX`. Linux on x86-64.
    ///
    /// An index of another build is refused, and consoles say so.
    #[cfg(feature = "await-index")]
    pub fn await_index(mut self, file: impl Into<std::path::PathBuf>) -> Self {
        self.await_index = Some(file.into());
        self
    }

    /// Also shows the tasks of taskscope's own server. Default no; `TASKSCOPE_SHOW_OWN_TASKS` (`1` or `true`).
    pub fn show_own_tasks(mut self, show: bool) -> Self {
        self.show_own_tasks = show;
        self
    }

    /// How often a `tokio-console` gets an update. Default 1 s, between 50 ms and 10 s; `TASKSCOPE_PUBLISH_INTERVAL`. Our own
    /// console says itself how often.
    #[cfg(feature = "console-api")]
    pub fn publish_interval(mut self, interval: Duration) -> Self {
        self.publish_interval = interval;
        self
    }

    /// The variable that says which of the program's events and log records [`Builder::init`] prints on stderr. Default `RUST_LOG`. While it is
    /// unset, none are.
    #[cfg(all(feature = "fmt", feature = "server"))]
    pub fn filter_env_var(mut self, name: impl Into<String>) -> Self {
        self.filter_env_var = name.into();
        self
    }

    /// Whether [`Builder::init`] may print the program's events and log records at all. Default yes; `TASKSCOPE_PRINT_EVENTS` (`0` or `false`).
    /// For a program that gives the `log` crate a logger of its own after `init`: without this, and with `RUST_LOG` set, that logger finds the
    /// place taken.
    #[cfg(all(feature = "fmt", feature = "server"))]
    pub fn print_events(mut self, print: bool) -> Self {
        self.print_events = print;
        self
    }

    /// A recorder alone, for wrappers and hooks without any subscriber.
    pub fn build_handle(&self) -> Handle {
        let switch = Switch::new(self.recording, self.linger);
        Handle::new(self.limits.clone(), switch, self.stuck_after, self.stacks, self.problems.clone())
    }

    /// The subscriber around `inner`, and the server apart.
    #[cfg(feature = "server")]
    pub fn wrap<S: Subscriber>(self, inner: S) -> (Wrapped<S>, crate::Server) {
        let handle = self.build_handle();
        (Wrapped::new(handle.clone(), inner), crate::Server::new(handle, self, false))
    }

    /// The layer without a filter, and the server apart: as console-subscriber's. Alone on a registry it switches on every span of the program;
    /// [`Builder::build_layer`] does not.
    #[cfg(all(feature = "layer", feature = "server"))]
    pub fn build(self) -> (crate::TaskscopeLayer, crate::Server) {
        let handle = self.build_handle();
        (crate::TaskscopeLayer::of(handle.clone()), crate::Server::new(handle, self, true))
    }

    /// The layer behind a filter for tokio's spans, and the server apart.
    #[cfg(all(feature = "layer", feature = "server"))]
    pub fn build_layer<S>(self) -> (impl tracing_subscriber::Layer<S>, crate::Server)
    where
        S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    {
        let handle = self.build_handle();
        (crate::TaskscopeLayer::filtered(handle.clone()), crate::Server::new(handle, self, true))
    }

    /// Installs the recorder as the global subscriber and serves it from a thread of its own, with options of the environment on top.
    ///
    /// The program prints what it printed before. Only where `RUST_LOG` is set ([`Builder::filter_env_var`]), and with the feature `fmt`, the
    /// events and log records that it asks for go to stderr, in colour if that is a terminal. What goes wrong is said on stderr.
    ///
    /// ```no_run
    /// taskscope::builder().retention(std::time::Duration::from_secs(60)).init();
    /// ```
    #[cfg(feature = "server")]
    #[track_caller]
    pub fn init(self) {
        if let Err(error) = self.try_init() {
            crate::say::say(error);
        }
    }

    /// [`Builder::init`] for programs that want to know.
    ///
    /// # Errors
    /// A global subscriber is set, or the address is taken. After an [`InitError::Bind`] the program is recorded, but no console can connect.
    #[cfg(feature = "server")]
    #[track_caller]
    pub fn try_init(self) -> Result<Handle, InitError> {
        #[cfg_attr(not(feature = "fmt"), expect(unused_mut, reason = "a filter that is none is noted in it"))]
        let mut builder = self.with_default_env();
        #[cfg(feature = "fmt")]
        if let Some(print) = print::asked_for(&mut builder) {
            // First the subscriber, then the records that go to it.
            let level = print.log_level();
            let (subscriber, server) = builder.wrap(print.subscriber);
            let installed = install(subscriber, server);
            if !matches!(installed, Err(InitError::SubscriberSet)) {
                print::log_records(level);
            }
            return installed;
        }
        let (subscriber, server) = builder.wrap(tracing_core::subscriber::NoSubscriber::default());
        install(subscriber, server)
    }

    /// The layer for a `tracing_subscriber::Registry`, its recorder served from a thread of its own.
    ///
    /// Prefer [`Builder::wrap`] where you can: here the registry pays for tokio's spans.
    #[cfg(all(feature = "layer", feature = "server"))]
    #[track_caller]
    #[must_use = "a layer does nothing until it is added to a subscriber"]
    pub fn spawn<S>(self) -> impl tracing_subscriber::Layer<S>
    where
        S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    {
        let (layer, server) = self.build_layer();
        start(&server.handle().clone(), server);
        layer
    }

    /// Notes what could not be used, once.
    fn problem(&mut self, sentence: String) {
        if !self.problems.contains(&sentence) {
            self.problems.push(sentence);
        }
    }
}

/// Makes the subscriber the global one, and serves.
#[cfg(feature = "server")]
#[track_caller]
fn install<S: Subscriber + Send + Sync>(
    subscriber: Wrapped<S>,
    server: crate::Server,
) -> Result<Handle, InitError> {
    let handle = subscriber.handle().clone();
    let is_bare =
        std::any::TypeId::of::<S>() == std::any::TypeId::of::<tracing_core::subscriber::NoSubscriber>();
    if handle.is_off() && is_bare {
        // As if taskscope were not there.
        return Ok(handle);
    }
    tracing_core::dispatcher::set_global_default(Dispatch::new(subscriber))
        .map_err(|_| InitError::SubscriberSet)?;
    handle.set_default();
    server.spawn()?;
    Ok(handle)
}

/// Installs taskscope with its defaults and the environment's options. One line, at the start of `main`.
///
/// The program prints what it printed before. Only where `RUST_LOG` is set, and with the feature `fmt`, the events and log records that it asks
/// for go to stderr. A program that gives the `log` crate a logger of its own does so before this, or sets `TASKSCOPE_PRINT_EVENTS=0`.
///
/// What goes wrong is said on stderr: a console that can't be had is no reason to stop the program.
#[cfg(feature = "server")]
#[track_caller]
pub fn init() {
    Builder::default().init();
}

/// Wraps a subscriber and serves the recorder from a thread of its own, with options of the environment.
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// let subscriber = tracing_subscriber::registry().with(tracing_subscriber::fmt::layer());
/// tracing::subscriber::set_global_default(taskscope::wrap(subscriber)).unwrap();
/// ```
///
/// Install it globally. With `set_default` on one thread, tracing decides for good whether a callsite of tokio's is wanted by the first thread
/// that meets it, which may be one that has no subscriber.
#[cfg(feature = "server")]
#[track_caller]
#[must_use = "a subscriber does nothing until it is set as the global default"]
pub fn wrap<S: Subscriber>(inner: S) -> Wrapped<S> {
    let (subscriber, server) = Builder::default().with_default_env().wrap(inner);
    start(&subscriber.handle().clone(), server);
    subscriber
}

/// [`Builder::spawn`] with the defaults and options of the environment: a layer for a `tracing_subscriber::Registry`.
///
/// Prefer [`wrap`] where you can: here the registry pays for tokio's spans.
#[cfg(all(feature = "layer", feature = "server"))]
#[track_caller]
#[must_use = "a layer does nothing until it is added to a subscriber"]
pub fn layer<S>() -> impl tracing_subscriber::Layer<S>
where
    S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    Builder::default().with_default_env().spawn()
}

#[cfg(feature = "server")]
#[track_caller]
fn start(handle: &Handle, server: crate::Server) {
    handle.set_default();
    if let Err(error) = server.spawn() {
        crate::say::say(error);
    }
}
