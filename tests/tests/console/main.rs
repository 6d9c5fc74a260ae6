//! The console's own connection and model on real programs, and on servers that mean harm.

mod asks;
mod faults;
mod frames;
mod healthy;
mod locks;
mod moments;
mod names;
mod restart;
mod scheduler;
mod truth;

use taskscope_tests::program::Program;

/// Starts a scenario of the program under test.
fn start(arguments: &[&str]) -> Program {
    Program::start(env!("CARGO_BIN_EXE_program"), arguments)
}

/// The same with the process's own recorder.
fn start_init(scenario: &[&str]) -> Program {
    Program::start_init(env!("CARGO_BIN_EXE_program"), scenario)
}

/// Characters that a terminal obeys, or that turn text around: none of them may be written. Lines end in line feeds.
fn harmful(text: &str) -> Option<char> {
    text.chars().find(|c| {
        (c.is_control() && *c != '\n')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{61c}')
    })
}
