//! Programs that know nothing of taskscope: plain tokio, built as anybody builds it, with `taskscope attach` on them.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::{
    env,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Once,
    time::Duration,
};

use taskscope_model::{LintKind, report::Report};
use taskscope_tests::screen::Screen;

/// A program of `tests/attach`; killed when it is dropped.
struct Plain(Child);

impl Plain {
    /// Starts it, and waits until it says that it is ready.
    fn start(name: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(built().join(name))
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it was built");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it writes");
        assert_eq!(line.trim(), format!("ready {}", child.id()));
        Self(child)
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The folder of the programs, built once: without the flags and profiles of this workspace.
fn built() -> PathBuf {
    static BUILD: Once = Once::new();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("attach");
    BUILD.call_once(|| {
        let ours = |name: &str| name.starts_with("CARGO_PROFILE_") || name.ends_with("RUSTFLAGS");
        let status = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
            .args(["build", "--quiet", "--locked", "--package", "faults", "--package", "redis"])
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("attach"))
            .env_clear()
            .envs(env::vars_os().filter(|(name, _)| !ours(&name.to_string_lossy())))
            .env("CARGO_TARGET_DIR", &target)
            .status();
        assert!(status.expect("cargo can be started").success());
    });
    target.join("debug")
}

fn found(report: &Report, kind: LintKind) -> Option<&str> {
    report.lints.iter().find(|lint| lint.lint == kind).map(|lint| &*lint.message)
}

/// Attaches to a program that hangs, and waits for its fault to be named; returns the sentence.
async fn fault(name: &str, kind: &str) -> String {
    let program = Plain::start("faults", &[name]);
    let mut screen = Screen::attach(program.pid());
    let kind = LintKind::from_name(kind).expect("a lint");
    screen.wait_for(name, |model| found(&model.report(), kind).is_some()).await;
    found(&screen.report(), kind).expect("it was there").to_owned()
}

#[tokio::test]
async fn two_requests_that_lock_accounts_crosswise_are_a_deadlock() {
    let message = fault("transfers", "deadlock").await;
    assert_eq!(message.matches("waits at faults/src/server.rs:49 for Mutex").count(), 2, "{message}");
}

#[tokio::test]
async fn a_registry_that_is_locked_while_its_children_want_it_is_a_deadlock() {
    let message = fault("drain_locked", "deadlock").await;
    assert!(message.contains("JoinSet of 4 tasks"), "{message}");
    assert!(message.contains("waits at faults/src/join.rs:27 for JoinSet"), "{message}");
    assert!(message.contains("waits at faults/src/join.rs:33 for Mutex"), "{message}");
}

#[tokio::test]
async fn actors_that_send_to_each_other_with_full_inboxes_are_a_deadlock() {
    let message = fault("actor_cycle", "deadlock").await;
    for place in ["faults/src/actors.rs:21", "faults/src/actors.rs:31"] {
        assert!(message.contains(&format!("waits at {place} for mpsc")), "{message}");
    }
}

#[tokio::test]
async fn actors_that_wait_for_answers_of_each_other_are_a_deadlock() {
    let message = fault("ask_each_other", "deadlock").await;
    for (place, other) in [("faults/src/actors.rs:63", "stock"), ("faults/src/actors.rs:72", "prices")] {
        assert!(message.contains(&format!("waits at {place} for oneshot")), "{message}");
        assert!(message.contains(&format!("whose other end faults::actors::{other}")), "{message}");
    }
}

#[tokio::test]
async fn a_lock_that_is_given_to_a_future_put_aside_is_a_futurelock() {
    let message = fault("futurelock", "futurelock").await;
    assert!(message.contains("waits at faults/src/join.rs:51 for Mutex"), "{message}");
    assert!(message.contains("begun at faults/src/join.rs:56"), "{message}");
}

#[tokio::test]
async fn a_program_that_works_has_no_finding() {
    let program = Plain::start("faults", &["healthy"]);
    let mut screen = Screen::attach(program.pid());
    screen.wait_for("its tasks", |model| model.report().tasks.len() >= 9).await;
    for _ in 0..12 {
        screen.watch_for(Duration::from_millis(500)).await;
        let lints = screen.report().lints;
        assert!(lints.is_empty(), "{lints:#?}");
    }
}

#[tokio::test]
async fn the_published_mini_redis_shows_its_await_trees() {
    let program = Plain::start("redis", &[]);
    let mut screen = Screen::attach(program.pid());
    let tree = |report: &Report| {
        let waits = |task: &&taskscope_model::report::Task| {
            task.await_tree.iter().any(|frame| frame.name.ends_with("Handler::run"))
        };
        let task = report.tasks.iter().find(waits)?;
        Some(task.await_tree.iter().map(|frame| frame.name.clone()).collect::<Vec<_>>())
    };
    screen.wait_for("a tree", |model| tree(&model.report()).is_some()).await;
    let report = screen.report();
    let names = tree(&report).expect("it was there");
    let has = |name: &str| names.iter().any(|own| own.ends_with(name));
    assert!(has("Connection::read_frame") && has("TcpStream"), "{names:#?}");
    let task = report.tasks.first().expect("there is one");
    assert_eq!((task.polls, task.age_ns, task.wakes, task.state_ns), (None, None, None, None));
}

#[tokio::test]
async fn a_program_that_ends_leaves_what_was_seen_last() {
    let mut program = Plain::start("faults", &["healthy"]);
    let mut screen = Screen::attach(program.pid());
    screen.wait_for("its tasks", |model| model.report().tasks.len() >= 9).await;
    program.0.kill().expect("it runs");
    program.0.wait().expect("it is killed");
    screen.wait_for("its end", |model| format!("{:?}", model.header()).contains("has ended")).await;
    assert!(!screen.report().tasks.is_empty());
}
