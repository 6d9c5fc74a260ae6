//! What is where in a process's memory.

use std::ops::Range;

pub(crate) const PAGE_BYTES: u64 = 4096;

/// A mapping.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Map {
    /// First address.
    pub from: u64,
    /// The address after the last.
    pub to: u64,
    /// It can be written to.
    pub writable: bool,
    /// It can be read.
    pub readable: bool,
    /// Bytes from the start of the file.
    pub offset: u64,
    /// The file, or `[heap]`, `[stack]`; empty: anonymous.
    pub name: String,
}

/// The mappings of `/proc/PID/maps`, proc_pid_maps(5). Lines that are none are left out.
pub(crate) fn parse(text: &str) -> Vec<Map> {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<Map> {
    let mut fields = line.splitn(6, ' ');
    let (from, to) = fields.next()?.split_once('-')?;
    let permissions = fields.next()?;
    let offset = fields.next()?;
    let name = fields.nth(2).unwrap_or_default().trim_start();
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    Some(Map {
        from: hex(from)?,
        to: hex(to)?,
        writable: permissions.contains('w'),
        readable: permissions.starts_with('r'),
        offset: hex(offset)?,
        name: name.to_owned(),
    })
}

/// Address of a program in memory less its address in the file. `first` is the address of the file's first loaded segment.
pub(crate) fn bias(maps: &[Map], program: &str, first: u64) -> Option<u64> {
    let map = maps.iter().find(|map| map.name == program && map.offset == 0)?;
    Some(map.from.wrapping_sub(first & !(PAGE_BYTES - 1)))
}

/// Memory in which tasks are allocated, ascending. The stack of each thread but the first lies in the same mapping as its pointer, from the mapping's start to
/// there: `pointers` are theirs.
pub(crate) fn heaps(maps: &[Map], pointers: &[u64]) -> Vec<Range<u64>> {
    let is_heap = |map: &&Map| {
        let is_unnamed = map.name.is_empty() || map.name.starts_with("[anon");
        map.writable && map.readable && (is_unnamed || map.name == "[heap]")
    };
    let behind_stack = |map: &Map| {
        let first = pointers.iter().filter(|pointer| (map.from..map.to).contains(pointer)).min();
        first.map_or(map.from, |pointer| pointer & !(PAGE_BYTES - 1))..map.to
    };
    maps.iter().filter(is_heap).map(behind_stack).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_maps_are_read() {
        let text = "55d0a0000000-55d0a0010000 r--p 00000000 fd:01 42    /srv/my app (deleted)\n\
            55d0a0010000-55d0a0020000 rw-p 00010000 fd:01 42    /srv/my app (deleted)\n\
            7f0000000000-7f0000021000 rw-p 00000000 00:00 0 \nnonsense\n";
        let maps = parse(text);
        assert_eq!(maps.len(), 3);
        assert_eq!(maps[0].name, "/srv/my app (deleted)");
        assert!(!maps[0].writable && maps[1].writable);
        assert_eq!(bias(&maps, "/srv/my app (deleted)", 0x40), Some(0x55d0_a000_0000));
        assert_eq!(heaps(&maps, &[]), vec![Range { start: 0x7f00_0000_0000, end: 0x7f00_0002_1000 }]);
        let behind_stack = Range { start: 0x7f00_0001_f000, end: 0x7f00_0002_1000 };
        assert_eq!(heaps(&maps, &[0x7f00_0001_f6c0]), vec![behind_stack]);
    }
}
