//! Folding, sorting, selection, filter.

use std::time::Duration;

use taskscope_proto::v1::TaskState;

use super::{
    Client, Fake,
    fake::{MS, S},
};
use crate::{Action, Edit, Event, Screen, TableId, Target, columns::fit};

const COLUMNS: [&str; 3] = ["id", "state", "polls"];

fn selected(client: &Client) -> Option<String> {
    client
        .model
        .rows(TableId::Tasks, &["id"])
        .into_iter()
        .find(|row| row.selected)
        .map(|row| row.cells[0].text.clone())
}

fn type_filter(client: &mut Client, text: &str) {
    client.perform(Action::Filter);
    client.send(Event::Edit(Edit::Clear));
    client.send(Event::Edit(Edit::Paste(text.into())));
}

#[test]
fn many_tasks_of_one_place_are_one_row() {
    let mut fake = Fake::with_tasks(200);
    for task in fake.tasks.values_mut() {
        task.name = "conn".into();
    }
    fake.add(500, |task| (task.site, task.polls) = (2, 3));
    let mut client = Client::watching(&mut fake);
    assert_eq!(client.model.table(TableId::Tasks).counts(), "201");
    assert_eq!(
        client.rows(&["id", "state", "name", "place", "polls"]),
        ["600 idle – src/ledger.rs:20 3", "200 tasks conn src/main.rs:10 2.0k"]
    );
    client.perform(Action::NextRow);
    client.perform(Action::Unfold);
    let rows = client.model.rows(TableId::Tasks, &COLUMNS);
    assert_eq!(client.model.table(TableId::Tasks).rows, 202);
    assert_eq!(rows.len(), 20, "only the page is made");
    assert!(rows[1].group == Some(true) && rows[1].depth == 0 && rows[2].depth == 1);
    // From any of its tasks it folds again.
    client.perform(Action::NextRow);
    client.perform(Action::Fold);
    assert_eq!(client.model.table(TableId::Tasks).rows, 2);
    assert_eq!(selected(&client).as_deref(), Some("200"));
    client.perform(Action::UnfoldAll);
    assert_eq!(client.model.table(TableId::Tasks).rows, 202);
    client.perform(Action::FoldAll);
    assert_eq!(client.model.table(TableId::Tasks).rows, 2);
}

#[test]
fn a_suspect_stands_above_its_fold() {
    let mut fake = Fake::with_tasks(100);
    let now_ns = fake.now_ns;
    let task = fake.task(42);
    (task.wakers, task.since_ns) = (Some(0), now_ns - 41 * S);
    let client = Client::watching(&mut fake);
    assert_eq!(client.rows(&COLUMNS), ["142 idle 10", "100 tasks 1.0k"]);
}

#[test]
fn tasks_that_come_and_go_fold_too() {
    let mut fake = Fake::with_tasks(60);
    let now_ns = fake.now_ns;
    for task in fake.tasks.values_mut().skip(2) {
        (task.state, task.since_ns) = (TaskState::Done, now_ns);
    }
    fake.add(90, |task| task.site = 2);
    let mut client = Client::watching(&mut fake);
    assert_eq!(client.rows(&["id", "state", "polls"]), ["190 idle 10", "60 tasks 600"]);
    for slot in 0..60 {
        fake.tasks.remove(&slot);
    }
    client.run(&mut fake, 1);
    assert_eq!(client.rows(&["id", "state"])[1], "60 done");
    assert!(client.model.rows(TableId::Tasks, &[])[1].done);
}

#[test]
fn a_site_does_not_flicker_at_the_limit() {
    let mut fake = Fake::with_tasks(50);
    let mut client = Client::watching(&mut fake);
    assert_eq!(client.model.table(TableId::Tasks).rows, 1);
    for slot in 0..8 {
        fake.tasks.remove(&slot);
    }
    client.run(&mut fake, 8);
    assert_eq!(client.model.table(TableId::Tasks).rows, 1);
    for slot in 8..20 {
        fake.tasks.remove(&slot);
    }
    client.run(&mut fake, 8);
    assert_eq!(client.model.table(TableId::Tasks).rows, 30);
}

#[test]
fn every_column_sorts_both_ways() {
    let mut fake = Fake::new();
    for slot in 0..30_u32 {
        let n = u64::from(slot);
        fake.add(slot, |task| {
            task.polls = n * 7 % 30;
            task.wakes = n * 11 % 30;
            (task.busy_ns, task.longest_poll_ns) = (n * 13 % 30 * MS, 0);
            task.name = format!("n{:02}", n * 17 % 30);
            task.fields = format!("f={:02}", n * 19 % 30);
            task.site = slot % 3 + 1;
            task.size_bytes = slot;
            task.created_ns -= n * 3 % 30;
        });
    }
    let mut client = Client::watching(&mut fake);
    client.send(Event::PageRows(30));
    for column in &super::all(TableId::Tasks) {
        client.perform(Action::SortBy("warn"));
        client.perform(Action::SortBy(column));
        let sort = client.model.table(TableId::Tasks).sort;
        let order = |client: &Client| {
            client
                .model
                .rows(TableId::Tasks, &["id"])
                .into_iter()
                .map(|row| row.cells[0].text.clone())
                .collect::<Vec<_>>()
        };
        let one_way = order(&client);
        client.perform(Action::InvertSort);
        assert_eq!(client.model.table(TableId::Tasks).sort.descending, !sort.descending);
        let mut other_way = order(&client);
        assert_eq!(other_way.len(), 30);
        if ["polls", "wakes", "busy", "name", "id"].contains(column) {
            other_way.reverse();
            assert_eq!(one_way, other_way, "{column:?}");
        }
    }
    client.perform(Action::SortBy("polls"));
    assert_eq!(client.rows(&["polls"])[..3], ["29", "28", "27"]);
    client.perform(Action::SortBy("name"));
    assert_eq!(client.rows(&["name"])[..3], ["n00", "n01", "n02"]);
    assert_eq!(client.model.table(TableId::Tasks).sort_words, "name, smallest first");
}

#[test]
fn unknown_values_come_last_whichever_way() {
    let mut fake = Fake::with_tasks(3);
    fake.task(1).knows = 0;
    fake.task(2).wakes = 50;
    let mut client = Client::watching(&mut fake);
    client.perform(Action::SortBy("wakes"));
    assert_eq!(client.rows(&["wakes"]), ["50", "9", "–"]);
    client.perform(Action::InvertSort);
    assert_eq!(client.rows(&["wakes"]), ["9", "50", "–"]);
}

#[test]
fn sorting_by_change_shows_who_works_now() {
    let mut fake = Fake::with_tasks(3);
    fake.task(0).polls = 1_000_000;
    let mut client = Client::watching(&mut fake);
    client.perform(Action::SortBy("polls"));
    assert_eq!(client.rows(&["id"])[0], "100");
    for _ in 0..3 {
        fake.task(2).polls += 500;
        client.run(&mut fake, 1);
    }
    client.perform(Action::SortByChange);
    assert_eq!(client.rows(&["id", "polls-per-s"])[0], "102 500");
    let rows = client.model.rows(TableId::Tasks, &["polls-per-s"]);
    assert_eq!(rows[0].cells[0].spark.unwrap()[5..], [8, 8, 8]);
    assert_eq!(rows[1].cells[0].spark.unwrap(), [0; 8]);
    client.perform(Action::SortByChange);
    assert_eq!(client.rows(&["id"])[0], "100");
}

#[test]
fn the_selection_is_a_task_and_rows_wait_for_the_key() {
    let mut fake = Fake::with_tasks(5);
    let mut client = Client::watching(&mut fake);
    client.perform(Action::SortBy("polls"));
    client.run(&mut fake, 1);
    client.perform(Action::NextRow);
    client.perform(Action::NextRow);
    let chosen = selected(&client).unwrap();
    assert_eq!(chosen, "102");
    fake.now_ns += S;
    fake.task(4).polls = 1000;
    client.take(vec![fake.delta()]);
    client.wait(Duration::from_millis(300));
    assert_eq!(client.rows(&["id"])[0], "100", "a key is down");
    client.wait(Duration::from_millis(800));
    assert_eq!(client.rows(&["id"])[0], "104");
    assert_eq!(selected(&client), Some(chosen));
    assert_eq!(client.model.table(TableId::Tasks).selected, Some(3));
}

#[test]
fn without_a_choice_the_selection_stays_at_the_top() {
    let mut fake = Fake::with_tasks(5);
    let mut client = Client::watching(&mut fake);
    client.perform(Action::SortBy("polls"));
    assert_eq!(selected(&client).as_deref(), Some("100"));
    fake.task(4).polls = 1000;
    client.run(&mut fake, 1);
    assert_eq!(selected(&client).as_deref(), Some("104"));
}

#[test]
fn rows_are_sorted_at_most_once_a_second() {
    let mut fake = Fake::with_tasks(5);
    let mut client = Client::watching(&mut fake);
    client.perform(Action::SortBy("polls"));
    client.run(&mut fake, 2);
    let mut changes = 0;
    let mut last = client.rows(&["id"]);
    for round in 0..40_u32 {
        fake.now_ns += 100 * MS;
        fake.task(round / 10).polls += 100 + u64::from(round) * 10;
        client.take(vec![fake.delta()]);
        client.wait(Duration::from_millis(100));
        let now = client.rows(&["id"]);
        changes += u32::from(now != last);
        last = now;
    }
    assert!((2..=4).contains(&changes), "{changes} orders in four seconds");
}

#[test]
fn paging_goes_to_both_ends_of_a_long_list() {
    let mut fake = Fake::with_tasks(3000);
    let mut client = Client::watching(&mut fake);
    client.perform(Action::UnfoldAll);
    client.perform(Action::SortBy("id"));
    client.perform(Action::Last);
    let info = client.model.table(TableId::Tasks);
    assert_eq!((info.rows, info.selected, info.offset), (3001, Some(3000), 2981));
    assert_eq!(selected(&client).as_deref(), Some("3099"));
    client.perform(Action::PageUp);
    assert_eq!(client.model.table(TableId::Tasks).selected, Some(2981));
    client.perform(Action::First);
    client.send(Event::Scroll(1500));
    assert_eq!(selected(&client).as_deref(), Some("1599"));
    client.send(Event::Click(Target::Row(client.model.table(TableId::Tasks).offset)));
    client.send(Event::Click(Target::Row(client.model.table(TableId::Tasks).offset)));
    assert!(matches!(client.model.screen(), Screen::Task(_)), "the second click opens");
}

#[test]
fn the_filter_is_live_and_honest() {
    let mut fake = Fake::with_tasks(10);
    fake.task(3).name = "Transfer".into();
    fake.task(4).polls = 500;
    fake.add(50, |task| (task.site, task.knows) = (3, 0));
    let mut client = Client::watching(&mut fake);
    type_filter(&mut client, "trans");
    assert_eq!(client.rows(&["id"]), ["103"]);
    let input = client.model.input().unwrap();
    assert_eq!((input.counts.as_deref(), input.error), (Some("1/11"), None));
    for (text, ids) in [
        ("polls>100", vec!["104"]),
        ("loc:~db", vec!["150"]),
        ("id:104|id:103", vec!["103", "104"]),
        ("!wakes>0", vec!["150"]),
        ("place=\"src/db.rs:30:5\"", vec!["150"]),
        ("state:running", vec![]),
        ("name:trans -name:x", vec!["103"]),
    ] {
        type_filter(&mut client, text);
        let mut found = client.rows(&["id"]);
        found.sort();
        assert_eq!(found, ids, "{text}");
        client.perform(Action::Open);
    }
    client.perform(Action::Filter);
    client.send(Event::Edit(Edit::Paste(" poll>1".into())));
    let error = client.model.input().unwrap().error.unwrap();
    assert_eq!((error.at, error.len), (19, 4));
    assert!(error.message.contains("did you mean `polls`?"), "{}", error.message);
    assert_eq!(client.rows(&["id"]), ["103"], "the last one that could be understood stays in force");
    client.perform(Action::Open);
    assert!(client.model.input().is_some(), "an error keeps the line open");
    client.perform(Action::Back);
    assert!(client.model.input().is_none());
    assert_eq!(
        client.model.table(TableId::Tasks).filter,
        "name:trans -name:x",
        "giving up brings the old one back"
    );
    client.perform(Action::Back);
    assert_eq!(client.model.table(TableId::Tasks).rows, 11);
    type_filter(&mut client, "xyz");
    assert_eq!(
        client.model.table(TableId::Tasks).empty.as_deref(),
        Some("None of 11 tasks matches the filter.")
    );
}

#[test]
fn completion_takes_the_first_offer() {
    let mut client = Client::watching(&mut Fake::with_tasks(2));
    type_filter(&mut client, "sta");
    assert_eq!(client.model.input().unwrap().completions, ["state:"]);
    client.send(Event::Edit(Edit::Complete));
    client.send(Event::Edit(Edit::Insert('i')));
    client.send(Event::Edit(Edit::Complete));
    assert_eq!(client.model.input().unwrap().text, "state:idle");
}

#[test]
fn narrow_screens_keep_what_matters() {
    let all: Vec<_> = TableId::Tasks.columns().into_iter().filter(|spec| spec.on).collect();
    let ids = |width| fit(&all, Some("wakes"), width).into_iter().map(|f| f.spec.id).collect::<Vec<_>>();
    for width in [20, 40, 80, 120, 200, 300] {
        let fitted = fit(&all, Some("wakes"), width);
        let used: u16 = fitted.iter().map(|f| f.width + 1).sum();
        assert!(used <= width + 1 || width <= 40, "{width}: {used}");
    }
    for column in ["warn", "id", "state", "name", "wakes"] {
        assert!(ids(80).contains(&column), "{column:?}");
    }
    assert_eq!(ids(300), all.iter().map(|spec| spec.id).collect::<Vec<_>>());
    // Narrower than everything: what must be there is there.
    assert_eq!(ids(10), ["warn", "id", "state", "name", "wakes"]);
}

#[test]
fn a_column_comes_back_where_it_was() {
    let mut client = Client::watching(&mut Fake::with_tasks(1));
    let shown =
        |client: &Client| client.model.columns(TableId::Tasks).iter().map(|spec| spec.id).collect::<Vec<_>>();
    let before = shown(&client);
    client.perform(Action::ToggleColumn("kind"));
    assert!(!shown(&client).contains(&"kind"));
    client.perform(Action::ToggleColumn("kind"));
    assert_eq!(shown(&client), before);
    client.perform(Action::ToggleColumn("id"));
    assert_eq!(shown(&client), before, "the id stays");
}

#[test]
fn copying_takes_what_is_selected() {
    let mut client = Client::watching(&mut Fake::with_tasks(60));
    client.perform(Action::CopyId);
    assert_eq!(client.effects, [], "a group has no id");
    client.perform(Action::CopyPlace);
    client.perform(Action::Unfold);
    client.perform(Action::NextRow);
    client.perform(Action::CopyId);
    assert_eq!(
        client.effects,
        [crate::Effect::CopyText("src/main.rs:10:5".into()), crate::Effect::CopyText("100".into()),]
    );
    assert!(client.model.rows(TableId::Tasks, &[])[1].group.is_none());
}
