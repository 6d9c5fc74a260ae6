//! `retransmit-storm`: a connection that sends many segments again.

use crate::{
    analysis::things::Thing,
    format::{count, duration_ns, rate},
    lints::{
        LintKind,
        judged::Need,
        lint::{Check, Group, Lint, Rank, thresholds},
        pass::io::IoPass,
    },
    severity::Severity,
};

thresholds! {
    RetransmitStorm {
        /// Segments sent again a second, between two readings.
        per_s: f64 = 10.0,
    }
}

/// Readings in a row that must all have seen retransmits.
const STORMY_READINGS: u32 = 2;

const ADVICE: &str = "The way to the peer loses what is sent: look at the network, not at the program.";

pub(super) static LINT: Lint = Lint {
    help: "a connection that sends many segments again",
    group: Group::Io,
    rank: Rank::Cause,
    needs: Need::Descriptors,
    example: "TcpStream 10.0.0.4:50100 → 10.0.0.7:443 (fd 31, made at src/fetch.rs:12) sends 42 segments a second again, 1,260 in all; its round trip takes 180 ms.",
    advice: &[ADVICE],
    thresholds: RetransmitStorm::THRESHOLDS,
    check: Check::Stream(check),
};

fn check<'a>(pass: &mut IoPass<'a>, thing: &Thing<'a>) -> bool {
    pass.storm(thing);
    false
}

impl<'a> IoPass<'a> {
    fn storm(&mut self, thing: &Thing<'a>) {
        let lint = &self.config.retransmit_storm;
        let Some(descriptor) = thing.descriptor else { return };
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
        self.report(found, thing, (per_s as u64, message), ADVICE, &[]);
    }
}
