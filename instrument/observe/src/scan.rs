//! Tasks by a look at all memory in which they may be allocated.
//!
//! tokio's lists have most tasks; closures for the blocking pool and the tasks of a `LocalSet` are in none that a thread's context leads to. A cell is
//! aligned to 128 bytes, and a word of its header points to a vtable whose first word is a function that polls tasks. What moved a cell to the heap
//! left a copy on a stack, of which a part may be another thing by now: stacks are not looked at.
//!
//! Limit: [`MAX_SCAN_BYTES`] of memory; what is past it is said.

use std::ops::Range;

use rustc_hash::FxHashSet;
use taskscope_await::Program;

use crate::{maps::Map, memory::Memory};

/// Bytes that a scan reads, and bytes of a program in which its tables are looked for.
pub const MAX_SCAN_BYTES: u64 = 1 << 30;
/// Bytes read at once.
const CHUNK_BYTES: u64 = 1 << 20;
/// tokio aligns cells to the cache line that it assumes.
const ALIGN: usize = if cfg!(target_arch = "x86_64") || cfg!(target_arch = "aarch64") { 128 } else { 64 };
/// Tasks that a scan finds.
const MAX_FOUND: usize = 1 << 20;

/// What a scan found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Headers that may be of tasks.
    pub(crate) headers: Vec<u64>,
    /// Bytes of memory that were not looked at.
    pub(crate) left_bytes: u64,
}

/// Addresses of vtables of tasks: words of the program's read-only data that are the address of a function that polls tasks.
pub(crate) fn task_vtables(
    program: &Program,
    memory: &dyn Memory,
    maps: &[Map],
    name: &str,
    bias: u64,
) -> FxHashSet<u64> {
    let mut vtables = FxHashSet::default();
    // A damaged core file may say anything of where its program lies.
    let mut left_bytes = MAX_SCAN_BYTES;
    for map in maps.iter().filter(|map| map.readable && map.name == name) {
        let to = map.to.min(map.from.saturating_add(left_bytes));
        left_bytes -= to.saturating_sub(map.from);
        // A page of the program's file that was not used for long comes back at no cost to speak of.
        chunks(
            memory,
            map.from..to,
            |part| vec![part],
            |at, bytes| {
                for (number, word) in words(bytes).enumerate() {
                    if program.is_task_fn(word.wrapping_sub(bias)) {
                        vtables.insert(at + 8 * number as u64);
                    }
                }
            },
        );
    }
    vtables
}

/// See the module's text.
pub(crate) fn scan(
    memory: &dyn Memory,
    heaps: &[Range<u64>],
    vtables: &FxHashSet<u64>,
    vtable_offset: u64,
) -> Scan {
    let mut scan = Scan::default();
    let mut read_bytes = 0;
    let Ok(offset) = usize::try_from(vtable_offset) else { return scan };
    for heap in heaps {
        let bytes = heap.end.saturating_sub(heap.start);
        if bytes > MAX_SCAN_BYTES - read_bytes {
            scan.left_bytes = scan.left_bytes.saturating_add(bytes);
            continue;
        }
        read_bytes += bytes;
        // A page that was never touched has no task in it, and one that was swapped out would have to come back.
        chunks(
            memory,
            heap.clone(),
            |part| memory.resident(part),
            |at, bytes| {
                // Mappings begin at a page, and so do chunks.
                for start in (0..bytes.len()).step_by(ALIGN) {
                    let word =
                        bytes.get(start + offset..start + offset + 8).and_then(|word| word.try_into().ok());
                    let is_vtable = word.is_some_and(|word| vtables.contains(&u64::from_le_bytes(word)));
                    if is_vtable && scan.headers.len() < MAX_FOUND {
                        scan.headers.push(at + start as u64);
                    }
                }
            },
        );
    }
    scan
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes.chunks_exact(8).map(|word| word.try_into().map_or(0, u64::from_le_bytes))
}

/// Reads a range in pieces, and of each the parts that are `wanted`; those that can't be read are left out.
fn chunks(
    memory: &dyn Memory,
    range: Range<u64>,
    wanted: impl Fn(Range<u64>) -> Vec<Range<u64>>,
    mut visit: impl FnMut(u64, &[u8]),
) {
    let mut buffer = vec![0; CHUNK_BYTES as usize];
    let mut at = range.start;
    while at < range.end {
        let end = at + (range.end - at).min(CHUNK_BYTES);
        for part in wanted(at..end) {
            let len = (part.end - part.start) as usize;
            if memory.read(part.start, &mut buffer[..len]) {
                visit(part.start, &buffer[..len]);
            }
        }
        at = end;
    }
}
