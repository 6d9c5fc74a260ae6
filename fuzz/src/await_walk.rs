//! An index and memory, both of which may come from anybody: walks end, and trees keep their limits.

use taskscope_await::{
    Index, MAX_FRAMES, MAX_PROBLEMS, Options, Program, Snapshot, Step, Tree, types::TypeId,
};

/// Types that are walked.
const MAX_TYPES: u32 = 64;
/// Rounds of reading what a walk asks for.
const MAX_ROUNDS: usize = 64;
/// Where the memory begins.
const AT: u64 = 0x1_0000;
/// From here on nothing can be read.
const END: u64 = 1 << 40;

/// Form: four bytes of length, low one first; an index of that length; and the memory, which is there over and over.
pub fn await_walk(bytes: &[u8]) {
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else { return };
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX).min(rest.len());
    let (index, memory) = rest.split_at(length);
    let Ok(index) = Index::read(index) else { return };
    let types = u32::try_from(index.types.len()).unwrap_or(u32::MAX).min(MAX_TYPES);
    let program = Program::new(index);
    let options = Options { bias: 0, strings: true };
    for ty in 0..types {
        let tree = walk(memory, |snapshot| program.walk(TypeId(ty), AT, snapshot, options));
        tree.iter().for_each(check);
    }
    let task = walk(memory, |snapshot| program.task(AT, snapshot, options)).flatten();
    if let Some(task) = &task {
        check(&task.tree);
    }
    let _neighbours = walk(memory, |snapshot| program.neighbours(AT, snapshot, options));
    let context = walk(memory, |snapshot| program.context(AT, snapshot, options));
    let of_task = walk(memory, |snapshot| program.runtime_of_task(AT, snapshot, options)).flatten();
    for of in context.and_then(|context| context.runtime).into_iter().chain(of_task) {
        let _runtime = walk(memory, |snapshot| program.runtime(of, snapshot, options));
    }
}

fn check(tree: &Tree) {
    assert!(tree.frames.len() <= MAX_FRAMES && tree.problems.len() <= MAX_PROBLEMS);
}

/// `None`: it asks for more and more, which a source of memory puts an end to.
fn walk<T>(memory: &[u8], mut step: impl FnMut(&Snapshot) -> Step<T>) -> Option<T> {
    let mut snapshot = Snapshot::new();
    for _ in 0..MAX_ROUNDS {
        match step(&snapshot) {
            Step::Done(found) => return Some(found),
            Step::Missing(pieces) => {
                for (address, len) in pieces {
                    snapshot.insert(address, len, read(memory, address, len));
                }
            }
        }
    }
    None
}

fn read(memory: &[u8], address: u64, len: u64) -> Option<Box<[u8]>> {
    if memory.is_empty() || !(AT..END).contains(&address) {
        return None;
    }
    let from = usize::try_from((address - AT) % memory.len() as u64).ok()?;
    Some(memory.iter().cycle().skip(from).take(usize::try_from(len).ok()?).copied().collect())
}
