//! The tables of I/O: order, filter, folds, timers, signals; and what a task says of its own.

use taskscope_proto::v1::{self, DescriptorKind};

use super::scene::{Scene, rows, tcp};
use crate::{
    Action, Edit, Event, Screen, TableId,
    model::tests::{Client, fake::S},
};

fn inner(fd: u32, kind: DescriptorKind) -> v1::Descriptor {
    v1::Descriptor { fd, identity: u64::from(fd), kind: kind.into(), ..v1::Descriptor::default() }
}

fn filter(client: &mut Client, text: &str) -> Vec<String> {
    client.perform(Action::Io);
    client.perform(Action::ClearFilter);
    client.perform(Action::Filter);
    client.send(Event::Edit(Edit::Paste(text.to_owned())));
    client.perform(Action::Open);
    rows(client)
}

/// One connection that is busy, one that is not, and what is no connection.
fn crowd() -> Scene {
    let mut scene = Scene::new();
    scene.descriptors.descriptors.extend([
        tcp(13, 3, "10.0.0.4:8080", "10.0.0.7:40100"),
        inner(4, DescriptorKind::Eventfd),
        inner(5, DescriptorKind::Eventfd),
        v1::Descriptor { local: "/var/log/app.log".to_owned(), ..inner(6, DescriptorKind::File) },
    ]);
    scene
}

#[test]
fn what_moves_comes_first_and_what_has_no_other_end_last() {
    let mut scene = crowd();
    let mut client = scene.client();
    scene.tcp(13).received_bytes = Some(500_000);
    scene.go_on(&mut client);
    let shown = rows(&mut client);
    let kinds: Vec<&str> = shown.iter().map(|row| row.split(" | ").nth(1).unwrap()).collect();
    assert_eq!(kinds, ["tcp", "listener", "tcp", "file", "eventfd"], "{shown:#?}");
    assert!(shown[0].starts_with("13 | tcp | 10.0.0.4:8080 ← 10.0.0.7:40100"), "{shown:#?}");
    // Two of a kind without figures are one row, which unfolds.
    assert!(shown[4].contains("2 of them"), "{shown:#?}");
    client.perform(Action::UnfoldAll);
    assert_eq!(rows(&mut client).len(), 7);
    client.perform(Action::FoldAll);
    assert_eq!(rows(&mut client).len(), 5);
}

#[test]
fn the_filter_knows_addresses_kinds_and_who_waits() {
    let mut scene = crowd();
    scene.wait(1, "read", 2, 4 * S);
    let mut client = scene.client();
    assert_eq!(filter(&mut client, "peer:~10.0.0.7").len(), 1);
    assert_eq!(filter(&mut client, "kind:tcp !kind:listener").len(), 2);
    assert_eq!(
        filter(&mut client, "waiting:t2"),
        ["12 | tcp | 10.0.0.4:8080 ← 10.0.0.9:51522 | t2 #102 read"]
    );
    assert_eq!(filter(&mut client, "fd:6"), ["6 | file | /var/log/app.log | "]);
    assert_eq!(filter(&mut client, "state:listen").len(), 1);
    assert_eq!(client.model.table(TableId::Sockets).counts(), "1/6");
    assert_eq!(filter(&mut client, "nothing").len(), 0);
    assert!(
        client.model.table(TableId::Sockets).empty.unwrap().starts_with("None of 6 "),
        "{:?}",
        client.model.table(TableId::Sockets).empty
    );
}

#[test]
fn numbers_are_compared_and_rows_sort_by_what_changes() {
    let mut scene = crowd();
    scene.descriptor(13).send_queue_bytes = Some(2_100_000);
    let mut client = scene.client();
    assert_eq!(filter(&mut client, "sendq>1M").len(), 1);
    assert_eq!(filter(&mut client, "sendq>1M | state:listen").len(), 2);
    assert_eq!(filter(&mut client, "sendq<=1M kind:tcp").len(), 1);
    assert_eq!(filter(&mut client, "rtt>1s").len(), 0);
    client.perform(Action::ClearFilter);
    client.send(Event::Click(crate::Target::Header("sendq")));
    assert!(rows(&mut client)[0].starts_with("13 |"));
    client.perform(Action::SortByChange);
    for step in 1..=2 {
        scene.descriptor(12).send_queue_bytes = Some(step * 100_000);
        scene.go_on(&mut client);
    }
    assert!(rows(&mut client)[0].starts_with("12 |"), "{:#?}", rows(&mut client));
    let words = client.model.table(TableId::Sockets).sort_words;
    assert_eq!(words, "bytes not acknowledged/s, largest first");
}

#[test]
fn each_table_has_columns_of_its_own_to_choose() {
    let mut client = crowd().client();
    let shown = |client: &Client, table| client.model.columns(table).iter().any(|spec| spec.id == "kind");
    client.perform(Action::Locks);
    client.perform(Action::Columns);
    let rows = client.model.overlay().unwrap().rows.len();
    let can_go = TableId::Locks.columns().into_iter().filter(|spec| spec.priority > 0);
    assert_eq!(rows, can_go.count());
    client.perform(Action::Back);
    client.perform(Action::Tasks);
    client.perform(Action::ToggleColumn("kind"));
    assert!(!shown(&client, TableId::Tasks) && shown(&client, TableId::Sockets));
    client.perform(Action::Io);
    client.perform(Action::ToggleColumn("rtt"));
    assert!(client.model.columns(TableId::Sockets).iter().all(|spec| spec.id != "rtt"));
    client.perform(Action::ToggleColumn("kind"));
    assert!(shown(&client, TableId::Sockets), "what is always shown can't go");
}

#[test]
fn columns_sort_and_the_selection_follows() {
    let mut scene = crowd();
    scene.tcp(13).total_retransmits = 9;
    let mut client = scene.client();
    client.perform(Action::Io);
    client.send(Event::Click(crate::Target::Header("retransmits")));
    assert!(rows(&mut client)[0].starts_with("13 |"));
    client.perform(Action::NextRow);
    client.perform(Action::InvertSort);
    let info = client.model.table(TableId::Sockets);
    assert_eq!((info.sort.column, info.sort.descending), ("retransmits", false));
    assert_eq!(client.model.shown_table(), Some(TableId::Sockets));
    client.perform(Action::Open);
    assert!(matches!(client.model.screen(), Screen::Resource(_) | Screen::Descriptor(_)));
    client.perform(Action::Back);
    assert_eq!(client.model.screen(), Screen::Io);
}

#[test]
fn a_thousand_connections_of_one_listener_are_one_row() {
    let mut scene = Scene::new();
    for n in 0..1_000_u32 {
        let peer = format!("10.0.{}.{}:{}", n / 250, n % 250, 40_000 + n);
        scene.descriptors.descriptors.push(tcp(100 + n, u64::from(100 + n), "10.0.0.4:8080", &peer));
    }
    let mut client = scene.client();
    let shown = rows(&mut client);
    assert_eq!(shown.len(), 3, "{shown:#?}");
    assert!(shown.iter().any(|row| row.contains("1,000 of them  port 8080")), "{shown:#?}");
}

#[test]
fn a_group_folds_at_its_limit_and_unfolds_at_half_of_it_and_keeps_the_selection() {
    let mut scene = Scene::new();
    let timers = |scene: &mut Scene, count: u32| {
        scene.streams.retain(|of| of.length_ms.is_none());
        for slot in 0..count {
            let timer = scene.stream(10 + slot, "Sleep", 0, "", "");
            (timer.fd, timer.length_ms, timer.made_ago_ns) = (None, Some(5_000), u64::from(slot) * S);
        }
    };
    let mut client = scene.client();
    client.perform(Action::Io);
    client.perform(Action::ToggleChannels);
    let mut report = 0;
    let mut shown = |count: u32, client: &mut Client| {
        timers(&mut scene, count);
        scene.fake.now_ns += S;
        let mut frame = scene.fake.delta();
        frame.freed_resources = (10 + count..10 + report).collect();
        report = count;
        scene.send(&mut frame, true);
        client.take(vec![frame]);
        client.wait(std::time::Duration::from_secs(1));
        client.model.rows(TableId::Timers, &["kind", "age"]).len()
    };
    assert_eq!(shown(7, &mut client), 7);
    client.perform(Action::NextRow);
    assert_eq!(shown(8, &mut client), 1);
    assert!(client.model.rows(TableId::Timers, &["kind"])[0].selected);
    assert_eq!(client.model.rows(TableId::Timers, &["age"])[0].cells[0].text, "7.00 s", "the oldest");
    assert_eq!(shown(7, &mut client), 1);
    assert_eq!(shown(4, &mut client), 1);
    assert_eq!(shown(3, &mut client), 3);
}

#[test]
fn how_many_there_are_is_unknown_before_a_console_connects() {
    let mut client = Scene::new().client();
    assert_eq!(
        (client.model.table(TableId::Sockets).counts().as_str(), client.model.table(TableId::Sockets).empty),
        ("–", None)
    );
    client.perform(Action::Io);
    assert_eq!(client.model.table(TableId::Sockets).counts(), "2");
}

#[test]
fn timers_show_when_they_are_due_and_who_waits() {
    let mut scene = Scene::new();
    let mut client = scene.client();
    let timer = scene.stream(2, "Sleep", 0, "", "");
    (timer.fd, timer.length_ms, timer.made_ago_ns) = (None, Some(5_000), S);
    scene.wait(2, "sleep", 0, S);
    let mut frame = scene.fake.delta();
    scene.send(&mut frame, true);
    client.take(vec![frame]);
    client.perform(Action::Io);
    client.perform(Action::ToggleChannels);
    let due = |client: &Client| {
        let columns = ["kind", "set-to", "due", "waiting"];
        let row = client.model.rows(TableId::Timers, &columns).remove(0);
        row.cells.into_iter().map(|cell| cell.text).collect::<Vec<_>>().join(" | ")
    };
    assert_eq!(due(&client), "Sleep | 5.00 s | 4.00 s | t0 #100");
    for _ in 0..6 {
        scene.go_on(&mut client);
    }
    assert_eq!(due(&client), "Sleep | 5.00 s | late 2.00 s | t0 #100");
    // A timer from before this console connected may have been set again.
    let client = {
        let mut client = scene.client();
        client.perform(Action::Io);
        client.perform(Action::ToggleChannels);
        client
    };
    assert_eq!(due(&client), "Sleep | 5.00 s | 4.00 s | t0 #100");
}

#[test]
fn signals_and_children_have_a_list_of_their_own() {
    let mut scene = Scene::new();
    let signal = scene.stream(2, "Signal", 0, "SIGTERM", "");
    (signal.fd, signal.reads, signal.in_ago_ns) = (None, 3, Some(2 * S));
    scene.stream(3, "Child", 0, "ffmpeg (pid 77)", "running").fd = None;
    scene.wait(2, "Signal::recv", 1, 2 * S);
    let mut client = scene.client();
    assert_eq!(rows(&mut client).len(), 2);
    client.perform(Action::ToggleChannels);
    client.perform(Action::ToggleChannels);
    let columns = ["kind", "name", "state", "received", "waiting"];
    let words: Vec<String> = client
        .model
        .rows(TableId::Signals, &columns)
        .into_iter()
        .map(|row| row.cells.into_iter().map(|cell| cell.text).collect::<Vec<_>>().join(" | "))
        .collect();
    assert!(words.contains(&"signal | SIGTERM |  | 3 | t1 #101 recv".to_owned()), "{words:#?}");
    assert!(words.contains(&"child | ffmpeg (pid 77) | running |  | ".to_owned()), "{words:#?}");
    let report = client.model.report();
    let signal = &report.signals[0];
    assert_eq!((signal.name.as_str(), signal.number, signal.received), ("SIGTERM", Some(15), 3));
    assert_eq!(report.children[0].state.as_deref(), Some("running"));
    assert_eq!((report.io.len(), report.descriptors.unwrap().open), (2, Some(2)));
}

#[test]
fn a_task_names_what_it_waits_for_and_leads_there() {
    let mut scene = Scene::new();
    scene.wait(1, "read", 1, 31 * S);
    let mut client = scene.client();
    let report = client.model.report();
    let task = report.tasks.iter().find(|task| task.name.as_deref() == Some("t1")).unwrap();
    assert_eq!(task.waits_for.as_deref(), Some("TcpStream 10.0.0.4:8080 ← 10.0.0.9:51522 read"));
    let waiting = &report.io.iter().find(|of| of.fd == Some(12)).unwrap().waiting[0];
    assert_eq!((waiting.op.as_deref(), waiting.for_ns), (Some("read"), 31 * S));
    let key = crate::TaskKey { slot: 1, generation: 1 };
    let view = client.model.task(key).unwrap();
    assert_eq!((view.io.len(), view.io[0].how.as_str(), view.io[0].age.text.as_str()), (1, "read", "31.0 s"));
    assert!(view.io[0].link.is_some());
    // It goes on: the stream is still what it used last.
    let mut frame = scene.fake.delta();
    frame.freed_ops = vec![0];
    client.take(vec![frame]);
    let view = client.model.task(key).unwrap();
    assert_eq!((view.io.len(), view.io[0].how.as_str()), (1, "nothing went through"));
}
