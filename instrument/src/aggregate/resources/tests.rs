//! What a console is told of locks, channels and streams, and what it is not told again.

use std::{panic::Location, sync::Arc, time::Duration};

use taskscope_proto::{Message as _, limits, v1};
use taskscope_recorder::{AnyId, Limits, NewResource, RecordKind, Recorder, ResourceId, Spawn};

use crate::{
    aggregate::{Hub, cursor::Cursor},
    handle::Handle,
};

fn handle() -> Handle {
    Handle::new(Limits::default(), Duration::from_secs(1), crate::Stacks::default(), Vec::new())
}

fn cursor(handle: &Handle) -> Cursor {
    Cursor::new(Arc::new(Hub::new(handle.clone(), None, false, None)))
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

#[test]
fn a_held_lock_is_told_with_its_place_and_name_and_only_when_it_changes() {
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
    let resources = frame.resources.unwrap();
    assert_eq!(resources.strings[resources.name[0] as usize - 1], "accounts");
    let locks = frame.locks.unwrap();
    assert_eq!(
        (locks.slot_delta, locks.holders, locks.holder_site),
        (vec![id.index()], vec![1], vec![place])
    );
    assert!(frame.sites.iter().any(|site| site.index == place && site.file.ends_with("tests.rs")));
    let who = taskscope_proto::agent::AgentRef::Task { slot: task.index(), generation: task.generation() };
    assert_eq!((locks.holder, locks.holder_permits), (vec![who.encode()], vec![1]));
    assert_eq!(frame.ops.unwrap().site, [place]);
    let thread = frame.op_stats.unwrap().thread;
    assert!(frame.threads.iter().any(|known| known.index == thread[0]), "{thread:?}");

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
    let locks = rows(&mut cursor).locks.unwrap();
    assert_eq!((locks.slot_delta.len(), locks.holders, locks.acquisitions), (1, vec![0], vec![1001]));
    assert!(locks.free_ago_ns_plus1[0] > 0 && locks.hold_p99_ns[0] <= locks.longest_hold_ns[0]);

    cursor.want_details(&[], &[v1::ResourceRef { slot: id.index(), generation: id.generation() }]);
    let details = rows(&mut cursor).resource_details;
    assert_eq!(details[0].holds.as_ref().unwrap().count.iter().sum::<u64>(), 1001);
    recorder.release_any(AnyId::Resource(id));
    let frame = rows(&mut cursor);
    assert_eq!((frame.freed_resources, frame.resource_details), (vec![id.index()], vec![]));
}

#[test]
fn channels_and_streams_are_told() {
    let handle = handle();
    let recorder = handle.recorder();
    let channel = resource(recorder, "mpsc", "", RecordKind::Channel);
    let stream = resource(recorder, "TcpStream", "", RecordKind::Io);
    let unknown = resource(recorder, "watch", "", RecordKind::Channel);
    let told = recorder.resources.channel(channel).unwrap();
    told.set_ends(2, 1);
    told.set_capacity(8);
    told.sent(3, None);
    told.blocked_full(1000);
    let io = recorder.resources.io(stream).unwrap();
    io.set_addresses("127.0.0.1:80", "127.0.0.1:81");
    io.read(100);
    io.error("connection reset");
    let mut cursor = cursor(&handle);
    let frame = rows(&mut cursor);
    let channels = frame.channels.unwrap();
    assert_eq!(channels.slot_delta, [channel.index(), unknown.index() - channel.index()]);
    assert_eq!((channels.senders_plus1, channels.depth_plus1), (vec![3, 0], vec![4, 0]));
    assert_eq!((channels.capacity, channels.sent), (vec![8, 0], vec![3, 0]));
    assert!(channels.last_sender[0] % 2 == 1 && channels.last_sent_ago_ns_plus1[0] > 0);
    assert!(channels.blocked_full_ns[0] > 0 && channels.last_sent_ago_ns_plus1[1] == 0);
    let io = frame.io.unwrap();
    let text = |column: &[u32]| io.strings[column[0] as usize - 1].as_str();
    assert_eq!((text(&io.local), text(&io.peer)), ("127.0.0.1:80", "127.0.0.1:81"));
    assert_eq!(
        (text(&io.last_error), &*io.in_bytes, &*io.fd_plus1),
        ("connection reset", &[100][..], &[0][..])
    );
}

#[test]
fn many_locks_with_many_holders_fit_into_frames() {
    const LOCKS: usize = 20_000;
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
    let mut told = 0;
    for frame in &frames {
        assert!(frame.encoded_len() <= limits::MAX_FRAME_BYTES, "{}", frame.encoded_len());
        let Some(locks) = &frame.locks else { continue };
        assert!(locks.slot_delta.len() <= limits::MAX_TASKS_PER_FRAME);
        assert!(locks.holders.iter().all(|holders| *holders as usize == limits::MAX_HOLDERS));
        assert!(locks.more_holders.iter().all(|more| *more == 4));
        told += locks.slot_delta.len();
    }
    assert_eq!(told, LOCKS);
}
