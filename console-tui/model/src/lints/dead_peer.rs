//! `dead-peer`: a connection whose other end does not answer.

use std::net::SocketAddr;

use crate::{
    analysis::things::Thing,
    format::{duration_ns, exact},
    lints::{
        LintKind,
        judged::Need,
        lint::{Check, Group, Lint, Rank, thresholds},
        pass::io::{IoPass, Way, address},
    },
    severity::{Confidence, Severity},
    store::resources::Op,
};

thresholds! {
    DeadPeer {
        /// Segments are sent again, or a connection is tried, for this long.
        silent_ms: u64 = 3000,
        /// A task waits for an answer for this long.
        reply_ms: u64 = 10000,
    }
}

/// Segments sent again in a row: the kernel waits twice as long after each, so that these take seconds.
const RETRANSMITS: u32 = 3;
/// Of the first segment of a connection.
const SYN_RETRANSMITS: u32 = 2;

/// What is sent so soon after something came answers it: a ping, a question, a window that is opened.
const REPLY_NS: u64 = 1_000_000_000;

const ADVICE: &str = "Give the operation a timeout; a keep-alive of TCP or of the protocol finds a peer that is gone without a word.";

pub(super) static LINT: Lint = Lint {
    help: "a connection whose other end does not answer",
    group: Group::Io,
    rank: Rank::Cause,
    needs: Need::Descriptors,
    example: "The peer of TcpStream 10.0.0.4:50100 → 10.0.0.7:443 (fd 31, made at src/fetch.rs:12) does not answer: the kernel has sent the same segment 6 times again, and nothing was acknowledged for 14.2 s, while fetch #12 has waited 14.3 s in read.",
    advice: &[ADVICE],
    thresholds: DeadPeer::THRESHOLDS,
    check: Check::Stream(check),
};

fn check<'a>(pass: &mut IoPass<'a>, thing: &Thing<'a>) -> bool {
    pass.dead_peer(thing)
}

impl<'a> IoPass<'a> {
    fn dead_peer(&mut self, thing: &Thing<'a>) -> bool {
        let waits: Vec<&Op> =
            [Way::In, Way::Out, Way::Connect].iter().filter_map(|way| self.wait(thing, *way)).collect();
        let seen = self.lost_segments(thing).or_else(|| self.no_connection(thing));
        let seen = seen.map(|said| ((Severity::Warning, Confidence::Proven), said));
        // Of a peer that has nothing to say, and one that was not asked, a wait alone looks the same.
        let guess = (Severity::Info, Confidence::Suspected);
        let said = seen.or_else(|| Some((guess, self.no_answer(thing)?)));
        let Some(((severity, confidence), said)) = said.filter(|_| !self.is_held_up_here(thing)) else {
            return false;
        };
        self.report((LintKind::DeadPeer, severity, confidence), thing, said, ADVICE, &waits);
        true
    }

    /// Its other end is in the backlog of a listener of this process that is full: what doesn't answer is the program itself, and
    /// that is for `backlog-overflow`.
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
            self.who_waits(op),
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
            self.who_waits(op),
            self.age(op.created_ns),
            self.name(thing),
            self.age(sent_ns),
        );
        Some((self.age_ns(op.created_ns), message))
    }

    /// `, while conn #12 waits for it`, or nothing.
    fn waiting(&self, thing: &Thing) -> String {
        let op = [Way::In, Way::Out].iter().find_map(|way| self.wait(thing, *way));
        op.map_or_else(String::new, |op| {
            format!(
                ", while {} has waited {} in {}",
                self.who_waits(op),
                self.age(op.created_ns),
                self.store.method(op)
            )
        })
    }
}
