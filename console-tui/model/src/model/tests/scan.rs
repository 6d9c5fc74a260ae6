//! The scan over all tasks, a bit at a time: what it shows, and when.

use std::time::Duration;

use proptest::prelude::*;
use taskscope_proto::v1::TaskState;

use super::{
    Client, Fake,
    fake::S,
    key_of,
    same::{play, step},
};
use crate::{Action, Config, Edit, Event, TableId, screen::table::Row, table::place::RowKey};

/// A client that looks at a few tasks in each event.
fn slow(slice: usize) -> Client {
    let mut client = Client::new(Config::default());
    client.model.scanner.slice = slice;
    client
}

/// Does the work to its end; how many events that took.
fn work(client: &mut Client) -> usize {
    let mut events = 0;
    while client.model.wants_work() {
        client.send_alone(Event::Work);
        events += 1;
    }
    events
}

/// A scan is under way; memory may be given back after it.
fn scans(client: &Client) -> bool {
    client.model.scanner.is_scanning()
}

/// Time passes, and the scan that is due then begins.
fn wait_alone(client: &mut Client, time: Duration) {
    client.now += time;
    client.send_alone(Event::Tick { now: client.now });
}

fn ids(client: &Client) -> Vec<String> {
    client.rows(&["id"])
}

/// What a user sees of the rows and findings.
fn seen(client: &Client) -> (Vec<Row>, String, Vec<String>, Option<u64>) {
    // Of two that are as serious, the one that was seen first comes first; when depends on when one looked.
    let mut findings: Vec<String> =
        client.model.findings().into_iter().map(|finding| finding.message).collect();
    findings.sort_unstable();
    let badges = client.model.tabs().into_iter().find_map(|tab| tab.badge);
    (
        client.model.rows(TableId::Tasks, &super::all(TableId::Tasks)),
        format!("{:?}", client.model.table(TableId::Tasks)),
        findings,
        badges,
    )
}

proptest! {
    #[test]
    fn a_scan_in_bits_ends_as_one_in_one_go(
        steps in prop::collection::vec(step(), 1..60), slice in 1_usize..20, column in 0..super::all(TableId::Tasks).len(),
        filter in prop::sample::select(vec!["", "name", "polls>20", "lint:*", "!state:idle"]), fold in any::<bool>(), work_after in 0_usize..4,
    ) {
        let mut fake = Fake::new();
        let (mut whole, mut bits) = (slow(usize::MAX), slow(slice));
        let mut generation = 0;
        for client in [&mut whole, &mut bits] {
            client.send_alone(Event::Action(Action::SortBy(super::all(TableId::Tasks)[column])));
            client.send_alone(Event::Action(if fold { Action::FoldAll } else { Action::UnfoldAll }));
            client.send_alone(Event::Action(Action::Filter));
            client.send_alone(Event::Edit(Edit::Paste(filter.into())));
        }
        let mut frames = fake.snapshot();
        for (i, step) in steps.iter().enumerate() {
            for frame in frames.drain(..) {
                for client in [&mut whole, &mut bits] {
                    client.send_alone(Event::Frame(Box::new(frame.clone())));
                }
            }
            frames = play(&mut fake, step, &mut generation);
            if i % 4 < work_after {
                bits.send_alone(Event::Work);
            }
            prop_assert!(!scans(&whole));
            let rows = bits.model.rows(TableId::Tasks, &super::all(TableId::Tasks));
            let keys: Vec<_> = rows.iter().map(|row| key_of(&bits, row)).collect();
            for (i, key) in keys.iter().enumerate() {
                prop_assert!(!keys[..i].contains(key), "{key:?} is there twice");
            }
            for client in [&mut whole, &mut bits] {
                wait_alone(client, Duration::from_millis(300));
            }
        }
        fake.now_ns += 2 * S;
        frames.push(fake.delta());
        for client in [&mut whole, &mut bits] {
            work(client);
            wait_alone(client, Duration::from_secs(2));
            for frame in &frames {
                client.send_alone(Event::Frame(Box::new(frame.clone())));
            }
            work(client);
            wait_alone(client, Duration::from_secs(2));
            work(client);
        }
        prop_assert_eq!(seen(&whole), seen(&bits));
    }
}

#[test]
fn the_old_rows_stay_until_the_new_ones_are_whole() {
    let mut fake = Fake::with_tasks(40);
    for (slot, task) in &mut fake.tasks {
        task.polls = u64::from(*slot);
    }
    let mut client = slow(10);
    client.take(fake.snapshot());
    client.perform(Action::SortBy("polls"));
    client.perform(Action::NextRow);
    let before = ids(&client);
    assert_eq!(before[..2], ["139", "138"]);
    client.send_alone(Event::Action(Action::InvertSort));
    let mut events = 0;
    while scans(&client) {
        assert_eq!(ids(&client), before);
        // A key is taken in between.
        if events == 2 {
            client.send_alone(Event::Action(Action::NextRow));
        }
        client.send_alone(Event::Work);
        events += 1;
    }
    assert!(events >= 4, "40 tasks, 10 at a time, took {events} events");
    let rows = client.model.rows(TableId::Tasks, &["id"]);
    assert!(rows.is_sorted_by_key(|row| row.cells[0].text.clone()), "{rows:?}");
    // The selection is a task: where it was second and third from the top, it is so from the bottom.
    assert_eq!(rows.iter().find(|row| row.selected).map(|row| row.cells[0].text.as_str()), Some("137"));
}

#[test]
fn a_slot_that_is_used_again_under_way_is_no_row_of_the_old_task() {
    let mut fake = Fake::with_tasks(30);
    let mut client = slow(8);
    client.take(fake.snapshot());
    client.send_alone(Event::Action(Action::SortBy("id")));
    client.send_alone(Event::Work);
    // Tasks that were looked at end and make room, and so do some that were not.
    for slot in (0..30).step_by(3) {
        fake.add(slot, |task| (task.generation, task.tokio_id) = (2, 500 + u64::from(slot)));
    }
    client.send_alone(Event::Frame(Box::new(fake.delta())));
    work(&mut client);
    client.send(Event::PageRows(100));
    for row in client.model.rows(TableId::Tasks, &["id"]) {
        let RowKey::One(key) = key_of(&client, &row) else { panic!("nothing is folded: {row:?}") };
        let id = if key.generation == 2 { 500 } else { 100 } + key.slot;
        assert_eq!(row.cells[0].text, id.to_string());
    }
    client.run(&mut fake, 2);
    // The ended ones are shown for a while.
    assert_eq!(client.model.table(TableId::Tasks).total, Some(40));
}

#[test]
fn the_first_picture_is_complete_when_its_rows_are() {
    let mut fake = Fake::with_tasks(30);
    let mut client = slow(10);
    for frame in fake.snapshot() {
        client.send_alone(Event::Frame(Box::new(frame)));
    }
    assert!(client.model.wants_work() && !client.model.is_complete());
    let empty = client.model.table(TableId::Tasks).empty;
    assert_eq!(empty.as_deref(), Some("All tasks are here; they are being put in order."));
    work(&mut client);
    assert!(client.model.is_complete() && ids(&client).len() == 20);
}

#[test]
fn another_picture_shows_when_its_lints_and_rows_are_made() {
    let lost = |fake: &mut Fake, slot: u32| {
        let now_ns = fake.now_ns;
        let task = fake.task(slot);
        (task.wakers, task.since_ns) = (Some(0), now_ns - 41 * S);
    };
    let mut fake = Fake::with_tasks(130);
    lost(&mut fake, 3);
    let mut client = slow(10);
    client.take(fake.snapshot());
    let before = seen(&client);
    assert_eq!(before.2.len(), 1);

    // The same process: nothing flickers.
    let frames = fake.snapshot();
    for frame in frames {
        client.send_alone(Event::Frame(Box::new(frame)));
        assert_eq!(seen(&client), before);
    }
    while scans(&client) {
        assert_eq!(seen(&client), before);
        client.send_alone(Event::Work);
    }
    assert_eq!(seen(&client), before);

    // Another one: its tasks take the place of the old ones at once, with what was found.
    let mut other = Fake::with_tasks(25);
    other.instance = 0xdef;
    for slot in [3, 4] {
        lost(&mut other, slot);
    }
    for task in other.tasks.values_mut() {
        task.tokio_id += 1000;
    }
    client.send_alone(Event::Connection(crate::ConnectionEvent::Connected));
    for frame in other.snapshot() {
        client.send_alone(Event::Frame(Box::new(frame)));
    }
    while scans(&client) {
        assert_eq!(seen(&client), before);
        client.send_alone(Event::Work);
    }
    let rows = ids(&client);
    assert!(rows.iter().all(|id| id.len() == 4), "{rows:?}");
    // The memory of the old one is given back after that.
    assert!(client.model.feed.states.has_discarded());
    assert!(work(&mut client) > 3);
    assert!(!client.model.feed.states.has_discarded());
    assert!(client.model.findings()[0].message.starts_with("2 tasks"), "{:?}", client.model.findings());
}

#[test]
fn what_the_lints_say_is_shown_with_the_rows() {
    let mut fake = Fake::with_tasks(30);
    let mut client = slow(10);
    client.take(fake.snapshot());
    let now_ns = fake.now_ns;
    let task = fake.task(20);
    (task.wakers, task.since_ns) = (Some(0), now_ns - 41 * S);
    client.send_alone(Event::Frame(Box::new(fake.delta())));
    wait_alone(&mut client, Duration::from_secs(2));
    let marked = |client: &Client| {
        client.model.rows(TableId::Tasks, &[]).into_iter().any(|row| row.severity.is_some())
    };
    let mut events = 0;
    while scans(&client) {
        assert!(!marked(&client) && client.model.findings().is_empty());
        client.send_alone(Event::Work);
        events += 1;
    }
    assert!(events >= 3, "{events}");
    assert!(marked(&client) && client.model.findings().len() == 1);
    // It goes as it came.
    fake.task(20).wakers = Some(1);
    client.run(&mut fake, 2);
    assert!(!marked(&client) && client.model.findings().is_empty());
    // What has ended has no finding, whatever it had.
    fake.task(20).wakers = Some(0);
    client.run(&mut fake, 2);
    assert!(marked(&client));
    fake.task(20).state = TaskState::Done;
    client.run(&mut fake, 2);
    assert!(!marked(&client) && client.model.findings().is_empty());
}

#[test]
fn rows_do_not_change_under_a_moving_selection() {
    let mut fake = Fake::with_tasks(30);
    let mut client = slow(10);
    client.take(fake.snapshot());
    client.perform(Action::SortBy("polls"));
    fake.task(20).polls = 5000;
    client.send_alone(Event::Frame(Box::new(fake.delta())));
    wait_alone(&mut client, Duration::from_secs(2));
    assert!(client.model.wants_work());
    let before = ids(&client);
    client.send_alone(Event::Action(Action::NextRow));
    work(&mut client);
    assert_eq!(ids(&client), before, "the scan is done, but a key was just pressed");
    wait_alone(&mut client, Duration::from_secs(1));
    client.perform(Action::First);
    assert_eq!(ids(&client)[0], "120");
}

#[test]
fn a_scan_that_takes_long_is_a_notice() {
    let mut fake = Fake::with_tasks(30);
    let mut client = slow(2);
    client.take(fake.snapshot());
    client.send_alone(Event::Action(Action::InvertSort));
    let is_late = |client: &Client| {
        client.model.header().notices.iter().any(|notice| notice.text.starts_with("The table is stale"))
    };
    assert!(!is_late(&client));
    wait_alone(&mut client, Duration::from_secs(1));
    assert!(is_late(&client));
    work(&mut client);
    assert!(!is_late(&client));
}

#[test]
fn a_frozen_screen_goes_on_at_once() {
    let mut fake = Fake::with_tasks(30);
    let mut client = slow(10);
    client.take(fake.snapshot());
    client.perform(Action::Freeze);
    let frozen = ids(&client);
    fake.add(90, |task| task.polls = 5000);
    client.perform(Action::SortBy("polls"));
    client.run(&mut fake, 3);
    assert_eq!(client.model.table(TableId::Tasks).total, Some(30));
    client.send_alone(Event::Action(Action::Freeze));
    assert!(client.model.header().frozen.is_none());
    while scans(&client) {
        assert_eq!(client.model.table(TableId::Tasks).total, Some(30));
        client.send_alone(Event::Work);
    }
    assert_eq!((client.model.table(TableId::Tasks).total, ids(&client)[0].as_str()), (Some(31), "190"));
    assert_eq!(frozen.len(), 20);
}
