//! What trees say.

use taskscope_await::{FrameKind, FrameState, Index, IndexError, LockKind, TaskState, Wait};

use crate::make::{Bytes, Make};

const HEADER: u64 = 0x1_0000;
const LOCK: u64 = 0x2_0000;

/// A task that runs `app::main`, which waits for a mutex that has `free` permits; `left` of the wanted ones are still to come.
fn waits_for_a_mutex(state: u64, left: u64, free: u64) -> (taskscope_await::Program, Bytes) {
    let mut make = Make::new();
    let lock = make.mutex_lock();
    let word = make.word();
    let main = make.coroutine("app::main", 80, 12, &[("__awaitee", lock, 8), ("k", word, 64)]);
    make.task(main);
    let mut memory = Bytes::default();
    memory.put(HEADER, &[0; 256]);
    memory.words(HEADER, &[state, 0, 0x2000, 1]);
    memory.put(0x2000, &[0; 64]);
    memory.words(0x2000, &[0x100, 0, 56]);
    memory.words(HEADER + 56, &[7]);
    let future = HEADER + 64;
    memory.put(future, &[3]);
    memory.words(future + 64, &[42]);
    memory.put(future + 8, &[3]);
    memory.words(future + 16, &[left, LOCK, 1]);
    memory.put(future + 16 + 24, &[1]);
    memory.put(LOCK, &[0; 32]);
    memory.words(LOCK + 24, &[free << 1]);
    (make.program(), memory)
}

#[test]
fn a_task_is_read_down_to_the_lock_that_it_waits_for() {
    let (program, memory) = waits_for_a_mutex(64, 1, 0);
    let task = memory.task(&program, HEADER).expect("there is one");
    assert_eq!((task.id, task.state, &*task.name), (Some(7), TaskState::Idle, "app::main"));
    assert!(task.may_live());
    let frames = &task.tree.frames;
    assert_eq!(task.tree.problems, [""; 0]);
    assert_eq!(
        frames.iter().map(|frame| (frame.depth, &*frame.name)).collect::<Vec<_>>(),
        [(0, "app::main"), (1, "tokio::sync::mutex::lock"), (2, "Acquire"),]
    );
    assert_eq!((&*frames[0].file, frames[0].line), ("src/app.rs", 12));
    assert_eq!(frames[0].locals, [("k".to_owned(), "42".to_owned())]);
    let lock = Wait::Lock {
        lock: LOCK,
        base: None,
        kind: LockKind::Mutex,
        wanted: 1,
        free: Some(0),
        queued: true,
        granted: false,
    };
    assert_eq!((frames[2].kind, &frames[2].wait), (FrameKind::Leaf, &Some(lock)));
}

#[test]
fn a_lock_that_was_given_and_not_taken_is_seen() {
    let (program, memory) = waits_for_a_mutex(64, 0, 0);
    let task = memory.task(&program, HEADER).expect("there is one");
    let wait = task.tree.frames.last().and_then(|frame| frame.wait.clone());
    assert!(matches!(wait, Some(Wait::Lock { granted: true, .. })), "{wait:?}");
}

#[test]
fn a_task_that_is_polled_has_no_tree() {
    let (program, memory) = waits_for_a_mutex(64 | 1, 1, 0);
    let task = memory.task(&program, HEADER).expect("there is one");
    assert_eq!((task.state, task.tree.frames.len()), (TaskState::Running, 0));
}

#[test]
fn a_state_that_can_not_be_is_a_problem() {
    let (program, mut memory) = waits_for_a_mutex(64, 1, 0);
    memory.put(HEADER + 64 + 8, &[9]);
    let task = memory.task(&program, HEADER).expect("there is one");
    assert_eq!(task.tree.frames[1].state, FrameState::Unknown);
    assert_eq!(task.tree.problems.len(), 1);
}

#[test]
fn what_is_no_task_is_none() {
    let (program, mut memory) = waits_for_a_mutex(64, 1, 0);
    memory.words(0x2000, &[0x108]);
    assert_eq!(memory.task(&program, HEADER), None);
    assert_eq!(memory.task(&program, 0x9_0000), None);
}

#[test]
fn a_damaged_file_is_no_index() {
    let bytes = {
        let mut make = Make::new();
        let lock = make.mutex_lock();
        make.task(lock);
        make.index.write()
    };
    assert!(Index::read(&bytes).is_ok());
    assert_eq!(Index::read(b"something else"), Err(IndexError::Magic));
    for end in 8..bytes.len() {
        assert!(Index::read(&bytes[..end]).is_err(), "{end} of {} bytes", bytes.len());
    }
}
