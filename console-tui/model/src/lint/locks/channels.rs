//! `full-channel` and `stuck-oneshot`: an end of a channel waits for the other, which does something else.

use std::collections::BTreeMap;

use super::Pass;
use crate::{
    id::{ResourceKey, TaskKey},
    lint::{LintKind, Severity},
    store::{
        locks::read::{End, Waiter},
        task::{State, Waker},
    },
};

const FULL: &str = "See what the receiver waits for; let it drain the channel meanwhile (a task of its own), or drop or bound what is sent.";
const ONESHOT: &str = "See why the sender does not send; give the wait a timeout, or send from a task that can't get stuck there.";

/// A channel that is full, and stays so.
struct Full<'a> {
    receiver: Waker,
    senders: Vec<Waiter<'a>>,
}

impl<'a> Pass<'a> {
    pub(super) fn full_channels(&mut self) {
        if !self.config.full_channel.enabled {
            return;
        }
        let channels = self.store.resources.locks.channels().filter(|(_, channel)| channel.is_full());
        let mut keys: Vec<(ResourceKey, Waker)> = channels
            .filter_map(|(slot, channel)| {
                Some((self.store.resources.in_slot(slot)?.key, channel.last_receiver))
            })
            .collect();
        keys.sort_unstable();
        let mut full: BTreeMap<ResourceKey, Full> = BTreeMap::new();
        // Whoever receives from one and waits for room in another is not the root.
        let mut waits_in: BTreeMap<Waker, ResourceKey> = BTreeMap::new();
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
            if !waits_in.contains_key(receiver) && !self.told.contains(receiver) {
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
        receiver: Waker,
        senders: &[Waiter],
        full: &BTreeMap<ResourceKey, Full>,
        waits_in: &BTreeMap<Waker, ResourceKey>,
    ) {
        let (Some(resource), Some(channel)) = (self.store.resources.resource(key), self.store.channel(key))
        else {
            return;
        };
        let mut about: Vec<Waker> = senders.iter().map(Waiter::who).collect();
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
                let senders: Vec<Waker> = senders.iter().map(Waiter::who).collect();
                about.extend(&senders);
                format!("{} (for room in it wait: {})", self.name(*other), self.list(&senders))
            })
            .collect();
        let behind = match behind.as_slice() {
            [] => String::new(),
            behind => format!(" Full behind it: {}.", behind.join(", ")),
        };
        let last = match (receiver, channel.last_received_ns) {
            (Waker::Unknown, _) | (_, None) => "Nobody has received anything from it yet.".to_owned(),
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
        let message = format!("{} is full: {waiting}{at}. {last}{behind}", self.resource(resource));
        about.dedup();
        self.about_resource(LintKind::FullChannel, Severity::Warning, key, about, message, FULL);
    }

    /// `, held by lock-keeper #5`
    fn because(&self, who: Waker) -> String {
        let wait = self.store.blocked(who).and_then(|blocked| blocked.waits.first().copied());
        let lock = wait.and_then(|wait| self.store.lock_waited_for(wait.op.resource?));
        let holder = lock.and_then(|(_, lock)| lock.holders.first().copied());
        holder.map_or_else(String::new, |holder| {
            let at = self.noted("acquired", holder.site);
            format!(", held by {} for {}{at}", self.who(holder.who), self.age(holder.since_ns))
        })
    }

    /// A receiver whose sender is known, and is stuck or has ended; or that has what it waits for and is not polled.
    pub(super) fn oneshots(&mut self) {
        if !self.config.stuck_oneshot.enabled {
            return;
        }
        let of_type = |name: &str| name.contains("oneshot") || name == "Sender|Receiver";
        let slots = self.store.resources.locks.channels().map(|(slot, _)| slot);
        let mut keys: Vec<ResourceKey> = slots
            .filter_map(|slot| self.store.resources.in_slot(slot))
            .filter(|resource| self.store.texts.text(resource.concrete_type).is_some_and(of_type))
            .map(|resource| resource.key)
            .collect();
        keys.sort_unstable();
        for key in keys {
            self.oneshot(key);
        }
    }

    fn oneshot(&mut self, key: ResourceKey) {
        let (Some(resource), Some(channel)) = (self.store.resources.resource(key), self.store.channel(key))
        else {
            return;
        };
        let Some(waiters) = self.waiters(key) else { return };
        let receiver = waiters.iter().find(|waiter| {
            self.store.channel_end(waiter.op) == Some(End::Receiver)
                && self.is_old(waiter.since_ns, self.config.stuck_oneshot.wait_ms)
        });
        let Some(receiver) = receiver else { return };
        let sender = channel.last_sender;
        let dropped = channel.senders == Some(0) || channel.depth.is_some_and(|depth| depth > 0);
        let why = if dropped {
            // It is over; whoever waits is not polled in there.
            let task = receiver.task().and_then(|key| self.store.task(key));
            let left_out = task.is_some_and(|task| {
                let over_ns = channel.last_sent_ns.unwrap_or(receiver.op.stats.state_since_ns);
                task.stats.state == State::Idle
                    && task.stats.state_since_ns > over_ns
                    && receiver.op.stats.state_since_ns <= over_ns
                    && channel.last_sent_ns.is_some()
            });
            if !left_out {
                return;
            }
            "what it waits for was sent, but the future that waits has not been polled since, though the task was".to_owned()
        } else if self.told.contains(&sender) {
            format!("its sender {} is stuck in a deadlock, or behind one", self.who(sender))
        } else if self.has_ended(sender) {
            format!("{} had the sender last, and has ended", self.who(sender))
        } else {
            return;
        };
        let message = format!(
            "{} has waited{} for {} for {}: {why}.",
            self.who(receiver.who()),
            self.place(receiver.op.site),
            self.resource(resource),
            self.age(receiver.since_ns),
        );
        let about = vec![receiver.who()];
        self.about_resource(LintKind::StuckOneshot, Severity::Warning, key, about, message, ONESHOT);
    }

    fn has_ended(&self, who: Waker) -> bool {
        let Waker::Task(key) = who else { return false };
        let key: TaskKey = key;
        self.store.task(key).is_some_and(crate::store::task::Task::is_done)
    }
}
