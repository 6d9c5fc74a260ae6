//! What is mapped where: the executable parts of `/proc/self/maps`.

use std::{fs, io};

/// Executable mappings that are looked at. Programs have a few dozen; a runtime that compiles as it runs has more.
const MAX_MAPPINGS: usize = 4096;

/// A piece of code in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mapping {
    pub(super) start: u64,
    pub(super) end: u64,
    /// Where the file's first byte is mapped; `None`: it is not.
    pub(super) base: Option<u64>,
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
    Ok(executable(&text))
}

/// The parts of a file follow each other, the first one first.
fn executable(text: &str) -> Vec<Mapping> {
    let mut first = Mapping { start: 0, end: 0, base: None, path: String::new() };
    let mut mappings = Vec::new();
    for (mapping, offset, is_code) in text.lines().filter_map(mapping) {
        if offset == 0 {
            first.clone_from(&mapping);
        }
        if is_code && mappings.len() < MAX_MAPPINGS {
            let base = (first.path == mapping.path).then_some(first.start);
            mappings.push(Mapping { base, ..mapping });
        }
    }
    mappings
}

/// `7f1c2a400000-7f1c2a5c1000 r-xp 00028000 08:01 1312 /usr/lib/libc.so.6`: the mapping, where in the file it starts, whether it is code.
fn mapping(line: &str) -> Option<(Mapping, u64, bool)> {
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
    let has_name = path.starts_with('/') || path == "[vdso]";
    let mapping = Mapping {
        start: number(start)?,
        end: number(end)?,
        base: None,
        // The kernel writes a line break in a path as an escape.
        path: path.replace("\\012", "\n"),
    };
    let offset = number(offset)?;
    has_name.then(|| (mapping, offset, access.as_bytes().get(2) == Some(&b'x')))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test's unwrap is an assertion")]

    use super::{executable, mapping, read};

    #[test]
    fn a_line_with_a_path_of_several_words() {
        let line = "55d0a000-55d0b000 r-xp 00028000 08:01 1312                 /opt/a b/c (deleted)";
        let (mapping, offset, is_code) = mapping(line).unwrap();
        assert_eq!((mapping.start, mapping.end, offset, is_code), (0x55d0_a000, 0x55d0_b000, 0x28000, true));
        assert_eq!(mapping.path, "/opt/a b/c (deleted)");
    }

    #[test]
    fn code_knows_where_its_file_begins_and_the_rest_is_left_out() {
        let text = "55d00000-55d0a000 r--p 00000000 08:01 1312 /bin/a\n\
                    55d0a000-55d0b000 r-xp 0000a000 08:01 1312 /bin/a\n\
                    55d0b000-55d0c000 rw-p 00028000 08:01 1312 /bin/a\n\
                    55d0d000-55d0e000 r-xp 00000000 00:00 0 \n\
                    55d0f000-55d10000 r-xp 00003000 08:01 1313 /lib/b.so\n\
                    x\n\
                    7ffd0000-7ffd2000 r-xp 00000000 00:00 0 [vdso]\n";
        let found: Vec<_> =
            executable(text).into_iter().map(|code| (code.path, code.start, code.base)).collect();
        let expected = [
            ("/bin/a".to_owned(), 0x55d0_a000, Some(0x55d0_0000)),
            ("/lib/b.so".to_owned(), 0x55d0_f000, None),
            ("[vdso]".to_owned(), 0x7ffd_0000, Some(0x7ffd_0000)),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn this_code_is_mapped() {
        let here = this_code_is_mapped as fn() as usize as u64;
        assert!(read().unwrap().iter().any(|mapping| mapping.contains(here) && mapping.base.is_some()));
    }
}
