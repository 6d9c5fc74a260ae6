//! Makes the corpora of `frame` and `update`: what real programs send, in both protocols.
//!
//! `cargo test -p taskscope-tests --test fuzz make_corpus -- --ignored`, when the protocol has changed so much that the old one teaches nothing.

use std::fs;

use console_api::instrument::{InstrumentRequest, instrument_client::InstrumentClient};
use prost::Message as _;
use taskscope_tests::{console::Console, program::Program};

/// Messages kept of each program.
const MESSAGES: usize = 3;

/// Programs that send many kinds of rows in few bytes, and whether they wait for `go`.
const SCENARIOS: [(&str, bool); 4] =
    [("kinds", false), ("deadlock", true), ("deadlock-wrapped", true), ("hostile", false)];

#[tokio::test]
#[ignore = "writes files that are committed"]
async fn make_corpus() {
    for (scenario, waits) in SCENARIOS {
        let mut program = Program::start(env!("CARGO_BIN_EXE_program"), &[scenario]);
        if waits {
            program.ask("go");
        }
        let mut console = Console::open(program.address()).await;
        let mut frames = Vec::new();
        for _ in 0..MESSAGES {
            frames.push(console.next().await.expect("it sends").encode_to_vec());
        }
        write("frame", scenario, &frames);

        let mut client =
            InstrumentClient::connect(program.address().to_owned()).await.expect("it speaks both");
        let mut stream = client.watch_updates(InstrumentRequest {}).await.expect("it answers").into_inner();
        let mut updates = Vec::new();
        for _ in 0..MESSAGES {
            updates.push(stream.message().await.expect("it sends").expect("without end").encode_to_vec());
        }
        write("update", scenario, &updates);
    }
}

/// Two bytes of length before each message; one that is too long for that is left out.
fn write(corpus: &str, name: &str, messages: &[Vec<u8>]) {
    let mut bytes = Vec::new();
    for message in messages {
        if let Ok(length) = u16::try_from(message.len()) {
            bytes.extend(length.to_le_bytes());
            bytes.extend(message);
        }
    }
    hide_paths(&mut bytes);
    fs::write(super::corpus_folder().join(corpus).join(name), bytes).expect("the folder is there");
}

/// Paths of this machine's registry, written over in their length: they are committed.
fn hide_paths(bytes: &mut [u8]) {
    let home = std::env::var("CARGO_HOME")
        .or_else(|_| Ok::<_, std::env::VarError>(std::env::var("HOME")? + "/.cargo"));
    let registry = home.expect("cargo has a home") + "/registry/src/";
    while let Some(at) = bytes.windows(registry.len()).position(|window| window == registry.as_bytes()) {
        let folder = bytes[at + registry.len()..].iter().take_while(|byte| **byte != b'/').count();
        bytes[at..at + registry.len() + folder].fill(b'x');
    }
}
