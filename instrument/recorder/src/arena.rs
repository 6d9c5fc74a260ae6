//! Pages of slots that are never moved and never given back, so that a slot's number is enough to reach it without a lock.
//!
//! Invariant: a number that `allocate` returned stays valid for the arena's life. Limit: `max` slots, then `allocate` says `None`.
//! Memory follows the peak of slots in use, in pages of [`Slot::PAGE`] slots.
//!
//! Each thread keeps some free numbers in a magazine of its own (`arena/magazine.rs`), so that mostly no line is written that another thread
//! writes. Once the last page is made there is nothing to spare: the threads give back what they keep.

mod magazine;

use std::sync::{
    Mutex, OnceLock, PoisonError,
    atomic::{AtomicBool, AtomicU32 as Count, Ordering},
};

use self::magazine::{BATCH, Magazine};
use crate::{
    free_list::FreeList,
    sync::AtomicU32,
    thread::{self, slots::ThreadSlots},
};

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
    magazines: ThreadSlots<Magazine>,
    /// The last page is made.
    scarce: AtomicBool,
    /// Pages made so far; guarded, as two threads must not make the same page.
    growing: Mutex<()>,
    made: Count,
    free: Shared,
}

/// What several threads write, on a line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shared(FreeList);

impl<T: Slot> Arena<T> {
    /// An arena for at most `max` slots, rounded up to whole pages. No page is made yet; the table of pages costs 40 bytes a page.
    pub fn new(max: u32) -> Self {
        let pages = (max as usize).div_ceil(T::PAGE);
        Self {
            pages: (0..pages).map(|_| OnceLock::new()).collect(),
            magazines: ThreadSlots::new(),
            scarce: AtomicBool::new(false),
            growing: Mutex::new(()),
            made: Count::new(0),
            free: Shared::default(),
        }
    }

    /// A slot's number for the caller alone, or `None` at the limit. About 3 ns; one in `BATCH` goes to the other threads' line, and a page's
    /// allocation is at most one in `T::PAGE`.
    #[inline]
    pub fn allocate(&self) -> Option<u32> {
        match self.magazine() {
            Some(magazine) => magazine.pop().or_else(|| self.refill(magazine)),
            None => self.take_shared(&mut [0]).map(|taken| taken[0]),
        }
    }

    /// Gives a number back that `allocate` returned.
    #[inline]
    pub fn free(&self, number: u32) {
        match self.magazine() {
            Some(magazine) => {
                if !magazine.push(number) {
                    self.flush(magazine, number);
                }
            }
            None => self.free.0.push(number, self.link(number)),
        }
    }

    /// The calling thread's; `None`: it has none, or must not keep any number.
    #[inline]
    fn magazine(&self) -> Option<&Magazine> {
        let magazine = self.magazines.of(thread::number())?;
        if self.is_scarce() {
            self.give_back(magazine);
            return None;
        }
        Some(magazine)
    }

    #[cold]
    fn refill(&self, magazine: &Magazine) -> Option<u32> {
        let mut batch = [0; BATCH];
        let (first, others) = self.take_shared(&mut batch)?.split_first()?;
        // Backwards: the one that was on top comes out next.
        for number in others.iter().rev() {
            let _fits = magazine.push(*number);
        }
        Some(*first)
    }

    /// It is full: the oldest half goes to the other threads.
    #[cold]
    fn flush(&self, magazine: &Magazine, number: u32) {
        self.free.0.push_many(&magazine.take_oldest(), |n| self.link(n));
        let _fits = magazine.push(number);
    }

    #[cold]
    fn give_back(&self, magazine: &Magazine) {
        while let Some(number) = magazine.pop() {
            self.free.0.push(number, self.link(number));
        }
    }

    fn take_shared<'b>(&self, batch: &'b mut [u32]) -> Option<&'b [u32]> {
        loop {
            match self.free.0.pop_many(batch, |n| self.link(n)) {
                0 if self.grow() => {}
                0 => return None,
                count => return Some(&batch[..count]),
            }
        }
    }

    /// Whether the last page is made: none of its slots is to be kept back.
    #[inline]
    pub(crate) fn is_scarce(&self) -> bool {
        self.scarce.load(Ordering::Relaxed)
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
        self.page_count() * page + size_of_val(&*self.pages) + self.magazines.memory_bytes()
    }

    fn grow(&self) -> bool {
        let _guard = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        let made = self.made.load(Ordering::Relaxed);
        // Another thread may have grown, or freed, while this one waited; its caller then finds the slot.
        if !self.free.0.is_empty() {
            return true;
        }
        let Some(cell) = self.pages.get(made as usize) else { return false };
        cell.get_or_init(|| Page {
            shared: T::Shared::default(),
            slots: (0..T::PAGE).map(|_| T::default()).collect(),
            links: (0..T::PAGE).map(|_| AtomicU32::new(0)).collect(),
        });
        self.made.store(made + 1, Ordering::Release);
        if made as usize + 1 == self.pages.len() {
            self.scarce.store(true, Ordering::Relaxed);
        }
        let first = made * T::PAGE as u32;
        // The lowest number is on top: live tasks stay close together.
        let numbers: Vec<u32> = (first..first + T::PAGE as u32).collect();
        self.free.0.push_many(&numbers, |number| self.link(number));
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
