//! What is fuzzed: each target takes bytes that may come from anybody, and must neither panic nor put a control character on the screen.
//!
//! libfuzzer runs them through `fuzz_targets/` (`cargo +nightly fuzz run frame`). `tests/tests/fuzz.rs` includes this file, so that every
//! `cargo test` compiles it, replays the corpus and tries some inputs of its own.
//!
//! Limits: a message of a stream has at most 64 KiB, and the first [`MAX_MESSAGES`] of them are taken.

mod await_walk;

use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::{Terminal, backend::TestBackend};
use taskscope_console::{
    app::App,
    config::File,
    keymap::{Keymap, key::Key},
    shell::{self, connect::News},
    target::Target,
    theme::{Background, Depth, Theme},
};
use taskscope_model::{Action, Config, ConnectionEvent};
use taskscope_proto::{decode::decode, v1::Frame};

pub use self::await_walk::await_walk;

/// Messages of one input.
const MAX_MESSAGES: usize = 64;
/// Keys of one input.
const MAX_KEYS: usize = 256;
/// Bits of work that the console gets for each message: enough for inputs of this size, and an end if it never had enough.
const MAX_WORK: usize = 10_000;
/// Screens that every stream is looked at on.
const SCREENS: [Action; 8] = [
    Action::Tasks,
    Action::Open,
    Action::Runtime,
    Action::Locks,
    Action::Io,
    Action::Findings,
    Action::Resources,
    Action::Waits,
];

/// A program that the keys and the queries have something to act on.
const SCENE: &[u8] = include_bytes!("../corpus/frame/deadlock-wrapped");

/// A stream of taskscope's frames, from its first byte to the screen. Form: two bytes of length, low one first, before each message.
pub fn frame(bytes: &[u8]) {
    let mut console = Console::new();
    console.take(bytes);
    console.look_around();
}

/// A stream of tokio-console's updates, translated and shown. The same form.
pub fn update(bytes: &[u8]) {
    let mut console = Console::new();
    for frame in shell::translate_updates(messages(bytes)) {
        console.frame(frame);
    }
    console.look_around();
}

/// A filter, typed at a table with rows.
pub fn query(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut console = Console::with_scene();
    for screen in [Action::Tasks, Action::Locks, Action::Io, Action::Resources] {
        console.app.action(screen);
        console.app.action(Action::Filter);
        console.app.terminal(Event::Paste(text.clone().into_owned()));
        console.settle_and_draw();
        console.app.terminal(Event::Key(KeyCode::Enter.into()));
        console.settle_and_draw();
    }
}

/// Keys on a console that shows a program, two bytes each; and the same bytes as the name of a key.
pub fn keys(bytes: &[u8]) {
    if let Ok(key) = Key::parse(&String::from_utf8_lossy(bytes)) {
        let _found = Keymap::default().lookup(&[key]);
    }
    let mut console = Console::with_scene();
    for pair in bytes.chunks_exact(2).take(MAX_KEYS) {
        console.app.terminal(Event::Key(key(pair[0], pair[1])));
        console.settle_and_draw();
    }
}

/// A file of settings, read and used.
pub fn configuration(bytes: &[u8]) {
    let Ok(file) = File::parse(&String::from_utf8_lossy(bytes)) else { return };
    let target = file.target().unwrap_or_else(|_| Target::default());
    let keymap = file.keymap().unwrap_or_default();
    let mut console = Console::made_of(file.model(&target), keymap);
    console.take(SCENE);
    console.look_around();
}

/// A console on a terminal that is not there.
struct Console {
    app: App,
    terminal: Terminal<TestBackend>,
    now: Duration,
}

impl Console {
    fn new() -> Self {
        Self::made_of(Config::default(), Keymap::default())
    }

    fn with_scene() -> Self {
        let mut console = Self::new();
        console.take(SCENE);
        console
    }

    fn made_of(config: Config, keymap: Keymap) -> Self {
        let (width, height) = (100, 30);
        let mut app = App::new(config, keymap, Theme::new(Depth::True, Background::Dark, false));
        app.resize(width, height);
        app.news(News::Connection(ConnectionEvent::Connected));
        let Ok(terminal) = Terminal::new(TestBackend::new(width, height));
        Self { app, terminal, now: Duration::ZERO }
    }

    fn take(&mut self, bytes: &[u8]) {
        for message in messages(bytes) {
            if let Ok(frame) = decode::<Frame>(message) {
                self.frame(frame);
            }
        }
    }

    fn frame(&mut self, frame: Frame) {
        self.now += Duration::from_millis(500);
        self.app.tick(self.now);
        self.app.news(News::Frame(Box::new(frame)));
        self.settle_and_draw();
    }

    fn look_around(&mut self) {
        for screen in SCREENS {
            self.app.action(screen);
            self.settle_and_draw();
        }
    }

    fn settle_and_draw(&mut self) {
        for _ in 0..MAX_WORK {
            if !self.app.wants_work() {
                break;
            }
            self.app.work();
        }
        let Ok(_) = self.terminal.draw(|frame| self.app.draw(frame));
        drop(self.app.after_draw());
        for cell in &self.terminal.backend().buffer().content {
            assert!(!cell.symbol().chars().any(char::is_control), "on the screen: {:?}", cell.symbol());
        }
    }
}

/// The messages of a stream, as far as they are whole.
fn messages(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let next = move || {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (message, rest) = rest.split_at(length);
        bytes = rest;
        Some(message)
    };
    std::iter::from_fn(next).take(MAX_MESSAGES)
}

fn key(code: u8, modifiers: u8) -> KeyEvent {
    const NAMED: [KeyCode; 16] = [
        KeyCode::Enter,
        KeyCode::Esc,
        KeyCode::Backspace,
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Delete,
        KeyCode::F(1),
        KeyCode::Null,
    ];
    let code = match code {
        b' '..=b'~' => KeyCode::Char(code.into()),
        0x80.. => KeyCode::Char(char::from(code)),
        _ => NAMED[usize::from(code) % NAMED.len()],
    };
    // Shift, Control and Alt are the lowest bits; most keys have none.
    let modifiers =
        if modifiers < 0x80 { KeyModifiers::NONE } else { KeyModifiers::from_bits_truncate(modifiers & 7) };
    KeyEvent::new(code, modifiers)
}
