//! Which program and process this is, so that a console can find out whether both are on one machine. Linux only; elsewhere it is unknown.

/// See the module's text.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// As the linker wrote it; empty: it wrote none, or unknown.
    pub(crate) build_id: Vec<u8>,
    /// When the process started, in the kernel's ticks since the machine's start; 0: unknown.
    pub(crate) started_ticks: u64,
}

impl Program {
    /// This one. Reads two files of `/proc/self`.
    pub(crate) fn own() -> Self {
        #[cfg(target_os = "linux")]
        return Self {
            build_id: linux::build_id().unwrap_or_default(),
            started_ticks: linux::started_ticks().unwrap_or(0),
        };
        #[cfg(not(target_os = "linux"))]
        Self::default()
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{fs, fs::File, os::unix::fs::FileExt as _};

    /// Of a 64-bit ELF header, elf(5): its length, and where it says where the program headers begin, how long one is and how many there are.
    const HEADER_BYTES: usize = 64;
    const PROGRAM_HEADERS: usize = 32;
    const PROGRAM_HEADER_BYTES: usize = 54;
    const PROGRAM_HEADER_COUNT: usize = 56;
    /// Of a program header: its type, and where in the file its segment is, and how long.
    const SEGMENT_OFFSET: usize = 8;
    const SEGMENT_BYTES: usize = 32;
    const LEAST_PROGRAM_HEADER_BYTES: usize = 56;
    /// The type of a segment with notes.
    const NOTES: u32 = 4;
    /// Bytes of notes that are read.
    const MAX_NOTE_BYTES: u64 = 64 * 1024;
    /// A note's type and name.
    const BUILD_ID: u32 = 3;
    const GNU: &[u8] = b"GNU\0";

    pub(super) fn started_ticks() -> Option<u64> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The name may have anything in it; it is the 22nd field.
        let (_, fields) = stat.rsplit_once(')')?;
        fields.split_whitespace().nth(19)?.parse().ok()
    }

    pub(super) fn build_id() -> Option<Vec<u8>> {
        let program = File::open("/proc/self/exe").ok()?;
        let header = read(&program, 0, HEADER_BYTES)?;
        let is_elf64 = header.starts_with(b"\x7fELF\x02");
        let bytes = usize::from(short(&header, PROGRAM_HEADER_BYTES)?);
        if !is_elf64 || bytes < LEAST_PROGRAM_HEADER_BYTES {
            return None;
        }
        let count = usize::from(short(&header, PROGRAM_HEADER_COUNT)?);
        let headers = read(&program, word(&header, PROGRAM_HEADERS)?, bytes * count)?;
        headers.chunks_exact(bytes).filter(|header| half(header, 0) == Some(NOTES)).find_map(|header| {
            let length = word(header, SEGMENT_BYTES)?.min(MAX_NOTE_BYTES);
            build_id_in(&read(&program, word(header, SEGMENT_OFFSET)?, usize::try_from(length).ok()?)?)
        })
    }

    /// The build-id in a segment of notes: of each three numbers (bytes of the name, bytes of what it says, type), the name, and what it says; both
    /// filled up to four bytes.
    fn build_id_in(mut notes: &[u8]) -> Option<Vec<u8>> {
        loop {
            let (name_bytes, bytes) = (half(notes, 0)? as usize, half(notes, 4)? as usize);
            let name_end = 12_usize.checked_add(name_bytes)?;
            let from = name_end.checked_next_multiple_of(4)?;
            let to = from.checked_add(bytes)?;
            if half(notes, 8)? == BUILD_ID && notes.get(12..name_end)? == GNU {
                return notes.get(from..to).map(<[u8]>::to_vec);
            }
            notes = notes.get(to.checked_next_multiple_of(4)?..)?;
        }
    }

    fn read(file: &File, offset: u64, bytes: usize) -> Option<Vec<u8>> {
        let mut buffer = vec![0; bytes];
        file.read_exact_at(&mut buffer, offset).ok()?;
        Some(buffer)
    }

    fn short(bytes: &[u8], at: usize) -> Option<u16> {
        Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
    }

    fn half(bytes: &[u8], at: usize) -> Option<u32> {
        Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
    }

    fn word(bytes: &[u8], at: usize) -> Option<u64> {
        Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn note(kind: u32, name: &[u8], says: &[u8]) -> Vec<u8> {
            let mut note = Vec::new();
            for number in [name.len() as u32, says.len() as u32, kind] {
                note.extend(number.to_ne_bytes());
            }
            for part in [name, says] {
                note.extend(part);
                note.resize(note.len().next_multiple_of(4), 0);
            }
            note
        }

        #[test]
        fn the_build_id_is_found_among_other_notes() {
            let notes =
                [note(1, b"GNU\0", &[1; 16]), note(3, b"Other\0", &[2; 5]), note(3, b"GNU\0", &[7; 20])];
            assert_eq!(build_id_in(&notes.concat()), Some(vec![7; 20]));
            assert_eq!(build_id_in(&notes[..2].concat()), None);
        }

        #[test]
        fn notes_that_end_early_have_none() {
            let note = note(3, b"GNU\0", &[7; 20]);
            for end in 0..note.len() {
                assert_eq!(build_id_in(&note[..end]), None, "{end}");
            }
            assert_eq!(build_id_in(&[0xff; 64]), None);
        }

        #[test]
        fn this_process_knows_itself() {
            assert!(started_ticks().expect("/proc is there") > 0);
        }
    }
}
