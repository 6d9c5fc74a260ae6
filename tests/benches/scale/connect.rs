//! From the connection to all tasks on the screen.

use std::time::{Duration, Instant};

use taskscope_console::{
    app::App,
    keymap::Keymap,
    shell::connect::Connection,
    target::{Reading, Target},
    theme::{Background, Depth, Theme},
};
use taskscope_model::{Config, Effect};

use crate::{
    Outcome,
    program::{Program, Source},
    spread::Spread,
    stream::Stream,
};

const SIZES: [usize; 3] = [10_000, 100_000, 1_000_000];
const SAMPLES: usize = 5;

pub(crate) async fn measure() -> Outcome<()> {
    println!("### From connecting to all tasks on the screen (median of {SAMPLES})\n");
    println!(
        "| tasks | on the wire, ms | in the console, ms | longest update, ms | frames | MB | bytes a task |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|");
    for tasks in SIZES {
        let mut program = Program::start(Source::Wrap)?;
        program.obey(&format!("park {tasks}"))?;
        let (mut wire, mut console, mut longest) = (Spread::default(), Spread::default(), Spread::default());
        let (mut bytes, mut frames) = (0, 0);
        for _ in 0..SAMPLES {
            let start = Instant::now();
            let mut stream = Stream::open(&program.address).await?;
            stream.complete().await?;
            wire.add(start.elapsed());
            (bytes, frames) = (stream.bytes, stream.count);
            drop(stream);
            let (time, update) = in_the_console(&program.address).await?;
            console.add(time);
            longest.add(update);
        }
        println!(
            "| {tasks} | {} | {} | {} | {frames} | {:.1} | {} |",
            wire.median().as_millis(),
            console.median().as_millis(),
            longest.median().as_millis(),
            bytes as f64 / 1e6,
            bytes / tasks
        );
    }
    println!();
    Ok(())
}

/// Through the console's own connection and model, its lints and rows made. The time, and the longest that one event took of it.
async fn in_the_console(address: &str) -> Outcome<(Duration, Duration)> {
    let mut app = console();
    let start = Instant::now();
    let mut connection = Connection::start(address.parse::<Target>()?, Reading::default());
    let mut longest = Duration::ZERO;
    while !app.model().is_complete() {
        let mut at = Instant::now();
        let effects = if app.wants_work() {
            app.work()
        } else {
            let news = connection.news.recv().await.ok_or("the connection has ended")?;
            at = Instant::now();
            let mut effects = app.tick(start.elapsed());
            effects.extend(app.news(news));
            effects
        };
        for effect in effects {
            if let Effect::SendRequest(request) = effect {
                connection.request(request);
            }
        }
        longest = longest.max(at.elapsed());
    }
    Ok((start.elapsed(), longest))
}

/// A console of 200x60.
pub(crate) fn console() -> App {
    let theme = Theme::new(Depth::True, Background::Dark, false);
    let mut app = App::new(Config::default(), Keymap::default(), theme);
    app.resize(200, 60);
    app
}
