//! Unwind tables, read where the loader has mapped them: the few bytes that one address needs, through a binary search of `.eh_frame_hdr`.
//!
//! Nothing is kept: 20 short reads of memory (some 10 µs) and less than 2 KiB an address, however large the program is. What replaced
//! the program's file on disk does not matter.
//!
//! Source: Linux Standard Base 5.0, 10.6.2 (`.eh_frame_hdr`) and 10.6.1 (`.eh_frame`); the table's form is the one that every linker writes.

use super::{build_id, memory::Memory};
use gimli::{
    BaseAddresses, CommonInformationEntry, EhFrame, EhFrameOffset, EndianSlice, FrameDescriptionEntry,
    NativeEndian, UnwindSection as _,
};

/// Kinds of a program header (ELF, "Program Header"), and the flag of one whose bytes are code.
const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
const PT_GNU_EH_FRAME: u32 = 0x6474_e550;
const PF_X: u32 = 1;
/// Program headers of a file that are read; real ones have about a dozen.
const MAX_HEADERS: u64 = 64;
/// Bytes of an entry of `.eh_frame` that are read; real ones have some hundred.
const MAX_ENTRY_BYTES: u64 = 64 * 1024;

pub(super) type Slice<'e> = EndianSlice<'e, NativeEndian>;

/// Where the unwind tables of a mapped file are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tables {
    /// What to add to an address in the file to have the one in memory.
    pub(super) bias: u64,
    /// Of `.eh_frame_hdr`, in memory; `None`: the file has none.
    index: Option<u64>,
    /// What distinguishes builds of the file; empty: it has none.
    pub(super) build_id: Vec<u8>,
}

impl Tables {
    /// Of the ELF file whose first byte is mapped at `base`. `None`: there is no such file.
    pub(super) fn find(memory: &Memory, base: u64) -> Option<Self> {
        let header: [u8; 64] = memory.array(base)?;
        let is_elf64 = header.starts_with(b"\x7fELF\x02");
        let (offset, size, count) = (u64_at(&header, 32)?, u16_at(&header, 54)?, u16_at(&header, 56)?);
        if !is_elf64 || size != 56 {
            return None;
        }
        let mut segments = Vec::new();
        for number in 0..u64::from(count).min(MAX_HEADERS) {
            let header: [u8; 56] = memory.array(base.checked_add(offset)?.checked_add(number * 56)?)?;
            let (kind, flags) = (u32_at(&header, 0)?, u32_at(&header, 4)?);
            segments.push((kind, flags, u64_at(&header, 8)?, u64_at(&header, 16)?, u64_at(&header, 40)?));
        }
        // The segment whose first byte is the file's.
        let first = segments.iter().find(|(kind, _, offset, ..)| *kind == PT_LOAD && *offset == 0)?;
        let bias = base.wrapping_sub(first.3);
        let has_code = segments.iter().any(|(kind, flags, ..)| *kind == PT_LOAD && flags & PF_X != 0);
        let index = segments.iter().find(|(kind, ..)| *kind == PT_GNU_EH_FRAME).filter(|_| has_code);
        let mut notes = segments.iter().filter(|(kind, ..)| *kind == PT_NOTE);
        let build_id = notes
            .find_map(|(.., address, bytes)| build_id::read(memory, bias.wrapping_add(*address), *bytes));
        Some(Self {
            bias,
            index: index.map(|(.., address, _)| bias.wrapping_add(*address)),
            build_id: build_id.unwrap_or_default(),
        })
    }

    /// What the tables say of the function at an address. `None`: nothing.
    pub(super) fn entry(&self, memory: &Memory, address: u64) -> Option<Entry> {
        let index = self.index?;
        let head: [u8; 12] = memory.array(index)?;
        // Version 1; a relative pointer, a count, and a sorted table of two offsets from here an entry.
        if head[..4] != [1, 0x1b, 0x03, 0x3b] {
            return None;
        }
        let count = u64::from(u32_at(&head, 8)?);
        let row = |number: u64| -> Option<(u64, u64)> {
            let row: [u8; 8] = memory.array(index.checked_add(12 + number * 8)?)?;
            let at = |offset: u32| index.wrapping_add_signed(i64::from(offset.cast_signed()));
            Some((at(u32_at(&row, 0)?), at(u32_at(&row, 4)?)))
        };
        // The last row that starts at or before the address.
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low + (high - low) / 2;
            if row(middle)?.0 <= address {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let (start, description) = row(low.checked_sub(1)?)?;
        Entry::read(memory, start, description)
    }
}

/// One function's part of the tables.
#[derive(Debug)]
pub(super) struct Entry {
    /// The function's first instruction.
    pub(super) start: u64,
    /// The common entry, and the function's own behind it, which points to it.
    bytes: Vec<u8>,
    own: usize,
    bases: BaseAddresses,
}

impl Entry {
    fn read(memory: &Memory, start: u64, description: u64) -> Option<Self> {
        let mut own = entry_bytes(memory, description)?;
        let pointer = u32_at(&own, 4)?;
        let common = description.checked_add(4)?.checked_sub(u64::from(pointer))?;
        let mut bytes = entry_bytes(memory, common)?;
        let own_at = bytes.len();
        // It stands elsewhere now: its pointer back to the common entry is shorter or longer.
        own[4..8].copy_from_slice(&u32::try_from(own_at + 4).ok()?.to_ne_bytes());
        bytes.append(&mut own);
        // Pointers of the own entry are relative to where it is in memory.
        let bases = BaseAddresses::default().set_eh_frame(description.wrapping_sub(own_at as u64));
        Some(Self { start, bytes, own: own_at, bases })
    }

    pub(super) fn section(&self) -> EhFrame<Slice<'_>> {
        EhFrame::new(&self.bytes, NativeEndian)
    }

    pub(super) fn bases(&self) -> &BaseAddresses {
        &self.bases
    }

    /// `None`: its bytes make no sense, or the address lies behind the function.
    pub(super) fn description<'e>(
        &self,
        section: &EhFrame<Slice<'e>>,
        address: u64,
    ) -> Option<FrameDescriptionEntry<Slice<'e>>> {
        let common = |section: &EhFrame<Slice<'e>>, bases: &BaseAddresses, at| -> Result<_, _> {
            let common: CommonInformationEntry<_> = section.cie_from_offset(bases, at)?;
            Ok(common)
        };
        let entry = section.fde_from_offset(&self.bases, EhFrameOffset(self.own), common).ok()?;
        entry.contains(address).then_some(entry)
    }
}

/// An entry of `.eh_frame` with its length.
fn entry_bytes(memory: &Memory, address: u64) -> Option<Vec<u8>> {
    let length = u64::from(memory.u32(address)?);
    memory.bytes(address, length + 4, MAX_ENTRY_BYTES).filter(|bytes| bytes.len() >= 8)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}
