//! `taskscope demo`: this executable, started again as a small service with real faults in it.
//!
//! Invariant: the service never outlives the console, however that ends: it holds the other end of a pipe that closes with
//! the console's process. Limit: loopback only, on ports that the operating system chooses.

mod checkout;
mod faults;
mod peers;
pub(crate) mod service;

use std::{io, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, ChildStdin, Command},
    time::timeout,
};

use crate::target::{Target, TargetError};

/// The only argument of the process that is the service.
pub const SERVICE_ARGUMENT: &str = "__demo-service";

/// Longest wait for the service to print its address.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes kept of the errors of a service that failed to start.
const MAX_LAST_WORDS_BYTES: u64 = 4096;

/// Why there is no service.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// This executable can't be started again.
    #[error("can't start this executable again")]
    Start(#[from] io::Error),
    /// It ended before it printed an address.
    #[error("it ended before it was ready: {0}")]
    Ended(String),
    /// It printed nothing in time.
    #[error("it was not ready within {} s", START_TIMEOUT.as_secs())]
    Silent,
    /// What it printed is no address.
    #[error("the demo printed an invalid address")]
    Address(#[from] TargetError),
}

/// The running service.
#[derive(Debug)]
pub struct Service {
    child: Child,
    /// Closes with this process; the service watches it.
    _alive: ChildStdin,
    target: Target,
}

impl Service {
    /// Starts it and waits until it can be watched.
    ///
    /// # Errors
    /// When it can't be started or isn't ready in time.
    pub async fn start() -> Result<Self, DemoError> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(SERVICE_ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let piped = || io::Error::other("a pipe is missing");
        let alive = child.stdin.take().ok_or_else(piped)?;
        let mut lines = BufReader::new(child.stdout.take().ok_or_else(piped)?).lines();
        let mut stderr = child.stderr.take().ok_or_else(piped)?;
        let Some(line) = timeout(START_TIMEOUT, lines.next_line()).await.map_err(|_| DemoError::Silent)??
        else {
            let mut words = String::new();
            (&mut stderr).take(MAX_LAST_WORDS_BYTES).read_to_string(&mut words).await?;
            return Err(DemoError::Ended(words.trim().to_owned()));
        };
        // Its errors are dropped: the screen belongs to the console, and a full pipe would stop the service.
        tokio::spawn(async move { tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await });
        Ok(Self { child, _alive: alive, target: line.parse()? })
    }

    /// Where it can be watched.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Ends it.
    pub async fn stop(mut self) {
        // An error means that it has ended by itself.
        let _ = self.child.kill().await;
    }
}
