//! What taskscope writes for a person: lines on stderr, and none on stdout.
//!
//! A stderr without a reader must not end the program: `eprintln!` panics there, this does not.

use std::{
    fmt::Display,
    io::Write as _,
    sync::{Mutex, PoisonError},
};

/// Sentences remembered, so that none is written twice; past that many, they are written each time.
const MAX_REMEMBERED: usize = 64;

/// Writes a sentence on stderr.
pub(crate) fn say(sentence: impl Display) {
    // One write for the line: other threads write there, too. When it fails, there is nowhere left to say so.
    let _unreadable = std::io::stderr().write_all(format!("taskscope: {sentence}\n").as_bytes());
}

/// Writes a sentence on stderr, once a process.
pub(crate) fn say_once(sentence: &str) {
    static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.iter().any(|known| known == sentence) {
        return;
    }
    if said.len() < MAX_REMEMBERED {
        said.push(sentence.to_owned());
    }
    drop(said);
    say(sentence);
}
