//! What the workers do, who waits for one, and what the blocking pool runs, as text: for a report that people read.
//!
//! Limit: [`MAX_WORKERS`] workers; the rest is counted.

use std::io::{self, Write};

use super::names::Names;
use taskscope_model::{
    format::{self, duration_ns, percent},
    report::{Report, Runtime, Starving, Worker},
};

/// Workers listed of each runtime: those that are stuck, then by number.
const MAX_WORKERS: usize = 64;

/// Writes nothing when the report has no runtime.
///
/// # Errors
/// When `out` can't be written.
pub(super) fn write(report: &Report, names: &Names<'_>, out: &mut dyn Write) -> io::Result<()> {
    for runtime in &report.runtimes {
        writeln!(out, "\n{}", runtime_words(runtime))?;
        let of_it = report.workers.iter().filter(|worker| worker.runtime == Some(runtime.index));
        let mut workers: Vec<&Worker> = of_it.collect();
        workers.sort_by_key(|worker| (!worker.stuck, worker.worker));
        for worker in workers.iter().take(MAX_WORKERS) {
            writeln!(out, "  {}", worker_words(worker, names))?;
        }
        if workers.len() > MAX_WORKERS {
            writeln!(out, "  and {} more", workers.len() - MAX_WORKERS)?;
        }
    }
    if !report.starving.is_empty() {
        writeln!(out, "\nwaits for a worker")?;
    }
    for starving in &report.starving {
        write_starving(starving, names, out)?;
    }
    if !report.closures.is_empty() {
        writeln!(out, "\nblocking pool")?;
    }
    for closures in &report.closures {
        let place = closures.place.as_deref().unwrap_or(format::UNKNOWN);
        let (oldest, first) = (age(closures.oldest_ns), age(closures.longest_wait_ns));
        writeln!(out, "  {place}: {} running{oldest}, {} queued{first}", closures.running, closures.queued)?;
    }
    Ok(())
}

fn age(ns: Option<u64>) -> String {
    ns.map_or_else(String::new, |ns| format!(" (oldest {})", duration_ns(ns)))
}

/// `runtime main, multi_thread, 4 workers, injection queue 0, blocking pool 3 busy, 0 queued`
fn runtime_words(runtime: &Runtime) -> String {
    let name = runtime.name.clone().unwrap_or_else(|| format!("#{}", runtime.index));
    let known = |value: Option<u64>| value.map_or_else(|| format::UNKNOWN.to_owned(), format::exact);
    let busy = runtime.blocking_threads.zip(runtime.idle_blocking_threads);
    format!(
        "runtime {name}, {}, {} workers, injection queue {}, blocking pool {} busy, {} queued",
        runtime.flavor.as_deref().unwrap_or(format::UNKNOWN),
        runtime.workers,
        known(runtime.injection_queue),
        known(busy.map(|(threads, idle)| threads.saturating_sub(idle))),
        known(runtime.blocking_queue),
    )
}

/// `worker 0 stuck for 3.20 s in import #102 (clock_nanosleep), busy 100 %, CPU 2 %, queue 14`
fn worker_words(worker: &Worker, names: &Names<'_>) -> String {
    let state = if worker.stuck { "stuck" } else { worker.state.as_deref().unwrap_or(format::UNKNOWN) };
    let task =
        worker.task.as_ref().map_or_else(String::new, |task| format!(" in {}", names.task(Some(task))));
    let kernel = worker.kernel_state.as_ref().map_or_else(String::new, |state| format!(" ({state})"));
    let share = |share: Option<f64>| share.map_or_else(|| format::UNKNOWN.to_owned(), percent);
    let since = worker.state_ns.map_or_else(String::new, |ns| format!(" for {}", duration_ns(ns)));
    format!(
        "worker {} {state}{since}{task}{kernel}, busy {}, CPU {}, queue {}",
        worker.worker,
        share(worker.busy_share),
        share(worker.cpu_share),
        worker.local_queue.map_or_else(|| format::UNKNOWN.to_owned(), format::exact),
    )
}

fn write_starving(starving: &Starving, names: &Names<'_>, out: &mut dyn Write) -> io::Result<()> {
    let task = names.task(starving.task.as_deref());
    let place = starving.place.as_deref().unwrap_or(format::UNKNOWN);
    let others = if starving.count > 1 { format!(" and {} more", starving.count - 1) } else { String::new() };
    let when = match starving.ended_ago_ns {
        Some(ns) => format!("{} ago", duration_ns(ns)),
        None => "now".to_owned(),
    };
    writeln!(out, "  {task}{others} ({place}): {}, {when}", duration_ns(starving.scheduled_ns))?;
    for blame in &starving.blame {
        let task = names.task(blame.task.as_deref());
        let place = blame.place.as_deref().unwrap_or(format::UNKNOWN);
        let thread = blame.thread.as_deref().unwrap_or(format::UNKNOWN);
        writeln!(out, "    {:>6}  {task} ({place}) held {thread}", percent(blame.share))?;
    }
    Ok(())
}
