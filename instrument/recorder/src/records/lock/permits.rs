//! Permits that go from guard to guard without being acquired or released: guards that are split and merged.

use std::sync::atomic::Ordering::Relaxed;

use super::{HoldToken, LockRef};

impl LockRef<'_> {
    /// It is of so many permits from now on.
    pub fn resized_shared(&self, token: &HoldToken, permits: u32) {
        if let (Some(cell), Some(holders)) = (token.cell.checked_sub(1), self.holders()) {
            holders.resize(cell, permits);
        }
        self.page.shared.set();
    }

    /// It is of `left` permits from now on, and the new token of `split`: both are the same holder's, since the same time and place. No acquisition.
    pub fn split_shared(&self, token: &HoldToken, left: u32, split: u32) -> HoldToken {
        let cell = token.cell.checked_sub(1).zip(self.holders()).and_then(|(cell, holders)| {
            holders.resize(cell, left);
            holders.add_beside(cell, split)
        });
        if cell.is_none() {
            self.lock.more.fetch_add(1, Relaxed);
        }
        self.page.shared.set();
        HoldToken { cell: cell.map_or(0, |cell| cell + 1), since: token.since }
    }
}
