//! The thread that reads.

use std::{
    fs::File,
    path::Path,
    process, thread,
    time::{Duration, Instant},
};

use taskscope_debuginfo::{Progress, Sources};
use taskscope_model::{MemoryNews, MemoryWish};
use taskscope_observe::{AttachError, Observer, Process, SeenTask, Source, await_trees, started_ticks};
use taskscope_proto::v1;
use tokio::{runtime::Handle, sync::watch, time::timeout};

use super::{Beside, Program, Wanted};
use crate::{attach, shell::attached::pause_after, target::Reading};

/// How long a program may take to name its reader to the kernel, after it was asked to.
const PERMISSION_PATIENCE: Duration = Duration::from_secs(2);
/// Between two tries.
const PERMISSION_PAUSE: Duration = Duration::from_millis(50);
/// Progress is said so often.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// Reads as long as the connection is there.
pub(super) fn read(beside: &Beside, mut wanted: watch::Receiver<Wanted>, runtime: &Handle) {
    let mut opened: Option<Opened> = None;
    loop {
        let Wanted { program, wish } = wanted.borrow_and_update().clone();
        let mut pause = None;
        if let Some(program) = program.filter(|_| wish != MemoryWish::Nothing) {
            let opened = match opened.take_if(|opened| opened.program == program) {
                Some(known) => opened.insert(known),
                None => opened.insert(Opened { observer: open(beside, &program), program }),
            };
            let began = Instant::now();
            let news = opened.look(&wish);
            let took = began.elapsed();
            if !beside.send(news) {
                return;
            }
            beside.answered();
            if opened.observer.is_ok() {
                pause = Some(pause_after(took));
            } else {
                beside.name_reader(0);
            }
        }
        if !wait(&mut wanted, pause, runtime, beside) {
            return;
        }
    }
}

/// What is read, or why it is not: a sentence.
struct Opened {
    program: Program,
    observer: Result<Observer, String>,
}

impl Opened {
    fn look(&mut self, wish: &MemoryWish) -> MemoryNews {
        let trees = match &mut self.observer {
            Ok(observer) => trees(observer, wish).map_err(|error| sentence(&error.to_string())),
            Err(why) => Err(why.clone()),
        };
        match trees {
            Ok(trees) => MemoryNews::Trees(trees),
            Err(why) => {
                self.observer = Err(why.clone());
                MemoryNews::Problem(why)
            }
        }
    }
}

/// Waits until something else is wanted, and no longer than `pause`. False: the connection is gone.
fn wait(
    wanted: &mut watch::Receiver<Wanted>,
    pause: Option<Duration>,
    runtime: &Handle,
    beside: &Beside,
) -> bool {
    let changed = async {
        tokio::select! {
            changed = wanted.changed() => changed.is_ok(),
            () = beside.news.closed() => false,
        }
    };
    match pause {
        None => runtime.block_on(changed),
        Some(pause) => runtime.block_on(async { timeout(pause, changed).await.unwrap_or(true) }),
    }
}

fn sentence(why: &str) -> String {
    format!("Not read from memory: {why}")
}

/// Makes sure that a process of this machine is the program, and reads its debug information. The error is a sentence.
fn open(beside: &Beside, program: &Program) -> Result<Observer, String> {
    if program.pid == 0 || program.started_ticks == 0 {
        return Err(sentence(
            "the program does not say which process it is; its taskscope is older, or it is not on Linux",
        ));
    }
    let pid = program.pid;
    if started_ticks(pid) != Some(program.started_ticks) {
        return Err(sentence(&format!(
            "process {pid} is not on this machine. Run the console there, or give the program an index: `taskscope index`"
        )));
    }
    beside.name_reader(process::id());
    let opened = permitted(pid).map_err(|error| sentence(&error.to_string()))?;
    let executable = opened.executable().map_err(|error| sentence(&format!("process {pid}: {error}")))?;
    let binary = attach::binary(&opened, &executable);
    check_build(&binary, program)?;
    let Reading { debug_file, strings, .. } = beside.shared.reading.clone();
    let sources = Sources { binary, debug_file };
    let mut said: Option<Instant> = None;
    let mut show = |progress: Progress| {
        if said.is_none_or(|at| at.elapsed() >= PROGRESS_INTERVAL) {
            said = Some(Instant::now());
            let percent = progress.done_bytes.saturating_mul(100) / progress.all_bytes.max(1);
            let all = progress.all_bytes >> 20;
            beside.send(MemoryNews::Problem(format!(
                "Reading the program's debug information: {percent} % of {all} MiB"
            )));
        }
    };
    let (index, problem) =
        attach::index(&sources, &mut show).map_err(|error| sentence(&error.to_string()))?;
    if let Some(problem) = problem {
        return Err(sentence(&problem));
    }
    let program = std::sync::Arc::new(taskscope_await::Program::new(index));
    Observer::new(Source::Live(opened), program, strings).map_err(|error| sentence(&error.to_string()))
}

/// Opens the process; where the kernel wants the program's permission first, that takes a moment.
fn permitted(pid: u32) -> Result<Process, AttachError> {
    let began = Instant::now();
    loop {
        match Process::open(pid) {
            Err(AttachError::Refused { .. }) if began.elapsed() < PERMISSION_PATIENCE => {
                thread::sleep(PERMISSION_PAUSE);
            }
            other => return other,
        }
    }
}

/// Another process may have the number by now.
fn check_build(binary: &Path, program: &Program) -> Result<(), String> {
    let file = File::open(binary).map_err(|error| sentence(&format!("{}: {error}", binary.display())))?;
    let found = taskscope_names::build_id(&file).unwrap_or_default();
    if found == program.build_id {
        return Ok(());
    }
    Err(sentence(&format!("process {} of this machine runs another program", program.pid)))
}

fn trees(observer: &mut Observer, wish: &MemoryWish) -> Result<Vec<(u64, v1::AwaitTree)>, AttachError> {
    let seen: Vec<SeenTask> = match wish {
        MemoryWish::Nothing => Vec::new(),
        MemoryWish::Tasks(ids) => observer.tasks(ids)?,
        MemoryWish::All => observer.look()?.tasks,
    };
    Ok(await_trees(observer.source(), &seen))
}
