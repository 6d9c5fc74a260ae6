//! The pictures: which screen, at which size, in which look.
//!
//! Invariant: a screen is reached the way a user reaches it, by frames, time and actions through the console itself.

use std::time::Duration;

use ratatui::{Terminal, backend::TestBackend, buffer::Buffer};
use taskscope_console::{
    app::App,
    keymap::Keymap,
    shell::connect::News,
    theme::{Background, Depth, Theme},
};
use taskscope_model::{Action, Config, ConnectionEvent, Effect};
use taskscope_proto::v1::{Frame, WatchRequest};

use crate::{
    attached::Attached,
    frames::{STEP_NS, Server},
    palette::Palette,
    svg,
};

/// One picture.
pub struct Shot {
    /// The name of its file, without the ending.
    pub name: &'static str,
    /// What it shows, in a sentence: the title in the SVG.
    pub title: &'static str,
    size: (u16, u16),
    look: Look,
    /// What the user does before the picture is taken.
    actions: &'static [Action],
    /// For how long the program has been gone.
    lost_for: Option<Duration>,
    /// It is another program, which knows nothing of taskscope.
    attached: bool,
}

/// A made-up program: its frames until the moment of the picture.
pub(crate) trait Program: Iterator<Item = Frame> {
    /// The console asks for something.
    fn watch(&mut self, request: WatchRequest);
}

#[derive(Debug, Clone, Copy)]
enum Look {
    Dark,
    Light,
    /// No colour, no Unicode.
    Ascii,
}

/// The user acts when the table has settled, and early enough for what was asked for to arrive.
const ACT_AFTER_FRAMES: u32 = 20;

const WIDE: (u16, u16) = (190, 44);
const USUAL: (u16, u16) = (132, 34);
const SMALL: (u16, u16) = (80, 24);

/// All pictures.
pub const SHOTS: &[Shot] = &[
    shot(
        "overview",
        "How the process is: the verdict, the last minutes, what was found and what changed",
        USUAL,
        &[],
    ),
    shot("tasks", "The tasks of a checkout service, the most suspicious first", USUAL, &[Action::Tasks]),
    shot(
        "task",
        "One task: its life, its polls, and who wakes it",
        USUAL,
        &[Action::Tasks, Action::NextRow, Action::Open],
    ),
    shot(
        "runtime",
        "The runtime: its workers, who waits for one, and the last minutes",
        USUAL,
        &[Action::Runtime],
    ),
    shot(
        "worker",
        "One worker: the stack of the poll that blocks it, and its long polls",
        USUAL,
        &[Action::Runtime, Action::Open],
    ),
    shot("locks", "The locks: who holds them, who waits, and what they cost", USUAL, &[Action::Locks]),
    shot(
        "lock",
        "One lock: who holds it, who waits in which order, and its history",
        USUAL,
        &[Action::Locks, Action::Open],
    ),
    shot(
        "wait-tree",
        "Who waits for whom, down to the root: here it is a cycle",
        USUAL,
        &[Action::Locks, Action::Open, Action::Waits],
    ),
    shot(
        "channels",
        "The channels: how full they are, and who waits at which end",
        USUAL,
        &[Action::Locks, Action::ToggleChannels],
    ),
    shot("resources", "Everything that can be waited for, timers too", USUAL, &[Action::Resources]),
    shot(
        "io",
        "Sockets: what moves, what waits in the kernel, and which task waits for it",
        USUAL,
        &[Action::Io],
    ),
    shot(
        "socket",
        "One socket: who waits for it, its traffic, and what the kernel reports",
        USUAL,
        &[Action::Io, Action::Open],
    ),
    Shot {
        attached: true,
        ..shot(
            "attach",
            "A program that knows nothing of taskscope: a task with its await tree, to the lock that it waits for",
            USUAL,
            &[Action::Tasks, Action::NextRow, Action::Open],
        )
    },
    shot("findings", "What the lints found, each with what to do next", USUAL, &[Action::Findings]),
    shot(
        "tasks-wide",
        "A wide terminal has the selected task beside the table",
        WIDE,
        &[Action::Tasks, Action::NextRow],
    ),
    shot("overview-80x24", "How the process is, on a terminal of 80 by 24", SMALL, &[]),
    shot("tasks-80x24", "The tasks on a terminal of 80 by 24", SMALL, &[Action::Tasks]),
    shot("help", "All keys, generated from the keymap", USUAL, &[Action::Tasks, Action::Help]),
    Shot {
        look: Look::Light,
        ..shot("tasks-light", "The tasks, on a light terminal", USUAL, &[Action::Tasks])
    },
    Shot {
        look: Look::Ascii,
        ..shot("tasks-ascii", "The tasks without colour and without Unicode", USUAL, &[Action::Tasks])
    },
    Shot {
        lost_for: Some(Duration::from_secs(12)),
        ..shot("lost", "The program is gone: its last state, with its age", USUAL, &[Action::Tasks])
    },
];

const fn shot(name: &'static str, title: &'static str, size: (u16, u16), actions: &'static [Action]) -> Shot {
    Shot { name, title, size, look: Look::Dark, actions, lost_for: None, attached: false }
}

impl Shot {
    /// The picture as SVG.
    pub fn svg(&self) -> String {
        let palette = if matches!(self.look, Look::Light) { Palette::LIGHT } else { Palette::DARK };
        svg(&self.buffer(), &palette, self.title)
    }

    /// The cells that the console draws.
    pub fn buffer(&self) -> Buffer {
        let theme = match self.look {
            Look::Dark => Theme::new(Depth::True, Background::Dark, false),
            Look::Light => Theme::new(Depth::True, Background::Light, false),
            Look::Ascii => Theme::new(Depth::None, Background::Dark, true),
        };
        let target = if self.attached { "process 90412" } else { "127.0.0.1:6669" };
        let config = Config { target: target.to_owned(), ..Config::default() };
        let program: Box<dyn Program> =
            if self.attached { Box::new(Attached::new()) } else { Box::new(Server::new()) };
        let mut session = Session::new(App::new(config, Keymap::default(), theme), self.size, program);
        session.watch(self.actions);
        if let Some(lost_for) = self.lost_for {
            session.lose(lost_for);
        }
        session.draw()
    }
}

/// A console on a made-up terminal, watching the made-up service.
struct Session {
    app: App,
    terminal: Terminal<TestBackend>,
    program: Box<dyn Program>,
    now: Duration,
}

impl Session {
    fn new(app: App, (width, height): (u16, u16), program: Box<dyn Program>) -> Self {
        let Ok(terminal) = Terminal::new(TestBackend::new(width, height));
        let mut session = Self { app, terminal, program, now: Duration::ZERO };
        session.app.resize(width, height);
        session
    }

    /// Connects, lets the user act on the way, and watches on until the moment of the picture.
    fn watch(&mut self, actions: &[Action]) {
        self.connection(ConnectionEvent::Connecting { attempt: 1 });
        self.connection(ConnectionEvent::Connected);
        let mut sent = 0;
        while let Some(frame) = self.program.next() {
            let effects = self.app.news(News::Frame(Box::new(frame)));
            self.obey(effects);
            self.draw();
            sent += 1;
            if sent == ACT_AFTER_FRAMES {
                for action in actions {
                    let effects = self.app.action(*action);
                    self.obey(effects);
                }
            }
            self.pass(Duration::from_nanos(STEP_NS));
        }
    }

    /// The program dies; the console tries again and again.
    fn lose(&mut self, lost_for: Duration) {
        let reason = "the program closed the connection".to_owned();
        self.connection(ConnectionEvent::Lost { reason, retry_in: Some(Duration::from_secs(1)) });
        self.pass(lost_for);
        self.connection(ConnectionEvent::Connecting { attempt: 5 });
        let reason = "127.0.0.1:6669 refuses the connection: nothing listens there".to_owned();
        self.connection(ConnectionEvent::Lost { reason, retry_in: Some(Duration::from_secs(4)) });
        self.pass(Duration::from_millis(1300));
    }

    fn connection(&mut self, event: ConnectionEvent) {
        let effects = self.app.news(News::Connection(event));
        self.obey(effects);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        let effects = self.app.tick(self.now);
        self.obey(effects);
    }

    /// Of all effects, only a request has one on the server.
    fn obey(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::SendRequest(request) = effect {
                self.program.watch(request);
            }
        }
    }

    /// Draws as the shell does: once more if the length of a page turned out to be another.
    fn draw(&mut self) -> Buffer {
        loop {
            let Ok(_) = self.terminal.draw(|frame| self.app.draw(frame));
            let effects = self.app.after_draw();
            self.obey(effects);
            if !self.app.is_dirty() {
                return self.terminal.backend().buffer().clone();
            }
        }
    }
}
