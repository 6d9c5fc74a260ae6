//! The runtimes, put together for their screen: workers, who waits for one, the blocking pool, and the last minutes.

pub(super) mod stack;
pub(super) mod worker;

use crate::{
    analysis::{
        Analysis,
        pressure::{Closures, Pressure, Starving},
    },
    columns::ColumnId,
    format::{count, duration_ns, exact, percent, rate},
    id::{SiteId, TaskKey, WorkerKey},
    model::{detail::Links, ui::nav_stack::Chosen},
    nav::Screen,
    screen::{
        Tone,
        runtime::{BlameLine, ClosureLine, HeatView, RuntimeBlock, RuntimesView, StarvingLine, WorkerRow},
        table::{Cell, Row},
    },
    store::scheduler::{Runtime, RuntimeCount, heat::HeatMap},
    table::{Context, Table, any::AnyTable as _},
    tables::workers::{Workers, doing::polled},
};

/// Waits that are over and listed: the worst.
const STARVED_LISTED: usize = 6;
/// Waits that go on and are listed.
const STARVING_LISTED: usize = 8;
/// Who held the workers, for each of them.
const BLAMED_LISTED: usize = 3;
/// From this part of the wait on a poll is to blame for the wait, not only one of many.
const TO_BLAME: f64 = 0.5;

/// The screen.
pub(super) fn view(at: Context<'_>, workers: &Table<Workers>, chosen: Chosen) -> RuntimesView {
    let store = at.store;
    let mut links = Links::new(store, Screen::Runtime);
    let scheduler = &store.scheduler;
    let columns: Vec<ColumnId> = workers.columns().iter().map(|spec| spec.id).collect();
    let rows = workers.all_rows(at, &columns);
    let mut runtimes: Vec<RuntimeBlock> =
        scheduler.runtimes.iter().map(|runtime| block(store, runtime, &rows, &mut links)).collect();
    if scheduler.workers_of(0).next().is_some() {
        runtimes.push(RuntimeBlock {
            title: "threads outside of any known runtime".to_owned(),
            kind: String::new(),
            facts: Vec::new(),
            workers: workers_of(store, &rows, 0, &mut links),
        });
    }
    let Pressure { starving, more_starving, starved, closures, more_closures, .. } = &at.findings.pressure;
    let mut line = |waits: &[Starving], most: usize, over: bool| -> Vec<StarvingLine> {
        waits.iter().take(most).map(|wait| starving_line(store, wait, over, &mut links)).collect()
    };
    let left_out: u64 = starving.iter().skip(STARVING_LISTED).map(|starving| starving.count).sum();
    let (now, over) = (line(starving, STARVING_LISTED, false), line(starved, STARVED_LISTED, true));
    let closures = closures.iter().map(|closures| closure_line(store, closures, &mut links)).collect();
    let empty = (scheduler.reported_ns.is_none()).then(|| {
        "No runtimes reported: the process has an older taskscope, or console-subscriber.".to_owned()
    });
    let links = links.list;
    RuntimesView {
        empty: empty.or_else(|| runtimes.is_empty().then(|| "No runtime has polled a task yet.".to_owned())),
        columns,
        runtimes,
        starving: now,
        more_starving: more_starving + left_out,
        several: scheduler.runtimes.len() > 1,
        starved: over,
        closures,
        more_closures: *more_closures,
        delays: heat(&scheduler.delay_map, store.now_ns),
        polls: heat(&scheduler.poll_map, store.now_ns),
        selected_link: chosen.among(&links),
        links,
    }
}

fn block(
    store: Analysis<'_>,
    runtime: &Runtime,
    rows: &[(WorkerKey, Row)],
    links: &mut Links,
) -> RuntimeBlock {
    let scheduler = &store.scheduler;
    let workers = match runtime.workers {
        1 => "1 worker".to_owned(),
        n => format!("{n} workers"),
    };
    let kind = runtime.flavor.word().map(str::to_owned).into_iter().chain([workers]);
    RuntimeBlock {
        title: scheduler.runtime_title(runtime.index),
        kind: kind.collect::<Vec<_>>().join("  "),
        facts: runtime_facts(store, runtime),
        workers: workers_of(store, rows, runtime.index, links),
    }
}

/// What a runtime counts, in the order of the screen.
fn runtime_facts(store: Analysis<'_>, runtime: &Runtime) -> Vec<(&'static str, Cell)> {
    let per_s = |count| {
        let rate_of = store.scheduler.runtime_rate(runtime.index, count);
        Cell::value(rate_of, |per_s| format!("{}/s", rate(per_s)))
    };
    let number = |value: Option<u64>, suspicious: bool| {
        let tone = if suspicious && value.is_some_and(|n| n > 0) { Tone::Warning } else { Tone::Normal };
        value.map_or_else(Cell::unknown, |n| Cell::new(count(n), tone))
    };
    let most = runtime.max_blocking_threads.map_or_else(String::new, |most| format!(" of {}", exact(most)));
    let busy = runtime.busy_blocking_threads().map(|busy| {
        let tone = if runtime.is_pool_full() { Tone::Warning } else { Tone::Normal };
        Cell::new(format!("{}{most}", exact(busy)), tone)
    });
    let driver = runtime.driver_lost_since_ns.map(|since_ns| {
        let reported_ns = store.scheduler.reported_ns.unwrap_or(store.now_ns);
        let lost = duration_ns(reported_ns.saturating_sub(since_ns));
        ("driver", Cell::new(format!("lost for {lost}"), Tone::Critical))
    });
    let facts = [
        ("tasks", number(runtime.alive_tasks, false)),
        ("injection queue", number(runtime.injection_queue, false)),
        ("spawned", per_s(RuntimeCount::Spawned)),
        ("remote schedules", per_s(RuntimeCount::RemoteSchedules)),
        ("budget yields", per_s(RuntimeCount::BudgetYields)),
        ("blocking busy", busy.unwrap_or_else(Cell::unknown)),
        ("blocking idle", number(runtime.idle_blocking_threads, false)),
        ("blocking queue", number(runtime.blocking_queue, true)),
        ("I/O sources", number(runtime.io_sources(), false)),
        ("I/O ready", per_s(RuntimeCount::IoReady)),
        ("registered", per_s(RuntimeCount::IoRegistered)),
        ("deregistered", per_s(RuntimeCount::IoDeregistered)),
    ];
    facts.into_iter().chain(driver).collect()
}

/// The workers of a runtime, of those that match the filter of their table, in its order.
fn workers_of(
    store: Analysis<'_>,
    rows: &[(WorkerKey, Row)],
    runtime: u32,
    links: &mut Links,
) -> Vec<WorkerRow> {
    let of_it = rows.iter().filter(|(key, _)| key.runtime == runtime);
    of_it
        .filter_map(|(key, row)| {
            let worker = store.scheduler.worker(*key)?;
            let stuck = store.scheduler.stuck_on(worker.thread);
            Some(WorkerRow {
                row: row.clone(),
                link: links.worker(*key),
                task_link: polled(worker, stuck).and_then(|key| links.task(key)),
            })
        })
        .collect()
}

/// Critical after a second, as the lint `long-poll` has it by default.
fn starving_line(store: Analysis<'_>, starving: &Starving, over: bool, links: &mut Links) -> StarvingLine {
    let Starving { wait, count: tasks, blame } = starving;
    let link = links.task(wait.task);
    let words = store.polled_words(Some(wait.task), wait.site);
    let words = if *tasks > 1 { format!("{words} and {} more", count(tasks - 1)) } else { words };
    let tone = if link.is_some() { Tone::Link } else { Tone::Done };
    let ago = duration_ns(store.now_ns.saturating_sub(wait.ended_ns));
    let blame = blame.iter().take(BLAMED_LISTED).map(|blame| {
        let worker = store.scheduler.worker_of_thread(blame.thread);
        let worker =
            worker.map_or_else(|| "a worker".to_owned(), |worker| store.scheduler.worker_words(worker.key));
        BlameLine {
            link: blame.task.and_then(|key| links.task(key)),
            text: format!("{} held {worker}", store.polled_words(blame.task, blame.site)),
            share: Cell::new(
                percent(blame.share),
                if blame.share >= TO_BLAME { Tone::Warning } else { Tone::Normal },
            ),
            place: place(store, blame.site),
        }
    });
    let blame = blame.collect();
    StarvingLine {
        task: Cell::new(words, tone),
        link,
        place: place(store, wait.site),
        length: Cell::new(duration_ns(wait.length_ns), if over { Tone::Normal } else { Tone::Warning }),
        ago: if over {
            Cell::new(format!("{ago} ago"), Tone::Dim)
        } else {
            Cell::new("now", Tone::Scheduled)
        },
        blame,
    }
}

fn closure_line(store: Analysis<'_>, closures: &Closures, links: &mut Links) -> ClosureLine {
    let since = |first: Option<(u64, TaskKey)>| first.map(|(ns, _)| store.now_ns.saturating_sub(ns));
    let shown =
        |first| since(first).map_or_else(|| Cell::new("", Tone::Dim), |ns| Cell::normal(duration_ns(ns)));
    let queued = if closures.queued > 0 { Tone::Warning } else { Tone::Dim };
    let first = closures.oldest.or(closures.first);
    ClosureLine {
        link: first.and_then(|(_, key)| links.task(key)),
        place: place(store, closures.site),
        running: Cell::normal(count(closures.running)),
        oldest: shown(closures.oldest),
        queued: Cell::new(count(closures.queued), queued),
        first: shown(closures.first),
    }
}

pub(super) fn place(store: Analysis<'_>, site: SiteId) -> Cell {
    store.short_place(site).map_or_else(Cell::unknown, |place| Cell::new(place, Tone::Dim))
}

fn heat(map: &HeatMap, now_ns: u64) -> HeatView {
    HeatView {
        columns: map.columns.iter().map(|column| column.counts.to_vec()).collect(),
        reaches_ns: map.columns.front().map_or(0, |column| now_ns.saturating_sub(column.started_ns)),
    }
}
