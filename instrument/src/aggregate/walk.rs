//! Walks over the changed pages of an arena, to be taken up again in the next frame.

use std::ops::ControlFlow;

use taskscope_recorder::{Page, Slot};

/// Where a round is in its pages.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// Pages still to look at, the first of them from slot `offset` on.
    pages: std::vec::IntoIter<usize>,
    offset: usize,
}

impl Walk {
    /// Over these pages.
    pub(crate) fn over(pages: Vec<usize>) -> Self {
        Self { pages: pages.into_iter(), offset: 0 }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.pages.len() == 0
    }

    /// Gives each slot with its number to `visit`, until that breaks because the frame is full; the slot is then given again next time.
    pub(crate) fn each<'p, T: Slot + 'p>(
        &mut self,
        pages: impl Iterator<Item = &'p Page<T>>,
        mut visit: impl FnMut(usize, &T) -> ControlFlow<()>,
    ) {
        let pages: Vec<&Page<T>> = pages.collect();
        while let Some(number) = self.pages.as_slice().first().copied() {
            // Pages are never taken away; a number without one can't be.
            let Some(page) = pages.get(number) else { return };
            while let Some(slot) = page.slots.get(self.offset) {
                if visit(number * T::PAGE + self.offset, slot).is_break() {
                    return;
                }
                self.offset += 1;
            }
            self.pages.next();
            self.offset = 0;
        }
    }
}
