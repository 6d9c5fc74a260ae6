//! How the whole holds up with many tasks, from the program to the screen: `just bench-scale`.
//!
//! The program is a process of its own; the console is the library in this one, or the `taskscope` binary in a pseudo-terminal. `cargo
//! bench -p taskscope-tests --bench scale -- frames` runs one part: `connect`, `wire`, `frames`, `streams` or `keys`.

#[path = "scale/connect.rs"]
mod connect;
#[path = "scale/frames.rs"]
mod frames;
#[path = "scale/keys.rs"]
mod keys;
#[path = "shared/machine.rs"]
mod machine;
#[path = "shared/program.rs"]
mod program;
#[path = "scale/spread.rs"]
mod spread;
#[path = "scale/stream.rs"]
mod stream;
#[path = "shared/tty.rs"]
mod tty;
#[path = "scale/wire.rs"]
mod wire;

use tokio::runtime::Builder;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["program", source] => program::run(source),
        // `cargo test` runs benches too; there is nothing to compare there.
        ["--test"] => Ok(()),
        [] => ["connect", "wire", "frames", "streams", "keys"].into_iter().try_for_each(part),
        [name] => part(name),
        _ => Err(format!("unknown arguments {arguments:?}").into()),
    }
}

fn part(name: &str) -> Outcome<()> {
    println!("{}\n", machine::describe());
    // As many threads as the console has by default.
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    match name {
        "connect" => runtime.block_on(connect::measure()),
        "wire" => runtime.block_on(wire::measure()),
        "frames" => runtime.block_on(frames::measure()),
        "streams" => runtime.block_on(frames::measure_streams()),
        "keys" => keys::measure(),
        _ => Err(format!("no part {name}").into()),
    }
}
