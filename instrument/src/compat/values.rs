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

/// What a row is to that protocol: the callsite of its span. We keep no callsites, so there is one of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A task that tokio's span tells of.
    Task = 1,
    /// A task that was spawned or named through this crate.
    Wrapped = 2,
    Resource = 3,
    Op = 4,
}

impl Kind {
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
    [Kind::Task, Kind::Wrapped, Kind::Resource, Kind::Op].map(Kind::metadata).into()
}

/// A place by its site's number; `None` when it is not known.
pub(super) fn location(recorder: &Recorder, site: u32) -> Option<Location> {
    if site == 0 {
        return None;
    }
    let place = recorder.site(site)?.place();
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

/// Takes `key=value key=value` apart. A value may hold spaces: a field begins where a word with `=` looks like a name's.
pub(super) fn fields(text: &str) -> impl Iterator<Item = Field> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (name, value) = rest.split_once('=')?;
        let end = value.match_indices(' ').map(|(at, _)| at).find(|at| begins_field(&value[at + 1..]));
        let (value, after) = match end {
            Some(at) => (&value[..at], &value[at + 1..]),
            None => (value, ""),
        };
        rest = after;
        Some(field(name, field::Value::DebugVal(value.to_owned())))
    })
}

fn begins_field(text: &str) -> bool {
    let name = text.split('=').next().filter(|name| name.len() < text.len());
    name.is_some_and(|name| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
    })
}

pub(super) fn attributes(
    recorder: &Recorder,
    attributes: impl IntoIterator<Item = recorder::Attribute>,
) -> Vec<Attribute> {
    attributes.into_iter().map(|told| attribute(recorder, told)).collect()
}

fn attribute(recorder: &Recorder, attribute: recorder::Attribute) -> Attribute {
    let value = match attribute.value {
        AttributeValue::Number(number) => field::Value::U64Val(number),
        AttributeValue::Bool(yes) => field::Value::BoolVal(yes),
        AttributeValue::Name(name) => field::Value::DebugVal(recorder.name_of(name).to_owned()),
    };
    Attribute {
        field: Some(field(recorder.name_of(attribute.name), value)),
        unit: (attribute.unit != 0).then(|| recorder.name_of(attribute.unit).to_owned()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_apart_at_names_only() {
        let text = r#"url="GET /a b?x = 1" user.id=7 note=a 1=b c="#;
        let apart: Vec<String> = fields(text).map(|field| field.to_string()).collect();
        assert_eq!(apart, [r#"url="GET /a b?x = 1""#, "user.id=7", "note=a 1=b", "c="]);
        assert_eq!(fields("").count(), 0);
        assert_eq!(fields("no field").count(), 0);
    }
}
