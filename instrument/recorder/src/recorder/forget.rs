//! A pause in tokio's events: what may have changed in it is forgotten.

use std::sync::{PoisonError, atomic::Ordering::Relaxed};

use super::Recorder;
use crate::{
    id::ResourceId,
    resource::live,
    task::{Knows, flag},
};

impl Recorder {
    /// To call when tokio's events stopped coming. Resources that its spans made stay hidden for good, also when events come again: whoever held or filled
    /// them may have changed. Tasks stay, as their spans go on to say when they are polled; wakes and wakers of theirs are unknown from here on.
    /// Wrappers' own resources and tasks miss nothing, and stay as they are.
    ///
    /// About 20 ns a slot. Slots are freed by their spans, as ever.
    pub fn forget_spans(&self) {
        self.resources.forget_spans();
        for page in self.tasks.pages() {
            for task in &page.slots {
                let flags = task.flags.load(Relaxed);
                if flags & flag::TRACED != 0 && flags & (flag::FREE | flag::DONE) == 0 {
                    let mut facts = task.facts.lock().unwrap_or_else(PoisonError::into_inner);
                    facts.knows = Knows { no_polls: facts.knows.no_polls, ..Knows::default() };
                    page.shared.set();
                }
            }
        }
    }
}

impl super::resources::Resources {
    fn forget_spans(&self) {
        for page in self.pages() {
            for slot in &page.slots {
                // What ends at this moment stays ended.
                let forgotten = slot.live.fetch_update(Relaxed, Relaxed, |bits| {
                    (bits & live::TRACED != 0).then_some(bits & !live::LIVE | live::FORGOTTEN | live::SILENT)
                });
                if forgotten.is_ok() {
                    page.shared.set();
                }
            }
        }
        for page in self.op_pages() {
            for op in &page.slots {
                let resource = ResourceId::from_u64(op.resource.load(Relaxed));
                if op.live.load(Relaxed) != 0 && resource.is_some_and(|id| self.is_forgotten(id)) {
                    op.resource.store(0, Relaxed);
                    page.shared.set();
                }
            }
        }
    }
}
