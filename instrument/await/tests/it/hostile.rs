//! Memory and indexes that mean harm: no panic, no endless walk, no tree past its limits.

use proptest::prelude::*;
use taskscope_await::{
    Index, MAX_FRAMES, Options, Program, Snapshot, Step,
    types::{Kind, TypeId},
};

use crate::make::{Bytes, Make};

const AT: u64 = 0x1_0000;
/// More rounds than any walk of these programs may take.
const ROUNDS: usize = 2_000;

/// Walks with memory in which every piece can be read and has these words, over and over.
fn walk_over(program: &Program, ty: TypeId, words: &[u64]) -> usize {
    let mut snapshot = Snapshot::new();
    for round in 0..ROUNDS {
        match program.walk(ty, AT, &snapshot, Options { bias: 0, strings: true }) {
            Step::Done(tree) => {
                assert!(tree.frames.len() <= MAX_FRAMES, "{} frames", tree.frames.len());
                return round;
            }
            Step::Missing(pieces) => {
                for (address, len) in pieces {
                    let bytes = (0..len).map(|at| {
                        let word = words[((address.wrapping_add(at) / 8) as usize) % words.len()];
                        word.to_le_bytes()[((address.wrapping_add(at)) % 8) as usize]
                    });
                    snapshot.insert(address, len, Some(bytes.collect()));
                }
            }
        }
    }
    panic!("the walk asks for more and more");
}

/// A coroutine that awaits a boxed one of its own type.
fn recursive() -> (Program, TypeId) {
    let mut make = Make::new();
    let holder = make.ty("", "placeholder", 8, Kind::Unknown);
    let own = make.coroutine("app::recurse", 24, 3, &[("__awaitee", holder, 8)]);
    make.index.types[holder.0 as usize].kind = Kind::Pointer(own);
    let name = make.text("alloc::boxed::Box<app::recurse>");
    make.index.types[holder.0 as usize].name = name;
    (make.program(), own)
}

#[test]
fn a_future_that_awaits_itself_ends() {
    let (program, own) = recursive();
    // Its state says parked, and what it awaits is at its own address.
    walk_over(&program, own, &[3, AT]);
}

#[test]
fn a_chain_without_end_is_cut() {
    let (program, own) = recursive();
    let mut memory = Bytes::default();
    for level in 0..2_000_u64 {
        let at = AT + level * 32;
        memory.put(at, &[3]);
        memory.put(at + 1, &[0; 31]);
        memory.words(at + 8, &[at + 32]);
    }
    let mut snapshot = Snapshot::new();
    let mut tree = None;
    for _ in 0..ROUNDS {
        match program.walk(own, AT, &snapshot, Options::default()) {
            Step::Done(done) => {
                tree = Some(done);
                break;
            }
            Step::Missing(pieces) => {
                for (address, len) in pieces {
                    snapshot.insert(address, len, memory.read(address, len));
                }
            }
        }
    }
    let tree = tree.expect("it ends");
    assert!(tree.problems.iter().any(|problem| problem.contains("cut")), "{:?}", tree.problems);
}

#[test]
fn a_list_of_two_to_the_sixty_is_not_read() {
    let mut make = Make::new();
    let lock = make.mutex_lock();
    let (element, word) = (make.pointer("*mut T", lock), make.word());
    let slice = make.structure("", "&[lock]", 16, &[("data_ptr", element, 0), ("length", word, 8)]);
    let program = make.program();
    for length in [1 << 60, u64::MAX, 1 << 20] {
        walk_over(&program, slice, &[AT, length]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_memory_is_walked_to_an_end(words in prop::collection::vec(any::<u64>(), 1..40), small in prop::collection::vec(0_u64..0x2_0000, 1..40)) {
        let mut make = Make::new();
        let lock = make.mutex_lock();
        let main = make.coroutine("app::main", 80, 12, &[("__awaitee", lock, 8)]);
        make.task(main);
        let program = make.program();
        walk_over(&program, main, &words);
        walk_over(&program, main, &small);
        let (program, own) = recursive();
        walk_over(&program, own, &words);
        walk_over(&program, own, &small);
    }

    #[test]
    fn no_bytes_make_an_index_that_panics(bytes in prop::collection::vec(any::<u8>(), 0..400), flips in prop::collection::vec((any::<usize>(), any::<u8>()), 0..8)) {
        let _ = Index::read(&bytes);
        let mut make = Make::new();
        let lock = make.mutex_lock();
        make.task(lock);
        let mut whole = make.index.write();
        for (at, byte) in flips {
            let at = at % whole.len();
            whole[at] = byte;
        }
        if let Ok(index) = Index::read(&whole) {
            let types = index.types.len() as u32;
            let program = Program::new(index);
            for ty in 0..types {
                let snapshot = Snapshot::new();
                let _ = program.walk(TypeId(ty), AT, &snapshot, Options::default());
            }
        }
    }
}
