//! The program that is measured: a process of its own, so that nothing of the one that measures is counted.
//!
//! The child obeys commands on stdin, a line each, and answers each with `done`; its first line is its address.

use std::{
    future::poll_fn,
    io::{BufRead as _, BufReader, Lines, Write as _},
    net::TcpListener,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    str::FromStr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Poll, Waker},
    thread,
    time::Duration,
};

use tokio::{
    io::AsyncReadExt as _,
    runtime::{Builder, Runtime},
};
use tracing::subscriber::NoSubscriber;
use tracing_subscriber::prelude::*;

use crate::Outcome;

/// Finished tasks in flight at a time.
const BATCH: usize = 100;

/// What is installed in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Bare,
    /// A registry of tracing and nothing else: what `Layer` costs without us.
    Registry,
    Wrap,
    Layer,
    Console,
}

impl Source {
    pub(crate) const ALL: [Self; 5] = [Self::Bare, Self::Registry, Self::Wrap, Self::Layer, Self::Console];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Registry => "tracing registry alone",
            Self::Wrap => "taskscope::init / wrap",
            Self::Layer => "taskscope::layer",
            Self::Console => "console-subscriber 0.5.0",
        }
    }

    /// Installs it; returns its address.
    fn install(self) -> Outcome<String> {
        let builder = || taskscope::builder().bind("127.0.0.1:0");
        Ok(match self {
            Self::Bare => "nowhere".to_owned(),
            Self::Registry => {
                tracing::subscriber::set_global_default(tracing_subscriber::registry())?;
                "nowhere".to_owned()
            }
            Self::Wrap => {
                let (subscriber, server) = builder().wrap(NoSubscriber::default());
                tracing::subscriber::set_global_default(subscriber)?;
                server.spawn()?.to_string()
            }
            Self::Layer => {
                let (layer, server) = builder().build_layer();
                tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
                server.spawn()?.to_string()
            }
            Self::Console => {
                let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
                let layer = console_subscriber::ConsoleLayer::builder().server_addr(address).spawn();
                tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
                format!("http://{address}")
            }
        })
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|source| source.name() == text).ok_or_else(|| format!("no source {text}"))
    }
}

/// The child's side.
pub(crate) fn run(source: &str) -> Outcome<()> {
    let address = source.parse::<Source>()?.install()?;
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    say(&address)?;
    let parked = Arc::new(Parked::default());
    for command in std::io::stdin().lock().lines() {
        let command = command?;
        let (verb, number) = command.split_once(' ').ok_or("a command is a verb and a number")?;
        let number: usize = number.parse()?;
        match verb {
            "park" => parked.park(&runtime, number),
            "stir" => parked.stir(number),
            "busy" => busy(&runtime, number),
            "finish" => finish(&runtime, number),
            "read" => parked.read(&runtime, number),
            _ => return Err(format!("no command {verb}").into()),
        }
        say("done")?;
    }
    Ok(())
}

fn say(line: &str) -> Outcome<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Tasks that wait, and can be woken from outside, without a timer or a channel: those would be watched as well.
#[derive(Debug, Default)]
struct Parked {
    wakers: Mutex<Vec<Waker>>,
    polled: AtomicUsize,
    spawned: AtomicUsize,
}

impl Parked {
    /// `number` tasks of which one in a hundred can be woken: what the rest costs is a task alone.
    fn park(self: &Arc<Self>, runtime: &Runtime, number: usize) {
        for i in 0..number {
            let parked = Arc::clone(self);
            runtime.spawn(async move {
                let mut first = true;
                poll_fn(|context| {
                    if std::mem::take(&mut first) {
                        parked.polled.fetch_add(1, Relaxed);
                        if i.is_multiple_of(100) {
                            let mut wakers = parked.wakers.lock().unwrap_or_else(PoisonError::into_inner);
                            wakers.push(context.waker().clone());
                        }
                    }
                    Poll::<()>::Pending
                })
                .await;
            });
        }
        let spawned = self.spawned.fetch_add(number, Relaxed) + number;
        while self.polled.load(Relaxed) < spawned {
            thread::yield_now();
        }
    }

    /// `number` tasks, each of which waits to read from a stream of its own, in memory: what a hundred thousand connections look like.
    fn read(self: &Arc<Self>, runtime: &Runtime, number: usize) {
        for _ in 0..number {
            let parked = Arc::clone(self);
            runtime.spawn(async move {
                let (near, far) = tokio::io::duplex(16);
                let mut stream = taskscope::io::Instrumented::new(near);
                parked.polled.fetch_add(1, Relaxed);
                // Ends never: the other end lives as long.
                let _end = stream.read_u8().await;
                drop(far);
            });
        }
        let spawned = self.spawned.fetch_add(number, Relaxed) + number;
        while self.polled.load(Relaxed) < spawned {
            thread::yield_now();
        }
    }

    /// From now on wakes those that can be woken, `times` a second at most: one task in a hundred.
    fn stir(self: &Arc<Self>, times: usize) {
        let parked = Arc::clone(self);
        let gap = Duration::from_secs(1) / times.max(1) as u32;
        thread::spawn(move || {
            loop {
                thread::sleep(gap);
                let wakers = parked.wakers.lock().unwrap_or_else(PoisonError::into_inner);
                wakers.iter().for_each(Waker::wake_by_ref);
            }
        });
    }
}

/// Tasks that are polled without an end.
fn busy(runtime: &Runtime, number: usize) {
    for _ in 0..number {
        runtime.spawn(async {
            loop {
                tokio::task::yield_now().await;
            }
        });
    }
}

fn finish(runtime: &Runtime, number: usize) {
    for first in (0..number).step_by(BATCH) {
        let batch: Vec<_> =
            (first..number.min(first + BATCH)).map(|_| runtime.spawn(tokio::task::yield_now())).collect();
        // Without `block_on`, which is one more task to those who watch.
        while !batch.iter().all(tokio::task::JoinHandle::is_finished) {
            thread::yield_now();
        }
    }
}

/// The parent's side: ends with it.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) child: Child,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    pub(crate) address: String,
}

impl Program {
    pub(crate) fn start(source: Source) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["program", source.name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take().ok_or("no stdin")?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
        let address = lines.next().ok_or("no address")??;
        Ok(Self { child, stdin, lines, address })
    }

    /// Sends a command and waits until it is obeyed.
    pub(crate) fn obey(&mut self, command: &str) -> Outcome<()> {
        writeln!(self.stdin, "{command}")?;
        self.stdin.flush()?;
        self.lines.next().ok_or("the program has ended")??;
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Already dead is dead as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
