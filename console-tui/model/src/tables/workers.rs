//! The workers: what each does now, and what it did in the last seconds.

pub(crate) mod doing;

use std::borrow::Cow;

use self::doing::{doing, polled, stuck_severity, task_cell};
use crate::{
    analysis::{Analysis, ops::Waits},
    columns::Cut,
    id::WorkerKey,
    nav::Screen,
    screen::Tone,
    severity::Severity,
    store::scheduler::{StuckPoll, Worker, WorkerCount},
    table::{
        Context, List, Opens, Subject, Table,
        column::{Column, columns},
        filter::{Field, Test},
        listing::{At, Listed, Listing, Summary},
        place::RowKey,
        value::Value,
    },
    tables::TableId,
};

/// The list of workers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Workers;

type Row<'a> = At<'a, Workers>;

impl<'a> Row<'a> {
    fn worker(&self) -> Option<&'a Worker> {
        self.store.store().scheduler.worker(self.one()?)
    }

    fn stuck(&self) -> Option<&'a StuckPoll> {
        self.store.store().scheduler.stuck_on(self.worker()?.thread)
    }

    fn per_s(&self, count: WorkerCount) -> Option<f64> {
        self.store.scheduler.worker_rate(self.one()?, count)
    }

    fn percent(&self, time: WorkerCount) -> Option<f64> {
        self.store.scheduler.worker_share(self.one()?, time).map(|share| share * 100.0)
    }
}

/// Those that have been stuck for long come first: they must be seen however many workers there are. The others stay in their order,
/// though they get stuck and go on several times a second.
fn warn<'a>(row: &Row<'a>) -> Value<'a> {
    let long = row.severity.filter(|severity| *severity == Severity::Critical);
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

fn since(row: &Row<'_>) -> Option<u64> {
    row.since(doing(row.store, row.worker()?).1)
}

fn task<'a>(row: &Row<'a>) -> Value<'a> {
    let Some(worker) = row.worker() else { return Value::Unknown };
    let cell = task_cell(row.store, worker, row.stuck());
    Value::Text(cell.text.into(), cell.tone)
}

fn mean_poll_ns(row: &Row<'_>) -> Option<u64> {
    // Tokio's mean is 0 before the first poll.
    row.worker()?.mean_poll_ns.filter(|mean_ns| *mean_ns > 0)
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
    const COLUMNS: &'static [Column<Self>] = columns! { Self, row;
        warn "suspicion, then number" => warn(row);
        Number    "worker"    "WORKER"     6 "Its number" { descending: false } => number(row);
        text      "state"     "STATE"     11 "polling, blocked, parked, searching or driving I/O" => state(row);
        Time      "for"       "FOR"        7 "Time in that state" => since(row);
        Percent   "busy"      "BUSY"       6 "Share of the last seconds that it spent in polls" => row.percent(WorkerCount::PollTime);
        Percent   "trend"     ""           8 "The share of time in polls, second by second" { words: "share of time in polls", priority: 5 }
            => row.percent(WorkerCount::PollTime), spark: row.store.scheduler.worker_spark(row.one()?);
        Percent   "cpu"       "CPU"        6 "Share of the last seconds that its thread was on a CPU" { priority: 1 } => row.percent(WorkerCount::CpuTime);
        text      "task"      "TASK NOW"  14 "What it polls" { grows: true } => task(row);
        Count     "queue"     "QUEUE"      5 "Tasks in its own queue" { priority: 1 } => row.worker().and_then(|worker| worker.local_queue);
        PerSecond "polls"     "POLLS/s"    7 "Polls a second" { priority: 2 } => row.per_s(WorkerCount::Polls);
        PerSecond "steals"    "STEALS/s"   8 "Tasks that it stole from others, a second" { priority: 4 } => row.per_s(WorkerCount::Steals);
        PerSecond "parks"     "PARKS/s"    7 "Times it went to sleep, a second" { priority: 6 } => row.per_s(WorkerCount::Parks);
        PerSecond "noops"     "NOOPS/s"    7 "Times it woke for nothing, a second" { priority: 9 } => row.per_s(WorkerCount::Noops);
        PerSecond "overflows" "OVERFL/s"   8 "Times its queue overflowed, a second" { priority: 10 } => row.per_s(WorkerCount::Overflows);
        Time      "mean-poll" "MEAN POLL"  9 "Mean length of a poll" { priority: 8 } => mean_poll_ns(row);
        Percent   "run-queue" "RUN-QUEUE"  9 "Share of the last seconds that its thread waited for a processor" { priority: 7 }
            => row.percent(WorkerCount::RunQueueWait);
        text      "in"        "IN"        18 "What holds it: a function and its place, or a system call" { grows: true, cut: Cut::Place, priority: 3 }
            => inside(row);
    };
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
    type Row<'a> = At<'a, Self>;
    type Source = Listed<Self>;

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

    type Summary = Stuck;

    fn candidates(at: Context<'_>) -> Vec<WorkerKey> {
        at.store.scheduler.workers().map(|worker| worker.key).collect()
    }

    fn summary(at: Context<'_>, key: WorkerKey, _waits: &Waits) -> Option<Stuck> {
        at.store.scheduler.worker(key).map(|worker| Stuck::of(at.store, worker))
    }
}

/// Whether a worker is stuck, and how serious that is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stuck(Option<Severity>);

impl Stuck {
    fn of(store: Analysis<'_>, worker: &Worker) -> Self {
        Self(store.scheduler.stuck_on(worker.thread).map(|poll| stuck_severity(store, poll)))
    }
}

impl Summary for Stuck {
    fn severity(&self) -> Option<Severity> {
        self.0
    }
}
