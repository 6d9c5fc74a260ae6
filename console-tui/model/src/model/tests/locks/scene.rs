//! A process with locks, channels and those who wait, sent as a server would.

use std::collections::BTreeMap;

use taskscope_proto::{
    agent::AgentRef,
    v1::{self, AttributeKind, TaskState},
};

use crate::{
    Config, LintConfig,
    model::tests::{
        Client, Fake,
        fake::{MS, S},
    },
    screen::findings::FindingView,
};

/// A task, as a holder is coded.
pub(super) fn task(slot: u32) -> u64 {
    AgentRef::Task { slot, generation: 1 }.encode()
}

/// A thread outside any task.
pub(super) fn thread(index: u32) -> u64 {
    AgentRef::Thread(index).encode()
}

#[derive(Clone, Default)]
pub(super) struct Thing {
    pub(super) concrete_type: &'static str,
    pub(super) kind: &'static str,
    pub(super) name: &'static str,
    pub(super) site: u32,
    pub(super) attribute: Option<(&'static str, u64)>,
    pub(super) lock: Option<FakeLock>,
    pub(super) channel: Option<FakeChannel>,
}

#[derive(Clone, Default)]
pub(super) struct FakeLock {
    /// Who, for how long, permits, and whether it only reads.
    pub(super) holders: Vec<(u64, u64, u32, bool)>,
    pub(super) more_holders: u32,
    pub(super) acquisitions: u64,
    pub(super) contended: u64,
    pub(super) hold_ns: u64,
    pub(super) free_ago_ns: Option<u64>,
    pub(super) knows_nothing: bool,
    /// Who took it need not hold it any more.
    pub(super) loose: bool,
}

#[derive(Clone, Default)]
pub(super) struct FakeChannel {
    pub(super) senders: u32,
    pub(super) receivers: u32,
    pub(super) depth: u64,
    pub(super) capacity: u64,
    pub(super) last_sender: u64,
    pub(super) last_receiver: u64,
    pub(super) received_ago_ns: Option<u64>,
    pub(super) sent_ago_ns: Option<u64>,
}

#[derive(Clone)]
pub(super) struct FakeWait {
    pub(super) source: &'static str,
    pub(super) on: u32,
    pub(super) parent: Option<u32>,
    pub(super) task: Option<u32>,
    pub(super) thread: u32,
    pub(super) ago_ns: u64,
    pub(super) polled_ago_ns: u64,
    pub(super) granted_ago_ns: Option<u64>,
    pub(super) attributes: Vec<(&'static str, u64)>,
}

#[derive(Clone)]
pub(super) struct Scene {
    pub(super) fake: Fake,
    pub(super) things: BTreeMap<u32, Thing>,
    pub(super) waits: BTreeMap<u32, FakeWait>,
}

impl Scene {
    /// Tasks that have been idle for 2 s, named `t0`, `t1`, …
    pub(super) fn new(tasks: u32) -> Self {
        let mut fake = Fake::with_tasks(tasks);
        for slot in 0..tasks {
            fake.task(slot).name = format!("t{slot}");
        }
        Self { fake, things: BTreeMap::new(), waits: BTreeMap::new() }
    }

    pub(super) fn thing(&mut self, slot: u32, concrete_type: &'static str, name: &'static str) -> &mut Thing {
        let thing = Thing { concrete_type, kind: "Sync", name, site: 2, ..Thing::default() };
        self.things.insert(slot, thing);
        self.things.get_mut(&slot).unwrap()
    }

    /// A lock with its holders, each for so long.
    pub(super) fn lock(
        &mut self,
        slot: u32,
        concrete_type: &'static str,
        name: &'static str,
        holders: &[(u64, u64)],
    ) -> &mut FakeLock {
        let holders = holders.iter().map(|(who, ago_ns)| (*who, *ago_ns, 1, false)).collect();
        let lock = FakeLock { holders, ..FakeLock::default() };
        self.thing(slot, concrete_type, name).lock.insert(lock)
    }

    pub(super) fn mutex(&mut self, slot: u32, name: &'static str, holder: u32, ago_ns: u64) -> &mut FakeLock {
        self.lock(slot, "Mutex", name, &[(task(holder), ago_ns)])
    }

    pub(super) fn channel(&mut self, slot: u32, name: &'static str, channel: FakeChannel) {
        self.thing(slot, "mpsc", name).channel = Some(channel);
    }

    /// A task waits: it has been idle since it was polled, and its last wake came before that.
    pub(super) fn wait(
        &mut self,
        slot: u32,
        source: &'static str,
        on: u32,
        task: u32,
        ago_ns: u64,
    ) -> &mut FakeWait {
        let now_ns = self.fake.now_ns;
        let waits = self.waits.values().filter(|wait| wait.task == Some(task)).count() as u32 + 1;
        let idle = self.fake.task(task);
        (idle.state, idle.since_ns, idle.wakers) = (TaskState::Idle, now_ns - ago_ns, Some(waits));
        idle.last_wake_ns = Some(now_ns - ago_ns - MS);
        let wait = FakeWait {
            source,
            on,
            parent: None,
            task: Some(task),
            thread: 0,
            ago_ns,
            polled_ago_ns: ago_ns,
            granted_ago_ns: None,
            attributes: Vec::new(),
        };
        self.waits.insert(slot, wait);
        self.waits.get_mut(&slot).unwrap()
    }

    /// The poll of a task, or a thread outside any, blocks.
    pub(super) fn block(&mut self, slot: u32, on: u32, task: Option<u32>, thread: u32, ago_ns: u64) {
        let wait = FakeWait {
            source: "Mutex::lock",
            on,
            parent: None,
            task,
            thread,
            ago_ns,
            polled_ago_ns: ago_ns,
            granted_ago_ns: None,
            attributes: Vec::new(),
        };
        self.waits.insert(slot, wait);
        if let Some(task) = task {
            let now_ns = self.fake.now_ns;
            let task = self.fake.task(task);
            (task.state, task.since_ns) = (TaskState::Running, now_ns - ago_ns);
        }
    }

    /// A lock that a task holds and whose wait blocks the thread.
    pub(super) fn blocking(&mut self, slot: u32, name: &'static str, holder: u64, ago_ns: u64) {
        self.lock(slot, "Mutex", name, &[(holder, ago_ns)]);
        self.things.get_mut(&slot).unwrap().kind = "lock";
    }

    pub(super) fn frames(&mut self) -> Vec<v1::Frame> {
        let mut frames = self.fake.snapshot();
        self.send(frames.last_mut().unwrap());
        frames
    }

    pub(super) fn client(&mut self) -> Client {
        self.client_with(LintConfig::default())
    }

    /// Only findings about locks and channels.
    pub(super) fn client_with(&mut self, lints: LintConfig) -> Client {
        let mut client = Client::new(Config { lints, ..Config::default() });
        client.take(self.frames());
        client
    }

    pub(super) fn findings(&mut self) -> Vec<FindingView> {
        let mut findings = self.client().model.findings();
        findings.retain(|finding| finding.id.lint.group() == crate::lints::Group::Locks);
        findings
    }

    pub(super) fn messages(&mut self) -> Vec<String> {
        let findings = self.findings();
        findings
            .into_iter()
            .map(|finding| format!("{} {}", finding.id.lint.name(), finding.message))
            .collect()
    }

    pub(super) fn send(&self, frame: &mut v1::Frame) {
        frame.threads =
            (1..=3).map(|index| v1::Thread { index, name: format!("w{index}"), os_id: 0 }).collect();
        frame.resources = Some(self.resources());
        frame.resource_stats = Some(v1::ResourceStatColumns {
            slot_delta: deltas(self.things.keys().copied()),
            attributes: Some(attributes(
                self.things.values().map(|thing| thing.attribute.iter().copied().collect()),
            )),
        });
        frame.locks = Some(self.locks());
        frame.channels = Some(self.channels());
        let (ops, stats) = self.ops();
        (frame.ops, frame.op_stats) = (Some(ops), Some(stats));
    }

    /// What changes of locks and channels.
    pub(super) fn send_changes(&self, frame: &mut v1::Frame) {
        frame.locks = Some(self.locks());
        frame.channels = Some(self.channels());
    }

    /// Further operations.
    pub(super) fn send_waits(&self, frame: &mut v1::Frame) {
        let (ops, stats) = self.ops();
        (frame.ops, frame.op_stats) = (Some(ops), Some(stats));
    }

    fn resources(&self) -> v1::ResourceColumns {
        let mut columns =
            v1::ResourceColumns { slot_delta: deltas(self.things.keys().copied()), ..Default::default() };
        for thing in self.things.values() {
            columns.generation.push(1);
            columns.concrete_type.push(string(&mut columns.strings, thing.concrete_type));
            columns.kind.push(string(&mut columns.strings, thing.kind));
            columns.name.push(string(&mut columns.strings, thing.name));
            columns.site.push(thing.site);
            columns.created_ago_ns.push(60 * S);
        }
        columns
    }

    pub(super) fn locks(&self) -> v1::LockColumns {
        let mut columns = v1::LockColumns::default();
        let locks = self.things.iter().filter_map(|(slot, thing)| Some((*slot, thing.lock.as_ref()?)));
        columns.slot_delta = deltas(locks.clone().map(|(slot, _)| slot));
        for (_, lock) in locks {
            columns.holders.push(lock.holders.len() as u32);
            for (who, ago_ns, permits, shared) in &lock.holders {
                columns.holder.push(*who);
                columns.held_ago_ns.push(*ago_ns);
                columns.holder_site.push(3);
                columns.holder_permits.push(*permits);
                columns.holder_shared.push(*shared);
            }
            columns.more_holders.push(lock.more_holders);
            columns.acquisitions.push(lock.acquisitions);
            columns.contended.push(lock.contended);
            columns.hold_ns.push(lock.hold_ns);
            columns.free_ago_ns_plus1.push(lock.free_ago_ns.map_or(0, |ago_ns| ago_ns + 1));
            let loose = if lock.loose { v1::LockKnows::Loose as u32 } else { 0 };
            columns.knows.push(if lock.knows_nothing { 0 } else { 7 | loose });
        }
        columns
    }

    fn channels(&self) -> v1::ChannelColumns {
        let mut columns = v1::ChannelColumns::default();
        let channels = self.things.iter().filter_map(|(slot, thing)| Some((*slot, thing.channel.as_ref()?)));
        columns.slot_delta = deltas(channels.clone().map(|(slot, _)| slot));
        let plus1 = |ago_ns: Option<u64>| ago_ns.map_or(0, |ago_ns| ago_ns + 1);
        for (_, channel) in channels {
            columns.senders_plus1.push(channel.senders + 1);
            columns.receivers_plus1.push(channel.receivers + 1);
            columns.depth_plus1.push(channel.depth + 1);
            columns.capacity.push(channel.capacity);
            columns.last_sender.push(channel.last_sender);
            columns.last_receiver.push(channel.last_receiver);
            columns.last_received_ago_ns_plus1.push(plus1(channel.received_ago_ns));
            columns.last_sent_ago_ns_plus1.push(plus1(channel.sent_ago_ns));
        }
        columns
    }

    fn ops(&self) -> (v1::OpColumns, v1::OpStatColumns) {
        let (mut new, mut stats) = (v1::OpColumns::default(), v1::OpStatColumns::default());
        for wait in self.waits.values() {
            new.generation.push(1);
            new.source.push(string(&mut new.strings, wait.source));
            new.resource_slot_plus1.push(wait.on + 1);
            new.resource_generation.push(1);
            new.parent_slot_plus1.push(wait.parent.map_or(0, |slot| slot + 1));
            new.parent_generation.push(u32::from(wait.parent.is_some()));
            new.created_ago_ns.push(wait.ago_ns);
            new.site.push(1);
            stats.task_slot_plus1.push(wait.task.map_or(0, |slot| slot + 1));
            stats.task_generation.push(u32::from(wait.task.is_some()));
            stats.state.push(if wait.thread > 0 { TaskState::Running } else { TaskState::Idle }.into());
            stats.state_ago_ns.push(wait.polled_ago_ns);
            stats.polls.push(1);
            stats.busy_ns.push(0);
            stats.granted_ago_ns_plus1.push(wait.granted_ago_ns.map_or(0, |ago_ns| ago_ns + 1));
            stats.thread.push(wait.thread);
        }
        new.slot_delta = deltas(self.waits.keys().copied());
        stats.slot_delta.clone_from(&new.slot_delta);
        stats.attributes = Some(attributes(self.waits.values().map(|wait| wait.attributes.clone())));
        (new, stats)
    }
}

fn attributes(rows: impl Iterator<Item = Vec<(&'static str, u64)>>) -> v1::Attributes {
    let mut columns = v1::Attributes::default();
    for row in rows {
        columns.count.push(row.len() as u32);
        for (name, value) in row {
            columns.name.push(string(&mut columns.strings, name));
            columns.kind.push(AttributeKind::Number.into());
            columns.value.push(value);
        }
    }
    columns
}

fn string(strings: &mut Vec<String>, text: &str) -> u32 {
    if text.is_empty() {
        return 0;
    }
    strings.push(text.to_owned());
    strings.len() as u32
}

fn deltas(slots: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut encoder = taskscope_proto::columns::DeltaEncoder::default();
    slots.map(|slot| encoder.push(slot).unwrap()).collect()
}
