//! `ready-not-polled`: a task that waits on a socket which has long been ready.

use crate::{
    analysis::things::Thing,
    format::{bytes, duration_ns, exact},
    lints::{
        LintKind,
        judged::Need,
        lint::{Check, Group, Lint, Rank, thresholds},
        pass::io::{IoPass, Way},
    },
    severity::Severity,
    store::{descriptors::Descriptor, io::IoKind},
};

thresholds! {
    ReadyNotPolled {
        /// It is ready, and its task waits, for this long.
        ready_ms: u64 = 3000,
    }
}

const ADVICE: &str = "Its task was not woken, or what it waits in is never polled: see what drives its runtime, and whether the future is in a \
                     select that went another way.";

pub(super) static LINT: Lint = Lint {
    help: "a task that waits on a socket which has long been ready",
    group: Group::Io,
    rank: Rank::Effect,
    needs: Need::Descriptors,
    example: "session #12 waits in read on TcpStream 10.0.0.4:8080 ← 10.0.0.7:40100 (fd 31, made at src/server.rs:22), although 4.1 K have been there to read for 12.0 s.",
    advice: &[ADVICE],
    thresholds: ReadyNotPolled::THRESHOLDS,
    check: Check::Stream(check),
};

fn check<'a>(pass: &mut IoPass<'a>, thing: &Thing<'a>) -> bool {
    pass.ready(thing)
}

impl<'a> IoPass<'a> {
    fn ready(&mut self, thing: &Thing<'a>) -> bool {
        let lint = &self.config.ready_not_polled;
        let Some(descriptor) = thing.descriptor else { return false };
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
            self.who_waits(op),
            if left_out { "was last seen waiting" } else { "waits" },
            self.store.method(op),
            self.name(thing),
            if left_out { ", and has been polled since without it" } else { "" },
            duration_ns(stood_ns),
        );
        // Who has turned to something else may not want it any more.
        let severity = if left_out { Severity::Warning } else { Severity::Critical };
        self.report((LintKind::ReadyNotPolled, severity), thing, (stood_ns, message), ADVICE, &[op]);
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
