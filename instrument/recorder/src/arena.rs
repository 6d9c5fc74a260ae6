//! Pages of slots that are never moved and never given back, so that a slot's number is enough to reach it without a lock.
//!
//! Invariant: a number that `allocate` returned stays valid for the arena's life. Limit: `max` slots, then `allocate` says `None`.
//! Memory follows the peak of slots in use, in pages of [`Slot::PAGE`] slots.

use std::sync::{
    Mutex, OnceLock, PoisonError,
    atomic::{AtomicU32 as Count, Ordering},
};

use crate::{free_list::FreeList, sync::AtomicU32};

/// Whether a slot is as big as its module says. Exact where addresses have 64 bits and std's lock is a word beside its flag (Linux,
/// Windows); a lock of macOS is bigger, so a slot may take one cache line more there, and one of wasm32 is smaller.
pub(crate) const fn is_slot_of<T>(bytes: usize) -> bool {
    const LINE_BYTES: usize = 64;
    let is_exact = size_of::<usize>() == 8 && size_of::<Mutex<()>>() == 8;
    if is_exact { size_of::<T>() == bytes } else { size_of::<T>() <= bytes + LINE_BYTES }
}

/// Something that a page can hold.
pub trait Slot: Default {
    /// Slots a page.
    const PAGE: usize;
    /// What a page keeps once for all of its slots.
    type Shared: Default + std::fmt::Debug;
}

/// A fixed number of slots, made together.
#[derive(Debug)]
pub struct Page<T: Slot> {
    /// Kept once a page.
    pub shared: T::Shared,
    /// The slots.
    pub slots: Box<[T]>,
    links: Box<[AtomicU32]>,
}

/// Grows by pages up to its limit, never shrinks.
#[derive(Debug)]
pub struct Arena<T: Slot> {
    pages: Box<[OnceLock<Page<T>>]>,
    free: FreeList,
    /// Pages made so far; guarded, as two threads must not make the same page.
    growing: Mutex<()>,
    made: Count,
}

impl<T: Slot> Arena<T> {
    /// An arena for at most `max` slots, rounded up to whole pages. No page is made yet; the table of pages costs 40 bytes a page.
    pub fn new(max: u32) -> Self {
        let pages = (max as usize).div_ceil(T::PAGE);
        Self {
            pages: (0..pages).map(|_| OnceLock::new()).collect(),
            free: FreeList::new(),
            growing: Mutex::new(()),
            made: Count::new(0),
        }
    }

    /// A slot's number for the caller alone, or `None` at the limit. About 10 ns, and a page's allocation once in `T::PAGE` calls at most.
    pub fn allocate(&self) -> Option<u32> {
        loop {
            if let Some(number) = self.free.pop(|n| self.link(n)) {
                return Some(number);
            }
            if !self.grow() {
                return None;
            }
        }
    }

    /// Gives a number back that `allocate` returned.
    pub fn free(&self, number: u32) {
        self.free.push(number, self.link(number));
    }

    /// The slot of a number, `None` when no such slot was ever made.
    #[inline]
    pub fn slot(&self, number: u32) -> Option<(&Page<T>, &T)> {
        let page = self.pages.get(number as usize / T::PAGE)?.get()?;
        Some((page, &page.slots[number as usize % T::PAGE]))
    }

    /// Pages made, in order.
    pub fn pages(&self) -> impl Iterator<Item = &Page<T>> {
        self.pages.iter().map_while(OnceLock::get)
    }

    /// Pages made.
    pub fn page_count(&self) -> usize {
        self.made.load(Ordering::Acquire) as usize
    }

    /// Bytes held: every page made and the table of pages.
    pub fn memory_bytes(&self) -> usize {
        let page = T::PAGE * (size_of::<T>() + size_of::<AtomicU32>());
        self.page_count() * page + size_of_val(&*self.pages)
    }

    fn grow(&self) -> bool {
        let _guard = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        let made = self.made.load(Ordering::Relaxed);
        // Another thread may have grown, or freed, while this one waited; its caller then finds the slot.
        if !self.free.is_empty() {
            return true;
        }
        let Some(cell) = self.pages.get(made as usize) else { return false };
        cell.get_or_init(|| Page {
            shared: T::Shared::default(),
            slots: (0..T::PAGE).map(|_| T::default()).collect(),
            links: (0..T::PAGE).map(|_| AtomicU32::new(0)).collect(),
        });
        self.made.store(made + 1, Ordering::Release);
        let first = made * T::PAGE as u32;
        // Backwards, so that the lowest number is on top: live tasks stay close together.
        for number in (first..first + T::PAGE as u32).rev() {
            self.free(number);
        }
        true
    }

    fn link(&self, number: u32) -> &AtomicU32 {
        let number = number as usize;
        match self.pages[number / T::PAGE].get() {
            Some(page) => &page.links[number % T::PAGE],
            // Only numbers of made pages enter the free list.
            None => unreachable!("slot {number} has no page"),
        }
    }
}
