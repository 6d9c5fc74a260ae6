//! The targets of `fuzz/` on stable Rust: each replays its corpus, and tries some inputs of its own.
//!
//! libfuzzer finds more; this shows on every change that the targets compile, that nothing found before is back, and that the corpus is of use.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "public in the crate that libfuzzer builds")]
mod targets;

#[path = "fuzz/corpus.rs"]
mod corpus;

/// Inputs of each target beside those of its corpus. A console that draws takes some milliseconds.
const CASES: u32 = 100;

#[test]
fn frame() {
    check("frame", targets::frame);
}

#[test]
fn update() {
    check("update", targets::update);
}

#[test]
fn query() {
    check("query", targets::query);
}

#[test]
fn keys() {
    check("keys", targets::keys);
}

#[test]
fn configuration() {
    check("configuration", targets::configuration);
}

#[test]
fn await_walk() {
    check("await_walk", targets::await_walk);
}

/// Replays the corpus of a target, then what comes of it when bytes are changed, cut and put together.
fn check(name: &str, target: fn(&[u8])) {
    let corpus = read(name);
    assert!(corpus.len() > 1, "{name}: there is a corpus");
    for (_, bytes) in &corpus {
        target(bytes);
    }
    let seeds: Vec<Vec<u8>> = corpus.into_iter().map(|(_, bytes)| bytes).collect();
    let inputs = prop_oneof![
        1 => prop::collection::vec(any::<u8>(), 0..200),
        4 => changed(&seeds),
    ];
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&inputs, |bytes| {
        target(&bytes);
        Ok(())
    });
    // Its input, as short as proptest could make it: `fuzz/corpus/NAME` is the place for it.
    outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
}

/// An input of the corpus with some bytes changed, cut somewhere, and with the beginning of another behind it.
fn changed(seeds: &[Vec<u8>]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let place = || any::<prop::sample::Index>();
    let seed = || prop::sample::select(seeds.to_vec());
    let changes = prop::collection::vec((place(), any::<u8>()), 0..8);
    (seed(), seed(), place(), place(), changes).prop_map(|(one, other, cut, end, changes)| {
        let mut bytes = one[..cut.index(one.len() + 1)].to_vec();
        bytes.extend(&other[..end.index(other.len() + 1)]);
        for (place, value) in changes {
            if !bytes.is_empty() {
                let at = place.index(bytes.len());
                bytes[at] = value;
            }
        }
        bytes
    })
}

/// The files of a corpus by name, in order.
fn read(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = corpus_folder().join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("a folder's entries can be read").path())
        .map(|path| (path.clone(), fs::read(&path).expect("a corpus has files alone")))
        .collect();
    files.sort();
    files
}

fn corpus_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus")
}
