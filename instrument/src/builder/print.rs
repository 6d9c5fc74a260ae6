//! The program's own events and log records on stderr, where the environment asks for them.
//!
//! Invariant: nothing goes to stdout, which may be the program's data; and by default nothing is printed, no event is switched on,
//! and the `log` crate is left alone.

use std::io::{IsTerminal as _, stderr};

use tracing_core::{LevelFilter, Subscriber};
use tracing_log::{LogTracer, log};
use tracing_subscriber::{EnvFilter, Layer as _, layer::SubscriberExt as _};

use super::{Builder, env::shown};

/// What is printed where the filter is no filter, as with console-subscriber.
const WITHOUT_FILTER: &str = "error";

/// A subscriber that prints.
pub(super) struct Print<S> {
    pub(super) subscriber: S,
    /// Of the events that it prints.
    max_level: Option<LevelFilter>,
}

/// What the environment asks for; `None`: nothing.
pub(super) fn asked_for(builder: &mut Builder) -> Option<Print<impl Subscriber + use<>>> {
    let name = builder.filter_env_var.clone();
    let asked = std::env::var_os(&name).filter(|asked| builder.print_events && !asked.is_empty())?;
    let parsed = match asked.to_str().map(|text| EnvFilter::builder().parse(text)) {
        Some(Ok(filter)) => Ok(filter),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("it is no text".to_owned()),
    };
    let filter = parsed.unwrap_or_else(|error| {
        let sentence = format!(
            "{name}={} can't be used: {error}. Events and log records are printed as with {name}={WITHOUT_FILTER}.",
            shown(&asked)
        );
        crate::say::say_once(&sentence);
        builder.problem(sentence);
        EnvFilter::new(WITHOUT_FILTER)
    });
    let max_level = filter.max_level_hint();
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(colours())
        // A stderr without a reader is no reason to panic.
        .log_internal_errors(false)
        .with_writer(stderr)
        .with_filter(filter);
    Some(Print { subscriber: tracing_subscriber::registry().with(lines), max_level })
}

impl<S> Print<S> {
    /// The records of the `log` crate that can pass the filter.
    pub(super) fn log_level(&self) -> log::LevelFilter {
        match self.max_level {
            None | Some(LevelFilter::TRACE) => log::LevelFilter::Trace,
            Some(LevelFilter::DEBUG) => log::LevelFilter::Debug,
            Some(LevelFilter::INFO) => log::LevelFilter::Info,
            Some(LevelFilter::WARN) => log::LevelFilter::Warn,
            Some(LevelFilter::ERROR) => log::LevelFilter::Error,
            Some(LevelFilter::OFF) => log::LevelFilter::Off,
        }
    }
}

/// Has records of the `log` crate printed, too, as console-subscriber does. A logger that the program has set stays.
pub(super) fn log_records(level: log::LevelFilter) {
    let _has_its_own = LogTracer::builder().with_max_level(level).init();
}

/// Colours for a terminal alone, and not where `NO_COLOR` is set (<https://no-color.org>).
fn colours() -> bool {
    stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|unwanted| unwanted.is_empty())
}
