//! The console for scripts: the same model, watched for a while, then written once in a form that `export` has.
//!
//! Invariant: nothing is written before the first snapshot is complete; missing data is an error with its reason,
//! never an empty report. Limit: lints that need time see `observe` of it, no more.

pub mod events;
pub mod export;
mod fail_on;

use std::time::{Duration, Instant};

use taskscope_model::{ConnectionEvent, Effect, Event, LintKind, Model, format, report::Report, update};
use tokio::time::{MissedTickBehavior, interval};

pub use self::fail_on::{FailOn, Found, help as fail_on_help};
use crate::{
    shell::connect::{Connection, News},
    target::{Patience, Reading, Target},
};

/// Rows that the text shows: all of them, up to what the model's page can be.
const ROWS: u16 = u16::MAX;

/// How often the model gets the time.
const TICK: Duration = Duration::from_millis(100);

/// Longest wait for the await trees of an instrumented program, whose debug information is read for them.
const MEMORY_PATIENCE: Duration = Duration::from_secs(10);

/// How often descriptors are read.
const DESCRIPTORS_INTERVAL: Duration = Duration::from_secs(1);

/// What to watch, and for how long.
#[derive(Debug)]
pub struct Options {
    /// Where.
    pub target: Target,
    /// How its memory is read.
    pub reading: Reading,
    /// Preferences and limits of the model.
    pub model: taskscope_model::Config,
    /// Longest wait for the first whole snapshot.
    pub timeout: Duration,
    /// How long to watch after it.
    pub observe: Duration,
}

/// Why there is nothing to report.
#[derive(Debug, thiserror::Error)]
pub enum HeadlessError {
    /// No snapshot in time.
    #[error("no data from {target} within {}{}", format::duration(*timeout), reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}")))]
    NoData {
        /// Where.
        target: Target,
        /// How long the console waited.
        timeout: Duration,
        /// The last thing that went wrong.
        reason: Option<String>,
    },
    /// The connection broke while watching.
    #[error("the data is incomplete: {reason}")]
    Lost {
        /// Why.
        reason: String,
    },
}

/// What was watched.
#[derive(Debug)]
pub struct Observed {
    /// What is known in the end.
    pub model: Model,
    /// What was found in any round.
    pub found: Found,
}

/// Watches, and returns what is known in the end and what was found meanwhile.
///
/// # Errors
/// When no whole snapshot comes in time, or the connection breaks after it.
pub async fn observe(options: Options) -> Result<Observed, HeadlessError> {
    let Options { target, reading, model, timeout, observe } = options;
    // There is little time to see changes in: descriptors are read as often as the server does.
    let model = taskscope_model::Config {
        descriptors_interval: DESCRIPTORS_INTERVAL,
        all_await_trees: true,
        ..model
    };
    let mut model = Model::new(model);
    let mut connection = Connection::start(target.clone(), Reading { names: Patience::OfAReport, ..reading });
    let started = Instant::now();
    let mut whole_at: Option<Instant> = None;
    let mut reason = None;
    let mut found = Found::default();
    feed(&mut model, &connection, Event::PageRows(ROWS));
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let news = tokio::select! {
            news = connection.news.recv() => news,
            _ = ticks.tick() => None,
        };
        feed(&mut model, &connection, Event::Tick { now: started.elapsed() });
        match news {
            Some(News::Frame(frame)) => feed(&mut model, &connection, Event::Frame(frame)),
            Some(News::Memory(news)) => feed(&mut model, &connection, Event::Memory(news)),
            Some(News::Connection(event)) => {
                if let ConnectionEvent::Lost { reason: why, .. } = &event {
                    if whole_at.is_some() {
                        return Err(HeadlessError::Lost { reason: why.clone() });
                    }
                    reason = Some(why.clone());
                }
                feed(&mut model, &connection, Event::Connection(event));
            }
            None => {}
        }
        match whole_at {
            Some(at) if at.elapsed() >= observe && !waits_for_memory(&connection, at) => {
                // What is reported is of one moment: the last round that is whole, and what the lints find in it.
                feed(&mut model, &connection, Event::Settle);
                found.look(&model);
                return Ok(Observed { model, found });
            }
            None if model.is_complete() => whole_at = Some(Instant::now()),
            None if started.elapsed() >= timeout => {
                return Err(HeadlessError::NoData { target, timeout, reason });
            }
            Some(_) => found.look(&model),
            None => {}
        }
    }
}

/// The await trees of the tasks are still to come, and there is time for them.
fn waits_for_memory(connection: &Connection, whole_at: Instant) -> bool {
    connection.is_reading_memory() && whole_at.elapsed() < MEMORY_PATIENCE
}

/// Without a terminal, the only effects that mean anything are what is asked for. The work that an event makes is done at once.
fn feed(model: &mut Model, connection: &Connection, event: Event) {
    let mut next = Some(event);
    while let Some(event) = next {
        for effect in update(model, event) {
            match effect {
                Effect::SendRequest(request) => connection.request(request),
                Effect::ReadMemory(wish) => connection.read_memory(wish),
                _ => {}
            }
        }
        next = model.wants_work().then_some(Event::Work);
    }
}

/// What keeps lints of `wanted` from being judged: a reason, whether they are judged in part all the same, and which they are.
pub fn unjudged<'r>(report: &'r Report, wanted: &[FailOn]) -> Vec<(&'r str, bool, Vec<LintKind>)> {
    let mut reasons: Vec<(&str, bool, Vec<LintKind>)> = Vec::new();
    // `all` stands for those that can be judged.
    let is_named = |lint: LintKind| wanted.iter().any(|wanted| wanted.names(lint));
    for lint in report.not_judged.iter().filter(|lint| is_named(lint.lint)) {
        match reasons.iter_mut().find(|(why, partly, _)| *why == lint.why && *partly == lint.partly) {
            Some((_, _, kinds)) => kinds.push(lint.lint),
            None => reasons.push((&lint.why, lint.partly, vec![lint.lint])),
        }
    }
    reasons
}
