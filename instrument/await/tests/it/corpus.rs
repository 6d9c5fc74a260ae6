//! Makes the corpus of the fuzz target `await_walk`: small indexes, and memory that fits them. See `fuzz/src/await_walk.rs` for its form.
//!
//! `cargo test -p taskscope-await --test it make_corpus -- --ignored`, when the form of an index has changed.

use std::{fs, path::Path};

use taskscope_await::{Index, types::Kind};

use crate::make::Make;

/// Where the target's memory begins.
const AT: u64 = 0x1_0000;

#[test]
#[ignore = "writes files that are committed"]
fn make_corpus() {
    let mut make = Make::new();
    make.mutex_lock();
    write("lock", &make.index, &[3, 2, AT, 2, 1, 0, 0, 7]);

    let mut make = Make::new();
    let lock_in_task = make.mutex_lock();
    let main = make.coroutine("app::main", 80, 12, &[("__awaitee", lock_in_task, 8)]);
    make.task(main);
    // The header, whose vtable is behind the cell, and whose function is the one at 0x100.
    let mut words = vec![0xc0, 0, AT + 0x100, 1, 0, 0, 0, 0, 3, 3, 2, AT, 2, 1, 0];
    words.resize(0x100 / 8, 0);
    words.extend([0x100, 0x40, 0x18, 0, 0, 0, 0, 0]);
    write("task", &make.index, &words);

    let mut make = Make::new();
    let holder = make.ty("", "placeholder", 8, Kind::Unknown);
    let own = make.coroutine("app::recurse", 24, 3, &[("__awaitee", holder, 8)]);
    make.index.types[holder.0 as usize].kind = Kind::Pointer(own);
    let name = make.text("alloc::boxed::Box<app::recurse>");
    make.index.types[holder.0 as usize].name = name;
    write("recursion", &make.index, &[3, AT + 24, 0]);

    let mut make = Make::new();
    let (lock, word) = (make.mutex_lock(), make.word());
    let pointer = make.pointer("*mut T", lock);
    make.structure("", "&[lock]", 16, &[("data_ptr", pointer, 0), ("length", word, 8)]);
    write("list", &make.index, &[AT, 1 << 60, 3, AT]);
}

fn write(name: &str, index: &Index, memory: &[u64]) {
    let index = index.write();
    let mut bytes = u32::try_from(index.len()).expect("it is small").to_le_bytes().to_vec();
    bytes.extend(index);
    bytes.extend(memory.iter().flat_map(|word| word.to_le_bytes()));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/await_walk");
    fs::write(folder.join(name), bytes).expect("the folder is there");
}
