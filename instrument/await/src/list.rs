//! Where a task stands in its runtime's list of tasks.

use crate::{Options, Program, Snapshot, Step, task::HEADER_BYTES, types::TypeId, walk::Walk};

/// The headers of the tasks beside one in its list; 0: there is none.
///
/// A task that was taken out has none, and none of the list points to it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Neighbours {
    /// Where in memory this is.
    pub at: u64,
    /// The one before it; 0: it is the first, or in no list.
    pub previous: u64,
    /// The one after it; 0: it is the last, or in no list.
    pub next: u64,
}

impl Program {
    /// The tasks beside the one with this header; `None`: there is no task.
    #[must_use]
    pub fn neighbours(&self, header: u64, snapshot: &Snapshot, options: Options) -> Step<Option<Neighbours>> {
        let mut walk = Walk::new(self, snapshot, options);
        let found = self.read_neighbours(&mut walk, header, options);
        walk.step(found)
    }

    /// What [`Neighbours::at`] says now, if the same task still is there; `None`: it can't be read.
    #[must_use]
    pub fn neighbours_at(&self, at: u64, snapshot: &Snapshot, options: Options) -> Step<Option<Neighbours>> {
        let mut walk = Walk::new(self, snapshot, options);
        let found = self.layout.links.and_then(|(_, links)| self.read_links(&mut walk, links, at));
        walk.step(found)
    }

    fn read_neighbours(&self, walk: &mut Walk<'_>, header: u64, options: Options) -> Option<Neighbours> {
        walk.bytes(header, HEADER_BYTES)?;
        let vtable = self.vtable_of(walk, header)?;
        let poll = self.vtable_word(walk, vtable, self.layout.poll)?.wrapping_sub(options.bias);
        self.task_fn(poll)?;
        let offset = self.vtable_word(walk, vtable, self.layout.trailer)?;
        let (links_at, links) = self.layout.links?;
        self.read_links(walk, links, header.wrapping_add(offset).wrapping_add(links_at))
    }

    fn read_links(&self, walk: &mut Walk<'_>, links: TypeId, at: u64) -> Option<Neighbours> {
        let (previous_at, next_at) = (self.field(links, "prev")?.0, self.field(links, "next")?.0);
        // Both at once.
        walk.bytes(at, self.index.ty(links).size)?;
        Some(Neighbours {
            at,
            previous: walk.word(at.wrapping_add(previous_at))?,
            next: walk.word(at.wrapping_add(next_at))?,
        })
    }
}
