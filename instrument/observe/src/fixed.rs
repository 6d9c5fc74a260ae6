//! What a program has in memory that it can't write to is read once: the vtables that every task leads to.
//!
//! Limit: [`MAX_BYTES`] are kept; past it all of it is forgotten.

use std::{cell::RefCell, ops::Range};

use rustc_hash::FxHashMap;

use crate::{maps::Map, memory::Memory};

/// Bytes that are kept.
const MAX_BYTES: usize = 16 << 20;

/// See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Fixed {
    /// Ascending.
    ranges: Vec<Range<u64>>,
    kept: RefCell<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// By address and length.
    pieces: FxHashMap<(u64, usize), Box<[u8]>>,
    bytes: usize,
}

/// A source with what is known of it.
pub(crate) struct Known<'k, M> {
    pub(crate) memory: &'k M,
    pub(crate) fixed: &'k Fixed,
}

impl Fixed {
    /// The mappings of a program that it can't write to. The loader has written what it had to before it made them so.
    pub(crate) fn new(maps: &[Map], program: &str) -> Self {
        let of_program = maps.iter().filter(|map| map.name == program && map.readable && !map.writable);
        let mut ranges: Vec<_> = of_program.map(|map| map.from..map.to).collect();
        ranges.sort_unstable_by_key(|range| range.start);
        Self { ranges, kept: RefCell::default() }
    }

    fn has(&self, address: u64, bytes: usize) -> bool {
        let end = self.ranges.partition_point(|range| range.start <= address);
        let range = end.checked_sub(1).and_then(|number| self.ranges.get(number));
        range.is_some_and(|range| address.saturating_add(bytes as u64) <= range.end)
    }
}

impl<M: Memory> Memory for Known<'_, M> {
    fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        if !self.fixed.has(address, buffer.len()) {
            return self.memory.read(address, buffer);
        }
        let key = (address, buffer.len());
        let mut kept = self.fixed.kept.borrow_mut();
        if let Some(bytes) = kept.pieces.get(&key) {
            buffer.copy_from_slice(bytes);
            return true;
        }
        let is_read = self.memory.read(address, buffer);
        if is_read {
            if kept.bytes + buffer.len() > MAX_BYTES {
                *kept = Kept::default();
            }
            kept.bytes += buffer.len();
            kept.pieces.insert(key, buffer.into());
        }
        is_read
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Counts how often it is read.
    struct Counting(Cell<u8>);

    impl Memory for Counting {
        fn read(&self, _address: u64, buffer: &mut [u8]) -> bool {
            self.0.set(self.0.get() + 1);
            buffer.fill(self.0.get());
            true
        }
    }

    #[test]
    fn what_can_change_is_read_again() {
        let map = |from, writable| {
            let name = "/program".to_owned();
            Map { from, to: from + 0x1000, writable, readable: true, offset: 0, name }
        };
        let fixed = Fixed::new(&[map(0x1000, false), map(0x2000, true)], "/program");
        let known = Known { memory: &Counting(Cell::new(0)), fixed: &fixed };
        let read = |address| {
            let mut byte = [0; 8];
            assert!(known.read(address, &mut byte));
            byte[0]
        };
        assert_eq!([read(0x1100), read(0x1100)], [1, 1]);
        assert_eq!([read(0x2100), read(0x2100)], [2, 3]);
        assert_eq!([read(0x1ffc), read(0x1ffc)], [4, 5], "half of it can change");
    }
}
