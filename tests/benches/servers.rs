//! What watching costs real servers: `just bench-servers`.
//!
//! `tests/servers` has three: tonic, hickory's DNS, axum. In each round every way to watch has its turn on each server, a process of its own, under a load
//! from another process on the same machine. Against the server with nothing installed in the same round: throughput, and CPU time an answer, which other
//! work on the machine moves less. The table has the medians of the rounds with the least and the most. `SERVERS_ROUNDS` (5), `SERVERS_ONLY`
//! (`grpc`, `dns`, `http`) and `LOAD_MS` (3000) narrow a run.

#[path = "shared/machine.rs"]
mod machine;

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use taskscope_tests::console::{Console, wish};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const SERVERS: [(&str, &str); 3] = [
    ("grpc", "tonic: unary calls and streams, a message"),
    ("dns", "hickory: UDP and TCP, a query"),
    ("http", "axum: 16 connections, a request that takes a tokio Mutex"),
];

/// `WATCH` of `tests/servers`, whether a console is connected, and what it is.
const WAYS: [(&str, bool, &str); 7] = [
    ("bare", false, "bare"),
    ("off", false, "taskscope, `TASKSCOPE=off`"),
    ("lazy", false, "taskscope, `TASKSCOPE=lazy`, no console yet"),
    ("spans", false, "tokio's spans with nothing behind them"),
    ("on", false, "**taskscope**"),
    ("on", true, "**taskscope, console connected**"),
    ("console-subscriber", false, "console-subscriber 0.5.0"),
];

/// Of `/proc/PID/stat` (proc(5), `sysconf(_SC_CLK_TCK)`).
const TICKS_PER_S: f64 = 100.0;

/// One server under load for a while.
#[derive(Clone, Copy)]
struct Measured {
    answers_a_s: f64,
    cpu_ns_an_answer: f64,
}

fn main() -> Outcome<()> {
    // `cargo test` runs benches too; there is nothing to compare there.
    if env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let rounds: usize = env::var("SERVERS_ROUNDS").map_or(Ok(5), |text| text.parse())?;
    let only = env::var("SERVERS_ONLY").ok();
    let servers = build()?;
    println!("{}; {rounds} rounds\n", machine::describe());
    for (server, title) in
        SERVERS.into_iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name))
    {
        let mut measured: [Vec<Measured>; WAYS.len()] = Default::default();
        for _ in 0..rounds {
            for ((watch, with_console, _), results) in WAYS.into_iter().zip(&mut measured) {
                results.push(measure(&servers, server, watch, with_console)?);
            }
        }
        print_table(title, &measured);
    }
    Ok(())
}

fn print_table(title: &str, measured: &[Vec<Measured>; WAYS.len()]) {
    println!("### {title}\n");
    println!(
        "| | answers/s of bare | answers/s | CPU of the server an answer, over bare |\n|---|---:|---:|---:|"
    );
    let bare = &measured[0];
    for ((_, _, title), results) in WAYS.into_iter().zip(measured) {
        let of_bare = spread(results.iter().zip(bare).map(|(it, bare)| it.answers_a_s / bare.answers_a_s));
        let (answers, ..) = spread(results.iter().map(|it| it.answers_a_s));
        let over =
            spread(results.iter().zip(bare).map(|(it, bare)| it.cpu_ns_an_answer - bare.cpu_ns_an_answer));
        println!(
            "| {title} | {:.3} ({:.3}–{:.3}) | {answers:.0} | {:+.0} ns ({:+.0}–{:+.0}) |",
            of_bare.0, of_bare.1, of_bare.2, over.0, over.1, over.2
        );
    }
    println!();
}

/// Median, least, most.
fn spread(values: impl Iterator<Item = f64>) -> (f64, f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2], values[0], values[values.len() - 1])
}

/// The servers, in release, as their users build them.
fn build() -> Outcome<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("tests lie in the project's root")?;
    let target = root.join("target/servers");
    let built = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args(["build", "--release", "--locked", "--quiet"])
        .current_dir(root.join("tests/servers"))
        .env("CARGO_TARGET_DIR", &target)
        .env("RUSTFLAGS", "--cfg tokio_unstable")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()?;
    if !built.success() {
        return Err("the servers do not build: run `cargo build` in tests/servers".into());
    }
    Ok(target.join("release/servers"))
}

/// A process that is killed when this is dropped.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Outcome<(Self, BufReader<ChildStdout>)> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let lines = BufReader::new(child.stdout.take().ok_or("stdout is a pipe")?);
        Ok((Self(child), lines))
    }

    /// Its CPU time until now.
    fn cpu_s(&self) -> Outcome<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        // `utime` and `stime` are the 12th and 13th field behind the name.
        let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|it| it.parse::<f64>().ok());
        Ok(ticks.sum::<f64>() / TICKS_PER_S)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

fn line(lines: &mut BufReader<ChildStdout>) -> Outcome<String> {
    let mut line = String::new();
    lines.read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

fn measure(servers: &Path, server: &str, watch: &str, with_console: bool) -> Outcome<Measured> {
    let (serving, mut said) =
        Running::start(Command::new(servers).args([server, "serve"]).env("WATCH", watch))?;
    let first = line(&mut said)?;
    let (address, watched_at) =
        first.split_once(' ').ok_or_else(|| format!("{server} {watch} says: {first}"))?;
    let console = with_console
        .then(|| tokio::runtime::Runtime::new().map(|runtime| look(&runtime, watched_at).map(|()| runtime)));
    let console = console.transpose()?.transpose()?;
    let load_ms = env::var("LOAD_MS").unwrap_or_else(|_| "3000".to_owned());
    let mut load = Command::new(servers);
    let (_asking, mut answers) =
        Running::start(load.args([server, "load", address]).env("LOAD_MS", load_ms))?;
    if line(&mut answers)? != "begin" {
        return Err(format!("the load of {server} does not begin").into());
    }
    let before_s = serving.cpu_s()?;
    let counted = line(&mut answers)?;
    let cpu_s = serving.cpu_s()? - before_s;
    drop(console);
    let (count, seconds) = counted.split_once(' ').ok_or("the load says how many")?;
    let (count, seconds): (f64, f64) = (count.parse()?, seconds.parse()?);
    if count == 0.0 {
        return Err(format!("{server} with {watch} gave no answer").into());
    }
    Ok(Measured { answers_a_s: count / seconds, cpu_ns_an_answer: cpu_s * 1e9 / count })
}

/// A console that takes frames ten times a second, as ours does, until its runtime is dropped.
fn look(runtime: &tokio::runtime::Runtime, address: &str) -> Outcome<()> {
    let wish = taskscope_proto::v1::WatchRequest { interval_ms: 100, ..wish() };
    let mut console = runtime.block_on(Console::open_with(address, wish))?;
    runtime.spawn(async move { while console.next().await.is_ok() {} });
    Ok(())
}
