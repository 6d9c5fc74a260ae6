//! The wrapped channels: they do what tokio's do, and what is on record of them is what the program knows itself.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]
#![allow(clippy::similar_names, reason = "a test reads from top to bottom")]

#[path = "support/record.rs"]
mod record;

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use record::{channel, line, nanoseconds, recorder, until, wait, waits, who};
use taskscope::sync::{broadcast, mpsc, oneshot, watch};

fn runtime() -> tokio::runtime::Runtime {
    recorder();
    tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap()
}

/// A task with a name.
fn spawn<F>(name: &str, future: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    taskscope::task::Builder::new().name(name).spawn(future)
}

/// One poll.
fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn counts_of_an_mpsc_are_exact_under_load() {
    const SENDERS: u64 = 8;
    const EACH: u64 = 5_000;
    let received = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&received);
    runtime().block_on(async move {
        let (sender, mut receiver) = mpsc::channel_with_name("load", 16);
        let senders: Vec<_> = (0..SENDERS)
            .map(|number| {
                let sender = sender.clone();
                spawn("sender", async move {
                    for value in 0..EACH {
                        match (number + value) % 3 {
                            0 => sender.send(value).await.unwrap(),
                            1 => sender.reserve().await.unwrap().send(value),
                            _ => {
                                let mut value = value;
                                while let Err(error) = sender.try_send(value) {
                                    value = error.into_inner();
                                    tokio::task::yield_now().await;
                                }
                            }
                        }
                    }
                })
            })
            .collect();
        let of_sender = sender.clone();
        drop(sender);
        let receiving = spawn("receiver", async move {
            let mut buffer = Vec::new();
            while counted.load(Relaxed) < SENDERS * EACH {
                let count = match counted.load(Relaxed) % 2 {
                    0 => receiver.recv().await.map_or(0, |_| 1),
                    _ => receiver.recv_many(&mut buffer, 7).await,
                };
                counted.fetch_add(count as u64, Relaxed);
                buffer.clear();
            }
            receiver
        });
        for sender in senders {
            sender.await.unwrap();
        }
        let receiver = receiving.await.unwrap();
        let on_record = channel("load");
        assert_eq!((on_record.sent, on_record.received), (SENDERS * EACH, received.load(Relaxed)));
        assert_eq!((on_record.depth, on_record.capacity), (Some(0), 16));
        assert_eq!((on_record.senders, on_record.receivers), (Some(1), Some(1)));
        assert!(on_record.blocked_full > 0, "8 senders and 16 places: some waited");
        assert_eq!(
            (who(on_record.last_sender), who(on_record.last_receiver)),
            ("sender".into(), "receiver".into())
        );
        assert!(waits("load").is_empty());
        drop((of_sender, receiver));
        assert!(record::find("load").is_none());
    });
}

#[test]
fn counts_of_an_unbounded_mpsc_are_exact_under_load() {
    const SENDERS: u64 = 4;
    const EACH: u64 = 20_000;
    recorder();
    let (sender, mut receiver) = mpsc::unbounded_channel_with_name("unbounded load");
    thread::scope(|scope| {
        for _ in 0..SENDERS {
            let sender = sender.clone();
            scope.spawn(move || (0..EACH).for_each(|value| sender.send(value).unwrap()));
        }
        let mut taken = 0;
        while taken < SENDERS * EACH / 2 {
            taken += u64::from(receiver.blocking_recv().is_some());
        }
    });
    let on_record = channel("unbounded load");
    assert_eq!(on_record.sent, SENDERS * EACH);
    assert_eq!(on_record.received, SENDERS * EACH / 2);
    assert_eq!(on_record.depth, Some(receiver.len() as u64));
    assert_eq!(on_record.capacity, 0);
}

#[test]
fn ends_and_closing_are_on_record() {
    recorder();
    let ends =
        |name| (channel(name).senders.unwrap(), channel(name).receivers.unwrap(), channel(name).closed);
    let (sender, mut receiver) = mpsc::channel_with_name::<u8>("ends", 2);
    assert_eq!(ends("ends"), (1, 1, false));
    let weak = sender.downgrade();
    let second = weak.upgrade().unwrap();
    assert_eq!(ends("ends"), (2, 1, false));
    let permit = second.try_reserve_owned().unwrap();
    assert_eq!(ends("ends"), (2, 1, false));
    let second = permit.send(7);
    assert_eq!((channel("ends").sent, channel("ends").depth), (1, Some(1)));
    drop(sender);
    assert_eq!(ends("ends"), (1, 1, false));
    receiver.close();
    assert_eq!(ends("ends"), (1, 1, true));
    assert_eq!(receiver.try_recv(), Ok(7));
    drop((second, receiver));
    assert_eq!(ends("ends"), (0, 0, true));
    drop(weak);
    assert!(record::find("ends").is_none());

    let (sender, receiver) = mpsc::channel_with_name::<u8>("all senders gone", 2);
    drop(sender);
    assert_eq!(ends("all senders gone"), (0, 1, true));
    drop(receiver);

    let (sender, receiver) = broadcast::channel_with_name::<u8>("reopened", 2);
    drop(receiver);
    assert_eq!(ends("reopened"), (1, 0, false), "a receiver can still come");
    let receiver = sender.subscribe();
    drop(sender);
    assert_eq!(ends("reopened"), (0, 1, true));
    drop(receiver);
}

#[test]
fn ends_are_exact_when_many_come_and_go_at_once() {
    recorder();
    let (sender, receiver) = broadcast::channel_with_name::<u8>("come and go", 2);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    drop((sender.clone(), sender.subscribe(), receiver.resubscribe()));
                }
            });
        }
    });
    let on_record = channel("come and go");
    assert_eq!((on_record.senders, on_record.receivers), (Some(1), Some(1)));
}

#[test]
fn a_sender_that_waits_is_seen_with_task_and_place_and_its_time_counts() {
    let clock = recorder().clock();
    runtime().block_on(async {
        let (sender, mut receiver) = mpsc::channel_with_name("full", 1);
        sender.send(1).await.unwrap();
        assert!(waits("full").is_empty(), "there was room");
        let sending = spawn("waits for room", async move {
            let before = clock.ticks();
            #[rustfmt::skip]
            let (sent, at) = (sender.send(2).await, line!());
            sent.unwrap();
            (at, clock.ticks() - before)
        });
        // Its operation is begun within the poll that waits.
        until("it waits", || waits("full").iter().any(|(_, op)| !op.running));
        let (method, op) = wait("full");
        let seen = clock.ticks();
        assert_eq!(
            (method.as_str(), record::task_name(op.task.unwrap())),
            ("Sender::send", "waits for room".into())
        );
        assert_eq!((op.running, op.thread), (false, 0));
        assert_eq!(channel("full").sent, 1);
        until("a while", || nanoseconds(clock.ticks() - seen) > 5_000_000);
        let until_received = clock.ticks() - seen;
        assert_eq!(receiver.recv().await, Some(1));
        let (at, took) = sending.await.unwrap();
        assert_eq!(line(op.site), at);
        let on_record = channel("full");
        assert!(
            (until_received..=took).contains(&on_record.blocked_full),
            "{until_received} <= {} <= {took}",
            on_record.blocked_full
        );
        assert_eq!((on_record.sent, on_record.depth, on_record.blocked_empty), (2, Some(1), 0));
        assert!(waits("full").is_empty());
        drop(receiver);
    });
}

#[test]
fn a_receiver_that_waits_is_seen_and_may_give_up() {
    recorder();
    let (sender, mut receiver) = mpsc::channel_with_name::<u8>("empty", 1);
    let mut receiving = Box::pin(receiver.recv());
    assert!(poll(&mut receiving).is_pending());
    let (method, op) = wait("empty");
    let at = line!() - 3;
    assert_eq!((method.as_str(), line(op.site), op.task), ("Receiver::recv", at, None));
    assert_eq!(channel("empty").blocked_empty, 0, "it goes on");
    drop(receiving);
    assert!(waits("empty").is_empty());
    let gave_up = channel("empty").blocked_empty;
    assert!(gave_up > 0, "who gave up has waited, too");

    let mut context = Context::from_waker(Waker::noop());
    assert!(receiver.poll_recv(&mut context).is_pending());
    assert!(receiver.poll_recv(&mut context).is_pending());
    let (method, op) = wait("empty");
    assert_eq!(
        (method.as_str(), op.polls),
        ("Receiver::poll_recv", 2),
        "one wait, however often it is polled"
    );
    sender.try_send(7).unwrap();
    assert_eq!(receiver.poll_recv(&mut context), Poll::Ready(Some(7)));
    assert!(waits("empty").is_empty());
    assert!(channel("empty").blocked_empty > gave_up);
    assert_eq!((channel("empty").sent, channel("empty").received), (1, 1));
}

#[test]
fn a_thread_that_blocks_is_seen_while_it_blocks() {
    recorder();
    let (sender, mut receiver) = mpsc::channel_with_name("threads", 1);
    thread::scope(|scope| {
        let receiving = thread::Builder::new().name("reader thread".into());
        let receiving = receiving.spawn_scoped(scope, || receiver.blocking_recv()).unwrap();
        until("it blocks", || waits("threads").iter().any(|(_, op)| op.thread != 0));
        let (method, op) = wait("threads");
        assert_eq!(method, "Receiver::blocking_recv");
        assert_eq!((op.running, record::thread_name(op.thread).as_str()), (true, "reader thread"));
        sender.blocking_send(1).unwrap();
        assert_eq!(receiving.join().unwrap(), Some(1));
    });
    assert!(waits("threads").is_empty() && channel("threads").blocked_empty > 0);
    sender.blocking_send(2).unwrap();
    assert_eq!(channel("threads").blocked_full, 0, "there was room");
    thread::scope(|scope| {
        let sending = scope.spawn(|| sender.blocking_send(3));
        until("it blocks", || waits("threads").iter().any(|(_, op)| op.thread != 0));
        assert_eq!(wait("threads").0, "Sender::blocking_send");
        assert_eq!(receiver.blocking_recv(), Some(2));
        sending.join().unwrap().unwrap();
    });
    let on_record = channel("threads");
    assert!(waits("threads").is_empty() && on_record.blocked_full > 0);
    assert_eq!((on_record.sent, on_record.received, on_record.depth), (3, 2, Some(1)));
}

#[test]
fn a_broadcast_shows_how_far_behind_the_slowest_is() {
    recorder();
    let (sender, mut quick) = broadcast::channel_with_name("broadcast", 3);
    assert_eq!(
        (channel("broadcast").capacity, channel("broadcast").depth),
        (4, None),
        "a power of two, none sent"
    );
    let mut slow = sender.subscribe();
    for value in 0..3 {
        assert_eq!(sender.send(value).unwrap(), 2);
        assert_eq!(quick.try_recv(), Ok(value));
        assert_eq!(channel("broadcast").depth, Some(sender.len() as u64));
    }
    assert_eq!((channel("broadcast").depth, slow.len()), (Some(3), 3));
    (3..6).for_each(|value| drop(sender.send(value)));
    assert_eq!((channel("broadcast").depth, sender.len()), (Some(4), 4), "no more than the channel keeps");
    assert_eq!(slow.try_recv(), Err(broadcast::error::TryRecvError::Lagged(2)));
    assert_eq!(slow.try_recv(), Ok(2));
    let on_record = channel("broadcast");
    assert_eq!((on_record.sent, on_record.received, on_record.lagged), (6, 4, 2));
    assert_eq!(on_record.depth, Some(3));
    drop((slow, quick));
    // Who subscribes starts at the end.
    let mut late: Vec<_> = (0..broadcast::MAX_SEATS).map(|_| sender.subscribe()).collect();
    sender.send(6).unwrap();
    assert_eq!(channel("broadcast").depth, Some(1));
    late.push(sender.subscribe());
    sender.send(7).unwrap();
    assert_eq!(channel("broadcast").depth, None, "one has no seat");
    late.pop();
    for receiver in &mut late {
        assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(6), Ok(7)));
    }
    assert_eq!(channel("broadcast").depth, Some(0));
}

#[test]
fn a_broadcast_is_exact_under_load() {
    const RECEIVERS: u64 = 3;
    const VALUES: u64 = 20_000;
    runtime().block_on(async {
        let (sender, first) = broadcast::channel_with_name("broadcast load", 64);
        let mut receivers = vec![first];
        receivers.extend((1..RECEIVERS).map(|_| sender.subscribe()));
        let receiving: Vec<_> = receivers
            .into_iter()
            .map(|mut receiver| {
                spawn("listener", async move {
                    let (mut received, mut missed) = (0, 0);
                    while received + missed < VALUES {
                        match receiver.recv().await {
                            Ok(_) => received += 1,
                            Err(broadcast::error::RecvError::Lagged(lagged)) => missed += lagged,
                            Err(broadcast::error::RecvError::Closed) => unreachable!("the sender lives"),
                        }
                    }
                    (receiver, received, missed)
                })
            })
            .collect();
        for value in 0..VALUES {
            sender.send(value).unwrap();
            if value % 100 == 0 {
                tokio::task::yield_now().await;
            }
        }
        let (mut kept, mut received, mut missed) = (Vec::new(), 0, 0);
        for task in receiving {
            let (receiver, of_it, not_of_it) = task.await.unwrap();
            kept.push(receiver);
            received += of_it;
            missed += not_of_it;
        }
        let on_record = channel("broadcast load");
        assert_eq!((on_record.sent, on_record.received, on_record.lagged), (VALUES, received, missed));
        assert_eq!(on_record.depth, Some(0));
        drop(kept);
    });
}

#[test]
fn a_watch_counts_changes_sent_and_noticed() {
    runtime().block_on(async {
        let (sender, mut receiver) = watch::channel_with_name("watch", 0);
        sender.send(1).unwrap();
        sender.send_modify(|value| *value += 1);
        assert!(!sender.send_if_modified(|_| false));
        assert_eq!(sender.send_replace(5), 2);
        assert_eq!((channel("watch").sent, channel("watch").received, channel("watch").depth), (3, 0, None));
        receiver.changed().await.unwrap();
        assert_eq!(*receiver.borrow_and_update(), 5);
        assert_eq!(channel("watch").received, 1, "seen once, however often it is read");
        let waiting =
            spawn(
                "waits for 7",
                async move { receiver.wait_for(|value| *value == 7).await.map(|value| *value) },
            );
        until("it waits", || !waits("watch").is_empty());
        sender.send(6).unwrap();
        sender.send(7).unwrap();
        assert_eq!(waiting.await.unwrap().unwrap(), 7);
        assert_eq!((channel("watch").sent, channel("watch").receivers), (5, Some(0)));
        assert!(channel("watch").blocked_empty > 0 && channel("watch").received >= 2);
    });
}

#[test]
fn a_oneshot_shows_who_waits_and_who_has_the_sender() {
    static AWAITED_AT: AtomicU32 = AtomicU32::new(0);
    runtime().block_on(async {
        let asking = spawn("asks", async {
            let (sender, receiver) = oneshot::channel_with_name::<u8>("question");
            let answering = spawn("answers", async move {
                let mut sender = sender;
                assert!(!sender.is_closed());
                sender.closed().await;
            });
            AWAITED_AT.store(line!() + 1, Relaxed);
            assert!(receiver.await.is_err());
            answering.abort();
        });
        let about = |method: &str| waits("question").into_iter().find(|(of, _)| of == method);
        until("both wait", || about("Receiver::recv").is_some() && about("Sender::closed").is_some());
        let (_, op) = about("Receiver::recv").unwrap();
        assert_eq!(record::task_name(op.task.unwrap()), "asks");
        let on_record = channel("question");
        assert_eq!((on_record.sent, on_record.received, on_record.depth), (0, 0, Some(0)));
        assert_eq!((who(on_record.last_sender), on_record.senders), ("answers".into(), Some(1)));
        assert_eq!(line(op.site), AWAITED_AT.load(Relaxed));
        asking.abort();
        assert!(asking.await.unwrap_err().is_cancelled());
        until("it is gone", || record::find("question").is_none());
    });

    let (sender, mut receiver) = oneshot::channel_with_name("answer");
    sender.send(7).unwrap();
    let on_record = channel("answer");
    assert_eq!(
        (on_record.sent, on_record.depth, on_record.senders, on_record.closed),
        (1, Some(1), Some(0), true)
    );
    assert_eq!(poll(&mut receiver), Poll::Ready(Ok(7)));
    assert_eq!((channel("answer").received, channel("answer").depth), (1, Some(0)));
}

#[test]
fn one_channel_is_one_resource() {
    runtime().block_on(async {
        let (sender, mut receiver) = mpsc::channel_with_name("one of it", 1);
        let id = record::resource("one of it").id();
        let task = spawn("fills it", async move {
            sender.send(1).await.unwrap();
            sender.send(2).await.unwrap();
        });
        until("it waits", || !waits("one of it").is_empty());
        let resources = recorder().resources.pages().flat_map(|page| page.slots.iter());
        let parts: Vec<_> = resources
            .filter_map(taskscope_recorder::Resource::description)
            .map(|resource| recorder().resources.name_of(resource.concrete_type))
            .filter(|concrete_type| *concrete_type == "Semaphore")
            .collect();
        assert_eq!(parts, [""; 0], "tokio's own, inside of the channel");
        assert_eq!(wait("one of it").1.resource, id);
        assert_eq!((receiver.recv().await, receiver.recv().await), (Some(1), Some(2)));
        task.await.unwrap();
    });
}

#[test]
fn a_send_that_is_given_up_sends_nothing() {
    recorder();
    let (sender, mut receiver) = mpsc::channel_with_name("given up", 1);
    sender.try_send(1).unwrap();
    {
        let mut sending = pin!(sender.send(2));
        assert!(poll(&mut sending).is_pending());
    }
    assert_eq!((receiver.try_recv(), receiver.try_recv().is_err()), (Ok(1), true));
    assert_eq!((channel("given up").sent, channel("given up").depth), (1, Some(0)));
    runtime().block_on(async {
        sender.send_timeout(3, Duration::from_secs(60)).await.unwrap();
        let timeout = sender.send_timeout(4, Duration::from_millis(1)).await;
        assert_eq!(timeout, Err(mpsc::error::SendTimeoutError::Timeout(4)));
    });
    assert_eq!((channel("given up").sent, channel("given up").depth), (2, Some(1)));
    assert!(waits("given up").is_empty());
}

/// The semaphore inside of the channel gives room to the first who waits; that it has not been polled since to take it is what the console must know.
#[cfg(tokio_unstable)]
#[test]
fn room_that_was_given_to_a_sender_that_is_not_polled_is_on_record() {
    recorder();
    let (sender, mut receiver) = mpsc::channel_with_name("granted", 1);
    let granted = || wait("granted").1.granted;
    sender.try_send(1).unwrap();
    let mut sending = Box::pin(sender.send(2));
    assert!(poll(&mut sending).is_pending());
    assert_eq!(granted(), None);
    let before = recorder().clock().ticks();
    assert_eq!(receiver.try_recv(), Ok(1));
    assert!((before..=recorder().clock().ticks()).contains(&granted().unwrap()));
    assert!(sender.try_send(3).is_err(), "the room is the other's");
    assert_eq!(poll(&mut sending), Poll::Ready(Ok(())));
    assert!(waits("granted").is_empty());

    let mut reserving = Box::pin(sender.clone().reserve_owned());
    assert!(poll(&mut reserving).is_pending());
    assert_eq!((receiver.try_recv(), granted().is_some()), (Ok(2), true));
    drop(reserving);
    assert!(sender.try_send(4).is_ok(), "given back");
}
