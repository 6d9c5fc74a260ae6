//! The tables of resources are made a bit at a time, and a frozen state stands still beside the live one.

use super::scene::Scene;
use crate::{
    Action, Config, Event, TableId,
    model::tests::{Client, fake::S},
    screen::table::Row,
};

/// Locks of two places, a few of them held and waited for.
fn scene(locks: u32) -> Scene {
    let mut scene = Scene::new(locks.min(40));
    for slot in 0..locks {
        let name = ["accounts", "ledger", "cache"][slot as usize % 3];
        scene.lock(slot, "Mutex", name, &[]).acquisitions = u64::from(slot * 7 % 11);
        scene.things.get_mut(&slot).unwrap().site = 1 + slot % 2;
    }
    for task in 0..locks.min(20) {
        scene.mutex(task, "held", task, u64::from(task) * S);
        scene.wait(task, "Mutex::lock", (task + 1) % 20, task + 20, u64::from(task) * S);
    }
    scene
}

fn rows(client: &Client, table: TableId) -> Vec<Row> {
    client.model.rows(table, &crate::model::tests::all(table))
}

/// How many events the work took; everything is done after them.
fn work(client: &mut Client) -> usize {
    let mut events = 0;
    while client.model.wants_work() {
        client.send_alone(Event::Work);
        events += 1;
    }
    events
}

#[test]
fn rows_made_in_bits_are_those_made_in_one_go() {
    let frames = scene(300).frames();
    for (tab, table) in [(Action::Locks, TableId::Locks), (Action::Resources, TableId::Resources)] {
        for sort in ["type", "waiters", "held", "place"] {
            for fold in [Action::FoldAll, Action::UnfoldAll] {
                let shown = |slice: usize| {
                    let mut client = Client::new(Config::default());
                    client.model.scanner.slice = slice;
                    client.take(frames.clone());
                    let mut events = 0;
                    for action in [tab, Action::SortBy(sort), fold] {
                        client.send_alone(Event::Action(action));
                        events += work(&mut client);
                    }
                    (rows(&client, table), client.model.table(table), events)
                };
                let (whole, whole_info, few) = shown(usize::MAX);
                let (bits, bits_info, many) = shown(3);
                assert_eq!((&bits, &bits_info), (&whole, &whole_info), "{table:?} {sort} {fold:?}");
                assert!(many > few + 300, "{many} events of bits, {few} in one go");
            }
        }
    }
}

#[test]
fn what_waits_on_a_thing_is_the_same_for_one_and_for_all() {
    let client = scene(60).client();
    let store = client.store();
    let all = store.waits();
    for resource in store.resources.resources() {
        let (one, of_all) = (store.waits_on_thing(resource.key), all.get(&resource.key).copied());
        let of_all = of_all.unwrap_or_default();
        assert_eq!((one.tasks, one.since_ns, one.longest), (of_all.tasks, of_all.since_ns, of_all.longest));
    }
    assert!(all.values().any(|waits| waits.tasks > 0));
}

#[test]
fn a_frozen_state_stands_still_while_the_live_one_goes_on() {
    let mut scene = scene(60);
    let mut client = scene.client();
    client.perform(Action::Locks);
    let (tasks, locks) = (client.rows(&["id", "state", "polls"]), rows(&client, TableId::Locks));
    client.perform(Action::Freeze);
    for task in scene.fake.tasks.values_mut() {
        task.polls += 1000;
    }
    scene.mutex(3, "held", 4, S);
    scene.fake.now_ns += S;
    let mut frame = scene.fake.delta();
    scene.send_changes(&mut frame);
    client.take(vec![frame]);
    client.wait(std::time::Duration::from_secs(2));
    assert_eq!(client.rows(&["id", "state", "polls"]), tasks);
    assert_eq!(rows(&client, TableId::Locks), locks);
    client.perform(Action::Freeze);
    assert_ne!(client.rows(&["id", "state", "polls"]), tasks);
}
