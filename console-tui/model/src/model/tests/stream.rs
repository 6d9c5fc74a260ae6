//! Snapshots, gaps, restarts, freezing, finished tasks.

use std::time::Duration;

use taskscope_proto::v1::{self, TaskState};

use super::{Client, Fake, fake::S};
use crate::{Action, Config, ConnectionEvent, Event, Screen, TableId, screen::header::ConnectionState};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn half_a_picture_is_never_shown() {
    let mut fake = Fake::with_tasks(40);
    fake.chunk = 10;
    let mut frames = fake.snapshot();
    let last = frames.pop().unwrap();
    let mut client = Client::new(Config::default());
    client.take(frames);
    let header = client.model.header();
    assert_eq!(header.connection, ConnectionState::Receiving);
    assert_eq!(header.receiving.unwrap().words(), "receiving 75 %");
    assert!(!client.model.is_complete() && client.model.rows(TableId::Tasks, &["id"]).is_empty());
    assert_eq!(client.model.table(TableId::Tasks).empty.as_deref(), Some("Receiving the tasks."));
    client.take(vec![last]);
    let header = client.model.header();
    assert_eq!((header.connection, header.receiving), (ConnectionState::Live, None));
    assert_eq!((header.tasks.alive, header.tasks.idle), (40, 40));
    assert_eq!(client.model.table(TableId::Tasks).rows, 40);
}

#[test]
fn a_gap_heals_by_a_fresh_snapshot() {
    let mut fake = Fake::with_tasks(5);
    let mut client = Client::watching(&mut fake);
    assert_eq!(client.requests.last().unwrap().resync, 0);
    client.wait(3 * SECOND);
    fake.task(0).polls = 50;
    fake.delta();
    fake.task(1).polls = 60;
    client.take(vec![fake.delta()]);
    assert_eq!(client.requests.last().unwrap().resync, 1, "the gap is seen");
    assert_eq!(client.model.report().totals.polls, Some(50), "nothing is applied after a gap");
    client.take(fake.snapshot());
    assert_eq!(client.model.report().totals.polls, Some(50 + 60 + 30));
    assert_eq!(client.model.header().losses.gaps, 1);
}

#[test]
fn a_frame_that_makes_no_sense_is_refused_whole() {
    let mut fake = Fake::with_tasks(5);
    let mut client = Client::watching(&mut fake);
    client.wait(3 * SECOND);
    fake.task(0).polls = 50;
    fake.task(1).polls = 50;
    let mut frame = fake.delta();
    frame.stats.as_mut().unwrap().busy_ns.push(1);
    client.take(vec![frame]);
    assert_eq!(client.model.report().totals.polls, Some(50), "none of it is applied");
    assert_eq!(client.model.header().losses.rejected_frames, 1);
    assert_eq!(client.requests.last().unwrap().resync, 1);
    let notices = client.model.header().notices;
    let refused = "A frame was refused: column `StatColumns.busy_ns` has 3 values for 2 rows.";
    assert!(notices.iter().any(|notice| notice.text == refused), "{notices:?}");
    // Asking again and again would be an attack on the server.
    let mut frame = fake.delta();
    frame.sites = vec![v1::Site { index: u32::MAX, ..v1::Site::default() }];
    client.take(vec![frame]);
    assert_eq!(client.requests.last().unwrap().resync, 1);
}

#[test]
fn the_first_frame_must_say_who_it_is_from() {
    let mut fake = Fake::with_tasks(5);
    let mut client = Client::new(Config::default());
    let mut frames = fake.snapshot();
    frames[0].hello = None;
    client.take(frames);
    assert!(!client.model.is_complete());
    assert_eq!(client.model.header().losses.rejected_frames, 1);
}

#[test]
fn a_protocol_from_the_future_is_not_guessed_at() {
    let mut fake = Fake::with_tasks(5);
    let mut client = Client::new(Config::default());
    let mut frames = fake.snapshot();
    frames[0].hello.as_mut().unwrap().protocol = 7;
    client.take(frames);
    client.wait(5 * SECOND);
    client.take(vec![fake.delta()]);
    assert!(!client.model.is_complete());
    let notice = &client.model.header().notices[0].text;
    assert_eq!(
        notice,
        "This process can't be shown: the process speaks version 7 of the protocol, this console versions 1 to 1."
    );
}

#[test]
fn a_lost_connection_keeps_the_old_picture_with_its_age() {
    let mut fake = Fake::with_tasks(5);
    let mut client = Client::watching(&mut fake);
    let lost = ConnectionEvent::Lost { reason: "reset\u{1b}[2J".into(), retry_in: Some(2 * SECOND) };
    client.send(Event::Connection(lost));
    client.wait(3 * SECOND);
    let header = client.model.header();
    assert!(header.stale);
    assert_eq!(header.data_age, Some(3 * SECOND));
    assert_eq!(
        header.connection,
        ConnectionState::Lost { reason: "reset·[2J".into(), retry_in: Some(Duration::ZERO) }
    );
    assert_eq!(header.notices[0].text, "Showing the last known state of process 4211.");
    assert_eq!(client.model.table(TableId::Tasks).rows, 5);
    let revision = client.model.revision();
    client.wait(SECOND);
    assert_ne!(client.model.revision(), revision, "the age advances on the screen");
}

#[test]
fn a_restarted_process_is_another_one() {
    let mut fake = Fake::with_tasks(60);
    let mut client = Client::watching(&mut fake);
    client.perform(Action::Unfold);
    client.perform(Action::NextRow);
    client.perform(Action::Open);
    assert!(matches!(client.model.screen(), Screen::Task(_)));
    client.send(Event::Connection(ConnectionEvent::Lost { reason: "killed".into(), retry_in: None }));
    let mut next = Fake::with_tasks(70);
    (next.instance, next.pid, next.now_ns) = (0xdef, 4300, 100 * S);
    // The same places under other numbers.
    next.files.swap(1, 2);
    for task in next.tasks.values_mut() {
        (task.site, task.polls) = (2, 1);
    }
    next.chunk = 50;
    client.send(Event::Connection(ConnectionEvent::Connected));
    let mut frames = next.snapshot();
    let last = frames.pop().unwrap();
    client.take(frames);
    let header = client.model.header();
    assert!(header.stale, "the old process is still on the screen");
    assert_eq!(header.process.unwrap().pid, Some(4211));
    assert_eq!(client.model.report().totals.polls, Some(600));
    client.take(vec![last]);
    let header = client.model.header();
    assert!(!header.stale);
    assert_eq!(header.process.unwrap().pid, Some(4300));
    assert_eq!(client.model.report().totals.polls, Some(70), "nothing of the old one is left");
    assert_eq!(header.notices[0].text, "The process was restarted: its id was 4211, and is 4300 now.");
    assert_eq!(client.model.screen(), Screen::Tasks, "a task of the old process is none of the new one");
    let request = client.requests.last().unwrap();
    assert_eq!(request.details, []);
}

#[test]
fn a_frozen_screen_stands_still_while_recording_goes_on() {
    let mut fake = Fake::with_tasks(5);
    let mut client = Client::watching(&mut fake);
    client.perform(Action::Freeze);
    fake.task(0).polls += 1000;
    fake.add(9, |_| {});
    client.run(&mut fake, 3);
    assert_eq!(client.model.header().frozen, Some(4 * SECOND));
    assert_eq!((client.model.table(TableId::Tasks).rows, client.model.report().totals.polls), (5, Some(50)));
    assert!(!client.model.header().stale, "frames go on arriving");
    assert!(!client.requests.last().unwrap().paused);
    client.perform(Action::SortBy("polls"));
    assert_eq!(client.rows(&["polls"])[0], "10", "sorting works on the frozen picture");
    client.perform(Action::Freeze);
    assert_eq!(client.model.header().frozen, None);
    assert_eq!(
        (client.model.table(TableId::Tasks).rows, client.model.report().totals.polls),
        (6, Some(1060))
    );
}

#[test]
fn freezing_over_a_restart_does_not_mix_the_two() {
    let mut fake = Fake::with_tasks(3);
    let mut client = Client::watching(&mut fake);
    client.perform(Action::Open);
    client.perform(Action::Freeze);
    let mut next = Fake::with_tasks(4);
    next.instance = 2;
    client.send(Event::Connection(ConnectionEvent::Connected));
    client.take(next.snapshot());
    assert_eq!(client.model.report().tasks.len(), 3);
    assert!(matches!(client.model.screen(), Screen::Task(_)));
    client.perform(Action::Freeze);
    assert_eq!(client.model.report().tasks.len(), 4);
    assert_eq!(client.model.screen(), Screen::Tasks);
}

#[test]
fn finished_tasks_stay_for_a_while() {
    let mut fake = Fake::with_tasks(5);
    let mut client = Client::watching(&mut fake);
    let now_ns = fake.now_ns;
    let task = fake.task(0);
    (task.state, task.since_ns) = (TaskState::Done, now_ns);
    client.run(&mut fake, 1);
    fake.tasks.remove(&0);
    client.run(&mut fake, 1);
    assert_eq!(client.model.table(TableId::Tasks).rows, 5);
    assert_eq!((client.model.header().tasks.done, client.model.header().tasks.idle), (1, 4));
    client.run(&mut fake, 8);
    assert_eq!(client.model.table(TableId::Tasks).rows, 4);
    assert_eq!(client.model.header().tasks.done, 0);
}

#[test]
fn an_open_task_stays_known_after_its_end() {
    let mut fake = Fake::with_tasks(5);
    let mut client = Client::watching(&mut fake);
    client.perform(Action::Open);
    let Screen::Task(key) = client.model.screen() else { panic!("no task is open") };
    assert_eq!(client.requests.last().unwrap().details, [v1::TaskRef { slot: key.slot, generation: 1 }]);
    fake.tasks.remove(&key.slot);
    client.run(&mut fake, 30);
    let view = client.model.task(key).unwrap();
    assert!(view.gone);
    assert!(view.state.text.starts_with("ended"), "{}", view.state.text);
}

#[test]
fn a_slot_that_is_used_again_is_another_task() {
    let mut fake = Fake::with_tasks(2);
    let mut client = Client::watching(&mut fake);
    fake.add(1, |task| (task.generation, task.polls) = (2, 3));
    client.run(&mut fake, 1);
    let report = client.model.report();
    assert_eq!(
        report.tasks.iter().map(|t| (t.slot, t.generation)).collect::<Vec<_>>(),
        [(0, 1), (1, 1), (1, 2)]
    );
    assert_eq!(report.totals.polls, Some(13));
}

#[test]
fn a_snapshot_of_the_same_process_keeps_what_the_wire_does_not_carry() {
    let mut fake = Fake::with_tasks(2);
    let mut client = Client::watching(&mut fake);
    for _ in 0..5 {
        fake.task(0).polls += 100;
        client.run(&mut fake, 1);
    }
    fake.tasks.remove(&1);
    client.run(&mut fake, 1);
    let rate = |client: &Client| client.rows(&["id", "polls-per-s"]);
    let before = rate(&client);
    assert!(before.contains(&"100 67".to_owned()), "{before:?}");
    client.take(fake.snapshot());
    assert_eq!(rate(&client), before, "the rate and the task that has just ended are still there");
}

#[test]
fn late_wakes_and_finished_tasks_are_in_the_totals() {
    let mut fake = Fake::with_tasks(4);
    fake.process = v1::Process { spawned: 10, late_wakes: 7, untracked: 2, ..v1::Process::default() };
    let totals = v1::SiteTotals {
        site: 1,
        spawned: 8,
        finished: 4,
        polls: 400,
        wakes: 300,
        self_wakes: 20,
        busy_ns: 5,
        scheduled_ns: 6,
    };
    fake.totals.insert(1, totals);
    fake.totals.insert(0, v1::SiteTotals { polls: 1, finished: 2, spawned: 2, ..v1::SiteTotals::default() });
    let mut client = Client::watching(&mut fake);
    let check = |client: &Client| {
        let totals = client.model.report().totals;
        assert_eq!(
            (totals.polls, totals.wakes, totals.self_wakes, totals.late_wakes),
            (Some(441), Some(343), Some(20), 7)
        );
        assert_eq!((totals.spawned, totals.finished, totals.untracked), (10, 6, 2));
    };
    check(&client);
    // The end of a task moves its counts from one sum to the other.
    let now_ns = fake.now_ns;
    let task = fake.task(0);
    (task.state, task.since_ns) = (TaskState::Done, now_ns);
    fake.totals.insert(1, v1::SiteTotals { finished: 5, polls: 410, wakes: 309, ..totals });
    client.run(&mut fake, 1);
    let totals = client.model.report().totals;
    assert_eq!((totals.polls, totals.wakes, totals.finished), (Some(441), Some(343), 7));
    assert_eq!(client.model.header().losses.total(), 2);
}

#[test]
fn tasks_over_the_limit_are_counted() {
    let mut fake = Fake::with_tasks(50);
    let mut client = Client::new(Config { max_tasks: 30, ..Config::default() });
    client.take(fake.snapshot());
    client.run(&mut fake, 2);
    assert_eq!(client.model.report().tasks.len(), 30);
    assert_eq!(client.model.header().losses.tasks_over_limit, 20);
}
