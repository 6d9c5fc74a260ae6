//! The build-id of a file of code, from its notes as the loader has mapped them.
//!
//! Source: System V ABI, chapter 5 ("Note Section"); the linker's `--build-id` writes the note of kind 3 with the name `GNU`.

use super::memory::Memory;

/// Bytes of one segment of notes that are read; real ones have some hundred.
const MAX_NOTES_BYTES: u64 = 16 * 1024;
/// Bytes of a build-id that are taken; linkers write 8 to 32.
const MAX_BUILD_ID_BYTES: usize = 64;
/// `NT_GNU_BUILD_ID`
const KIND: u32 = 3;

/// `None`: there is no such note among these.
pub(super) fn read(memory: &Memory, address: u64, bytes: u64) -> Option<Vec<u8>> {
    find(&memory.bytes(address, bytes, MAX_NOTES_BYTES)?)
}

fn find(mut notes: &[u8]) -> Option<Vec<u8>> {
    loop {
        let (head, rest) = notes.split_first_chunk::<12>()?;
        let word = |at: usize| u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (name_bytes, id_bytes, kind) = (word(0) as usize, word(4) as usize, word(8));
        let (name, rest) = rest.split_at_checked(name_bytes)?;
        let rest = rest.get(padding(name_bytes)..)?;
        let (id, rest) = rest.split_at_checked(id_bytes)?;
        if kind == KIND && name == b"GNU\0" && (1..=MAX_BUILD_ID_BYTES).contains(&id_bytes) {
            return Some(id.to_vec());
        }
        notes = rest.get(padding(id_bytes)..)?;
    }
}

/// Up to the next word.
fn padding(bytes: usize) -> usize {
    bytes.wrapping_neg() % 4
}

#[cfg(test)]
mod tests {
    use super::find;

    fn note(kind: u32, name: &[u8], id: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [name.len() as u32, id.len() as u32, kind] {
            bytes.extend(number.to_ne_bytes());
        }
        for part in [name, id] {
            bytes.extend(part);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    #[test]
    fn the_note_is_found_among_others() {
        let mut notes = note(1, b"GNU\0", &[0; 16]);
        notes.extend(note(3, b"Go\0", &[7; 5]));
        notes.extend(note(3, b"GNU\0", &[1, 2, 3, 4, 5]));
        assert_eq!(find(&notes), Some(vec![1, 2, 3, 4, 5]));
    }

    #[test]
    fn notes_that_make_no_sense_have_none() {
        assert_eq!(find(&[]), None);
        assert_eq!(find(&note(1, b"GNU\0", &[1; 20])), None, "another kind");
        assert_eq!(find(&note(3, b"GNU\0", &[1; 65])), None, "too long");
        let whole = note(3, b"GNU\0", &[1; 20]);
        for length in 0..whole.len() - 1 {
            assert_eq!(find(&whole[..length]), None, "{length}");
        }
        let mut lies = whole;
        lies[..8].fill(0xff);
        assert_eq!(find(&lies), None);
    }
}
