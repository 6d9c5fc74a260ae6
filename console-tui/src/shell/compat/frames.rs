//! From the news of one update to frames within the limits of our wire.
//!
//! Invariant: what a row points to is in its frame or an earlier one: places, then tasks, then resources, then operations; of two
//! resources the one that is no part of another goes first.

use taskscope_proto::{
    limits::{MAX_FRAME_BYTES, MAX_FREED_PER_FRAME, MAX_TASKS_PER_FRAME},
    v1,
};

use super::rows::{OpRow, ResourceRow, Rows, TaskRow};

/// All that one update brought.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) sites: Vec<v1::Site>,
    pub(super) freed: Vec<u32>,
    pub(super) tasks: Vec<TaskRow>,
    pub(super) totals: Vec<v1::SiteTotals>,
    pub(super) freed_resources: Vec<u32>,
    pub(super) resources: Vec<ResourceRow>,
    pub(super) freed_ops: Vec<u32>,
    pub(super) ops: Vec<OpRow>,
}

impl News {
    /// At least one frame; times, numbers and the process are still missing.
    pub(super) fn frames(self) -> Vec<v1::Frame> {
        // Freed slots may be used again by any row.
        let freed = [self.freed.len(), self.freed_resources.len(), self.freed_ops.len()];
        let parts = freed.into_iter().max().unwrap_or(0).div_ceil(MAX_FREED_PER_FRAME).max(1);
        let of_part =
            |slots: &[u32], part| slots.chunks(MAX_FREED_PER_FRAME).nth(part).unwrap_or_default().to_vec();
        let mut frames: Vec<Filling> = (0..parts)
            .map(|part| {
                let frame = v1::Frame {
                    freed: of_part(&self.freed, part),
                    freed_resources: of_part(&self.freed_resources, part),
                    freed_ops: of_part(&self.freed_ops, part),
                    ..v1::Frame::default()
                };
                Filling { frame, bytes: 0 }
            })
            .collect();
        frames[0].frame.sites = self.sites;
        frames[0].frame.totals = self.totals;
        put(self.tasks, &mut frames);
        let mut resources = self.resources;
        resources.sort_by_key(|row| row.facts.as_ref().is_some_and(|facts| facts.parent.is_some()));
        put(resources, &mut frames);
        put(self.ops, &mut frames);
        frames.into_iter().map(|filling| filling.frame).collect()
    }
}

/// A frame under way, and what its rows weigh.
struct Filling {
    frame: v1::Frame,
    bytes: usize,
}

/// Adds rows in their order: to the last frame as far as there is room, then to new ones.
fn put<R: Rows>(rows: Vec<R>, frames: &mut Vec<Filling>) {
    let mut rows = rows.into_iter().peekable();
    let mut first = true;
    while rows.peek().is_some() {
        if !first || frames.last().is_none_or(|last| last.bytes > MAX_FRAME_BYTES / 2) {
            frames.push(Filling { frame: v1::Frame::default(), bytes: 0 });
        }
        first = false;
        let Some(filling) = frames.last_mut() else { return };
        let mut chunk: Vec<R> = Vec::new();
        while chunk.len() < MAX_TASKS_PER_FRAME
            && let Some(row) =
                rows.next_if(|row| chunk.is_empty() || filling.bytes + row.bytes() <= MAX_FRAME_BYTES)
        {
            filling.bytes += row.bytes();
            chunk.push(row);
        }
        chunk.sort_unstable_by_key(Rows::slot);
        R::put(&chunk, &mut filling.frame);
    }
}
