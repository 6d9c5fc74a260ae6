//! The lints about sockets, pipes and descriptors: each finding is about one of them, or about those of one place.
//!
//! Invariants: silence accuses nobody. A connection is idle and healthy until its own counters say otherwise: bytes that nobody takes, segments
//! sent again, a question without an answer. Who waits is told by a wrapper, and nobody is said to wait where there is none.
//!
//! Limit: [`MAX_TOLD`] findings of a lint, the worst first, the rest is counted; [`MAX_TASKS`] tasks in each. One pass costs one look at each
//! operation and stream, and more at those with a descriptor, of which there are
//! [`MAX_DESCRIPTORS`](taskscope_proto::limits::MAX_DESCRIPTORS) at most.

mod leaks;
mod peers;
mod queues;

use std::{fmt::Write as _, net::SocketAddr};

use rustc_hash::FxHashMap;

use crate::{
    format::{duration_ns, exact},
    id::{IoKey, ResourceKey, SiteId, TaskKey},
    lint::{LintConfig, LintKind, Severity, findings::Finding},
    screen::findings::{FindingId, Subject},
    store::{
        Store,
        descriptors::Descriptor,
        graph::task_of,
        io::{IoKind, things::Thing},
        resources::Op,
        task::State,
    },
};

/// Findings of one lint: a screen of them is as good as a thousand.
const MAX_TOLD: usize = 32;
/// Tasks that a finding keeps; its count says how many there are.
const MAX_TASKS: usize = 256;
const NS_PER_MS: u64 = 1_000_000;

/// What a task waits for on a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Way {
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

/// One that was found, before the limit.
struct Found {
    lint: LintKind,
    severity: Severity,
    subject: Subject,
    site: SiteId,
    /// Of two of a lint the one with more is the worse.
    weight: u64,
    message: String,
    advice: &'static str,
    tasks: Vec<TaskKey>,
}

/// One look at all of I/O.
struct Pass<'a> {
    store: &'a Store,
    config: &'a LintConfig,
    /// The oldest wait of each way, by the slot of the stream; of idle tasks only.
    waits: FxHashMap<(u32, Way), &'a Op>,
    /// Where this process listens, and the kernel has no room for another connection.
    full: Vec<SocketAddr>,
    found: Vec<Found>,
}

/// Everything that is found now.
pub(crate) fn find(store: &Store, config: &LintConfig) -> Vec<Finding> {
    let mut pass =
        Pass { store, config, waits: waits(store), full: full_listeners(store), found: Vec::new() };
    let streams: Vec<ResourceKey> = pass.suspects();
    for key in streams {
        if let Some(thing) = store.thing(IoKey::Resource(key)) {
            pass.look_at(&thing);
        }
    }
    for descriptor in store.descriptors.list() {
        // Those with a wrapper come with it.
        if store.wrapper_of_fd(descriptor).is_none()
            && let Some(thing) = store.thing(IoKey::Descriptor(descriptor.id))
        {
            pass.look_at(&thing);
        }
    }
    pass.leaks();
    pass.finish()
}

/// An operation is only held against a stream while its task does nothing else. Of those who wait for something to come in, only the ones
/// whose descriptor is known say anything.
fn waits(store: &Store) -> FxHashMap<(u32, Way), &Op> {
    let mut waits: FxHashMap<(u32, Way), &Op> = FxHashMap::default();
    for op in store.resources.ops().filter(|op| op.is_waiting()) {
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

fn full_listeners(store: &Store) -> Vec<SocketAddr> {
    let full = |of: &&Descriptor| of.kind == IoKind::TcpListener && of.past.full_since_ns.is_some();
    let listeners = store.descriptors.list().iter().filter(full);
    listeners.filter_map(|of| address(&of.local)).collect()
}

/// `[::ffff:10.0.0.4]:80` is `10.0.0.4:80`.
fn address(text: &str) -> Option<SocketAddr> {
    let address: SocketAddr = text.parse().ok()?;
    Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
}

fn is_idle(store: &Store, op: &Op) -> bool {
    op.stats.task.and_then(|key| store.task(key)).is_some_and(|task| task.stats.state == State::Idle)
}

impl<'a> Pass<'a> {
    /// Streams that somebody waits on, and those with a descriptor: the others say nothing.
    fn suspects(&self) -> Vec<ResourceKey> {
        let streams = &self.store.resources.streams;
        let with_fd = self.store.descriptors.list().iter().flat_map(|of| streams.with_fd(of.fd));
        let slots = with_fd.chain(self.waits.keys().map(|(slot, _)| *slot));
        let mut keys: Vec<ResourceKey> =
            slots.filter_map(|slot| self.store.resources.in_slot(slot)).map(|of| of.key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The first that says something of it has said enough: the cause before what follows from it.
    fn look_at(&mut self, thing: &Thing<'a>) {
        if thing.kind == IoKind::File || thing.kind.is_of_the_process() {
            return;
        }
        self.backlog(thing);
        self.storm(thing);
        if !self.ready(thing) && !self.dead_peer(thing) {
            self.slow_consumer(thing);
        }
    }

    fn wait(&self, thing: &Thing, way: Way) -> Option<&'a Op> {
        self.waits.get(&(thing.resource?.key.slot, way)).copied()
    }

    /// Its task has been polled since, and not for this: a timeout or a `select` may have gone another way.
    fn left_out(&self, op: &Op) -> bool {
        op.stats.task.and_then(|key| self.store.task(key)).is_some_and(|task| task.left_out(op))
    }

    /// How long something stood as the readings saw it: of the time after the last one they say nothing.
    fn stood_ns(&self, since_ns: u64) -> u64 {
        let read_ns = self.store.descriptors.reading().map_or(0, |reading| reading.at_ns);
        read_ns.saturating_sub(since_ns)
    }

    fn stood(&self, since_ns: u64, ms: u64) -> bool {
        self.stood_ns(since_ns) >= ms.saturating_mul(NS_PER_MS)
    }

    fn age_ns(&self, since_ns: u64) -> u64 {
        self.store.now_ns.saturating_sub(since_ns)
    }

    fn is_old(&self, since_ns: u64, ms: u64) -> bool {
        self.age_ns(since_ns) >= ms.saturating_mul(NS_PER_MS)
    }

    fn age(&self, since_ns: u64) -> String {
        duration_ns(self.age_ns(since_ns))
    }

    fn who(&self, op: &Op) -> String {
        self.store.who_words(op.who()).unwrap_or_else(|| "somebody unknown".to_owned())
    }

    /// `TcpStream 10.0.0.4:8080 ← 10.0.0.7:40100 (fd 31, made at src/main.rs:40)`
    fn name(&self, thing: &Thing) -> String {
        let words = self.store.io_words(thing);
        let fd = thing.fd().filter(|_| thing.resource.is_some()).map(|fd| format!("fd {fd}"));
        let place = self.store.short_place(thing.site()).map(|place| format!("made at {place}"));
        let place = place.filter(|place| !words.contains(&place["made at ".len()..]));
        let aside: Vec<String> = fd.into_iter().chain(place).collect();
        if aside.is_empty() { words } else { format!("{words} ({})", aside.join(", ")) }
    }

    fn tell(
        &mut self,
        (lint, severity): (LintKind, Severity),
        thing: &Thing,
        (weight, message): (u64, String),
        advice: &'static str,
        waits: &[&Op],
    ) {
        let tasks = waits.iter().filter_map(|op| task_of(op.who())).take(MAX_TASKS).collect();
        let subject = match thing.key() {
            IoKey::Resource(key) => Subject::Resource(key),
            IoKey::Descriptor(id) => Subject::Descriptor(id),
        };
        self.found.push(Found {
            lint,
            severity,
            subject,
            site: thing.site(),
            weight,
            message,
            advice,
            tasks,
        });
    }

    /// The worst of each lint; that there are more is told with the last of them.
    fn finish(mut self) -> Vec<Finding> {
        self.found
            .sort_by_key(|of| (of.lint, std::cmp::Reverse((of.severity, of.weight)), of.subject, of.site));
        let mut list: Vec<Finding> = Vec::new();
        let mut told: FxHashMap<LintKind, usize> = FxHashMap::default();
        for found in self.found {
            let told = told.entry(found.lint).or_default();
            *told += 1;
            if *told <= MAX_TOLD {
                list.push(found.into());
            }
        }
        for (lint, more) in told.into_iter().filter(|(_, told)| *told > MAX_TOLD) {
            if let Some(last) = list.iter_mut().rfind(|finding| finding.id.lint == lint) {
                // Writing to a String does not fail.
                let _ = write!(last.message, " {} more are like this.", exact((more - MAX_TOLD) as u64));
            }
        }
        list
    }
}

impl From<Found> for Finding {
    fn from(found: Found) -> Self {
        let Found { lint, severity, subject, site, message, advice, tasks, .. } = found;
        let id = FindingId { lint, site, subject };
        Self { id, severity, count: tasks.len() as u64, message, advice, tasks, first_seen_ns: 0 }
    }
}
