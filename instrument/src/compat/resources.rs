//! Resources: locks, timers and their attributes.

use console_api::resources::{
    self, ResourceUpdate,
    resource::{Kind as ResourceKind, kind},
};
use taskscope_proto::Message as _;
use taskscope_recorder::{Attribute, Resource, ResourceId, Ticks};

use super::{
    cursor::Room,
    values::{self, RowKind},
};
use crate::aggregate::Hub;

/// What was sent of a slot.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SentResource {
    id: Option<ResourceId>,
    /// Hash of what was sent.
    sent: u64,
    created: Ticks,
}

impl SentResource {
    /// Adds to the update what changed in the slot.
    pub(super) fn look(
        &mut self,
        hub: &Hub,
        resource: &Resource,
        now: Ticks,
        update: &mut ResourceUpdate,
        room: &mut Room,
    ) {
        let id = resource.id();
        if self.id != id {
            self.end(hub, resource, now, update, room);
        }
        let Some(id) = id else { return };
        let new = self.id.is_none();
        if new {
            let Some(description) = resource.description().filter(|new| new.id == id) else { return };
            let row = row(hub, &description);
            room.take(row.encoded_len());
            update.new_resources.push(row);
            *self = Self { id: Some(id), sent: 0, created: description.created };
        }
        let attributes: Vec<Attribute> = resource.attributes().collect();
        let sent = values::hash(&attributes);
        if !new && self.sent == sent {
            return;
        }
        self.sent = sent;
        let stats = resources::Stats {
            created_at: Some(hub.wall_time(self.created).into()),
            dropped_at: None,
            attributes: values::attributes(hub.handle.recorder(), attributes),
        };
        add(id, stats, update, room);
    }

    fn end(
        &mut self,
        hub: &Hub,
        resource: &Resource,
        now: Ticks,
        update: &mut ResourceUpdate,
        room: &mut Room,
    ) {
        let known = std::mem::take(self);
        if let Some(gone) = known.id {
            let stay = resource.last_id() == known.id;
            let attributes = resource.attributes().filter(|_| stay);
            let stats = resources::Stats {
                created_at: Some(hub.wall_time(known.created).into()),
                dropped_at: Some(hub.wall_time(now).into()),
                attributes: values::attributes(hub.handle.recorder(), attributes),
            };
            add(gone, stats, update, room);
        }
    }
}

fn add(id: ResourceId, stats: resources::Stats, update: &mut ResourceUpdate, room: &mut Room) {
    room.take(stats.encoded_len());
    update.stats_update.insert(id.to_non_zero_u64().get(), stats);
}

fn row(hub: &Hub, resource: &taskscope_recorder::ResourceDescription) -> resources::Resource {
    let recorder = hub.handle.recorder();
    let kind = match recorder.resources.name_of(resource.kind) {
        "timer" => kind::Kind::Known(kind::Known::Timer.into()),
        other => kind::Kind::Other(other.to_owned()),
    };
    resources::Resource {
        id: Some(resource.id.to_non_zero_u64().get().into()),
        metadata: Some(RowKind::Resource.id()),
        concrete_type: recorder.resources.name_of(resource.concrete_type).to_owned(),
        kind: Some(ResourceKind { kind: Some(kind) }),
        location: values::location(recorder, resource.site),
        parent_resource_id: resource.parent.map(|parent| parent.to_non_zero_u64().get().into()),
        is_internal: resource.internal,
    }
}
