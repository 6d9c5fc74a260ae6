//! What a console gets of locks, channels and streams, and what it does not get again.

use std::{panic::Location, sync::Arc, time::Duration};

use taskscope_proto::{
    Message as _,
    agent::AgentRef,
    limits,
    rows::{ChannelRow, Checked, Columns, HolderRow},
    v1,
};
use taskscope_recorder::{AnyId, NewResource, RecordKind, Recorder, ResourceId, Spawn};

use crate::{
    aggregate::{Hub, cursor::Cursor},
    handle::Handle,
};

fn handle() -> Handle {
    crate::builder().stuck_after(Duration::from_secs(1)).build_handle()
}

fn cursor(handle: &Handle) -> Cursor {
    Cursor::new(Arc::new(Hub::new(handle.clone(), &crate::Builder::default(), None)))
}

fn resource(recorder: &Recorder, concrete_type: &str, name: &str, record: RecordKind) -> ResourceId {
    recorder
        .resources
        .new_resource(&NewResource { concrete_type, kind: "Sync", name, record, ..NewResource::default() })
        .unwrap()
}

fn round(cursor: &mut Cursor) -> Vec<v1::Frame> {
    cursor.begin_round();
    let mut frames = Vec::new();
    while let Some(frame) = cursor.next_frame(frames.is_empty()) {
        frames.push(frame);
    }
    frames
}

/// The rounds' frame with rows of resources; a page is looked at twice after its last change.
fn rows(cursor: &mut Cursor) -> v1::Frame {
    let mut frames = round(cursor);
    assert_eq!(frames.len(), 1);
    frames.remove(0)
}

fn checked<C: Columns>(columns: Option<C>) -> Checked<C> {
    Checked::new(columns.unwrap_or_default()).unwrap()
}

#[test]
fn a_held_lock_comes_with_its_place_and_name_and_only_when_it_changes() {
    let handle = handle();
    let recorder = handle.recorder();
    let id = resource(recorder, "Mutex", "accounts", RecordKind::Lock);
    let place = recorder.sites.place_number(Location::caller());
    let task = recorder.spawn(&Spawn::default());
    recorder.enter(task);
    recorder.resources.lock(id).unwrap().acquired_exclusive(place, recorder.clock().ticks());
    let op = recorder.resources.new_op("Mutex::lock", Some(id), place).unwrap();
    recorder.resources.block_on_op(op);
    let mut cursor = cursor(&handle);
    let frame = rows(&mut cursor);
    let resources = checked(frame.resources);
    let (_, resource) = resources.rows().next().unwrap();
    assert_eq!(resources.text(resource.name), Some("accounts"));
    let locks = checked(frame.locks);
    let (slot, _, holders) = locks.rows_with_items().next().unwrap();
    let holders: Vec<HolderRow> = holders.collect();
    let who = AgentRef::Task { slot: task.index(), generation: task.generation() };
    assert_eq!((locks.rows().len(), slot, holders.len()), (1, id.index(), 1));
    assert_eq!((holders[0].holder, holders[0].site, holders[0].permits), (who, place, 1));
    assert!(frame.sites.iter().any(|site| site.index == place && site.file.ends_with("tests.rs")));
    assert_eq!(checked(frame.ops).rows().next().unwrap().1.site, place);
    let thread = checked(frame.op_stats).rows().next().unwrap().1.thread;
    assert!(frame.threads.iter().any(|known| known.index == thread), "{thread}");

    // Nothing changed but the time.
    for _ in 0..3 {
        let frame = rows(&mut cursor);
        assert_eq!((frame.locks, frame.resource_stats, frame.op_stats), (None, None, None));
    }
    // However often it changes hands: one row.
    for _ in 0..1000 {
        recorder.resources.lock(id).unwrap().released_exclusive(recorder.clock().ticks());
        recorder.resources.lock(id).unwrap().acquired_exclusive(place, recorder.clock().ticks());
    }
    recorder.resources.lock(id).unwrap().released_exclusive(recorder.clock().ticks());
    let locks = checked(rows(&mut cursor).locks);
    let (_, lock, holders) = locks.rows_with_items().next().unwrap();
    assert_eq!((locks.rows().len(), holders.len(), lock.acquisitions), (1, 0, 1001));
    assert!(lock.free_ago_ns.is_some() && lock.hold_p99_ns <= lock.longest_hold_ns);

    cursor.want_details(&[], &[v1::ResourceRef { slot: id.index(), generation: id.generation() }]);
    let details = rows(&mut cursor).resource_details;
    assert_eq!(details[0].holds.as_ref().unwrap().count.iter().sum::<u64>(), 1001);
    recorder.release_any(AnyId::Resource(id));
    let frame = rows(&mut cursor);
    assert_eq!((frame.freed_resources, frame.resource_details), (vec![id.index()], vec![]));
}

#[test]
fn channels_and_streams_are_sent() {
    let handle = handle();
    let recorder = handle.recorder();
    let channel = resource(recorder, "mpsc", "", RecordKind::Channel);
    let stream = resource(recorder, "TcpStream", "", RecordKind::Io);
    let unknown = resource(recorder, "watch", "", RecordKind::Channel);
    let of = recorder.resources.channel(channel).unwrap();
    of.set_ends(2, 1);
    of.set_capacity(8);
    of.sent(3, None);
    of.blocked_full(1000);
    let io = recorder.resources.io(stream).unwrap();
    io.set_addresses("127.0.0.1:80", "127.0.0.1:81");
    io.read(100);
    io.error("connection reset");
    let mut cursor = cursor(&handle);
    let frame = rows(&mut cursor);
    let channels: Vec<(u32, ChannelRow)> = checked(frame.channels).rows().collect();
    let [(slot, of), (unknown_slot, of_unknown)] = channels[..] else { panic!("{channels:?}") };
    assert_eq!((slot, unknown_slot), (channel.index(), unknown.index()));
    assert_eq!((of.senders, of.depth, of.capacity, of.sent), (Some(2), Some(3), 8, 3));
    assert!(matches!(of.last_sender, AgentRef::Thread(_)) && of.last_sent_ago_ns.is_some());
    assert!(of.blocked_full_ns > 0);
    assert_eq!((of_unknown.senders, of_unknown.depth, of_unknown.last_sent_ago_ns), (None, None, None));
    let io = checked(frame.io);
    let (_, of) = io.rows().next().unwrap();
    let texts = [of.local, of.peer, of.last_error].map(|number| io.text(number));
    assert_eq!(texts, [Some("127.0.0.1:80"), Some("127.0.0.1:81"), Some("connection reset")]);
    assert_eq!((of.in_bytes, of.fd), (100, None));
}

#[test]
fn many_locks_with_many_holders_fit_into_frames() {
    const LOCKS: usize = 16_000;
    let handle = handle();
    let recorder = handle.recorder();
    let tasks: Vec<_> = (0..12).map(|_| recorder.spawn(&Spawn::default())).collect();
    for _ in 0..LOCKS {
        let lock = resource(recorder, "RwLock", "a name of some length, as programs give", RecordKind::Lock);
        for task in &tasks {
            recorder.enter(*task);
            let _held =
                recorder.resources.lock(lock).unwrap().acquired_shared(1, 1, recorder.clock().ticks());
            recorder.exit(*task);
        }
    }
    let frames = round(&mut cursor(&handle));
    let mut sent = 0;
    for frame in &frames {
        assert!(frame.encoded_len() <= limits::MAX_FRAME_BYTES, "{}", frame.encoded_len());
        let locks = checked(frame.locks.clone());
        for (_, lock, holders) in locks.rows_with_items() {
            assert_eq!((holders.len(), lock.more_holders), (tasks.len(), 0));
        }
        sent += locks.rows().len();
    }
    assert_eq!(sent, LOCKS);
}
