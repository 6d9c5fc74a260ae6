//! `slow-consumer`: a connection whose other end does not read what it is sent.

use crate::{
    analysis::things::Thing,
    format::{bytes, duration_ns},
    lints::{
        LintKind,
        judged::Need,
        lint::{Check, Group, Lint, Rank, thresholds},
        pass::io::{IoPass, Way},
    },
    severity::Severity,
    store::{descriptors::Tcp, io::IoKind, resources::Op},
};

thresholds! {
    SlowConsumer {
        /// A task waits for room to write for this long, or for this long the peer has taken nothing of what is there to send.
        wait_ms: u64 = 2000,
    }
}

const ADVICE: &str = "Give the write a timeout, and close or drop what a client does not take; keep what others wait for out of the task \
                    that writes to it.";

pub(super) static LINT: Lint = Lint {
    help: "a connection whose other end does not read what it is sent",
    group: Group::Io,
    rank: Rank::Cause,
    needs: Need::Descriptors,
    example: "The peer of TcpStream 10.0.0.4:8080 ← 10.0.0.7:40100 (fd 31, made at src/server.rs:22) does not read: fanout #3 has waited 16.3 s for room to write, 2.5 M wait in its send queue, no progress for 16.2 s.",
    advice: &[ADVICE],
    thresholds: SlowConsumer::THRESHOLDS,
    check: Check::Stream(check),
};

fn check<'a>(pass: &mut IoPass<'a>, thing: &Thing<'a>) -> bool {
    pass.slow_consumer(thing);
    false
}

impl<'a> IoPass<'a> {
    fn slow_consumer(&mut self, thing: &Thing<'a>) {
        let ms = self.config.slow_consumer.wait_ms;
        let wait =
            self.wait(thing, Way::Out).filter(|op| self.is_old(op.created_ns, ms) && !self.left_out(op));
        let tcp = thing.descriptor.and_then(|of| of.tcp.as_ref());
        let stalled_ns = thing.descriptor.and_then(|of| of.past.unacked_since_ns);
        let stalled_ns =
            stalled_ns.filter(|since_ns| self.stood(*since_ns, ms) && tcp.is_some_and(has_unsent));
        let queue = thing.descriptor.and_then(|of| of.send_queue_bytes);
        // Where the kernel has nothing under way, the wait is no fault of the peer.
        let nothing_queued = queue == Some(0) && matches!(thing.kind, IoKind::Tcp | IoKind::Unix);
        if thing.kind.listens() || nothing_queued || (wait.is_none() && stalled_ns.is_none()) {
            return;
        }
        let mut said: Vec<String> = Vec::new();
        if let Some(op) = wait {
            said.push(format!(
                "{} has waited {} for room to write",
                self.who_waits(op),
                self.age(op.created_ns)
            ));
        }
        if let Some(queue) = queue.filter(|queue| *queue > 0) {
            said.push(format!("{} wait in its send queue", bytes(queue)));
        }
        if let Some(since_ns) = stalled_ns {
            said.push(format!("no progress for {}", duration_ns(self.stood_ns(since_ns))));
        }
        let message = format!("The peer of {} does not read: {}.", self.name(thing), said.join(", "));
        let stalled = stalled_ns.map_or(0, |since_ns| self.stood_ns(since_ns));
        let weight = wait.map_or(stalled, |op| self.age_ns(op.created_ns));
        let waits: Vec<&Op> = wait.into_iter().collect();
        self.report((LintKind::SlowConsumer, Severity::Warning), thing, (weight, message), ADVICE, &waits);
    }
}

/// The peer's window is closed: there is something to send, and it is not sent.
fn has_unsent(tcp: &Tcp) -> bool {
    tcp.unsent_bytes.is_some_and(|unsent| unsent > 0)
}
