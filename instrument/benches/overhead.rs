//! What watching costs, against console-subscriber, in one run: `just bench-overhead`.
//!
//! Every sample is a process of its own (a global subscriber can be set once), modes alternate, and the table shows the median over
//! the samples with the spread. `OVERHEAD_SAMPLES` (default 5) and `OVERHEAD_ONLY` (a workload's name) narrow a run.

#[path = "overhead/http.rs"]
mod http;
#[path = "overhead/modes.rs"]
mod modes;
#[path = "overhead/unheard.rs"]
mod unheard;
#[path = "overhead/workloads.rs"]
mod workloads;

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
};

use modes::{Mode, Watcher};
use workloads::Workload;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["measure", mode, workload] => measure(mode.parse()?, workload.parse()?),
        ["watch", watcher, address] => modes::watch(watcher.parse()?, address),
        ["load", address] => {
            http::load(address);
            Ok(())
        }
        // `cargo test` runs benches too; there is nothing to compare there.
        ["--test"] => Ok(()),
        [] => drive(),
        _ => Err(format!("unknown arguments {arguments:?}").into()),
    }
}

/// The child: sets the mode up, waits for its watcher, runs the workload, prints nanoseconds an operation.
fn measure(mode: Mode, workload: Workload) -> Outcome<()> {
    let setup = mode.set_up()?;
    println!("{}", setup.address.as_deref().unwrap_or("none"));
    let mut line = String::new();
    // The driver says when the watcher is there.
    std::io::stdin().read_line(&mut line)?;
    let runtime = setup.runtime(workload.is_on_one_thread())?;
    let ns = workload.run(&runtime, &setup)?;
    println!("{ns}");
    Ok(())
}

fn drive() -> Outcome<()> {
    let samples: usize = std::env::var("OVERHEAD_SAMPLES").map_or(Ok(5), |text| text.parse())?;
    let only = std::env::var("OVERHEAD_ONLY").ok();
    println!(
        "{samples} samples of each, modes alternating; ns an operation over all workers' wall time, median (least–most)\n"
    );
    for workload in Workload::ALL {
        if only.as_deref().is_some_and(|only| only != workload.name()) {
            continue;
        }
        let mut results: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for _ in 0..samples {
            for (number, mode) in Mode::ALL.into_iter().enumerate() {
                let ns = sample(mode, workload).map_err(|error| format!("{mode:?} {workload:?}: {error}"))?;
                results.entry(number).or_default().push(ns);
            }
        }
        print_table(workload, &results);
    }
    Ok(())
}

fn sample(mode: Mode, workload: Workload) -> Outcome<f64> {
    let mut child = this(&["measure", mode.name(), workload.name()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
    let address = lines.next().ok_or("no address")??;
    let watcher = match mode.watcher() {
        Some(watcher) => Some(start_watcher(watcher, &address)?),
        None => None,
    };
    child.stdin.take().ok_or("no stdin")?.write_all(b"go\n")?;
    let ns = lines.next().ok_or("no result")??.parse()?;
    child.wait()?;
    if let Some(mut watcher) = watcher {
        // It ends by itself when its server is gone; if not, it has nothing more to do.
        watcher.kill()?;
        watcher.wait()?;
    }
    Ok(ns)
}

/// Starts a watching process and waits until it has its first message.
fn start_watcher(watcher: Watcher, address: &str) -> Outcome<Child> {
    let mut child = this(&["watch", watcher.name(), address]).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no stdout")?).read_line(&mut line)?;
    Ok(child)
}

fn this(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap_or_else(|_| "overhead".into()));
    command.args(arguments);
    command
}

fn print_table(workload: Workload, results: &BTreeMap<usize, Vec<f64>>) {
    let median = |mode: Mode| {
        let number = Mode::ALL.iter().position(|known| *known == mode).unwrap_or(0);
        let mut values = results.get(&number).cloned().unwrap_or_default();
        values.sort_by(f64::total_cmp);
        (values[values.len() / 2], values[0], values[values.len() - 1])
    };
    let bare = median(Mode::Bare).0;
    let console = median(Mode::ConsoleWatched).0 - bare;
    println!("### {}\n", workload.title());
    println!("| mode | ns | over bare | share of console-subscriber, watched | of bare |");
    println!("|---|---:|---:|---:|---:|");
    for mode in Mode::ALL {
        let (middle, least, most) = median(mode);
        let over = middle - bare;
        println!(
            "| {} | {middle:.0} ({least:.0}–{most:.0}) | {over:+.0} | {:.3} | {:.2} |",
            mode.title(),
            over / console,
            middle / bare
        );
    }
    println!();
}
