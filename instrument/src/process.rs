//! tokio's child processes, on record: `use taskscope::process` in place of `use tokio::process`.
//!
//! A child is a resource with its program, number and how it ended; who waits for it, and since when. Its pipes are streams of
//! [`taskscope::io`](crate::io).

use std::{
    ffi::OsStr,
    io,
    panic::Location,
    path::Path,
    process::{ExitStatus, Output, Stdio},
};

use crate::io::{
    Instrumented, descriptor,
    meter::{Call, Meter, Way, nothing},
};

/// What is written to a child.
pub type ChildStdin = Instrumented<tokio::process::ChildStdin>;
/// What a child writes.
pub type ChildStdout = Instrumented<tokio::process::ChildStdout>;
/// What a child complains of.
pub type ChildStderr = Instrumented<tokio::process::ChildStderr>;

/// A process to be started; as tokio's.
#[derive(Debug)]
pub struct Command(tokio::process::Command);

impl From<std::process::Command> for Command {
    fn from(command: std::process::Command) -> Self {
        Self(command.into())
    }
}

impl Command {
    /// A program without arguments.
    pub fn new<S: AsRef<OsStr>>(program: S) -> Self {
        Self(tokio::process::Command::new(program))
    }

    /// The command as the standard library has it.
    pub fn as_std(&self) -> &std::process::Command {
        self.0.as_std()
    }

    /// The command as the standard library has it.
    pub fn as_std_mut(&mut self) -> &mut std::process::Command {
        self.0.as_std_mut()
    }

    /// One more argument.
    pub fn arg<S: AsRef<OsStr>>(&mut self, argument: S) -> &mut Self {
        self.0.arg(argument);
        self
    }

    /// More arguments.
    pub fn args<I, S>(&mut self, arguments: I) -> &mut Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.0.args(arguments);
        self
    }

    /// A variable of its environment.
    pub fn env<K: AsRef<OsStr>, V: AsRef<OsStr>>(&mut self, key: K, value: V) -> &mut Self {
        self.0.env(key, value);
        self
    }

    /// Variables of its environment.
    pub fn envs<I, K, V>(&mut self, variables: I) -> &mut Self
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.0.envs(variables);
        self
    }

    /// A variable that it shall not have.
    pub fn env_remove<K: AsRef<OsStr>>(&mut self, key: K) -> &mut Self {
        self.0.env_remove(key);
        self
    }

    /// It shall have no variables of this process.
    pub fn env_clear(&mut self) -> &mut Self {
        self.0.env_clear();
        self
    }

    /// The folder that it starts in.
    pub fn current_dir<P: AsRef<Path>>(&mut self, folder: P) -> &mut Self {
        self.0.current_dir(folder);
        self
    }

    /// What it reads.
    pub fn stdin<T: Into<Stdio>>(&mut self, from: T) -> &mut Self {
        self.0.stdin(from);
        self
    }

    /// Where it writes.
    pub fn stdout<T: Into<Stdio>>(&mut self, to: T) -> &mut Self {
        self.0.stdout(to);
        self
    }

    /// Where it complains.
    pub fn stderr<T: Into<Stdio>>(&mut self, to: T) -> &mut Self {
        self.0.stderr(to);
        self
    }

    /// Whether it is killed when its [`Child`] is dropped.
    pub fn kill_on_drop(&mut self, kill: bool) -> &mut Self {
        self.0.kill_on_drop(kill);
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn spawn(&mut self) -> io::Result<Child> {
        let at = Location::caller();
        let child = self.0.spawn()?;
        Ok(Child::new(child, &self.program(), at))
    }

    /// Starts it and waits for its end.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn status(&mut self) -> impl Future<Output = io::Result<ExitStatus>> + use<> {
        let child = self.spawn();
        async move {
            let mut child = child?;
            drop(child.stdin.take());
            drop(child.stdout.take());
            drop(child.stderr.take());
            child.wait().await
        }
    }

    /// Starts it, waits for its end and takes what it wrote.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn output(&mut self) -> impl Future<Output = io::Result<Output>> + use<> {
        self.0.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = self.spawn();
        async move { child?.wait_with_output().await }
    }

    fn program(&self) -> String {
        self.as_std().get_program().to_string_lossy().into_owned()
    }
}

/// A process that was started.
#[derive(Debug)]
pub struct Child {
    /// What is written to it, if that is a pipe.
    pub stdin: Option<ChildStdin>,
    /// What it writes, if that is a pipe.
    pub stdout: Option<ChildStdout>,
    /// What it complains of, if that is a pipe.
    pub stderr: Option<ChildStderr>,
    inner: tokio::process::Child,
    program: String,
    meter: Meter,
}

impl Child {
    fn new(mut inner: tokio::process::Child, program: &str, at: &'static Location<'static>) -> Self {
        let meter = Meter::new("Child", "", at);
        let program = match inner.id() {
            Some(pid) => format!("{program} (pid {pid})"),
            None => program.to_owned(),
        };
        meter.describe(None, &program, "running");
        Self {
            stdin: inner.stdin.take().map(|pipe| piped(pipe, &program, "stdin", at)),
            stdout: inner.stdout.take().map(|pipe| piped(pipe, &program, "stdout", at)),
            stderr: inner.stderr.take().map(|pipe| piped(pipe, &program, "stderr", at)),
            inner,
            program,
            meter,
        }
    }

    /// Its number, until its end was heard of.
    pub fn id(&self) -> Option<u32> {
        self.inner.id()
    }

    /// Kills it, without waiting for its end.
    ///
    /// # Errors
    /// As tokio's.
    pub fn start_kill(&mut self) -> io::Result<()> {
        self.inner.start_kill()
    }

    /// Kills it and waits for its end.
    ///
    /// # Errors
    /// As tokio's.
    pub async fn kill(&mut self) -> io::Result<()> {
        self.start_kill()?;
        self.wait().await.map(|_| ())
    }

    /// Closes its stdin and waits for its end.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn wait(&mut self) -> impl Future<Output = io::Result<ExitStatus>> + Send + '_ {
        let call = Call { way: Way::In, method: "Child::wait", at: Location::caller() };
        drop(self.stdin.take());
        async move {
            let status = self.meter.wait(call, self.inner.wait(), nothing).await?;
            self.meter.describe(None, &self.program, &status.to_string());
            Ok(status)
        }
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// As tokio's.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.inner.try_wait()?;
        if let Some(status) = &status {
            self.meter.describe(None, &self.program, &status.to_string());
        }
        Ok(status)
    }

    /// Waits for its end and takes what it wrote.
    ///
    /// # Errors
    /// As tokio's.
    pub async fn wait_with_output(mut self) -> io::Result<Output> {
        let (stdout, stderr) = (self.stdout.take(), self.stderr.take());
        let (status, stdout, stderr) = tokio::try_join!(self.wait(), all(stdout), all(stderr))?;
        Ok(Output { status, stdout, stderr })
    }
}

async fn all<T: tokio::io::AsyncRead + Unpin>(pipe: Option<Instrumented<T>>) -> io::Result<Vec<u8>> {
    use tokio::io::AsyncReadExt as _;
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes).await?;
    }
    Ok(bytes)
}

fn piped<T: Pipe>(
    pipe: T,
    program: &str,
    end: &'static str,
    at: &'static Location<'static>,
) -> Instrumented<T> {
    let meter = Meter::new("ChildPipe", end, at);
    meter.describe(descriptor(&pipe), end, program);
    Instrumented::metered(pipe, meter.into())
}

/// What [`descriptor`] can be asked of.
#[cfg(unix)]
use std::os::fd::AsRawFd as Pipe;

#[cfg(not(unix))]
trait Pipe {}
#[cfg(not(unix))]
impl<T> Pipe for T {}
