//! The program under test: one executable, a scenario an argument.
//!
//! `program SCENARIO [--source wrap|layer|hooks|wrappers|init|all|blinded|bare] [--bind ADDRESS] [--workers N] [--name NAME]`
//!
//! Its first line says where it listens; then it obeys commands on stdin, a line each, and answers each with a line of JSON. It ends
//! with its stdin. What it counts, it counts by itself: that is the truth that the console is held against.

mod counted;
mod counted_load;
mod faults;
mod hostile;
mod idle;
mod io;
mod kinds;
mod locks;
mod real;
mod scheduler;
mod stage;
mod wedged;

use std::process::ExitCode;

use crate::stage::{Options, Stage};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let scenario = arguments.next().unwrap_or_default();
    let run = match scenario.as_str() {
        "idle" => idle::run,
        "million" => idle::million,
        "counted" => counted_load::run,
        "wedged" => wedged::run,
        "kinds" => kinds::run,
        "hostile" => hostile::run,
        "faults" => faults::run,
        "deadlock" => locks::plain::deadlock,
        "deadlock-wrapped" => locks::wrapped::deadlock,
        "futurelock" => locks::plain::futurelock,
        "futurelock-wrapped" => locks::wrapped::futurelock,
        "mixed" => locks::plain::mixed,
        "mixed-wrapped" => locks::wrapped::mixed,
        "full" => locks::plain::full,
        "full-wrapped" => locks::wrapped::full,
        "peaceful" => locks::peaceful,
        "peaceful-wrapped" => locks::peaceful_wrapped,
        "patient" => locks::patient,
        "patient-wrapped" => locks::patient_wrapped,
        "pool" => locks::pool,
        "pool-wrapped" => locks::pool_wrapped,
        "truth" => locks::truth,
        "truth-wrapped" => locks::truth_wrapped,
        "actors" => locks::asks::plain::actors,
        "actors-wrapped" => locks::asks::wrapped::actors,
        "asks" => locks::asks::plain::asks,
        "asks-wrapped" => locks::asks::wrapped::asks,
        "asks-itself" => locks::asks::plain::asks_itself,
        "asks-itself-wrapped" => locks::asks::wrapped::asks_itself,
        "asks-locked" => locks::asks::plain::asks_locked,
        "asks-locked-wrapped" => locks::asks::wrapped::asks_locked,
        "relocks" => locks::asks::plain::relocks,
        "relocks-wrapped" => locks::asks::wrapped::relocks,
        "readers" => locks::asks::plain::readers,
        "readers-wrapped" => locks::asks::wrapped::readers,
        "children-locked" => locks::asks::plain::children,
        "children-locked-wrapped" => locks::asks::wrapped::children,
        "unmet" => locks::asks::plain::unmet,
        "unmet-wrapped" => locks::asks::wrapped::unmet,
        "answers" => locks::asks::plain::answers,
        "answers-wrapped" => locks::asks::wrapped::answers,
        "reserved" => locks::asks::plain::reserved,
        "reserved-wrapped" => locks::asks::wrapped::reserved,
        "blocks-on" => locks::asks::blocks_on,
        "own-guard" => locks::asks::own_guard,
        "blocking-call" => scheduler::blocking_call,
        "blocking-pipe" => scheduler::blocking_pipe,
        "blocking-socket" => scheduler::blocking_socket,
        "cpu-hog" => scheduler::cpu_hog,
        "wake-storm" => scheduler::wake_storm,
        "blocking-pool" => scheduler::blocking_pool,
        "lifo-slot" => scheduler::lifo_slot,
        "driver-lost" => scheduler::driver_lost,
        "wedged-runtime" => scheduler::wedged_runtime,
        "scheduler-healthy" => scheduler::healthy,
        "slow-consumer" => io::slow_consumer,
        "slow-consumer-plain" => io::slow_consumer_plain,
        "reset" => io::reset,
        "unread" => io::unread,
        "forgotten" => io::forgotten,
        "backlog" => io::backlog,
        "dead-peer" => io::dead_peer,
        "silent-peer" => io::silent_peer,
        "leak" => io::leak,
        "reuse" => io::reuse,
        "signals" => io::signals,
        "children" => io::children,
        "timers" => io::timers,
        "axum-io" => io::axum,
        "redis" => real::redis,
        "axum" => real::axum,
        _ => {
            eprintln!("no such scenario: {scenario}");
            return ExitCode::FAILURE;
        }
    };
    match Options::parse(arguments).and_then(|options| Stage::open(&options)) {
        Ok(stage) => {
            run(&stage);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
