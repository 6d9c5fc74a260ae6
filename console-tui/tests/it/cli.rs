//! The binary as a script uses it: reports, exit codes, everything that is generated.

use std::process::{Command, Output};

use serde_json::Value;
use taskscope_proto::v1::Frame;

use crate::{
    fixture::{Script, Task, cast},
    server::{Fake, Then},
};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_taskscope"));
    // The configuration of the user who runs the tests must not change them.
    command.args(arguments).env("XDG_CONFIG_HOME", "/nowhere").env_remove("NO_COLOR").env("COLUMNS", "100");
    command
}

fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

async fn run_beside(arguments: Vec<String>) -> Output {
    tokio::task::spawn_blocking(move || run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()))
        .await
        .unwrap()
}

fn frames() -> Vec<Frame> {
    let mut script = Script::new(cast());
    let mut frames = vec![script.snapshot()];
    frames.extend((0..4).map(|_| script.step()));
    frames
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[cfg(feature = "demo")]
#[test]
fn the_help_is_this() {
    insta::assert_snapshot!("help-long", stdout(&run(&["--help"])));
    insta::assert_snapshot!("help-demo", stdout(&run(&["demo", "-h"])));
}

#[test]
fn completions_and_man_page_are_generated() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = stdout(&run(&["completions", shell]));
        assert!(script.contains("fail-on") && !script.contains("demo-service"), "{shell}");
    }
    let man = stdout(&run(&["man"]));
    assert!(man.starts_with(".ie") && man.contains("fail"), "{man}");
}

#[test]
fn the_printed_configuration_is_accepted() {
    let folder = std::env::temp_dir().join(format!("taskscope-config-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("config.toml");
    std::fs::write(&path, stdout(&run(&["config"]))).unwrap();
    let path_text = path.to_str().unwrap();
    let output = run(&["--config", path_text, "--once", "--timeout", "2s", "127.0.0.1:1"]);
    assert!(stderr(&output).contains("nothing listens"), "{}", stderr(&output));
    std::fs::write(&path, "[screen]\nthem = 1\n").unwrap();
    let output = run(&["--config", path_text, "--once"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("did you mean `theme`?"), "{}", stderr(&output));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn errors_are_sentences_with_exit_codes() {
    let output = run(&["--once", "--timeout", "2s", "127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        stderr(&output),
        "taskscope: no data from 127.0.0.1:1 within 2.00 s: nothing listens at 127.0.0.1:1\n"
    );
    let output = run(&["--once", "--fail-on", "long-pol"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("did you mean `long-poll`?"));
    let output = run(&["127.0.0.1:1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("needs a terminal"), "{}", stderr(&output));
}

#[tokio::test]
async fn json_holds_the_schema_and_fail_on_sets_the_exit_code() {
    let server = Fake::tcp(frames(), Then::StayOpen).await;
    let arguments = |lints: &str| {
        ["--once", "--json", "--for", "1500ms", "--fail-on", lints, &server.address]
            .map(str::to_owned)
            .to_vec()
    };
    let output = run_beside(arguments("lost-waker,task-leak")).await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["schema_version"], 1);
    assert_eq!(report["process"]["pid"], 4211);
    assert_eq!(report["tasks"].as_array().unwrap().len(), cast().len());
    let lint = report["lints"].as_array().unwrap().iter().find(|lint| lint["lint"] == "lost-waker").unwrap();
    assert_eq!(lint["tasks"][0], "87");
    assert_eq!(lint["places"][0], "src/ledger.rs:118:9");
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output), "taskscope: lost-waker found: 1\n");

    let output = run_beside(arguments("task-leak")).await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
}

#[tokio::test]
async fn text_has_process_findings_and_table() {
    let server = Fake::tcp(frames(), Then::StayOpen).await;
    let output =
        run_beside(vec!["--once".into(), "--for".into(), "1500ms".into(), server.address.clone()]).await;
    let text = stdout(&output);
    assert!(text.starts_with("! DEADLOCKED: transfer #87 → Mutex ledger"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("checkout-api  pid 4211")), "{text}");
    assert!(
        text.contains("! lost-waker (critical, proven, 1 task, src/ledger.rs:118:9): transfer #87"),
        "{text}"
    );
    assert!(text.lines().any(|line| line.contains("60 tasks") && line.contains("conn")), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[tokio::test]
async fn a_filter_filters_and_a_wrong_one_is_an_error() {
    let server = Fake::tcp(frames(), Then::StayOpen).await;
    let with = |filter: &str| {
        vec![
            "--once".to_owned(),
            "--for".into(),
            "0s".into(),
            "--filter".into(),
            filter.into(),
            server.address.clone(),
        ]
    };
    let text = stdout(&run_beside(with("name:accept")).await);
    let table = text.split("STATE").nth(1).unwrap();
    assert!(table.contains("accept") && !table.contains("conn"), "{text}");
    let output = run_beside(with("nam:accept")).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("--filter"), "{}", stderr(&output));
}

#[tokio::test]
async fn hostile_names_reach_a_pipe_harmless() {
    let mut script = Script::new(vec![Task::new("\x1b[31mred\u{202e}", 1)]);
    let server = Fake::tcp(vec![script.snapshot()], Then::StayOpen).await;
    for json in [false, true] {
        let mut arguments = vec!["--once".to_owned(), "--for".into(), "0s".into(), server.address.clone()];
        if json {
            arguments.push("--json".into());
        }
        let text = stdout(&run_beside(arguments).await);
        assert!(text.contains("red") && !text.contains(['\u{1b}', '\u{202e}']), "{text}");
    }
}

#[tokio::test]
async fn a_reader_that_leaves_early_is_no_error() {
    let server = Fake::tcp(frames(), Then::StayOpen).await;
    let address = server.address.clone();
    let status = tokio::task::spawn_blocking(move || {
        let mut child = command(&["--once", "--for", "0s", &address])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        child.wait().unwrap()
    });
    assert_eq!(status.await.unwrap().code(), Some(0));
}

#[tokio::test]
async fn events_are_lines_of_json_and_so_are_losses() {
    use taskscope_proto::v1::{EventColumns, EventKind, Hello};
    let mut script = Script::new(vec![Task::new("transfer", 7)]);
    let mut first = script.snapshot();
    let tasks = first.tasks.as_ref().unwrap();
    let (slot, generation) = (tasks.slot_delta[0], tasks.generation[0]);
    first.hello = first.hello.map(|hello| Hello { taskscope_version: "0.1.0".into(), ..hello });
    let mut second = script.step();
    second.events = Some(EventColumns {
        slot: vec![slot, slot, 99],
        generation: vec![generation, generation, 1],
        kind: vec![EventKind::PollStart.into(), EventKind::PollEnd.into(), EventKind::Wake.into()],
        at_delta_ns: vec![1000, 50, 7],
        by: vec![0, 0, 0],
        lost: 3,
    });
    let mut server = Fake::tcp(vec![first, second], Then::Close).await;
    let output = run_beside(vec!["events".into(), server.address.clone()]).await;
    let lines: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<_> =
        lines[..3].iter().map(|line| (line["at_ns"].as_u64(), line["event"].as_str())).collect();
    assert_eq!(
        events,
        [(Some(1000), Some("poll_start")), (Some(1050), Some("poll_end")), (Some(1057), Some("wake"))]
    );
    assert!(lines[0]["task"].as_str().unwrap().starts_with("transfer"), "{}", lines[0]);
    assert!(lines[2]["task"].is_null() && lines[2]["by"].is_null(), "{}", lines[2]);
    assert_eq!(lines[3]["lost"], 3);
    assert!(server.requests.recv().await.unwrap().events);
    // The stream broke: an error.
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn every_lint_is_in_the_document_of_the_json() {
    let document = include_str!("../../../docs/JSON.md");
    for lint in taskscope_model::LintKind::ALL {
        assert!(document.contains(&format!("`{}`", lint.name())), "docs/JSON.md lacks {}", lint.name());
    }
}
