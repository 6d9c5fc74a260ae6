//! Faults of the scheduler: the finding that stands first names the guilty task, its function and its place; what is healthy is not accused.

use std::time::Duration;

use taskscope_model::{
    LintKind, Model, Severity,
    report::{Blame, Lint, Report, StuckPoll},
};
use taskscope_tests::{program::Program, screen::Screen};

use crate::{locks::ABOUT_LOCKS, start_init};

/// What can be said of the scheduler.
pub(crate) const ABOUT_SCHEDULING: [LintKind; 7] = [
    LintKind::LongPoll,
    LintKind::NeverYielded,
    LintKind::LongScheduleDelay,
    LintKind::WakeStorm,
    LintKind::RuntimeWedged,
    LintKind::BlockingPoolSaturated,
    LintKind::DriverLost,
];

/// A task is in one poll for long; in its first one it has another name.
const IN_ONE_POLL: [LintKind; 2] = [LintKind::LongPoll, LintKind::NeverYielded];

/// The function and the place are shown where stacks can be taken.
const STACKS: bool =
    cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"), tokio_unstable));

/// A scenario under way, and a console that was there before.
async fn faulty(arguments: &[&str]) -> (Program, Screen) {
    let mut program = start_init(arguments);
    let mut screen = Screen::open(program.address());
    screen.wait_for("the first snapshot", Model::is_complete).await;
    program.ask("go");
    (program, screen)
}

/// The name of a task of the report.
fn name(report: &Report, id: &str) -> String {
    let task = report.tasks.iter().find(|task| task.id == id);
    task.and_then(|task| task.name.clone()).unwrap_or_else(|| id.to_owned())
}

fn names(report: &Report, lint: &Lint) -> Vec<String> {
    lint.tasks.iter().map(|id| name(report, id)).collect()
}

/// The diagnosis that a test looks for.
struct Diagnosis<'a> {
    scenario: &'a [&'a str],
    /// One of these findings stands first, …
    lints: &'a [LintKind],
    /// … names these tasks, the guilty one first, …
    tasks: &'a [&'a str],
    /// … and says each of these words.
    words: &'a [&'a str],
}

impl Diagnosis<'_> {
    /// The first finding, if it is this.
    fn made(&self, report: &Report) -> Option<Lint> {
        let first = report.lints.first()?;
        let words = self.words.iter().filter(|_| STACKS).all(|word| first.message.contains(word));
        let found = self.lints.contains(&first.lint) && names(report, first) == self.tasks && words;
        found.then(|| first.clone())
    }

    /// Waits until it is made, and says how long that took.
    async fn wait(&self) -> (Program, Screen, Lint) {
        let (program, mut screen) = faulty(self.scenario).await;
        let took = screen.wait_for(self.tasks[0], |model| self.made(&model.report()).is_some()).await;
        let found = self.made(&screen.report()).expect("it was there a moment ago");
        let in_poll =
            screen.report().tasks.iter().find(|task| found.tasks.first() == Some(&task.id)).cloned();
        let (scenario, guilty) = (self.scenario[0], self.tasks[0]);
        let took_s = took.as_secs_f64();
        let in_poll_s = in_poll.map_or(0.0, |task| task.state_ns.unwrap_or(0) as f64 / 1e9);
        println!(
            "{scenario}: {guilty} accused {took_s:.2} s after `go`, {in_poll_s:.2} s after it came to its state"
        );
        println!("  {}", found.message);
        (program, screen, found)
    }
}

#[tokio::test]
async fn a_blocking_call_is_blamed_on_the_task_that_makes_it() {
    let cases = [
        ("blocking-call", "invoices", ["sleep", "render_invoice"]),
        ("blocking-pipe", "importer", ["read", "load_rates"]),
        ("blocking-socket", "rates", ["recv", "ask_rates"]),
    ];
    for (scenario, task, [call, function]) in cases {
        // With one worker the whole runtime stands still; with two the others go on.
        for (workers, lints) in [("1", [LintKind::RuntimeWedged].as_slice()), ("2", &IN_ONE_POLL)] {
            let words = [function, call, "program/scheduler.rs:"];
            let scenario = [scenario, "--workers", workers];
            let diagnosis = Diagnosis { scenario: &scenario, lints, tasks: &[task], words: &words };
            let (_program, mut screen, _) = diagnosis.wait().await;
            is_stuck(&screen.report(), task, function);
            if workers == "1" {
                starves_by(&mut screen, "bystander", task).await;
            }
        }
    }
}

/// The report has the task's poll, which goes on, with this function on its stack, and the worker that it holds.
fn is_stuck(report: &Report, task: &str, function: &str) {
    let is_task = |id: &Option<String>| id.as_ref().is_some_and(|id| name(report, id) == task);
    let poll = report.stuck_polls.iter().find(|poll| is_task(&poll.task) && poll.duration_ns.is_none());
    let poll = poll.unwrap_or_else(|| panic!("{task} is not stuck: {:?}", report.stuck_polls));
    assert!(poll.place.as_ref().is_some_and(|place| place.contains("scheduler.rs")), "{poll:?}");
    if STACKS {
        let own = poll.stack.iter().find(|frame| frame.own).expect("the program is on its stack");
        assert!(own.function.as_ref().is_some_and(|name| name.ends_with(function)), "{poll:?}");
    }
    let worker = report.workers.iter().find(|worker| is_task(&worker.task));
    let worker = worker.unwrap_or_else(|| panic!("no worker polls {task}: {:?}", report.workers));
    assert_eq!((worker.stuck, worker.state.as_deref()), (true, Some("polling")), "{worker:?}");
    assert_eq!(worker.thread, poll.thread);
}

/// The task starves, and this one is to blame for nearly all of it.
async fn starves_by(screen: &mut Screen, task: &str, guilty: &str) {
    screen
        .wait_for(&format!("{task} starves by {guilty}"), |model| {
            let report = model.report();
            let is =
                |id: &Option<String>, wanted: &str| id.as_ref().is_some_and(|id| name(&report, id) == wanted);
            let by_it = |blame: &Blame| is(&blame.task, guilty) && blame.share > 0.9;
            let mut starving = report.starving.iter();
            starving.any(|starving| is(&starving.task, task) && starving.blame.iter().any(by_it))
        })
        .await;
}

#[tokio::test]
async fn a_task_that_never_yields_is_named() {
    let diagnosis = Diagnosis {
        scenario: &["cpu-hog", "--workers", "2"],
        lints: &IN_ONE_POLL,
        tasks: &["digests"],
        words: &["compute_digests"],
    };
    diagnosis.wait().await;
}

#[tokio::test]
async fn a_storm_of_wakes_is_named_by_its_task() {
    let diagnosis = Diagnosis {
        scenario: &["wake-storm"],
        lints: &[LintKind::WakeStorm],
        tasks: &["wake-storm"],
        words: &["most of the wakes do nothing"],
    };
    diagnosis.wait().await;
}

#[tokio::test]
async fn who_keeps_a_task_in_the_lifo_slot_is_named_before_it() {
    let diagnosis = Diagnosis {
        scenario: &["lifo-slot", "--workers", "2"],
        lints: &IN_ONE_POLL,
        tasks: &["speaker"],
        words: &["write_report", "sleep"],
    };
    let (_program, mut screen, _) = diagnosis.wait().await;
    is_stuck(&screen.report(), "speaker", "write_report");
    starves_by(&mut screen, "listener", "speaker").await;
    screen
        .wait_for("the delay of the listener, with who is to blame", |model| {
            let report = model.report();
            let mut lints = report.lints.iter().filter(|lint| lint.lint == LintKind::LongScheduleDelay);
            lints.any(|lint| names(&report, lint) == ["listener"] && lint.message.contains("speaker"))
        })
        .await;
    // The other worker has nothing to do, and may not help.
    let report = screen.report();
    let idle = report.workers.iter().filter(|worker| worker.state.as_deref() != Some("polling"));
    assert_eq!((report.workers.len(), idle.count()), (2, 1), "{:?}", report.workers);
}

/// The kernel has the bytes, and the worker that would look is stuck: its poll is the first finding, what follows from it is listed with it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_lost_driver_is_found_with_the_poll_that_lost_it() {
    let diagnosis = Diagnosis {
        scenario: &["driver-lost", "--workers", "2"],
        lints: &IN_ONE_POLL,
        tasks: &["parser"],
        words: &["parse_for_ever", "program/scheduler/driver.rs:"],
    };
    let (mut program, mut screen) = faulty(diagnosis.scenario).await;
    let drives = |model: &Model| {
        model.report().workers.iter().any(|worker| worker.state.as_deref() == Some("driving I/O"))
    };
    screen.wait_for("a worker in the driver", drives).await;
    program.ask("lose");
    screen.wait_for("the poll", |model| diagnosis.made(&model.report()).is_some()).await;
    let lost = |report: &Report| {
        report.lints.iter().find(|lint| lint.lint == LintKind::DriverLost).map(|lint| lint.message.clone())
    };
    let took = screen.wait_for("the driver", |model| lost(&model.report()).is_some()).await;
    let message = lost(&screen.report()).expect("it was there a moment ago");
    println!("driver-lost: found {:.2} s after the poll was", took.as_secs_f64());
    println!("  {message}");
    assert!(message.contains("in parser"), "{message}");
    let report = screen.report();
    assert!(report.runtimes.iter().any(|runtime| runtime.driver_lost_ns.is_some()), "{:?}", report.runtimes);
}

#[tokio::test]
async fn a_wedged_runtime_is_named_with_who_holds_the_others_up() {
    let diagnosis = Diagnosis {
        scenario: &["wedged-runtime", "--workers", "3"],
        lints: &[LintKind::RuntimeWedged],
        tasks: &["importer", "query 1", "query 2"],
        words: &["importer", "load_rates"],
    };
    // Who of the two came first to the lock is not known.
    let other = Diagnosis { tasks: &["importer", "query 2", "query 1"], ..diagnosis };
    let (_program, mut screen) = faulty(diagnosis.scenario).await;
    let made = |report: &Report| diagnosis.made(report).or_else(|| other.made(report));
    let took = screen.wait_for("the wedge", |model| made(&model.report()).is_some()).await;
    println!("wedged-runtime: found {:.2} s after `go`", took.as_secs_f64());
    println!("  {}", made(&screen.report()).expect("it was there a moment ago").message);
    is_stuck(&screen.report(), "importer", "load_rates");
    starves_by(&mut screen, "bystander", "importer").await;
}

#[cfg(tokio_unstable)]
#[tokio::test]
async fn a_saturated_blocking_pool_is_named_with_what_holds_it() {
    let (_program, mut screen) = faulty(&["blocking-pool"]).await;
    let found = |report: &Report| {
        let first = report.lints.first().filter(|lint| lint.lint == LintKind::BlockingPoolSaturated)?;
        first.message.contains("scheduler/pool.rs").then(|| first.clone())
    };
    let counts = |report: &Report| {
        let pool = report.runtimes.iter().find(|runtime| runtime.name.as_deref() == Some("archive"))?;
        Some([
            pool.max_blocking_threads,
            pool.blocking_threads,
            pool.idle_blocking_threads,
            pool.blocking_queue,
        ])
    };
    // A reading between two closures has fewer in line.
    let is_counted = |report: &Report| counts(report) == Some([Some(2), Some(2), Some(0), Some(5)]);
    let took = screen
        .wait_for("the pool", |model| found(&model.report()).is_some() && is_counted(&model.report()))
        .await;
    let report = screen.report();
    let finding = found(&report).expect("it was there a moment ago");
    println!("blocking-pool: found {:.2} s after `go`", took.as_secs_f64());
    println!("  {}", finding.message);
    // The closures that hold it are blamed, none of those in line, and no task for what it may do.
    let running = |id: &String| {
        report.tasks.iter().any(|task| task.id == *id && task.state.as_deref() == Some("running"))
    };
    assert!(!finding.tasks.is_empty() && finding.tasks.iter().all(running), "{finding:?}");
    let blamed = report.lints.iter().filter(|lint| lint.lint != LintKind::BlockingPoolSaturated);
    let blamed = blamed.filter(|lint| lint.severity >= Severity::Warning && !is_by_the_machine(lint));
    assert_eq!(blamed.count(), 0, "{:?}", report.lints);
    let is_closure = |poll: &StuckPoll| poll.task.as_ref().is_none_or(|task| finding.tasks.contains(task));
    assert!(!report.stuck_polls.iter().any(is_closure), "{:?}", report.stuck_polls);
}

#[tokio::test]
async fn what_goes_on_is_not_accused() {
    let mut program = start_init(&["scheduler-healthy"]);
    let mut screen = Screen::open(program.address());
    screen.wait_for("its tasks", |model| model.report().tasks.len() > 200).await;
    let before = program.ask("done");
    watch_innocents(&mut screen, Duration::from_secs(6)).await;
    let after = program.ask("done");
    for part in 0..5 {
        assert!(after["done"][part].as_u64() > before["done"][part].as_u64(), "{before} {after}");
    }
}

/// On a machine with more work than cores a woken task can wait a while; that is reported, and no task is accused.
fn is_by_the_machine(lint: &Lint) -> bool {
    lint.severity < Severity::Critical && lint.lint == LintKind::LongScheduleDelay
}

/// Checks twice a second that no task is accused.
pub(crate) async fn watch_innocents(screen: &mut Screen, time: Duration) {
    let look = Duration::from_millis(500);
    for _ in 0..time.as_millis() / look.as_millis() {
        screen.watch_for(look).await;
        for lint in screen.report().lints {
            let accused = lint.severity >= Severity::Warning && ABOUT_SCHEDULING.contains(&lint.lint);
            assert!(lint.severity < Severity::Critical && (!accused || is_by_the_machine(&lint)), "{lint:?}");
            assert!(!ABOUT_LOCKS.contains(&lint.lint), "{lint:?}");
            println!("a note: {}", lint.message);
        }
    }
}
