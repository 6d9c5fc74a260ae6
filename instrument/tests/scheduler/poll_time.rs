//! Where the time of a poll went, as the kernel counts it: three polls that took as long by the clock, and only two of them by their own fault.

use rustix::{
    thread::{CpuSet, gettid, sched_getaffinity, sched_setaffinity},
    time::{ClockId, clock_gettime},
};

use super::*;

const LONG_NS: u64 = 300_000_000;
/// What is not counted: the time between the last reading and the poll, and what the kernel's clocks round.
const BESIDE_NS: u64 = 60_000_000;

fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    (time.tv_sec * 1_000_000_000 + time.tv_nsec).try_into().unwrap()
}

fn queued_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The long poll of a task of that name that took `LONG_NS` or more.
fn long_poll(p: &Seen, name: &str) -> Option<v1::LongPoll> {
    p.long_polls.iter().copied().find(|poll| p.is(poll.task, name) && poll.duration_ns >= LONG_NS)
}

fn long_poll_of(name: &'static str, work: impl FnOnce() + Send + 'static) -> v1::LongPoll {
    let mut console = Console::connect();
    let runtime = Builder::new_multi_thread().name(name).worker_threads(1).build().unwrap();
    runtime.block_on(spawn(&runtime, name, async move { work() })).unwrap();
    let seen = console.until("the poll is sent", |p| long_poll(p, name).is_some());
    long_poll(seen, name).unwrap()
}

#[test]
fn a_poll_that_slept_is_reported_so() {
    let poll = long_poll_of("slept", || std::thread::sleep(Duration::from_nanos(LONG_NS)));
    let spent = poll.spent.unwrap();
    assert!(spent.asleep_ns + spent.queued_ns + BESIDE_NS >= poll.duration_ns, "{poll:?}");
    assert!(spent.asleep_ns + BESIDE_NS >= LONG_NS, "it slept so long, whatever else: {poll:?}");
    assert!(!poll.in_place);
}

#[test]
fn a_poll_that_computed_is_reported_so() {
    let poll = long_poll_of("computed", || {
        let until = cpu_ns() + LONG_NS;
        while cpu_ns() < until {
            std::hint::spin_loop();
        }
    });
    let spent = poll.spent.unwrap();
    assert!(spent.cpu_ns + BESIDE_NS >= LONG_NS, "{poll:?}");
    assert!(spent.asleep_ns <= BESIDE_NS, "it never slept: {poll:?}");
}

/// All on one CPU: the poll and three threads that take as much of it as they get.
#[test]
fn a_poll_that_had_no_cpu_is_reported_so() {
    let allowed = sched_getaffinity(None).unwrap();
    let cpu = (0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu)).unwrap();
    let mut one = CpuSet::new();
    one.set(cpu);
    let over = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let busy: Vec<_> = (0..3)
        .map(|_| {
            let over = Arc::clone(&over);
            std::thread::spawn(move || {
                sched_setaffinity(Some(gettid()), &one).unwrap();
                while !over.load(Relaxed) {
                    std::hint::spin_loop();
                }
            })
        })
        .collect();
    let poll = long_poll_of("crowded out", move || {
        sched_setaffinity(Some(gettid()), &one).unwrap();
        let until = queued_ns() + LONG_NS;
        while queued_ns() < until {
            std::hint::spin_loop();
        }
    });
    over.store(true, Relaxed);
    for thread in busy {
        thread.join().unwrap();
    }
    let spent = poll.spent.unwrap();
    assert!(spent.queued_ns + BESIDE_NS >= LONG_NS, "{poll:?}");
    assert!(spent.asleep_ns <= BESIDE_NS, "it never slept: {poll:?}");
}

#[test]
fn a_poll_that_goes_on_is_reported_so() {
    let mut console = Console::connect();
    let runtime = Builder::new_multi_thread().name("asleep").worker_threads(1).build().unwrap();
    let (release, released) = mpsc::channel::<()>();
    let task = spawn(&runtime, "sleeper", async move { released.recv().unwrap() });
    let asleep = |p: &Seen| p.stuck("sleeper")?.spent.map(|spent| spent.asleep_ns);
    console.until("it is known to sleep", |p| asleep(p) > Some(LONG_NS));
    release.send(()).unwrap();
    runtime.block_on(task).unwrap();
}

/// In a poll that gave its place away another runtime may be driven: its only worker is that very thread.
#[cfg(tokio_unstable)]
#[test]
fn a_poll_that_drives_another_runtime_in_place_is_reported_so() {
    let mut console = Console::connect();
    let runtime = Builder::new_multi_thread().name("around").worker_threads(1).build().unwrap();
    let inner = Builder::new_current_thread().name("within").enable_all().build().unwrap();
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let task = spawn(&runtime, "drives another", async move {
        // A runtime may only be dropped where blocking is allowed.
        let drive = move || inner.block_on(released);
        tokio::task::block_in_place(drive).unwrap();
    });
    console.until("it is in place, and has been for long", |p| {
        let mut workers = p.scheduler.workers.iter();
        workers.any(|worker| {
            p.is(worker.task, "drives another") && worker.in_place && worker.state_ago_ns > LONG_NS
        })
    });
    assert!(console.seen.stuck("drives another").is_none(), "{:?}", console.seen.scheduler.stuck);
    release.send(()).unwrap();
    runtime.block_on(task).unwrap();
    let seen = console.until("its end is sent", |p| long_poll(p, "drives another").is_some());
    assert!(long_poll(seen, "drives another").unwrap().in_place);
}
