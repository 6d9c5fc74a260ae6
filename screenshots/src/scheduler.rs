//! The scheduler of the made-up service: a worker that a poll blocks, and a connection that waits behind it.
//!
//! Invariant: as for the tasks, everything follows from the time alone.

use taskscope_proto::v1::{
    Frame, Histogram, LongPoll, Runtime, RuntimeFlavor, Scheduler, StackFrame, StuckPoll, TaskRef, Worker,
    WorkerState,
};

use crate::service::{CONNECT_NS, PICTURE_NS, RENDER_AGO_NS, SECOND, slot};

const MILLI: u64 = 1_000_000;
const MICRO: u64 = 1_000;

/// When the poll began that blocks worker 0.
const RENDER_NS: u64 = PICTURE_NS - RENDER_AGO_NS;

/// Number of the place that spawned `render-pdf`.
const RENDER_SITE: u32 = 4;

/// Time of a poll of it that is over, and its length.
const RENDERED: (u64, u64) = (PICTURE_NS - 3_100 * MILLI, 498 * MILLI);

/// Share of the time that each worker is busy, in percent, and its polls a second.
const WORKERS: [(u64, u64); 4] = [(58, 11_200), (71, 16_200), (64, 15_900), (9, 1_400)];

/// Waits and polls a second, by the decade of their length from 100 ns on.
const DELAYS_PER_S: [u64; 8] = [120, 31_000, 9_800, 410, 6, 0, 0, 0];
const POLLS_PER_S: [u64; 8] = [40, 21_500, 19_000, 760, 21, 1, 0, 0];

/// Adds the scheduler as it is then, once a second.
pub(crate) fn add(frame: &mut Frame) {
    let now_ns = frame.now_ns;
    if !now_ns.is_multiple_of(SECOND) && now_ns != CONNECT_NS {
        return;
    }
    let render = Some(TaskRef { slot: slot::RENDER, generation: 1 });
    let is_stuck = now_ns >= RENDER_NS + 100 * MILLI;
    let stuck = is_stuck.then(|| StuckPoll {
        thread: 2,
        task: render,
        site: RENDER_SITE,
        started_ago_ns: now_ns - RENDER_NS,
        captured_ago_ns_plus1: now_ns - RENDER_NS - 141 * MILLI,
        kernel_state: "read".to_owned(),
        stack: stack(),
        ..StuckPoll::default()
    });
    let (rendered_ns, took_ns) = RENDERED;
    let over = rendered_ns + took_ns;
    let is_news = over <= now_ns && now_ns - over < SECOND;
    let long_poll = is_news.then(|| LongPoll {
        thread: 2,
        task: render,
        site: RENDER_SITE,
        started_ago_ns: now_ns - rendered_ns,
        duration_ns: took_ns,
        ..LongPoll::default()
    });
    frame.scheduler = Some(Scheduler {
        runtimes: vec![runtime(now_ns)],
        workers: (0..4).map(|number| worker(number, now_ns)).collect(),
        stuck: stuck.into_iter().collect(),
        long_polls: long_poll.into_iter().collect(),
        polls: Some(histogram(now_ns, POLLS_PER_S, u64::from(over <= now_ns))),
        scheduled: Some(histogram(now_ns, DELAYS_PER_S, 0)),
        ..Scheduler::default()
    });
}

fn runtime(now_ns: u64) -> Runtime {
    let seconds = now_ns / SECOND;
    Runtime {
        index: 1,
        name: "main".to_owned(),
        flavor: RuntimeFlavor::MultiThread.into(),
        workers: 4,
        alive_tasks: Some(1_722),
        injection_queue: Some(0),
        spawned_tasks: Some(52_000 + seconds * 12),
        remote_schedules: Some(seconds * 218),
        budget_yields: Some(seconds / 4),
        blocking_threads: Some(4),
        idle_blocking_threads: Some(1),
        blocking_queue: Some(0),
        max_blocking_threads: Some(512),
        io_registered: Some(9_000 + seconds * 3),
        io_deregistered: Some(7_800 + seconds * 3),
        io_ready: Some(seconds * 9_130),
        ..Runtime::default()
    }
}

fn worker(number: u32, now_ns: u64) -> Worker {
    let (busy_percent, polls_per_s) = WORKERS[number as usize];
    let blocked = number == 0 && now_ns >= RENDER_NS;
    // What worker 0 did stands still from then on.
    let until_ns = if blocked { RENDER_NS } else { now_ns };
    // The share goes up and down with the cosine of the time, so that its sum does with the sine.
    let wave = 0.2 * ((until_ns as f64 / SECOND as f64) * 0.8 + f64::from(number)).sin();
    let busy_ns = until_ns / 100 * busy_percent + ((1.0 + wave) * SECOND as f64) as u64;
    let seconds = until_ns / SECOND;
    let state = match number {
        0 | 1 => WorkerState::Polling,
        2 => WorkerState::DrivingIo,
        _ => WorkerState::Parked,
    };
    let task = match number {
        0 if blocked => Some(slot::RENDER),
        0 | 1 => Some(slot::CONN + 3 * number),
        _ => None,
    };
    Worker {
        runtime: 1,
        worker: number,
        thread: number + 2,
        state: state.into(),
        state_ago_ns: if blocked { now_ns - RENDER_NS } else { u64::from(number) * 2 * MICRO },
        task: task.map(|slot| TaskRef { slot, generation: 1 }),
        polls: Some(seconds * polls_per_s),
        poll_ns: Some(busy_ns),
        busy_ns: Some(busy_ns),
        parks: Some(seconds * 790),
        noops: Some(seconds * 12),
        steals: Some(seconds * (41 - u64::from(number) * 9)),
        steal_operations: Some(seconds * 11),
        local_schedules: Some(seconds * polls_per_s / 2),
        overflows: Some(0),
        local_queue: Some(if blocked { 14 } else { 0 }),
        mean_poll_ns: Some(38 * MICRO + u64::from(number) * 2 * MICRO),
        cpu_ns: Some(busy_ns / 100 * 97),
        run_queue_wait_ns: Some(seconds * MILLI),
        voluntary_switches: Some(seconds * 800),
        involuntary_switches: Some(seconds * 3),
        kernel_state: match number {
            0 if blocked => "read",
            0 | 1 => "running",
            2 => "epoll_wait",
            _ => "futex",
        }
        .to_owned(),
        ..Worker::default()
    }
}

fn stack() -> Vec<StackFrame> {
    let frame = |function: &str, file: &str, line, own| StackFrame {
        function: function.to_owned(),
        file: file.to_owned(),
        line,
        own,
        ..StackFrame::default()
    };
    let mut stack = vec![
        frame("read", "", 0, false),
        frame("<std::fs::File as std::io::Read>::read", "library/std/src/fs.rs", 1_342, false),
        frame("checkout_api::invoice::read_template", "src/invoice.rs", 77, true),
        frame("checkout_api::invoice::render::{closure#0}", "src/invoice.rs", 58, true),
    ];
    stack.extend((0..11).map(|_| frame("tokio::runtime::task::poll", "tokio-1.54.1/src/task.rs", 1, false)));
    stack
}

/// Decades from 100 ns on, filled at a rate that goes up and down; `long` are of half a second.
fn histogram(now_ns: u64, per_s: [u64; 8], long: u64) -> Histogram {
    let bound = |n: u32| 100 * 10_u64.pow(n);
    let seconds = now_ns as f64 / SECOND as f64;
    let mut count = per_s.map(|rate| (rate as f64 * (seconds + 0.6 * (seconds * 0.4).sin())) as u64).to_vec();
    count[6] += long;
    Histogram {
        lower_ns: (0..8).map(bound).collect(),
        upper_ns: (1..9).map(bound).collect(),
        count,
        max_ns: 0,
    }
}
