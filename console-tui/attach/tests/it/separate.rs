//! A program that was stripped, and a file with its debug information: the same trees.

use std::{
    io,
    path::Path,
    process::{Command, ExitStatus},
};

use taskscope_debuginfo::{DebugInfoError, Sources, read};

use crate::{
    looking::observer_of,
    programs::{Profile, Running, built, program},
    shapes::settled_roots,
    trees,
};

fn objcopy(arguments: &[&str], from: &Path, to: &Path) -> io::Result<ExitStatus> {
    Command::new("objcopy").args(arguments).args([from, to]).status()
}

#[test]
fn a_stripped_program_shows_the_same_with_its_debug_file() {
    let built = built("shapes", Profile::Release);
    let folder = tempfile::tempdir().expect("a folder");
    let (stripped, debug) = (folder.path().join("shapes"), folder.path().join("shapes.of-release"));
    match objcopy(&["--only-keep-debug"], &built.path, &debug) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return println!("not checked: there is no objcopy; it is in binutils");
        }
        result => assert!(result.expect("it can be started").success()),
    }
    assert!(objcopy(&["--strip-all"], &built.path, &stripped).expect("it can be started").success());
    let alone = read(&Sources { binary: stripped.clone(), debug_file: None }, &mut |_| ());
    assert!(matches!(alone, Err(DebugInfoError::Stripped(_))));
    let program = program(&Sources { binary: stripped.clone(), debug_file: Some(debug) });
    let running = Running::start(&stripped, &[]);
    let observed = settled_roots(&mut observer_of(&program, running.pid()));
    assert_eq!(trees::all(&observed), trees::expected());
}
