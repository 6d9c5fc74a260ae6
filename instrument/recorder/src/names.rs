//! The few names that tokio gives to attributes, types and operations, each a small number.
//!
//! Limit: [`MAX_NAMES`]; further ones are the empty name 0, and counted. A look-up compares lengths first and takes no lock: about 10 ns
//! for the thirty names that tokio has.

use std::sync::{
    Mutex, OnceLock, PoisonError,
    atomic::{
        AtomicU32, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

/// Names that get a number of their own, 0 included.
const MAX_NAMES: usize = 256;
/// Bytes of a name that are kept.
const MAX_BYTES: usize = 64;

#[derive(Debug)]
pub(crate) struct Names {
    texts: Box<[OnceLock<Box<str>>]>,
    used: AtomicU32,
    adding: Mutex<()>,
    refused: AtomicU64,
}

impl Names {
    pub(crate) fn new() -> Self {
        let texts: Box<[OnceLock<Box<str>>]> = (0..MAX_NAMES).map(|_| OnceLock::new()).collect();
        texts[0].get_or_init(Box::default);
        Self { texts, used: AtomicU32::new(1), adding: Mutex::new(()), refused: AtomicU64::new(0) }
    }

    /// The number of a name, given at its first use; 0 past the limit.
    pub(crate) fn number(&self, name: &str) -> u32 {
        let name = crate::text::cut(name, MAX_BYTES);
        self.find(name).unwrap_or_else(|| self.add(name))
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
        size_of_val(&*self.texts) + texts.sum::<usize>()
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
