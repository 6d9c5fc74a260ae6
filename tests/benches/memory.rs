//! What tasks cost in memory, in the program that is watched and in the console: `just bench-memory`.
//!
//! Every figure is of a process of its own, by Linux's `VmRSS`. console-subscriber is measured up to 100,000 tasks, where it takes 5 GB;
//! a million would take 50.

#[path = "shared/machine.rs"]
mod machine;
#[path = "shared/program.rs"]
mod program;
#[path = "memory/resident.rs"]
mod resident;
#[path = "shared/tty.rs"]
mod tty;
#[path = "memory/watcher.rs"]
mod watcher;

use std::{thread, time::Duration};

use program::{Program, Source};
use tty::Tty;
use watcher::Watcher;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];

/// console-subscriber and its channels go on working for a while.
const SETTLE: Duration = Duration::from_millis(2_500);

/// Time that a console runs on once it shows all tasks: lints and rows are made once a second.
const RUN: Duration = Duration::from_secs(3);

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["program", source] => program::run(source),
        ["watch", address] => watcher::run(address),
        // `cargo test` runs benches too; there is nothing to compare there.
        ["--test"] => Ok(()),
        [] => drive(),
        _ => Err(format!("unknown arguments {arguments:?}").into()),
    }
}

fn drive() -> Outcome<()> {
    println!("{}\n", machine::describe());
    parked()?;
    finished()?;
    console()
}

/// Bytes of RSS a parked task.
fn parked() -> Outcome<()> {
    println!("### A parked task, bytes of RSS over a bare program\n");
    println!("| | 10,000 | 100,000 | 1,000,000 |\n|---|---:|---:|---:|");
    let mut bare = Vec::new();
    for size in SIZES {
        bare.push(park(Source::Bare, size, false)?.0);
    }
    print_row("bare (all of it)", &bare.iter().copied().map(Some).collect::<Vec<_>>());
    for source in [Source::Registry, Source::Wrap, Source::Layer, Source::Console] {
        let is_rival = source == Source::Console;
        let is_served = matches!(source, Source::Wrap | Source::Layer);
        let (mut alone, mut watched) = (Vec::new(), Vec::new());
        for (size, bare) in SIZES.into_iter().zip(&bare) {
            if is_rival && size > 100_000 {
                alone.push(None);
                continue;
            }
            let (before, after) = park(source, size, is_served)?;
            alone.push(Some(before - bare));
            watched.push(after.map(|after| after - bare));
        }
        print_row(source.name(), &alone);
        if is_served {
            print_row(&format!("{}, client attached", source.name()), &watched);
        }
    }
    println!("\n–: not measured, it would take some 50 GB.\n");
    Ok(())
}

/// A task's share of what the program grew by: unwatched, and while a client has all of them.
fn park(source: Source, tasks: usize, watch: bool) -> Outcome<(f64, Option<f64>)> {
    let mut program = Program::start(source)?;
    let empty = resident::bytes(program.child.id(), "VmRSS")?;
    let each = |program: &Program| -> Outcome<f64> {
        Ok((resident::bytes(program.child.id(), "VmRSS")? as f64 - empty as f64) / tasks as f64)
    };
    program.obey(&format!("park {tasks}"))?;
    if source == Source::Console {
        thread::sleep(SETTLE);
    }
    let alone = each(&program)?;
    if !watch {
        return Ok((alone, None));
    }
    let _watcher = Watcher::start(&program.address)?;
    Ok((alone, Some(each(&program)?)))
}

fn print_row(title: &str, values: &[Option<f64>]) {
    let cells: Vec<_> = values
        .iter()
        .map(|value| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.0}")))
        .collect();
    println!("| {title} | {} |", cells.join(" | "));
}

/// RSS after many tasks have come and gone.
fn finished() -> Outcome<()> {
    println!("### After tasks that came and went, MB of RSS of the program\n");
    println!("| | 10,000 | 1,000,000 |\n|---|---:|---:|");
    for source in [Source::Bare, Source::Registry, Source::Wrap, Source::Layer] {
        let mut program = Program::start(source)?;
        program.obey("finish 10000")?;
        let few = megabytes(program.child.id(), "VmRSS")?;
        program.obey("finish 990000")?;
        println!("| {} | {few:.1} | {:.1} |", source.name(), megabytes(program.child.id(), "VmRSS")?);
    }
    let mut rival = Program::start(Source::Console)?;
    rival.obey("finish 10000")?;
    thread::sleep(SETTLE);
    let few = megabytes(rival.child.id(), "VmRSS")?;
    println!("| {} | {few:.1} | – |", Source::Console.name());
    println!("\n–: not measured; it keeps finished tasks for an hour.\n");
    Ok(())
}

/// RSS of the console, in a terminal of 200x60.
fn console() -> Outcome<()> {
    println!("### The console, MB of RSS with a row for each task on a screen of 200x60\n");
    println!("| tasks | now | at most | bytes a task |\n|---:|---:|---:|---:|");
    let mut none = 0.0;
    for tasks in [0].into_iter().chain(SIZES) {
        let mut program = Program::start(Source::Wrap)?;
        program.obey(&format!("park {tasks}"))?;
        let mut tty = Tty::start(&program.address)?;
        tty.wait_for_tasks()?;
        // A row for each task, not one for all of them.
        tty.press("+")?;
        tty.watch(RUN)?;
        let pid = tty.child.process_id().ok_or("the console has no process")?;
        let (now, most) = (megabytes(pid, "VmRSS")?, megabytes(pid, "VmHWM")?);
        if tasks == 0 {
            none = now;
            println!("| 0 | {now:.1} | {most:.1} | |");
        } else {
            let each = (now - none) * 1e6 / tasks as f64;
            println!("| {tasks} | {now:.1} | {most:.1} | {each:.0} |");
        }
    }
    println!();
    Ok(())
}

fn megabytes(pid: u32, key: &str) -> Outcome<f64> {
    Ok(resident::bytes(pid, key)? as f64 / 1e6)
}
