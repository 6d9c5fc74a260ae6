//! The console without its terminal: terminal events in, effects out, frames drawn into any buffer. What the shell
//! drives with a real terminal, tests and pictures drive with a made-up one.
//!
//! Invariant: every change of the model goes through [`model::update`](taskscope_model::update); nothing here reads a clock.
//! Limit: [`MAX_PASTE_CHARS`] of a paste are taken.

use std::time::Duration;

use crossterm::event::{
    Event as TerminalEvent, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent,
    MouseEventKind,
};
use ratatui::Frame;
use taskscope_model::{Action, Config, Edit, Effect, Event, Model, OverlayKind, update};

use crate::{
    keymap::{Key, Keymap, Lookup},
    shell::connect::News,
    theme::Theme,
    view::{self, HitMap},
};

/// Characters taken of a paste: a filter is a line, not a file.
pub const MAX_PASTE_CHARS: usize = 1024;

/// Rows that one step of the wheel moves.
const WHEEL_ROWS: i16 = 3;

/// The console.
#[derive(Debug)]
pub struct App {
    model: Model,
    keymap: Keymap,
    theme: Theme,
    /// Keys of a sequence that is not complete yet.
    pending: Vec<Key>,
    hits: HitMap,
    drawn_revision: Option<u64>,
    /// Rows of a page, as the model knows it.
    page_rows: u16,
}

impl App {
    /// A console that has no data yet.
    pub fn new(config: Config, keymap: Keymap, theme: Theme) -> Self {
        Self {
            model: Model::new(config),
            keymap,
            theme,
            pending: Vec::new(),
            hits: HitMap::default(),
            drawn_revision: None,
            page_rows: 0,
        }
    }

    /// What it knows.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Whether a frame would look different from the one drawn last.
    pub fn is_dirty(&self) -> bool {
        self.drawn_revision != Some(self.model.revision())
    }

    /// Makes the next frame be drawn whatever happened.
    pub fn forget_drawn(&mut self) {
        self.drawn_revision = None;
    }

    /// Draws, and keeps where things are for the clicks to come.
    pub fn draw(&mut self, frame: &mut Frame<'_>) {
        self.drawn_revision = Some(self.model.revision());
        self.hits = view::draw(frame, &self.model, &self.theme, &self.keymap);
    }

    /// Passes to the model what the last frame found out: how many rows a page has, and where on a long screen
    /// it is. Draw again if it is dirty then.
    #[must_use = "the model takes the effects for done"]
    pub fn after_draw(&mut self) -> Vec<Effect> {
        let rows = self.hits.page_rows();
        let mut effects = Vec::new();
        if rows != self.page_rows {
            self.page_rows = rows;
            effects.extend(self.apply(Event::PageRows(rows)));
        }
        if let Some(extent) = self.hits.extent().cloned() {
            effects.extend(self.apply(Event::Extent(extent)));
        }
        effects
    }

    /// Time passed.
    pub fn tick(&mut self, now: Duration) -> Vec<Effect> {
        self.apply(Event::Tick { now })
    }

    /// There is work that can be done a bit at a time, when nothing else is to be done.
    pub fn wants_work(&self) -> bool {
        self.model.wants_work()
    }

    /// Does a bit of it.
    pub fn work(&mut self) -> Vec<Effect> {
        self.apply(Event::Work)
    }

    /// News from the connection.
    pub fn news(&mut self, news: News) -> Vec<Effect> {
        self.apply(match news {
            News::Connection(event) => Event::Connection(event),
            News::Frame(frame) => Event::Frame(frame),
            News::Memory(news) => Event::Memory(news),
        })
    }

    /// The terminal has this size.
    pub fn resize(&mut self, width: u16, height: u16) -> Vec<Effect> {
        self.forget_drawn();
        self.apply(Event::Resize { width, height })
    }

    /// The user asks for an action.
    pub fn action(&mut self, action: Action) -> Vec<Effect> {
        self.apply(Event::Action(action))
    }

    /// A key, the mouse, a paste, a new size.
    pub fn terminal(&mut self, event: TerminalEvent) -> Vec<Effect> {
        match event {
            TerminalEvent::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
            TerminalEvent::Mouse(mouse) => self.mouse(mouse),
            TerminalEvent::Paste(text) if self.model.input().is_some() => {
                let text = text.chars().filter(|c| !c.is_control()).take(MAX_PASTE_CHARS).collect();
                self.apply(Event::Edit(Edit::Paste(text)))
            }
            TerminalEvent::Resize(width, height) => self.resize(width, height),
            _ => Vec::new(),
        }
    }

    fn apply(&mut self, event: Event) -> Vec<Effect> {
        update(&mut self.model, event)
    }

    fn key(&mut self, event: KeyEvent) -> Vec<Effect> {
        if self.model.input().is_some() {
            self.pending.clear();
            return self.typed(event);
        }
        let key = Key::of(event);
        // In a list of choices, space makes the choice; there is nothing to freeze there.
        if key == Key::plain(KeyCode::Char(' ')) && self.overlay() == Some(OverlayKind::Columns) {
            return self.action(Action::Open);
        }
        self.pending.push(key);
        match self.keymap.lookup(&self.pending) {
            Lookup::Prefix => Vec::new(),
            Lookup::Action(action) => {
                self.pending.clear();
                self.action(action)
            }
            Lookup::Unbound => {
                let alone = self.pending.len() == 1;
                self.pending.clear();
                // A key that doesn't go on with a sequence is a key of its own.
                if alone { Vec::new() } else { self.key(event) }
            }
        }
    }

    fn overlay(&self) -> Option<OverlayKind> {
        self.model.overlay().map(|overlay| overlay.kind)
    }

    /// A key while a line is being typed: those of every line editor, and the ones that move in its list.
    fn typed(&mut self, event: KeyEvent) -> Vec<Effect> {
        let control = event.modifiers.contains(KeyModifiers::CONTROL);
        let edit = match event.code {
            KeyCode::Char('c') if control => return self.action(Action::Quit),
            KeyCode::Char('z') if control => return self.action(Action::Suspend),
            KeyCode::Enter => return self.action(Action::Open),
            KeyCode::Esc => return self.action(Action::Back),
            KeyCode::Up => return self.action(Action::PrevRow),
            KeyCode::Down => return self.action(Action::NextRow),
            KeyCode::PageUp => return self.action(Action::PageUp),
            KeyCode::PageDown => return self.action(Action::PageDown),
            KeyCode::Char('p') if control => return self.action(Action::PrevRow),
            KeyCode::Char('n') if control => return self.action(Action::NextRow),
            KeyCode::Char('u') if control => Edit::Clear,
            KeyCode::Char('w') if control => Edit::DeleteWord,
            KeyCode::Char('a') if control => Edit::Home,
            KeyCode::Char('e') if control => Edit::End,
            KeyCode::Char('h') if control => Edit::Backspace,
            KeyCode::Char(c) if !control => Edit::Insert(c),
            KeyCode::Tab => Edit::Complete,
            KeyCode::Backspace => Edit::Backspace,
            KeyCode::Delete => Edit::Delete,
            KeyCode::Left => Edit::Left,
            KeyCode::Right => Edit::Right,
            KeyCode::Home => Edit::Home,
            KeyCode::End => Edit::End,
            _ => return Vec::new(),
        };
        self.apply(Event::Edit(edit))
    }

    fn mouse(&mut self, mouse: MouseEvent) -> Vec<Effect> {
        match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => {
                let target = self.hits.hit(mouse.column, mouse.row);
                target.map_or_else(Vec::new, |target| self.apply(Event::Click(target)))
            }
            MouseEventKind::ScrollDown => self.apply(Event::Scroll(WHEEL_ROWS)),
            MouseEventKind::ScrollUp => self.apply(Event::Scroll(-WHEEL_ROWS)),
            _ => Vec::new(),
        }
    }
}
