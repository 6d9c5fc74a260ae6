//! `dead-peer` and `slow-consumer`: the other end does not answer, or does not take what it is sent.

use std::net::SocketAddr;

use super::{Pass, Way, address};
use crate::{
    format::{bytes, duration_ns, exact},
    lint::{LintKind, Severity},
    store::{
        descriptors::Tcp,
        io::{IoKind, things::Thing},
        resources::Op,
    },
};

/// Segments sent again in a row: the kernel waits twice as long after each, so that these take seconds.
const RETRANSMITS: u32 = 3;
/// Of the first segment of a connection.
const SYN_RETRANSMITS: u32 = 2;

/// What is sent so soon after something came answers it: a ping, a question, a window that is opened.
const REPLY_NS: u64 = 1_000_000_000;

const DEAD: &str = "Give the operation a timeout; a keep-alive of TCP or of the protocol finds a peer that is gone without a word.";
const SLOW: &str = "Give the write a timeout, and close or drop what a client does not take; keep what others wait for out of the task \
                    that writes to it.";

impl<'a> Pass<'a> {
    /// True: it was told of.
    pub(super) fn dead_peer(&mut self, thing: &Thing<'a>) -> bool {
        if !self.config.dead_peer.enabled {
            return false;
        }
        let waits: Vec<&Op> =
            [Way::In, Way::Out, Way::Connect].iter().filter_map(|way| self.wait(thing, *way)).collect();
        let seen = self.lost_segments(thing).or_else(|| self.no_connection(thing));
        let seen = seen.map(|said| (Severity::Warning, said));
        // Of a peer that has nothing to say, and one that nobody asked, a wait alone looks the same.
        let said = seen.or_else(|| Some((Severity::Info, self.no_answer(thing)?)));
        let Some((severity, said)) = said.filter(|_| !self.is_held_up_here(thing)) else { return false };
        self.tell((LintKind::DeadPeer, severity), thing, said, DEAD, &waits);
        true
    }

    /// Its other end is in the backlog of a listener of this process that is full: what doesn't answer is the program itself, and
    /// `backlog-overflow` tells of it.
    fn is_held_up_here(&self, thing: &Thing) -> bool {
        let Some(descriptor) = thing.descriptor.filter(|_| !self.full.is_empty()) else { return false };
        let (Some(local), Some(peer)) = (address(&descriptor.local), address(&descriptor.peer)) else {
            return false;
        };
        // An address that is the same at both ends is of this machine; another machine's port may have this number by chance.
        let is_here = peer.ip().is_loopback() || peer.ip() == local.ip();
        let is_at = |listener: &SocketAddr| {
            listener.port() == peer.port()
                && (listener.ip() == peer.ip() || (listener.ip().is_unspecified() && is_here))
        };
        self.full.iter().any(is_at)
    }

    /// Segments are sent again and again, and neither an acknowledgement comes back nor data.
    fn lost_segments(&self, thing: &Thing) -> Option<(u64, String)> {
        let ms = self.config.dead_peer.silent_ms;
        let descriptor = thing.descriptor?;
        let tcp = descriptor.tcp.as_ref()?;
        let needed = if descriptor.state == "syn-sent" { SYN_RETRANSMITS } else { RETRANSMITS };
        let since_ns = descriptor.past.unacked_since_ns?;
        let talks = tcp.last_received_ns.is_some_and(|received_ns| received_ns > since_ns);
        if tcp.retransmits < needed || tcp.unacked == 0 || talks || !self.stood(since_ns, ms) {
            return None;
        }
        let heard = match descriptor.state.as_str() {
            "syn-sent" => "the peer has not answered at all".to_owned(),
            _ => format!("nothing was acknowledged for {}", duration_ns(self.stood_ns(since_ns))),
        };
        let message = format!(
            "The peer of {} does not answer: the kernel has sent the same segment {} times again, and {heard}{}.",
            self.name(thing),
            exact(u64::from(tcp.retransmits)),
            self.waiting(thing),
        );
        Some((self.stood_ns(since_ns), message))
    }

    /// A task tries to connect, and is not there yet; what it waits for may still be the address of a name.
    fn no_connection(&self, thing: &Thing) -> Option<(u64, String)> {
        let op = self.wait(thing, Way::Connect)?;
        if !self.is_old(op.created_ns, self.config.dead_peer.silent_ms) {
            return None;
        }
        let place = self.store.short_place(op.site).map_or_else(String::new, |place| format!(" at {place}"));
        let message = format!(
            "{} has tried to connect{place} for {}, and is not connected.",
            self.who(op),
            self.age(op.created_ns)
        );
        Some((self.age_ns(op.created_ns), message))
    }

    /// Something was sent that may have been a question, and a task waits to read. Of a connection that was accepted, what was sent is the
    /// answer; so it is where it was sent at once after something came.
    fn no_answer(&self, thing: &Thing) -> Option<(u64, String)> {
        let ms = self.config.dead_peer.reply_ms;
        let (stream, op) = (thing.stream?, self.wait(thing, Way::In)?);
        let sent_ns = stream.last_out_ns?;
        let replies = |received_ns: u64| sent_ns < received_ns.saturating_add(REPLY_NS);
        let asked = stream.out_bytes > 0 && !stream.last_in_ns.is_some_and(replies);
        let old = self.is_old(sent_ns, ms) && self.is_old(op.created_ns, ms);
        if !asked || !old || self.left_out(op) || self.store.is_accepted(thing) != Some(false) {
            return None;
        }
        let since = match stream.last_in_ns {
            Some(received_ns) => {
                format!("nothing has come since, and last something did {} ago", self.age(received_ns))
            }
            None => "nothing has ever come".to_owned(),
        };
        let message = format!(
            "{} has waited {} to read from {} since its last write {} ago; {since}.",
            self.who(op),
            self.age(op.created_ns),
            self.name(thing),
            self.age(sent_ns),
        );
        Some((self.age_ns(op.created_ns), message))
    }

    pub(super) fn slow_consumer(&mut self, thing: &Thing<'a>) {
        if !self.config.slow_consumer.enabled {
            return;
        }
        let ms = self.config.slow_consumer.wait_ms;
        let wait =
            self.wait(thing, Way::Out).filter(|op| self.is_old(op.created_ns, ms) && !self.left_out(op));
        let tcp = thing.descriptor.and_then(|of| of.tcp.as_ref());
        let stalled_ns = thing.descriptor.and_then(|of| of.past.unacked_since_ns);
        let stalled_ns =
            stalled_ns.filter(|since_ns| self.stood(*since_ns, ms) && tcp.is_some_and(has_unsent));
        let queue = thing.descriptor.and_then(|of| of.send_queue_bytes);
        // Where the kernel tells that nothing is under way, the wait is no fault of the peer.
        let nothing_queued = queue == Some(0) && matches!(thing.kind, IoKind::Tcp | IoKind::Unix);
        if thing.kind.listens() || nothing_queued || (wait.is_none() && stalled_ns.is_none()) {
            return;
        }
        let mut said: Vec<String> = Vec::new();
        if let Some(op) = wait {
            said.push(format!("{} has waited {} for room to write", self.who(op), self.age(op.created_ns)));
        }
        if let Some(queue) = queue.filter(|queue| *queue > 0) {
            said.push(format!("{} wait in its send queue", bytes(queue)));
        }
        if let Some(since_ns) = stalled_ns {
            said.push(format!("none of it was taken for {}", duration_ns(self.stood_ns(since_ns))));
        }
        let message = format!("The peer of {} does not read: {}.", self.name(thing), said.join(", "));
        let stalled = stalled_ns.map_or(0, |since_ns| self.stood_ns(since_ns));
        let weight = wait.map_or(stalled, |op| self.age_ns(op.created_ns));
        let waits: Vec<&Op> = wait.into_iter().collect();
        self.tell((LintKind::SlowConsumer, Severity::Warning), thing, (weight, message), SLOW, &waits);
    }

    /// `, while conn #12 waits for it`, or nothing.
    fn waiting(&self, thing: &Thing) -> String {
        let op = [Way::In, Way::Out].iter().find_map(|way| self.wait(thing, *way));
        op.map_or_else(String::new, |op| {
            format!(
                ", while {} has waited {} in {}",
                self.who(op),
                self.age(op.created_ns),
                self.store.method(op)
            )
        })
    }
}

/// The peer's window is closed: there is something to send, and it is not sent.
fn has_unsent(tcp: &Tcp) -> bool {
    tcp.unsent_bytes.is_some_and(|unsent| unsent > 0)
}
