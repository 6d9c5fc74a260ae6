//! Giving back the memory of a state that is not shown any more, a bit at a time: of a million tasks it takes as long as a few
//! frames.

use crate::store::Store;

impl Store {
    /// Forgets some of the tasks and texts, `units` of them; true: the rest is small. Nothing else may be asked of it after that.
    pub(crate) fn release_some(&mut self, units: usize) -> bool {
        if self.tasks.is_empty() {
            return self.texts.release_some(units);
        }
        self.tasks.truncate(self.tasks.len().saturating_sub(units));
        self.tasks.shrink_to_fit();
        false
    }
}
