//! A program under test: a real process that says where it listens, answers commands, and is killed when it is dropped.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, channel},
    },
    thread,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::DEADLINE;

/// A running program.
#[derive(Debug)]
pub struct Program {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    errors: Arc<Mutex<String>>,
    address: String,
    /// Of its socket, where it has one of its own.
    folder: Option<TempDir>,
}

impl Program {
    /// Starts the executable and waits until it listens.
    ///
    /// # Panics
    /// It does not start, or does not say where it listens.
    pub fn start(executable: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(executable)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{executable}: {error}"));
        let stdin = child.stdin.take().expect("stdin is a pipe");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let stderr = BufReader::new(child.stderr.take().expect("stderr is a pipe"));
        let errors = Arc::new(Mutex::new(String::new()));
        let (sender, lines) = channel();
        let kept = Arc::clone(&errors);
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                eprintln!("[program] {line}");
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        // A thread, so that a program that says nothing fails its test instead of hanging it.
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut program = Self { child, stdin, lines, errors, address: String::new(), folder: None };
        let first = program.line();
        let address = first.strip_prefix("listening ");
        let address = address.unwrap_or_else(|| panic!("the first line is no address: {first}"));
        program.address.push_str(address);
        program
    }

    /// Starts a scenario with the process's own recorder, which `taskscope::init` makes: the wrappers of locks and sockets record there alone.
    ///
    /// # Panics
    /// It does not start, or there is no folder for its socket.
    pub fn start_init(executable: &str, scenario: &[&str]) -> Self {
        Self::start_init_through(&[], executable, scenario)
    }

    /// The same by a command that becomes the program: `ip netns exec NAME`.
    ///
    /// # Panics
    /// As above.
    pub fn start_init_through(command: &[&str], executable: &str, scenario: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the socket");
        let address = format!("unix:{}", folder.path().join("program.sock").display());
        let words = [command, &[executable], scenario, &["--source", "init", "--bind", &address]].concat();
        let mut program = Self::start(words[0], &words[1..]);
        program.folder = Some(folder);
        program
    }

    /// Where it listens: `http://host:port` or `unix:/path`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What it has said on stderr so far.
    pub fn errors(&self) -> String {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The process's id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// It is gone.
    pub fn signal(&self, signal: Signal) {
        let pid = self.pid().try_into().ok().and_then(Pid::from_raw).expect("a process's id");
        kill_process(pid, signal).expect("the program runs");
    }

    /// Sends a command and waits for its answer.
    pub fn ask(&mut self, command: &str) -> Value {
        self.send(command);
        self.answer()
    }

    /// Sends a command.
    ///
    /// # Panics
    /// The program has ended.
    pub fn send(&mut self, command: &str) {
        writeln!(self.stdin, "{command}").expect("the program reads its commands");
        self.stdin.flush().expect("the program reads its commands");
    }

    /// The answer to a command.
    ///
    /// # Panics
    /// None comes.
    pub fn answer(&mut self) -> Value {
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    }

    /// The answer to a command, if it is there.
    ///
    /// # Panics
    /// It is no JSON.
    pub fn try_answer(&mut self) -> Option<Value> {
        let line = self.lines.try_recv().ok()?;
        Some(serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
    }

    /// Kills it with SIGKILL: it gets no chance to say goodbye.
    pub fn kill(&mut self) {
        // Already dead is dead as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Resident memory in bytes, by Linux's word.
    ///
    /// # Panics
    /// The process is gone.
    pub fn rss_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the program runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux knows VmRSS");
        let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("VmRSS is a number");
        kib * 1024
    }

    fn line(&mut self) -> String {
        self.lines.recv_timeout(DEADLINE).unwrap_or_else(|error| {
            panic!("no line from the program: {error}; it has {:?}", self.child.try_wait())
        })
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        drop(self.folder.take());
    }
}
