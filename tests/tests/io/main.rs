//! Sockets, signals and children of real programs: what the console gets, against what the program counted and what `ss` says.

mod peers;
mod report;
mod served;
mod sockets;
mod streams;
mod system;

use std::time::Instant;

use serde_json::Value;
use taskscope_proto::v1;
use taskscope_tests::{
    DEADLINE,
    console::{Console, wish},
    fold::{Fold, io::Resource},
    program::Program,
};

/// How often descriptors are asked for: as often as they are sent.
const DESCRIPTORS_EVERY_MS: u32 = 1000;

/// A program and a bare console that asks for descriptors, too.
struct Watched {
    program: Program,
    console: Console,
}

impl Watched {
    async fn start(scenario: &str) -> Self {
        Self::over(Program::start_init(env!("CARGO_BIN_EXE_program"), &[scenario])).await
    }

    async fn over(program: Program) -> Self {
        let wish = v1::WatchRequest { descriptors_interval_ms: DESCRIPTORS_EVERY_MS, ..wish() };
        let console = Console::open_with(program.address(), wish).await.expect("the server answers");
        Self { program, console }
    }

    /// Goes on until frames and the program's own book agree; returns the book.
    async fn until(&mut self, what: &str, agree: impl Fn(&Fold, &Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            // The book first: what it says has happened must be in the frame, or in one that follows.
            let book = self.program.ask("book");
            self.console.next().await.expect("the stream is open");
            if self.console.fold.complete && agree(&self.console.fold, &book) {
                return book;
            }
            assert!(
                start.elapsed() < DEADLINE,
                "never: {what}; the book says {book}; {:#?}",
                self.console.fold.io
            );
        }
    }
}

fn text<'a>(book: &'a Value, key: &str) -> &'a str {
    book[key].as_str().unwrap_or_default()
}

fn number(book: &Value, key: &str) -> Option<u64> {
    book[key].as_u64()
}

/// The wrapped stream with this local address.
fn stream<'a>(fold: &'a Fold, local: &str) -> Option<&'a Resource> {
    fold.of_type("TcpStream").find(|stream| !local.is_empty() && stream.local == local)
}

/// The book's socket, as the system reports it.
fn descriptor<'a>(fold: &'a Fold, book: &Value) -> Option<&'a v1::Descriptor> {
    let fd = number(book, "fd")?.try_into().ok()?;
    fold.descriptor(fd).filter(|descriptor| descriptor.local == text(book, "local"))
}

/// Names and methods of the tasks that wait on a stream.
fn waiting<'a>(fold: &'a Fold, stream: &Resource) -> Vec<(&'a str, &'a str)> {
    fold.waiting(stream).into_iter().map(|(task, method)| (task.name.as_str(), method)).collect()
}
