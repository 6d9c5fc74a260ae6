//! From their updates to our frames.
//!
//! Invariant: the frames of a translator are a stream as WIRE.md wants it: numbered, a snapshot first, no row before what it
//! points to, nothing above a limit. What the other protocol does not have is unknown in them, never 0.
//!
//! Limit: the process is known by what it sent: without name, pid and cost, and with the tasks that were seen here.

use console_api::{
    instrument::Update,
    tasks::{TaskDetails, TaskUpdate},
};
use taskscope_proto::{limits::PROTOCOL_VERSION, rows::SlotRef, v1};

use super::{
    fields::Texts,
    frames::News,
    health::Health,
    histogram,
    resources::Resources,
    sites::Sites,
    tasks::{Context, Tasks},
    time::{self, Clock},
};

/// The state of one of their streams, as far as the next frame depends on it.
#[derive(Debug)]
pub(super) struct Translator {
    /// This process looks like another one with the same ids: each stream is of its own.
    instance: u64,
    sequence: u64,
    clock: Clock,
    texts: Texts,
    sites: Sites,
    tasks: Tasks,
    resources: Resources,
    health: Health,
    /// The hello that was sent last.
    sent: Option<v1::Hello>,
    first: bool,
}

impl Translator {
    /// For a stream of which `sequence` frames were sent before.
    pub(super) fn new(instance: u64, sequence: u64) -> Self {
        Self {
            instance,
            sequence,
            clock: Clock::default(),
            texts: Texts::default(),
            sites: Sites::default(),
            tasks: Tasks::new(),
            resources: Resources::new(),
            health: Health::default(),
            sent: None,
            first: true,
        }
    }

    /// Frames so far.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The frames that an update becomes: at least one.
    pub(super) fn update(&mut self, update: &Update) -> Vec<v1::Frame> {
        let first = std::mem::take(&mut self.first);
        self.health.look(update, first);
        self.clock.advance(update.now.as_ref(), oldest(update));
        if let Some(new) = &update.new_metadata {
            self.texts.learn(new);
        }
        let mut news = News::default();
        let mut context = Context { clock: &self.clock, texts: &mut self.texts, sites: &mut self.sites };
        // Without news, what ended before is still freed.
        let nothing = TaskUpdate::default();
        self.tasks.update(update.task_update.as_ref().unwrap_or(&nothing), &mut context, &mut news);
        if let Some(update) = &update.resource_update {
            self.resources.update(update, &mut context, &mut news);
        }
        if let Some(update) = &update.async_op_update {
            self.resources.update_ops(update, &self.tasks, &mut context, &mut news);
        }
        news.sites = self.sites.take_new();
        news.totals = self.sites.take_changed();
        let mut frames = news.frames();
        if first {
            if let Some(frame) = frames.first_mut() {
                frame.snapshot_start = true;
            }
            if let Some(frame) = frames.last_mut() {
                frame.snapshot_end = true;
            }
        }
        for frame in &mut frames {
            self.finish(frame);
        }
        frames
    }

    /// A frame without news: the other side is alive. `None`: it has said nothing yet.
    pub(super) fn sign_of_life(&mut self) -> Option<v1::Frame> {
        if self.first {
            return None;
        }
        let mut frame = v1::Frame::default();
        self.finish(&mut frame);
        Some(frame)
    }

    /// Notes whether they are paused. A frame, if that is news.
    pub(super) fn paused(&mut self, paused: bool) -> Option<v1::Frame> {
        let before = self.health;
        self.health.set_paused(paused);
        if self.health == before { None } else { self.sign_of_life() }
    }

    /// The details of a task that is known.
    pub(super) fn details(&mut self, details: &TaskDetails) -> Option<v1::Frame> {
        let place = self.tasks.place(details.task_id?.id)?;
        let mut frame = self.sign_of_life()?;
        frame.details.push(v1::TaskDetail {
            task: Some(v1::TaskRef { slot: place.slot, generation: place.generation }),
            polls: histogram::polls(details),
            scheduled: histogram::scheduled(details),
            ..v1::TaskDetail::default()
        });
        Some(frame)
    }

    /// Their id of a task.
    pub(super) fn id_of(&self, task: v1::TaskRef) -> Option<u64> {
        self.tasks.id_at(SlotRef { slot: task.slot, generation: task.generation })
    }

    /// What every frame has.
    fn finish(&mut self, frame: &mut v1::Frame) {
        self.sequence += 1;
        frame.sequence = self.sequence;
        frame.now_ns = self.clock.now_ns;
        let hello = self.hello();
        if self.sent.as_ref() != Some(&hello) {
            frame.hello = Some(hello.clone());
            self.sent = Some(hello);
        }
        frame.process = Some(v1::Process {
            alive: self.tasks.alive(),
            spawned: self.tasks.spawned,
            untracked: self.tasks.untracked,
            truncated: self.texts.truncated,
            folded_sites: self.sites.folded,
            untracked_resources: self.resources.untracked,
            ..v1::Process::default()
        });
    }

    fn hello(&self) -> v1::Hello {
        v1::Hello {
            protocol: PROTOCOL_VERSION,
            instance: self.instance,
            sources: Some(v1::Sources {
                tracing: true,
                resources: self.resources.any,
                tokio_console: true,
                ..v1::Sources::default()
            }),
            problems: self.health.problems(),
            ..v1::Hello::default()
        }
    }
}

/// When the oldest object of an update was made.
fn oldest(update: &Update) -> Option<u64> {
    let tasks = update.task_update.iter().flat_map(|update| update.stats_update.values());
    let resources = update.resource_update.iter().flat_map(|update| update.stats_update.values());
    let ops = update.async_op_update.iter().flat_map(|update| update.stats_update.values());
    let tasks = tasks.filter_map(|stats| stats.created_at.as_ref());
    let resources = resources.filter_map(|stats| stats.created_at.as_ref());
    let ops = ops.filter_map(|stats| stats.created_at.as_ref());
    tasks.chain(resources).chain(ops).map(time::unix_ns).min()
}
