//! Stacks as a program sends them, of this test's own file.

#![allow(clippy::unwrap_used, reason = "a test's unwrap is an assertion")]

use std::{env, fs, fs::File, hint::black_box, os::unix::fs::symlink, path::Path, process::Command};

use taskscope_proto::v1;

use super::{Names, file};
use crate::target::{Patience, Target};

const HERE: &str = "taskscope_console::shell::names::tests::is_looked_for";

#[inline(never)]
fn is_looked_for(number: u64) -> u64 {
    number.rotate_left(black_box(3))
}

/// This test's own file, as the program that has it would say, and an address in it.
fn own() -> (v1::CodeFile, u64) {
    black_box(is_looked_for(black_box(1)));
    let path = env::current_exe().unwrap();
    // Where it is mapped, less where the file's first byte is.
    let address = is_looked_for as fn(u64) -> u64 as usize as u64 - base(&path);
    let build_id = taskscope_names::build_id(&File::open(&path).unwrap()).unwrap();
    (v1::CodeFile { path: path.to_str().unwrap().to_owned(), build_id, is_program: true }, address + 1)
}

fn base(path: &Path) -> u64 {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let line = maps.lines().find(|line| line.ends_with(path.to_str().unwrap())).unwrap();
    u64::from_str_radix(line.split('-').next().unwrap(), 16).unwrap()
}

fn at(code_file: u32, address: u64) -> v1::StackFrame {
    v1::StackFrame { code_file, address, ..Default::default() }
}

fn frame(code_files: Vec<v1::CodeFile>, stack: Vec<v1::StackFrame>) -> v1::Frame {
    let poll = v1::StuckPoll { code_files, stack, ..Default::default() };
    let scheduler = Some(v1::Scheduler { stuck: vec![poll], ..Default::default() });
    let hello = Some(v1::Hello { pid: std::process::id(), ..Default::default() });
    v1::Frame { scheduler, hello, ..Default::default() }
}

/// The poll, when a console at `target` has named it as far as it can.
async fn named(target: &str, mut frame: v1::Frame) -> v1::StuckPoll {
    let target: Target = target.parse().unwrap();
    Names::new(&target, Patience::OfAReport).fill(&mut frame).await;
    frame.scheduler.unwrap().stuck.remove(0)
}

/// One test, as one thread at a time looks names up.
#[tokio::test]
async fn stacks_are_named_or_it_is_said_why_not() {
    let (file, address) = own();
    let functions = |poll: &v1::StuckPoll| -> Vec<String> {
        poll.stack.iter().map(|frame| frame.function.clone()).collect()
    };

    // Named; what is further out and has no name is left out.
    let poll = named("localhost:1", frame(vec![file.clone()], vec![at(1, address), at(1, 1 << 40)])).await;
    assert_eq!(functions(&poll), [HERE], "{poll:#?}");
    assert!(poll.stack[0].own && poll.stack[0].file.ends_with("names/tests.rs") && poll.stack[0].line > 0);
    assert_eq!((poll.problem.as_str(), poll.stack[0].code_file), ("", 0));

    // The program's file was replaced since: the kernel still has it.
    let gone = v1::CodeFile { path: "/no/such/file".to_owned(), ..file.clone() };
    let poll = named("localhost:1", frame(vec![gone.clone()], vec![at(1, address)])).await;
    assert_eq!(functions(&poll), [HERE], "{poll:#?}");

    // Elsewhere, or of another build: addresses stay, and the cure is said.
    let library = v1::CodeFile { is_program: false, ..gone };
    let poll = named("localhost:1", frame(vec![library], vec![at(1, address)])).await;
    assert_eq!(poll.stack, [at(1, address)]);
    assert!(
        poll.problem.contains("/no/such/file has no names here: the file is not on this machine."),
        "{poll:?}"
    );
    assert!(poll.problem.contains("feature `symbols`"), "{poll:?}");
    let other = v1::CodeFile { build_id: vec![1; 20], ..file.clone() };
    let poll = named("localhost:1", frame(vec![other], vec![at(1, address)])).await;
    assert!(poll.problem.contains("of another build"), "{poll:?}");
    let without = v1::CodeFile { build_id: Vec::new(), ..file.clone() };
    let poll = named("localhost:1", frame(vec![without], vec![at(1, address)])).await;
    assert!(poll.problem.contains("no build-id"), "{poll:?}");

    // Over the network no file is opened.
    let poll = named("10.0.0.7:1", frame(vec![file.clone()], vec![at(1, address)])).await;
    assert_eq!(poll.stack, [at(1, address)]);
    assert!(
        poll.problem.contains("over the network") && poll.problem.contains("feature `symbols`"),
        "{poll:?}"
    );

    // A program with names sends no files, and is left as it is.
    let with_names = v1::StackFrame { function: "app::f".to_owned(), ..Default::default() };
    let poll = named("localhost:1", frame(Vec::new(), vec![at(9, 7), with_names.clone()])).await;
    assert_eq!(poll.stack, [at(9, 7), with_names], "an index past the list means nothing");
}

/// A screen does not wait: what was looked up stands in a later frame.
#[tokio::test]
async fn a_screen_gets_names_a_frame_later() {
    let (file, address) = own();
    let mut names = Names::new(&Target::default(), Patience::None);
    loop {
        let mut frame = frame(vec![file.clone()], vec![at(1, address)]);
        names.fill(&mut frame).await;
        let poll = frame.scheduler.unwrap().stuck.remove(0);
        if poll.stack[0].function == HERE {
            assert_eq!(poll.problem, "");
            return;
        }
        assert!(poll.problem.contains("being looked up"), "{poll:?}");
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_path_opens_regular_files_alone() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let link = folder.path().join("link");
    symlink(&pipe, &link).unwrap();
    for path in [&*pipe, &*link, folder.path(), Path::new("/dev/null"), Path::new("/no/such/file")] {
        let file =
            v1::CodeFile { path: path.to_str().unwrap().to_owned(), build_id: vec![1], is_program: false };
        // A pipe that is opened to be read blocks for ever.
        assert_eq!(
            file::look_up(&file, 0, &[1]),
            Err("the file is not on this machine".to_owned()),
            "{path:?}"
        );
    }
    let text = folder.path().join("text");
    fs::write(&text, "no code").unwrap();
    let file = v1::CodeFile { path: text.to_str().unwrap().to_owned(), build_id: vec![1], is_program: false };
    assert_eq!(file::look_up(&file, 0, &[1]), Err("the file on this machine is of another build".to_owned()));
    let relative = v1::CodeFile { path: "Cargo.toml".to_owned(), build_id: vec![1], is_program: false };
    assert!(file::look_up(&relative, 0, &[1]).is_err());
}

/// The kernel's own file, as another process under the same kernel has it.
#[test]
fn the_kernels_file_is_known_by_its_build_id() {
    let Some(bytes) = file::own_vdso() else { return };
    let vdso = |build_id| v1::CodeFile { path: "[vdso]".to_owned(), build_id, is_program: false };
    let own = vdso(taskscope_names::build_id_of_bytes(&bytes).unwrap());
    assert_eq!(file::look_up(&own, 0, &[1]).unwrap().frames.len(), 1);
    assert!(file::look_up(&vdso(vec![1; 20]), 0, &[1]).is_err());
}
