//! What looks cost: `cargo bench -p taskscope-attach`. For 1, 10,000 and 100,000 parked tasks the time of a look, what it reads, and of each task; then the
//! rounds of a busy program while it is looked at and while it is not, in turn.

#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../tests/it/programs.rs"]
mod programs;

use std::{
    thread,
    time::{Duration, Instant},
};

use taskscope_observe::{Observer, Process, Source};

use programs::{Built, Profile, Running, built};

/// Looks of which the median counts.
const LOOKS: usize = 9;
/// Turns with looks, and as many without.
const TURNS: usize = 12;
/// Of a turn.
const TURN: Duration = Duration::from_secs(1);
/// Between looks in a turn with them: four a second.
const PAUSE: Duration = Duration::from_millis(250);

fn main() {
    let built = built("load", Profile::Release);
    for tasks in [1_u32, 10_000, 100_000] {
        time_of_looks(&built, tasks);
    }
    for parked in ["0", "10000"] {
        cost_to_program(&built, parked);
    }
}

fn observer(built: &Built, running: &Running) -> Observer {
    let process = Process::open(running.pid()).expect("it runs");
    Observer::new(Source::Live(process), built.program.clone(), false).expect("its program is mapped")
}

fn read_bytes(observer: &Observer) -> u64 {
    match observer.source() {
        Source::Live(process) => process.read_bytes(),
        Source::Core(_) => 0,
    }
}

fn time_of_looks(built: &Built, tasks: u32) {
    let running = Running::start(&built.path, &["0", &tasks.to_string()]);
    let mut observer = observer(built, &running);
    // The first look reads all memory, too.
    let first = observer.look().expect("it runs");
    assert_eq!(first.tasks.len(), tasks as usize);
    let before = read_bytes(&observer);
    let mut took: Vec<Duration> = (0..LOOKS).map(|_| observer.look().expect("it runs").took).collect();
    took.sort_unstable();
    let bytes = (read_bytes(&observer) - before) / LOOKS as u64;
    let median = took[LOOKS / 2];
    println!(
        "{tasks} tasks: first look {:.1} ms, then {:.1} ms, {:.1} µs a task; {bytes} bytes a look, {} a task",
        first.took.as_secs_f64() * 1e3,
        median.as_secs_f64() * 1e3,
        median.as_secs_f64() * 1e6 / f64::from(tasks),
        bytes / u64::from(tasks),
    );
    let ids: Vec<u64> = first.tasks.iter().filter_map(|seen| seen.task.id).collect();
    time_of_one(&mut observer, ids[ids.len() / 2]);
}

/// What a console beside a stream does for a task that it shows.
fn time_of_one(observer: &mut Observer, id: u64) {
    let mut look = || {
        let started = Instant::now();
        assert_eq!(observer.tasks(&[id]).expect("it runs").len(), 1);
        started.elapsed()
    };
    let first = look();
    let mut took: Vec<Duration> = (0..LOOKS).map(|_| look()).collect();
    took.sort_unstable();
    println!(
        "  one of them by its id: at first {:.1} ms, then {:.1} µs",
        first.as_secs_f64() * 1e3,
        took[LOOKS / 2].as_secs_f64() * 1e6,
    );
}

/// Rounds in a turn with looks by those of the turn before it, which had none.
fn cost_to_program(built: &Built, parked: &str) {
    let mut running = Running::start(&built.path, &["4", parked]);
    let mut observer = observer(built, &running);
    let mut shares: Vec<f64> = (0..TURNS)
        .map(|_| {
            let without = turn(&mut running, || ());
            let with = turn(&mut running, || drop(observer.look().expect("it runs")));
            with / without
        })
        .collect();
    shares.sort_by(f64::total_cmp);
    println!(
        "4 busy and {parked} parked tasks, looked at 4 times a second: {:.3} of the rounds without looks ({:.3} to {:.3})",
        shares[TURNS / 2],
        shares[0],
        shares[TURNS - 1],
    );
}

/// Rounds a second.
fn turn(running: &mut Running, mut look: impl FnMut()) -> f64 {
    let rounds = |running: &mut Running| running.ask("").parse::<f64>().expect("a number");
    let (started, before) = (Instant::now(), rounds(running));
    while started.elapsed() < TURN {
        look();
        thread::sleep(PAUSE.min(TURN.saturating_sub(started.elapsed())));
    }
    (rounds(running) - before) / started.elapsed().as_secs_f64()
}
