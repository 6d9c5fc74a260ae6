//! Scans the changed pages of an arena, over as many messages as their rows need, beside what one console knows of each slot.

use std::ops::ControlFlow;

use taskscope_recorder::{Page, Slot};

/// Where a round is in its pages, and what the console knows of each slot: a `K`, whose default is "nothing".
#[derive(Debug)]
pub(crate) struct Scan<K> {
    /// Pages still to look at, the first of them from slot `offset` on.
    pages: std::vec::IntoIter<usize>,
    offset: usize,
    known: Vec<K>,
}

impl<K> Default for Scan<K> {
    fn default() -> Self {
        Self { pages: Vec::new().into_iter(), offset: 0, known: Vec::new() }
    }
}

impl<K: Default + Clone> Scan<K> {
    /// Starts a round over these pages.
    pub(crate) fn begin_round(&mut self, pages: Vec<usize>) {
        (self.pages, self.offset) = (pages.into_iter(), 0);
    }

    /// The console knows nothing any more.
    pub(crate) fn forget(&mut self) {
        self.known.clear();
    }

    pub(crate) fn is_done(&self) -> bool {
        self.pages.len() == 0
    }

    /// Gives each slot with its number to `visit`, until that breaks because the message is full; the slot is then given again next time.
    pub(crate) fn each<'p, T: Slot + 'p>(
        &mut self,
        pages: impl Iterator<Item = &'p Page<T>>,
        mut visit: impl FnMut(usize, &mut K, &T) -> ControlFlow<()>,
    ) {
        let pages: Vec<&Page<T>> = pages.collect();
        while let Some(number) = self.pages.as_slice().first().copied() {
            // Pages are never taken away; a number without one can't be.
            let Some(page) = pages.get(number) else { return };
            let start = number * T::PAGE;
            self.known.resize(self.known.len().max(start + T::PAGE), K::default());
            while let Some(slot) = page.slots.get(self.offset) {
                let number = start + self.offset;
                if visit(number, &mut self.known[number], slot).is_break() {
                    return;
                }
                self.offset += 1;
            }
            self.pages.next();
            self.offset = 0;
        }
    }

    /// Bytes of what the console knows.
    pub(crate) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.known)
    }
}
