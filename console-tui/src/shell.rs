//! The impure part: the terminal, the connection, signals and time, turned into events; effects carried out.
//!
//! Invariant: a frame is drawn only if something changed, and at most [`MAX_FPS`] times a second; every way out gives the
//! terminal back. Limit: one target at a time.

#[cfg(target_os = "linux")]
mod attached;
pub mod backoff;
#[cfg_attr(not(target_os = "linux"), path = "shell/beside/elsewhere.rs")]
mod beside;
pub mod clipboard;
mod compat;
pub mod connect;
mod names;
pub mod signals;
pub mod terminal;

#[doc(hidden)]
pub use compat::translate_updates;
#[doc(hidden)]
pub use names::Names;

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    io,
    time::{Duration, Instant},
};

use crossterm::event::EventStream;
use futures_util::StreamExt as _;
use taskscope_model::{Config, Effect};
use tokio::{
    task::yield_now,
    time::{Instant as Deadline, MissedTickBehavior, interval, sleep_until},
};

use self::{
    connect::Connection,
    signals::{Asked, Signals},
    terminal::Screen,
};
use crate::{
    app::App,
    keymap::Keymap,
    target::{Reading, Target},
    theme::Theme,
};

/// Frames a second at most.
pub const MAX_FPS: u32 = 60;

/// How often the model gets the time when nothing else happens: ages on the screen show tenths of a second only
/// while they are short.
const TICK: Duration = Duration::from_millis(200);

/// All that a run needs.
#[derive(Debug)]
pub struct Options {
    /// What to watch.
    pub target: Target,
    /// How its memory is read.
    pub reading: Reading,
    /// Preferences and limits of the model.
    pub model: Config,
    /// Looks.
    pub theme: Theme,
    /// Keys.
    pub keymap: Keymap,
}

/// Why a run ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The user quit.
    Quit,
    /// A signal, by its number.
    Signal(i32),
}

/// Runs the console until the user quits.
///
/// # Errors
/// When the terminal fails.
pub async fn run(options: Options) -> io::Result<End> {
    let mut signals = Signals::catch()?;
    let mouse = options.model.mouse;
    let app = App::new(options.model, options.keymap, options.theme);
    let connection = Connection::start(options.target, options.reading);
    let screen = Screen::take(mouse)?;
    let started = Instant::now();
    let mut shell = Shell { app, connection, screen, started, last_draw: None, end: None };
    let size = shell.screen.terminal.size()?;
    let effects = shell.app.resize(size.width, size.height);
    shell.carry_out(effects)?;

    let mut keys = EventStream::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while shell.end.is_none() {
        let draw_at = shell.draw_at();
        let effects = tokio::select! {
            biased;
            asked = signals.next() => shell.signal(asked)?,
            event = keys.next() => match event {
                Some(event) => { shell.tick()?; shell.app.terminal(event?) }
                None => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the terminal is gone")),
            },
            () = sleep_until(draw_at.unwrap_or_else(Deadline::now)), if draw_at.is_some() => {
                shell.draw()?;
                Vec::new()
            }
            Some(news) = shell.connection.news.recv() => { shell.tick()?; shell.app.news(news) }
            _ = ticks.tick() => { shell.tick()?; Vec::new() }
            // After each piece of work, all else comes first.
            () = yield_now(), if shell.app.wants_work() => shell.app.work(),
        };
        shell.carry_out(effects)?;
    }
    Ok(shell.end.unwrap_or(End::Quit))
}

struct Shell {
    app: App,
    connection: Connection,
    screen: Screen,
    started: Instant,
    last_draw: Option<Deadline>,
    end: Option<End>,
}

impl Shell {
    fn tick(&mut self) -> io::Result<()> {
        let effects = self.app.tick(self.started.elapsed());
        self.carry_out(effects)
    }

    /// When the next frame is due; `None` when nothing changed, or while only a part of a round has arrived.
    fn draw_at(&self) -> Option<Deadline> {
        let last = self.last_draw.map_or_else(Deadline::now, |last| last + Duration::from_secs(1) / MAX_FPS);
        (self.app.is_dirty() && !self.app.model().is_between_rounds()).then_some(last)
    }

    fn draw(&mut self) -> io::Result<()> {
        self.last_draw = Some(Deadline::now());
        self.screen.terminal.draw(|frame| self.app.draw(frame))?;
        let effects = self.app.after_draw();
        self.carry_out(effects)
    }

    fn signal(&mut self, asked: Asked) -> io::Result<Vec<Effect>> {
        match asked {
            Asked::End(number) => self.end = Some(End::Signal(number)),
            #[cfg(unix)]
            Asked::Suspend => self.suspend()?,
            #[cfg(unix)]
            Asked::Continue => self.take_again()?,
        }
        Ok(Vec::new())
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> io::Result<()> {
        for effect in effects {
            match effect {
                Effect::SendRequest(request) => self.connection.request(request),
                Effect::ReadMemory(wish) => self.connection.read_memory(wish),
                Effect::Quit => self.end = Some(End::Quit),
                Effect::Suspend => {
                    #[cfg(unix)]
                    self.suspend()?;
                }
                Effect::CopyText(text) => {
                    self.screen.copy(&text)?;
                }
                Effect::SetMouse(on) => self.screen.set_mouse(on)?,
            }
        }
        Ok(())
    }

    #[cfg(unix)]
    fn suspend(&mut self) -> io::Result<()> {
        terminal::restore();
        signals::suspend()?;
        // Here the process has been continued.
        self.take_again()
    }

    #[cfg(unix)]
    fn take_again(&mut self) -> io::Result<()> {
        self.screen.take_again()?;
        let size = self.screen.terminal.size()?;
        let effects = self.app.resize(size.width, size.height);
        self.carry_out(effects)
    }
}

/// A number that no recorder, process or call had before.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}
