//! The resources and operations of the report.

use crate::{
    analysis::Analysis,
    report::{self, AttributeValue},
    store::{
        resources::{Attribute, Op, Resource, Value},
        task::{Agent, State, Task},
    },
    text::TextId,
};

/// All resources, in the order of their slots.
pub(super) fn resources(store: Analysis<'_>) -> Vec<report::Resource> {
    let waits = store.waits();
    let mut all: Vec<&Resource> = store.resources.resources().collect();
    all.sort_unstable_by_key(|resource| resource.key);
    let resource = |resource: &Resource| {
        let waits = waits.get(&resource.key).copied().unwrap_or_default();
        report::Resource {
            id: resource.key.id(),
            slot: resource.key.slot,
            generation: resource.key.generation,
            concrete_type: word(store, resource.concrete_type),
            kind: word(store, resource.kind),
            place: store.place(resource.site),
            parent: resource
                .parent
                .and_then(|key| store.resources.resource(key))
                .map(|parent| parent.key.id()),
            internal: resource.internal,
            age_ns: store.now_ns.saturating_sub(resource.created_ns),
            attributes: attributes(store, &resource.attributes),
            waiters: waits.tasks,
            longest_wait_ns: waits.longest_ns(store.now_ns),
            name: word(store, resource.name),
        }
    };
    all.into_iter().map(resource).collect()
}

/// All operations, in the order of their slots.
pub(super) fn ops(store: Analysis<'_>) -> Vec<report::Op> {
    let mut all: Vec<&Op> = store.resources.ops().collect();
    all.sort_unstable_by_key(|op| op.key);
    let op = |op: &Op| report::Op {
        slot: op.key.slot,
        generation: op.key.generation,
        source: word(store, op.source),
        resource: op.resource.and_then(|key| store.resources.resource(key)).map(|on| on.key.id()),
        parent: op.parent.and_then(|key| store.resources.op(key)).map(|parent| parent.key.slot),
        task: op.stats.task.and_then(|key| store.task(key)).map(Task::id),
        state: (op.stats.state != State::Unknown).then(|| op.stats.state.word().to_owned()),
        state_ns: store.now_ns.saturating_sub(op.stats.state_since_ns),
        age_ns: op.age_ns(store.now_ns),
        polls: op.stats.polls,
        busy_ns: op.busy_ns(store.now_ns),
        attributes: attributes(store, &op.attributes),
        place: store.place(op.site),
        granted_ns: op.stats.granted_ns.map(|granted_ns| store.now_ns.saturating_sub(granted_ns)),
        thread: (op.stats.thread > 0).then(|| store.who_words(Agent::Thread(op.stats.thread))).flatten(),
    };
    all.into_iter().map(op).collect()
}

fn word(store: Analysis<'_>, id: TextId) -> Option<String> {
    store.texts.text(id).map(str::to_owned)
}

fn attributes(store: Analysis<'_>, attributes: &[Attribute]) -> Vec<report::Attribute> {
    let attribute = |attribute: &Attribute| report::Attribute {
        name: word(store, attribute.name),
        value: match attribute.value {
            Value::Number(number) => Some(AttributeValue::Number(number)),
            Value::Bool(yes) => Some(AttributeValue::Bool(yes)),
            Value::Text(text) => word(store, text).map(AttributeValue::Text),
            Value::Unknown => None,
        },
        unit: word(store, attribute.unit),
    };
    attributes.iter().map(attribute).collect()
}
