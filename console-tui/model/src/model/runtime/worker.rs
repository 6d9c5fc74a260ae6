//! One worker, put together for its screen.

use crate::{
    analysis::Analysis,
    format::{count, duration_ns, exact, percent, rate},
    id::WorkerKey,
    model::{
        detail::{Links, fact},
        pages,
        runtime::{place, stack::stack},
        ui::nav_stack::Chosen,
    },
    nav::Screen,
    screen::{
        Tone,
        runtime::{LongPollLine, WorkerView},
        table::Cell,
        task::Fact,
    },
    store::scheduler::{LongPoll, Worker, WorkerCount},
    table::Context,
    tables::workers::doing::{doing, polled, task_cell},
};

/// Long polls listed.
const LONG_POLLS_LISTED: usize = 24;

/// The screen; `None`: there is no such worker (any more).
pub(in crate::model) fn view(at: Context<'_>, key: WorkerKey, chosen: Chosen) -> Option<WorkerView> {
    let store = at.store;
    let scheduler = &store.scheduler;
    let worker = scheduler.worker(key)?;
    let mut links = Links::new(store, Screen::Worker(key));
    let goes_on = scheduler.stuck_on(worker.thread);
    let on_thread = |thread: u32| worker.thread != 0 && thread == worker.thread;
    let stuck = goes_on.or_else(|| scheduler.stuck.iter().find(|poll| on_thread(poll.thread)));
    let about = about(store, worker, &mut links);
    let of_it = || scheduler.long_polls.iter().rev().filter(|poll| on_thread(poll.thread));
    let long_polls = of_it().take(LONG_POLLS_LISTED).map(|poll| long_poll(store, poll, &mut links));
    let long_polls: Vec<LongPollLine> = long_polls.collect();
    let polled = goes_on.and_then(|poll| poll.task);
    let findings =
        pages::findings(at.findings, |finding| polled.is_some_and(|key| finding.tasks.contains(&key)));
    let (state, since_ns) = doing(store, worker);
    let words = match since_ns {
        Some(since_ns) => {
            format!("{} for {}", state.text, duration_ns(store.now_ns.saturating_sub(since_ns)))
        }
        None => state.text,
    };
    let links = links.list;
    Some(WorkerView {
        state: Cell::new(words, state.tone),
        findings,
        stuck: stuck.and_then(|poll| stack(store, poll)),
        about,
        rates: rates(store, worker),
        thread: thread(store, worker),
        more_long_polls: of_it().count() - long_polls.len(),
        lost_long_polls: scheduler.lost_long_polls,
        long_polls,
        selected_link: chosen.among(&links),
        links,
    })
}

fn about(store: Analysis<'_>, worker: &Worker, links: &mut Links) -> Vec<Fact> {
    let scheduler = &store.scheduler;
    let stuck = scheduler.stuck_on(worker.thread);
    let task = task_cell(store, worker, stuck);
    let link = polled(worker, stuck).and_then(|key| links.task(key));
    let runtime = match worker.key.runtime {
        0 => Cell::unknown(),
        index => Cell::normal(scheduler.runtime_words(index)),
    };
    vec![
        fact("runtime", runtime),
        Fact { label: "polls now", value: task, link },
        fact("own queue", Cell::value(worker.local_queue, exact)),
        fact("mean poll", Cell::value(worker.mean_poll_ns.filter(|mean_ns| *mean_ns > 0), duration_ns)),
        fact("polls", Cell::value(worker.polls, exact)),
        fact("time in polls", Cell::value(worker.poll_ns, duration_ns)),
        fact("busy, by tokio", Cell::value(worker.busy_ns, duration_ns)),
    ]
}

fn rates(store: Analysis<'_>, worker: &Worker) -> Vec<Fact> {
    let per_s = |label: &'static str, counter, total: Option<u64>| {
        let per_s = store.scheduler.worker_rate(worker.key, counter);
        let cell = Cell::value(total, |total| match per_s {
            Some(per_s) => format!("{}  ({}/s)", count(total), rate(per_s)),
            None => count(total),
        });
        fact(label, cell)
    };
    vec![
        per_s("parks", WorkerCount::Parks, worker.parks),
        per_s("woken for nothing", WorkerCount::Noops, worker.noops),
        per_s("stolen tasks", WorkerCount::Steals, worker.steals),
        fact("stealing", Cell::value(worker.steal_operations, |n| format!("{} times", count(n)))),
        per_s("own schedules", WorkerCount::LocalSchedules, worker.local_schedules),
        per_s("queue overflows", WorkerCount::Overflows, worker.overflows),
    ]
}

fn thread(store: Analysis<'_>, worker: &Worker) -> Vec<Fact> {
    let share = |label: &'static str, time, total_ns: Option<u64>| {
        let share = store.scheduler.worker_share(worker.key, time);
        let cell = Cell::value(total_ns, |total_ns| match share {
            Some(share) => format!("{}  ({})", duration_ns(total_ns), percent(share)),
            None => duration_ns(total_ns),
        });
        fact(label, cell)
    };
    let name = store.thread_name(worker.thread);
    let involuntary = store.scheduler.worker_rate(worker.key, WorkerCount::InvoluntarySwitches);
    let involuntary = Cell::value(worker.involuntary_switches, |total| match involuntary {
        Some(per_s) => format!("{}  ({}/s)", count(total), rate(per_s)),
        None => count(total),
    });
    vec![
        fact("thread", name.map_or_else(Cell::unknown, Cell::normal)),
        fact("kernel", kernel(worker.kernel_state.as_deref(), store.hello.os.as_deref())),
        share("on CPU", WorkerCount::CpuTime, worker.cpu_ns),
        share("waited for CPU", WorkerCount::RunQueueWait, worker.run_queue_wait_ns),
        fact("yielded CPU", Cell::value(worker.voluntary_switches, count)),
        fact("preempted", involuntary),
    ]
}

/// What the thread does in the kernel. The first of five facts that are unknown on other systems, so it says why.
fn kernel(state: Option<&str>, os: Option<&str>) -> Cell {
    match (state, os) {
        (Some(state), _) => Cell::normal(state.to_owned()),
        (None, Some(os)) if !os.starts_with("linux") => {
            Cell::new("– (only Linux shows it)".to_owned(), Tone::Unknown)
        }
        (None, _) => Cell::unknown(),
    }
}

fn long_poll(store: Analysis<'_>, poll: &LongPoll, links: &mut Links) -> LongPollLine {
    let link = poll.task.and_then(|key| links.task(key));
    let ago = duration_ns(store.now_ns.saturating_sub(poll.ended_ns));
    LongPollLine {
        task: Cell::new(
            store.polled_words(poll.task, poll.site),
            if link.is_some() { Tone::Link } else { Tone::Done },
        ),
        link,
        length: Cell::normal(duration_ns(poll.ended_ns.saturating_sub(poll.started_ns))),
        ago: Cell::new(format!("{ago} ago"), Tone::Dim),
        place: place(store, poll.site),
    }
}

#[cfg(test)]
mod tests {
    use super::kernel;

    #[test]
    fn what_another_system_does_not_show_has_its_reason() {
        assert_eq!(kernel(Some("futex"), Some("linux")).text, "futex");
        assert_eq!(kernel(None, Some("linux")).text, "–");
        assert_eq!(kernel(None, None).text, "–");
        assert_eq!(kernel(None, Some("macos")).text, "– (only Linux shows it)");
    }
}
