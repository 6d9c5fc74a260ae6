//! What a console gets of real programs, against what those programs know of themselves.

mod blinded;
mod idle;
mod kinds;
mod memory;
mod own_memory;
mod real;
mod restart;
mod scheduler;
mod server;
mod totals;
mod wedged;

use taskscope_tests::program::Program;

/// Starts a scenario of the program under test.
fn start(arguments: &[&str]) -> Program {
    Program::start(env!("CARGO_BIN_EXE_program"), arguments)
}

/// The same with the process's own recorder.
fn start_init(scenario: &[&str]) -> Program {
    Program::start_init(env!("CARGO_BIN_EXE_program"), scenario)
}
