//! Time of a frame: a stream is recorded, then played to the console's model and views on a made-up terminal of 200x60.
//!
//! It is played by the clock of the recording, in steps of a sixtieth of a second, as the console draws at most; a key moves the
//! selection in half of the seconds. A frame is all that happens between two looks at the keyboard: the updates of a step and the drawing.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use ratatui::{Terminal, backend::TestBackend};
use taskscope_console::{app::App, shell::connect::News};
use taskscope_model::{Action, ConnectionEvent};
use taskscope_proto::v1::Frame;

use super::picture;
use crate::{
    Outcome,
    program::{Program, Source},
    spread::Spread,
    stream::Stream,
};

const SIZES: [usize; 2] = [100_000, 1_000_000];
/// Of each screen.
const TIME: Duration = Duration::from_secs(6);
const STEP: Duration = Duration::from_micros(16_667);
/// A key every so many steps, in every second block of [`KEY_BLOCK`] steps.
const KEY_EVERY: usize = 4;
const KEY_BLOCK: usize = 90;

/// What is looked at, and how one gets there from the screen before.
const SCREENS: [(&str, &[Action]); 5] = [
    ("tasks, one folded group", &[]),
    ("tasks, a row for each", &[Action::UnfoldAll, Action::First, Action::NextRow]),
    ("a task", &[Action::Open]),
    ("findings", &[Action::Findings]),
    ("tasks, under the help", &[Action::Tasks, Action::Help]),
];

pub(crate) async fn measure() -> Outcome<()> {
    println!("### Time of a frame, ms: p50, p99, longest (1 % of the tasks are polled ten times a second)\n");
    println!("| tasks | screen | frame | p99 | max | drawing | p99 | max | an update | p99 | max |");
    println!("|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for tasks in SIZES {
        let mut player = Player::new(record(tasks).await?)?;
        player.complete()?;
        for (title, actions) in SCREENS {
            for action in actions {
                player.app.action(*action);
            }
            player.play(tasks, title)?;
        }
    }
    println!();
    Ok(())
}

type Recording = VecDeque<(Duration, Frame)>;

async fn record(tasks: usize) -> Outcome<Recording> {
    let mut program = Program::start(Source::Wrap)?;
    program.obey(&format!("park {tasks}"))?;
    program.obey("stir 10")?;
    let start = Instant::now();
    let mut stream = Stream::open(&program.address).await?;
    let mut recording = Recording::new();
    let mut end = None;
    while end.is_none_or(|end| start.elapsed() < end) {
        let frame = stream.next().await?;
        if frame.snapshot_end {
            end = Some(start.elapsed() + TIME * SCREENS.len() as u32);
        }
        recording.push_back((start.elapsed(), frame));
    }
    Ok(recording)
}

struct Player {
    recording: Recording,
    app: App,
    terminal: Terminal<TestBackend>,
    page_rows: u16,
    now: Duration,
}

impl Player {
    fn new(recording: Recording) -> Outcome<Self> {
        let mut app = picture::console();
        app.news(News::Link(ConnectionEvent::Connecting { attempt: 1 }));
        app.news(News::Link(ConnectionEvent::Connected));
        let terminal = Terminal::new(TestBackend::new(200, 60))?;
        Ok(Self { recording, app, terminal, page_rows: 0, now: Duration::ZERO })
    }

    /// The first picture is there and drawn.
    fn complete(&mut self) -> Outcome<()> {
        while !self.app.model().is_complete() {
            let (at, frame) = self.recording.pop_front().ok_or("the recording has no whole picture")?;
            self.now = at;
            self.app.tick(at);
            self.app.news(News::Frame(Box::new(frame)));
        }
        self.draw()?;
        self.draw()
    }

    fn draw(&mut self) -> Outcome<()> {
        self.terminal.draw(|frame| self.app.draw(frame))?;
        self.page_rows = self.app.after_draw(self.page_rows);
        Ok(())
    }

    fn play(&mut self, tasks: usize, title: &str) -> Outcome<()> {
        let (mut frames, mut drawing, mut updates) =
            (Spread::default(), Spread::default(), Spread::default());
        let end = self.now + TIME;
        for step in 0.. {
            if self.now >= end {
                break;
            }
            self.now += STEP;
            let begun = Instant::now();
            self.update(&mut updates, |app, now| {
                app.tick(now);
            });
            while self.recording.front().is_some_and(|(at, _)| *at <= self.now) {
                let Some((_, frame)) = self.recording.pop_front() else { break };
                self.update(&mut updates, |app, now| {
                    app.tick(now);
                    app.news(News::Frame(Box::new(frame)));
                });
            }
            if step % KEY_EVERY == 0 && step / KEY_BLOCK % 2 == 1 {
                self.update(&mut updates, |app, now| {
                    app.tick(now);
                    app.action(Action::NextRow);
                });
            }
            if self.app.is_dirty() {
                let before = Instant::now();
                self.draw()?;
                drawing.add(before.elapsed());
                frames.add(begun.elapsed());
            }
        }
        println!("| {tasks} | {title} | {} | {} | {} |", frames.cells(), drawing.cells(), updates.cells());
        Ok(())
    }

    fn update(&mut self, updates: &mut Spread, update: impl FnOnce(&mut App, Duration)) {
        let before = Instant::now();
        update(&mut self.app, self.now);
        updates.add(before.elapsed());
    }
}
