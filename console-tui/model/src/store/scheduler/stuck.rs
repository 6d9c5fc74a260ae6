//! Polls that outlived the watchdog's threshold, and where their stacks say that they are.

use crate::{
    format::UNKNOWN,
    id::{SiteId, TaskKey},
    store::scheduler::{SAME_START_NS, spent::Spent},
};

/// A poll that outlived the watchdog's threshold.
#[derive(Debug, Default, Clone)]
pub(crate) struct StuckPoll {
    pub(crate) thread: u32,
    pub(crate) task: Option<TaskKey>,
    pub(crate) site: SiteId,
    pub(crate) started_ns: u64,
    /// `None`: it goes on.
    pub(crate) ended_ns: Option<u64>,
    /// Where its time went, up to when it was reported last; `None`: unknown.
    pub(crate) spent: Option<Spent>,
    /// When it was reported first.
    pub(crate) reported_ns: u64,
    /// When its stack was taken.
    pub(crate) captured_ns: Option<u64>,
    /// Innermost first.
    pub(crate) stack: Vec<StackFrame>,
    /// Why there is no stack, or not all of it.
    pub(crate) problem: Option<String>,
    pub(crate) kernel_state: Option<String>,
}

/// In names of the functions in which std's, parking_lot's and dashmap's locks wait.
const LOCKS: [&str; 8] = [
    "lock_contended",
    "write_contended",
    "read_contended",
    "lock_exclusive_slow",
    "lock_shared_slow",
    "lock_upgradable_slow",
    "lock_slow",
    "ReentrantMutex",
];

impl StuckPoll {
    /// Its thread sleeps in a lock that blocks it, as the names on its stack say.
    pub(crate) fn waits_for_a_lock(&self) -> bool {
        let is_lock = |frame: &StackFrame| {
            let named = frame.function.as_deref();
            named.is_some_and(|function| LOCKS.iter().any(|lock| function.contains(lock)))
        };
        self.kernel_state.as_deref() == Some("futex") && self.stack.iter().any(is_lock)
    }
}

/// A function on a stack.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct StackFrame {
    /// `None`: unknown.
    pub(crate) function: Option<String>,
    /// Of a function without a name, where it is.
    pub(crate) code: Option<Code>,
    /// `file:line`
    pub(crate) place: Option<String>,
    /// The program's own: not of tokio, std or taskscope.
    pub(crate) own: bool,
}

/// A place in a file of code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Code {
    /// The file's path.
    pub(crate) file: String,
    /// As the file's own tables count.
    pub(crate) address: u64,
}

impl StackFrame {
    /// Its name; else its place in its file, `app+0x41f20`, as `addr2line` takes it; else that it is unknown.
    pub(crate) fn words(&self) -> String {
        if let Some(function) = &self.function {
            return function.clone();
        }
        self.code.as_ref().map_or_else(
            || UNKNOWN.to_owned(),
            |code| format!("{}+{:#x}", code.file.rsplit('/').next().unwrap_or_default(), code.address),
        )
    }
}

impl StuckPoll {
    /// Two readings of one poll.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let started_apart_ns = self.started_ns.abs_diff(other.started_ns);
        (self.thread, self.task) == (other.thread, other.task) && started_apart_ns < SAME_START_NS
    }

    /// Where it is, as far as its stack shows: `in std::thread::sleep, called at src/main.rs:77 by hog::run`; `None`: nothing is known.
    pub(crate) fn where_words(&self) -> Option<String> {
        let name = StackFrame::words;
        let at = |frame: &StackFrame| frame.place.as_ref().map_or_else(String::new, |at| format!(" at {at}"));
        let own = self.stack.iter().position(|frame| frame.own);
        let words = match own {
            // What the program's own code has called says more than what that has called in turn.
            Some(own) if own > 0 => {
                let (inner, caller) = (&self.stack[own - 1], &self.stack[own]);
                // An inlined block has no name of its own: `{async_block#0}`.
                let by = caller.function.as_ref().filter(|name| !name.starts_with('{'));
                let by = by.map_or_else(String::new, |name| format!(" by {name}"));
                format!("in {}, called{}{by}", name(inner), at(caller))
            }
            Some(own) => format!("in {}{}", name(&self.stack[own]), at(&self.stack[own])),
            None => match (self.stack.first(), &self.kernel_state) {
                (Some(first), _) => format!("in {}{}", name(first), at(first)),
                (None, Some(state)) if state != "running" => format!("in the system call {state}"),
                (None, _) => return None,
            },
        };
        Some(match &self.kernel_state {
            Some(state) if own.is_some() && state != "running" => format!("{words} (system call {state})"),
            _ => words,
        })
    }
}
