//! The command line, and what each command does.
//!
//! Invariant: every mistake in a flag is an error before the console connects; the exit codes are those of `--help`. Limit: one target.

mod run;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{
    Args, Parser, Subcommand,
    builder::{PossibleValue, PossibleValuesParser},
};
use clap_complete::Shell;

use crate::{
    headless::{
        self, FailOn,
        export::{FORMATS, Format},
    },
    target::{Reading, Target},
    theme::capabilities::{ColorChoice, ThemeChoice},
};

const AFTER_HELP: &str = "\
Exit codes:
  0  the user quit, or the report was written
  1  an error: no data within --timeout, a lost connection, an invalid configuration, or a lint of
     --fail-on that the data of this program can't judge (unless --ignore-unjudged)
  2  a lint of --fail-on found something, or the command line is invalid

In the program to watch:      call taskscope::init(), build with RUSTFLAGS=\"--cfg tokio_unstable\"
To try it without a program:  taskscope demo";

/// An oscilloscope for async Rust: watch the tasks of a running tokio program.
#[derive(Debug, Parser)]
#[command(name = "taskscope", version, max_term_width = 100, args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
pub struct Cli {
    /// The program to watch: host:port, http://host:port or unix:/path [default: 127.0.0.1:6669]
    #[arg(value_name = "TARGET")]
    target: Option<Target>,

    #[command(flatten)]
    watch: Watch,

    #[command(subcommand)]
    command: Option<Command>,
}

/// The values of `--format`, each with its help.
fn format_names() -> PossibleValuesParser {
    FORMATS.iter().map(|format| PossibleValue::new(format.name).help(format.help)).collect::<Vec<_>>().into()
}

/// Options of watching.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line are what they are")]
pub struct Watch {
    /// Print one report as text, then exit
    #[arg(long)]
    once: bool,

    /// With --once: the form of the report
    #[arg(long, value_name = "FORMAT", value_parser = format_names(), requires = "once")]
    format: Option<String>,

    /// With --once: short for --format json
    #[arg(long, requires = "once", conflicts_with = "format")]
    json: bool,

    /// With --once: how long to watch after the first complete snapshot; rates and some lints need this time
    #[arg(long = "for", value_name = "TIME", default_value = "2s", value_parser = duration, requires = "once")]
    observe: Duration,

    /// With --once: how long to wait for that snapshot
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration, requires = "once")]
    timeout: Duration,

    /// With --once: exit with code 2 if one of these lints (or all) finds something at warning or above; --help lists the lints
    #[arg(long, value_name = "LINT,…", value_delimiter = ',', requires = "once", long_help = headless::fail_on_help())]
    fail_on: Vec<FailOn>,

    /// With --fail-on: let lints pass that the data of this program can't judge, instead of exiting with code 1
    #[arg(long, requires = "fail_on")]
    ignore_unjudged: bool,

    /// Show only the tasks that match, for example: state:idle name:conn
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,

    /// When to use colour: auto (unless NO_COLOR is set), always or never
    #[arg(long, value_enum, value_name = "WHEN", hide_possible_values = true)]
    color: Option<ColorChoice>,

    /// Background of the terminal: auto (ask the terminal), dark or light
    #[arg(long, value_enum, value_name = "THEME", hide_possible_values = true)]
    theme: Option<ThemeChoice>,

    /// Draw with ASCII only
    #[arg(long)]
    ascii: bool,

    /// Do not capture the mouse
    #[arg(long)]
    no_mouse: bool,

    /// Read this configuration file instead of the default one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    #[cfg(target_os = "linux")]
    #[command(flatten)]
    reading: Memory,
}

/// How the memory of a program is read.
#[cfg(target_os = "linux")]
#[derive(Debug, Args)]
struct Memory {
    /// For await trees, read the debug information from this file instead of the program
    #[arg(long, value_name = "FILE")]
    debug_file: Option<PathBuf>,

    /// In await trees, show the texts of variables too, which may be secrets
    #[arg(long)]
    show_strings: bool,
}

impl Watch {
    /// How the memory of the program is read.
    fn reading(&self) -> Reading {
        #[cfg(target_os = "linux")]
        return Reading {
            debug_file: self.reading.debug_file.clone(),
            strings: self.reading.show_strings,
            ..Reading::default()
        };
        #[cfg(not(target_os = "linux"))]
        Reading::default()
    }

    /// The form of the report.
    fn format(&self) -> Format {
        let name = if self.json { Some("json") } else { self.format.as_deref() };
        name.and_then(Format::from_name).unwrap_or(FORMATS[0])
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a small service with real faults and watch it
    #[cfg(feature = "demo")]
    Demo {
        #[command(flatten)]
        watch: Watch,
    },
    /// Watch a running tokio program that knows nothing of taskscope: no crate, no flag, no restart
    #[cfg(target_os = "linux")]
    Attach {
        /// Its number, or a part of its name [default: the one with tokio in it, or a choice]
        #[arg(value_name = "PROCESS")]
        process: Option<String>,

        #[command(flatten)]
        watch: Watch,
    },
    /// Show the tasks of a tokio program that died, from its core file
    #[cfg(target_os = "linux")]
    Core {
        /// The core file
        #[arg(value_name = "CORE")]
        core: PathBuf,

        /// The program [default: at the path that the core file has]
        #[arg(value_name = "EXE")]
        program: Option<PathBuf>,

        #[command(flatten)]
        watch: Watch,
    },
    /// Write an index of a program's debug information, with which the program can send its await trees by itself
    #[cfg(target_os = "linux")]
    Index {
        /// The program
        #[arg(value_name = "PROGRAM")]
        program: PathBuf,

        /// Where to write it; `-` is the standard output [default: PROGRAM.taskscope]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,

        /// Read the debug information from this file instead of the program
        #[arg(long, value_name = "FILE")]
        debug_file: Option<PathBuf>,
    },
    /// Print every poll and wake of every task, one JSON object per line
    Events {
        /// The program to watch: host:port, http://host:port or unix:/path
        #[arg(value_name = "TARGET")]
        target: Option<Target>,

        /// Stop after this time [default: when the output is closed]
        #[arg(long = "for", value_name = "TIME", value_parser = duration)]
        length: Option<Duration>,

        /// Read this configuration file instead of the default one
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Print the default configuration
    Config,
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the man page
    Man,
}

/// Reads the command line and runs the command.
pub fn main() -> ExitCode {
    // Not a command of the parser: neither help nor completions nor the man page should offer it.
    #[cfg(feature = "demo")]
    if std::env::args_os().nth(1).is_some_and(|argument| argument == crate::demo::SERVICE_ARGUMENT) {
        return run::report(crate::demo::service::main().map(|()| ExitCode::SUCCESS));
    }
    run::report(run::command(Cli::parse()))
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("{error}; use for example 500ms, 2s or 1m"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    fn error(line: &str) -> String {
        Cli::try_parse_from(line.split(' ')).unwrap_err().to_string()
    }

    #[test]
    fn mistakes_are_named() {
        assert!(error("taskscope --once --fail-on long-pol").contains("did you mean `long-poll`?"));
        assert!(error("taskscope --json").contains("--once"));
        assert!(error("taskscope https://a:1").contains("`https` is not a scheme"));
        assert!(error("taskscope --once --for fast").contains("500ms"));
    }

    #[test]
    fn flags_stand_before_or_behind_the_target() {
        let cli =
            Cli::try_parse_from(["taskscope", "--once", "a:1", "--fail-on", "long-poll,task-leak"]).unwrap();
        assert_eq!(cli.watch.fail_on, ["long-poll".parse().unwrap(), "task-leak".parse().unwrap()]);
        assert_eq!(cli.target, Some(Target::Tcp("a:1".into())));
    }
}
