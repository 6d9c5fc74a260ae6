//! The tables of locks and channels: filters, configuration, what is said of the selected row.

use super::scene::Scene;
use crate::{
    Action, Config, Edit, Event, TableConfig, TableId,
    model::tests::{Client, fake::S},
};

fn two_mutexes() -> Scene {
    let mut scene = Scene::new(4);
    scene.mutex(1, "ledger", 0, 41 * S);
    scene.mutex(2, "accounts", 1, S);
    scene
}

fn names(client: &Client) -> Vec<String> {
    let rows = client.model.rows(TableId::Locks, &["name"]);
    rows.into_iter().map(|row| row.cells[0].text.clone()).collect()
}

#[test]
fn numbers_are_compared() {
    let mut client = two_mutexes().client();
    client.perform(Action::Locks);
    let mut filtered = |text: &str| {
        client.perform(Action::Filter);
        client.send(Event::Edit(Edit::Clear));
        client.send(Event::Edit(Edit::Paste(text.into())));
        client.perform(Action::Open);
        names(&client)
    };
    assert_eq!(filtered("held>5s"), ["ledger"]);
    assert_eq!(filtered("held>5s | holder:t1"), ["ledger", "accounts"]);
    assert_eq!(filtered("waiters>0"), Vec::<String>::new());
    client.perform(Action::Filter);
    client.send(Event::Edit(Edit::Clear));
    client.send(Event::Edit(Edit::Paste("held>soon".into())));
    let error = client.model.input().unwrap().error.unwrap();
    assert_eq!((error.at, error.message.as_str()), (5, "`soon` is no time: write it as 10ms, 5s or 2m."));
}

#[test]
fn a_table_starts_as_it_is_configured() {
    let table =
        TableConfig { columns: Some(vec!["held", "name"]), filter: "held<5s".to_owned(), sort: Some("held") };
    let config = Config { tables: [(TableId::Locks, table)].into(), ..Config::default() };
    let mut client = Client::new(config);
    client.take(two_mutexes().frames());
    client.perform(Action::Locks);
    assert_eq!(names(&client), ["accounts"]);
    let columns = client.model.columns(TableId::Locks);
    assert_eq!(columns.iter().map(|spec| spec.id).collect::<Vec<_>>(), ["warn", "held", "name"]);
    assert_eq!(client.model.table(TableId::Locks).sort.column, "held");
    client.perform(Action::ClearFilter);
    assert_eq!(names(&client), ["ledger", "accounts"]);
}

#[test]
fn what_was_found_of_the_selected_row_is_said_below() {
    let mut scene = two_mutexes();
    scene.wait(1, "Mutex::lock", 2, 0, 41 * S);
    scene.wait(2, "Mutex::lock", 1, 1, 40 * S);
    let mut client = scene.client();
    client.perform(Action::Locks);
    let info = client.model.table(TableId::Locks);
    assert!(info.has_notes);
    let (_, sentence) = info.note.expect("a deadlock is about both");
    assert!(sentence.starts_with("Deadlock"), "{sentence}");
}
