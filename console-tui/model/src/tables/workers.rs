//! The workers: what each does now, and what it did in the last seconds.

pub(crate) mod doing;

use std::borrow::Cow;

use self::doing::{doing, polled, stuck_severity, task_cell};
use crate::{
    analysis::Analysis,
    columns::{Cut, Unit},
    id::WorkerKey,
    nav::Screen,
    screen::{
        Tone,
        runtime::{TASK_COLUMN, WORKER_COLUMN},
    },
    severity::Severity,
    store::scheduler::{StuckPoll, Worker, WorkerCount},
    table::{
        Context, List, Opens, Subject, Table,
        column::Column,
        filter::{Field, Test},
        listing::{At, Each, Listing, Lookup, listing},
        place::RowKey,
        value::Value,
    },
    tables::TableId,
};

/// The list of workers.
#[derive(Debug)]
pub(crate) struct Workers;

type Col = Column<Workers>;

type Row<'a> = At<'a, Workers>;

impl<'a> Row<'a> {
    fn worker(&self) -> Option<&'a Worker> {
        self.store.store().scheduler.worker(self.one()?)
    }

    fn stuck(&self) -> Option<&'a StuckPoll> {
        self.store.store().scheduler.stuck_on(self.worker()?.thread)
    }

    fn per_s(&self, count: WorkerCount) -> Value<'a> {
        Value::float(self.one().and_then(|key| self.store.scheduler.worker_rate(key, count)))
    }

    fn percent(&self, time: WorkerCount) -> Value<'a> {
        let share = self.one().and_then(|key| self.store.scheduler.worker_share(key, time));
        Value::float(share.map(|share| share * 100.0))
    }
}

/// Those that have been stuck for long come first: they must be seen however many workers there are. The others stay in their order,
/// though they get stuck and go on several times a second.
fn warn<'a>(row: &Row<'a>) -> Value<'a> {
    let long = row.sum.filter(|severity| *severity == Severity::Critical);
    let order = row.one().map_or(0, |key| u64::from(key.runtime) << 32 | u64::from(key.number));
    Value::Mark(long, [u64::MAX - order, 0, 0])
}

fn number<'a>(row: &Row<'a>) -> Value<'a> {
    row.one().map_or(Value::Unknown, |key| Value::Toned(f64::from(key.number), Tone::Normal))
}

fn state<'a>(row: &Row<'a>) -> Value<'a> {
    let Some(worker) = row.worker() else { return Value::Unknown };
    let (cell, _) = doing(row.store, worker);
    Value::Text(cell.text.into(), cell.tone)
}

fn since<'a>(row: &Row<'a>) -> Value<'a> {
    Value::number(row.since(row.worker().and_then(|worker| doing(row.store, worker).1)))
}

fn task<'a>(row: &Row<'a>) -> Value<'a> {
    let Some(worker) = row.worker() else { return Value::Unknown };
    let cell = task_cell(row.store, worker, row.stuck());
    Value::Text(cell.text.into(), cell.tone)
}

/// Where it is stuck; of one that only polls, what the kernel says.
fn inside<'a>(row: &Row<'a>) -> Value<'a> {
    let Some(worker) = row.worker() else { return Value::Unknown };
    let stuck = row.stuck();
    let own = stuck.and_then(|poll| poll.stack.iter().find(|frame| frame.own));
    let kernel = stuck.and_then(|poll| poll.kernel_state.as_ref()).or(worker.kernel_state.as_ref());
    match (own.and_then(|frame| frame.place.as_ref()), kernel) {
        (Some(place), Some(state)) => Value::Text(format!("{state}: {place}").into(), Tone::Warning),
        (Some(place), None) => Value::Text(place.as_str().into(), Tone::Warning),
        (None, Some(state)) => Value::Text(state.as_str().into(), Tone::Dim),
        (None, None) => Value::Unknown,
    }
}

impl List for Workers {
    const ID: TableId = TableId::Workers;
    const FOLDS: bool = false;
    const COLUMNS: &'static [Column<Self>] = &[
        Col::warn("suspicion, then number", warn),
        Col::number(Unit::Number, WORKER_COLUMN, "WORKER", 6, "Its number", number).ascending(),
        Col::text("state", "STATE", 11, "polling, blocked, parked, searching or driving I/O", state),
        Col::number(Unit::Time, "for", "FOR", 7, "Time in that state", since),
        Col::number(
            Unit::Percent,
            "busy",
            "BUSY",
            6,
            "Share of the last seconds that it spent in polls",
            |row| row.percent(WorkerCount::PollTime),
        ),
        Col::trend(
            Unit::Percent,
            "share of time in polls",
            "The share of time in polls, second by second",
            |row| row.percent(WorkerCount::PollTime),
            |row| row.store.scheduler.worker_spark(row.one()?),
        )
        .priority(5),
        Col::number(
            Unit::Percent,
            "cpu",
            "CPU",
            6,
            "Share of the last seconds that its thread was on a CPU",
            |row| row.percent(WorkerCount::CpuTime),
        )
        .priority(1),
        Col::text(TASK_COLUMN, "TASK NOW", 14, "What it polls", task).grows(),
        Col::number(Unit::Count, "queue", "QUEUE", 5, "Tasks in its own queue", |row| {
            Value::number(row.worker().and_then(|worker| worker.local_queue))
        })
        .priority(1),
        Col::number(Unit::PerSecond, "polls", "POLLS/s", 7, "Polls a second", |row| {
            row.per_s(WorkerCount::Polls)
        })
        .priority(2),
        Col::number(
            Unit::PerSecond,
            "steals",
            "STEALS/s",
            8,
            "Tasks that it stole from others, a second",
            |row| row.per_s(WorkerCount::Steals),
        )
        .priority(4),
        Col::number(Unit::PerSecond, "parks", "PARKS/s", 7, "Times it went to sleep, a second", |row| {
            row.per_s(WorkerCount::Parks)
        })
        .priority(6),
        Col::number(Unit::PerSecond, "noops", "NOOPS/s", 7, "Times it woke for nothing, a second", |row| {
            row.per_s(WorkerCount::Noops)
        })
        .priority(9),
        Col::number(
            Unit::PerSecond,
            "overflows",
            "OVERFL/s",
            8,
            "Times its queue overflowed, a second",
            |row| row.per_s(WorkerCount::Overflows),
        )
        .priority(10),
        Col::number(Unit::Time, "mean-poll", "MEAN POLL", 9, "Mean length of a poll", |row| {
            // Tokio's mean is 0 before the first poll.
            let mean_ns = row.worker().and_then(|worker| worker.mean_poll_ns);
            Value::number(mean_ns.filter(|mean_ns| *mean_ns > 0))
        })
        .priority(8),
        Col::number(
            Unit::Percent,
            "run-queue",
            "RUN-QUEUE",
            9,
            "Share of the last seconds that its thread waited for a processor",
            |row| row.percent(WorkerCount::RunQueueWait),
        )
        .priority(7),
        Col::text("in", "IN", 18, "What holds it: a function and its place, or a system call", inside)
            .grows()
            .cut(Cut::Place)
            .priority(3),
    ];
    const FIELDS: &'static [Field<Self>] = &[
        Field::new("state", Test::Text(|row| Some(doing(row.store, row.worker()?).0.text.into()))),
        Field::new(
            "task",
            Test::Text(|row| Some(task_cell(row.store, row.worker()?, row.stuck()).text.into())),
        ),
        Field::new("in", Test::Text(|row| inside(row).words().map(|words| Cow::Owned(words.into_owned())))),
    ];

    type Key = WorkerKey;
    type Group = ();
    listing!();

    fn count(at: Context<'_>) -> Option<usize> {
        Some(at.store.scheduler.workers().count())
    }

    fn group_of(_store: Analysis<'_>, _key: WorkerKey) -> Option<()> {
        None
    }

    fn group_words(_store: Analysis<'_>, (): ()) -> String {
        String::new()
    }

    fn subject(at: Context<'_>, row: RowKey<WorkerKey, ()>) -> Option<Subject> {
        let RowKey::One(key) = row else { return None };
        let worker = at.store.scheduler.worker(key)?;
        polled(worker, at.store.scheduler.stuck_on(worker.thread)).map(Subject::Task)
    }

    fn opens(_at: Context<'_>, key: WorkerKey) -> Opens {
        Opens::Screen(Screen::Worker(key))
    }

    fn why_empty(_table: &Table<Self>, _at: Context<'_>) -> String {
        "No runtime has polled a task yet.".to_owned()
    }
}

impl Listing for Workers {
    const WAITS: bool = false;

    /// Whether it is stuck, and how serious that is.
    type Summary = Option<Severity>;

    fn each(at: Context<'_>, lookup: &Lookup<WorkerKey>, _with_parts: bool, take: Each<'_, Self>) -> usize {
        for worker in at.store.scheduler.workers() {
            take(worker.key, (), Self::summary(at, lookup, worker.key).flatten());
        }
        0
    }

    fn summary(at: Context<'_>, _lookup: &Lookup<WorkerKey>, key: WorkerKey) -> Option<Option<Severity>> {
        let worker = at.store.scheduler.worker(key)?;
        let stuck = at.store.scheduler.stuck_on(worker.thread);
        Some(stuck.map(|poll| stuck_severity(at.store, poll)))
    }

    fn add(_sum: &mut Option<Severity>, _other: &Option<Severity>) {}

    fn severity(sum: &Option<Severity>) -> Option<Severity> {
        *sum
    }
}
