//! A list in pages that two copies share until one of them writes: a copy costs a pointer a page, and a write after it the page alone.
//!
//! Invariant: what one copy writes, the other never sees.

use std::sync::Arc;

/// Places in a page: a page of tasks is copied in a microsecond.
const PAGE: usize = 32;

/// Places by number, each empty or not.
#[derive(Debug, Clone)]
pub(crate) struct Pages<T> {
    pages: Vec<Arc<[Option<T>; PAGE]>>,
    /// Places, those of the last page that were never used left out.
    len: usize,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self { pages: Vec::new(), len: 0 }
    }
}

impl<T: Clone> Pages<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Makes room for so many places in all.
    pub(crate) fn expect(&mut self, places: usize) {
        self.pages.reserve(places.div_ceil(PAGE).saturating_sub(self.pages.len()));
    }

    pub(crate) fn get(&self, place: usize) -> Option<&T> {
        self.pages.get(place / PAGE)?[place % PAGE].as_ref()
    }

    /// What is in a place, to be changed.
    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        // A page is not copied for nothing.
        self.get(place)?;
        Arc::make_mut(self.pages.get_mut(place / PAGE)?)[place % PAGE].as_mut()
    }

    /// Puts something into a place that there is.
    pub(crate) fn set(&mut self, place: usize, value: T) {
        if place < self.len
            && let Some(page) = self.pages.get_mut(place / PAGE)
        {
            Arc::make_mut(page)[place % PAGE] = Some(value);
        }
    }

    /// Empties a place.
    pub(crate) fn take(&mut self, place: usize) -> Option<T> {
        self.get(place)?;
        Arc::make_mut(self.pages.get_mut(place / PAGE)?)[place % PAGE].take()
    }

    /// A place more.
    pub(crate) fn push(&mut self, value: T) {
        if self.len == self.pages.len() * PAGE {
            self.pages.push(Arc::new([const { None }; PAGE]));
        }
        self.len += 1;
        self.set(self.len - 1, value);
    }

    /// What is in the places from `from` on, at most `most` of them, empty ones too.
    pub(crate) fn range(&self, from: usize, most: usize) -> impl ExactSizeIterator<Item = Option<&T>> {
        let from = from.min(self.len);
        (from..self.len.min(from.saturating_add(most))).map(|place| self.get(place))
    }

    /// All there is.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.pages.iter().flat_map(|page| page.iter().flatten())
    }

    /// Drops the last places, `most` of them and the rest of their page; `dropping` sees what is in them.
    pub(crate) fn drop_last(&mut self, most: usize, mut dropping: impl FnMut(&T)) {
        let kept = self.len.saturating_sub(most) / PAGE;
        for page in self.pages.drain(kept..) {
            page.iter().flatten().for_each(&mut dropping);
        }
        self.len = kept * PAGE;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Push(u32),
        Set(usize, u32),
        Change(usize, u32),
        Take(usize),
        Copy,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => any::<u32>().prop_map(Step::Push),
            2 => (0_usize..200, any::<u32>()).prop_map(|(place, value)| Step::Set(place, value)),
            2 => (0_usize..200, any::<u32>()).prop_map(|(place, value)| Step::Change(place, value)),
            2 => (0_usize..200).prop_map(Step::Take),
            1 => Just(Step::Copy),
        ]
    }

    proptest! {
        /// As a plain list does, and a copy stays as it was.
        #[test]
        fn it_is_a_list_and_copies_are_apart(steps in prop::collection::vec(step(), 1..300)) {
            let (mut pages, mut plain) = (Pages::default(), Vec::new());
            let mut copies: Vec<(Pages<u32>, Vec<Option<u32>>)> = Vec::new();
            for step in steps {
                match step {
                    Step::Push(value) => {
                        pages.push(value);
                        plain.push(Some(value));
                    }
                    Step::Set(place, value) => {
                        pages.set(place, value);
                        if let Some(of) = plain.get_mut(place) {
                            *of = Some(value);
                        }
                    }
                    Step::Change(place, value) => {
                        if let Some(of) = pages.get_mut(place) {
                            *of = value;
                        }
                        if let Some(Some(of)) = plain.get_mut(place) {
                            *of = value;
                        }
                    }
                    Step::Take(place) => {
                        let taken = plain.get_mut(place).and_then(Option::take);
                        prop_assert_eq!(pages.take(place), taken);
                    }
                    Step::Copy => copies.push((pages.clone(), plain.clone())),
                }
            }
            copies.push((pages, plain));
            for (pages, plain) in &copies {
                prop_assert_eq!(pages.len(), plain.len());
                let all: Vec<Option<u32>> = pages.range(0, usize::MAX).map(Option::<&u32>::copied).collect();
                prop_assert_eq!(&all, plain);
                prop_assert_eq!(pages.iter().count(), plain.iter().flatten().count());
            }
        }
    }

    #[test]
    fn the_last_places_are_dropped_a_page_at_a_time() {
        let mut pages = Pages::default();
        (0..100).for_each(|n| pages.push(n));
        let mut dropped = Vec::new();
        pages.drop_last(1, |n| dropped.push(*n));
        assert_eq!((pages.len(), dropped), (96, vec![96, 97, 98, 99]));
        pages.drop_last(1000, |_| {});
        assert!(pages.is_empty());
    }
}
