//! What a walk finds.

/// An await tree: what a parked task awaits, to the last.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash)]
pub struct Tree {
    /// Depth first: the frame of the task's own future, then what it awaits.
    pub frames: Vec<Frame>,
    /// Why it is not whole, each a sentence; at most [`MAX_PROBLEMS`](crate::MAX_PROBLEMS).
    pub problems: Vec<String>,
}

impl Tree {
    /// Its frames with their depths, without the wrappers that have nothing to say: a future of a type with a name around just one other.
    #[must_use]
    pub fn folded(&self) -> Vec<(u32, &Frame)> {
        let mut out = Vec::new();
        // How many are left out above, by depth.
        let mut left_out: Vec<u32> = Vec::new();
        for (at, frame) in self.frames.iter().enumerate() {
            left_out.truncate(frame.depth as usize);
            let above = left_out.last().copied().unwrap_or(0);
            let below = self.frames[at + 1..].iter().take_while(|next| next.depth > frame.depth);
            let children = below.filter(|next| next.depth == frame.depth + 1).take(2).count();
            let wraps = frame.kind == FrameKind::Future && children == 1 && frame.not_polled.is_none();
            left_out.push(above + u32::from(wraps));
            if !wraps {
                out.push((frame.depth - above.min(frame.depth), frame));
            }
        }
        out
    }
}

/// A future of an await tree.
#[derive(Debug, Default, Clone, PartialEq, Eq, Hash)]
pub struct Frame {
    /// 0: the outermost.
    pub depth: u32,
    /// What it is.
    pub kind: FrameKind,
    /// Where in memory it is; 0: unknown. Known of an `async` function, block or closure.
    pub address: u64,
    /// A function's or type's name.
    pub name: String,
    /// The file of the `.await` that it is parked at; empty: unknown.
    pub file: String,
    /// The line there; 0: unknown.
    pub line: u32,
    /// Where the function is declared: its file, empty where that is unknown, and the line.
    pub declared: (String, u32),
    /// How far it is.
    pub state: FrameState,
    /// Its function has it but does not poll it now: it makes no progress. The name of the variable.
    pub not_polled: Option<String>,
    /// Variables that are numbers or truth values, and texts where they were asked for; at most [`MAX_LOCALS`](crate::MAX_LOCALS).
    pub locals: Vec<(String, String)>,
    /// Guards that it keeps across this `.await`.
    pub guards: Vec<Guard>,
    /// Ends of channels that it keeps.
    pub ends: Vec<End>,
    /// Addresses in its memory that no variable with a name has, at most [`MAX_UNNAMED`](crate::MAX_UNNAMED). The compiler leaves out a variable
    /// whose name another one has, too: `let state = state.lock().await`. Most are what was there before.
    pub unnamed: Vec<u64>,
    /// What it waits for, where it is a leaf that is known.
    pub wait: Option<Wait>,
}

/// What a frame is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// An `async fn`.
    #[default]
    Function,
    /// An `async` block.
    Block,
    /// An `async` closure.
    Closure,
    /// `select!`.
    Select,
    /// `join!` or `try_join!`.
    Join,
    /// Another future of a type with a name.
    Future,
    /// A set of futures.
    Set,
    /// A future of the foundation that waits for something by itself.
    Leaf,
    /// A future behind a vtable that the index does not have.
    Unknown,
}

impl FrameKind {
    /// An `async` function, block or closure.
    #[must_use]
    pub fn is_function(self) -> bool {
        matches!(self, Self::Function | Self::Block | Self::Closure)
    }
}

/// How far a coroutine is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameState {
    /// It is parked at an `.await`.
    #[default]
    Parked,
    /// It was never polled.
    NotStarted,
    /// It returned.
    Finished,
    /// It panicked.
    Panicked,
    /// It can't be read.
    Unknown,
}

/// A lock guard or permit in a frame's variables.
///
/// It is a hint: a guard that was dropped may leave its bytes behind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Guard {
    /// The variable.
    pub variable: String,
    /// The guard's type without arguments: `MutexGuard`.
    pub name: String,
    /// The address that a waiter of the same lock shows.
    pub lock: u64,
    /// What kind of lock.
    pub kind: LockKind,
    /// Permits; 1 but for a semaphore.
    pub permits: u64,
    /// Permits of the lock that are free now; `None`: unknown.
    pub free: Option<u64>,
    /// The compiler's drop flags say that it may be gone.
    pub maybe_gone: bool,
}

/// A lock's kind.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LockKind {
    /// tokio's `Mutex`.
    Mutex,
    /// tokio's `RwLock`, to read.
    Read,
    /// tokio's `RwLock`, to write.
    Write,
    /// tokio's `Semaphore`.
    #[default]
    Semaphore,
    /// A lock that blocks its thread: std's or `parking_lot`'s.
    Blocking,
    /// Room in a bounded channel of tokio's.
    ChannelRoom,
}

/// An end of a channel in a frame's variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct End {
    /// The channel.
    pub channel: Channel,
    /// It is an end that sends.
    pub sends: bool,
}

/// A channel, as the memory that its ends share has it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Channel {
    /// What the ends share.
    pub address: u64,
    /// Which channel.
    pub kind: ChannelKind,
    /// Ends that send; `None`: unknown.
    pub senders: Option<u64>,
    /// Values that it has room for; `None`: without bound, or unknown.
    pub capacity: Option<u64>,
    /// Values in it, those that have a place reserved included; `None`: unknown.
    pub depth: Option<u64>,
}

/// What a leaf waits for. Addresses name things: two leaves with the same one wait for the same thing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Wait {
    /// Permits of a semaphore, which is what tokio's locks and bounded channels are made of.
    Lock {
        /// The semaphore.
        lock: u64,
        /// The lock around it, which is where a guard points to; `None`: unknown.
        base: Option<u64>,
        /// What it is the semaphore of.
        kind: LockKind,
        /// Permits that are wanted.
        wanted: u64,
        /// Permits that are free now; `None`: unknown.
        free: Option<u64>,
        /// It stands in the queue.
        queued: bool,
        /// All wanted permits were given to it, though it has not been polled to take them.
        granted: bool,
    },
    /// A call of `notify_one` or `notify_waiters`.
    Notify {
        /// The `Notify`.
        notify: u64,
    },
    /// A value of a channel.
    Channel(Channel),
    /// Room in a bounded channel.
    Room(Channel),
    /// The end of a task.
    Task {
        /// Its header.
        header: u64,
        /// tokio's id of it; `None`: unknown.
        id: Option<u64>,
    },
    /// The end of any task of a `JoinSet`.
    JoinSet {
        /// What the set's entries share.
        set: u64,
        /// Tasks in it.
        tasks: u64,
        /// The headers of those that were found, at most [`MAX_CHILDREN`](crate::MAX_CHILDREN).
        headers: Vec<u64>,
    },
    /// A moment.
    Timer {
        /// On the clock of `CLOCK_MONOTONIC`.
        deadline_ns: u64,
    },
    /// A descriptor to be ready.
    Descriptor {
        /// Its number.
        fd: u32,
        /// tokio's type around it: `TcpStream`.
        kind: &'static str,
    },
    /// An I/O source to be ready; which one is known by its registration alone.
    Readiness {
        /// tokio's record of it.
        registration: u64,
    },
    /// The next poll: it gave the worker to others.
    Yield,
}

/// Which channel.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelKind {
    /// `mpsc`, bounded or not.
    #[default]
    Mpsc,
    /// `oneshot`.
    Oneshot,
    /// `broadcast`.
    Broadcast,
    /// `watch`.
    Watch,
}
