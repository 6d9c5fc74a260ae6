//! Which groups are one row.
//!
//! Invariant: what the user chose is kept by the words of a group, as its numbers are other ones in another process.

use rustc_hash::FxHashMap;

/// How groups fold when the user has not chosen for one.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FoldMode {
    /// When they are large.
    #[default]
    Auto,
    /// From two rows on.
    All,
    /// Never.
    None,
}

/// How a group stands in the list.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Each for itself.
    #[default]
    Loose,
    /// One row.
    Folded,
    /// One row, and each below it.
    Unfolded,
}

/// What folds.
#[derive(Debug, Default, Clone)]
pub(crate) struct Folds {
    mode: FoldMode,
    /// The user's choices: true is folded.
    choices: FxHashMap<String, bool>,
}

impl Folds {
    fn choice(&self, words: impl FnOnce() -> String) -> Option<bool> {
        if self.choices.is_empty() { None } else { self.choices.get(&words()).copied() }
    }

    /// The number of rows from which on the group is folded; `None`: it never is.
    pub(crate) fn folds_at(&self, words: impl FnOnce() -> String, limit: u64) -> Option<u64> {
        match (self.choice(words), self.mode) {
            (Some(true), _) | (None, FoldMode::All) => Some(2),
            (None, FoldMode::Auto) => Some(limit),
            (Some(false), _) | (None, FoldMode::None) => None,
        }
    }

    pub(crate) fn shape(&self, words: impl FnOnce() -> String, count: u64, limit: u64) -> Shape {
        let unfolds_at = if self.mode == FoldMode::All { 2 } else { limit };
        match self.folds_at(words, limit) {
            Some(folds_at) if count >= folds_at => Shape::Folded,
            None if count >= unfolds_at => Shape::Unfolded,
            _ => Shape::Loose,
        }
    }

    /// The user folds or unfolds a group of `count` rows.
    pub(crate) fn choose(&mut self, words: String, folded: bool, count: u64, fold_at: u64) {
        if !folded && count < fold_at && self.mode != FoldMode::All {
            // Few need no row above them.
            self.choices.remove(&words);
        } else {
            self.choices.insert(words, folded);
        }
    }

    /// Chooses how everything folds; the same once more: automatically.
    pub(crate) fn all(&mut self, mode: FoldMode) {
        self.choices.clear();
        self.mode = if self.mode == mode { FoldMode::Auto } else { mode };
    }
}
