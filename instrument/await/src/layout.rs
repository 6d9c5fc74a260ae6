//! Where in tokio's structures around a task the things are that every look at one needs: searched once.

use crate::{
    Program,
    types::{Type, TypeId},
};

const HEADER: &str = "tokio::runtime::task::core::Header";
const VTABLE: &str = "tokio::runtime::task::raw::Vtable";
const TRAILER: &str = "tokio::runtime::task::core::Trailer";

/// Offsets in bytes; `None`: the index does not have it.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Layout {
    /// In a header: the pointer to the vtable.
    pub(crate) vtable: Option<u64>,
    /// In a header: the number of the list that the task is in.
    pub(crate) owner: Option<u64>,
    pub(crate) vtable_bytes: u64,
    /// In a vtable: the function that polls.
    pub(crate) poll: Option<u64>,
    /// In a vtable: where behind the header the trailer is.
    pub(crate) trailer: Option<u64>,
    /// In a vtable: where behind the header tokio's id is.
    pub(crate) id: Option<u64>,
    /// In a trailer: the pointers of the list of tasks, and their type.
    pub(crate) links: Option<(u64, TypeId)>,
}

impl Program {
    /// Without types, as in a program with lines as its only debug information: where they are in tokio 1.54, which has had them there for years. What they lead to
    /// is recognized by the functions that poll tasks, or is no task.
    fn layout_without_types() -> Layout {
        Layout {
            vtable: Some(16),
            owner: Some(24),
            vtable_bytes: 80,
            poll: Some(0),
            trailer: Some(56),
            id: Some(72),
            links: None,
        }
    }

    pub(crate) fn layout_of_tasks(&self) -> Layout {
        if self.index.named(HEADER).is_none() && self.index.named(VTABLE).is_none() {
            return Self::layout_without_types();
        }
        let offset = |ty: &str, field: &str| Some(self.field(self.index.named(ty)?, field)?.0);
        Layout {
            vtable: offset(HEADER, "vtable"),
            owner: offset(HEADER, "owner_id"),
            vtable_bytes: self.index.named(VTABLE).map_or(0, |ty| self.index.ty(ty).size),
            poll: offset(VTABLE, "poll"),
            trailer: offset(VTABLE, "trailer_offset"),
            id: offset(VTABLE, "id_offset"),
            links: self.links(),
        }
    }

    fn links(&self) -> Option<(u64, TypeId)> {
        let (owned_at, owned) = self.field(self.index.named(TRAILER)?, "owned")?;
        let has_both =
            |id: TypeId, _: &Type| self.field(id, "next").is_some() && self.field(id, "prev").is_some();
        let (links_at, links) = self.find(owned, &has_both)?;
        Some((owned_at.checked_add(links_at)?, links))
    }
}
