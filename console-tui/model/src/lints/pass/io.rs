//! One look at sockets, pipes and descriptors: what the lints about them share.
//!
//! Invariants: silence accuses no one. A connection is idle and healthy until its own counters say otherwise: bytes that are not taken,
//! segments sent again, a question without an answer. Who waits is known of wrappers alone; where there is none, no task is said to wait.
//!
//! Limit: [`MAX_SHOWN`] findings of a lint, the worst first, the rest is counted. One pass costs one look at each operation and stream,
//! and more at those with a descriptor, of which there are [`MAX_DESCRIPTORS`](taskscope_proto::limits::MAX_DESCRIPTORS) at most.

use std::{cmp::Reverse, fmt::Write as _, net::SocketAddr, ops::Deref};

use rustc_hash::FxHashMap;

use crate::{
    analysis::{Analysis, things::Thing},
    format::exact,
    id::{IoKey, ResourceKey},
    lints::{
        LintKind,
        findings::{Claim, Finding, FindingId, Subject},
        lint::{Check, StreamCheck, ns},
        pass::Look,
    },
    store::{
        descriptors::Descriptor,
        io::IoKind,
        resources::Op,
        task::{Agent, State},
    },
};

/// Findings of one lint: a screen of them is as good as a thousand.
const MAX_SHOWN: usize = 32;

/// What a task waits for on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Way {
    /// For something to read, or to accept.
    In,
    /// For room to write.
    Out,
    /// For the other end to take the connection.
    Connect,
}

/// The way of an operation, by its name; `None`: it is none of these.
fn way(method: &str) -> Option<Way> {
    let starts = |begins: &[&str]| begins.iter().any(|begin| method.starts_with(begin));
    if starts(&["connect"]) {
        Some(Way::Connect)
    } else if starts(&["write", "writable", "send", "flush", "shutdown"]) {
        Some(Way::Out)
    } else if starts(&["read", "peek", "recv", "accept"]) {
        Some(Way::In)
    } else {
        None
    }
}

/// One look at all of I/O.
pub(crate) struct IoPass<'a> {
    pub(crate) look: Look<'a>,
    /// The oldest wait of each way, by the slot of the stream; of idle tasks only.
    waits: FxHashMap<(u32, Way), &'a Op>,
    /// Where this process listens, and the kernel has no room for another connection.
    pub(crate) full: Vec<SocketAddr>,
    /// With a weight each: of two of a lint the one with more is the worse.
    pub(crate) found: Vec<(u64, Finding)>,
}

impl<'a> Deref for IoPass<'a> {
    type Target = Look<'a>;

    fn deref(&self) -> &Look<'a> {
        &self.look
    }
}

/// Everything that is found now.
pub(crate) fn find(look: Look<'_>) -> Vec<Finding> {
    let store = look.store;
    let mut pass = IoPass { look, waits: waits(store), full: full_listeners(store), found: Vec::new() };
    let checks = look.checks().filter_map(|(_, check)| match check {
        Check::Stream(check) => Some(*check),
        _ => None,
    });
    let checks: Vec<StreamCheck> = checks.collect();
    for key in pass.suspects() {
        if let Some(thing) = store.thing(IoKey::Resource(key)) {
            pass.look_at(&thing, &checks);
        }
    }
    for descriptor in store.store().descriptors.list() {
        // Those with a wrapper come with it.
        if store.wrapper_of_fd(descriptor).is_none()
            && let Some(thing) = store.thing(IoKey::Descriptor(descriptor.id))
        {
            pass.look_at(&thing, &checks);
        }
    }
    for (_, check) in look.checks() {
        if let Check::Streams(check) = check {
            check(&mut pass);
        }
    }
    pass.finish()
}

/// An operation is only held against a stream while its task does nothing else. Of those who wait for something to come in, only the ones
/// whose descriptor is known say anything.
fn waits(store: Analysis<'_>) -> FxHashMap<(u32, Way), &Op> {
    let mut waits: FxHashMap<(u32, Way), &Op> = FxHashMap::default();
    for op in store.store().resources.ops().filter(|op| op.is_waiting()) {
        let Some(slot) = op.resource.map(|key| key.slot) else { continue };
        let Some(stream) = store.resources.streams.stream(slot) else { continue };
        let Some(way) = way(store.method(op)) else { continue };
        let has_descriptor = || stream.fd.is_some_and(|fd| store.descriptors.with_fd(fd).is_some());
        if (way == Way::In && !has_descriptor()) || !is_idle(store, op) {
            continue;
        }
        let oldest = waits.entry((slot, way)).or_insert(op);
        if op.created_ns < oldest.created_ns {
            *oldest = op;
        }
    }
    waits
}

fn full_listeners(store: Analysis<'_>) -> Vec<SocketAddr> {
    let full = |of: &&Descriptor| of.kind == IoKind::TcpListener && of.past.full_since_ns.is_some();
    let listeners = store.descriptors.list().iter().filter(full);
    listeners.filter_map(|of| address(&of.local)).collect()
}

/// `[::ffff:10.0.0.4]:80` is `10.0.0.4:80`.
pub(crate) fn address(text: &str) -> Option<SocketAddr> {
    let address: SocketAddr = text.parse().ok()?;
    Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
}

fn is_idle(store: Analysis<'_>, op: &Op) -> bool {
    op.stats.task.and_then(|key| store.task(key)).is_some_and(|task| task.stats.state == State::Idle)
}

impl<'a> IoPass<'a> {
    /// Streams that a task waits on, and those with a descriptor: the others say nothing.
    pub(crate) fn suspects(&self) -> Vec<ResourceKey> {
        let streams = &self.store.resources.streams;
        let with_fd = self.store.descriptors.list().iter().flat_map(|of| streams.with_fd(of.fd));
        let slots = with_fd.chain(self.waits.keys().map(|(slot, _)| *slot));
        let mut keys: Vec<ResourceKey> =
            slots.filter_map(|slot| self.store.resources.in_slot(slot)).map(|of| of.key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The first lint that explains why tasks wait is enough: the cause before what follows from it.
    pub(crate) fn look_at(&mut self, thing: &Thing<'a>, checks: &[StreamCheck]) {
        if thing.kind == IoKind::File || thing.kind.is_of_the_process() {
            return;
        }
        // The first true ends it.
        let _is_explained = checks.iter().any(|check| check(self, thing));
    }

    pub(crate) fn wait(&self, thing: &Thing, way: Way) -> Option<&'a Op> {
        self.waits.get(&(thing.resource?.key.slot, way)).copied()
    }

    /// Its task has been polled since, and not for this: a timeout or a `select` may have gone another way.
    pub(crate) fn left_out(&self, op: &Op) -> bool {
        op.stats.task.and_then(|key| self.store.task(key)).is_some_and(|task| task.left_out(op))
    }

    /// How long something stood as the readings saw it: of the time after the last one they say nothing.
    pub(crate) fn stood_ns(&self, since_ns: u64) -> u64 {
        let read_ns = self.store.descriptors.reading().map_or(0, |reading| reading.at_ns);
        read_ns.saturating_sub(since_ns)
    }

    pub(crate) fn stood(&self, since_ns: u64, ms: u64) -> bool {
        self.stood_ns(since_ns) >= ns(ms)
    }

    pub(crate) fn who_waits(&self, op: &Op) -> String {
        self.who(op.who())
    }

    /// `TcpStream 10.0.0.4:8080 ← 10.0.0.7:40100 (fd 31, made at src/main.rs:40)`
    pub(crate) fn name(&self, thing: &Thing) -> String {
        let words = self.store.io_words(thing);
        let fd = thing.fd().filter(|_| thing.resource.is_some()).map(|fd| format!("fd {fd}"));
        let place = self.store.short_place(thing.site()).map(|place| format!("made at {place}"));
        let place = place.filter(|place| !words.contains(&place["made at ".len()..]));
        let aside: Vec<String> = fd.into_iter().chain(place).collect();
        if aside.is_empty() { words } else { format!("{words} ({})", aside.join(", ")) }
    }

    pub(crate) fn report(
        &mut self,
        claim: impl Into<Claim>,
        thing: &Thing,
        (weight, message): (u64, String),
        advice: &'static str,
        waits: &[&Op],
    ) {
        let Claim { lint, severity, confidence } = claim.into();
        let subject = match thing.key() {
            IoKey::Resource(key) => Subject::Resource(key),
            IoKey::Descriptor(id) => Subject::Descriptor(id),
        };
        let tasks = waits.iter().map(|op| op.who()).filter(|who| matches!(who, Agent::Task(_)));
        let tasks: Vec<Agent> = tasks.collect();
        let id = FindingId { lint, site: thing.site(), subject };
        let finding = Finding::about(id, severity, &tasks, message, advice).with(confidence);
        self.found.push((weight, finding));
    }

    /// The worst of each lint; the last of them says how many more there are.
    pub(crate) fn finish(mut self) -> Vec<Finding> {
        self.found.sort_by_key(|(weight, of)| {
            (of.id.lint, Reverse((of.severity, *weight)), of.id.subject, of.id.site)
        });
        let mut list: Vec<Finding> = Vec::new();
        let mut counts: FxHashMap<LintKind, usize> = FxHashMap::default();
        for (_, finding) in self.found {
            let count = counts.entry(finding.id.lint).or_default();
            *count += 1;
            if *count <= MAX_SHOWN {
                list.push(finding);
            }
        }
        for (lint, count) in counts.into_iter().filter(|(_, count)| *count > MAX_SHOWN) {
            if let Some(last) = list.iter_mut().rfind(|finding| finding.id.lint == lint) {
                // Writing to a String does not fail.
                let _ = write!(last.message, " {} more are like this.", exact((count - MAX_SHOWN) as u64));
            }
        }
        list
    }
}
