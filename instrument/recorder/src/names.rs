//! The few names that tokio gives to attributes, types and operations, each a small number.
//!
//! Limit: [`MAX_NAMES`]; further ones are the empty name 0, and counted. A look-up takes no lock: about 3 ns where the text lies at an address that
//! was looked up before, as a literal does, else 10 ns for the thirty names that tokio has.

use std::sync::{
    Mutex, OnceLock, PoisonError,
    atomic::{
        AtomicU32, AtomicU64, AtomicUsize,
        Ordering::{Acquire, Relaxed, Release},
    },
};

/// Names that get a number of their own, 0 included.
const MAX_NAMES: usize = 256;
/// Bytes of a name that are kept.
const MAX_BYTES: usize = 64;

/// The attributes that describe locks have numbers of their own from the start.
pub(crate) const LOCKED: u32 = 1;
pub(crate) const WRITE_LOCKED: u32 = 2;
pub(crate) const CURRENT_READERS: u32 = 3;
pub(crate) const PERMITS: u32 = 4;
pub(crate) const PERMITS_REQUESTED: u32 = 5;
pub(crate) const PERMITS_OBTAINED: u32 = 6;
pub(crate) const MPSC: u32 = 7;
pub(crate) const CHANNEL: u32 = 8;
const KNOWN: [&str; 9] = [
    "",
    "locked",
    "write_locked",
    "current_readers",
    "permits",
    "permits_requested",
    "permits_obtained",
    "mpsc",
    "channel",
];

/// Addresses whose name is remembered. A power of two.
const RECENT: usize = 128;

#[derive(Debug)]
pub(crate) struct Names {
    /// Address and number of a text that was looked up lately: what lies there may have changed, so the number is only where to look first. Written
    /// only where an address is new.
    recent: Box<[(AtomicUsize, AtomicU32)]>,
    texts: Box<[OnceLock<Box<str>>]>,
    used: AtomicU32,
    adding: Mutex<()>,
    refused: AtomicU64,
}

impl Names {
    pub(crate) fn new() -> Self {
        let texts: Box<[OnceLock<Box<str>>]> = (0..MAX_NAMES).map(|_| OnceLock::new()).collect();
        for (text, known) in texts.iter().zip(KNOWN) {
            text.get_or_init(|| known.into());
        }
        Self {
            recent: (0..RECENT).map(|_| Default::default()).collect(),
            texts,
            used: AtomicU32::new(KNOWN.len() as u32),
            adding: Mutex::new(()),
            refused: AtomicU64::new(0),
        }
    }

    /// The number of a name, given at its first use; 0 past the limit.
    #[inline]
    pub(crate) fn number(&self, name: &str) -> u32 {
        let address = name.as_ptr() as usize;
        let (known, number) = &self.recent[spread(address) % RECENT];
        if known.load(Relaxed) == address {
            let number = number.load(Relaxed);
            if self.name(number) == name {
                return number;
            }
        }
        self.new_address(name)
    }

    #[cold]
    fn new_address(&self, name: &str) -> u32 {
        let address = name.as_ptr() as usize;
        let name = crate::text::cut(name, MAX_BYTES);
        let found = self.find(name).unwrap_or_else(|| self.add(name));
        let (known, number) = &self.recent[spread(address) % RECENT];
        number.store(found, Relaxed);
        known.store(address, Relaxed);
        found
    }

    /// The name of a number; empty when there is none.
    pub(crate) fn name(&self, number: u32) -> &str {
        self.texts.get(number as usize).and_then(OnceLock::get).map_or("", |name| name)
    }

    /// Look-ups that found no number left.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// Bytes held.
    pub(crate) fn memory_bytes(&self) -> usize {
        let texts = self.texts.iter().filter_map(OnceLock::get).map(|text| text.len());
        size_of_val(&*self.recent) + size_of_val(&*self.texts) + texts.sum::<usize>()
    }

    fn find(&self, name: &str) -> Option<u32> {
        let used = self.used.load(Acquire) as usize;
        let found =
            self.texts[..used].iter().position(|known| known.get().is_some_and(|known| **known == *name));
        found.map(|number| number as u32)
    }

    fn add(&self, name: &str) -> u32 {
        let _guard = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = self.find(name) {
            return number;
        }
        let number = self.used.load(Relaxed);
        let Some(free) = self.texts.get(number as usize) else {
            self.refused.fetch_add(1, Relaxed);
            return 0;
        };
        free.get_or_init(|| name.into());
        self.used.store(number + 1, Release);
        number
    }
}

/// The upper bits of a product: literals lie side by side.
fn spread(address: usize) -> usize {
    ((address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_holds_another_text_is_another_name() {
        let names = Names::new();
        let mut text = String::from("permits");
        assert_eq!((names.number(&text), names.number(&text)), (PERMITS, PERMITS));
        text.replace_range(.., "durable");
        let number = names.number(&text);
        assert_eq!((names.name(number), names.number("durable")), ("durable", number));
        assert_eq!(names.number(&text[..0]), 0);
        assert_eq!(KNOWN.map(|name| names.number(name)), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    }
}
