//! The real console without its terminal: its connection, its model, and what it writes.

use std::{
    str::FromStr as _,
    time::{Duration, Instant},
};

use taskscope_console::{
    headless,
    shell::connect::{Connection, News},
    target::{Patience, Reading, Target},
};
use taskscope_model::{Config, Effect, Event, Model, report::Report, update};
use tokio::time::{Interval, interval};

use crate::DEADLINE;

/// How often the model gets the time.
const TICK: Duration = Duration::from_millis(50);
/// Rows that its list shows.
const PAGE_ROWS: u16 = 1000;

/// A console that watches an address for as long as it is asked to.
#[derive(Debug)]
pub struct Screen {
    /// What it knows.
    pub model: Model,
    connection: Connection,
    started: Instant,
    ticks: Interval,
}

impl Screen {
    /// Starts to connect.
    ///
    /// # Panics
    /// The address is none.
    pub fn open(address: &str) -> Self {
        Self::open_with(address, Config::default())
    }

    /// The same, with limits of the model.
    ///
    /// # Panics
    /// The address is none.
    pub fn open_with(address: &str, config: Config) -> Self {
        Self::of(Target::from_str(address).expect("an address"), config)
    }

    fn of(target: Target, config: Config) -> Self {
        let config = Config { target: target.to_string(), interval: Some(TICK), ..config };
        let mut screen = Self {
            model: Model::new(config),
            connection: Connection::start(
                target,
                Reading { names: Patience::OfAReport, ..Reading::default() },
            ),
            started: Instant::now(),
            ticks: interval(TICK),
        };
        screen.feed(Event::PageRows(PAGE_ROWS));
        screen
    }

    /// Attaches to a process that knows nothing of taskscope.
    ///
    /// # Panics
    /// It can't be read.
    #[cfg(target_os = "linux")]
    pub fn attach(pid: u32) -> Self {
        use taskscope_console::attach::{Wanted, prepare};
        let wanted = Wanted { process: Some(pid.to_string()), ..Wanted::default() };
        let target = Target::Process(prepare(&wanted).expect("it can be read"));
        Self::of(target, Config { all_await_trees: true, ..Config::default() })
    }

    /// Waits for one thing to happen, and lets the model know of it.
    ///
    /// # Panics
    /// The connection has given up.
    pub async fn step(&mut self) {
        let event = tokio::select! {
            news = self.connection.news.recv() => match news.expect("it never gives up") {
                News::Frame(frame) => Event::Frame(frame),
                News::Connection(event) => Event::Connection(event),
                News::Memory(news) => Event::Memory(news),
            },
            _ = self.ticks.tick() => Event::Tick { now: self.started.elapsed() },
        };
        self.feed(event);
    }

    /// An event, and the work that it makes.
    fn feed(&mut self, event: Event) {
        let mut next = Some(event);
        while let Some(event) = next {
            for effect in update(&mut self.model, event) {
                match effect {
                    Effect::SendRequest(request) => self.connection.request(request),
                    Effect::ReadMemory(wish) => self.connection.read_memory(wish),
                    _ => {}
                }
            }
            next = self.model.wants_work().then_some(Event::Work);
        }
    }

    /// Goes on until the model is as wanted; returns how long that took.
    ///
    /// # Panics
    /// It does not become so before the deadline.
    pub async fn wait_for(&mut self, what: &str, mut wanted: impl FnMut(&Model) -> bool) -> Duration {
        let start = Instant::now();
        while !wanted(&self.model) {
            self.step().await;
            assert!(start.elapsed() < DEADLINE, "waited in vain for {what}; {}", self.summary());
        }
        start.elapsed()
    }

    /// For messages.
    fn summary(&self) -> String {
        let report = self.model.report();
        let found: Vec<String> =
            report.lints.iter().map(|lint| format!("{}: {}", lint.lint.name(), lint.message)).collect();
        format!("{:?}, {:?}, found: {found:#?}", self.model.header(), report.totals)
    }

    /// Goes on for a while.
    pub async fn watch_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.step().await;
        }
    }

    /// What `--once --json` writes.
    pub fn report(&self) -> Report {
        self.model.report()
    }

    /// All that `--once` and `--once --json` write.
    ///
    /// # Panics
    /// It can't be written.
    pub fn written(&self) -> String {
        let mut out = Vec::new();
        for format in headless::export::FORMATS {
            format.write(&self.model, 200, &mut out).expect("a buffer takes everything");
        }
        String::from_utf8(out).expect("it writes text")
    }
}
