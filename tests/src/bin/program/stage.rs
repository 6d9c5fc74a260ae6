//! What every scenario stands on: a runtime, a recorder fed by the source that was asked for, commands and answers.

use std::{
    future::Future,
    io::{BufRead as _, Write as _},
};

use serde_json::Value;
use taskscope::{Address, Handle};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
};
use tracing::{Dispatch, level_filters::LevelFilter, subscriber::NoSubscriber};
use tracing_subscriber::prelude::*;

/// How the program is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Wrap,
    Layer,
    Hooks,
    Wrappers,
    Init,
    /// The wrapper, the hooks, and tasks spawned through taskscope: each task has three sources.
    All,
    Blinded,
    Bare,
}

#[derive(Debug)]
pub(crate) struct Options {
    source: Source,
    bind: String,
    workers: usize,
    name: Option<String>,
}

impl Options {
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options =
            Self { source: Source::Wrap, bind: "127.0.0.1:0".to_owned(), workers: 2, name: None };
        while let Some(option) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{option} needs a value"))?;
            match option.as_str() {
                "--bind" => options.bind = value,
                "--name" => options.name = Some(value),
                "--workers" => options.workers = value.parse().map_err(|_| format!("--workers {value}"))?,
                "--source" => {
                    options.source = match value.as_str() {
                        "wrap" => Source::Wrap,
                        "layer" => Source::Layer,
                        "hooks" => Source::Hooks,
                        "wrappers" => Source::Wrappers,
                        "init" => Source::Init,
                        "all" => Source::All,
                        "blinded" => Source::Blinded,
                        "bare" => Source::Bare,
                        _ => return Err(format!("no such source: {value}")),
                    }
                }
                _ => return Err(format!("no such option: {option}")),
            }
        }
        Ok(options)
    }
}

pub(crate) struct Stage {
    pub(crate) runtime: Runtime,
    pub(crate) spawner: Spawner,
    pub(crate) workers: usize,
}

impl Stage {
    /// Starts the runtime and says where it listens.
    pub(crate) fn open(options: &Options) -> Result<Self, String> {
        let mut runtime = Builder::new_multi_thread();
        runtime.worker_threads(options.workers).enable_all();
        let watched = watch(options, &mut runtime)?;
        let runtime = runtime.build().map_err(|error| error.to_string())?;
        let address =
            watched.as_ref().map_or_else(|| "nowhere".to_owned(), |(_, address)| address.to_string());
        say(&format!("listening {address}"));
        let handle = watched.map(|(handle, _)| handle);
        let spawner = Spawner { source: options.source, handle, runtime: runtime.handle().clone() };
        Ok(Self { runtime, spawner, workers: options.workers })
    }

    /// Spawns as a program with this source does.
    #[track_caller]
    pub(crate) fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawner.spawn(future)
    }

    /// Spawns with a name.
    #[track_caller]
    pub(crate) fn spawn_named<F>(&self, name: &str, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.spawner.spawn_named(name, future)
    }
}

/// Installs the source and serves its recorder.
fn watch(options: &Options, runtime: &mut Builder) -> Result<Option<(Handle, Address)>, String> {
    let mut builder = taskscope::builder().bind(options.bind.clone());
    if let Some(name) = &options.name {
        builder = builder.name(name.clone());
    }
    let none = NoSubscriber::default;
    let server = match options.source {
        Source::Bare => return Ok(None),
        Source::Init => {
            let handle = builder.try_init().map_err(|error| error.to_string())?;
            let address = match options.bind.strip_prefix("unix:") {
                Some(path) => Address::Unix(path.into()),
                None => Address::Tcp(options.bind.parse().map_err(|_| options.bind.clone())?),
            };
            return Ok(Some((handle, address)));
        }
        Source::Wrap => {
            let (subscriber, server) = builder.wrap(none());
            install(subscriber);
            server
        }
        Source::All => {
            let (subscriber, server) = builder.wrap(none());
            install(subscriber);
            hook(server.handle(), runtime);
            server
        }
        Source::Layer => {
            let (layer, server) = builder.build_layer();
            install(tracing_subscriber::registry().with(layer));
            server
        }
        Source::Blinded => {
            let (layer, server) = builder.build_layer();
            install(tracing_subscriber::registry().with(layer).with(LevelFilter::INFO));
            server
        }
        Source::Hooks => {
            let (_, server) = builder.wrap(none());
            hook(server.handle(), runtime);
            server
        }
        Source::Wrappers => builder.wrap(none()).1,
    };
    let handle = server.handle().clone();
    let address = server.spawn().map_err(|error| error.to_string())?;
    Ok(Some((handle, address)))
}

/// Spawns as a program with its source does.
#[derive(Clone)]
pub(crate) struct Spawner {
    pub(crate) source: Source,
    pub(crate) handle: Option<Handle>,
    runtime: tokio::runtime::Handle,
}

impl Spawner {
    /// The same on another runtime.
    pub(crate) fn on(&self, runtime: &tokio::runtime::Handle) -> Self {
        Self { runtime: runtime.clone(), ..self.clone() }
    }

    #[track_caller]
    pub(crate) fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match (self.source, &self.handle) {
            (Source::Wrappers | Source::Init | Source::All, Some(handle)) => {
                taskscope::task::Builder::new().handle(handle).spawn_on(future, &self.runtime)
            }
            _ => self.runtime.spawn(future),
        }
    }

    #[track_caller]
    pub(crate) fn spawn_named<F>(&self, name: &str, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match &self.handle {
            Some(handle) => {
                taskscope::task::Builder::new().handle(handle).name(name).spawn_on(future, &self.runtime)
            }
            None => self.runtime.spawn(future),
        }
    }

    /// Spawns a local task, on a runtime and thread of its own.
    pub(crate) fn spawn_on_own_thread<F>(&self, name: &'static str, work: impl FnOnce() -> F + Send + 'static)
    where
        F: Future<Output = ()> + 'static,
    {
        let handle = self.handle.clone();
        std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            tokio::task::LocalSet::new().block_on(&runtime, async move {
                let task = match &handle {
                    Some(handle) => {
                        taskscope::task::Builder::new().handle(handle).name(name).spawn_local(work())
                    }
                    None => tokio::task::spawn_local(work()),
                };
                task.await.expect("it does not panic");
            });
        });
    }

    #[track_caller]
    pub(crate) fn spawn_blocking<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> JoinHandle<R> {
        self.runtime.spawn_blocking(work)
    }
}

fn install(subscriber: impl Into<Dispatch>) {
    tracing::dispatcher::set_global_default(subscriber.into()).expect("the program has set no other");
}

#[cfg(tokio_unstable)]
fn hook(handle: &Handle, runtime: &mut Builder) {
    taskscope::Hooks::new(handle).install(runtime);
}

#[cfg(not(tokio_unstable))]
fn hook(_handle: &Handle, _runtime: &mut Builder) {
    panic!("runtime hooks need --cfg tokio_unstable");
}

/// The commands, until the test is over.
pub(crate) fn commands() -> impl Iterator<Item = String> {
    std::io::stdin().lock().lines().map_while(Result::ok)
}

/// The answer to a command.
pub(crate) fn answer(value: &Value) {
    say(&value.to_string());
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // A test that has ended reads no more; then this process ends, too, by its stdin.
    let _gone = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Resident memory of this process, by Linux's word.
pub(crate) fn rss_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    kib.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
}
