//! `backlog-overflow`, `retransmit-storm` and `ready-not-polled`: what the kernel holds, and nobody takes in time.

use super::{Pass, Way};
use crate::{
    format::{UNKNOWN, bytes, count, duration_ns, exact, rate},
    id::ResourceKey,
    lint::{LintKind, Severity},
    store::{
        descriptors::Descriptor,
        io::{IoKind, things::Thing},
        resources::Op,
    },
};

/// Readings in a row that must all have seen retransmits.
const STORMY_READINGS: u32 = 2;

const BACKLOG: &str = "See what the task that accepts waits for: accept in a loop that does nothing else, and give the listener a longer backlog.";
const DATAGRAMS: &str =
    "Receive in a task that does nothing else, or give the socket a larger receive buffer.";
const STORM: &str = "The way to the peer loses what is sent: look at the network, not at the program.";
const READY: &str = "Its task was not woken, or what it waits in is never polled: see what drives its runtime, and whether the future is in a \
                     select that went another way.";

impl<'a> Pass<'a> {
    pub(super) fn backlog(&mut self, thing: &Thing<'a>) {
        let lint = &self.config.backlog_overflow;
        let Some(descriptor) = thing.descriptor.filter(|_| lint.enabled) else { return };
        let past = &descriptor.past;
        // A burst that passes, as when all clients come back at once, is none; what goes on is.
        let goes_on = past.dropped_before_ns.is_some_and(|at_ns| !self.stood(at_ns, lint.recent_ms));
        let dropped = past.dropped_ns.filter(|_| goes_on).map(|at_ns| (past.dropped, self.age(at_ns)));
        if thing.kind == IoKind::Udp {
            let Some((dropped, ago)) = dropped else { return };
            let message = format!(
                "{} dropped {} datagrams since somebody looks, the last {ago} ago, as when its receive queue is full ({} now).",
                self.name(thing),
                exact(dropped),
                descriptor.recv_queue_bytes.map_or_else(|| UNKNOWN.to_owned(), bytes),
            );
            let waits: Vec<&Op> = self.wait(thing, Way::In).into_iter().collect();
            let found = (LintKind::BacklogOverflow, Severity::Warning);
            return self.tell(found, thing, (dropped, message), DATAGRAMS, &waits);
        }
        let is_full = past.full_since_ns.is_some_and(|since_ns| self.stood(since_ns, lint.full_ms));
        if !thing.kind.listens() || (!is_full && dropped.is_none()) {
            return;
        }
        let (backlog, max) = (descriptor.backlog.unwrap_or(0), descriptor.max_backlog.unwrap_or(0));
        let full = is_full.then(|| {
            format!("has {} connections in its backlog, and room for {}", exact(backlog), exact(max))
        });
        let away = dropped.as_ref().map(|(dropped, ago)| {
            let and = if is_full { "it " } else { "" };
            format!(
                "{and}turned {} connection attempts away since somebody looks, the last {ago} ago",
                exact(*dropped)
            )
        });
        let wait = self.wait(thing, Way::In);
        let accepts = match wait {
            Some(op) => Some(format!("{} waits in accept", self.who(op))),
            None => thing
                .resource
                .filter(|of| self.nobody_accepts(of.key))
                .map(|_| "nobody waits in accept".to_owned()),
        };
        let said: Vec<String> = [full, away, accepts].into_iter().flatten().collect();
        let message = format!("{} {}.", self.name(thing), said.join("; "));
        let waits: Vec<&Op> = wait.into_iter().collect();
        let weight = dropped.map_or(0, |(dropped, _)| dropped).saturating_add(backlog);
        self.tell((LintKind::BacklogOverflow, Severity::Warning), thing, (weight, message), BACKLOG, &waits);
    }

    /// Not even one whose task has just been woken, or is not known.
    fn nobody_accepts(&self, listener: ResourceKey) -> bool {
        !self.store.resources.ops_on(listener).any(Op::is_waiting)
    }

    pub(super) fn storm(&mut self, thing: &Thing<'a>) {
        let lint = &self.config.retransmit_storm;
        let Some(descriptor) = thing.descriptor.filter(|_| lint.enabled) else { return };
        let Some(per_s) = descriptor.past.retransmits_per_s.filter(|per_s| *per_s >= lint.per_s) else {
            return;
        };
        let Some(tcp) = descriptor.tcp.as_ref().filter(|_| descriptor.past.retransmitting >= STORMY_READINGS)
        else {
            return;
        };
        let message = format!(
            "{} sends {} segments a second again, {} in all{}.",
            self.name(thing),
            rate(per_s),
            count(tcp.total_retransmits),
            if tcp.rtt_ns > 0 {
                format!("; its round trip takes {}", duration_ns(tcp.rtt_ns))
            } else {
                String::new()
            },
        );
        let found = (LintKind::RetransmitStorm, Severity::Warning);
        self.tell(found, thing, (per_s as u64, message), STORM, &[]);
    }

    /// True: it was told of.
    pub(super) fn ready(&mut self, thing: &Thing<'a>) -> bool {
        let lint = &self.config.ready_not_polled;
        let Some(descriptor) = thing.descriptor.filter(|_| lint.enabled) else { return false };
        // The task must have waited for as long as it was ready, and what is ready was seen at readings alone.
        let stuck = |way: Way, ready_ns: Option<u64>| {
            let (op, ready_ns) = (self.wait(thing, way)?, ready_ns?);
            let since_ns = ready_ns.max(op.created_ns).max(op.stats.state_since_ns);
            self.stood(since_ns, lint.ready_ms).then_some((op, self.stood_ns(since_ns)))
        };
        let (op, stood_ns, what) =
            if let Some((op, stood_ns)) = stuck(Way::In, descriptor.past.unread_since_ns) {
                (op, stood_ns, unread(descriptor))
            } else if let Some((op, stood_ns)) = stuck(Way::Out, descriptor.past.writable_since_ns)
                && thing.kind == IoKind::Tcp
            {
                (op, stood_ns, "there is room to write".to_owned())
            } else {
                return false;
            };
        let left_out = self.left_out(op);
        let message = format!(
            "{} {} in {} on {}{}, although {what} for {}.",
            self.who(op),
            if left_out { "was last seen waiting" } else { "waits" },
            self.store.method(op),
            self.name(thing),
            if left_out { ", and has been polled since without it" } else { "" },
            duration_ns(stood_ns),
        );
        // Who has turned to something else may not want it any more.
        let severity = if left_out { Severity::Warning } else { Severity::Critical };
        self.tell((LintKind::ReadyNotPolled, severity), thing, (stood_ns, message), READY, &[op]);
        true
    }
}

fn unread(descriptor: &Descriptor) -> String {
    match (descriptor.backlog, descriptor.recv_queue_bytes) {
        (Some(backlog), _) => format!("{} connections have been there to accept", exact(backlog)),
        (None, Some(queue)) => format!("{} have been there to read", bytes(queue)),
        (None, None) => "something has been there to read".to_owned(),
    }
}
