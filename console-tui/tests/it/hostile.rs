//! Names and frames made to hurt: nothing reaches the terminal that it would obey, and no size panics.

use proptest::prelude::*;
use taskscope_console::{
    shell::connect::News,
    theme::{Background, Depth, Theme},
};
use taskscope_model::{Action, Screen};

use crate::{
    fixture::{Script, Task},
    keys::Bench,
};

/// What no cell may hold.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn assert_harmless(bench: &Bench) {
    for cell in &bench.terminal.backend().buffer().content {
        assert!(!cell.symbol().chars().any(is_obeyed), "{:?}", cell.symbol());
    }
}

fn hostile(name: &str, width: u16, height: u16) -> Bench {
    let mut task = Task::new(name, 2);
    name.clone_into(&mut task.fields);
    let mut bench = Bench::unicode(width, height);
    bench.script = Script::new(vec![task, Task::new("accept", 1)]);
    bench.script.problems = vec![name.to_owned()];
    let mut bench = bench.connected();
    for screen in [
        Action::Tasks,
        Action::Open,
        Action::Waits,
        Action::Locks,
        Action::Open,
        Action::Waits,
        Action::ToggleChannels,
        Action::ToggleChannels,
        Action::Io,
        Action::Open,
        Action::Io,
        Action::ToggleChannels,
        Action::ToggleChannels,
        Action::Resources,
        Action::Open,
        Action::Findings,
    ] {
        bench.app.action(screen);
        bench.draw();
        assert_harmless(&bench);
    }
    bench
}

#[test]
fn names_that_a_terminal_would_obey() {
    let long = "x".repeat(1 << 20);
    for name in [
        "\x1b[2J\x1b]52;c;aGk=\x07gone",
        "a\u{202e}gnp.exe\u{202c}",
        "line\nbreak\ttab\r",
        "\u{9b}31mred",
        "日本語の名前👩‍👩‍👧‍👦",
        "e\u{301}\u{301}\u{301}\u{301}",
        "",
        long.as_str(),
    ] {
        hostile(name, 120, 40);
        hostile(name, 60, 12);
    }
}

#[test]
fn wide_names_do_not_push_the_columns() {
    let mut bench = hostile("日本語日本語日本語日本語日本語", 120, 40);
    bench.app.action(Action::Tasks);
    bench.draw();
    assert_eq!(bench.app.model().screen(), Screen::Tasks);
    let buffer = bench.terminal.backend().buffer();
    let column = |needle: &str| {
        (0..40).find_map(|y| {
            let row: Vec<&str> = (0..120).map(|x| buffer[(x, y)].symbol()).collect();
            (0..110_usize).find(|x| row[*x..(*x + needle.len()).min(120)].concat() == needle)
        })
    };
    // The place stands under its head in the row with the wide name as in every other.
    let place = column("src/ledger.rs");
    assert!(place.is_some(), "{}", bench.text());
    assert_eq!(place, column("src/main.rs"));
}

#[test]
fn wide_names_of_locks_do_not_push_the_columns() {
    let mut bench = Bench::unicode(120, 40);
    let mut tasks = crate::fixture::cast();
    tasks[0].fields = "日本語日本語日本語日本語日本語".to_owned();
    bench.script = Script::new(tasks);
    let mut bench = bench.connected();
    bench.app.action(Action::Locks);
    bench.draw();
    let buffer = bench.terminal.backend().buffer();
    let column = |needle: &str| {
        (0..40).find_map(|y| {
            let row: Vec<&str> = (0..120).map(|x| buffer[(x, y)].symbol()).collect();
            (0..110_usize).find(|x| row[*x..(*x + needle.len()).min(120)].concat() == needle)
        })
    };
    assert!(column("2 readers").is_some(), "{}", bench.text());
    assert_eq!(column("2 readers"), column("HOLDER"), "{}", bench.text());
}

#[test]
fn ascii_holds_for_any_name() {
    let mut bench = Bench::new(120, 40, Theme::new(Depth::None, Background::Light, true));
    bench.script = Script::new(vec![Task::new("日本語 👩‍👩‍👧‍👦 ünïcode", 2)]);
    let bench = bench.connected();
    assert!(
        bench.terminal.backend().buffer().content.iter().all(|cell| cell.symbol().is_ascii()),
        "{}",
        bench.text()
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_name_at_any_size(name in any::<String>(), width in 1_u16..260, height in 1_u16..80) {
        hostile(&name, width, height);
    }

    #[test]
    fn frames_out_of_order_and_cut_short(order in prop::collection::vec(0_usize..6, 0..12), cut in 0_usize..20) {
        let mut bench = Bench::unicode(100, 30);
        let mut script = Script::new(crate::fixture::cast());
        let mut frames = vec![script.snapshot()];
        frames.extend((0..5).map(|_| script.step()));
        for n in order {
            let mut frame = frames[n].clone();
            if let Some(stats) = &mut frame.stats {
                stats.polls.truncate(cut);
            }
            if let Some(tasks) = &mut frame.tasks {
                tasks.name.truncate(cut);
                tasks.slot_delta.push(u32::MAX);
            }
            bench.app.news(News::Frame(Box::new(frame)));
            bench.draw();
            assert_harmless(&bench);
        }
    }
}
