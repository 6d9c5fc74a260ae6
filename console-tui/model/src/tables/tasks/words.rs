//! Words of rows, ranked: what comes first in the alphabet has the lowest rank.
//!
//! Invariant: a number is given to each word as it comes; ranks exist when every word has come, and are made a few at a
//! time. Limit: as many words as there are tasks.

use std::collections::BTreeMap;

/// The number of no words.
pub(super) const NO_WORDS: u64 = u64::MAX;

#[derive(Debug, Default)]
pub(super) struct Words {
    /// Those that have no rank yet, with their numbers.
    numbers: BTreeMap<Box<str>, u64>,
    count: u64,
    /// By number.
    ranks: Vec<u64>,
    ranked: u64,
}

impl Words {
    /// The number of `words`.
    pub(super) fn number(&mut self, words: Option<&str>) -> u64 {
        let Some(words) = words else { return NO_WORDS };
        if let Some(number) = self.numbers.get(words) {
            return *number;
        }
        self.numbers.insert(words.into(), self.count);
        self.count += 1;
        self.count - 1
    }

    /// Ranks some of the words, one for each of `units`; true: all have their rank now.
    pub(super) fn rank(&mut self, units: &mut usize) -> bool {
        while *units > 0 {
            let Some((_, number)) = self.numbers.pop_first() else { return true };
            let number = number as usize;
            if self.ranks.len() <= number {
                self.ranks.resize(number + 1, 0);
            }
            self.ranks[number] = self.ranked;
            self.ranked += 1;
            *units -= 1;
        }
        self.numbers.is_empty()
    }

    /// The rank of the words with this number; `None`: there are none.
    pub(super) fn rank_of(&self, number: u64) -> Option<u64> {
        self.ranks.get(usize::try_from(number).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_follow_the_alphabet_however_few_are_made_at_a_time() {
        let mut words = Words::default();
        let numbers = ["ledger", "accept", "ledger", "conn"].map(|word| words.number(Some(word)));
        assert_eq!(numbers, [0, 1, 0, 2]);
        assert_eq!(words.number(None), NO_WORDS);
        let mut slices = 0;
        while !words.rank(&mut 1) {
            slices += 1;
        }
        assert!(slices >= 2, "{slices}");
        assert_eq!(numbers.map(|number| words.rank_of(number)), [Some(2), Some(0), Some(2), Some(1)]);
        assert_eq!(words.rank_of(NO_WORDS), None);
    }
}
