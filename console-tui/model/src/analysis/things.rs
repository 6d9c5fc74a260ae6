//! Sockets, pipes and files as one list: the figures of a wrapper and of the operating system for the same one, joined.
//!
//! Invariant: two sockets are never mixed. A wrapper and a descriptor are one only when number, kind and addresses agree and the wrapper
//! is older than the reading: a number is used again.

use rustc_hash::FxHashSet;

use crate::{
    analysis::{Analysis, locks::Waiter},
    format::{SPARK_WIDTH, exact},
    id::{DescriptorId, IoKey, ResourceKey, SiteId},
    store::{
        descriptors::{Descriptor, port},
        io::{BOTH_WAYS, IoKind, Stream},
        resources::{Op, Resource},
    },
};

/// Something of I/O, with all that is known of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Thing<'a> {
    pub(crate) kind: IoKind,
    pub(crate) resource: Option<&'a Resource>,
    pub(crate) stream: Option<&'a Stream>,
    pub(crate) descriptor: Option<&'a Descriptor>,
    key: IoKey,
}

impl<'a> Thing<'a> {
    fn of_descriptor(descriptor: &'a Descriptor) -> Self {
        Self {
            kind: descriptor.kind,
            resource: None,
            stream: None,
            descriptor: Some(descriptor),
            key: IoKey::Descriptor(descriptor.id),
        }
    }

    pub(crate) fn key(&self) -> IoKey {
        self.key
    }

    pub(crate) fn fd(&self) -> Option<u32> {
        self.descriptor.map(|of| of.fd).or(self.stream.and_then(|of| of.fd))
    }

    pub(crate) fn site(&self) -> SiteId {
        self.resource.map_or(SiteId::NONE, |resource| resource.site)
    }

    /// `backlog 3/1,024`; `None`: it does not listen, or unknown.
    pub(crate) fn backlog_words(&self) -> Option<String> {
        let descriptor = self.descriptor.filter(|_| self.kind.listens())?;
        let max = descriptor.max_backlog.map_or_else(String::new, |max| format!("/{}", exact(max)));
        Some(format!("backlog {}{max}", exact(descriptor.backlog?)))
    }

    /// What the wrapper moved; without one, what the kernel did. `None`: unknown.
    pub(crate) fn in_bytes(&self) -> Option<u64> {
        match self.stream {
            Some(stream) => (stream.uncounted_reads == 0).then_some(stream.in_bytes),
            None => self.descriptor?.tcp.as_ref()?.received_bytes,
        }
    }

    /// Why its bytes are not known, and what to do about it: a sentence. `None`: they are known, or it carries none.
    pub(crate) fn why_no_bytes(&self) -> Option<&'static str> {
        match (self.stream, self.kind) {
            (Some(stream), _) => (stream.uncounted_reads > 0 || stream.uncounted_writes > 0).then_some(
                "The program makes system calls of its own on it (try_io): their bytes are not counted.",
            ),
            (None, IoKind::Udp) => {
                Some("The kernel counts no bytes of UDP sockets. taskscope::net::UdpSocket does.")
            }
            (None, IoKind::Unix) => {
                Some("The kernel counts no bytes of Unix sockets. taskscope::net::UnixStream does.")
            }
            (None, IoKind::Pipe) => Some("The kernel counts no bytes of pipes."),
            _ => None,
        }
    }

    pub(crate) fn out_bytes(&self) -> Option<u64> {
        match self.stream {
            Some(stream) => (stream.uncounted_writes == 0).then_some(stream.out_bytes),
            None => self.descriptor?.tcp.as_ref()?.acked_bytes,
        }
    }
}

impl<'a> Analysis<'a> {
    /// All sockets, pipes and files, each once; those with a wrapper first, in the order of their slots.
    pub(crate) fn things(self) -> Vec<Thing<'a>> {
        let mut slots: Vec<u32> = self.store.resources.streams.streams().map(|(slot, _)| slot).collect();
        slots.sort_unstable();
        let mut joined: FxHashSet<DescriptorId> = FxHashSet::default();
        let mut things: Vec<Thing<'_>> = Vec::with_capacity(slots.len());
        for slot in slots {
            let of = self
                .store
                .resources
                .in_slot(slot)
                .filter(|of| !self.store.stream_kind(of).is_of_the_process());
            let Some(thing) = of.and_then(|of| self.wrapped(of)) else { continue };
            joined.extend(thing.descriptor.map(|of| of.id));
            things.push(thing);
        }
        let alone = self.store.descriptors.list().iter().filter(|of| !joined.contains(&of.id));
        things.extend(alone.map(Thing::of_descriptor));
        things
    }

    /// The keys of all streams and descriptors, in no order; of those joined, both.
    pub(crate) fn io_keys(self) -> Vec<IoKey> {
        let streams = self.store.resources.streams.streams();
        let streams = streams.filter_map(|(slot, _)| self.store.resources.in_slot(slot));
        let descriptors = self.store.descriptors.list().iter().map(|of| IoKey::Descriptor(of.id));
        streams.map(|of| IoKey::Resource(of.key)).chain(descriptors).collect()
    }

    /// It is one of [`Self::things`].
    pub(crate) fn is_socket(self, key: IoKey) -> bool {
        match key {
            IoKey::Resource(key) => self.stream_of(key).is_some_and(|kind| !kind.is_of_the_process()),
            // A wrapper around it is the thing.
            IoKey::Descriptor(id) => {
                let descriptor = self.store.descriptors.get(id);
                descriptor.is_some_and(|of| self.wrapper_of_fd(of).is_none())
            }
        }
    }

    /// It is one of [`Self::signals_and_children`].
    pub(crate) fn is_of_the_process(self, key: IoKey) -> bool {
        let IoKey::Resource(key) = key else { return false };
        self.stream_of(key).is_some_and(IoKind::is_of_the_process)
    }

    fn stream_of(self, key: ResourceKey) -> Option<IoKind> {
        let resource = self.store.resources.resource(key)?;
        self.store.resources.streams.stream(key.slot)?;
        Some(self.store.stream_kind(resource))
    }

    /// Signals that the program listens for, and child processes, in the order of their slots.
    pub(crate) fn signals_and_children(self) -> Vec<Thing<'a>> {
        let streams = self.store.resources.streams.streams();
        let of = streams.filter_map(|(slot, _)| self.store.resources.in_slot(slot));
        let of = of.filter(|of| self.store.stream_kind(of).is_of_the_process());
        let mut things: Vec<Thing<'_>> = of.filter_map(|of| self.wrapped(of)).collect();
        things.sort_unstable_by_key(Thing::key);
        things
    }

    /// `None`: it is no more, or never was.
    pub(crate) fn thing(self, key: IoKey) -> Option<Thing<'a>> {
        match key {
            IoKey::Resource(key) => {
                let resource = self.store.resources.resource(key)?;
                self.wrapped(resource).or_else(|| self.timer(resource))
            }
            IoKey::Descriptor(id) => self.store.descriptors.get(id).map(Thing::of_descriptor),
        }
    }

    /// The wrapper around a descriptor: where there is one, that is the thing.
    pub(crate) fn wrapper_of(self, id: DescriptorId) -> Option<ResourceKey> {
        self.wrapper_of_fd(self.store.descriptors.get(id)?)
    }

    /// As [`Self::wrapper_of`].
    pub(crate) fn wrapper_of_fd(self, descriptor: &Descriptor) -> Option<ResourceKey> {
        let with_fd = self.store.resources.streams.with_fd(descriptor.fd);
        let things = with_fd.filter_map(|slot| self.wrapped(self.store.resources.in_slot(slot)?));
        let around = things.filter(|thing| thing.descriptor.is_some_and(|of| of.id == descriptor.id));
        around.filter_map(|thing| thing.resource).map(|resource| resource.key).max()
    }

    fn wrapped(self, resource: &'a Resource) -> Option<Thing<'a>> {
        let stream = self.store.resources.streams.stream(resource.key.slot)?;
        let kind = self.store.stream_kind(resource);
        let descriptor = self.store.descriptor_of(resource, stream);
        Some(Thing {
            kind: descriptor.map_or(kind, |of| of.kind),
            resource: Some(resource),
            stream: Some(stream),
            descriptor,
            key: IoKey::Resource(resource.key),
        })
    }

    fn timer(self, resource: &'a Resource) -> Option<Thing<'a>> {
        self.is_timer(resource).then_some(Thing {
            kind: IoKind::Timer,
            resource: Some(resource),
            stream: None,
            descriptor: None,
            key: IoKey::Resource(resource.key),
        })
    }

    pub(crate) fn io_local(self, thing: &Thing<'a>) -> Option<&'a str> {
        let read = thing.descriptor.map(|of| of.local.as_str()).filter(|text| !text.is_empty());
        thing.stream.and_then(|of| self.store.texts.text(of.local)).or(read)
    }

    pub(crate) fn io_peer(self, thing: &Thing<'a>) -> Option<&'a str> {
        let read = thing.descriptor.map(|of| of.peer.as_str()).filter(|text| !text.is_empty());
        thing.stream.and_then(|of| self.store.texts.text(of.peer)).or(read)
    }

    /// The other end opened it: this process listens at its port, or did; `None`: unknown, or it is no connection.
    pub(crate) fn is_accepted(self, thing: &Thing) -> Option<bool> {
        match (thing.kind, self.io_local(thing), self.io_peer(thing)) {
            // The reading must be younger than it: of a new one it may not know the listener.
            (IoKind::Tcp, Some(local), _) => {
                let accepted = self.store.descriptors.was_accepted_at(port(local)?);
                accepted.filter(|accepted| *accepted || thing.descriptor.is_some())
            }
            // Who connects has no name, who is connected to has the listener's.
            (IoKind::Unix, None, Some(_)) => Some(false),
            _ => None,
        }
    }

    /// `10.0.0.4:8080 ← 10.0.0.9:51522`, `0.0.0.0:8080`, `/var/log/app.log`; `None`: unknown.
    pub(crate) fn io_addresses(self, thing: &Thing) -> Option<String> {
        let arrow = match self.is_accepted(thing) {
            Some(true) => '←',
            None if thing.kind == IoKind::Tcp => '↔',
            Some(false) | None => '→',
        };
        match (self.io_local(thing), self.io_peer(thing)) {
            (Some(local), Some(peer)) => Some(format!("{local} {arrow} {peer}")),
            (Some(local), None) => Some(local.to_owned()),
            (None, Some(peer)) => Some(format!("{arrow} {peer}")),
            (None, None) => None,
        }
    }

    /// `TcpStream 10.0.0.4:8080 ← 10.0.0.9:51522`, `tcp 12 10.0.0.4:8080`.
    pub(crate) fn io_words(self, thing: &Thing) -> String {
        if let Some(resource) = thing.resource {
            return self.resource_words(resource);
        }
        let fd = thing.fd().map_or_else(String::new, |fd| format!(" fd {fd}"));
        match self.io_addresses(thing) {
            Some(addresses) => format!("{}{fd} {addresses}", thing.kind.word()),
            None => format!("{}{fd}", thing.kind.word()),
        }
    }

    /// What a wrapper is around, in words; `None`: it is none, or unknown.
    pub(crate) fn stream_words(self, resource: &Resource) -> Option<String> {
        let thing = self.wrapped(resource)?;
        if thing.kind.is_of_the_process() {
            return self.io_local(&thing).map(str::to_owned);
        }
        self.io_addresses(&thing)
    }

    /// Bytes a second, in and out; `None`: unknown.
    pub(crate) fn io_rates(self, thing: &Thing) -> (Option<f64>, Option<f64>) {
        let own = thing.resource.filter(|_| thing.stream.is_some());
        let own = own.and_then(|of| {
            self.store.resources.streams.windows.rates(of.key.slot, &self.store.histories.ticks)
        });
        let past = thing.descriptor.map(|of| &of.past);
        match own {
            Some([into, out, ..]) => (thing.in_bytes().and(Some(into)), thing.out_bytes().and(Some(out))),
            None => (past.and_then(|past| past.in_per_s), past.and_then(|past| past.out_per_s)),
        }
    }

    /// Bytes over the last seconds; heights 0 to 8.
    pub(crate) fn io_spark(self, thing: &Thing) -> Option<[u8; SPARK_WIDTH as usize]> {
        let windows = &self.store.resources.streams.windows;
        let own = thing.resource.filter(|_| thing.stream.is_some());
        let own = own.and_then(|of| windows.spark(of.key.slot, BOTH_WAYS, &self.store.histories.ticks));
        own.or_else(|| thing.descriptor?.past.spark())
    }

    /// Those who wait on it, in the order in which they came.
    pub(crate) fn io_waiters(self, thing: &Thing) -> Vec<Waiter<'a>> {
        thing.resource.map_or_else(Vec::new, |resource| self.waiters(resource.key))
    }

    /// What an operation does, in a word: `read`, `accept`.
    pub(crate) fn method(self, op: &Op) -> &'a str {
        let words = self.op_words(op);
        words.rsplit("::").next().unwrap_or(words)
    }
}
