//! From a parsed command line to an exit code.

use std::{
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use clap::CommandFactory as _;
use color_eyre::eyre;
#[cfg(feature = "demo")]
use color_eyre::eyre::WrapErr as _;
use taskscope_model::{TableId, report::Report};
use terminal_colorsaurus::{QueryOptions, ThemeMode, theme_mode};
use tokio::runtime::{self, Runtime};

use super::{Cli, Command, Watch};
#[cfg(target_os = "linux")]
use crate::attach;
use crate::{
    config::{self, File},
    headless,
    shell::{self, End},
    target::Target,
    theme::{
        Background, Depth, Theme,
        capabilities::{Environment, ThemeChoice},
    },
};

/// Columns of the text of `--once` without a terminal.
const TEXT_WIDTH: u16 = 160;

/// What a shell reports for a process ended by a signal is this and its number.
const SIGNALLED: u8 = 128;

const FAILED: u8 = 1;
const FOUND: u8 = 2;

/// Prints the error, if there is one.
pub(super) fn report(outcome: eyre::Result<ExitCode>) -> ExitCode {
    match outcome {
        Ok(code) => code,
        // The reader of the output closed it.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("taskscope: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

/// Runs the command.
pub(super) fn command(cli: Cli) -> eyre::Result<ExitCode> {
    match cli.command {
        None => {
            let file = File::load(cli.watch.config.as_deref())?;
            let target = cli.target.map_or_else(|| file.target(), Ok)?;
            let runtime = runtime()?;
            let code = runtime.block_on(watch(cli.watch, &file, target));
            // A thread may still wait for a key.
            runtime.shutdown_background();
            code
        }
        #[cfg(feature = "demo")]
        Some(Command::Demo { watch: how }) => {
            let file = File::load(how.config.as_deref())?;
            let runtime = runtime()?;
            let code = runtime.block_on(async {
                let service =
                    crate::demo::Service::start().await.wrap_err("the demo service did not start")?;
                let code = watch(how, &file, service.target().clone()).await;
                service.stop().await;
                code
            });
            runtime.shutdown_background();
            code
        }
        #[cfg(target_os = "linux")]
        Some(Command::Attach { process, watch: how }) => {
            let file = File::load(how.config.as_deref())?;
            let wanted = attach::Wanted { process, reading: how.reading() };
            watch_memory(how, &file, attach::prepare(&wanted)?)
        }
        #[cfg(target_os = "linux")]
        Some(Command::Core { core, program, watch: how }) => {
            let file = File::load(how.config.as_deref())?;
            let wanted = attach::Wanted { process: None, reading: how.reading() };
            watch_memory(how, &file, attach::prepare_core(core, program, &wanted)?)
        }
        #[cfg(target_os = "linux")]
        Some(Command::Index { program, output, debug_file }) => {
            let path = attach::write_index(program, debug_file, output)?;
            if let Some(path) = path {
                eprintln!("wrote {}", path.display());
            }
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Events { target, length, config }) => {
            let file = File::load(config.as_deref())?;
            let target = target.map_or_else(|| file.target(), Ok)?;
            let model = file.model(&target);
            let mut out = io::BufWriter::new(io::stdout().lock());
            runtime()?.block_on(headless::events::stream(target, model, length, &mut out))?;
            Ok(ExitCode::SUCCESS)
        }
        Some(Command::Config) => print(config::template().as_bytes()),
        Some(Command::Completions { shell }) => {
            let mut out = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "taskscope", &mut out);
            print(&out)
        }
        Some(Command::Man) => {
            let mut out = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut out)?;
            print(&out)
        }
    }
}

#[cfg(target_os = "linux")]
fn watch_memory(how: Watch, file: &File, watched: attach::Watched) -> eyre::Result<ExitCode> {
    let runtime = runtime()?;
    let code = runtime.block_on(watch(how, file, Target::Process(watched)));
    runtime.shutdown_background();
    code
}

fn print(bytes: &[u8]) -> eyre::Result<ExitCode> {
    io::stdout().lock().write_all(bytes)?;
    Ok(ExitCode::SUCCESS)
}

/// The connection has a thread of its own, so that a long frame never delays a key.
fn runtime() -> io::Result<Runtime> {
    runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

async fn watch(watch: Watch, file: &File, target: Target) -> eyre::Result<ExitCode> {
    let mut model = file.model(&target);
    if let Some(filter) = &watch.filter {
        check_filter(filter)?;
        model.tables.entry(TableId::Tasks).or_default().filter.clone_from(filter);
    }
    model.mouse &= !watch.no_mouse;
    if watch.once {
        return once(watch, model, target).await;
    }
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        eyre::bail!("the console needs a terminal; in a script, use --once or --once --json");
    }
    let (theme, reading) = (theme(&watch, file), watch.reading());
    let end = shell::run(shell::Options { target, reading, model, theme, keymap: file.keymap()? }).await?;
    Ok(match end {
        End::Quit => ExitCode::SUCCESS,
        End::Signal(number) => ExitCode::from(SIGNALLED.saturating_add(u8::try_from(number).unwrap_or(0))),
    })
}

fn check_filter(filter: &str) -> eyre::Result<()> {
    match TableId::Tasks.filter_error(filter) {
        Some(error) => eyre::bail!("--filter, at character {}: {}", error.at + 1, error.message),
        None => Ok(()),
    }
}

async fn once(watch: Watch, model: taskscope_model::Config, target: Target) -> eyre::Result<ExitCode> {
    let (reading, timeout, observe) = (watch.reading(), watch.timeout, watch.observe);
    let options = headless::Options { target, reading, model, timeout, observe };
    let headless::Observed { model, found } = headless::observe(options).await?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let width = if io::stdout().is_terminal() { crossterm::terminal::size().ok() } else { None };
    watch.format().write(&model, width.map_or(TEXT_WIDTH, |(width, _)| width), &mut out)?;
    out.flush()?;
    Ok(verdict(&model.report(), &found, &watch))
}

/// The exit code of `--fail-on`. A finding counts for more than a lint that can't be judged.
fn verdict(report: &Report, found: &headless::Found, watch: &Watch) -> ExitCode {
    let unjudged =
        if watch.ignore_unjudged { Vec::new() } else { headless::unjudged(report, &watch.fail_on) };
    for (why, partly, kinds) in &unjudged {
        let names = kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
        if *partly {
            eprintln!("taskscope: judged in part: {names}: {why}.");
        } else {
            eprintln!(
                "taskscope: can't be judged: {names}: {why}. Remove them from --fail-on, or add --ignore-unjudged."
            );
        }
    }
    let failed = found.failed(&watch.fail_on);
    for (kind, count) in &failed {
        eprintln!("taskscope: {} found: {count}", kind.name());
    }
    if !failed.is_empty() {
        ExitCode::from(FOUND)
    } else if unjudged.iter().any(|(_, partly, _)| !partly) {
        ExitCode::from(FAILED)
    } else {
        ExitCode::SUCCESS
    }
}

fn theme(watch: &Watch, file: &File) -> Theme {
    let environment = Environment::read();
    let depth = environment.depth(watch.color.unwrap_or(file.screen.color));
    let background = match watch.theme.unwrap_or(file.screen.theme) {
        ThemeChoice::Dark => Background::Dark,
        ThemeChoice::Light => Background::Light,
        ThemeChoice::Auto if depth == Depth::None => Background::Dark,
        ThemeChoice::Auto => match theme_mode(QueryOptions::default()) {
            Ok(ThemeMode::Light) => Background::Light,
            // Most terminals are dark, and so are most that don't answer.
            Ok(ThemeMode::Dark) | Err(_) => Background::Dark,
        },
    };
    Theme::new(depth, background, environment.ascii(watch.ascii || file.screen.ascii))
}

fn is_broken_pipe(error: &eyre::Report) -> bool {
    error.chain().any(|error| {
        error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}
