//! This process's memory, read through the kernel: an address that is not mapped is an error, never a fault.
//!
//! Another thread may change or unmap what is read at any time. Who needs a moment that holds still checks that the thread slept all the while.

use std::{fs::File, io, os::unix::fs::FileExt as _};

/// See the module's text. One descriptor, open for as long as a stack is taken.
#[derive(Debug)]
pub(super) struct Memory(File);

impl Memory {
    pub(super) fn open() -> io::Result<Self> {
        File::open("/proc/self/mem").map(Self)
    }

    /// The bytes from `address` on, at most as many as `bytes` has room for: up to the first page that is not mapped.
    pub(super) fn read(&self, address: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        while read < bytes.len() {
            match self.0.read_at(&mut bytes[read..], address.saturating_add(read as u64)) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if read == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(read)
    }

    /// `N` bytes; `None`: not all of them are mapped.
    pub(super) fn array<const N: usize>(&self, address: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        (self.read(address, &mut bytes).ok()? == N).then_some(bytes)
    }

    /// The same for a length that the memory itself holds, up to `most`.
    pub(super) fn bytes(&self, address: u64, length: u64, most: u64) -> Option<Vec<u8>> {
        let length = usize::try_from(length).ok().filter(|_| length <= most)?;
        let mut bytes = vec![0; length];
        (self.read(address, &mut bytes).ok()? == length).then_some(bytes)
    }

    pub(super) fn u32(&self, address: u64) -> Option<u32> {
        self.array(address).map(u32::from_ne_bytes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test's unwrap is an assertion")]

    use super::Memory;

    #[test]
    fn memory_is_read_and_what_is_not_mapped_is_none() {
        let memory = Memory::open().unwrap();
        let number = 0x1234_5678_u32;
        assert_eq!(memory.u32(&raw const number as u64), Some(number));
        assert_eq!(memory.u32(8), None);
        assert_eq!(memory.bytes(&raw const number as u64, 4, 3), None, "more than asked for");
    }
}
