//! Await trees of an instrumented program from its memory, beside its stream, when it runs on this machine.
//!
//! Invariants: the process is read and nothing else, and only while a tree of it is wanted; reading takes at most a tenth of the time. That
//! a process here is the one at the end of the stream is certain: pid, start and build-id are the same. What a process says reaches no other one.

mod reader;

use std::sync::{
    Arc,
    atomic::{
        AtomicBool, AtomicU32,
        Ordering::{Acquire, Relaxed, Release},
    },
};

use taskscope_model::{MemoryNews, MemoryWish};
use taskscope_proto::v1::{Frame, WatchRequest};
use tokio::{
    runtime::Handle,
    sync::{mpsc, watch},
};

use super::{attached::STACK_BYTES, connect::News};
use crate::target::Reading;

/// Who is at the end of the stream, by its own word.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Program {
    pid: u32,
    started_ticks: u64,
    build_id: Vec<u8>,
}

/// What is wanted, and of whom.
#[derive(Debug, Clone, Default, PartialEq)]
struct Wanted {
    program: Option<Program>,
    wish: MemoryWish,
}

/// The requests of the stream, and what is read beside it.
#[derive(Debug, Clone)]
pub(super) struct Beside {
    requests: watch::Sender<Option<WatchRequest>>,
    wanted: watch::Sender<Wanted>,
    shared: Arc<Shared>,
    news: mpsc::Sender<News>,
}

#[derive(Debug, Default)]
struct Shared {
    reading: Reading,
    /// The thread was started.
    started: AtomicBool,
    /// Something was wanted, and no answer came yet.
    under_way: AtomicBool,
    /// In each request: who reads the memory; 0: no process.
    reader_pid: AtomicU32,
}

impl Beside {
    pub(super) fn new(
        requests: watch::Sender<Option<WatchRequest>>,
        news: mpsc::Sender<News>,
        reading: Reading,
    ) -> Self {
        let (wanted, _) = watch::channel(Wanted::default());
        let shared = Arc::new(Shared { reading, ..Shared::default() });
        Self { requests, wanted, shared, news }
    }

    /// Sends a request on the stream.
    pub(super) fn request(&self, mut request: WatchRequest) {
        request.memory_reader_pid = self.shared.reader_pid.load(Relaxed);
        // Without a receiver the task of the connection has ended, and it ends only with the connection.
        self.requests.send_replace(Some(request));
    }

    /// Names this process to the program as the one that reads its memory, or takes that back.
    fn name_reader(&self, pid: u32) {
        self.shared.reader_pid.store(pid, Relaxed);
        self.requests.send_if_modified(|request| {
            let request = request.as_mut().filter(|request| request.memory_reader_pid != pid);
            request.map(|request| request.memory_reader_pid = pid).is_some()
        });
    }

    /// Reads these tasks from now on.
    pub(super) fn read(&self, wish: MemoryWish) {
        let wants = wish != MemoryWish::Nothing;
        self.shared.under_way.store(wants, Release);
        self.wanted.send_modify(|wanted| wanted.wish = wish);
        if wants && !self.shared.started.swap(true, Relaxed) {
            self.start();
        }
    }

    fn start(&self) {
        let (beside, wanted, runtime) = (self.clone(), self.wanted.subscribe(), Handle::current());
        let thread = std::thread::Builder::new().name("taskscope-memory".to_owned()).stack_size(STACK_BYTES);
        let started = thread.spawn(move || reader::read(&beside, wanted, &runtime));
        if let Err(error) = started {
            self.shared.started.store(false, Relaxed);
            self.shared.under_way.store(false, Release);
            let problem = format!("Not read from memory: there is no thread for it ({error})");
            // With a full queue the next try says it.
            let _ = self.news.try_send(News::Memory(MemoryNews::Problem(problem)));
        }
    }

    /// A frame of the stream: the first one says who sends it.
    pub(super) fn see(&self, frame: &Frame) {
        let Some(hello) = &frame.hello else { return };
        let program =
            Program { pid: hello.pid, started_ticks: hello.started_ticks, build_id: hello.build_id.clone() };
        self.wanted.send_if_modified(|wanted| {
            let is_new = wanted.program.as_ref() != Some(&program);
            if is_new {
                wanted.program = Some(program);
            }
            is_new
        });
    }

    /// The stream has ended.
    pub(super) fn lost(&self) {
        self.shared.reader_pid.store(0, Relaxed);
        self.wanted.send_modify(|wanted| *wanted = Wanted::default());
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.shared.under_way.load(Acquire)
    }

    /// Sends news. False: the receiver is dropped.
    fn send(&self, news: MemoryNews) -> bool {
        self.news.blocking_send(News::Memory(news)).is_ok()
    }

    /// What was wanted has come, or never will.
    fn answered(&self) {
        self.shared.under_way.store(false, Release);
    }
}
