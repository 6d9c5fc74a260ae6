//! The real `tokio-console` in a pseudo-terminal, on a program of ours.
//!
//! Needs that program: `TOKIO_CONSOLE_BIN` says where it is (`.ci/run` installs it). Without the variable the test says so and passes.

#![cfg(all(unix, feature = "console-api", tokio_unstable))]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::{
    io::{Read as _, Write as _},
    num::NonZero,
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

const PATIENCE: Duration = Duration::from_secs(60);
const SIZE: PtySize = PtySize { rows: 45, cols: 150, pixel_width: 0, pixel_height: 0 };
const TASKS: usize = 10_000;

/// Their console in a terminal.
struct Tty {
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
    keys: Box<dyn std::io::Write + Send>,
    output: Receiver<Vec<u8>>,
    parser: vt100::Parser,
}

impl Tty {
    fn start(binary: &str, address: &taskscope::Address) -> Self {
        let pair = native_pty_system().openpty(SIZE).unwrap();
        let mut command = CommandBuilder::new(binary);
        command.args(["--no-colors", "--lang", "en_US.UTF-8", &address.to_string()]);
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        let cells = |count| NonZero::new(count).unwrap();
        let keys = pair.master.take_writer().unwrap();
        let parser = vt100::Parser::new(cells(SIZE.rows), cells(SIZE.cols), 0);
        Self { child, _master: pair.master, keys, output, parser }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads until the screen fulfils the condition.
    fn until(&mut self, what: &str, condition: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let screen = self.parser.screen().contents();
            if condition(&screen) {
                return screen;
            }
            match self.output.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(error) => panic!("never: {what} ({error})\n{screen}"),
            }
        }
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Ten thousand sleepers, a lock with two that want it, and one that works.
fn load() -> taskscope::Address {
    let (subscriber, server) = taskscope::builder()
        .bind("127.0.0.1:0")
        .publish_interval(Duration::from_millis(200))
        .wrap(tracing::subscriber::NoSubscriber::default());
    // Before the server: its thread must not be the first to meet tokio's callsites, with no subscriber there.
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let address = server.spawn().unwrap();
    thread::spawn(move || {
        // Before the runtime: that has resources of its own.
        let lock = Arc::new(tokio::sync::Mutex::new(()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for name in ["holder", "waiter"] {
                let lock = Arc::clone(&lock);
                let hold = async move {
                    let _guard = lock.lock().await;
                    std::future::pending::<()>().await;
                };
                tokio::task::Builder::new().name(name).spawn(hold).unwrap();
            }
            for _ in 0..TASKS {
                tokio::spawn(std::future::pending::<()>());
            }
            let work = async {
                loop {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::task::Builder::new().name("busy-bee").spawn(work).unwrap();
            std::future::pending::<()>().await;
        });
    });
    address
}

#[test]
fn their_console_shows_tasks_details_resources_and_operations() {
    let Ok(binary) = std::env::var("TOKIO_CONSOLE_BIN") else {
        eprintln!("SKIPPED: TOKIO_CONSOLE_BIN does not say where tokio-console 0.1.14 is");
        return;
    };
    let mut tty = Tty::start(&binary, &load());
    // The holder, the waiter, the sleepers, the bee; and the root future, which is a task to tokio, too.
    let all = format!("Tasks ({})", TASKS + 4);
    let screen = tty.until("all tasks are there", |s| s.contains(&all) && s.contains("CONNECTED"));
    assert!(!screen.contains("dropped:"), "{screen}");

    // From Total to Polls: the one that works is first.
    tty.press("llll");
    tty.until("the busiest is first", |s| first_row(s).contains("busy-bee"));
    tty.press("gg");
    tty.until("it is selected", |s| first_row(s).contains(">>"));
    tty.press("\r");
    let screen = tty.until("its details", |s| s.contains("Name: busy-bee") && s.contains("p99:"));
    for word in ["Poll Times Histogram", "Scheduled Times Histogram", "Current wakers: 1", "compat_pty.rs"] {
        assert!(screen.contains(word), "no {word}:\n{screen}");
    }

    tty.press("\u{1b}");
    tty.until("the list again", |s| s.contains(&all));
    tty.press("r");
    tty.until("resources", |s| s.contains("Resources (") && s.contains("Sleep"));
    // By id, the oldest first: the lock, and nothing of the server's own.
    tty.press("i");
    tty.until("the lock is first", |s| {
        first_row(s).contains("Mutex") && first_row(s).contains("locked=true")
    });
    tty.press("gg");
    tty.until("it is selected", |s| first_row(s).contains(">>"));
    tty.press("\r");
    let screen = tty.until("who wants it", |s| s.contains("Async Ops (") && s.contains("(waiter)"));
    assert!(screen.contains("Mutex::lock") && screen.contains("Type: Mutex"), "{screen}");

    tty.press(" ");
    tty.until("a pause", |s| s.contains("PAUSED"));
    tty.press(" ");
    tty.until("no pause", |s| !s.contains("PAUS"));
    tty.press("q");
    let end = Instant::now() + PATIENCE;
    while tty.child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "it does not leave");
        thread::sleep(Duration::from_millis(10));
    }
}

/// The first row of a list.
fn first_row(screen: &str) -> &str {
    let mut lines = screen.lines().skip_while(|line| !line.contains("Kind"));
    lines.nth(1).unwrap_or("")
}
