//! Rows of what tasks wait for and hold, and of the waits.

use taskscope_await::ChannelKind;
use taskscope_proto::{
    agent::AgentRef,
    limits::MAX_HOLDERS,
    rows::{
        AttributeRow, ChannelRow, HolderRow, IoRow, LockRow, OpRow, OpStatRow, ResourceRow, ResourceStatRow,
        Writer,
    },
    v1,
};

use super::{
    Filling, Frames, Graph, Round,
    graph::{Claim, Facts, OpKey, ResourceKey, WaitFacts},
    hash,
};

const NS_PER_MS: u64 = 1_000_000;

impl Frames {
    /// What is new of resources, and what changed.
    pub(super) fn resource_rows(&mut self, round: &Round<'_>, graph: &Graph, filling: &mut Filling) {
        filling.next_kind();
        let mut order: Vec<(u32, ResourceKey)> = Vec::with_capacity(graph.resources.len());
        for key in graph.resources.keys() {
            order.push((self.resources.slot(*key, round.now_ns).slot, *key));
        }
        order.sort_unstable();
        for (_, key) in order {
            let facts = &graph.resources[&key];
            let is_new = self.resources.describe(&key);
            let since = |claim: &Claim| round.since_ns.get(claim.task).copied().unwrap_or(round.now_ns);
            let since_ns: Vec<u64> = facts.claims.iter().map(since).collect();
            if self.resources.changed(&key, hash(&(facts, &since_ns)), round.now_ns) || is_new {
                self.resource_row(round, key, (facts, &since_ns), is_new, filling);
            }
        }
    }

    fn resource_row(
        &mut self,
        round: &Round<'_>,
        key: ResourceKey,
        (facts, since_ns): (&Facts, &[u64]),
        is_new: bool,
        filling: &mut Filling,
    ) {
        let Some(slot) = self.resources.get(&key) else { return };
        let first_ns = self.resources.first_ns(&key).unwrap_or(round.now_ns);
        let created_ago_ns = round.now_ns.saturating_sub(first_ns);
        let rows = filling.rows();
        if is_new {
            let (concrete_type, kind) = (rows.resources.text(facts.name), rows.resources.text(facts.purpose));
            let name = rows.resources.text(&facts.title);
            let row = ResourceRow {
                generation: slot.generation,
                concrete_type,
                kind,
                created_ago_ns,
                name,
                ..ResourceRow::default()
            };
            rows.resources.push(slot.slot, row);
        }
        let attributes = attributes(facts, round.observer.source().monotonic_ns(), &mut rows.resource_stats);
        rows.resource_stats.push_with(slot.slot, ResourceStatRow {}, attributes);
        match key {
            ResourceKey::Lock(_) => {
                let (row, holders) = lock(round, facts, since_ns);
                rows.locks.push_with(slot.slot, row, holders);
            }
            ResourceKey::Task(_) | ResourceKey::Set(_) => {
                let (row, holders) = joined(round, facts, since_ns);
                rows.locks.push_with(slot.slot, row, holders);
            }
            ResourceKey::Channel(_) => rows.channels.push(slot.slot, channel(round, facts)),
            ResourceKey::Descriptor(fd) => {
                // What went through it memory does not show.
                let row = IoRow { fd: Some(fd), uncounted_reads: 1, uncounted_writes: 1, ..IoRow::default() };
                rows.io.push(slot.slot, row);
            }
            _ => {}
        }
    }

    /// What is new of waits, and what changed.
    pub(super) fn op_rows(&mut self, round: &Round<'_>, graph: &Graph, filling: &mut Filling) {
        filling.next_kind();
        let mut order: Vec<(u32, OpKey)> = Vec::with_capacity(graph.ops.len());
        for key in graph.ops.keys() {
            order.push((self.ops.slot(*key, round.now_ns).slot, *key));
        }
        order.sort_unstable();
        for (_, key) in order {
            let facts = &graph.ops[&key];
            let is_new = self.ops.describe(&key);
            if self.ops.changed(&key, hash(facts), round.now_ns) || is_new {
                self.op_row(round, key, facts, is_new, filling);
            }
        }
    }

    fn op_row(
        &mut self,
        round: &Round<'_>,
        key: OpKey,
        facts: &WaitFacts,
        is_new: bool,
        filling: &mut Filling,
    ) {
        let Some(slot) = self.ops.get(&key) else { return };
        let first_ns = self.ops.first_ns(&key).unwrap_or(round.now_ns).min(round.now_ns);
        let ago_ns = round.now_ns.saturating_sub(first_ns);
        let site = if is_new { self.site(&facts.file, facts.line, filling) } else { 0 };
        let rows = filling.rows();
        if is_new {
            let source = rows.ops.text(&facts.source);
            let row = OpRow {
                generation: slot.generation,
                source,
                resource: self.resources.get(&key.resource),
                created_ago_ns: ago_ns,
                site,
                ..OpRow::default()
            };
            rows.ops.push(slot.slot, row);
        }
        let wanted = facts.wanted.map(|wanted| number("permits_wanted", wanted, "", &mut rows.op_stats));
        let row = OpStatRow {
            task: round.tasks.get(facts.task).copied(),
            state: v1::TaskState::Idle,
            // A future that its task has put aside was polled before the task came to rest; and what it was given woke the task, which came
            // to rest since.
            state_ago_ns: ago_ns + u64::from(!facts.polled),
            polls: 1,
            granted_ago_ns: facts.granted.then_some(ago_ns + u64::from(!facts.polled)),
            ..OpStatRow::default()
        };
        rows.op_stats.push_with(slot.slot, row, wanted);
    }
}

fn number<C: taskscope_proto::rows::Columns>(
    name: &str,
    value: u64,
    unit: &str,
    rows: &mut Writer<C>,
) -> AttributeRow {
    let (name, unit) = (rows.text(name), rows.text(unit));
    AttributeRow { name, kind: v1::AttributeKind::Number, value, unit }
}

fn attributes(
    facts: &Facts,
    now_ns: Option<u64>,
    rows: &mut Writer<v1::ResourceStatColumns>,
) -> Vec<AttributeRow> {
    let mut attributes = Vec::new();
    if let Some(free) = facts.free.filter(|_| facts.purpose == "Sync") {
        attributes.push(number("permits", free, "", rows));
    }
    if let Some(left_ns) = facts.deadline_ns.zip(now_ns).map(|(at_ns, now_ns)| at_ns.saturating_sub(now_ns)) {
        attributes.push(number("duration", left_ns / NS_PER_MS, "ms", rows));
    }
    attributes
}

/// A channel: who has its ends is known when all of them are found.
fn channel(round: &Round<'_>, facts: &Facts) -> ChannelRow {
    let Some(of) = facts.channel else { return ChannelRow::default() };
    let agent = |task: usize| match round.tasks.get(task) {
        Some(slot) => AgentRef::Task { slot: slot.slot, generation: slot.generation },
        None => AgentRef::Unknown,
    };
    let one_end = of.kind == ChannelKind::Oneshot;
    let senders = of.senders.or(one_end.then_some(1)).and_then(|senders| u32::try_from(senders).ok());
    ChannelRow {
        senders,
        receivers: matches!(of.kind, ChannelKind::Mpsc | ChannelKind::Oneshot).then_some(1),
        depth: of.depth,
        capacity: of.capacity.unwrap_or(0),
        last_sender: if let [one] = facts.senders[..] { agent(one) } else { AgentRef::Unknown },
        last_receiver: facts.receiver.map_or(AgentRef::Unknown, agent),
        ..ChannelRow::default()
    }
}

/// What waits for tasks to end is like a lock that they hold until then.
fn joined(round: &Round<'_>, facts: &Facts, since_ns: &[u64]) -> (LockRow, Vec<HolderRow>) {
    let more = facts.claims.len().saturating_sub(MAX_HOLDERS) + facts.more_claims;
    let row = LockRow {
        more_holders: u32::try_from(more).unwrap_or(u32::MAX),
        knows: v1::LockKnows::Holders as u32,
        ..LockRow::default()
    };
    (row, holders(round, &facts.claims, since_ns))
}

/// The first of those who may have it.
fn holders(round: &Round<'_>, claims: &[Claim], since_ns: &[u64]) -> Vec<HolderRow> {
    let holder = |(claim, since_ns): (&Claim, &u64)| {
        let slot = round.tasks.get(claim.task)?;
        Some(HolderRow {
            holder: AgentRef::Task { slot: slot.slot, generation: slot.generation },
            held_ago_ns: round.now_ns.saturating_sub(*since_ns),
            site: 0,
            permits: u32::try_from(claim.permits).unwrap_or(u32::MAX),
            shared: claim.shared,
        })
    };
    claims.iter().zip(since_ns).take(MAX_HOLDERS).filter_map(holder).collect()
}

/// A lock with its holders.
///
/// A holder that is seen in memory alone is certain when no permits are left, one guard of it is there, and no drop flag speaks against it;
/// a lock that was given to a task that has not taken it yet has no holder beside that task.
fn lock(round: &Round<'_>, facts: &Facts, since_ns: &[u64]) -> (LockRow, Vec<HolderRow>) {
    let is_free = facts.name != "Semaphore"
        && facts.free.is_some_and(|free| free > 0)
        && !facts.claims.iter().any(|claim| claim.shared);
    let claims = if is_free || facts.is_granted { &[][..] } else { &facts.claims };
    let certain = match claims {
        [claim] => facts.free == Some(0) && !claim.maybe_gone && facts.name == "Mutex",
        [] => is_free || facts.is_granted,
        _ => false,
    };
    let certainty = if certain { 0 } else { v1::LockKnows::Loose as u32 };
    let knows = if claims.is_empty() && !certain { 0 } else { v1::LockKnows::Holders as u32 | certainty };
    let row = LockRow {
        more_holders: claims.len().saturating_sub(MAX_HOLDERS) as u32,
        knows,
        free_ago_ns: is_free.then_some(0),
        ..LockRow::default()
    };
    (row, holders(round, claims, since_ns))
}
