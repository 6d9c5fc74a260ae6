//! Rows go into frames as far as they fit, in the order in which they point to each other.

use taskscope_proto::{
    limits::{MAX_FRAME_BYTES, MAX_FREED_PER_FRAME, MAX_TASKS_PER_FRAME},
    rows::FrameRows,
    v1,
};

/// Bytes of a frame that rows may take.
const ROW_BYTES: usize = MAX_FRAME_BYTES / 2;
/// Rows of a kind in a frame.
const ROWS: usize = MAX_TASKS_PER_FRAME / 2;
/// Bytes of a site beside its path, at most.
const SITE_BYTES: usize = 24;

/// The frames of a round under way.
#[derive(Debug, Default)]
pub(super) struct Filling {
    done: Vec<v1::Frame>,
    frame: v1::Frame,
    rows: FrameRows,
    /// Bytes of what is no row.
    other_bytes: usize,
    count: usize,
}

impl Filling {
    /// The rows of the frame under way, with room for one more of each kind.
    pub(super) fn rows(&mut self) -> &mut FrameRows {
        if self.count >= ROWS || self.rows.bytes() + self.other_bytes > ROW_BYTES {
            self.next();
        }
        self.count += 1;
        &mut self.rows
    }

    /// The frame under way.
    pub(super) fn last(&mut self) -> &mut v1::Frame {
        &mut self.frame
    }

    /// A frame with room for so many bytes that are no rows.
    pub(super) fn with_room(&mut self, bytes: usize) -> &mut v1::Frame {
        if self.rows.bytes() + self.other_bytes + bytes > ROW_BYTES {
            self.next();
        }
        self.other_bytes += bytes;
        &mut self.frame
    }

    /// Rows of another kind follow, whose slots begin anew: they may point to all rows so far.
    pub(super) fn next_kind(&mut self) {
        self.count = 0;
    }

    pub(super) fn site(&mut self, site: v1::Site) {
        self.other_bytes += site.file.len() + SITE_BYTES;
        self.frame.sites.push(site);
    }

    /// Slots that are free from here on.
    pub(super) fn free(&mut self, tasks: &[u32], resources: &[u32], ops: &[u32]) {
        let most = [tasks, resources, ops].iter().map(|slots| slots.len()).max().unwrap_or(0);
        for part in 0..most.div_ceil(MAX_FREED_PER_FRAME) {
            if part > 0 {
                self.next();
            }
            let of = |slots: &[u32]| slots.chunks(MAX_FREED_PER_FRAME).nth(part).unwrap_or_default().to_vec();
            self.frame.freed = of(tasks);
            self.frame.freed_resources = of(resources);
            self.frame.freed_ops = of(ops);
        }
        if most > 0 {
            // A slot that is freed and one that is used again are not in one frame.
            self.next();
        }
    }

    /// A new frame.
    pub(super) fn next(&mut self) {
        let mut frame = std::mem::take(&mut self.frame);
        std::mem::take(&mut self.rows).finish(&mut frame);
        self.done.push(frame);
        self.other_bytes = 0;
        self.count = 0;
    }

    /// At least one frame.
    pub(super) fn finish(mut self) -> Vec<v1::Frame> {
        self.next();
        self.done
    }
}
