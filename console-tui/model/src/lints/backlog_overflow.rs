//! `backlog-overflow`: a listener that turns connections away, or a socket that drops datagrams.

use crate::{
    analysis::things::Thing,
    format::{UNKNOWN, bytes, exact},
    id::ResourceKey,
    lints::{
        LintKind,
        judged::Need,
        lint::{Check, Group, Lint, Rank, thresholds},
        pass::io::{IoPass, Way},
    },
    severity::Severity,
    store::{io::IoKind, resources::Op},
};

thresholds! {
    BacklogOverflow {
        /// Something was turned away twice within this time, …
        recent_ms: u64 = 30000,
        /// … or the backlog has been full for this long.
        full_ms: u64 = 1000,
    }
}

const BACKLOG: &str = "See what the task that accepts waits for: accept in a loop that does nothing else, and give the listener a longer backlog.";
const DATAGRAMS: &str =
    "Receive in a task that does nothing else, or give the socket a larger receive buffer.";

pub(super) static LINT: Lint = Lint {
    help: "a listener that turns connections away, or a socket that drops datagrams",
    group: Group::Io,
    rank: Rank::Cause,
    needs: Need::Descriptors,
    example: "TcpListener 127.0.0.1:8080 (fd 9, made at src/main.rs:30) has 129 connections in its backlog, and room for 128; it turned 12 connection attempts away since this console connected, the last 1.20 s ago; no task waits in accept.",
    advice: &[BACKLOG, DATAGRAMS],
    thresholds: BacklogOverflow::THRESHOLDS,
    check: Check::Stream(check),
};

fn check<'a>(pass: &mut IoPass<'a>, thing: &Thing<'a>) -> bool {
    pass.backlog(thing);
    false
}

impl<'a> IoPass<'a> {
    fn backlog(&mut self, thing: &Thing<'a>) {
        let lint = &self.config.backlog_overflow;
        let Some(descriptor) = thing.descriptor else { return };
        let past = &descriptor.past;
        // A burst that passes, as when all clients come back at once, is none; what goes on is.
        let goes_on = past.dropped_before_ns.is_some_and(|at_ns| !self.stood(at_ns, lint.recent_ms));
        let dropped = past.dropped_ns.filter(|_| goes_on).map(|at_ns| (past.dropped, self.age(at_ns)));
        if thing.kind == IoKind::Udp {
            let Some((dropped, ago)) = dropped else { return };
            let message = format!(
                "{} dropped {} datagrams since this console connected, the last {ago} ago, as when its receive queue is full ({} now).",
                self.name(thing),
                exact(dropped),
                descriptor.recv_queue_bytes.map_or_else(|| UNKNOWN.to_owned(), bytes),
            );
            let waits: Vec<&Op> = self.wait(thing, Way::In).into_iter().collect();
            let found = (LintKind::BacklogOverflow, Severity::Warning);
            return self.report(found, thing, (dropped, message), DATAGRAMS, &waits);
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
                "{and}turned {} connection attempts away since this console connected, the last {ago} ago",
                exact(*dropped)
            )
        });
        let wait = self.wait(thing, Way::In);
        let accepts = match wait {
            Some(op) => Some(format!("{} waits in accept", self.who_waits(op))),
            None => thing
                .resource
                .filter(|of| self.no_one_accepts(of.key))
                .map(|_| "no task waits in accept".to_owned()),
        };
        let said: Vec<String> = [full, away, accepts].into_iter().flatten().collect();
        let message = format!("{} {}.", self.name(thing), said.join("; "));
        let waits: Vec<&Op> = wait.into_iter().collect();
        let weight = dropped.map_or(0, |(dropped, _)| dropped).saturating_add(backlog);
        self.report(
            (LintKind::BacklogOverflow, Severity::Warning),
            thing,
            (weight, message),
            BACKLOG,
            &waits,
        );
    }

    /// Not even one whose task has just been woken, or is not known.
    fn no_one_accepts(&self, listener: ResourceKey) -> bool {
        !self.store.resources.ops_on(listener).any(Op::is_waiting)
    }
}
