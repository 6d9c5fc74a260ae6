//! `taskscope attach` and `taskscope core`: which process or core file, and what its debug information says, before the terminal changes.
//!
//! Invariant: every mistake is a sentence with what to do next, and nothing of the process is touched.

mod choose;

use std::{
    fmt, fs,
    io::{self, IsTerminal as _, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use color_eyre::eyre::{self, WrapErr as _};
use etcetera::BaseStrategy as _;
use taskscope_await::{Index, Program};
use taskscope_debuginfo::{Cached, DebugInfoError, Progress, Sources};

use crate::target::Reading;
use taskscope_observe::{AttachError, Core, Process, Source};

/// Where the memory is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Memory {
    /// In a process that runs.
    Process(u32),
    /// In a file that was written when it died, and the program's own, where that is not at its path.
    Core(PathBuf, Option<PathBuf>),
}

impl Memory {
    /// Opens it.
    ///
    /// # Errors
    /// It is not there, or this process may not read it.
    pub fn open(&self) -> Result<Source, AttachError> {
        match self {
            Self::Process(pid) => Process::open(*pid).map(Source::Live),
            Self::Core(core, program) => Core::open(core, program.as_deref()).map(Source::Core),
        }
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(pid) => write!(f, "process {pid}"),
            Self::Core(core, _) => write!(f, "{}", core.display()),
        }
    }
}

/// A process that is read from outside.
#[derive(Debug, Clone)]
pub struct Watched {
    /// Where its memory is.
    pub memory: Memory,
    /// What its debug information says.
    pub program: Arc<Program>,
    /// What is missing there, and the cure.
    pub problems: Vec<String>,
    /// The texts of variables are shown.
    pub strings: bool,
}

impl PartialEq for Watched {
    fn eq(&self, other: &Self) -> bool {
        self.memory == other.memory
            && Arc::ptr_eq(&self.program, &other.program)
            && self.strings == other.strings
    }
}

impl Eq for Watched {}

/// What the command line asks for.
#[derive(Debug, Default)]
pub struct Wanted {
    /// A number, or a part of a name; `None`: the one process with tokio in it, or a choice.
    pub process: Option<String>,
    /// How it is read.
    pub reading: Reading,
}

/// Finds the process, makes sure that it may be read, and reads its debug information.
///
/// # Errors
/// There is no such process, this one may not read it, or its debug information has no task of tokio's.
pub fn prepare(wanted: &Wanted) -> eyre::Result<Watched> {
    let pid = choose::process(wanted.process.as_deref())?;
    let process = Process::open(pid)?;
    let executable = process.executable().wrap_err_with(|| format!("process {pid} has no program"))?;
    let binary = binary(&process, &executable);
    read(Memory::Process(pid), &executable, binary, wanted)
}

/// Opens a core file and reads the debug information of its program.
///
/// # Errors
/// It is no core file, its program is not there, or its debug information has no task of tokio's.
pub fn prepare_core(core: PathBuf, program: Option<PathBuf>, wanted: &Wanted) -> eyre::Result<Watched> {
    let executable = Core::open(&core, program.as_deref())?.executable().to_owned();
    let binary = program.clone().unwrap_or_else(|| PathBuf::from(&executable));
    let missing = || {
        format!(
            "the program of {} is not at {}; name it after the core file",
            core.display(),
            binary.display()
        )
    };
    fs::metadata(&binary).wrap_err_with(missing)?;
    read(Memory::Core(core, program), &executable, binary, wanted)
}

/// Reads the debug information of a program.
fn read(memory: Memory, executable: &str, binary: PathBuf, wanted: &Wanted) -> eyre::Result<Watched> {
    let sources = Sources { binary, debug_file: wanted.reading.debug_file.clone() };
    let mut bar = Bar::default();
    let read = index(&sources, &mut |progress| bar.show(executable, progress));
    bar.clear();
    let (index, problem) = read?;
    Ok(Watched {
        memory,
        program: Arc::new(Program::new(index)),
        problems: problem.into_iter().collect(),
        strings: wanted.reading.strings,
    })
}

/// Writes an index of a program's debug information beside it, or to `output`; `-` is the standard output. The path of the file that it wrote.
///
/// # Errors
/// The program has no debug information that leads to tasks, or the file can't be written.
pub fn write_index(
    program: PathBuf,
    debug_file: Option<PathBuf>,
    output: Option<PathBuf>,
) -> eyre::Result<Option<PathBuf>> {
    let name = program.display().to_string();
    let beside = || {
        let mut path = program.clone().into_os_string();
        path.push(".taskscope");
        PathBuf::from(path)
    };
    let output = output.unwrap_or_else(beside);
    let mut bar = Bar::default();
    let sources = Sources { binary: program, debug_file };
    let read = taskscope_debuginfo::read(&sources, &mut |progress| bar.show(&name, progress));
    bar.clear();
    let read = read?;
    if let Some(problem) = read.problem {
        eyre::bail!("{name}: {problem}");
    }
    if read.index.build_id.is_empty() {
        eyre::bail!(
            "{name} has no build-id, by which the program knows its index; link it with -Wl,--build-id"
        );
    }
    let bytes = read.index.write();
    if output == Path::new("-") {
        io::stdout().lock().write_all(&bytes)?;
        return Ok(None);
    }
    fs::write(&output, bytes).wrap_err_with(|| format!("{} can't be written", output.display()))?;
    Ok(Some(output))
}

/// What debug information says, from the user's cache where that has it, and what is missing there.
pub(crate) fn index(
    sources: &Sources,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Index, Option<String>), DebugInfoError> {
    let Some(folder) = cache_folder() else {
        return taskscope_debuginfo::read(sources, progress).map(|read| (read.index, read.problem));
    };
    taskscope_debuginfo::cached(sources, &folder, progress).map(|cached| match cached {
        Cached::Kept(index) => (index, None),
        // That it was not kept costs the next start a second, no more.
        Cached::Made { read, .. } => (read.index, read.problem),
    })
}

/// The file of the program: at its own path, beside which its debug information may be, if that still is the same file.
pub(crate) fn binary(process: &Process, executable: &str) -> PathBuf {
    let (own, named) = (process.executable_file(), PathBuf::from(executable));
    let identity = |path: &PathBuf| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    if identity(&named).is_some() && identity(&named) == identity(&own) { named } else { own }
}

/// Where indexes are kept: `taskscope` in the user's folder for caches.
fn cache_folder() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.cache_dir().join("taskscope"))
}

/// How far the reading is, on a terminal alone.
#[derive(Debug, Default)]
struct Bar {
    shown: Option<u64>,
}

impl Bar {
    fn show(&mut self, name: &str, progress: Progress) {
        let percent = progress.done_bytes.saturating_mul(100) / progress.all_bytes.max(1);
        if !io::stderr().is_terminal() || self.shown == Some(percent) {
            return;
        }
        self.shown = Some(percent);
        let all = progress.all_bytes >> 20;
        // A terminal that is gone needs no progress.
        let _ = write!(io::stderr(), "\rreading the debug information of {name}: {percent} % of {all} MiB ");
    }

    fn clear(&self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}
