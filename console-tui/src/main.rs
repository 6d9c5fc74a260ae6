//! The `taskscope` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    if let Err(error) = color_eyre::install() {
        eprintln!("taskscope: {error:#}");
    }
    taskscope_console::cli::main()
}
