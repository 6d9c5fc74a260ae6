//! A program that prints data and logs: what it prints must be the same with taskscope and without.
//!
//! `printer bare|init|logger-first|serve|late`. It prints some bytes on stdout, then what it finds of the state of `tracing` and `log`, and
//! makes events and records of all levels. `serve` then waits for the end of its stdin; so does `late`, which
//! spawns a task before it calls `init`.

use std::io::{Read as _, Write as _};

/// A logger as a program has of its own.
struct Own;

impl log::Log for Own {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        eprintln!("own logger: {} {}", record.level(), record.args());
    }

    fn flush(&self) {}
}

static OWN: Own = Own;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let role = std::env::args().nth(1).unwrap_or_default();
    if role == "logger-first" {
        log::set_logger(&OWN).expect("no logger is set");
        log::set_max_level(log::LevelFilter::Info);
    }
    let before = (role == "late").then(|| tokio::spawn(std::future::pending::<()>()));
    if role != "bare" {
        taskscope::init();
    }
    let mut stdout = std::io::stdout();
    stdout.write_all(b"\x00\x1b[data\xff\n").expect("stdout is there");
    log::error!("a record of level error");
    log::info!("a record of level info");
    log::trace!("a record of level trace");
    let span = tracing::error_span!("a span of level error");
    span.in_scope(|| tracing::error!("an event of level error"));
    tracing::info!("an event of level info");
    tracing::trace!("an event of level trace");
    tokio::spawn(async { tracing::debug!("in a task") }).await.expect("it does not panic");
    writeln!(stdout, "span disabled: {}", span.is_disabled()).expect("stdout is there");
    if role == "serve" || role == "late" {
        std::io::stdin().read_to_end(&mut Vec::new()).expect("stdin is there");
    }
    drop(before);
}
