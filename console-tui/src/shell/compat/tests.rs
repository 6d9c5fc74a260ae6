//! The translation as a whole: what the model makes of its frames.

mod first_two;

use std::collections::HashMap;

use console_api::{
    Attribute, Field, Id, Location, PollStats, RegisterMetadata, async_ops, field,
    instrument::Update,
    resources,
    tasks::{Stats, Task, TaskUpdate},
};
use proptest::prelude::*;
use prost_types::{Duration, Timestamp};
use taskscope_model::{Config, ConnectionEvent, Event, Model, report::Report, update};
use taskscope_proto::{
    Message as _,
    limits::{MAX_FRAME_BYTES, MAX_TASKS_PER_FRAME},
    rows::{Checked, Columns, ResourceRow, SlotRef},
    v1,
};

use super::translate::Translator;

#[expect(clippy::unnecessary_wraps, reason = "every moment of theirs is optional")]
fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

fn text(name: &str, value: &str) -> Field {
    Field {
        name: Some(field::Name::StrName(name.into())),
        value: Some(field::Value::DebugVal(value.into())),
        metadata_id: None,
    }
}

fn number(name: &str, value: u64) -> Field {
    Field { value: Some(field::Value::U64Val(value)), ..text(name, "") }
}

fn task(id: u64, name: &str) -> Task {
    Task {
        id: Some(Id { id }),
        fields: vec![
            text("kind", "task"),
            text("task.name", name),
            number("task.id", id + 100),
            number("size.bytes", 256),
            text("colour", "red"),
        ],
        location: Some(Location {
            file: Some("src/main.rs".into()),
            module_path: None,
            line: Some(7),
            column: Some(5),
        }),
        ..Task::default()
    }
}

/// Idle since second 20, made at second 10.
fn idle(polls: u64) -> Stats {
    Stats {
        created_at: at(10),
        wakes: polls - 1,
        waker_clones: 3,
        waker_drops: 2,
        last_wake: at(19),
        scheduled_time: Some(Duration { seconds: 2, nanos: 0 }),
        poll_stats: Some(PollStats {
            polls,
            first_poll: at(10),
            last_poll_started: at(19),
            last_poll_ended: at(20),
            busy_time: Some(Duration { seconds: 1, nanos: 0 }),
        }),
        ..Stats::default()
    }
}

fn tasks(now: i64, new: Vec<Task>, stats: Vec<(u64, Stats)>) -> Update {
    Update {
        now: at(now),
        task_update: Some(TaskUpdate {
            new_tasks: new,
            stats_update: stats.into_iter().collect(),
            dropped_events: 0,
        }),
        new_metadata: Some(RegisterMetadata::default()),
        ..Update::default()
    }
}

/// A model that listens to a translator.
struct Watched {
    translator: Translator,
    model: Model,
}

impl Watched {
    fn new() -> Self {
        let mut model = Model::new(Config::default());
        drop(update(&mut model, Event::Connection(ConnectionEvent::Connected)));
        Self { translator: Translator::new(9, 0), model }
    }

    fn takes(&mut self, theirs: &Update) -> Report {
        for frame in self.translator.update(theirs) {
            drop(update(&mut self.model, Event::Frame(Box::new(frame))));
        }
        let losses = self.model.header().losses;
        assert_eq!((losses.rejected_frames, losses.gaps, losses.orphans), (0, 0, 0), "{losses:?}");
        self.model.report()
    }
}

#[test]
fn a_task_lives_and_ends() {
    let mut watched = Watched::new();
    let report = watched.takes(&tasks(30, vec![task(1, "reader")], vec![(1, idle(5))]));
    let shown = &report.tasks[0];
    assert_eq!((shown.name.as_deref(), shown.tokio_id), (Some("reader"), Some(101)));
    assert_eq!((shown.kind.as_deref(), shown.state.as_deref()), (Some("task"), Some("idle")));
    assert_eq!(shown.place.as_deref(), Some("src/main.rs:7:5"));
    assert_eq!(shown.fields.as_deref(), Some("colour=red"));
    assert_eq!((shown.polls, shown.busy_ns), (Some(5), Some(1_000_000_000)));
    assert_eq!(shown.state_ns, Some(10_000_000_000));
    assert_eq!((report.totals.alive, report.totals.spawned, report.totals.finished), (1, 1, 0));

    let done = Stats { dropped_at: at(31), ..idle(6) };
    let report = watched.takes(&tasks(32, vec![], vec![(1, done)]));
    assert_eq!(report.tasks[0].state.as_deref(), Some("done"));
    assert_eq!((report.totals.alive, report.totals.finished, report.totals.polls), (0, 1, Some(6)));
    // Its last waker goes after it; nothing of that is counted twice.
    let report = watched.takes(&tasks(33, vec![], vec![(1, done)]));
    assert_eq!((report.totals.alive, report.totals.finished, report.totals.polls), (0, 1, Some(6)));
}

#[test]
fn an_id_that_is_used_again_is_another_task() {
    let mut watched = Watched::new();
    let first = watched.takes(&tasks(30, vec![task(1, "old")], vec![(1, idle(5))]));
    let newer = Stats { created_at: at(31), ..idle(2) };
    let second = watched.takes(&tasks(32, vec![task(1, "new")], vec![(1, newer)]));
    let place = |task: &taskscope_model::report::Task| (task.slot, task.generation);
    let alive: Vec<_> = second.tasks.iter().filter(|task| task.state.as_deref() != Some("done")).collect();
    assert_eq!((alive.len(), alive[0].name.as_deref()), (1, Some("new")));
    assert_ne!(place(&first.tasks[0]), place(alive[0]));
    assert_eq!(second.totals.spawned, 2);
}

#[test]
fn what_ended_long_ago_is_in_the_sums_alone() {
    let mut watched = Watched::new();
    let done = Stats { dropped_at: at(21), ..idle(7) };
    let report = watched.takes(&tasks(60, vec![task(1, "old")], vec![(1, done)]));
    assert_eq!(report.tasks.len(), 0);
    assert_eq!((report.totals.spawned, report.totals.finished, report.totals.polls), (1, 1, Some(7)));
}

#[test]
fn states_follow_from_their_moments() {
    let polled = |started, ended| {
        Some(PollStats {
            polls: 1,
            last_poll_started: started,
            last_poll_ended: ended,
            ..PollStats::default()
        })
    };
    let state = |stats: Stats| {
        let stats = Stats { created_at: at(10), ..stats };
        let report = Watched::new().takes(&tasks(30, vec![task(1, "")], vec![(1, stats)]));
        (report.tasks[0].state.clone().unwrap(), report.tasks[0].state_ns.map(|ns| ns / 1_000_000_000))
    };
    let scheduled = |seconds| ("scheduled".to_owned(), Some(seconds));
    assert_eq!(state(Stats::default()), scheduled(20));
    assert_eq!(
        state(Stats { poll_stats: polled(at(12), None), ..Stats::default() }),
        ("running".to_owned(), Some(18))
    );
    assert_eq!(
        state(Stats { poll_stats: polled(at(12), at(13)), ..Stats::default() }),
        ("idle".to_owned(), Some(17))
    );
    let woken = |at_s| Stats { poll_stats: polled(at(12), at(15)), last_wake: at(at_s), ..Stats::default() };
    assert_eq!(state(woken(11)), ("idle".to_owned(), Some(15)));
    assert_eq!(state(woken(20)), scheduled(10));
    // In its own poll: it waits since the end of that.
    assert_eq!(state(woken(14)), scheduled(15));
    assert_eq!(
        state(Stats { poll_stats: polled(at(12), at(11)), ..Stats::default() }),
        ("running".to_owned(), Some(18))
    );
}

#[test]
fn worker_threads_are_no_tasks() {
    let mut worker = task(1, "");
    worker.fields[0] = text("kind", "blocking");
    worker.location = Some(Location {
        file: Some("/registry/tokio-1.54.1/src/runtime/scheduler/multi_thread/worker.rs".into()),
        ..Location::default()
    });
    let mut watched = Watched::new();
    assert_eq!(watched.takes(&tasks(30, vec![worker], vec![(1, idle(1))])).totals.spawned, 0);
    assert_eq!(watched.takes(&tasks(31, vec![], vec![(1, idle(2))])).totals.spawned, 0);
}

#[test]
fn nothing_wakes_a_blocking_task() {
    let mut blocking = task(1, "hash");
    blocking.fields[0] = text("kind", "blocking");
    let report = Watched::new().takes(&tasks(30, vec![blocking], vec![(1, idle(1))]));
    let shown = &report.tasks[0];
    assert_eq!(shown.kind.as_deref(), Some("blocking"));
    assert_eq!((shown.wakes, shown.self_wakes, shown.scheduled_ns), (None, None, None));
}

#[test]
fn a_task_of_which_only_counters_came_is_shown_without_a_name() {
    let mut watched = Watched::new();
    let mut without_dump = tasks(30, vec![], vec![(4, idle(3))]);
    without_dump.new_metadata = None;
    let report = watched.takes(&without_dump);
    assert_eq!((report.tasks[0].name.clone(), report.tasks[0].kind.clone()), (None, None));
    assert_eq!(report.tasks[0].polls, Some(3));
    let problems = report.process.unwrap().problems;
    assert!(problems[0].contains("4 MiB"), "{problems:?}");
    // And when the rest comes after all, it is the same task.
    let report = watched.takes(&tasks(31, vec![task(4, "late")], vec![(4, idle(4))]));
    assert_eq!((report.tasks.len(), report.tasks[0].name.as_deref()), (1, Some("late")));
    assert_eq!(report.totals.spawned, 1);
}

#[test]
fn a_trickle_is_a_problem_while_it_lasts() {
    let mut watched = Watched::new();
    let many = |from: u64, count: u64| {
        let ids = from..from + count;
        tasks(30, ids.clone().map(|id| task(id, "")).collect(), ids.map(|id| (id, idle(1))).collect())
    };
    let trickles =
        |report: Report| report.process.unwrap().problems.iter().any(|problem| problem.contains("127"));
    assert!(!trickles(watched.takes(&many(1, 500))), "the first one is a dump");
    assert!(trickles(watched.takes(&many(1000, 127))));
    assert!(trickles(watched.takes(&many(2000, 127))));
    assert!(!trickles(watched.takes(&many(3000, 40))));
}

#[test]
fn their_losses_are_ours() {
    let mut watched = Watched::new();
    let mut lossy = tasks(30, vec![], vec![]);
    lossy.task_update.as_mut().unwrap().dropped_events = 5;
    assert_eq!(watched.takes(&lossy).totals.untracked, 5);
    assert_eq!(watched.takes(&lossy).totals.untracked, 10);
    assert_eq!(watched.model.header().losses.untracked, 10);
}

#[test]
fn a_large_update_keeps_to_the_limits_of_our_wire() {
    let ids = 1..=20_000_u64;
    let long = "n".repeat(300);
    let theirs = tasks(
        30,
        ids.clone().map(|id| task(id, &format!("{id}{long}"))).collect(),
        ids.map(|id| (id, idle(1))).collect(),
    );
    let frames = Translator::new(1, 0).update(&theirs);
    assert!(frames.len() > 3);
    assert!(frames[0].snapshot_start && frames.last().unwrap().snapshot_end);
    for (n, frame) in frames.iter().enumerate() {
        assert_eq!(frame.sequence, n as u64 + 1);
        assert!(frame.encoded_len() <= MAX_FRAME_BYTES, "{}", frame.encoded_len());
        assert!(frame.stats.as_ref().is_none_or(|stats| stats.slot_delta.len() <= MAX_TASKS_PER_FRAME));
    }
    let report = Watched::new().takes(&theirs);
    assert_eq!((report.tasks.len(), report.totals.alive), (20_000, 20_000));
    // Each name was longer than one may be.
    assert_eq!(frames.last().unwrap().process.unwrap().truncated, 20_000);
}

fn checked<C: Columns>(columns: Option<C>) -> Checked<C> {
    Checked::new(columns.unwrap()).unwrap()
}

#[test]
fn resources_and_operations_point_to_each_other() {
    let resource = |id: u64, parent: Option<u64>| resources::Resource {
        id: Some(Id { id }),
        concrete_type: "Semaphore".into(),
        parent_resource_id: parent.map(|id| Id { id }),
        is_internal: parent.is_some(),
        ..resources::Resource::default()
    };
    let attributes = vec![Attribute { field: Some(number("permits", 3)), unit: None }];
    let stats =
        |dropped_at| resources::Stats { created_at: at(11), dropped_at, attributes: attributes.clone() };
    let op = async_ops::AsyncOp {
        id: Some(Id { id: 30 }),
        source: "Semaphore::acquire".into(),
        resource_id: Some(Id { id: 20 }),
        ..async_ops::AsyncOp::default()
    };
    let op_stats =
        async_ops::Stats { created_at: at(12), task_id: Some(Id { id: 1 }), ..async_ops::Stats::default() };
    let mut theirs = tasks(30, vec![task(1, "waits")], vec![(1, idle(1))]);
    theirs.resource_update = Some(resources::ResourceUpdate {
        // The part before the whole.
        new_resources: vec![resource(21, Some(20)), resource(20, None)],
        stats_update: HashMap::from([(20, stats(None)), (21, stats(None))]),
        ..resources::ResourceUpdate::default()
    });
    theirs.async_op_update = Some(async_ops::AsyncOpUpdate {
        new_async_ops: vec![op],
        stats_update: HashMap::from([(30, op_stats.clone())]),
        dropped_events: 0,
    });
    let mut translator = Translator::new(1, 0);
    let frame = translator.update(&theirs).remove(0);
    let made: Vec<(u32, ResourceRow)> = checked(frame.resources).rows().collect();
    let (whole, part) =
        (made.iter().find(|(_, row)| !row.internal), made.iter().find(|(_, row)| row.internal));
    let of = |(slot, row): &(u32, ResourceRow)| SlotRef { slot: *slot, generation: row.generation };
    assert_eq!((made.len(), part.unwrap().1.parent), (2, whole.map(of)));
    let (_, op) = checked(frame.ops).rows().next().unwrap();
    assert_eq!(op.resource, whole.map(of));
    let attributes = checked(frame.resource_stats);
    let values =
        attributes.rows_with_items().map(|(_, _, attributes)| attributes.map(|of| of.value).collect());
    assert_eq!(values.collect::<Vec<Vec<u64>>>(), [[3], [3]]);
    let (_, waits) = checked(frame.op_stats).rows().next().unwrap();
    assert_eq!(waits.task.map(|task| task.slot), Some(0));

    // Both end; and what is new but has ended already is not sent.
    let gone = async_ops::Stats { dropped_at: at(31), ..op_stats };
    let mut theirs = tasks(32, vec![], vec![]);
    theirs.resource_update = Some(resources::ResourceUpdate {
        new_resources: vec![resource(22, None)],
        stats_update: HashMap::from([(20, stats(at(31))), (22, stats(at(31)))]),
        ..resources::ResourceUpdate::default()
    });
    theirs.async_op_update =
        Some(async_ops::AsyncOpUpdate { stats_update: HashMap::from([(30, gone)]), ..Default::default() });
    let frame = translator.update(&theirs).remove(0);
    assert_eq!((frame.freed_resources, frame.freed_ops), (vec![whole.unwrap().0], vec![0]));
    assert_eq!((frame.resources, frame.ops), (None, None));
}

fn any_time() -> impl Strategy<Value = Option<Timestamp>> {
    prop_oneof![
        3 => Just(None),
        6 => (0_i64..40).prop_map(at),
        1 => (any::<i64>(), any::<i32>()).prop_map(|(seconds, nanos)| Some(Timestamp { seconds, nanos })),
    ]
}

fn any_field() -> impl Strategy<Value = Field> {
    let name = prop_oneof![
        Just("kind"),
        Just("task.name"),
        Just("task.id"),
        Just("size.bytes"),
        Just("other"),
        Just(""),
    ];
    let value = prop_oneof![
        any::<u64>().prop_map(field::Value::U64Val),
        any::<i64>().prop_map(field::Value::I64Val),
        any::<bool>().prop_map(field::Value::BoolVal),
        ".{0,40}".prop_map(field::Value::StrVal),
        prop_oneof![Just("task"), Just("blocking"), Just("block_on")]
            .prop_map(|kind| field::Value::DebugVal(kind.into())),
    ];
    (name, prop::option::of(value), any::<bool>(), 0..3_u64).prop_map(|(name, value, named, index)| Field {
        name: Some(if named { field::Name::StrName(name.into()) } else { field::Name::NameIdx(index) }),
        value,
        metadata_id: Some(console_api::MetaId { id: index }),
    })
}

fn any_polls() -> impl Strategy<Value = Option<PollStats>> {
    let polls = (any::<u64>(), any_time(), any_time(), any::<(i64, i32)>());
    prop::option::of(polls.prop_map(|(polls, last_poll_started, last_poll_ended, (seconds, nanos))| {
        PollStats {
            polls,
            first_poll: None,
            last_poll_started,
            last_poll_ended,
            busy_time: Some(Duration { seconds, nanos }),
        }
    }))
}

fn any_tasks() -> impl Strategy<Value = TaskUpdate> {
    let new =
        (0..6_u64, prop::collection::vec(any_field(), 0..4), any::<i32>(), ".{0,20}", any::<Option<u32>>());
    let new = new.prop_map(|(id, fields, kind, file, line)| Task {
        id: Some(Id { id }),
        fields,
        kind,
        location: Some(Location { file: Some(file), line, ..Location::default() }),
        ..Task::default()
    });
    let stats = (any_time(), any_time(), any_time(), any_polls(), any::<[u64; 4]>()).prop_map(
        |(created_at, dropped_at, last_wake, poll_stats, [wakes, self_wakes, waker_clones, waker_drops])| {
            Stats {
                created_at,
                dropped_at,
                wakes,
                waker_clones,
                waker_drops,
                last_wake,
                poll_stats,
                self_wakes,
                scheduled_time: None,
            }
        },
    );
    let stats = prop::collection::hash_map(0..6_u64, stats, 0..5);
    (prop::collection::vec(new, 0..5), stats, any::<u64>()).prop_map(
        |(new_tasks, stats_update, dropped_events)| TaskUpdate { new_tasks, stats_update, dropped_events },
    )
}

fn any_resources() -> impl Strategy<Value = resources::ResourceUpdate> {
    let id = || prop::option::of((0..6_u64).prop_map(|id| Id { id }));
    let new = (id(), id(), ".{0,10}").prop_map(|(id, parent_resource_id, concrete_type)| {
        resources::Resource { id, parent_resource_id, concrete_type, ..resources::Resource::default() }
    });
    let attribute = (prop::option::of(any_field()), prop::option::of(".{0,5}"))
        .prop_map(|(field, unit)| Attribute { field, unit });
    let stats = (any_time(), any_time(), prop::collection::vec(attribute, 0..20)).prop_map(
        |(created_at, dropped_at, attributes)| resources::Stats { created_at, dropped_at, attributes },
    );
    (prop::collection::vec(new, 0..5), prop::collection::hash_map(0..6_u64, stats, 0..5), any::<u64>())
        .prop_map(|(new_resources, stats_update, dropped_events)| resources::ResourceUpdate {
            new_resources,
            stats_update,
            dropped_events,
            ..resources::ResourceUpdate::default()
        })
}

fn any_ops() -> impl Strategy<Value = async_ops::AsyncOpUpdate> {
    let id = || prop::option::of((0..6_u64).prop_map(|id| Id { id }));
    let new = (id(), id(), id()).prop_map(|(id, resource_id, parent_async_op_id)| async_ops::AsyncOp {
        id,
        resource_id,
        parent_async_op_id,
        ..async_ops::AsyncOp::default()
    });
    let stats = (any_time(), any_time(), id(), any_polls()).prop_map(
        |(created_at, dropped_at, task_id, poll_stats)| async_ops::Stats {
            created_at,
            dropped_at,
            task_id,
            poll_stats,
            attributes: Vec::new(),
        },
    );
    (prop::collection::vec(new, 0..5), prop::collection::hash_map(0..6_u64, stats, 0..5)).prop_map(
        |(new_async_ops, stats_update)| async_ops::AsyncOpUpdate {
            new_async_ops,
            stats_update,
            dropped_events: 1,
        },
    )
}

fn any_update() -> impl Strategy<Value = Update> {
    let parts = (
        any_time(),
        prop::option::of(any_tasks()),
        prop::option::of(any_resources()),
        prop::option::of(any_ops()),
    );
    parts.prop_map(|(now, task_update, resource_update, async_op_update)| Update {
        now,
        task_update,
        resource_update,
        async_op_update,
        new_metadata: None,
    })
}

proptest! {
    #[test]
    fn the_model_takes_whatever_they_say(updates in prop::collection::vec(any_update(), 1..8)) {
        let mut watched = Watched::new();
        let mut now_ns = 0;
        for theirs in &updates {
            let report = watched.takes(theirs);
            let uptime_ns = report.process.map_or(0, |process| process.uptime_ns);
            prop_assert!(uptime_ns >= now_ns);
            now_ns = uptime_ns;
            prop_assert!(report.sites.iter().all(|site| site.finished <= site.spawned));
        }
    }
}

#[test]
fn details_name_the_task_and_hold_its_histograms() {
    let mut translator = Translator::new(1, 0);
    let mut wire = console_api::tasks::TaskDetails { task_id: Some(Id { id: 1 }), ..Default::default() };
    assert_eq!(translator.details(&wire), None, "it was not sent");
    translator.update(&tasks(30, vec![task(1, "")], vec![(1, idle(1))]));
    wire.poll_times_histogram =
        Some(console_api::tasks::task_details::PollTimesHistogram::LegacyHistogram(b"no histogram".to_vec()));
    let detail = translator.details(&wire).unwrap().details.remove(0);
    let shown = v1::TaskRef { slot: 0, generation: 1 };
    assert_eq!((detail.task, detail.polls), (Some(shown), None));
    assert_eq!(translator.id_of(shown), Some(1));
    assert_eq!(translator.id_of(v1::TaskRef { slot: 0, generation: 2 }), None);
}
