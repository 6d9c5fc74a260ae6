//! What is mapped where: the executable parts of `/proc/self/maps`.

use std::{fs, io};

/// Executable mappings that are looked at. Programs have a few dozen; a runtime that compiles as it runs has more.
const MAX_MAPPINGS: usize = 4096;

/// A piece of code in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) start: u64,
    pub(super) end: u64,
    /// Where in the file it starts.
    pub(super) offset: u64,
    /// The file's path, or `[vdso]`.
    pub(super) path: String,
}

impl Mapping {
    pub(super) fn contains(&self, address: u64) -> bool {
        (self.start..self.end).contains(&address)
    }
}

/// The executable mappings that have a name.
pub(super) fn read() -> io::Result<Vec<Mapping>> {
    let text = fs::read_to_string("/proc/self/maps")?;
    Ok(text.lines().filter_map(mapping).take(MAX_MAPPINGS).collect())
}

/// `7f1c2a400000-7f1c2a5c1000 r-xp 00028000 08:01 1312 /usr/lib/libc.so.6`
fn mapping(line: &str) -> Option<Mapping> {
    let mut rest = line;
    let mut field = || {
        let (field, after) = rest.trim_start().split_once(' ')?;
        rest = after;
        Some(field)
    };
    let (range, access, offset) = (field()?, field()?, field()?);
    let (_device, _inode) = (field()?, field()?);
    let path = rest.trim_start();
    let number = |text| u64::from_str_radix(text, 16).ok();
    let (start, end) = range.split_once('-')?;
    let wanted = access.as_bytes().get(2) == Some(&b'x') && (path.starts_with('/') || path == "[vdso]");
    let mapping = Mapping {
        start: number(start)?,
        end: number(end)?,
        offset: number(offset)?,
        // The kernel writes a line break in a path as an escape.
        path: path.replace("\\012", "\n"),
    };
    wanted.then_some(mapping)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test's unwrap is an assertion")]

    use super::{mapping, read};

    #[test]
    fn a_line_with_a_path_of_several_words() {
        let line = "55d0a000-55d0b000 r-xp 00028000 08:01 1312                 /opt/a b/c (deleted)";
        let mapping = mapping(line).unwrap();
        assert_eq!((mapping.start, mapping.end, mapping.offset), (0x55d0_a000, 0x55d0_b000, 0x28000));
        assert_eq!(mapping.path, "/opt/a b/c (deleted)");
    }

    #[test]
    fn data_and_nonsense_are_left_out() {
        assert_eq!(mapping("55d0a000-55d0b000 rw-p 00028000 08:01 1312 /usr/lib/libc.so.6"), None);
        assert_eq!(mapping("55d0a000-55d0b000 r-xp 00000000 00:00 0 "), None);
        assert_eq!(mapping("x"), None);
    }

    #[test]
    fn this_code_is_mapped() {
        let here = this_code_is_mapped as fn() as usize as u64;
        assert!(read().unwrap().iter().any(|mapping| mapping.contains(here)));
    }
}
