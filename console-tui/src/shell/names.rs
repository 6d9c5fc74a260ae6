//! Names of functions on stacks of a program that sends addresses in files: most do, as names in the program are a feature of taskscope's (`symbols`).
//!
//! A stack's file is opened where the program says it is, and used if it has the same build-id ([`file`]). One thread at a time looks names up; a frame is not held up by it
//! (on a screen, a stack is named one round later), but for as long as [`Patience`] says.
//!
//! Limits: [`MAX_KNOWN`] addresses and [`MAX_FILES`] files are kept for a connection; past that all are forgotten. What `taskscope-names` reads of a file has limits of its own.
//!
//! Invariant: what a peer sends leads to no panic, opens no file but a regular one, and no thread but one at a time.

mod file;
mod reasons;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::AcqRel, Ordering::Acquire, Ordering::Release},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use taskscope_names::{Looked, StackFrame};
use taskscope_proto::{
    cut,
    limits::{MAX_STACK_FRAMES, MAX_TEXT_BYTES},
    v1::{self, Frame},
};
use tokio::time::sleep;

use self::reasons::Reasons;
use crate::target::{Patience, Target};

/// Addresses whose names are kept, over all files.
const MAX_KNOWN: usize = 16_384;
/// Files that were asked for.
const MAX_FILES: usize = 256;
/// How often a report that waits for names looks for them.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The thread that reads files; a panic of it, over a file that makes no sense, is no end of the console.
pub(super) const THREAD: &str = "taskscope-names";

/// The thread is at work, for whichever connection: one that hangs in a file system is not followed by others.
static AT_WORK: AtomicBool = AtomicBool::new(false);

/// The names of one connection.
#[derive(Debug)]
pub struct Names {
    patience: Patience,
    /// The program may run on this machine, as far as its address shows.
    is_near: bool,
    pid: u32,
    files: HashMap<v1::CodeFile, FileState>,
    known: usize,
    under_way: Option<UnderWay>,
}

/// What is being looked up.
#[derive(Debug)]
struct UnderWay {
    files: Vec<v1::CodeFile>,
    done: mpsc::Receiver<Done>,
}

/// What is known of a file.
#[derive(Debug, Default)]
struct FileState {
    frames: HashMap<u64, Arc<[StackFrame]>>,
    /// Why it has no names at all, the end of a sentence.
    refused: Option<String>,
    /// Why it has no lines, a sentence without its stop.
    problem: Option<String>,
}

type Request = (v1::CodeFile, Vec<u64>);
type Done = Vec<(Request, Result<Looked, String>)>;

impl Names {
    /// Those of a program at `target`; none is known yet.
    pub fn new(target: &Target, patience: Patience) -> Self {
        let is_near = target.is_near();
        Self { patience, is_near, pid: 0, files: HashMap::new(), known: 0, under_way: None }
    }

    /// Gives the stacks of a frame the names that are known, and has those looked up that are not.
    pub async fn fill(&mut self, frame: &mut Frame) {
        if let Some(hello) = &frame.hello {
            self.pid = hello.pid;
        }
        let Some(scheduler) = &mut frame.scheduler else { return };
        let wants_names = |poll: &v1::StuckPoll| poll.stack.iter().any(|frame| frame.code_file != 0);
        if !scheduler.stuck.iter().any(wants_names) {
            return;
        }
        let since = Instant::now();
        while self.is_near && self.is_waiting_for(&scheduler.stuck) {
            if since.elapsed() >= self.patience.length() {
                break;
            }
            sleep(LOOK_EVERY).await;
        }
        for poll in scheduler.stuck.iter_mut().filter(|poll| wants_names(poll)) {
            self.name(poll);
        }
        // As the program itself leaves them out, where it has names: they are allowed to block.
        scheduler.stuck.retain(|poll| {
            !poll.stack.iter().any(|frame| !frame.own && frame.function.contains("block_in_place"))
        });
    }

    /// Takes what was found, and has the rest looked up. True: there is a rest.
    fn is_waiting_for(&mut self, polls: &[v1::StuckPoll]) -> bool {
        if let Some(under_way) = self.under_way.take() {
            match under_way.done.try_recv() {
                Ok(done) => self.take_in(done),
                Err(mpsc::TryRecvError::Empty) => {
                    self.under_way = Some(under_way);
                    return true;
                }
                // It panicked, and would do so again.
                Err(mpsc::TryRecvError::Disconnected) => {
                    for file in under_way.files {
                        self.files.entry(file).or_default().refused = Some("reading it failed".to_owned());
                    }
                }
            }
        }
        let unknown = self.unknown(polls);
        if unknown.is_empty() {
            return false;
        }
        let files: Vec<v1::CodeFile> = unknown.iter().map(|(file, _)| file.clone()).collect();
        if AT_WORK.compare_exchange(false, true, AcqRel, Acquire).is_err() {
            return true;
        }
        let at_work = AtWork;
        let (sender, receiver) = mpsc::channel();
        let pid = self.pid;
        let look = move || {
            let _at_work = at_work;
            let found = unknown.into_iter().map(|(file, addresses)| {
                let looked = file::look_up(&file, pid, &addresses);
                ((file, addresses), looked)
            });
            // The connection may be no more.
            let _sent = sender.send(found.collect());
        };
        // Without a thread to be had there are no names; the next frame tries again.
        let started = thread::Builder::new().name(THREAD.to_owned()).spawn(look);
        self.under_way = started.is_ok().then_some(UnderWay { files, done: receiver });
        self.under_way.is_some()
    }

    fn unknown(&mut self, polls: &[v1::StuckPoll]) -> Vec<Request> {
        let wanted = polls.iter().map(|poll| poll.stack.len()).sum::<usize>();
        if self.known + wanted > MAX_KNOWN || self.files.len() > MAX_FILES {
            self.files.clear();
            self.known = 0;
        }
        let mut unknown: Vec<Request> = Vec::new();
        let addresses = polls.iter().flat_map(|poll| {
            poll.stack.iter().filter_map(|frame| Some((file_of(poll, frame)?, frame.address)))
        });
        for (file, address) in addresses {
            let state = self.files.get(file);
            if state.is_some_and(|it| it.refused.is_some() || it.frames.contains_key(&address)) {
                continue;
            }
            match unknown.iter_mut().find(|(known, _)| known == file) {
                Some((_, addresses)) if addresses.contains(&address) => {}
                Some((_, addresses)) => addresses.push(address),
                None => unknown.push((file.clone(), vec![address])),
            }
        }
        unknown
    }

    fn take_in(&mut self, done: Done) {
        for ((file, addresses), looked) in done {
            let state = self.files.entry(file).or_default();
            match looked {
                Err(why) => state.refused = Some(why),
                Ok(looked) => {
                    self.known += addresses.len();
                    state.problem = looked.problem.or(state.problem.take());
                    let frames = looked.frames.into_iter().map(Arc::from);
                    state.frames.extend(addresses.into_iter().zip(frames));
                }
            }
        }
    }

    /// Puts names in the place of addresses, as far as they are known, and says why they are not.
    fn name(&self, poll: &mut v1::StuckPoll) {
        let mut stack: Vec<v1::StackFrame> = Vec::new();
        let mut reasons = Reasons::default();
        // Whether it is known that an outermost frame has no name, as where a thread is started.
        let mut is_settled = true;
        for frame in &poll.stack {
            let file = file_of(poll, frame);
            let state = file.and_then(|file| self.files.get(file));
            if let Some(frames) = state.and_then(|state| state.frames.get(&frame.address)) {
                stack.extend(frames.iter().map(|named| with_name(frame, named)));
            } else {
                is_settled &= file.is_none();
                stack.push(frame.clone());
            }
            if let Some(file) = file {
                reasons.add(file, state);
            }
        }
        while is_settled && stack.len() > 1 && stack.last().is_some_and(|frame| frame.function.is_empty()) {
            stack.pop();
        }
        let more = stack.len().saturating_sub(MAX_STACK_FRAMES);
        stack.truncate(MAX_STACK_FRAMES);
        poll.stack = stack;
        let more = (more > 0).then(|| format!("{more} frames further out are not shown."));
        let said = if self.is_near { reasons.sentences() } else { reasons::FAR.to_owned() };
        let parts = [poll.problem.clone(), said].into_iter().chain(more);
        let problem = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        cut::start(&problem, MAX_TEXT_BYTES).clone_into(&mut poll.problem);
    }
}

/// While this is there, the thread is at work.
struct AtWork;

impl Drop for AtWork {
    fn drop(&mut self) {
        AT_WORK.store(false, Release);
    }
}

/// The file that a frame without a name is in.
fn file_of<'p>(poll: &'p v1::StuckPoll, frame: &v1::StackFrame) -> Option<&'p v1::CodeFile> {
    let index = (frame.code_file as usize).checked_sub(1).filter(|_| frame.function.is_empty())?;
    poll.code_files.get(index)
}

/// The frame as it is shown: with its name, or where there is none, with its address still.
fn with_name(frame: &v1::StackFrame, named: &StackFrame) -> v1::StackFrame {
    if named.function.is_empty() {
        return frame.clone();
    }
    let own = named.is_own();
    v1::StackFrame {
        function: named.function.clone(),
        file: named.file.clone(),
        line: named.line,
        own,
        code_file: 0,
        address: 0,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
