//! Columns under way, and all those of a frame.

use rustc_hash::FxHashMap;

use super::{Columns, Lists, Row, items::Item};
use crate::{columns::DeltaEncoder, v1};

/// Bytes of a slot's distance, and of the number of a row's entries, at most.
const SLOT_BYTES: usize = 4;
const COUNT_BYTES: usize = 2;
/// Bytes of a text beside the text itself, at most: its key and its length.
const TEXT_BYTES: usize = 4;

/// Gathers rows into the columns of a message. Each text is there once.
#[derive(Debug)]
pub struct Writer<C> {
    columns: C,
    slots: DeltaEncoder,
    texts: Vec<String>,
    numbers: FxHashMap<Box<str>, u32>,
    bytes: usize,
}

impl<C: Default> Default for Writer<C> {
    fn default() -> Self {
        Self {
            columns: C::default(),
            slots: DeltaEncoder::default(),
            texts: Vec::new(),
            numbers: FxHashMap::default(),
            bytes: 0,
        }
    }
}

impl<C: Columns> Writer<C> {
    /// The number of a text in this message; 0 for an empty one.
    pub fn text(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        self.texts.push(text.to_owned());
        self.bytes += text.len() + TEXT_BYTES;
        let number = self.texts.len() as u32;
        self.numbers.insert(text.into(), number);
        number
    }

    /// Adds a row, with an empty list where rows have one. Slots must ascend and be below [`MAX_SLOTS`](crate::limits::MAX_SLOTS): a row whose
    /// slot does not is left out, as a receiver would refuse the frame.
    pub fn push(&mut self, slot: u32, row: C::Row) {
        self.start_row(slot, row);
    }

    /// Adds a row with its list; as [`push`](Self::push).
    pub fn push_with(&mut self, slot: u32, row: C::Row, items: impl IntoIterator<Item = C::Item>)
    where
        C: Lists,
    {
        if !self.start_row(slot, row) {
            return;
        }
        let row = self.len() - 1;
        let columns = self.columns.items_mut();
        let before = C::Item::key(columns).len();
        items.into_iter().for_each(|item| item.push(columns));
        let count = C::Item::key(columns).len() - before;
        let counts = C::Item::count_mut(columns);
        counts.resize(row, 0);
        counts.push(count as u32);
        self.bytes += COUNT_BYTES + count * C::Item::MAX_BYTES;
    }

    /// Whether the row was added.
    fn start_row(&mut self, slot: u32, row: C::Row) -> bool {
        let Some(delta) = self.slots.push(slot) else { return false };
        self.columns.slot_delta_mut().push(delta);
        row.push(&mut self.columns);
        self.bytes += SLOT_BYTES + C::Row::MAX_BYTES;
        true
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        self.columns.slot_delta().len()
    }

    /// No row so far.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all so far when encoded, at most.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The message, without the columns that hold nothing but 0; `None` without a row.
    pub fn finish(mut self) -> Option<C> {
        if self.is_empty() {
            return None;
        }
        if let Some(strings) = self.columns.strings_mut() {
            *strings = self.texts;
        }
        self.columns.drop_zeros();
        Some(self.columns)
    }
}

/// All rows of a frame under way.
#[derive(Debug, Default)]
pub struct FrameRows {
    /// New tasks.
    pub tasks: Writer<v1::TaskColumns>,
    /// What changed of tasks.
    pub stats: Writer<v1::StatColumns>,
    /// New resources.
    pub resources: Writer<v1::ResourceColumns>,
    /// What changed of resources.
    pub resource_stats: Writer<v1::ResourceStatColumns>,
    /// New operations.
    pub ops: Writer<v1::OpColumns>,
    /// What changed of operations.
    pub op_stats: Writer<v1::OpStatColumns>,
    /// Locks.
    pub locks: Writer<v1::LockColumns>,
    /// Channels.
    pub channels: Writer<v1::ChannelColumns>,
    /// Streams.
    pub io: Writer<v1::IoColumns>,
}

impl FrameRows {
    /// Bytes of all so far when encoded, at most.
    pub fn bytes(&self) -> usize {
        let tasks = self.tasks.bytes() + self.stats.bytes();
        let resources = self.resources.bytes() + self.resource_stats.bytes();
        let ops = self.ops.bytes() + self.op_stats.bytes();
        tasks + resources + ops + self.locks.bytes() + self.channels.bytes() + self.io.bytes()
    }

    /// Puts the columns into a frame.
    pub fn finish(self, frame: &mut v1::Frame) {
        frame.tasks = self.tasks.finish();
        frame.stats = self.stats.finish();
        frame.resources = self.resources.finish();
        frame.resource_stats = self.resource_stats.finish();
        frame.ops = self.ops.finish();
        frame.op_stats = self.op_stats.finish();
        frame.locks = self.locks.finish();
        frame.channels = self.channels.finish();
        frame.io = self.io.finish();
    }
}
