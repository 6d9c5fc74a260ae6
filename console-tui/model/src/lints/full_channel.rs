//! `full-channel`: a full channel whose receiver does not receive.

mod reserved;

use std::collections::BTreeMap;

use crate::{
    analysis::locks::{End, Waiter},
    format::exact,
    id::ResourceKey,
    lints::{
        LintKind,
        judged::Need,
        lint::{Check, Group, Lint, LockCheck, Rank, thresholds},
        pass::locks::LockPass,
    },
    severity::Severity,
    store::task::Agent,
};

thresholds! {
    FullChannel {
        /// A sender waits for room for this long, and nothing was received meanwhile.
        wait_ms: u64 = 1000,
    }
}

const ADVICE: &str = "See what the receiver waits for; let it drain the channel meanwhile (a task of its own), or drop or bound what is sent.";

const RESERVED: &str = "Wait for something to send first, then reserve room for it; who keeps room for nothing keeps all others from sending.";

pub(super) static LINT: Lint = Lint {
    help: "a full channel whose receiver does not receive",
    group: Group::Locks,
    rank: Rank::Cause,
    needs: Need::Locks,
    example: "mpsc jobs (made at src/queue.rs:8) is full: 2 wait for it, the longest for 9.80 s: ingest #4, ingest #5 at src/ingest.rs:40. worker #2 received last, 9.90 s ago; it is idle and waits for Mutex index at src/worker.rs:18, for 9.90 s, held by loader #3 for 12.4 s (acquired at src/index.rs:60).",
    advice: &[ADVICE, RESERVED],
    thresholds: FullChannel::THRESHOLDS,
    check: Check::Locks(LockCheck { proofs: None, suspicions: Some(check) }),
};

/// A channel that is full, and stays so.
struct Full<'a> {
    receiver: Agent,
    senders: Vec<Waiter<'a>>,
}

fn check(pass: &mut LockPass<'_>) {
    pass.full_channels();
    reserved::check(pass);
}

impl<'a> LockPass<'a> {
    fn full_channels(&mut self) {
        let channels = self.store.resources.locks.channels().filter(|(_, channel)| channel.is_full());
        let mut keys: Vec<(ResourceKey, Agent)> = channels
            .filter_map(|(slot, channel)| {
                Some((self.store.resources.in_slot(slot)?.key, channel.last_receiver))
            })
            .collect();
        keys.sort_unstable();
        let mut full: BTreeMap<ResourceKey, Full> = BTreeMap::new();
        // Whoever receives from one and waits for room in another is not the root.
        let mut waits_in: BTreeMap<Agent, ResourceKey> = BTreeMap::new();
        for (key, receiver) in keys {
            let senders = self.senders(key);
            for sender in &senders {
                waits_in.entry(sender.who()).or_insert(key);
            }
            if !senders.is_empty() {
                full.insert(key, Full { receiver, senders });
            }
        }
        for (key, Full { receiver, senders }) in &full {
            if !waits_in.contains_key(receiver) && !self.explained.contains(receiver) {
                self.full_channel(*key, *receiver, senders, &full, &waits_in);
            }
        }
    }

    /// Those who wait for room for long, while nothing was received.
    fn senders(&mut self, key: ResourceKey) -> Vec<Waiter<'a>> {
        let received_ns = self.store.channel(key).and_then(|channel| channel.last_received_ns);
        let ms = self.config.full_channel.wait_ms;
        let mut waiters = self.waiters(key).unwrap_or_default();
        waiters.retain(|waiter| {
            self.store.channel_end(waiter.op) == Some(End::Sender)
                && self.is_old(waiter.since_ns, ms)
                && received_ns.is_none_or(|received_ns| self.is_old(received_ns, ms))
        });
        waiters
    }

    fn full_channel(
        &mut self,
        key: ResourceKey,
        receiver: Agent,
        senders: &[Waiter],
        full: &BTreeMap<ResourceKey, Full>,
        waits_in: &BTreeMap<Agent, ResourceKey>,
    ) {
        let (Some(resource), Some(channel)) = (self.store.resources.resource(key), self.store.channel(key))
        else {
            return;
        };
        let mut about: Vec<Agent> = senders.iter().map(Waiter::who).collect();
        // Channels whose receivers wait for room here, and so on.
        let mut behind: Vec<ResourceKey> = Vec::new();
        let mut roots = vec![key];
        while let Some(root) = roots.pop() {
            let before = full.iter().filter(|(other, of)| {
                **other != key && waits_in.get(&of.receiver) == Some(&root) && !behind.contains(other)
            });
            let before: Vec<ResourceKey> = before.map(|(other, _)| *other).collect();
            roots.extend(&before);
            behind.extend(before);
        }
        let behind: Vec<String> = behind
            .iter()
            .map(|other| {
                let senders = full.get(other).map_or(&[][..], |of| &of.senders);
                let senders: Vec<Agent> = senders.iter().map(Waiter::who).collect();
                about.extend(&senders);
                format!("{} (for room in it wait: {})", self.name(*other), self.list(&senders))
            })
            .collect();
        let behind = match behind.as_slice() {
            [] => String::new(),
            behind => format!(" Full behind it: {}.", behind.join(", ")),
        };
        let last = match (receiver, channel.last_received_ns) {
            (Agent::Unknown, _) | (_, None) => "Nothing has been received from it yet.".to_owned(),
            (receiver, Some(at_ns)) => {
                about.insert(0, receiver);
                format!(
                    "{} received last, {} ago; it {}{}.",
                    self.who(receiver),
                    self.age(at_ns),
                    self.doing(receiver),
                    self.because(receiver),
                )
            }
        };
        let waiting = self.waiting(senders);
        let at = senders.first().map_or_else(String::new, |sender| self.place(sender.op.site));
        // Tokio says of its own that room is taken, not what for.
        let full = match channel.capacity.filter(|_| channel.room_alone) {
            Some(capacity) => {
                format!("full, as far as its {} places are not kept for values to come", exact(capacity))
            }
            None => "full".to_owned(),
        };
        let message = format!("{} is {full}: {waiting}{at}. {last}{behind}", self.resource(resource));
        about.dedup();
        self.about_resource((LintKind::FullChannel, Severity::Warning), key, &about, message, ADVICE);
    }

    /// `, held by lock-keeper #5`
    fn because(&self, who: Agent) -> String {
        let wait = self.store.blocked(who).and_then(|blocked| blocked.waits.first().copied());
        let lock = wait.and_then(|wait| self.store.lock_waited_for(wait.op.resource?));
        let holder = lock.and_then(|(_, lock)| lock.holders.first().copied());
        holder.map_or_else(String::new, |holder| {
            let at = self.noted("acquired", holder.site);
            format!(", held by {} for {}{at}", self.who(holder.who), self.age(holder.since_ns))
        })
    }
}
