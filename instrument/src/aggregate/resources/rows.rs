//! Rows of resources and operations.

use taskscope_proto::{
    rows::{AttributeRow, Columns, OpRow, OpStatRow, ResourceRow, ResourceStatRow, SlotRef, Writer},
    v1,
};
use taskscope_recorder::{
    Attribute, AttributeValue, MAX_ATTRIBUTES, OpId, OpReading, Recorder, ResourceDescription, ResourceId,
};

use crate::aggregate::rows::{Times, task_ref};

/// Rows of resources under way, with what is known of some beside their attributes.
#[derive(Debug, Default)]
pub(super) struct ResourceRows {
    new: Writer<v1::ResourceColumns>,
    pub(super) stats: Writer<v1::ResourceStatColumns>,
    pub(super) locks: Writer<v1::LockColumns>,
    pub(super) channels: Writer<v1::ChannelColumns>,
    pub(super) io: Writer<v1::IoColumns>,
}

impl ResourceRows {
    /// Bytes at most, when encoded.
    pub(super) fn bytes(&self) -> usize {
        self.new.bytes() + self.stats.bytes() + self.locks.bytes() + self.channels.bytes() + self.io.bytes()
    }

    pub(super) fn describe(
        &mut self,
        recorder: &Recorder,
        slot: u32,
        resource: &ResourceDescription,
        times: Times<'_>,
    ) {
        let name = resource.named.then(|| recorder.resources.name(resource.id)).flatten().unwrap_or_default();
        let row = ResourceRow {
            generation: resource.id.generation(),
            concrete_type: name_text(&mut self.new, recorder, resource.concrete_type),
            kind: name_text(&mut self.new, recorder, resource.kind),
            site: resource.site,
            parent: resource.parent.map(resource_ref),
            internal: resource.internal,
            created_ago_ns: times.ago_ns(resource.created),
            name: self.new.text(&name),
        };
        self.new.push(slot, row);
    }

    pub(super) fn stat(&mut self, recorder: &Recorder, slot: u32, attributes: &[Attribute]) {
        let items = attribute_rows(&mut self.stats, recorder, attributes);
        self.stats.push_with(slot, ResourceStatRow {}, items);
    }

    pub(super) fn finish(self, frame: &mut v1::Frame) {
        frame.resources = self.new.finish();
        frame.resource_stats = self.stats.finish();
        frame.locks = self.locks.finish();
        frame.channels = self.channels.finish();
        frame.io = self.io.finish();
    }
}

/// Rows of operations under way.
#[derive(Debug, Default)]
pub(super) struct OpRows {
    new: Writer<v1::OpColumns>,
    pub(super) stats: Writer<v1::OpStatColumns>,
}

impl OpRows {
    /// Bytes at most, when encoded.
    pub(super) fn bytes(&self) -> usize {
        self.new.bytes() + self.stats.bytes()
    }

    pub(super) fn describe(&mut self, recorder: &Recorder, slot: u32, op: &OpReading, times: Times<'_>) {
        let row = OpRow {
            generation: op.id.generation(),
            source: name_text(&mut self.new, recorder, op.source),
            resource: op.resource.map(resource_ref),
            parent: op.parent.map(op_ref),
            created_ago_ns: times.ago_ns(op.created),
            site: op.site,
            asked: op.asked.map(resource_ref),
        };
        self.new.push(slot, row);
    }

    pub(super) fn stat(
        &mut self,
        recorder: &Recorder,
        slot: u32,
        op: &OpReading,
        attributes: &[Attribute],
        times: Times<'_>,
    ) {
        let row = OpStatRow {
            task: op.task.map(task_ref),
            state: if op.running { v1::TaskState::Running } else { v1::TaskState::Idle },
            state_ago_ns: times.ago_ns(op.since),
            polls: op.polls,
            busy_ns: times.length_ns(op.busy),
            granted_ago_ns: op.granted.map(|at| times.ago_ns(at)),
            thread: op.thread,
            own_waker: op.own_waker,
        };
        let items = attribute_rows(&mut self.stats, recorder, attributes);
        self.stats.push_with(slot, row, items);
    }

    pub(super) fn finish(self, frame: &mut v1::Frame) {
        frame.ops = self.new.finish();
        frame.op_stats = self.stats.finish();
    }
}

/// The number of one of the recorder's names among the texts of a message.
fn name_text<C: Columns>(writer: &mut Writer<C>, recorder: &Recorder, name: u32) -> u32 {
    if name == 0 { 0 } else { writer.text(recorder.resources.name_of(name)) }
}

fn attribute_rows<C: Columns>(
    writer: &mut Writer<C>,
    recorder: &Recorder,
    attributes: &[Attribute],
) -> impl Iterator<Item = AttributeRow> + use<C> {
    let mut rows = [AttributeRow::default(); MAX_ATTRIBUTES];
    for (row, attribute) in rows.iter_mut().zip(attributes) {
        row.name = name_text(writer, recorder, attribute.name);
        row.unit = name_text(writer, recorder, attribute.unit);
        (row.kind, row.value) = match attribute.value {
            AttributeValue::Number(number) => (v1::AttributeKind::Number, number),
            AttributeValue::Bool(yes) => (v1::AttributeKind::Bool, u64::from(yes)),
            AttributeValue::Name(name) => {
                (v1::AttributeKind::Text, u64::from(name_text(writer, recorder, name)))
            }
        };
    }
    rows.into_iter().take(attributes.len())
}

fn resource_ref(id: ResourceId) -> SlotRef {
    SlotRef { slot: id.index(), generation: id.generation() }
}

fn op_ref(id: OpId) -> SlotRef {
    SlotRef { slot: id.index(), generation: id.generation() }
}
