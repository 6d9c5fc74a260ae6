//! Which descriptor a wrapper is around.
//!
//! Invariant: two sockets are never mixed. A wrapper and a descriptor are one only when number, kind and addresses agree and the wrapper
//! is older than the reading: a number is used again.

use crate::{
    id::DescriptorId,
    store::{
        Store,
        descriptors::Descriptor,
        io::{IoKind, Stream},
        resources::Resource,
    },
};

impl Store {
    /// The descriptor that a wrapper is around; `None`: it has none, or none was read yet.
    pub(crate) fn descriptor_of(&self, resource: &Resource, stream: &Stream) -> Option<&Descriptor> {
        let kind = self.stream_kind(resource);
        let descriptor = self.descriptors.with_fd(stream.fd?)?;
        self.is_same(resource, stream, kind, descriptor).then_some(descriptor)
    }

    /// The descriptor that the wrapper in a slot is around.
    pub(crate) fn descriptor_in_slot(&self, slot: u32) -> Option<DescriptorId> {
        let stream = self.resources.streams.stream(slot)?;
        Some(self.descriptor_of(self.resources.in_slot(slot)?, stream)?.id)
    }

    /// By its type.
    pub(crate) fn stream_kind(&self, resource: &Resource) -> IoKind {
        IoKind::of_type(self.texts.text(resource.concrete_type).unwrap_or_default())
    }

    /// The number alone says nothing: it may have been another one's when the descriptors were read.
    fn is_same(&self, resource: &Resource, stream: &Stream, kind: IoKind, descriptor: &Descriptor) -> bool {
        let read_ns = self.descriptors.reading().map_or(0, |reading| reading.at_ns);
        let kinds = match kind {
            IoKind::Pipe => matches!(descriptor.kind, IoKind::Pipe | IoKind::Unix | IoKind::File),
            // Of what type such a wrapper is, says nothing.
            IoKind::Stream => true,
            kind => kind == descriptor.kind,
        };
        let agree = |written: Option<&str>, read: &str| {
            written.is_none_or(|written| read.is_empty() || written == read)
        };
        let addresses = match descriptor.kind {
            // One is the path as the program wrote it, the other is whole, or its end.
            IoKind::File => self.texts.text(stream.local).is_none_or(|path| {
                let name = |path: &str| path.rsplit('/').next().map(str::to_owned);
                kind != IoKind::File || name(path) == name(&descriptor.local)
            }),
            IoKind::Pipe => true,
            _ if kind == IoKind::Pipe => true,
            _ => {
                agree(self.texts.text(stream.local), &descriptor.local)
                    && agree(self.texts.text(stream.peer), &descriptor.peer)
            }
        };
        kinds && addresses && resource.created_ns <= read_ns
    }
}
