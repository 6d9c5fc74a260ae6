//! Tokio's spans and events about locks, timers and the operations on them.
//!
//! Fields as tokio 1.54.1 emits them (`tokio/src/sync`, `tokio/src/time`, `tokio/src/util/trace.rs`).

use std::fmt;

use taskscope_recorder::{
    AnyId, AttributeValue, Change, Current, NewResource, OpId, RecordKind, Recorder, ResourceId,
};
use tracing_core::{
    Event,
    field::{Field, Visit},
    span::Attributes,
};

use super::{
    callsite::{CallsiteKind, FieldRole, FieldRoles},
    place::PlaceVisitor,
};

/// A span of tokio's for a new resource. `None`: past the limit.
pub(super) fn new_resource(recorder: &Recorder, attributes: &Attributes<'_>) -> Option<ResourceId> {
    let mut visitor = ResourceVisitor {
        recorder,
        new: NewResource { traced: true, ..NewResource::default() },
        place: PlaceVisitor::default(),
    };
    attributes.record(&mut visitor);
    let ResourceVisitor { mut new, place, .. } = visitor;
    if new.record == RecordKind::Permits && new.internal {
        // The room of a bounded channel; one inside of another resource is recorded by that one.
        new.record = RecordKind::Room;
    }
    new.site = Some(place.site(recorder, attributes));
    recorder.resources.new_resource(&new)
}

/// A span of tokio's for a new operation, of the resource it names or of the current one, and whether it is one of its own; else it is a part of that one.
/// `None`: past the limit.
pub(super) fn new_op(
    recorder: &Recorder,
    attributes: &Attributes<'_>,
    parent: Option<AnyId>,
) -> Option<(OpId, bool)> {
    let resource = match parent {
        Some(AnyId::Resource(resource)) => Some(resource),
        _ => None,
    };
    let mut visitor = OpVisitor { recorder, resource, op: None };
    attributes.record(&mut visitor);
    visitor.op
}

/// A span of tokio's for the polls of an operation, of the one it names or of the current one: the same slot.
pub(super) fn new_op_poll(recorder: &Recorder, parent: Option<AnyId>) -> Option<OpId> {
    match parent {
        Some(AnyId::Op(op)) => Some(op),
        _ => recorder.resources.current_op(),
    }
}

/// An event of tokio's about an attribute of the current resource or operation.
pub(super) fn state_update(recorder: &Recorder, kind: CallsiteKind, fields: FieldRoles, event: &Event<'_>) {
    let resource = match kind {
        CallsiteKind::OpUpdate => None,
        _ => match recorder.resources.current() {
            None => return,
            current => current,
        },
    };
    let mut visitor =
        UpdateVisitor { recorder, resource, fields, value: None, change: Change::Override, unit: 0 };
    event.record(&mut visitor);
    visitor.apply();
}

struct ResourceVisitor<'r> {
    recorder: &'r Recorder,
    new: NewResource<'static>,
    place: PlaceVisitor,
}

impl Visit for ResourceVisitor<'_> {
    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "concrete_type" => {
                self.new.type_number = self.recorder.resources.name_number(value);
                match value {
                    "Mutex" | "RwLock" => self.new.record = RecordKind::Lock,
                    "Semaphore" => self.new.record = RecordKind::Permits,
                    // One in each end.
                    "Sender|Receiver" => self.new.shared = true,
                    "Sleep" => self.new.lazily = true,
                    _ => {}
                }
            }
            "kind" => self.new.kind_number = self.recorder.resources.name_number(value),
            name => {
                let _is_place = self.place.str(name, value);
            }
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        let _is_place = self.place.u64(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        match field.name() {
            "is_internal" => self.new.internal = value,
            "inherits_child_attrs" => self.new.inherits = value,
            _ => {}
        }
    }
}

struct OpVisitor<'r> {
    recorder: &'r Recorder,
    resource: Option<ResourceId>,
    op: Option<(OpId, bool)>,
}

impl Visit for OpVisitor<'_> {
    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "source" && self.op.is_none() {
            // Tokio does not say where it was begun.
            self.op = self.recorder.resources.new_traced_op(value, self.resource);
        }
    }
}

/// `permits = 3, permits.op = "add"`, `duration = 20, duration.unit = "ms"`, `locked = true`: what is said of a value comes after it.
struct UpdateVisitor<'r> {
    recorder: &'r Recorder,
    /// `None`: the current operation is meant.
    resource: Option<Current<'r>>,
    fields: FieldRoles,
    value: Option<(u32, AttributeValue)>,
    change: Change,
    unit: u32,
}

impl UpdateVisitor<'_> {
    #[inline]
    fn value(&mut self, field: &Field, value: AttributeValue) {
        if let FieldRole::Value(name) = self.fields.role(field.index()) {
            if self.value.is_some() {
                self.apply();
            }
            self.value = Some((name, value));
        }
    }

    fn apply(&mut self) {
        let Some((name, value)) = self.value.take() else { return };
        let resources = &self.recorder.resources;
        match self.resource {
            None => resources.change_op(name, self.unit, value, self.change),
            Some(current) => resources.change(current, name, self.unit, value, self.change),
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
        match self.fields.role(field.index()) {
            FieldRole::Change => {
                self.change = match value {
                    "add" => Change::Add,
                    "sub" => Change::Sub,
                    _ => Change::Override,
                };
            }
            FieldRole::Unit => self.unit = self.recorder.resources.name_number(value),
            FieldRole::Value(_) => {
                let value = AttributeValue::Name(self.recorder.resources.name_number(value));
                self.value(field, value);
            }
            FieldRole::None => {}
        }
    }
}
