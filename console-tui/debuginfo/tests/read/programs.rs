//! Builds the program that is read, once for each kind of debug information.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Mutex,
};

/// How to build it.
#[derive(Clone, Copy)]
pub(crate) struct Program {
    /// Of its folder.
    pub(crate) name: &'static str,
    pub(crate) arguments: &'static [&'static str],
    /// Settings of the profile `dev`.
    pub(crate) environment: &'static [(&'static str, &'static str)],
    pub(crate) flags: &'static str,
}

/// Whole debug information, as `debug = 2` gives it.
pub(crate) const FULL: Program = Program::named("full");

impl Program {
    pub(crate) const fn named(name: &'static str) -> Self {
        Self { name, arguments: &[], environment: &[], flags: "" }
    }
}

/// The path of a program, built if it is not there yet.
pub(crate) fn built(program: &Program) -> PathBuf {
    // One build at a time: they share a target folder, and several would not be faster.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().expect("no test panics while it builds");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(program.name);
    let mut command = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    command
        .args(["build", "--quiet", "--locked", "--package", "small"])
        .args(program.arguments)
        .current_dir(workspace())
        // What this test was built with is not for the program.
        .env_clear()
        .envs(env::vars_os().filter(|(name, _)| !name.to_string_lossy().starts_with("CARGO_PROFILE_")))
        .env("CARGO_TARGET_DIR", &folder)
        .env("CARGO_ENCODED_RUSTFLAGS", program.flags)
        .env_remove("RUSTFLAGS");
    for (setting, value) in program.environment {
        command.env(format!("CARGO_PROFILE_DEV_{setting}"), value);
    }
    assert!(command.status().expect("cargo runs this test, so it can be started").success());
    let profile = if program.arguments.is_empty() { "debug" } else { "release" };
    folder.join(profile).join("small")
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/attach")
}

/// The line of the program's source that has this text.
pub(crate) fn source_line(text: &str) -> u32 {
    let source = fs::read_to_string(workspace().join("small/src/main.rs")).expect("it is there");
    let before = source.split(text).next().expect("a split has a first part");
    assert!(before.len() < source.len(), "{text} is not in the source");
    before.lines().count() as u32
}

/// A program without the table of its sections, as `strip` could leave it.
pub(crate) fn without_sections(program: &[u8]) -> Vec<u8> {
    let mut bytes = program.to_vec();
    bytes[40..48].fill(0); // where the table is
    bytes[60..64].fill(0); // how many there are, and which has their names
    bytes
}
