//! Whole-app tests: keys in, screens out, with the model and the views as they are.

use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use ratatui::{Terminal, backend::TestBackend, style::Modifier};
use taskscope_console::{
    app::App,
    keymap::Keymap,
    shell::connect::News,
    theme::{Background, Depth, Glyphs, Theme},
};
use taskscope_model::{Action, Config, ConnectionEvent, Effect, Screen, Tab, TableId};

use crate::fixture::{self, Script, cast};

/// The console on a made-up terminal, fed by a script.
pub(crate) struct Bench {
    pub(crate) app: App,
    pub(crate) terminal: Terminal<TestBackend>,
    pub(crate) script: Script,
    now: Duration,
}

impl Bench {
    pub(crate) fn new(width: u16, height: u16, theme: Theme) -> Self {
        let config = Config {
            target: "127.0.0.1:6669".to_owned(),
            side_pane_width: taskscope_console::config::DEFAULT_SIDE_PANE_WIDTH,
            ..Config::default()
        };
        let mut app = App::new(config, Keymap::default(), theme);
        app.resize(width, height);
        let terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        Self { app, terminal, script: Script::new(cast()), now: Duration::ZERO }
    }

    pub(crate) fn unicode(width: u16, height: u16) -> Self {
        Self::new(width, height, Theme::new(Depth::True, Background::Dark, false))
    }

    /// Connected, with a snapshot and some seconds of life after it; on the table of tasks.
    pub(crate) fn connected(self) -> Self {
        let mut bench = self.opened();
        bench.press(&[KeyCode::Char('1')]);
        bench
    }

    /// As [`Self::connected`], on the screen where the console opens.
    pub(crate) fn opened(mut self) -> Self {
        self.app.news(News::Connection(ConnectionEvent::Connecting { attempt: 1 }));
        self.app.news(News::Connection(ConnectionEvent::Connected));
        let snapshot = self.script.snapshot();
        self.app.news(News::Frame(Box::new(snapshot)));
        for _ in 0..8 {
            self.step();
        }
        self
    }

    /// Half a second passes, and the frame of it arrives, with the details that were asked for.
    pub(crate) fn step(&mut self) {
        self.wait(Duration::from_millis(500));
        let mut frame = self.script.step();
        let watched = match self.app.model().screen() {
            Screen::Task(key) => Some(key),
            _ => self.app.model().side_pane(),
        };
        if let Some(key) = watched {
            let task = taskscope_proto::v1::TaskRef { slot: key.slot, generation: key.generation };
            frame.details = vec![Script::detail(task)];
        }
        if let Screen::Resource(key) = self.app.model().screen() {
            let lock = taskscope_proto::v1::ResourceRef { slot: key.slot, generation: key.generation };
            frame.resource_details = vec![fixture::locks::detail(lock)];
        }
        self.app.news(News::Frame(Box::new(frame)));
        self.draw();
    }

    pub(crate) fn wait(&mut self, time: Duration) {
        self.now += time;
        self.app.tick(self.now);
    }

    pub(crate) fn draw(&mut self) {
        // A frame gives the model the length of a page; the one after it shows that.
        for _ in 0..2 {
            self.terminal.draw(|frame| self.app.draw(frame)).unwrap();
            drop(self.app.after_draw());
        }
    }

    pub(crate) fn press(&mut self, keys: &[KeyCode]) -> Vec<Effect> {
        let mut effects = Vec::new();
        for code in keys {
            effects.extend(self.app.terminal(Event::Key(KeyEvent::new(*code, KeyModifiers::NONE))));
        }
        self.draw();
        effects
    }

    pub(crate) fn type_text(&mut self, text: &str) {
        let keys: Vec<KeyCode> = text.chars().map(KeyCode::Char).collect();
        self.press(&keys);
    }

    pub(crate) fn text(&self) -> String {
        self.terminal.backend().to_string()
    }

    fn click(&mut self, x: u16, y: u16) {
        let kind = MouseEventKind::Down(MouseButton::Left);
        self.app.terminal(Event::Mouse(MouseEvent {
            kind,
            column: x,
            row: y,
            modifiers: KeyModifiers::NONE,
        }));
        self.draw();
    }

    /// Where a text begins on the screen.
    fn find(&self, text: &str) -> (u16, u16) {
        let screen = self.text();
        let (y, line) = screen
            .lines()
            .enumerate()
            .find(|(_, line)| line.contains(text))
            .unwrap_or_else(|| panic!("{text:?} is not on\n{screen}"));
        let before = &line[..line.find(text).unwrap()];
        // Each line of the backend's text starts with a quote.
        (before.chars().count() as u16 - 1, y as u16)
    }
}

#[test]
fn enter_opens_and_esc_goes_back_to_the_same_row() {
    let mut bench = Bench::unicode(120, 40).connected();
    bench.press(&[KeyCode::Char('j'), KeyCode::Enter]);
    let Screen::Task(key) = bench.app.model().screen() else { panic!("{}", bench.text()) };
    bench.step();
    assert!(bench.text().contains("woken by"));
    bench.press(&[KeyCode::Esc]);
    assert_eq!(bench.app.model().screen(), Screen::Tasks);
    bench.press(&[KeyCode::Enter]);
    assert_eq!(bench.app.model().screen(), Screen::Task(key));
}

#[test]
fn a_sequence_is_one_key_and_a_broken_one_is_its_last() {
    let mut bench = Bench::unicode(120, 40).connected();
    bench.press(&[KeyCode::Char('G')]);
    let last = bench.app.model().table(TableId::Tasks).selected;
    assert_ne!(last, Some(0));
    bench.press(&[KeyCode::Char('g'), KeyCode::Char('g')]);
    assert_eq!(bench.app.model().table(TableId::Tasks).selected, Some(0));
    bench.press(&[KeyCode::Char('g'), KeyCode::Char('j')]);
    assert_eq!(bench.app.model().table(TableId::Tasks).selected, Some(1));
}

#[test]
fn tabs_by_number_by_tab_and_by_mouse() {
    let mut bench = Bench::unicode(120, 40).connected();
    bench.press(&[KeyCode::Char('5')]);
    assert_eq!(bench.app.model().screen(), Screen::Findings);
    bench.press(&[KeyCode::Tab]);
    assert_eq!(bench.app.model().screen(), Screen::Resources);
    bench.press(&[KeyCode::Tab]);
    assert_eq!(bench.app.model().screen(), Screen::Overview);
    bench.press(&[KeyCode::Tab]);
    assert_eq!(bench.app.model().screen(), Screen::Tasks);
    let (x, y) = bench.find(Tab::Findings.title());
    bench.click(x, y);
    assert_eq!(bench.app.model().screen(), Screen::Findings);
}

#[test]
fn a_click_selects_and_a_second_one_opens() {
    let mut bench = Bench::unicode(120, 40).connected();
    // The strip on top names tasks, too: this one is in the table alone.
    let (x, y) = bench.find("poll-legacy-queue");
    bench.click(x, y);
    assert_eq!(bench.app.model().screen(), Screen::Tasks);
    let (x, y) = bench.find("poll-legacy-queue");
    bench.click(x, y);
    assert!(matches!(bench.app.model().screen(), Screen::Task(_)));
    assert!(bench.text().contains("poll-legacy-queue"));
}

/// From a task through the lock it waits for to the other task, and all the way back.
#[test]
fn links_lead_from_task_to_resource_and_back() {
    let mut bench = Bench::unicode(120, 40).connected();
    bench.press(&[KeyCode::Char('g'), KeyCode::Char('g'), KeyCode::Char('j'), KeyCode::Enter]);
    let task = bench.app.model().screen();
    assert!(matches!(task, Screen::Task(_)) && bench.text().contains("Mutex::lock"), "{}", bench.text());
    bench.app.action(Action::First);
    bench.draw();
    let lock = bench.find("Mutex ledger ◂");
    // The chosen link has reversed cells; down moves on to the next one.
    for _ in 0..4 {
        if bench.terminal.backend().buffer()[lock].modifier.contains(Modifier::REVERSED) {
            break;
        }
        bench.press(&[KeyCode::Down]);
    }
    bench.press(&[KeyCode::Enter]);
    assert!(matches!(bench.app.model().screen(), Screen::Resource(_)), "{}", bench.text());
    assert!(bench.text().contains("held by") && bench.text().contains("transfer"), "{}", bench.text());
    bench.press(&[KeyCode::Esc]);
    assert_eq!(bench.app.model().screen(), task);
    bench.press(&[KeyCode::Char('6')]);
    let (x, y) = bench.find("LONGEST");
    bench.click(x, y);
    assert!(bench.text().contains("Mutex"), "{}", bench.text());
}

/// From the locks to who holds one, to what that task waits for, and all the way back.
#[test]
fn links_lead_from_lock_to_holder_and_back() {
    let mut bench = Bench::unicode(120, 40).connected();
    bench.press(&[KeyCode::Char('3'), KeyCode::Down]);
    let chosen = bench.app.model().table(TableId::Locks).selected;
    bench.press(&[KeyCode::Enter]);
    let lock = bench.app.model().screen();
    assert!(matches!(lock, Screen::Resource(_)) && bench.text().contains("held by"), "{}", bench.text());
    bench.press(&[KeyCode::Enter]);
    assert!(matches!(bench.app.model().screen(), Screen::Task(_)), "{}", bench.text());
    assert!(bench.text().contains("─ holds ─"), "{}", bench.text());
    bench.press(&[KeyCode::Char('w')]);
    assert!(matches!(bench.app.model().screen(), Screen::Waits(_)) && bench.text().contains('↺'));
    bench.press(&[KeyCode::Down, KeyCode::Enter]);
    assert!(matches!(bench.app.model().screen(), Screen::Resource(_)), "{}", bench.text());
    bench.press(&[KeyCode::Esc, KeyCode::Esc, KeyCode::Esc]);
    assert_eq!(bench.app.model().screen(), lock);
    bench.press(&[KeyCode::Esc]);
    assert_eq!(
        (bench.app.model().screen(), bench.app.model().table(TableId::Locks).selected),
        (Screen::Locks, chosen)
    );
}

#[test]
fn locks_fold_sort_filter_and_give_way_to_channels() {
    let mut bench = Bench::unicode(120, 40).connected();
    bench.press(&[KeyCode::Char('3')]);
    assert_eq!(bench.app.model().table(TableId::Locks).rows, 4, "{}", bench.text());
    bench.press(&[KeyCode::Char('+')]);
    assert_eq!(bench.app.model().table(TableId::Locks).rows, 64);
    bench.press(&[KeyCode::Char('-'), KeyCode::Char('/')]);
    bench.type_text("holder:transfer");
    bench.press(&[KeyCode::Enter]);
    assert_eq!(bench.app.model().table(TableId::Locks).counts(), "1/63");
    assert!(bench.text().contains("accounts"), "{}", bench.text());
    bench.press(&[KeyCode::Char('x')]);
    let (x, y) = bench.find("ACQ/s");
    bench.click(x, y);
    let first = bench.text().lines().nth(5).unwrap().to_owned();
    assert!(first.contains("RwLock"), "{}", bench.text());
    bench.press(&[KeyCode::Char('v')]);
    assert!(bench.text().contains("64/64") && !bench.text().contains("RwLock"), "{}", bench.text());
    bench.press(&[KeyCode::Enter]);
    assert!(bench.text().contains("to send"), "{}", bench.text());
}

/// The selection is a lock: it stays on it when the order changes under it.
#[test]
fn the_chosen_lock_stays_chosen() {
    let mut bench = Bench::unicode(120, 40).connected();
    bench.press(&[KeyCode::Char('3'), KeyCode::Down, KeyCode::Down]);
    let row = |bench: &Bench| {
        let info = bench.app.model().table(TableId::Locks);
        bench.text().lines().nth(5 + info.selected.unwrap() - info.offset).unwrap().to_owned()
    };
    assert!(row(&bench).contains("2 readers"), "{}", bench.text());
    bench.press(&[KeyCode::Char('i')]);
    bench.step();
    assert!(row(&bench).contains("2 readers"), "{}", bench.text());
}

#[test]
fn a_deadlock_leads_to_its_cycle() {
    let mut bench = Bench::unicode(120, 40).connected();
    bench.press(&[KeyCode::Char('5')]);
    // The cause comes first among those that are as serious.
    bench.press(&[KeyCode::Enter]);
    assert!(matches!(bench.app.model().screen(), Screen::Waits(_)), "{}", bench.text());
    assert!(bench.text().contains("↺ cycle"), "{}", bench.text());
}

#[test]
fn a_screen_that_is_too_long_scrolls() {
    let mut bench = Bench::unicode(80, 24).connected();
    bench.press(&[KeyCode::Char('j'), KeyCode::Enter]);
    bench.step();
    assert!(bench.text().contains("lines below") && !bench.text().contains("above"), "{}", bench.text());
    bench.press(&[KeyCode::End]);
    assert!(bench.text().contains("above") && !bench.text().contains("below"), "{}", bench.text());
    assert!(bench.text().contains("timeline"), "{}", bench.text());
    bench.press(&[KeyCode::Home]);
    assert!(!bench.text().contains("above"), "{}", bench.text());
    // However it is walked through, the chosen link is in sight.
    for _ in 0..12 {
        bench.press(&[KeyCode::Down]);
        let buffer = bench.terminal.backend().buffer();
        assert!(buffer.content.iter().any(|cell| cell.modifier.contains(Modifier::REVERSED)));
    }
}

#[test]
fn a_filter_is_typed_rejected_and_cleared() {
    let mut bench = Bench::unicode(120, 40).connected();
    bench.press(&[KeyCode::Char('/')]);
    bench.type_text("nam:x");
    assert!(bench.text().contains('^'), "{}", bench.text());
    for _ in 0..5 {
        bench.press(&[KeyCode::Backspace]);
    }
    bench.type_text("name:accept");
    assert!(bench.text().contains("1/65"), "{}", bench.text());
    bench.press(&[KeyCode::Enter]);
    assert_eq!(bench.app.model().table(TableId::Tasks).matching, 1);
    assert!(bench.text().contains("/name:accept 1/65"), "{}", bench.text());
    bench.press(&[KeyCode::Char('x')]);
    assert_eq!(bench.app.model().table(TableId::Tasks).matching, 65);
}

#[test]
fn letters_are_text_while_a_line_is_typed() {
    let mut bench = Bench::unicode(120, 40).connected();
    let effects = bench.press(&[KeyCode::Char('/'), KeyCode::Char('q')]);
    assert!(!effects.contains(&Effect::Quit));
    let control = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(bench.app.terminal(Event::Key(control)), [Effect::Quit]);
}

#[test]
fn the_palette_finds_and_does() {
    let mut bench = Bench::unicode(120, 40).connected();
    bench.press(&[KeyCode::Char(':')]);
    bench.type_text("findings");
    bench.press(&[KeyCode::Enter]);
    assert_eq!(bench.app.model().screen(), Screen::Findings);
}

#[test]
fn space_ticks_a_column_and_freezes_elsewhere() {
    let mut bench = Bench::unicode(120, 40).connected();
    let before = bench.app.model().columns(TableId::Tasks).clone();
    bench.press(&[KeyCode::Char('c'), KeyCode::Char(' ')]);
    assert_ne!(bench.app.model().columns(TableId::Tasks), before);
    assert!(bench.app.model().header().frozen.is_none());
    bench.press(&[KeyCode::Esc, KeyCode::Char(' ')]);
    assert!(bench.app.model().header().frozen.is_some());
    assert!(bench.text().contains("frozen"));
}

#[test]
fn leaving_copying_suspending_and_the_mouse_are_effects() {
    let mut bench = Bench::unicode(120, 40).connected();
    assert_eq!(bench.press(&[KeyCode::Char('q')]), [Effect::Quit]);
    assert_eq!(bench.press(&[KeyCode::Char('m')]), [Effect::SetMouse(false)]);
    assert!(matches!(bench.press(&[KeyCode::Char('y')]).as_slice(), [Effect::CopyText(_)]));
    let suspend = KeyEvent::new(KeyCode::Char('z'), KeyModifiers::CONTROL);
    assert_eq!(bench.app.terminal(Event::Key(suspend)), [Effect::Suspend]);
}

/// The help can't drift from the keys: every action that has a key is in it, with that key.
#[test]
fn the_help_shows_every_key() {
    let mut bench = Bench::unicode(120, 100).connected();
    bench.press(&[KeyCode::Char('?')]);
    let screen = bench.text();
    let keymap = Keymap::default();
    for action in Action::all() {
        let labels = keymap.labels(action, &Glyphs::UNICODE);
        if labels.is_empty() {
            continue;
        }
        let line = screen.lines().find(|line| line.contains(action.help()));
        assert!(line.is_some_and(|line| line.contains(&labels)), "{} is not in\n{screen}", action.name());
    }
}

#[test]
fn every_action_draws_at_every_size() {
    for action in Action::all() {
        for (width, height) in [(60, 12), (80, 24), (300, 100)] {
            let mut bench = Bench::unicode(width, height).connected();
            bench.app.action(action);
            bench.step();
            assert!(bench.text().contains("checkout-api"), "{}\n{}", action.name(), bench.text());
        }
    }
}
