//! What a console that looks on costs: bytes on the wire, and the processor time of the server's own thread.

use std::time::Duration;

use taskscope_proto::v1;

use crate::{
    Outcome,
    program::{Program, Source},
    stream::Stream,
};

/// The rest of the snapshot's work is over by then.
const SETTLE: Duration = Duration::from_secs(2);
const TIME: Duration = Duration::from_secs(6);

pub(crate) async fn measure() -> Outcome<()> {
    println!("### With a client attached: bytes on the wire, and the server's thread\n");
    println!("| program | bytes/s | frames/s | CPU of the server's thread |\n|---|---:|---:|---:|");
    let programs = [
        ("10,000 parked", 10_000, None),
        ("10,000 parked, 64 busy", 10_000, Some("busy 64")),
        ("10,000 parked, 1 % polled ten times a second", 10_000, Some("stir 10")),
        ("1,000,000 parked", 1_000_000, None),
        ("1,000,000 parked, 1 % polled ten times a second", 1_000_000, Some("stir 10")),
    ];
    for (title, parked, then) in programs {
        let mut program = Program::start(Source::Wrap)?;
        program.obey(&format!("park {parked}"))?;
        if let Some(command) = then {
            program.obey(command)?;
        }
        let mut stream = Stream::open(&program.address).await?;
        stream.complete().await?;
        let before = stream.read_for(SETTLE).await?;
        (stream.bytes, stream.count) = (0, 0);
        let after = stream.read_for(TIME).await?;
        let seconds = (after.now_ns - before.now_ns) as f64 / 1e9;
        let cpu = own_cpu_ns(&before).zip(own_cpu_ns(&after));
        let cpu = cpu.map_or_else(
            || "– (the system doesn't count it)".to_owned(),
            |(before, after)| format!("{:.2} %", (after - before) as f64 / 1e7 / seconds),
        );
        let (bytes, frames) = (stream.bytes as f64 / seconds, stream.count as f64 / seconds);
        println!("| {title} | {bytes:.0} | {frames:.1} | {cpu} |");
    }
    println!();
    Ok(())
}

fn own_cpu_ns(frame: &v1::Frame) -> Option<u64> {
    frame.process.as_ref().filter(|process| process.cost_known).map(|process| process.own_cpu_ns)
}
