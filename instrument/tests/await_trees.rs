//! Await trees: requested once, sent once; traced futures with their times, and tokio's task dump where it is built in.
#![cfg(all(tokio_unstable, feature = "macros"))]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::{
    net::{SocketAddr, TcpListener},
    sync::{Arc, OnceLock},
    time::Duration,
};

use taskscope::FutureExt as _;
use taskscope_proto::{
    rows::Checked,
    v1::{self, taskscope_client::TaskscopeClient},
};
use tokio::sync::Notify;
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};

const PATIENCE: Duration = Duration::from_secs(60);

/// One recorder for the process: traced futures are recorded in the default one.
fn server() -> SocketAddr {
    static SERVER: OnceLock<SocketAddr> = OnceLock::new();
    *SERVER.get_or_init(|| {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        taskscope::builder().bind(free.to_string()).try_init().unwrap();
        free
    })
}

fn program() -> tokio::runtime::Runtime {
    server();
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

struct Console {
    runtime: tokio::runtime::Runtime,
    requests: tokio::sync::mpsc::Sender<v1::WatchRequest>,
    frames: tonic::Streaming<v1::Frame>,
    asked: u32,
}

impl Console {
    fn connect() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (requests, frames) = runtime.block_on(async {
            let endpoint = tonic::transport::Endpoint::new(format!("http://{}", server())).unwrap();
            let (requests, receiver) = tokio::sync::mpsc::channel(1);
            requests.send(wish()).await.unwrap();
            let mut client = TaskscopeClient::new(endpoint.connect().await.unwrap());
            (requests, client.watch(ReceiverStream::new(receiver)).await.unwrap().into_inner())
        });
        Self { runtime, requests, frames, asked: 0 }
    }

    fn until<T>(&mut self, mut look: impl FnMut(&v1::Frame) -> Option<T>) -> T {
        let Self { runtime, frames, .. } = self;
        let found = async {
            loop {
                let frame = frames.next().await.unwrap().unwrap();
                if let Some(found) = look(&frame) {
                    return found;
                }
            }
        };
        runtime.block_on(async {
            tokio::time::timeout(PATIENCE, found).await.expect("the frame looked for comes")
        })
    }

    fn task(&mut self, name: &str) -> v1::TaskRef {
        self.until(|frame| {
            let tasks = Checked::new(frame.tasks.clone()?).unwrap();
            let (slot, row) = tasks.rows().find(|(_, row)| tasks.text(row.name) == Some(name))?;
            Some(v1::TaskRef { slot, generation: row.generation })
        })
    }

    fn tree(&mut self, task: v1::TaskRef) -> v1::AwaitTree {
        self.asked += 1;
        let request = v1::WatchRequest { details: vec![task], await_trees: self.asked, ..wish() };
        self.runtime.block_on(self.requests.send(request)).unwrap();
        let trees = self.until(|frame| Some(frame.await_trees.clone()).filter(|trees| !trees.is_empty()));
        assert_eq!((trees.len(), trees[0].task), (1, Some(task)));
        trees[0].clone()
    }

    fn tree_when(&mut self, task: v1::TaskRef, condition: impl Fn(&v1::AwaitTree) -> bool) -> v1::AwaitTree {
        let start = std::time::Instant::now();
        loop {
            let tree = self.tree(task);
            if condition(&tree) {
                return tree;
            }
            assert!(start.elapsed() < PATIENCE, "the tree never is as it should: {tree:#?}");
        }
    }
}

fn wish() -> v1::WatchRequest {
    v1::WatchRequest { protocol: 1, interval_ms: 50, ..v1::WatchRequest::default() }
}

/// `depth text` of each frame that is timed: what is traced.
fn traced(tree: &v1::AwaitTree) -> Vec<String> {
    let timed = tree.frames.iter().filter(|frame| frame.since_ago_ns_plus1 > 0);
    timed.map(|frame| format!("{} {}", frame.depth, frame.text)).collect()
}

const OUTER_LINE: u32 = line!() + 2;
#[taskscope::trace]
async fn outer(gate: Arc<Notify>, text: &str) -> Result<u32, std::num::ParseIntError> {
    let inner = inner(&gate);
    let beside = tokio::time::sleep(Duration::from_secs(3600)).trace("sleep for long");
    tokio::select! {
        () = inner => {}
        () = beside => {}
    }
    let number: u32 = text.parse()?;
    gate.notified().trace("wait once more").await;
    Ok(number)
}

#[taskscope::trace("the gate")]
async fn inner(gate: &Notify) {
    gate.notified().await;
}

#[test]
fn a_tree_of_traced_futures_with_their_places_and_times() {
    let program = program();
    let gate = Arc::new(Notify::new());
    let opens = Arc::clone(&gate);
    let _context = program.enter();
    let task =
        tokio::task::Builder::new().name("traced").spawn(async move { outer(gate, "42").await }).unwrap();
    let mut console = Console::connect();
    let id = console.task("traced");
    // The operation on tokio's timer comes below the future that awaits it.
    let tree =
        console.tree_when(id, |tree| tree.frames.iter().any(|frame| frame.text == "Sleep::new_timeout"));
    let texts: Vec<&str> = tree.frames.iter().map(|frame| frame.text.as_str()).collect();
    let at =
        |text: &str| texts.iter().position(|known| *known == text).unwrap_or_else(|| panic!("{tree:#?}"));
    let outer = &tree.frames[at("await_trees::outer")];
    assert_eq!(
        (outer.depth, outer.line, outer.file.ends_with("tests/await_trees.rs")),
        (0, OUTER_LINE, true)
    );
    for text in ["the gate", "sleep for long"] {
        let frame = &tree.frames[at(text)];
        assert_eq!(frame.depth, 1, "{tree:#?}");
        assert!(
            frame.since_ago_ns_plus1 > 0 && frame.since_ago_ns_plus1 <= outer.since_ago_ns_plus1,
            "{tree:#?}"
        );
    }
    let sleep = &tree.frames[at("Sleep::new_timeout")];
    assert_eq!((sleep.depth, at("Sleep::new_timeout")), (2, at("sleep for long") + 1), "{tree:#?}");

    // Time goes on in it.
    let later = console.tree(id);
    let again = later.frames.iter().find(|frame| frame.text == "await_trees::outer").unwrap();
    assert!(again.since_ago_ns_plus1 > outer.since_ago_ns_plus1);

    opens.notify_one();
    console.tree_when(id, |tree| traced(tree) == ["0 await_trees::outer", "1 wait once more"]);
    opens.notify_one();
    assert_eq!(program.block_on(task).unwrap(), Ok(42), "the value and the errors are the function's own");
    let ended = console.tree_when(id, |tree| tree.frames.is_empty());
    assert_eq!(ended.problem, "The task has ended.");
}

#[test]
fn a_dropped_future_is_in_no_tree() {
    let program = program();
    let gate = Arc::new(Notify::new());
    let task = async move {
        tokio::select! {
            biased;
            () = std::future::pending::<()>().trace("given up") => {}
            () = tokio::task::yield_now() => {}
        }
        gate.notified().trace("goes on").await;
    };
    let _context = program.enter();
    let _task = tokio::task::Builder::new().name("drops").spawn(task).unwrap();
    let mut console = Console::connect();
    let id = console.task("drops");
    console.tree_when(id, |tree| traced(tree) == ["0 goes on"]);
}

#[cfg(not(feature = "taskdump"))]
#[test]
fn a_task_without_traced_futures_is_a_sentence() {
    let program = program();
    let _context = program.enter();
    let _task = tokio::task::Builder::new().name("untraced").spawn(std::future::pending::<()>()).unwrap();
    let mut console = Console::connect();
    let id = console.task("untraced");
    let tree = console.tree(id);
    assert_eq!(tree.frames, []);
    assert!(tree.problem.contains("No future of this task is traced"), "{tree:?}");
}

#[cfg(all(feature = "taskdump", target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod dump {
    use std::{
        pin::Pin,
        sync::{
            Mutex, PoisonError,
            atomic::{AtomicBool, Ordering::Relaxed},
            mpsc,
        },
        time::Duration,
    };

    use super::{Console, program, server};

    /// The tests of a dump: a poll that blocks in one of them would be in the way of the other.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    #[inline(never)]
    async fn waits_in_vain() {
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }

    /// A function of its own on the stack: tokio cuts what the compiler inlined into its own poll.
    fn boxed() -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(waits_in_vain())
    }

    fn has_a_tree(tree: &taskscope_proto::v1::AwaitTree) -> bool {
        let is_own = |frame: &&taskscope_proto::v1::AwaitFrame| frame.file.ends_with("tests/await_trees.rs");
        let own = tree.frames.iter().rposition(|frame| is_own(&frame));
        // Below the program's own functions comes the one of tokio's that it awaits, and nothing else.
        own.is_some_and(|own| {
            let below = &tree.frames[own + 1..];
            below.len() == 1
                && below[0].file.starts_with("tokio-")
                && below[0].depth == tree.frames[own].depth + 1
        })
    }

    #[test]
    fn what_an_untraced_task_awaits_is_shown() {
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let program = program();
        let _context = program.enter();
        let _task = tokio::task::Builder::new().name("dumped").spawn(boxed()).unwrap();
        let mut console = Console::connect();
        let id = console.task("dumped");
        // The other tests' runtimes may be stuck or going down for a moment.
        console.tree_when(id, has_a_tree);
    }

    /// Wakes itself at every poll: a dump of a runtime on one thread would make tokio panic (tokio#8391).
    async fn wakes_itself(stop: &AtomicBool) -> u64 {
        let mut turns = 0;
        while !stop.load(Relaxed) {
            tokio::task::yield_now().await;
            turns += 1;
        }
        turns
    }

    #[test]
    fn a_runtime_on_one_thread_is_not_dumped_and_lives_on() {
        static STOP: AtomicBool = AtomicBool::new(false);
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        server();
        let program = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let task =
                    tokio::task::Builder::new().name("on one thread").spawn(wakes_itself(&STOP)).unwrap();
                task.await.unwrap()
            })
        });
        let mut console = Console::connect();
        let id = console.task("on one thread");
        for _ in 0..20 {
            let tree = console.tree_when(id, |tree| tree.problem.contains("current_thread runtime"));
            assert!(
                tree.frames.iter().all(|frame| frame.since_ago_ns_plus1 > 0),
                "no frame is of a dump: {tree:#?}"
            );
        }
        STOP.store(true, Relaxed);
        assert!(program.join().expect("it does not panic") > 0);
    }

    #[test]
    fn a_blocked_worker_hangs_no_other_thread() {
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let program = program();
        let _context = program.enter();
        let (end, wait) = mpsc::channel::<()>();
        let blocked =
            tokio::task::Builder::new().name("blocks").spawn(async move { wait.recv().unwrap() }).unwrap();
        let _task = tokio::task::Builder::new().name("beside it").spawn(boxed()).unwrap();
        let mut console = Console::connect();
        let id = console.task("beside it");
        // A dump that is begun in the first 50 ms of such a poll waits for its end, as tokio's other workers then do.
        std::thread::sleep(Duration::from_millis(200));
        let tree =
            console.tree_when(id, |tree| tree.problem.contains("tokio would hold up all other workers"));
        assert_eq!(tree.frames.iter().filter(|frame| frame.since_ago_ns_plus1 == 0).count(), 0, "{tree:#?}");
        end.send(()).unwrap();
        program.block_on(blocked).unwrap();
        console.tree_when(id, has_a_tree);
    }
}
