//! `taskscope::init` changes nothing of what a program prints, and a bad option switches nothing off.

use std::{
    io::Read as _,
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use taskscope_proto::v1;
use taskscope_tests::{DEADLINE, console::Console, fold::Fold};

const PRINTER: &str = env!("CARGO_BIN_EXE_printer");
/// Of the environment that the test runs in, nothing that counts here.
const UNWANTED: [&str; 4] = ["RUST_LOG", "NO_COLOR", "TASKSCOPE_BIND", "TOKIO_CONSOLE_BIND"];
const ON_ANY_PORT: (&str, &str) = ("TASKSCOPE_BIND", "127.0.0.1:0");

fn command(role: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(PRINTER);
    command.arg(role).stdin(Stdio::null());
    for unwanted in UNWANTED {
        command.env_remove(unwanted);
    }
    command.envs([ON_ANY_PORT]).envs(variables.iter().copied());
    command
}

fn run(role: &str, variables: &[(&str, &str)]) -> Output {
    let output = command(role, variables).output().expect("the program starts");
    assert!(output.status.success(), "{role} {variables:?}: {}", errors(&output));
    output
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The lines on stderr without the time that each begins with.
fn printed(output: &Output) -> Vec<String> {
    let errors = errors(output);
    assert!(!errors.contains('\u{1b}'), "no colours where there is no terminal: {errors}");
    errors
        .lines()
        .map(|line| line.split_once("Z ").map_or(line, |(_, rest)| rest.trim()).to_owned())
        .collect()
}

#[test]
fn a_silent_program_stays_silent_and_its_spans_stay_off() {
    let (bare, with) = (run("bare", &[]), run("init", &[]));
    assert_eq!(with.stdout, bare.stdout);
    assert_eq!(with.stdout, b"\x00\x1b[data\xff\nspan disabled: true\n");
    assert_eq!((errors(&bare).as_str(), errors(&with).as_str()), ("", ""));
}

#[test]
fn an_empty_filter_and_a_forbidden_one_are_as_none() {
    for variables in [[("RUST_LOG", ""); 2], [("RUST_LOG", "trace"), ("TASKSCOPE_PRINT_EVENTS", "0")]] {
        let (bare, with) = (run("bare", &variables), run("init", &variables));
        assert_eq!((&with.stdout, errors(&with)), (&bare.stdout, String::new()), "{variables:?}");
    }
}

#[test]
fn what_rust_log_asks_for_goes_to_stderr_with_the_records_of_log() {
    const ERRORS: [&str; 2] = [
        "ERROR printer: a record of level error",
        "ERROR a span of level error: printer: an event of level error",
    ];
    const INFOS: [&str; 4] = [
        ERRORS[0],
        "INFO printer: a record of level info",
        ERRORS[1],
        "INFO printer: an event of level info",
    ];
    let data = b"\x00\x1b[data\xff\nspan disabled: false\n";
    for (filter, lines) in [("error", &ERRORS[..]), ("info", &INFOS), ("printer=info", &INFOS), ("off", &[])]
    {
        let with = run("init", &[("RUST_LOG", filter)]);
        assert_eq!(printed(&with), lines, "{filter}");
        if filter != "off" {
            assert_eq!(with.stdout, data, "{filter}");
        }
    }
}

#[test]
fn a_filter_that_is_none_is_said_and_errors_are_printed() {
    let with = run("init", &[("RUST_LOG", "printer=loud")]);
    let lines = printed(&with);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].starts_with("taskscope: RUST_LOG=\"printer=loud\" can't be used: "), "{lines:?}");
    assert!(lines[1].starts_with("ERROR printer: a record"), "{lines:?}");
}

#[test]
fn a_logger_that_the_program_set_stays() {
    for filter in ["", "info"] {
        let with = run("logger-first", &[("RUST_LOG", filter)]);
        let lines = printed(&with);
        let own: Vec<_> = lines.iter().filter(|line| line.contains("a record")).map(String::as_str).collect();
        let expected =
            ["own logger: ERROR a record of level error", "own logger: INFO a record of level info"];
        assert_eq!(own, expected, "RUST_LOG={filter}");
    }
}

#[test]
fn a_stderr_without_a_reader_ends_no_program() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let variables = [("RUST_LOG", "trace"), ("TASKSCOPE_MAX_TASKS", "many")];
    let mut command = command("init", &variables);
    let output = command.stderr(writer).stdout(Stdio::piped()).output().expect("the program starts");
    assert!(output.status.success(), "{:?}", output.status);
    assert_eq!(output.stdout, b"\x00\x1b[data\xff\nspan disabled: false\n");
}

#[test]
fn colours_are_for_a_terminal_that_takes_them() {
    for (variables, coloured) in [(&[][..], true), (&[("NO_COLOR", "1")], false)] {
        let size = PtySize { rows: 24, cols: 200, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(PRINTER);
        command.arg("init");
        for unwanted in UNWANTED {
            command.env_remove(unwanted);
        }
        for (name, value) in [&[ON_ANY_PORT, ("RUST_LOG", "info")], variables].concat() {
            command.env(name, value);
        }
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let mut child = pair.slave.spawn_command(command).expect("the program starts");
        drop(pair.slave);
        let mut output = Vec::new();
        // A terminal whose other end is gone is an error to its reader, after all that came.
        let _ended = reader.read_to_end(&mut output);
        assert!(child.wait().expect("it ends").success());
        let text = String::from_utf8_lossy(&output).replace("\u{1b}[data", "");
        assert!(text.contains("an event of level info"), "{text}");
        assert_eq!(text.contains('\u{1b}'), coloured, "{variables:?}: {text}");
    }
}

/// What a console gets of the program, and what it says on stderr until its stdin ends.
async fn served(role: &str, socket: &Path, variables: &[(&str, &str)]) -> (Fold, String) {
    let address = format!("unix:{}", socket.display());
    let mut command = command(role, variables);
    if !variables.iter().any(|(name, _)| name.ends_with("_BIND")) {
        command.env("TASKSCOPE_BIND", &address);
    }
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = piped.spawn().expect("the program starts");
    let started = Instant::now();
    while !socket.exists() {
        assert!(started.elapsed() < DEADLINE, "it never listens");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut console = Console::open(&address).await;
    console.wait_for("a whole snapshot", |fold| fold.complete && fold.sums().finished >= 1).await;
    // This ends its stdin.
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{:?}", output.status);
    (console.fold, errors(&output))
}

#[tokio::test]
async fn an_invalid_variable_keeps_its_default_and_is_reported_once_on_stderr_and_in_the_console() {
    for name in [
        "TASKSCOPE_RETENTION",
        "TOKIO_CONSOLE_RETENTION",
        "TASKSCOPE_PUBLISH_INTERVAL",
        "TOKIO_CONSOLE_PUBLISH_INTERVAL",
        "TASKSCOPE_STUCK_AFTER",
        "TASKSCOPE_LOG_STUCK",
        "TASKSCOPE_RETAINED_TASKS",
        "TASKSCOPE_MAX_TASKS",
        "TASKSCOPE_SHOW_OWN_TASKS",
        "TASKSCOPE_PRINT_EVENTS",
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let variables = [(name, "abc"), ("RUST_LOG", "info")];
        let (fold, stderr) = served("serve", &folder.path().join("socket"), &variables).await;
        let problems = fold.hello.expect("the first frame has it").problems;
        let said = problems.iter().filter(|problem| problem.starts_with(&format!("{name}=\"abc\""))).count();
        assert_eq!(said, 1, "{name}: {problems:?}");
        assert_eq!(stderr.matches(&format!("taskscope: {name}=\"abc\"")).count(), 1, "{name}: {stderr}");
        assert!(stderr.contains("a record of level info"), "{name}: {stderr}");
    }
}

#[tokio::test]
async fn the_future_of_main_is_listed_although_it_began_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let (fold, stderr) = served("serve", &folder.path().join("socket"), &[]).await;
    assert_eq!(stderr, "");
    let hello = fold.hello.as_ref().expect("the first frame has it");
    assert_eq!(hello.problems, Vec::<String>::new());
    let live: Vec<_> = fold.live().collect();
    let [root] = live.as_slice() else { panic!("{live:?}") };
    assert_eq!((root.kind, root.name.as_str()), (v1::TaskKind::BlockOn as i32, "main"));
    assert_eq!(root.knows, v1::Knows::NoPolls as u32);
    assert!(fold.place(root.site).contains("printer.rs:"), "{}", fold.place(root.site));
    assert!(hello.tokio_version.starts_with("1."), "{}", hello.tokio_version);
}

#[tokio::test]
async fn tasks_from_before_are_said_with_the_cure() {
    let folder = tempfile::tempdir().expect("a folder");
    let (fold, stderr) = served("late", &folder.path().join("socket"), &[]).await;
    let problems = fold.hello.expect("the first frame has it").problems;
    for said in [stderr, problems.join("\n")] {
        assert!(said.contains("set up: 1 task. Call taskscope::init() earlier"), "{said}");
    }
}
