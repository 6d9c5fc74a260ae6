//! Small values of the other protocol: kinds of spans, places, fields, attributes.

use std::{
    hash::{Hash, Hasher},
    time::Duration,
};

use console_api::{
    Attribute, Field, Location, MetaId, Metadata, field, metadata, register_metadata::NewMetadata,
};
use rustc_hash::FxHasher;
use taskscope_recorder::{self as recorder, AttributeValue, Recorder};

use crate::source::fields;

/// What a row is to that protocol: the callsite of its span. We keep no callsites, so there is one of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKind {
    /// A task with a span of tokio's.
    Task = 1,
    /// A task that was spawned or named through this crate.
    Wrapped = 2,
    Resource = 3,
    Op = 4,
}

impl RowKind {
    pub(super) fn id(self) -> MetaId {
        MetaId { id: self as u64 }
    }

    fn metadata(self) -> NewMetadata {
        let (name, target) = match self {
            Self::Task => ("runtime.spawn", "tokio::task"),
            Self::Wrapped => ("runtime.spawn", "taskscope"),
            Self::Resource => ("runtime.resource", "tokio"),
            Self::Op => ("runtime.resource.async_op", "tokio"),
        };
        let metadata = Metadata {
            name: name.to_owned(),
            target: target.to_owned(),
            kind: metadata::Kind::Span.into(),
            level: metadata::Level::Trace.into(),
            ..Metadata::default()
        };
        NewMetadata { id: Some(self.id()), metadata: Some(metadata) }
    }
}

/// All that rows refer to.
pub(super) fn metadata() -> Vec<NewMetadata> {
    [RowKind::Task, RowKind::Wrapped, RowKind::Resource, RowKind::Op].map(RowKind::metadata).into()
}

/// A place by its site's number; `None` when it is not known.
pub(super) fn location(recorder: &Recorder, site: u32) -> Option<Location> {
    if site == 0 {
        return None;
    }
    let place = recorder.sites.site(site)?.place();
    Some(Location {
        file: Some(place.file.to_owned()),
        module_path: None,
        line: Some(place.line),
        column: Some(place.column),
    })
}

pub(super) fn field(name: &str, value: field::Value) -> Field {
    Field { name: Some(field::Name::StrName(name.to_owned())), value: Some(value), metadata_id: None }
}

/// The further fields of a task, each as console-subscriber sends it.
pub(super) fn fields(kept: &str) -> impl Iterator<Item = Field> {
    fields::fields(kept).map(|(name, value)| {
        let value = match value {
            fields::Value::Text(text) => field::Value::DebugVal(text.to_owned()),
            fields::Value::Str(text) => field::Value::StrVal(text.to_owned()),
            fields::Value::U64(number) => field::Value::U64Val(number),
            fields::Value::I64(number) => field::Value::I64Val(number),
            fields::Value::Bool(yes) => field::Value::BoolVal(yes),
        };
        field(name, value)
    })
}

pub(super) fn attributes(
    recorder: &Recorder,
    attributes: impl IntoIterator<Item = recorder::Attribute>,
) -> Vec<Attribute> {
    attributes.into_iter().map(|of| attribute(recorder, of)).collect()
}

fn attribute(recorder: &Recorder, attribute: recorder::Attribute) -> Attribute {
    let value = match attribute.value {
        AttributeValue::Number(number) => field::Value::U64Val(number),
        AttributeValue::Bool(yes) => field::Value::BoolVal(yes),
        AttributeValue::Name(name) => field::Value::DebugVal(recorder.resources.name_of(name).to_owned()),
    };
    Attribute {
        field: Some(field(recorder.resources.name_of(attribute.name), value)),
        unit: (attribute.unit != 0).then(|| recorder.resources.name_of(attribute.unit).to_owned()),
    }
}

/// A length in ticks.
pub(super) fn length(recorder: &Recorder, ticks: recorder::Ticks) -> Duration {
    Duration::from_nanos(recorder.clock().length_ns(ticks))
}

/// What stands for a row in a cursor: a change of it is a change of the row.
pub(super) fn hash(value: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}
