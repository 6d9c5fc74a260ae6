//! A program with the real console-subscriber in it, watched by the real connection and the real binary.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use console_api::instrument::{PauseRequest, ResumeRequest, instrument_client::InstrumentClient};
use serde_json::Value;
use taskscope_console::{
    shell::connect::{Connection, News},
    target::Reading,
};
use taskscope_model::{Config, ConnectionEvent, Effect, Event, Model, report::Report, update};
use taskscope_proto::v1::{self, Frame};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

/// `tests/programs/subscriber.rs`, running; killed when it is dropped.
struct Program {
    child: Child,
    port: u16,
}

impl Program {
    fn start(idle_tasks: usize) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self::start_at(port, idle_tasks)
    }

    fn start_at(port: u16, idle_tasks: usize) -> Self {
        let path =
            PathBuf::from(env!("CARGO_BIN_EXE_taskscope")).with_file_name("examples").join("subscriber");
        let child = Command::new(path)
            .args([port.to_string(), idle_tasks.to_string()])
            // Quick, so that the tests are.
            .env("TOKIO_CONSOLE_PUBLISH_INTERVAL", "100ms")
            .stdout(Stdio::null())
            .spawn()
            .expect("the example is built: cargo build -p taskscope-console --example subscriber");
        Self { child, port }
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have been killed by the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A console without a screen.
struct Watcher {
    connection: Connection,
    model: Model,
}

impl Watcher {
    fn new(address: &str) -> Self {
        Self {
            connection: Connection::start(address.parse().unwrap(), Reading::default()),
            model: Model::new(Config::default()),
        }
    }

    async fn next(&mut self) -> News {
        timeout(PATIENCE, self.connection.news.recv())
            .await
            .expect("news in time")
            .expect("the connection lives")
    }

    /// Takes in one piece of news; the frame, if it was one.
    async fn step(&mut self) -> Option<Frame> {
        let (event, frame) = match self.next().await {
            News::Frame(frame) => (Event::Frame(frame.clone()), Some(*frame)),
            News::Connection(event) => (Event::Connection(event), None),
            News::Memory(news) => (Event::Memory(news), None),
        };
        for effect in update(&mut self.model, event) {
            if let Effect::SendRequest(request) = effect {
                self.connection.request(request);
            }
        }
        frame
    }

    async fn until(&mut self, enough: impl Fn(&Report) -> bool) -> Report {
        let wait = async {
            loop {
                self.step().await;
                let report = self.model.report();
                if report.process.is_some() && enough(&report) {
                    return report;
                }
            }
        };
        timeout(PATIENCE, wait).await.expect("it comes to that in time")
    }
}

fn named<'r>(report: &'r Report, name: &str) -> Option<&'r taskscope_model::report::Task> {
    report.tasks.iter().find(|task| task.name.as_deref() == Some(name))
}

#[tokio::test]
async fn tasks_are_shown_with_their_numbers() {
    let program = Program::start(0);
    let mut watcher = Watcher::new(&program.address());
    let report = watcher
        .until(|report| {
            named(report, "yields-100")
                .is_some_and(|task| task.polls > Some(100) && task.state.as_deref() == Some("idle"))
                && named(report, "waiter").is_some_and(|task| task.polls > Some(0))
                && named(report, "ticker").is_some_and(|task| task.polls > Some(5))
                && report.totals.finished > 0
        })
        .await;

    let yields = named(&report, "yields-100").unwrap();
    assert_eq!((yields.polls, yields.wakes), (Some(101), Some(100)));
    assert_eq!(yields.kind.as_deref(), Some("task"));
    assert!(yields.tokio_id.is_some());
    assert!(yields.place.as_deref().unwrap().contains("subscriber.rs"), "{:?}", yields.place);
    let waiter = named(&report, "waiter").unwrap();
    assert_eq!((waiter.state.as_deref(), waiter.polls, waiter.wakers), (Some("idle"), Some(1), Some(1)));
    let blocking = report.tasks.iter().find(|task| task.kind.as_deref() == Some("blocking")).unwrap();
    assert_eq!((blocking.state.as_deref(), blocking.wakes), (Some("running"), None));
    assert!(
        !report
            .tasks
            .iter()
            .any(|task| task.place.as_deref().is_some_and(|place| place.contains("worker.rs")))
    );

    let process = report.process.unwrap();
    assert_eq!((process.name.as_str(), process.pid), ("", None));
    assert!(process.problems.iter().any(|problem| problem.contains("console-subscriber")));
    assert_eq!(report.totals.own_cost, None);
    let losses = watcher.model.header().losses;
    assert_eq!((losses.rejected_frames, losses.gaps, losses.orphans), (0, 0, 0));
    // What lives for a moment is in the sums of its place.
    let short = report.sites.iter().find(|site| site.finished > 0).unwrap();
    assert!(short.spawned >= short.finished);
}

#[tokio::test]
async fn details_come_with_histograms() {
    let program = Program::start(0);
    let mut watcher = Watcher::new(&program.address());
    let report =
        watcher.until(|report| named(report, "hogger").is_some_and(|task| task.polls > Some(2))).await;
    let hogger = named(&report, "hogger").unwrap();
    let task = v1::TaskRef { slot: hogger.slot, generation: hogger.generation };
    let mut request = v1::WatchRequest { protocol: 1, details: vec![task], ..v1::WatchRequest::default() };
    watcher.connection.request(request.clone());
    let detail = loop {
        let Some(frame) = watcher.step().await else { continue };
        if let Some(detail) = frame.details.first() {
            break detail.clone();
        }
    };
    assert_eq!(detail.task, Some(task));
    let polls = detail.polls.unwrap();
    assert!(polls.count.iter().sum::<u64>() >= 2, "{polls:?}");
    // It holds its worker for 150 ms at a time.
    assert!(polls.max_ns >= 150_000_000, "{polls:?}");
    let longest = polls.lower_ns.last().unwrap()..=polls.upper_ns.last().unwrap();
    assert!(longest.contains(&&polls.max_ns), "{polls:?}");
    assert!(detail.scheduled.is_some());

    // And another slot with that number has none.
    request.details[0].generation += 1;
    watcher.connection.request(request);
    let mut quiet = 0;
    while quiet < 10 {
        let Some(frame) = watcher.step().await else { continue };
        quiet = if frame.details.is_empty() { quiet + 1 } else { 0 };
    }
}

#[tokio::test]
async fn locks_timers_and_who_waits_for_them_are_known() {
    let program = Program::start(0);
    let mut watcher = Watcher::new(&program.address());
    let (mut types, mut sources) = (Vec::new(), Vec::new());
    while !(types.iter().any(|kind| kind == "Mutex") && sources.iter().any(|source| source == "Mutex::lock"))
    {
        let Some(frame) = watcher.step().await else { continue };
        types.extend(frame.resources.map(|resources| resources.strings).unwrap_or_default());
        sources.extend(frame.ops.map(|ops| ops.strings).unwrap_or_default());
    }
    let losses = watcher.model.header().losses;
    assert_eq!(losses.rejected_frames, 0);
}

#[tokio::test]
async fn a_state_that_trickles_in_says_so_until_all_of_it_is_there() {
    let program = Program::start(2000);
    let mut watcher = Watcher::new(&program.address());
    let trickles = |report: &Report| {
        report
            .process
            .as_ref()
            .is_some_and(|process| process.problems.iter().any(|problem| problem.contains("127")))
    };
    let early = watcher.until(trickles).await;
    assert!(early.totals.alive < 2000, "{}", early.totals.alive);
    let whole = watcher.until(|report| report.totals.alive >= 2000 && !trickles(report)).await;
    assert!(whole.tasks.len() >= 2000);
}

#[tokio::test]
async fn another_process_at_the_same_port_is_another_one() {
    let mut program = Program::start(0);
    let mut watcher = Watcher::new(&program.address());
    let first = watcher.until(|report| named(report, "waiter").is_some()).await;
    program.child.kill().unwrap();
    program.child.wait().unwrap();
    loop {
        if let News::Connection(ConnectionEvent::Lost { reason, retry_in }) = watcher.next().await {
            assert!(reason.contains("the program ended") || reason.contains("closed the stream"), "{reason}");
            assert!(retry_in.is_some());
            break;
        }
    }
    let instance = |report: &Report| report.process.as_ref().unwrap().instance.clone();
    let _second = Program::start_at(program.port, 0);
    let second = watcher
        .until(|report| instance(report) != instance(&first) && named(report, "waiter").is_some())
        .await;
    assert!(second.totals.alive > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_binary_reports_it() {
    let program = Program::start(0);
    let report = loop {
        let address = format!("http://{}", program.address());
        let output = tokio::task::spawn_blocking(move || {
            Command::new(env!("CARGO_BIN_EXE_taskscope"))
                .args(["--once", "--json", "--for", "1s", "--timeout", "30s", &address])
                .env("XDG_CONFIG_HOME", "/nowhere")
                .output()
                .unwrap()
        });
        let output = output.await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let all = report["tasks"].as_array().unwrap();
        // The program may have just started.
        if all.iter().any(|task| task["name"] == "ticker" && task["polls"].as_u64() > Some(10)) {
            break report;
        }
    };
    let problems = report["process"]["problems"].as_array().unwrap();
    assert!(problems.iter().any(|problem| problem.as_str().unwrap().contains("console-subscriber")));
    assert_eq!(report["totals"]["own_cost"], Value::Null);
    assert_eq!(report["totals"]["client_losses"], 0);
}

#[tokio::test]
async fn a_pause_by_another_console_is_shown() {
    let program = Program::start(0);
    let mut watcher = Watcher::new(&program.address());
    let is_paused = |report: &Report| {
        let problems = report.process.as_ref().map_or(&[][..], |process| process.problems.as_slice());
        problems.iter().any(|problem| problem.contains("has paused"))
    };
    watcher.until(|report| named(report, "waiter").is_some() && !is_paused(report)).await;
    let mut other = InstrumentClient::connect(format!("http://{}", program.address())).await.unwrap();
    other.pause(PauseRequest {}).await.unwrap();
    watcher.until(is_paused).await;
    other.resume(ResumeRequest {}).await.unwrap();
    watcher.until(|report| !is_paused(report)).await;
}

#[tokio::test]
async fn what_ended_before_a_console_came_is_counted_once() {
    let program = Program::start(0);
    let uptime_ns = |report: &Report| report.process.as_ref().map_or(0, |process| process.uptime_ns);
    let mut alone = Duration::from_secs(2);
    loop {
        // Unwatched, it makes no rounds: the second update repeats all of the first one.
        tokio::time::sleep(alone).await;
        let mut watcher = Watcher::new(&program.address());
        let first = watcher.until(|report| report.totals.spawned > 0).await;
        let passed_ns = |report: &Report| uptime_ns(report).saturating_sub(uptime_ns(&first));
        let later = watcher.until(|report| passed_ns(report) > 500_000_000).await;
        // `worker` sleeps for 20 ms before each spawn, and no other task spawns; some events are older than the time of the update.
        let most = passed_ns(&later) / 20_000_000 + 5;
        let spawned = later.totals.spawned - first.totals.spawned;
        assert!(spawned <= most, "{spawned} spawned where {most} are possible");
        assert!(later.totals.finished - first.totals.finished <= most, "{:?}", later.totals);
        if first.totals.finished > 2 * most {
            return;
        }
        // Too few to notice if they were counted twice.
        alone *= 2;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lint_that_cant_be_judged_is_no_success() {
    let program = Program::start(0);
    Watcher::new(&program.address()).until(|report| named(report, "waiter").is_some()).await;
    let check = async |lints: &str, more: &[&str]| {
        let mut args = vec!["--once", "--for", "200ms", "--timeout", "30s", "--fail-on", lints];
        args.extend(more);
        let args: Vec<String> = args.into_iter().map(str::to_owned).chain([program.address()]).collect();
        let run = move || {
            let binary = env!("CARGO_BIN_EXE_taskscope");
            Command::new(binary).args(args).env("XDG_CONFIG_HOME", "/nowhere").output().unwrap()
        };
        let output = tokio::task::spawn_blocking(run).await.unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = check("deadlock,task-leak,dead-peer", &[]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("can't be judged: deadlock: tokio-console's protocol"), "{said}");
    assert!(said.contains("can't be judged: dead-peer: ") && !said.contains("task-leak"), "{said}");
    assert_eq!(check("deadlock,dead-peer", &["--ignore-unjudged"]).await, (Some(0), String::new()));
    assert_eq!(check("task-leak", &[]).await, (Some(0), String::new()));
}
