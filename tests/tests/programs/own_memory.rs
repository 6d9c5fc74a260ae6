//! What the tool says that it holds in a program, against what the kernel says that the program grew by: the same program without it is the
//! measure.
//!
//! Within a tenth, or [`SLACK_BYTES`]: of a small sum a tenth is less than what an allocator rounds up to, and what threads touch of their stacks.

use std::{fs, time::Instant};

use taskscope_proto::v1;
use taskscope_tests::{
    DEADLINE,
    console::{Console, wish},
    program::Program,
};

use crate::{start, start_init};

const SLACK_BYTES: u64 = 768 * 1024;

/// Memory that is the process's alone: without the pages of its executable, which the system takes away when it needs them.
fn private_bytes(program: &Program) -> u64 {
    let path = format!("/proc/{}/smaps_rollup", program.pid());
    let text = fs::read_to_string(path).expect("the program runs");
    let line = text.lines().find_map(|line| line.strip_prefix("Private_Dirty:")).expect("the kernel has it");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

/// Goes on until what is sent and what the kernel says agree.
async fn agrees(what: &str, bare_bytes: u64, program: &Program, console: &mut Console) {
    let start = Instant::now();
    loop {
        console.next().await.expect("the stream is open");
        let sent = console.fold.process.own_memory_bytes;
        let grown = private_bytes(program).saturating_sub(bare_bytes);
        if console.fold.complete && sent.abs_diff(grown) <= SLACK_BYTES.max(grown / 10) {
            println!("{what}: sent {sent} B, the program grew by {grown} B");
            return;
        }
        assert!(start.elapsed() < DEADLINE, "{what}: sent {sent} B, but the program grew by {grown} B");
    }
}

#[tokio::test]
async fn a_small_program_gets_the_memory_of_the_tool() {
    let mut bare = start(&["idle", "--source", "bare"]);
    bare.ask("spawn 40");
    let mut program = start_init(&["idle"]);
    program.ask("spawn 40");
    let mut console = Console::open(program.address()).await;
    agrees("40 tasks", private_bytes(&bare), &program, &mut console).await;
    let more = Console::open(program.address()).await;
    agrees("two consoles", private_bytes(&bare), &program, &mut console).await;
    drop(more);
}

#[tokio::test]
async fn a_big_program_gets_the_memory_of_the_tool_and_its_consoles() {
    let mut bare = start(&["idle", "--source", "bare"]);
    bare.ask("spawn 50000");
    let mut program = start(&["idle"]);
    program.ask("spawn 50000");
    let mut console = Console::open(program.address()).await;
    agrees("50,000 tasks", private_bytes(&bare), &program, &mut console).await;
    let before = console.fold.process.own_memory_bytes;
    let mut second = Console::open(program.address()).await;
    second.wait_for("all tasks", |fold| fold.complete).await;
    console
        .wait_for("the second's share", |fold| fold.process.own_memory_bytes >= before + 16 * 50_000)
        .await;
    agrees("two consoles", private_bytes(&bare), &program, &mut console).await;
    drop(second);
    console.wait_for("its share is given back", |fold| fold.process.own_memory_bytes < before + 50_000).await;
}

#[tokio::test]
async fn a_stream_of_all_events_leaves_next_to_nothing_behind() {
    let bare = start(&["counted", "--source", "bare"]);
    let program = start(&["counted"]);
    let mut console = Console::open(program.address()).await;
    agrees("full load", private_bytes(&bare), &program, &mut console).await;

    let all = v1::WatchRequest { events: true, ..wish() };
    let mut events = Console::open_with(program.address(), all).await.expect("the server answers");
    let start = Instant::now();
    let mut seen = 0;
    while seen < 200_000 {
        let frame = events.next().await.expect("the stream is open");
        seen += frame.events.as_ref().map_or(0, |events| events.slot.len());
        assert!(start.elapsed() < DEADLINE, "{seen} events");
    }
    let held = events.fold.process.own_memory_bytes;
    agrees("all events", private_bytes(&bare), &program, &mut events).await;
    drop(events);

    // The threads' rings and the queue are no longer counted, and no longer there: what an allocator keeps of them would be in no number.
    console.wait_for("they are given back", |fold| fold.process.own_memory_bytes + (1 << 20) < held).await;
    agrees("after the events", private_bytes(&bare), &program, &mut console).await;
}
