//! Every screen as text, at three sizes, and without Unicode and colour.

use std::time::Duration;

use crossterm::event::KeyCode;
use insta::assert_snapshot;
use ratatui::style::Color;
use taskscope_console::{
    shell::connect::News,
    theme::{Background, Depth, Theme},
};
use taskscope_model::ConnectionEvent;

use crate::keys::Bench;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 40), (200, 60)];

fn snapshots(name: &str, keys: &[KeyCode]) {
    for (width, height) in SIZES {
        let mut bench = Bench::unicode(width, height).connected();
        bench.press(keys);
        bench.step();
        bench.step();
        assert_snapshot!(format!("{name}-{width}x{height}"), bench.terminal.backend());
    }
}

#[test]
fn overview() {
    for (width, height) in [(80, 24), (120, 34), (200, 50)] {
        let mut bench = Bench::unicode(width, height).opened();
        // Long enough for rates and changes.
        (0..24).for_each(|_| bench.step());
        assert_snapshot!(format!("overview-{width}x{height}"), bench.terminal.backend());
    }
}

#[test]
fn tasks() {
    snapshots("tasks", &[]);
}

#[test]
fn task() {
    snapshots("task", &[KeyCode::Char('j'), KeyCode::Enter]);
}

#[test]
fn runtime() {
    for (width, height) in SIZES {
        let mut bench = Bench::unicode(width, height).connected();
        bench.press(&[KeyCode::Char('2')]);
        // Long enough for rates.
        (0..8).for_each(|_| bench.step());
        assert_snapshot!(format!("runtime-{width}x{height}"), bench.terminal.backend());
    }
}

#[test]
fn worker() {
    snapshots("worker", &[KeyCode::Char('2'), KeyCode::Enter]);
}

#[test]
fn locks() {
    snapshots("locks", &[KeyCode::Char('3')]);
}

#[test]
fn channels() {
    snapshots("channels", &[KeyCode::Char('3'), KeyCode::Char('v')]);
}

#[test]
fn lock() {
    snapshots("lock", &[KeyCode::Char('3'), KeyCode::Enter]);
}

#[test]
fn channel() {
    snapshots("channel", &[KeyCode::Char('3'), KeyCode::Char('v'), KeyCode::Enter]);
}

#[test]
fn waits() {
    snapshots("waits", &[KeyCode::Char('3'), KeyCode::Char('w')]);
}

#[test]
fn resources() {
    snapshots("resources", &[KeyCode::Char('6')]);
}

#[test]
fn resource() {
    snapshots("resource", &[KeyCode::Char('6'), KeyCode::Enter]);
}

#[test]
fn io() {
    snapshots("io", &[KeyCode::Char('4')]);
}

#[test]
fn timers() {
    snapshots("timers", &[KeyCode::Char('4'), KeyCode::Char('v')]);
}

#[test]
fn signals() {
    snapshots("signals", &[KeyCode::Char('4'), KeyCode::Char('v'), KeyCode::Char('v')]);
}

#[test]
fn stream() {
    snapshots("stream", &[KeyCode::Char('4'), KeyCode::Enter]);
}

#[test]
fn descriptor() {
    let mut keys = vec![KeyCode::Char('4'), KeyCode::Char('/')];
    keys.extend("kind:unix".chars().map(KeyCode::Char));
    keys.extend([KeyCode::Enter, KeyCode::Enter]);
    snapshots("descriptor", &keys);
}

#[test]
fn task_with_io() {
    snapshots("task-io", &[KeyCode::Char('4'), KeyCode::Enter, KeyCode::Enter]);
}

#[test]
fn findings() {
    snapshots("findings", &[KeyCode::Char('5')]);
}

#[test]
fn help() {
    snapshots("help", &[KeyCode::Char('?')]);
}

#[test]
fn palette() {
    snapshots("palette", &[KeyCode::Char(':'), KeyCode::Char('s'), KeyCode::Char('o')]);
}

#[test]
fn columns() {
    snapshots("columns", &[KeyCode::Char('c')]);
}

#[test]
fn ascii_without_color() {
    let theme = Theme::new(Depth::None, Background::Dark, true);
    let (locks, io) = (KeyCode::Char('3'), KeyCode::Char('4'));
    for (name, keys) in [
        ("tasks", &[][..]),
        ("task", &[KeyCode::Enter]),
        ("findings", &[KeyCode::Char('5')]),
        ("runtime", &[KeyCode::Char('2')]),
        ("locks", &[locks]),
        ("lock", &[locks, KeyCode::Enter]),
        ("waits", &[locks, KeyCode::Char('w')]),
        ("channels", &[locks, KeyCode::Char('v')]),
        ("io", &[io]),
        ("stream", &[io, KeyCode::Enter]),
    ] {
        let mut bench = Bench::new(120, 40, theme).connected();
        bench.press(keys);
        bench.step();
        let buffer = bench.terminal.backend().buffer();
        assert!(buffer.content.iter().all(|cell| cell.symbol().is_ascii()), "{}", bench.text());
        assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
        assert_snapshot!(format!("{name}-ascii"), bench.terminal.backend());
    }
}

/// The styled form: which cells are bold, reversed, coloured.
#[test]
fn colors_of_the_table() {
    let theme = Theme::new(Depth::Ansi16, Background::Dark, false);
    let mut bench = Bench::new(80, 14, theme).connected();
    bench.step();
    assert_snapshot!("tasks-styled", format!("{:?}", bench.terminal.backend().buffer()));
}

#[test]
fn light_and_dark_differ() {
    let draw = |background| {
        let mut bench = Bench::new(80, 24, Theme::new(Depth::True, background, false)).connected();
        bench.step();
        bench.terminal.backend().buffer().clone()
    };
    assert_ne!(draw(Background::Light), draw(Background::Dark));
}

#[test]
fn nothing_answers() {
    let mut bench = Bench::unicode(80, 24);
    bench.app.news(News::Connection(ConnectionEvent::Connecting { attempt: 1 }));
    bench.app.news(News::Connection(ConnectionEvent::Lost {
        reason: "nothing listens at 127.0.0.1:6669".to_owned(),
        retry_in: Some(Duration::from_millis(250)),
    }));
    bench.draw();
    assert_snapshot!("connecting", bench.terminal.backend());
}

#[test]
fn the_link_breaks() {
    let mut bench = Bench::unicode(120, 24).connected();
    bench.app.news(News::Connection(ConnectionEvent::Lost {
        reason: "the connection to 127.0.0.1:6669 broke: the program ended or was stopped".to_owned(),
        retry_in: Some(Duration::from_secs(2)),
    }));
    bench.wait(Duration::from_secs(12));
    bench.draw();
    let screen = bench.text();
    assert!(screen.contains("disconnected") && screen.contains("accept"), "{screen}");
    let stale =
        Theme::new(Depth::True, Background::Dark, false).style(taskscope_console::theme::Slot::Stale).fg;
    let buffer = bench.terminal.backend().buffer();
    let row = (0..120).map(|x| &buffer[(x, 10)]).filter(|cell| cell.symbol() != " ");
    assert!(row.map(|cell| Some(cell.fg)).all(|color| color == stale), "the table is greyed");
    assert_snapshot!("disconnected", bench.terminal.backend());
}

#[test]
fn another_process_answers() {
    let mut bench = Bench::unicode(120, 24).connected();
    bench.app.news(News::Connection(ConnectionEvent::Lost { reason: "gone".to_owned(), retry_in: None }));
    bench.app.news(News::Connection(ConnectionEvent::Connected));
    bench.script.instance = 7;
    bench.script.tasks.truncate(2);
    bench.script.problems = vec!["A global level filter hides tokio's spans.".to_owned()];
    let snapshot = bench.script.snapshot();
    bench.app.news(News::Frame(Box::new(snapshot)));
    bench.step();
    let screen = bench.text();
    assert!(!screen.contains("export-report"), "old and new are mixed:\n{screen}");
    assert_snapshot!("restarted", bench.terminal.backend());
}

#[test]
fn losses_are_on_the_screen() {
    let mut bench = Bench::unicode(80, 24).connected();
    bench.script.lost_events = 1_234;
    bench.step();
    assert!(bench.text().contains("lost 1.2k"), "{}", bench.text());
    bench.press(&[KeyCode::Char('5')]);
    assert!(bench.text().contains("timeline events lost in the process"), "{}", bench.text());
}

#[test]
fn a_small_terminal_gets_a_message() {
    for (width, height) in [(1, 1), (20, 5), (59, 30), (100, 11)] {
        let mut bench = Bench::unicode(width, height).connected();
        bench.draw();
        assert!(width < 30 || bench.text().contains("60x12 at least"), "{}", bench.text());
    }
}

/// Columns stay where they are while values change.
#[test]
fn columns_do_not_move() {
    let mut bench = Bench::unicode(120, 40).connected();
    let head =
        |bench: &Bench| bench.text().lines().find(|line| line.contains("SPAWNED AT")).unwrap().to_owned();
    let before = head(&bench);
    for task in &mut bench.script.tasks {
        task.polls *= 1_000_000;
        task.busy_ns *= 1_000;
    }
    bench.step();
    assert_eq!(head(&bench), before);
}
