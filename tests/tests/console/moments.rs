//! Every report is of one moment: random schedules of real threads on a real recorder, sent in rounds of frames of random size, with
//! the program going on between the start of a round and its frames, and between two frames.
//!
//! What was true is written down as it happens, by the recorder's own clock, and each report is held against it.

use std::{collections::HashMap, panic::Location, sync::mpsc, thread, time::Duration};

use proptest::prelude::*;
use taskscope::internals::{Rounds, recorder};
use taskscope_model::{Config, ConnectionEvent, Event, Model, report::Report, update};
use taskscope_recorder::{
    HoldToken, Knows, Limits, NewResource, Place, RecordKind, Recorder, ResourceId, Spawn, TaskId, Ticks,
};

const THREADS: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    Spawn {
        thread: usize,
        site: u32,
    },
    /// A poll of one of those that are not polled begins, if the thread is free.
    Poll {
        thread: usize,
        task: usize,
    },
    EndPoll {
        thread: usize,
    },
    Wake {
        thread: usize,
        task: usize,
    },
    /// The task that the thread polls takes one of the locks, or lets it go.
    Lock {
        thread: usize,
        lock: usize,
    },
    End {
        thread: usize,
        task: usize,
    },
    /// A round begins; its frames have so many rows.
    Begin {
        rows: usize,
    },
    /// The round's next frame.
    Frame,
}

fn step() -> impl Strategy<Value = Step> {
    let (thread, task) = (0..THREADS, 0_usize..64);
    prop_oneof![
        3 => (thread.clone(), 1_u32..4).prop_map(|(thread, site)| Step::Spawn { thread, site }),
        6 => (thread.clone(), task.clone()).prop_map(|(thread, task)| Step::Poll { thread, task }),
        5 => thread.clone().prop_map(|thread| Step::EndPoll { thread }),
        4 => (thread.clone(), task.clone()).prop_map(|(thread, task)| Step::Wake { thread, task }),
        3 => (thread.clone(), 0_usize..2).prop_map(|(thread, lock)| Step::Lock { thread, lock }),
        3 => (thread, task).prop_map(|(thread, task)| Step::End { thread, task }),
        2 => (1_usize..4).prop_map(|rows| Step::Begin { rows }),
        4 => Just(Step::Frame),
    ]
}

/// What a task does, and between which two readings of the clock it began to.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Does {
    state: &'static str,
    began: (Ticks, Ticks),
}

#[derive(Debug, Clone)]
struct Truth {
    id: TaskId,
    does: Does,
    woken: bool,
}

type Job = Box<dyn FnOnce(&Recorder) + Send>;

/// A program of some threads that run jobs, one after the other.
struct Play<'r> {
    recorder: &'r Recorder,
    threads: Vec<mpsc::Sender<Job>>,
    done: mpsc::Receiver<()>,
    tasks: Vec<Truth>,
    polled: Vec<Option<TaskId>>,
    locks: Vec<(ResourceId, Option<(TaskId, HoldToken)>)>,
    /// Ever spawned.
    spawned: u64,
}

impl Play<'_> {
    fn on(&self, thread: usize, job: impl FnOnce(&Recorder) + Send + 'static) -> (Ticks, Ticks) {
        let before = self.recorder.clock().ticks();
        self.threads[thread].send(Box::new(job)).expect("the thread lives");
        self.done.recv().expect("it does it");
        (before, self.recorder.clock().ticks())
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Spawn { thread, site } => {
                let (send, made) = mpsc::channel();
                let tokio_id = self.spawned + 1;
                let began = self.on(thread, move |recorder| {
                    let place = Some(Place { file: "src/main.rs", line: site, column: 1 });
                    let knows = Knows {
                        wakes: true,
                        scheduled: true,
                        wakers: true,
                        waker_clones: true,
                        no_polls: false,
                    };
                    let id = recorder.spawn(&Spawn { place, knows, tokio_id, ..Spawn::default() });
                    send.send(id).expect("it is waited for");
                });
                let id = made.recv().expect("it was made");
                self.spawned += 1;
                self.tasks.push(Truth { id, does: Does { state: "scheduled", began }, woken: true });
            }
            Step::Poll { thread, task } => {
                let Some(at) = self.at(task, |does| does == "idle" || does == "scheduled") else { return };
                if self.polled[thread].is_some() {
                    return;
                }
                let id = self.tasks[at].id;
                let began = self.on(thread, move |recorder| recorder.enter(id));
                self.polled[thread] = Some(id);
                self.tasks[at].woken = false;
                self.tasks[at].does = Does { state: "running", began };
            }
            Step::EndPoll { thread } => {
                let Some(id) = self.polled[thread].take() else { return };
                let began = self.on(thread, move |recorder| recorder.exit(id));
                let task = self.tasks.iter_mut().find(|task| task.id == id).expect("it lives");
                let state = if task.woken { "scheduled" } else { "idle" };
                task.does = Does { state, began };
            }
            Step::Wake { thread, task } => {
                let Some(at) = self.at(task, |does| does != "done") else { return };
                let id = self.tasks[at].id;
                let began = self.on(thread, move |recorder| recorder.wake(id, false));
                self.tasks[at].woken = true;
                if self.tasks[at].does.state == "idle" {
                    self.tasks[at].does = Does { state: "scheduled", began };
                }
            }
            Step::Lock { thread, lock } => self.lock(thread, lock),
            Step::End { thread, task } => {
                let Some(at) = self.at(task, |does| does == "idle" || does == "scheduled") else { return };
                let id = self.tasks[at].id;
                if self.locks.iter().any(|(_, holder)| holder.as_ref().is_some_and(|(by, _)| *by == id)) {
                    return;
                }
                let began = self.on(thread, move |recorder| {
                    recorder.release(id);
                });
                self.tasks[at].does = Does { state: "done", began };
            }
            Step::Begin { .. } | Step::Frame => {}
        }
    }

    /// The task that polls on the thread takes the lock if it is free, and lets it go if it has it.
    fn lock(&mut self, thread: usize, lock: usize) {
        let Some(by) = self.polled[thread] else { return };
        let (id, holder) = &mut self.locks[lock];
        let id = *id;
        match holder.take() {
            None => {
                let (send, token) = mpsc::channel();
                self.on(thread, move |recorder| {
                    let lock = recorder.resources.lock(id).expect("it is a lock");
                    let place = recorder.sites.place_number(Location::caller());
                    send.send(lock.acquired_shared(1, place, recorder.clock().ticks()))
                        .expect("it is waited for");
                });
                self.locks[lock].1 = Some((by, token.recv().expect("it was taken")));
            }
            Some((has, token)) if has == by => {
                self.on(thread, move |recorder| {
                    let lock = recorder.resources.lock(id).expect("it is a lock");
                    lock.released_shared(token, recorder.clock().ticks());
                });
            }
            other => *holder = other,
        }
    }

    /// One of the tasks that do this.
    fn at(&self, task: usize, wanted: impl Fn(&str) -> bool) -> Option<usize> {
        let fit: Vec<usize> = (0..self.tasks.len()).filter(|at| wanted(self.tasks[*at].does.state)).collect();
        (!fit.is_empty()).then(|| fit[task % fit.len()])
    }
}

/// What was true when a round began.
struct Then {
    at: (Ticks, Ticks),
    tasks: HashMap<(u32, u32), Does>,
    holders: Vec<Option<TaskId>>,
    alive: u64,
    spawned: u64,
}

fn then(play: &Play<'_>, at: (Ticks, Ticks)) -> Then {
    let key = |task: &Truth| (task.id.index(), task.id.generation());
    Then {
        at,
        tasks: play.tasks.iter().map(|task| (key(task), task.does)).collect(),
        holders: play.locks.iter().map(|(_, holder)| holder.as_ref().map(|(by, _)| *by)).collect(),
        alive: play.tasks.iter().filter(|task| task.does.state != "done").count() as u64,
        spawned: play.spawned,
    }
}

/// The sums of a report are those of its parts, and its parts say one thing of each task.
fn agrees(report: &Report) -> Result<(), TestCaseError> {
    let totals = &report.totals;
    let in_state =
        |state| report.tasks.iter().filter(|task| task.state.as_deref() == Some(state)).count() as u64;
    prop_assert_eq!(totals.alive, totals.running + totals.scheduled + totals.idle + totals.untracked_alive);
    prop_assert_eq!(
        (totals.running, totals.scheduled, totals.idle),
        (in_state("running"), in_state("scheduled"), in_state("idle"))
    );
    prop_assert_eq!(totals.spawned, totals.finished + totals.alive);
    let sum = |of: fn(&taskscope_model::report::Site) -> u64| report.sites.iter().map(of).sum::<u64>();
    prop_assert_eq!(
        (
            sum(|site| site.spawned),
            sum(|site| site.finished),
            sum(|site| site.alive),
            sum(|site| site.polls.unwrap_or(0))
        ),
        (totals.spawned, totals.finished, totals.alive, totals.polls.expect("it is known"))
    );
    prop_assert_eq!(
        (Some(sum(|site| site.busy_ns.unwrap_or(0))), Some(sum(|site| site.wakes.unwrap_or(0)))),
        (totals.busy_ns, totals.wakes)
    );
    for task in &report.tasks {
        // The age of one that ended is the length of its life.
        let is_done = task.state.as_deref() == Some("done");
        prop_assert!(is_done || task.state_ns <= task.age_ns, "{:?}", task);
        prop_assert!(task.busy_ns <= task.age_ns, "{:?}", task);
        // The parts of its life are no longer than it, and the longest of each is one of them.
        let parts_ns = task.busy_ns.unwrap_or(0) + task.scheduled_ns.unwrap_or(0);
        prop_assert!(task.age_ns.is_none_or(|age_ns| parts_ns <= age_ns), "{:?}", task);
        prop_assert!(task.longest_poll_ns <= task.busy_ns, "{:?}", task);
        prop_assert!(task.longest_scheduled_ns <= task.scheduled_ns, "{:?}", task);
        prop_assert!(is_done || task.last_wake_ns <= task.age_ns, "{:?}", task);
        prop_assert_eq!(is_done && task.state_ns.is_none(), task.polls.is_none(), "{:?}", task);
    }
    let of = |id: &Option<String>| report.tasks.iter().find(|task| Some(&task.id) == id.as_ref());
    for worker in report.workers.iter().filter(|worker| worker.state.as_deref() == Some("polling")) {
        let task = of(&worker.task).expect("it is in the report");
        prop_assert_eq!((task.state.as_deref(), task.state_ns), (Some("running"), worker.state_ns));
    }
    for task in report.tasks.iter().filter(|task| task.state.as_deref() == Some("running")) {
        let on = report.workers.iter().filter(|worker| worker.task.as_ref() == Some(&task.id)).count();
        // A thread of no runtime is left out when the task that it polled has left meanwhile.
        prop_assert!(on <= 1, "{:?} is polled by one thread: {:?}", task, report.workers);
    }
    for holder in report.locks.iter().flat_map(|lock| lock.holders.iter().flatten()) {
        let task = of(&holder.task).expect("it is in the report");
        // One that ended while the round was sent counts as ended just then, and the lock as held until then.
        let ended_before = task.state.as_deref() == Some("done") && task.state_ns != Some(0);
        prop_assert!(!ended_before, "{:?}", task);
        prop_assert!(Some(holder.held_ns) <= task.age_ns, "{:?} {:?}", holder, task);
    }
    let known = |id: &String| of(&Some(id.clone())).is_some_and(|task| task.state.as_deref() != Some("done"));
    prop_assert!(report.lints.iter().flat_map(|lint| &lint.tasks).all(known), "{:?}", report.lints);
    Ok(())
}

/// What a report says was so when its round began.
fn is_true(report: &Report, then: &Then, recorder: &Recorder) -> Result<(), TestCaseError> {
    let clock = recorder.clock();
    let now_ns = report.process.as_ref().expect("it is known").uptime_ns;
    let between = (clock.since_start_ns(then.at.0), clock.since_start_ns(then.at.1));
    prop_assert!((between.0..=between.1 + 1).contains(&now_ns), "the moment is that of the round's start");
    // One that ended since the moment counts as ended just then; one that has left meanwhile is left out.
    prop_assert!(report.totals.alive <= then.alive && report.totals.spawned <= then.spawned);
    for task in &report.tasks {
        let Some(does) = then.tasks.get(&(task.slot, task.generation)) else {
            return Err(TestCaseError::fail(format!("made after the moment: {task:?}")));
        };
        let Some(age_ns) = task.state_ns else {
            prop_assert_eq!(task.state.as_deref(), Some("done"));
            continue;
        };
        // What came and went since the moment has no known state at it: then the report has no age.
        if age_ns > 0 {
            prop_assert_eq!(task.state.as_deref(), Some(does.state), "{:?} {:?}", task, does);
            let since_ns = now_ns - age_ns;
            let (first, last) = (clock.since_start_ns(does.began.0), clock.since_start_ns(does.began.1));
            // Times are rounded to nanoseconds, more than once. One that ended while its round was sent, and left before the next, ended
            // at that round's moment or a little later.
            let least_ns = if does.state == "done" { 0 } else { first.saturating_sub(3) };
            prop_assert!(
                (least_ns..=last + 3).contains(&since_ns),
                "{:?} {:?}: {}..={}",
                task,
                since_ns,
                first,
                last
            );
        }
    }
    for (lock, was) in report.locks.iter().zip(&then.holders) {
        let shown = lock.holders.iter().flatten().map(|holder| holder.task.clone()).collect::<Vec<_>>();
        let id = |by: &TaskId| {
            let same = |task: &&taskscope_model::report::Task| {
                (task.slot, task.generation) == (by.index(), by.generation())
            };
            report.tasks.iter().find(same).map(|task| task.id.clone())
        };
        // One that released it since is no longer listed; one that acquired it since is not listed yet.
        prop_assert!(shown.is_empty() || shown == [was.as_ref().and_then(id)], "{:?} {:?}", shown, was);
    }
    Ok(())
}

/// Threads that do what they are sent; those of all cases, as a process has a limited number of them.
fn with_threads<T>(
    recorder: &Recorder,
    run: impl FnOnce(Vec<mpsc::Sender<Job>>, mpsc::Receiver<()>) -> T,
) -> T {
    thread::scope(|scope| {
        let (done, ended) = mpsc::channel();
        let threads = (0..THREADS).map(|_| {
            let (jobs, todo) = mpsc::channel::<Job>();
            let done = done.clone();
            scope.spawn(move || {
                for job in todo {
                    job(recorder);
                    done.send(()).expect("it is waited for");
                }
            });
            jobs
        });
        run(threads.collect(), ended)
    })
}

fn settled(model: &mut Model) -> Report {
    drop(update(model, Event::Settle));
    model.report()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn every_report_is_of_one_moment(steps in prop::collection::vec(step(), 20..200), retained in 1_usize..8) {
        let limits = Limits { retained_tasks: retained, retention: Duration::from_secs(60), ..Limits::default() };
        let mut rounds = Rounds::new(limits);
        let handle = rounds.handle();
        let recorder = recorder(&handle);
        with_threads(recorder, |threads, done| {
            let lock = || {
                let new = NewResource { concrete_type: "Semaphore", kind: "Sync", record: RecordKind::Lock, ..NewResource::default() };
                (recorder.resources.new_resource(&new).expect("there is room"), None)
            };
            let mut play = Play {
                recorder, threads, done, tasks: Vec::new(), polled: vec![None; THREADS], locks: vec![lock(), lock()], spawned: 0,
            };
            let mut model = Model::new(Config::default());
            drop(update(&mut model, Event::Connection(ConnectionEvent::Connected)));
            let (mut open, mut shown): (Option<Then>, Option<Then>) = (None, None);
            for step in &steps {
                match step {
                    Step::Begin { rows } if open.is_none() => {
                        let before = recorder.clock().ticks();
                        rounds.begin(*rows);
                        open = Some(then(&play, (before, recorder.clock().ticks())));
                    }
                    Step::Frame if open.is_some() => {
                        if let Some(frame) = rounds.next_frame() {
                            let ends = frame.round_end;
                            drop(update(&mut model, Event::Frame(Box::new(frame))));
                            if ends {
                                shown = open.take();
                            }
                        }
                        // Before the end of a round, the one before it is shown.
                        if let Some(shown) = &shown {
                            let report = settled(&mut model);
                            agrees(&report)?;
                            is_true(&report, shown, recorder)?;
                        }
                    }
                    step => play.step(step),
                }
            }
            // When the program stands still, all is exact: nothing is counted twice, and nothing was forgotten.
            for _ in 0..3 {
                while let Some(frame) = rounds.next_frame() {
                    drop(update(&mut model, Event::Frame(Box::new(frame))));
                }
                rounds.begin(2);
            }
            let (report, truth) = (settled(&mut model), then(&play, (0, 0)));
            agrees(&report)?;
            prop_assert_eq!((report.totals.alive, report.totals.spawned), (truth.alive, truth.spawned));
            Ok::<(), TestCaseError>(())
        })?;
    }
}
