//! Time of a frame, and for how long the console looks at nothing: a stream is recorded, then played to the console's model and views on a
//! made-up terminal of 200x60.
//!
//! It is played by the clock of the recording, in steps of a sixtieth of a second, as the console draws at most; a key moves the
//! selection in half of the seconds. A frame is the updates of a step and the drawing. A stall is the longest piece of a step after
//! which the console looks at the keyboard again: one event, a bit of work, or the drawing.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use ratatui::{Terminal, backend::TestBackend};
use taskscope_console::{app::App, shell::connect::News};
use taskscope_model::{Action, ConnectionEvent};
use taskscope_proto::v1::Frame;

use super::connect;
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
const SCREENS: [(&str, &[Action]); 14] = [
    ("overview", &[]),
    ("tasks, one folded group", &[Action::Tasks]),
    ("tasks, a row for each", &[Action::UnfoldAll, Action::First, Action::NextRow]),
    ("a task", &[Action::Open]),
    ("findings", &[Action::Findings]),
    ("tasks, under the help", &[Action::Tasks, Action::Help]),
    ("resources", &[Action::Back, Action::Resources]),
    ("runtime", &[Action::Runtime]),
    ("I/O", &[Action::Io]),
    ("locks", &[Action::Locks]),
    ("tasks by age", &[Action::Tasks, Action::SortBy("age"), Action::Last]),
    ("tasks, folded again", &[Action::FoldAll]),
    ("frozen", &[Action::Freeze]),
    ("goes on again", &[Action::Freeze]),
];

/// Connections, in a program of their own.
const STREAMS: usize = 96_000;
/// What is looked at there.
const STREAM_SCREENS: [(&str, &[Action]); 9] = [
    ("overview", &[]),
    ("I/O", &[Action::Io]),
    ("I/O, a row for each", &[Action::UnfoldAll]),
    ("I/O by its waits", &[Action::SortBy("for")]),
    ("timers", &[Action::ToggleChannels]),
    ("locks", &[Action::Locks]),
    ("resources", &[Action::Resources]),
    ("frozen", &[Action::Freeze]),
    ("goes on again", &[Action::Freeze]),
];

pub(crate) async fn measure() -> Outcome<()> {
    head("1 % of the tasks are polled ten times a second");
    for tasks in SIZES {
        look_at(tasks, record(&format!("park {tasks}"), SCREENS.len()).await?, &SCREENS)?;
    }
    println!();
    Ok(())
}

/// The same of a program with many connections.
pub(crate) async fn measure_streams() -> Outcome<()> {
    head("each task waits to read from a stream of its own");
    let streams = record(&format!("read {STREAMS}"), STREAM_SCREENS.len()).await?;
    look_at(STREAMS, streams, &STREAM_SCREENS)?;
    println!();
    Ok(())
}

fn head(of: &str) {
    println!("### Time of a frame and of a stall, ms: p50, p99, longest ({of})\n");
    println!(
        "| tasks | screen | frame | p99 | max | drawing | p99 | max | stall | p99 | max | a scan of all tasks | p99 | max |"
    );
    println!("|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
}

fn look_at(tasks: usize, recording: Recording, screens: &[(&str, &[Action])]) -> Outcome<()> {
    let mut player = Player::new(tasks, recording)?;
    let snapshot = player.snapshot();
    player.open("the first snapshot")?;
    for (title, actions) in screens {
        player.play(title, actions)?;
    }
    player.recording = snapshot;
    player.open("another snapshot, of the same process")
}

type Recording = VecDeque<(Duration, Frame)>;

/// A stream for so many screens, of a program that obeyed the command.
async fn record(command: &str, screens: usize) -> Outcome<Recording> {
    let mut program = Program::start(Source::Wrap)?;
    program.obey(command)?;
    program.obey("stir 10")?;
    let start = Instant::now();
    let mut stream = Stream::open(&program.address).await?;
    let mut recording = Recording::new();
    let mut end = None;
    while end.is_none_or(|end| start.elapsed() < end) {
        let frame = stream.next().await?;
        if frame.snapshot_end {
            end = Some(start.elapsed() + TIME * screens as u32);
        }
        recording.push_back((start.elapsed(), frame));
    }
    Ok(recording)
}

struct Player {
    tasks: usize,
    recording: Recording,
    app: App,
    terminal: Terminal<TestBackend>,
    now: Duration,
}

/// What one screen took.
#[derive(Default)]
struct Times {
    frames: Spread,
    drawing: Spread,
    stalls: Spread,
    scans: Spread,
    /// The longest piece of this step.
    longest: Duration,
    /// The scan under way.
    scan: Duration,
}

impl Times {
    /// Does something after which the console looks at the keyboard again.
    fn piece<T>(&mut self, piece: impl FnOnce() -> T) -> T {
        let before = Instant::now();
        let result = piece();
        self.longest = self.longest.max(before.elapsed());
        result
    }

    fn end_step(&mut self) {
        self.stalls.add(std::mem::take(&mut self.longest));
    }

    fn print(&self, tasks: usize, title: &str) {
        let Self { frames, drawing, stalls, scans, .. } = self;
        let cells = [frames, drawing, stalls, scans].map(Spread::cells).join(" | ");
        println!("| {tasks} | {title} | {cells} |");
    }
}

impl Player {
    fn new(tasks: usize, recording: Recording) -> Outcome<Self> {
        let mut app = connect::console();
        app.news(News::Connection(ConnectionEvent::Connecting { attempt: 1 }));
        let terminal = Terminal::new(TestBackend::new(200, 60))?;
        Ok(Self { tasks, recording, app, terminal, now: Duration::ZERO })
    }

    /// The frames of the recording up to the end of its snapshot.
    fn snapshot(&self) -> Recording {
        let len = self.recording.iter().position(|(_, frame)| frame.snapshot_end).map_or(0, |last| last + 1);
        self.recording.iter().take(len).cloned().collect()
    }

    /// A new stream, up to the first screen with its rows.
    fn open(&mut self, title: &str) -> Outcome<()> {
        let mut times = Times::default();
        self.app.news(News::Connection(ConnectionEvent::Connected));
        let mut ended = false;
        while !ended {
            let (at, frame) = self.recording.pop_front().ok_or("the recording has no whole snapshot")?;
            ended = frame.snapshot_end;
            self.now = self.now.max(at);
            let now = self.now;
            times.piece(|| self.app.tick(now));
            times.piece(|| self.app.news(News::Frame(Box::new(frame))));
            self.draw(&mut times)?;
            times.end_step();
        }
        while self.app.wants_work() {
            self.work(&mut times);
            times.end_step();
        }
        self.draw(&mut times)?;
        self.draw(&mut times)?;
        times.end_step();
        times.print(self.tasks, title);
        Ok(())
    }

    /// Draws, if there is anything new; false: there was not.
    fn draw(&mut self, times: &mut Times) -> Outcome<bool> {
        if !self.app.is_dirty() {
            return Ok(false);
        }
        let before = Instant::now();
        times.piece(|| self.terminal.draw(|frame| self.app.draw(frame)))?;
        drop(self.app.after_draw());
        times.drawing.add(before.elapsed());
        Ok(true)
    }

    fn work(&mut self, times: &mut Times) {
        let before = Instant::now();
        times.piece(|| self.app.work());
        times.scan += before.elapsed();
        if !self.app.wants_work() {
            times.scans.add(std::mem::take(&mut times.scan));
        }
    }

    fn play(&mut self, title: &str, actions: &[Action]) -> Outcome<()> {
        let mut times = Times::default();
        for action in actions {
            times.piece(|| self.app.action(*action));
        }
        let end = self.now + TIME;
        for step in 0.. {
            if self.now >= end {
                break;
            }
            self.now += STEP;
            let (now, begun) = (self.now, Instant::now());
            times.piece(|| self.app.tick(now));
            while self.recording.front().is_some_and(|(at, _)| *at <= now) {
                let Some((_, frame)) = self.recording.pop_front() else { break };
                times.piece(|| self.app.news(News::Frame(Box::new(frame))));
            }
            if step % KEY_EVERY == 0 && step / KEY_BLOCK % 2 == 1 {
                times.piece(|| self.app.action(Action::NextRow));
            }
            if self.draw(&mut times)? {
                times.frames.add(begun.elapsed());
            }
            // The rest of the step is for work, as in the console.
            while self.app.wants_work() && begun.elapsed() < STEP {
                self.work(&mut times);
            }
            times.end_step();
        }
        times.print(self.tasks, title);
        Ok(())
    }
}
