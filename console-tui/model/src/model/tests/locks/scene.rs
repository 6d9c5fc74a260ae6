//! A process with locks, channels and those who wait, sent as a server would.

use std::collections::BTreeMap;

use taskscope_proto::{
    agent::AgentRef,
    rows::{
        AttributeRow, ChannelRow, Columns, HolderRow, LockRow, OpRow, OpStatRow, ResourceRow,
        ResourceStatRow, Writer,
    },
    v1::{self, AttributeKind, TaskState},
};

use crate::{
    Config, LintConfig,
    model::tests::{
        Client, Fake,
        fake::{MS, S, first_in},
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
    /// The channel that its task sent to before.
    pub(super) asked: Option<u32>,
    pub(super) own_waker: bool,
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
            asked: None,
            own_waker: false,
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
            asked: None,
            own_waker: false,
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
        (frame.resources, frame.resource_stats) = self.resources();
        self.send_changes(frame);
        self.send_waits(frame);
    }

    /// What changes of locks and channels.
    pub(super) fn send_changes(&self, frame: &mut v1::Frame) {
        frame.locks = Some(self.locks());
        frame.channels = self.channels();
    }

    /// Further operations.
    pub(super) fn send_waits(&self, frame: &mut v1::Frame) {
        (frame.ops, frame.op_stats) = self.ops();
    }

    fn resources(&self) -> (Option<v1::ResourceColumns>, Option<v1::ResourceStatColumns>) {
        let mut new = Writer::<v1::ResourceColumns>::default();
        let mut stats = Writer::<v1::ResourceStatColumns>::default();
        for (slot, thing) in &self.things {
            let row = ResourceRow {
                generation: 1,
                concrete_type: new.text(thing.concrete_type),
                kind: new.text(thing.kind),
                name: new.text(thing.name),
                site: thing.site,
                created_ago_ns: 60 * S,
                ..ResourceRow::default()
            };
            new.push(*slot, row);
            let attributes = numbers(&mut stats, thing.attribute.as_slice());
            stats.push_with(*slot, ResourceStatRow {}, attributes);
        }
        (new.finish(), stats.finish())
    }

    pub(super) fn locks(&self) -> v1::LockColumns {
        let mut writer = Writer::<v1::LockColumns>::default();
        for (slot, thing) in &self.things {
            let Some(lock) = &thing.lock else { continue };
            let loose = if lock.loose { v1::LockKnows::Loose as u32 } else { 0 };
            let row = LockRow {
                more_holders: lock.more_holders,
                acquisitions: lock.acquisitions,
                contended: lock.contended,
                hold_ns: lock.hold_ns,
                free_ago_ns: lock.free_ago_ns,
                knows: if lock.knows_nothing { 0 } else { 7 | loose },
                ..LockRow::default()
            };
            let holders = lock.holders.iter().map(|(who, ago_ns, permits, shared)| HolderRow {
                holder: AgentRef::decode(*who),
                held_ago_ns: *ago_ns,
                site: 3,
                permits: *permits,
                shared: *shared,
            });
            writer.push_with(*slot, row, holders);
        }
        writer.finish().unwrap_or_default()
    }

    fn channels(&self) -> Option<v1::ChannelColumns> {
        let mut writer = Writer::<v1::ChannelColumns>::default();
        for (slot, thing) in &self.things {
            let Some(channel) = &thing.channel else { continue };
            let row = ChannelRow {
                senders: Some(channel.senders),
                receivers: Some(channel.receivers),
                depth: Some(channel.depth),
                capacity: channel.capacity,
                last_sender: AgentRef::decode(channel.last_sender),
                last_receiver: AgentRef::decode(channel.last_receiver),
                last_received_ago_ns: channel.received_ago_ns,
                last_sent_ago_ns: channel.sent_ago_ns,
                ..ChannelRow::default()
            };
            writer.push(*slot, row);
        }
        writer.finish()
    }

    fn ops(&self) -> (Option<v1::OpColumns>, Option<v1::OpStatColumns>) {
        let mut new = Writer::<v1::OpColumns>::default();
        let mut stats = Writer::<v1::OpStatColumns>::default();
        for (slot, wait) in &self.waits {
            let row = OpRow {
                generation: 1,
                source: new.text(wait.source),
                resource: Some(first_in(wait.on)),
                parent: wait.parent.map(first_in),
                created_ago_ns: wait.ago_ns,
                site: 1,
                asked: wait.asked.map(first_in),
            };
            new.push(*slot, row);
            let row = OpStatRow {
                task: wait.task.map(first_in),
                state: if wait.thread > 0 { TaskState::Running } else { TaskState::Idle },
                state_ago_ns: wait.polled_ago_ns,
                polls: 1,
                busy_ns: 0,
                granted_ago_ns: wait.granted_ago_ns,
                thread: wait.thread,
                own_waker: wait.own_waker,
            };
            let attributes = numbers(&mut stats, &wait.attributes);
            stats.push_with(*slot, row, attributes);
        }
        (new.finish(), stats.finish())
    }
}

fn numbers<C: Columns>(writer: &mut Writer<C>, of: &[(&'static str, u64)]) -> Vec<AttributeRow> {
    let row = |(name, value): &(&'static str, u64)| AttributeRow {
        name: writer.text(name),
        kind: AttributeKind::Number,
        value: *value,
        unit: 0,
    };
    of.iter().map(row).collect()
}
