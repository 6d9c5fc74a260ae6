//! Files that are no programs, programs that are not ours, and bytes that lie: an error or less of an index, never a panic.

use std::{fs, path::PathBuf, process::Command};

use taskscope_debuginfo::{DebugInfoError, Index};
use tempfile::TempDir;

use crate::{
    programs::{FULL, built},
    read_quietly,
};

/// Times that a program is damaged and read.
const ROUNDS: u64 = 60;
/// Bytes that are wrong, each time.
const WRONG_BYTES: u64 = 40;

fn program() -> Vec<u8> {
    fs::read(built(&FULL)).expect("the program")
}

fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("program");
    fs::write(&path, bytes).expect("a file");
    (folder, path)
}

fn error_of(bytes: &[u8]) -> DebugInfoError {
    let (_folder, path) = file(bytes);
    read_quietly(&path).expect_err("it is no program that can be read")
}

#[test]
fn what_is_no_program_of_this_machine_is_refused() {
    assert!(matches!(error_of(b"#!/bin/sh\nexec ./program\n"), DebugInfoError::NotElf(_)));
    assert!(matches!(error_of(b""), DebugInfoError::NotElf(_)));
    let mut bytes = program();
    bytes[18] = 183;
    let error = error_of(&bytes);
    assert!(matches!(error, DebugInfoError::Machine { .. }), "{error}");
    assert!(error.to_string().contains("AArch64"), "{error}");
    bytes[4] = 1;
    assert!(matches!(error_of(&bytes), DebugInfoError::Bits32(_)));
    let missing = read_quietly(&PathBuf::from("/nowhere/program")).expect_err("it is not there");
    assert!(matches!(missing, DebugInfoError::Io { .. }), "{missing}");
}

#[test]
fn a_program_without_tokio_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (source, path) = (folder.path().join("hello.rs"), folder.path().join("hello"));
    fs::write(&source, "struct Hello(u32);\nfn main() { println!(\"{}\", Hello(1).0) }\n").expect("a file");
    let status = Command::new("rustc").args(["-g", "-o"]).args([&path, &source]).status();
    assert!(status.expect("the compiler is there").success());
    let error = read_quietly(&path).expect_err("it has no tokio");
    assert!(matches!(error, DebugInfoError::NoTokio(_)), "{error}");
}

#[test]
fn a_program_that_is_cut_short_is_refused() {
    let bytes = program();
    for part in 1..8 {
        let end = bytes.len() * part / 8;
        error_of(&bytes[..end]);
    }
}

#[test]
fn wrong_bytes_give_an_error_or_less_of_an_index() {
    let bytes = program();
    let mut random = Random(7);
    for _ in 0..ROUNDS {
        let mut bytes = bytes.clone();
        for _ in 0..WRONG_BYTES {
            // Most of them in the second half, where the debug information is; and some in the table of sections, at the end.
            let at = bytes.len() as u64 / 2 + random.next() % (bytes.len() as u64 / 2);
            bytes[at as usize] = random.next() as u8;
        }
        let (_folder, path) = file(&bytes);
        if let Ok(read) = read_quietly(&path) {
            assert_eq!(Index::read(&read.index.write()), Ok(read.index), "an index that can be read again");
        }
    }
}

/// The same numbers each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}
