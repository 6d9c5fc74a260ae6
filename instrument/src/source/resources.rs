//! Tokio's spans and events about locks, timers and the operations on them.
//!
//! Fields as tokio 1.54.1 emits them (`tokio/src/sync`, `tokio/src/time`, `tokio/src/util/trace.rs`).

use std::fmt;

use taskscope_recorder::{
    AnyId, AttributeValue, Change, MAX_ATTRIBUTES, NewResource, OpId, Place, RecordKind, Recorder, ResourceId,
};
use tracing_core::{
    Event,
    field::{Field, Visit},
    span::Attributes,
};

use super::callsite::CallsiteKind;

/// A span of tokio's for a new resource. `None`: past the limit.
pub(super) fn new_resource(recorder: &Recorder, attributes: &Attributes<'_>) -> Option<ResourceId> {
    let mut visitor = ResourceVisitor::default();
    attributes.record(&mut visitor);
    let record = match &*visitor.concrete_type {
        "Mutex" | "RwLock" => RecordKind::Lock,
        // One inside of another resource is recorded by that one.
        "Semaphore" if !visitor.internal => RecordKind::Permits,
        _ => RecordKind::None,
    };
    recorder.resources.new_resource(&NewResource {
        concrete_type: &visitor.concrete_type,
        kind: &visitor.kind,
        name: "",
        record,
        place: (!visitor.file.is_empty()).then(|| Place {
            file: &visitor.file,
            line: u32::try_from(visitor.line).unwrap_or(0),
            column: u32::try_from(visitor.column).unwrap_or(0),
        }),
        internal: visitor.internal,
        inherits: visitor.inherits,
    })
}

/// A span of tokio's for a new operation, of the resource it names or of the current one. `None`: past the limit.
pub(super) fn new_op(
    recorder: &Recorder,
    attributes: &Attributes<'_>,
    parent: Option<AnyId>,
) -> Option<OpId> {
    let mut visitor = OpVisitor::default();
    attributes.record(&mut visitor);
    let resource = match parent {
        Some(AnyId::Resource(resource)) => Some(resource),
        _ => None,
    };
    // Tokio does not say where it was begun.
    recorder.resources.new_op(&visitor.source, resource, 0)
}

/// A span of tokio's for the polls of an operation, of the one it names or of the current one: the same slot, one holder more.
pub(super) fn new_op_poll(recorder: &Recorder, parent: Option<AnyId>) -> Option<OpId> {
    let op = match parent {
        Some(AnyId::Op(op)) => op,
        _ => recorder.resources.current_op()?,
    };
    recorder.add_any_ref(AnyId::OpPoll(op));
    Some(op)
}

/// An event of tokio's about an attribute of the current resource or operation.
pub(super) fn state_update(recorder: &Recorder, kind: CallsiteKind, event: &Event<'_>) {
    let mut visitor =
        UpdateVisitor { recorder, values: [None; MAX_ATTRIBUTES], change: Change::Override, unit: 0 };
    event.record(&mut visitor);
    for (name, value) in visitor.values.into_iter().flatten() {
        if kind == CallsiteKind::OpUpdate {
            recorder.resources.change_op(name, visitor.unit, value, visitor.change);
        } else {
            recorder.resources.change_resource(name, visitor.unit, value, visitor.change);
        }
    }
}

#[derive(Default)]
struct ResourceVisitor {
    concrete_type: String,
    kind: String,
    file: String,
    line: u64,
    column: u64,
    internal: bool,
    inherits: bool,
}

impl Visit for ResourceVisitor {
    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "concrete_type" => value.clone_into(&mut self.concrete_type),
            "kind" => value.clone_into(&mut self.kind),
            "loc.file" => value.clone_into(&mut self.file),
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "loc.line" => self.line = value,
            "loc.col" => self.column = value,
            _ => {}
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        match field.name() {
            "is_internal" => self.internal = value,
            "inherits_child_attrs" => self.inherits = value,
            _ => {}
        }
    }
}

#[derive(Default)]
struct OpVisitor {
    source: String,
}

impl Visit for OpVisitor {
    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "source" {
            value.clone_into(&mut self.source);
        }
    }
}

/// `permits = 3, permits.op = "add"`, `duration = 20, duration.unit = "ms"`, `locked = true`.
struct UpdateVisitor<'r> {
    recorder: &'r Recorder,
    values: [Option<(u32, AttributeValue)>; MAX_ATTRIBUTES],
    change: Change,
    unit: u32,
}

impl UpdateVisitor<'_> {
    fn value(&mut self, field: &Field, value: AttributeValue) {
        // Past the room of a slot nothing would be kept either.
        if let Some(free) = self.values.iter_mut().find(|known| known.is_none()) {
            *free = Some((self.recorder.resources.name_number(field.name()), value));
        }
    }
}

impl Visit for UpdateVisitor<'_> {
    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.value(field, AttributeValue::Number(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        if let Ok(value) = u64::try_from(value) {
            self.value(field, AttributeValue::Number(value));
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.value(field, AttributeValue::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let last_part = field.name().rsplit('.').next().unwrap_or_default();
        if last_part == "op" {
            self.change = match value {
                "add" => Change::Add,
                "sub" => Change::Sub,
                _ => Change::Override,
            };
        } else if last_part == "unit" {
            self.unit = self.recorder.resources.name_number(value);
        } else {
            let value = AttributeValue::Name(self.recorder.resources.name_number(value));
            self.value(field, value);
        }
    }
}
