//! The programs of `tests/attach`: each built once, and ended with the test that started it.

use std::{
    collections::HashMap,
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use taskscope_await::Program;
use taskscope_debuginfo::{Sources, read};

/// As people build them; see the workspace's manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Profile {
    Dev,
    Release,
    Fat,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
            Self::Fat => "fat",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            other => other.name(),
        }
    }
}

/// A program that is built, and what its debug information says.
#[derive(Debug, Clone)]
pub(crate) struct Built {
    pub(crate) path: PathBuf,
    pub(crate) program: Arc<Program>,
}

/// A program of `tests/attach`.
pub(crate) fn built(name: &'static str, profile: Profile) -> Built {
    static BUILT: Mutex<Option<HashMap<(&str, Profile), Built>>> = Mutex::new(None);
    // One build at a time: they share a target folder, and several would not be faster. One that failed fails again.
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let built = built.get_or_insert_default();
    built.entry((name, profile)).or_insert_with(|| build(name, profile)).clone()
}

fn build(name: &str, profile: Profile) -> Built {
    // Another compiler than the one of this test, for those that want to know whether its debug information is read.
    let toolchain = env::var("TASKSCOPE_ATTACH_TOOLCHAIN").ok();
    let folder = toolchain.as_ref().map_or("attach".to_owned(), |name| format!("attach-{name}"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name(folder);
    let mut cargo = match &toolchain {
        Some(name) => {
            let mut cargo = Command::new("rustup");
            cargo.args(["run", name, "cargo"]);
            cargo
        }
        None => Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())),
    };
    let ours = |name: &str| {
        name.starts_with("CARGO_PROFILE_") || name.ends_with("RUSTFLAGS") || name == "RUSTUP_TOOLCHAIN"
    };
    let status = cargo
        .args(["build", "--quiet", "--locked", "--package", name, "--profile", profile.name()])
        .current_dir(workspace())
        // What this test was built with is not for the programs: they are plain tokio's.
        .env_clear()
        .envs(env::vars_os().filter(|(name, _)| !ours(&name.to_string_lossy())))
        .env("CARGO_TARGET_DIR", &target)
        .status();
    assert!(status.expect("cargo runs this test, so it can be started").success());
    let path = target.join(profile.folder()).join(name);
    let program = program(&Sources { binary: path.clone(), debug_file: None });
    Built { path, program }
}

/// What the debug information says.
pub(crate) fn program(sources: &Sources) -> Arc<Program> {
    let read = read(sources, &mut |_| ()).expect("it has debug information");
    assert_eq!(read.problem, None);
    Arc::new(Program::new(read.index))
}

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/attach")
}

/// A process of ours; killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Running {
    /// Starts a program and waits until it says that it is ready.
    pub(crate) fn start(path: &Path, arguments: &[&str]) -> Self {
        let mut running = Self::spawn(Command::new(path).args(arguments));
        assert_eq!(running.line(), format!("ready {}", running.pid()));
        running
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it was built, so it can be started");
        let input = child.stdin.take().expect("it is piped");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, input, output }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("its output can be read");
        line.trim_end().to_owned()
    }

    /// What it answers to a line.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.say(line);
        self.line()
    }

    pub(crate) fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("it reads its input");
    }

    /// Kills it and does not wait: it is a zombie once the kernel is done with it.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is our child");
    }

    /// Waits until a process that was killed is no more than a number: it loses its memory before that.
    pub(crate) fn become_zombie(&self) {
        while !self.is_zombie() {
            thread::yield_now();
        }
    }

    /// Takes the zombie away.
    pub(crate) fn wait(&mut self) {
        self.child.wait().expect("it is our child");
    }

    /// Whether it has ended, and its parent has not asked for it.
    pub(crate) fn is_zombie(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, fields)| fields.trim_start().starts_with('Z'))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already: then there is nothing to kill, and it is waited for all the same.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
