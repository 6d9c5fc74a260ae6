//! Tasks: rows, counters, details.

use console_api::{
    PollStats, field,
    tasks::{self, TaskDetails, TaskUpdate, task_details::PollTimesHistogram},
};
use taskscope_proto::Message as _;
use taskscope_recorder::{Counters, Description, Knows, State, Task, TaskId, TaskKind, Ticks};

use super::{
    cursor::Room,
    histogram::histogram,
    values::{self, RowKind, length},
};
use crate::aggregate::Hub;

/// What was sent of a slot, and what to send when the task left it between two rounds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SentTask {
    id: Option<TaskId>,
    /// Hash of the counters that were sent.
    sent: u64,
    created: Ticks,
    polls: u64,
    busy: Ticks,
    scheduled: Ticks,
    wakes: u64,
    self_wakes: u64,
    knows: Knows,
    /// Its end was sent.
    ended: bool,
}

impl SentTask {
    /// Adds to the update what changed in the slot.
    pub(super) fn look(
        &mut self,
        hub: &Hub,
        task: &Task,
        now: Ticks,
        update: &mut TaskUpdate,
        room: &mut Room,
    ) {
        let counters = task.counters();
        if self.id != counters.map(|counters| counters.id) {
            self.end(hub, now, update, room);
        }
        let Some(counters) = counters else { return };
        let new = self.id.is_none();
        if new {
            let Some(description) = task.description() else { return };
            let row = row(hub, counters.id, &description);
            room.take(row.encoded_len());
            update.new_tasks.push(row);
            *self = Self {
                id: Some(counters.id),
                created: description.created,
                knows: description.knows,
                ..Self::default()
            };
        }
        let wakers = wakers(self.knows, task, &counters);
        let sent = values::hash(&(counters, wakers));
        if !new && self.sent == sent {
            return;
        }
        *self = Self {
            sent,
            polls: counters.polls,
            busy: counters.busy,
            scheduled: counters.scheduled,
            wakes: counters.wakes,
            self_wakes: counters.self_wakes,
            ended: counters.state == State::Done,
            ..*self
        };
        let mut stats = self.stats(hub);
        (stats.waker_clones, stats.waker_drops) = wakers;
        moments(hub, &counters, &mut stats);
        add(counters.id, stats, update, room);
    }

    /// Sends the end of a task that left its slot before its end was sent.
    fn end(&mut self, hub: &Hub, now: Ticks, update: &mut TaskUpdate, room: &mut Room) {
        let known = std::mem::take(self);
        if let Some(id) = known.id.filter(|_| !known.ended) {
            let stats = tasks::Stats { dropped_at: Some(hub.wall_time(now).into()), ..known.stats(hub) };
            add(id, stats, update, room);
        }
    }

    fn stats(&self, hub: &Hub) -> tasks::Stats {
        let recorder = hub.handle.recorder();
        tasks::Stats {
            created_at: Some(hub.wall_time(self.created).into()),
            wakes: self.wakes,
            self_wakes: self.self_wakes,
            scheduled_time: length(recorder, self.scheduled).try_into().ok(),
            poll_stats: Some(PollStats {
                polls: self.polls,
                busy_time: length(recorder, self.busy).try_into().ok(),
                ..PollStats::default()
            }),
            ..tasks::Stats::default()
        }
    }
}

fn add(id: TaskId, stats: tasks::Stats, update: &mut TaskUpdate, room: &mut Room) {
    room.take(stats.encoded_len());
    update.stats_update.insert(id.to_u64(), stats);
}

/// The moments that their client computes a task's state from: running when the last poll started after the last end, else scheduled when
/// the last wake came after the last start.
fn moments(hub: &Hub, counters: &Counters, stats: &mut tasks::Stats) {
    let at = |ticks| Some(hub.wall_time(ticks).into());
    let polled = counters.polls > 0;
    let started = counters.poll_started;
    let last_wake = match counters.state {
        // Spawned and never polled: the spawn is what made it runnable.
        State::Scheduled => Some(counters.since),
        // Woken during this poll: it will be scheduled, it is not yet.
        State::Running => counters.last_wake.map(|wake| wake.min(started)),
        State::Idle | State::Done => counters.last_wake,
    };
    stats.last_wake = last_wake.and_then(at);
    if counters.state == State::Done {
        stats.dropped_at = at(counters.since);
    }
    if let Some(polls) = &mut stats.poll_stats
        && polled
    {
        polls.last_poll_started = at(started);
        if counters.state != State::Running {
            polls.last_poll_ended = at(counters.poll_ended);
        }
    }
}

/// Wakers cloned and dropped; their client shows the difference as the wakers alive.
fn wakers(knows: Knows, task: &Task, counters: &Counters) -> (u64, u64) {
    match (knows.wakers, knows.waker_clones) {
        (true, true) => (counters.clones, counters.drops),
        (true, false) => (task.wakers_alive(counters), 0),
        // No waker would mean "lost its waker" there.
        (false, _) => (1, 0),
    }
}

fn row(hub: &Hub, id: TaskId, task: &Description) -> tasks::Task {
    let kind = match task.kind {
        TaskKind::Task => "task",
        TaskKind::Local => "local",
        TaskKind::Blocking => "blocking",
        TaskKind::BlockOn => "block_on",
        TaskKind::Future => "future",
    };
    let text = |text: &str| field::Value::DebugVal(text.to_owned());
    let number = |name, number: u64| (number != 0).then(|| values::field(name, number.into()));
    let further: Vec<_> = values::fields(&task.fields).collect();
    // A span of the program's own can be of a kind that tokio has not.
    let own_kind = further.iter().any(|further| further.name == values::field("kind", text(kind)).name);
    let mut fields = Vec::new();
    if !own_kind {
        fields.push(values::field("kind", text(kind)));
    }
    if !task.name.is_empty() {
        fields.push(values::field("task.name", text(&task.name)));
    }
    fields.extend(number("task.id", task.tokio_id));
    fields.extend(number("size.bytes", task.size_bytes.into()));
    fields.extend(number("original_size.bytes", task.original_size_bytes.into()));
    fields.extend(further);
    let blocking = task.kind == TaskKind::Blocking;
    let wrapped = task.kind == TaskKind::Future || task.knows.wakers && !task.knows.waker_clones;
    tasks::Task {
        id: Some(id.to_u64().into()),
        metadata: Some(if wrapped { RowKind::Wrapped } else { RowKind::Task }.id()),
        kind: if blocking { tasks::task::Kind::Blocking } else { tasks::task::Kind::Spawn }.into(),
        fields,
        parents: task.parent.map(|parent| parent.to_u64().into()).into_iter().collect(),
        location: values::location(hub.handle.recorder(), task.site),
    }
}

/// A task's histograms; `None` when it has left its slot.
pub(super) fn details(hub: &Hub, id: TaskId) -> Option<TaskDetails> {
    let recorder = hub.handle.recorder();
    let task = recorder.tasks.get(id)?;
    let knows = task.description()?.knows;
    let histograms = recorder.tasks.histograms(task)?;
    let counters = task.counters().filter(|counters| counters.id == id)?;
    let now = recorder.clock().ticks();
    let polls = histogram(recorder.clock(), &histograms.polls, counters.longest_poll);
    let scheduled = histogram(recorder.clock(), &histograms.scheduled, counters.longest_scheduled);
    Some(TaskDetails {
        task_id: Some(id.to_u64().into()),
        now: Some(hub.wall_time(now).into()),
        poll_times_histogram: polls.map(PollTimesHistogram::Histogram),
        scheduled_times_histogram: scheduled.filter(|_| knows.scheduled),
    })
}
