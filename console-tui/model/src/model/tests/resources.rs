//! Resources and operations: from frames to the table, the details, the report.

use taskscope_proto::{
    rows::{AttributeRow, OpRow, OpStatRow, ResourceRow, ResourceStatRow, Writer},
    v1::{self, AttributeKind, TaskState},
};

use super::{
    Client, Fake,
    fake::{MS, S, first_in},
};
use crate::{
    Action, Edit, Event, LintKind, ResourceKey, Screen, TableId, Target, TaskKey, report::AttributeValue,
};

/// A resource with one attribute.
#[derive(Clone)]
pub(super) struct FakeResource {
    pub(super) slot: u32,
    pub(super) generation: u32,
    pub(super) concrete_type: &'static str,
    pub(super) kind: &'static str,
    pub(super) site: u32,
    pub(super) parent: Option<u32>,
    pub(super) attribute: (&'static str, AttributeKind, u64, &'static str),
}

/// An operation in a task.
#[derive(Clone)]
pub(super) struct FakeOp {
    pub(super) slot: u32,
    pub(super) source: &'static str,
    pub(super) resource: u32,
    pub(super) parent: Option<u32>,
    pub(super) task: u32,
    pub(super) state: TaskState,
    pub(super) ago_ns: u64,
    /// In its state for so long.
    pub(super) since_ns: u64,
}

const LOCKED: (&str, AttributeKind, u64, &str) = ("locked", AttributeKind::Bool, 1, "");

fn mutex(slot: u32, site: u32) -> FakeResource {
    FakeResource {
        slot,
        generation: 1,
        concrete_type: "Mutex",
        kind: "Sync",
        site,
        parent: None,
        attribute: LOCKED,
    }
}

fn semaphore_in(slot: u32, of: u32, site: u32) -> FakeResource {
    let attribute = ("permits", AttributeKind::Number, 0, "permits");
    FakeResource { concrete_type: "Semaphore", parent: Some(of), attribute, ..mutex(slot, site) }
}

fn sleep(slot: u32) -> FakeResource {
    let attribute = ("duration", AttributeKind::Number, 20, "ms");
    FakeResource { concrete_type: "Sleep", attribute, ..mutex(slot, 3) }
}

fn op(slot: u32, source: &'static str, resource: u32, task: u32, ago_ns: u64) -> FakeOp {
    FakeOp { slot, source, resource, parent: None, task, state: TaskState::Idle, ago_ns, since_ns: ago_ns }
}

/// Puts resources and operations into a frame, as new.
pub(super) fn send(frame: &mut v1::Frame, resources: &[FakeResource], ops: &[FakeOp]) {
    let mut new = Writer::<v1::ResourceColumns>::default();
    let mut stats = Writer::<v1::ResourceStatColumns>::default();
    for resource in resources {
        let row = ResourceRow {
            generation: resource.generation,
            concrete_type: new.text(resource.concrete_type),
            kind: new.text(resource.kind),
            site: resource.site,
            parent: resource.parent.map(first_in),
            internal: resource.parent.is_some(),
            created_ago_ns: 60 * S,
            name: 0,
        };
        new.push(resource.slot, row);
        let (name, kind, value, unit) = resource.attribute;
        let attribute = AttributeRow { name: stats.text(name), kind, value, unit: stats.text(unit) };
        stats.push_with(resource.slot, ResourceStatRow {}, [attribute]);
    }
    (frame.resources, frame.resource_stats) = (new.finish(), stats.finish());
    let mut new = Writer::<v1::OpColumns>::default();
    let mut stats = Writer::<v1::OpStatColumns>::default();
    for op in ops {
        let row = OpRow {
            generation: 1,
            source: new.text(op.source),
            resource: Some(first_in(op.resource)),
            parent: op.parent.map(first_in),
            created_ago_ns: op.ago_ns,
            site: 0,
            asked: None,
        };
        new.push(op.slot, row);
        let row = OpStatRow {
            task: Some(first_in(op.task)),
            state: op.state,
            state_ago_ns: op.since_ns,
            polls: 1,
            busy_ns: MS,
            ..OpStatRow::default()
        };
        stats.push(op.slot, row);
    }
    (frame.ops, frame.op_stats) = (new.finish(), stats.finish());
}

/// A client that watches `fake` and these resources and operations.
fn watching(fake: &mut Fake, resources: &[FakeResource], ops: &[FakeOp]) -> Client {
    let mut frames = fake.snapshot();
    send(frames.last_mut().unwrap(), resources, ops);
    let mut client = Client::new(crate::Config::default());
    client.take(frames);
    client
}

/// Task 1 waits for the first mutex, task 2 for the second; tokio's own semaphores are in both.
fn deadlock() -> Client {
    let mut fake = Fake::with_tasks(4);
    for (slot, name) in [(1, "transfer"), (2, "refund")] {
        fake.task(slot).name = name.into();
    }
    let resources = [mutex(0, 1), semaphore_in(1, 0, 1), mutex(2, 2), semaphore_in(3, 2, 2), sleep(9)];
    let acquire = |slot, resource, of, task, ago_ns| FakeOp {
        parent: Some(of),
        ..op(slot, "Semaphore::acquire", resource, task, ago_ns)
    };
    let ops = [
        op(0, "Mutex::lock", 0, 1, 41 * S),
        acquire(1, 1, 0, 1, 41 * S),
        op(5, "Mutex::lock", 2, 2, 40 * S),
        acquire(6, 3, 5, 2, 40 * S),
    ];
    watching(&mut fake, &resources, &ops)
}

fn rows(client: &Client, columns: &[&'static str]) -> Vec<String> {
    let rows = client.model.rows(TableId::Resources, columns);
    let line = |row: &crate::screen::table::Row| {
        row.cells.iter().map(|cell| cell.text.clone()).collect::<Vec<_>>().join("|")
    };
    rows.iter().map(line).collect()
}

const COLUMNS: [&str; 6] = ["type", "place", "attributes", "waiters", "longest", "waiter"];

#[test]
fn who_waits_on_which_lock_stands_in_the_table() {
    let mut client = deadlock();
    client.perform(Action::Resources);
    let expected = [
        "Mutex|src/main.rs:10|locked yes|1|41.0 s|transfer #101",
        "Mutex|src/ledger.rs:20|locked yes|1|40.0 s|refund #102",
        "Sleep|src/db.rs:30|duration 20 ms|0||",
    ];
    assert_eq!(rows(&client, &COLUMNS), expected);
    assert_eq!(client.model.table(TableId::Resources).left_out[0], (2, "parts hidden"));
    client.perform(Action::ToggleParts);
    assert_eq!(client.model.table(TableId::Resources).rows, 5, "the semaphores in the locks");
    client.send(Event::Click(Target::Header("id")));
    assert_eq!(rows(&client, &["id"]), ["r0", "r1", "r2", "r3", "r9"]);
}

#[test]
fn every_name_is_a_link_and_esc_goes_back_exactly() {
    let mut client = deadlock();
    client.perform(Action::Resources);
    client.perform(Action::NextRow);
    client.perform(Action::Open);
    let lock = Screen::Resource(ResourceKey { slot: 2, generation: 1 });
    assert_eq!(client.model.screen(), lock);
    let Screen::Resource(key) = lock else { return };
    let view = client.model.resource(key).unwrap();
    assert_eq!(view.state.text, "1 task waits, for 40.0 s");
    let ops: Vec<(u8, &str, &str)> =
        view.ops.iter().map(|op| (op.depth, op.source.as_str(), op.task.text.as_str())).collect();
    assert_eq!(ops, [(0, "Mutex::lock", "refund #102"), (1, "Semaphore::acquire", "refund #102")]);
    let link = view.links.iter().position(|link| link.text == "refund #102").unwrap();
    for _ in 0..link {
        client.perform(Action::NextRow);
    }
    client.perform(Action::Open);
    let task = TaskKey { slot: 2, generation: 1 };
    assert_eq!(client.model.screen(), Screen::Task(task));
    let view = client.model.task(task).unwrap();
    assert!(view.waits);
    let ops: Vec<(u8, &str, &str)> =
        view.ops.iter().map(|op| (op.depth, op.on.text.as_str(), op.age.text.as_str())).collect();
    assert_eq!(
        ops,
        [(0, "Mutex src/ledger.rs:20 ◂ –", "40.0 s"), (1, "Semaphore in src/ledger.rs:20", "40.0 s")]
    );
    // The first link of a task is what it waits for.
    client.perform(Action::Open);
    assert_eq!(client.model.screen(), lock);
    for expected in [Screen::Task(task), lock, Screen::Resources] {
        client.perform(Action::Back);
        assert_eq!(client.model.screen(), expected);
    }
    assert_eq!(client.model.table(TableId::Resources).selected, Some(1));
    let crumbs = |client: &Client| client.model.breadcrumbs().into_iter().map(|c| c.text).collect::<Vec<_>>();
    client.perform(Action::Open);
    assert_eq!(crumbs(&client), ["Resources", "Mutex src/ledger.rs:20"]);
}

#[test]
fn tasks_say_what_they_wait_for() {
    let client = deadlock();
    let mut waits = client.rows(&["id", "waits-for"]);
    waits.sort();
    assert_eq!(waits, ["100 –", "101 Mutex main.rs:10 ◂ –", "102 Mutex ledger.rs:20 ◂ –", "103 –"]);
    let mut fake = Fake::with_tasks(1);
    let now_ns = fake.now_ns;
    fake.add(0, |task| (task.wakers, task.since_ns) = (Some(0), now_ns - 41 * S));
    let client = watching(&mut fake, &[mutex(0, 2)], &[op(0, "Mutex::lock", 0, 0, 41 * S)]);
    let finding = &client.model.findings()[0];
    assert_eq!(finding.id.lint, LintKind::LostWaker);
    let end = "it waits in Mutex::lock on what was made at src/ledger.rs:20:5.";
    assert!(finding.message.ends_with(end), "{}", finding.message);
}

#[test]
fn a_timer_counts_from_its_last_poll_and_what_is_inside_tokio_is_hidden() {
    let mut fake = Fake::with_tasks(2);
    fake.files[3] = "/home/me/.cargo/registry/src/x/tokio-1.54.1/src/time/interval.rs".into();
    let interval = FakeResource { concrete_type: "Interval", kind: "timer", ..mutex(0, 1) };
    let sleep = FakeResource { kind: "timer", ..sleep(1) };
    let tick = FakeOp { since_ns: 2 * S, ..op(0, "Interval::tick", 0, 1, 2 * S) };
    let inner = FakeOp { since_ns: 3 * S, ..op(1, "Sleep::new_timeout", 1, 1, 50 * S) };
    let mut client = watching(&mut fake, &[interval, sleep], &[tick, inner]);
    assert_eq!(client.rows(&["waits-for"]), ["–", "Interval main.rs:10"]);
    let view = client.model.task(TaskKey { slot: 1, generation: 1 }).unwrap();
    let ops: Vec<(&str, &str)> =
        view.ops.iter().map(|op| (op.source.as_str(), op.age.text.as_str())).collect();
    assert_eq!(ops, [("Interval::tick", "2.00 s"), ("Sleep::new_timeout", "3.00 s")]);
    client.perform(Action::Resources);
    assert_eq!(rows(&client, &["type", "longest"]), ["Interval|2.00 s"]);
}

#[test]
fn thousands_from_one_place_fold_into_a_row() {
    let mut fake = Fake::with_tasks(3);
    let mut resources = vec![mutex(0, 1)];
    resources.extend((1..3000).map(sleep));
    let ops = [op(0, "Sleep::new_timeout", 7, 1, 5 * S), op(1, "Sleep::new_timeout", 8, 2, 9 * S)];
    let mut client = watching(&mut fake, &resources, &ops);
    client.perform(Action::Resources);
    let expected = ["Sleep|src/db.rs:30|2,999 of them|2|9.00 s|#102", "Mutex|src/main.rs:10|locked yes|0||"];
    assert_eq!(rows(&client, &COLUMNS), expected);
    client.perform(Action::Open);
    assert_eq!(client.model.table(TableId::Resources).rows, 3001);
    assert_eq!(rows(&client, &["id"])[..3], ["3.0k", "r8", "r7"]);
    client.perform(Action::NextRow);
    client.perform(Action::Fold);
    assert_eq!(client.model.table(TableId::Resources).rows, 2);
    assert_eq!(client.model.table(TableId::Resources).selected, Some(0));
}

#[test]
fn a_filter_is_its_own() {
    let mut client = deadlock();
    client.perform(Action::Resources);
    client.perform(Action::Filter);
    client.send(Event::Edit(Edit::Paste("type:mutex !ledger".into())));
    assert_eq!(client.model.input().unwrap().counts.as_deref(), Some("1/3"));
    client.perform(Action::Open);
    assert_eq!(rows(&client, &["place"]), ["src/main.rs:10"]);
    client.perform(Action::Tasks);
    assert_eq!(client.model.table(TableId::Tasks).filter, "");
    client.perform(Action::Resources);
    client.perform(Action::Back);
    assert_eq!(client.model.table(TableId::Resources).rows, 3);
}

#[test]
fn what_is_dropped_is_forgotten_with_its_texts() {
    let mut fake = Fake::with_tasks(2);
    let resources = [mutex(0, 1), semaphore_in(1, 0, 1)];
    let mut client = watching(&mut fake, &resources, &[op(0, "Mutex::lock", 0, 1, S)]);
    let texts = |client: &Client| client.store().texts.len();
    assert!(texts(&client) > 0);
    let mut frame = fake.delta();
    // Another one takes the slot of the first.
    send(&mut frame, &[FakeResource { generation: 2, ..sleep(0) }], &[]);
    (frame.freed_resources, frame.freed_ops) = (vec![1], vec![0]);
    client.take(vec![frame]);
    let report = client.model.report();
    assert_eq!(report.resources.iter().map(|r| (r.slot, r.generation)).collect::<Vec<_>>(), [(0, 2)]);
    assert!(report.ops.is_empty());
    let mut frame = fake.delta();
    frame.freed_resources = vec![0];
    client.take(vec![frame]);
    assert_eq!(texts(&client), 0);
    assert_eq!(client.model.header().losses.total(), 0);
}

#[test]
fn columns_that_make_no_sense_change_nothing() {
    let break_it: [fn(&mut v1::Frame); 7] = [
        |frame| frame.resource_stats.as_mut().unwrap().attributes.as_mut().unwrap().count[0] = 7,
        |frame| frame.resource_stats.as_mut().unwrap().attributes.as_mut().unwrap().unit.extend([1; 2]),
        |frame| frame.resources.as_mut().unwrap().internal.extend([true; 2]),
        |frame| frame.resources.as_mut().unwrap().site[0] = u32::MAX,
        |frame| frame.ops.as_mut().unwrap().resource_slot_plus1[0] = u32::MAX,
        |frame| frame.op_stats.as_mut().unwrap().task_slot_plus1[0] = u32::MAX,
        |frame| frame.freed_ops = vec![u32::MAX],
    ];
    for (i, break_it) in break_it.into_iter().enumerate() {
        let mut fake = Fake::with_tasks(2);
        let mut client = Client::watching(&mut fake);
        client.wait(std::time::Duration::from_secs(5));
        let mut frame = fake.delta();
        send(&mut frame, &[mutex(0, 1)], &[op(0, "Mutex::lock", 0, 1, S)]);
        break_it(&mut frame);
        client.take(vec![frame]);
        assert_eq!(client.model.header().losses.rejected_frames, 1, "{i}");
        assert!(client.model.report().resources.is_empty(), "{i}");
        assert_eq!(client.requests.last().unwrap().resync, 1, "{i}");
    }
}

#[test]
fn changes_of_unknown_ones_are_counted_and_healed() {
    let mut fake = Fake::with_tasks(2);
    let mut client = Client::watching(&mut fake);
    client.wait(std::time::Duration::from_secs(5));
    let mut frame = fake.delta();
    send(&mut frame, &[mutex(0, 1)], &[op(0, "Mutex::lock", 0, 1, S)]);
    (frame.resources, frame.ops) = (None, None);
    client.take(vec![frame]);
    assert_eq!(client.model.header().losses.orphans, 2);
    assert_eq!(client.requests.last().unwrap().resync, 1);
}

#[test]
fn cycles_end() {
    let mut fake = Fake::with_tasks(2);
    let resources = [semaphore_in(0, 1, 1), semaphore_in(1, 0, 1)];
    let part = |slot, of| FakeOp { parent: Some(of), ..op(slot, "a", 0, 1, S) };
    let mut client = watching(&mut fake, &resources, &[part(0, 1), part(1, 0), op(2, "b", 1, 1, S)]);
    client.perform(Action::Resources);
    client.perform(Action::ToggleParts);
    client.perform(Action::Open);
    let Screen::Resource(key) = client.model.screen() else { panic!("{:?}", client.model.screen()) };
    let view = client.model.resource(key).unwrap();
    assert_eq!((view.ops.len(), view.more_ops), (1, 2));
    assert_eq!(client.rows(&["waits-for"]), ["–", "Semaphore main.rs:10 ◂ –"]);
}

#[test]
fn the_report_holds_them() {
    let client = deadlock();
    let report = client.model.report();
    let lock = &report.resources[0];
    assert_eq!((lock.id.as_str(), lock.concrete_type.as_deref()), ("r0", Some("Mutex")));
    assert_eq!(lock.attributes[0].value, Some(AttributeValue::Bool(true)));
    assert_eq!((lock.waiters, lock.longest_wait_ns), (1, Some(41 * S)));
    assert_eq!(report.resources[1].parent.as_deref(), Some("r0"));
    let op = &report.ops[0];
    assert_eq!((op.source.as_deref(), op.task.as_deref()), (Some("Mutex::lock"), Some("101")));
    assert_eq!((op.resource.as_deref(), report.ops[1].parent), (Some("r0"), Some(0)));
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<crate::report::Report>(&json).unwrap(), report);
}

#[test]
fn another_process_has_other_resources() {
    let mut client = deadlock();
    client.perform(Action::Resources);
    client.perform(Action::Open);
    let mut other = Fake::with_tasks(1);
    other.instance = 7;
    client.send(Event::Connection(crate::ConnectionEvent::Connected));
    client.take(other.snapshot());
    assert_eq!(client.model.screen(), Screen::Resources);
    assert_eq!(client.model.table(TableId::Resources).rows, 0);
    let empty = client.model.table(TableId::Resources).empty.unwrap();
    assert_eq!(empty, "No locks, channels or timers reported.");
}

#[test]
fn what_the_recorder_could_not_watch_is_a_loss() {
    let mut fake = Fake::with_tasks(1);
    fake.process.untracked_resources = 12;
    let client = Client::watching(&mut fake);
    assert_eq!(client.model.header().losses.total(), 12);
    assert_eq!(client.model.report().totals.untracked_resources, 12);
}
