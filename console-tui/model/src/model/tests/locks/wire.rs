//! Frames about locks and channels: read with checks, kept by slot, gone with their resource.

use taskscope_proto::{
    limits::{MAX_HOLDERS, MAX_SITES, MAX_THREADS},
    v1,
};

use super::scene::{FakeChannel, Scene, task, thread};
use crate::{
    Event, ResourceKey,
    model::tests::{
        Client,
        fake::{MS, S},
    },
    store::{locks::LockKind, task::Agent, window::MAX_WINDOWS},
};

fn key(slot: u32) -> ResourceKey {
    ResourceKey { slot, generation: 1 }
}

fn scene() -> Scene {
    let mut scene = Scene::new(3);
    scene.mutex(0, "a", 0, 10 * S);
    scene.lock(1, "RwLock", "b", &[(task(1), 9 * S), (task(2), 8 * S)]);
    scene.channel(2, "c", FakeChannel { senders: 2, receivers: 1, capacity: 4, ..FakeChannel::default() });
    scene
}

/// The client after a further frame.
fn after(scene: &mut Scene, change: impl FnOnce(&mut v1::Frame)) -> Client {
    let mut client = scene.client();
    let mut frame = scene.fake.delta();
    change(&mut frame);
    client.take(vec![frame]);
    client
}

#[test]
fn columns_that_make_no_sense_are_refused_whole() {
    type Change = fn(&mut v1::LockColumns);
    let hostile: [Change; 6] = [
        |locks| locks.holders[0] += 1,
        |locks| locks.holders = vec![u32::MAX; locks.holders.len()],
        |locks| locks.held_ago_ns.truncate(1),
        |locks| locks.knows.push(1),
        |locks| locks.holder_site[0] = MAX_SITES as u32 + 1,
        |locks| {
            locks.slot_delta = vec![0];
            locks.holders = vec![MAX_HOLDERS as u32 + 1];
            let rows = MAX_HOLDERS + 1;
            *locks = v1::LockColumns { holder: vec![3; rows], ..std::mem::take(locks) };
            locks.held_ago_ns = vec![1; rows];
            locks.holder_site = vec![1; rows];
            locks.holder_permits.clear();
            locks.holder_shared.clear();
            for column in [&mut locks.acquisitions, &mut locks.contended, &mut locks.hold_ns] {
                column.clear();
            }
            locks.more_holders.clear();
            locks.free_ago_ns_plus1.clear();
            locks.knows.clear();
        },
    ];
    for (i, change) in hostile.into_iter().enumerate() {
        let mut scene = scene();
        let mut locks = scene.locks();
        change(&mut locks);
        let client = after(&mut scene, |frame| frame.locks = Some(locks));
        assert_eq!(
            client.model.header().losses.rejected_frames,
            1,
            "{i}: {:?}",
            client.model.feed.stream.error
        );
    }
    let client = after(&mut scene(), |frame| {
        frame.channels =
            Some(v1::ChannelColumns { slot_delta: vec![2], sent: vec![1, 2], ..Default::default() });
    });
    assert_eq!(client.model.header().losses.rejected_frames, 1);
    let client = after(&mut scene(), |frame| {
        frame.op_stats = Some(v1::OpStatColumns {
            slot_delta: vec![1],
            thread: vec![MAX_THREADS as u32 + 1],
            ..Default::default()
        });
    });
    assert_eq!(client.model.header().losses.rejected_frames, 1);
    let client = after(&mut scene(), |frame| frame.resource_details = vec![v1::ResourceDetail::default(); 5]);
    assert_eq!(client.model.header().losses.rejected_frames, 1);
}

#[test]
fn rows_of_resources_that_were_never_sent_are_counted() {
    let client = after(&mut scene(), |frame| {
        frame.locks = Some(v1::LockColumns { slot_delta: vec![77], ..Default::default() });
        frame.channels = Some(v1::ChannelColumns { slot_delta: vec![78], ..Default::default() });
    });
    assert_eq!(client.model.header().losses.orphans, 2);
}

#[test]
fn who_holds_what_follows_the_rows() {
    let mut scene = scene();
    let mut client = scene.client();
    let held = |client: &Client, who: Agent| -> Vec<(u32, u64)> {
        let store = client.store();
        let held = store.held_by(who).into_iter();
        held.map(|(resource, holder)| (resource.key.slot, store.now_ns - holder.since_ns)).collect()
    };
    let of = |slot: u32| Agent::Task(crate::TaskKey { slot, generation: 1 });
    assert_eq!((held(&client, of(0)), held(&client, of(2))), (vec![(0, 10 * S)], vec![(1, 8 * S)]));
    scene.mutex(0, "a", 2, 4 * S);
    let mut frame = scene.fake.delta();
    scene.send_changes(&mut frame);
    client.take(vec![frame]);
    assert_eq!((held(&client, of(0)), held(&client, of(2))), (vec![], vec![(1, 8 * S), (0, 4 * S)]));
    // The resource goes, and everything about it.
    let mut frame = scene.fake.delta();
    frame.freed_resources = vec![0, 2];
    client.take(vec![frame]);
    assert_eq!(held(&client, of(2)), [(1, 8 * S)]);
    let store = client.store();
    assert!(store.lock(key(0)).is_none() && store.channel(key(2)).is_none() && store.lock(key(1)).is_some());
}

#[test]
fn kinds_holders_and_what_is_unknown() {
    let mut scene = scene();
    scene.thing(5, "Mutex", "dumb");
    scene.lock(6, "Semaphore", "permits", &[(thread(2), S)]).holders[0].3 = true;
    scene.lock(7, "Mutex", "silent", &[]).knows_nothing = true;
    scene.lock(8, "Mutex", "free", &[]);
    let client = scene.client();
    let store = client.store();
    let kinds: Vec<(String, Option<LockKind>, Option<String>)> = store
        .lock_list()
        .into_iter()
        .map(|resource| {
            let kind = store.lock_kind(resource);
            let holders = store.lock(resource.key).and_then(|lock| store.holders_words(kind, lock));
            (store.resource_words(resource), kind, holders)
        })
        .collect();
    let expected = [
        ("Mutex a", LockKind::Mutex, Some("t0 #100")),
        ("RwLock b", LockKind::RwLock, Some("2 holders")),
        ("Mutex dumb", LockKind::Mutex, None),
        ("Semaphore permits", LockKind::Semaphore, Some("thread w2")),
        ("Mutex silent", LockKind::Mutex, None),
        ("Mutex free", LockKind::Mutex, Some("free")),
    ];
    let expected =
        expected.map(|(words, kind, holders)| (words.to_owned(), Some(kind), holders.map(str::to_owned)));
    assert_eq!(kinds, expected);
    let channels: Vec<String> = store.channel_list().into_iter().map(|of| store.resource_words(of)).collect();
    assert_eq!(channels, ["mpsc c"]);
    assert_eq!(store.lock_rates(key(0)), None, "no second has passed yet");
}

#[test]
fn rates_are_of_the_last_seconds_and_survive_a_snapshot() {
    let mut scene = scene();
    let mut client = scene.client();
    let second = |scene: &mut Scene, client: &mut Client, acquired: u64| {
        scene.fake.now_ns += S;
        let lock = scene.things.get_mut(&0).unwrap().lock.as_mut().unwrap();
        lock.acquisitions += acquired;
        lock.contended += acquired / 4;
        lock.hold_ns += acquired * MS;
        client.now += std::time::Duration::from_secs(1);
        client.send(Event::Tick { now: client.now });
        let mut frame = scene.fake.delta();
        scene.send_changes(&mut frame);
        client.take(vec![frame]);
    };
    for _ in 0..4 {
        second(&mut scene, &mut client, 100);
    }
    let rates = |client: &Client| client.store().lock_rates(key(0)).unwrap();
    assert!((rates(&client).acquisitions - 100.0).abs() < 1e-6, "{:?}", rates(&client));
    assert!((rates(&client).hold - 0.1).abs() < 1e-6, "{:?}", rates(&client));
    let series = client.store().contention_series(key(0));
    assert_eq!(series, [Some(0.25); 4]);
    let frames = scene.frames();
    client.take(frames);
    assert!((rates(&client).acquisitions - 100.0).abs() < 1e-6, "{:?}", rates(&client));
    // One that did nothing has a rate of 0, not an unknown one.
    assert!(client.store().lock_rates(key(1)).is_some_and(|rates| rates.acquisitions == 0.0));
}

#[test]
fn windows_have_a_limit_that_is_counted() {
    let mut locks = crate::store::locks::Locks::default();
    let mut losses = crate::Losses::default();
    for slot in 0..=MAX_WINDOWS as u32 {
        let mut lock = crate::store::locks::Lock::default();
        lock.sums.acquisitions = 1;
        locks.set_lock(slot, lock, true, &mut losses);
    }
    assert_eq!(losses.histories_over_limit, 1);
}

#[test]
fn details_are_asked_for_while_the_resource_is_on_the_screen() {
    let mut scene = scene();
    let mut client = scene.client();
    client.perform(crate::Action::Resources);
    client.perform(crate::Action::Open);
    let crate::Screen::Resource(open) = client.model.screen() else { panic!("{:?}", client.model.screen()) };
    let asked = client.requests.last().unwrap().resource_details.clone();
    assert_eq!(asked, [v1::ResourceRef { slot: open.slot, generation: 1 }]);
    let histogram = v1::Histogram { lower_ns: vec![1], upper_ns: vec![2], count: vec![3], max_ns: 2 };
    let mut frame = scene.fake.delta();
    frame.resource_details =
        vec![v1::ResourceDetail { resource: Some(asked[0]), holds: Some(histogram), waits: None }];
    client.take(vec![frame]);
    let detail = client.store().lock_detail(open).unwrap();
    assert_eq!((detail.holds.as_ref().unwrap().buckets[0].count, detail.waits.is_none()), (3, true));
    client.perform(crate::Action::Back);
    let mut frame = scene.fake.delta();
    frame.process = None;
    client.take(vec![frame]);
    assert!(client.store().lock_detail(open).is_none());
}

#[test]
fn the_report_holds_holders_waiters_and_chains() {
    let mut scene = scene();
    scene.blocking(3, "registry", thread(1), 3 * S);
    scene.block(0, 3, Some(0), 2, 2 * S);
    scene.wait(1, "Mutex::lock", 0, 1, 5 * S);
    let report = scene.client().model.report();
    let lock = report.locks.iter().find(|lock| lock.name.as_deref() == Some("a")).unwrap();
    let holder = &lock.holders.as_ref().unwrap()[0];
    assert_eq!(
        (holder.task.as_deref(), holder.who.as_deref(), holder.held_ns),
        (Some("100"), Some("t0 #100"), 10 * S)
    );
    assert_eq!(holder.place.as_deref(), Some("src/db.rs:30:5"));
    let waiter = &lock.waiters[0];
    assert_eq!(
        (waiter.task.as_deref(), waiter.source.as_deref(), waiter.wait_ns),
        (Some("101"), Some("Mutex::lock"), 5 * S)
    );
    assert_eq!((report.channels[0].capacity, report.channels[0].senders), (Some(4), Some(2)));
    let chain = report.chains.iter().find(|chain| chain.task == "101").unwrap();
    let lines: Vec<(u64, &str)> = chain.lines.iter().map(|line| (line.depth, line.text.as_str())).collect();
    let expected = [
        (0, "waits for Mutex a"),
        (1, "held by t0 #100"),
        (2, "waits for Mutex registry"),
        (3, "held by thread w1"),
    ];
    assert_eq!(lines, expected);
    let task = report.tasks.iter().find(|task| task.id == "101").unwrap();
    assert_eq!((task.waits_for.as_deref(), &task.holds), (Some("Mutex a ◂ t0 #100"), &vec!["r1".to_owned()]));
    assert_eq!(report.ops[0].thread.as_deref(), Some("thread w2"));
    let lint = report.lints.iter().find(|lint| lint.resource.as_deref() == Some("r3")).unwrap();
    assert_eq!(
        (lint.tasks.as_slice(), lint.places.as_slice()),
        (&["100".to_owned()][..], &["src/ledger.rs:20:5".to_owned()][..])
    );
    // Older readers of the report lack what newer ones have.
    let mut json = serde_json::to_value(&report).unwrap();
    for field in ["locks", "channels", "chains"] {
        json.as_object_mut().unwrap().remove(field);
    }
    let read: crate::report::Report = serde_json::from_value(json).unwrap();
    assert_eq!((read.locks.len(), read.resources.len()), (0, report.resources.len()));
}

#[test]
fn a_cycle_ends_where_it_closes() {
    let mut scene = Scene::new(2);
    scene.mutex(0, "a", 0, 50 * S);
    scene.mutex(1, "b", 1, 45 * S);
    scene.wait(0, "Mutex::lock", 1, 0, 41 * S);
    scene.wait(1, "Mutex::lock", 0, 1, 40 * S);
    let report = scene.client().model.report();
    let chain = report.chains.iter().find(|chain| chain.task == "100").unwrap();
    let lines: Vec<(&str, bool)> = chain.lines.iter().map(|line| (line.text.as_str(), line.cycle)).collect();
    let expected = [
        ("waits for Mutex b", false),
        ("held by t1 #101", false),
        ("waits for Mutex a", false),
        ("held by t0 #100", true),
    ];
    assert_eq!(lines, expected);
}
