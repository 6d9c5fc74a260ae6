//! The same program on tokio's channels and on taskscope's: it must compile against both and do the same.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

fn send_sync<T: Send + Sync>() {}
fn unpin<T: Unpin>() {}
fn fixed<T: 'static>() {}
fn send_value<T: Send>(_: &T) {}

/// What a future gives at its first poll.
fn now<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn panics<R>(call: impl FnOnce() -> R) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(call)).err()?;
    let text = panic.downcast_ref::<String>().cloned();
    Some(text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap())
}

/// `Debug` of tokio's own insides holds addresses and times; its first word is the type's name.
fn name_of(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").split([' ', '{']).next().unwrap().to_owned()
}

macro_rules! note {
    ($seen:ident $(, $value:expr)*) => {
        $($seen += &format!("{:?} ", $value);)*
    };
}

/// Both crates run the same text; what they note must be equal.
macro_rules! on_both {
    ($($body:tt)*) => {
        mod on_tokio {
            use super::*;
            use tokio::sync::{broadcast, mpsc, oneshot, watch};
            $($body)*
        }
        mod on_taskscope {
            use super::*;
            use taskscope::sync::{broadcast, mpsc, oneshot, watch};
            $($body)*
        }
    };
}

on_both! {
    pub(super) fn bounds() {
        use std::cell::Cell;
        // Sending a value needs it to be `Send`, nothing needs it to be `Sync`.
        send_sync::<mpsc::Sender<Cell<u8>>>();
        send_sync::<mpsc::WeakSender<Cell<u8>>>();
        send_sync::<mpsc::Receiver<Cell<u8>>>();
        send_sync::<mpsc::Permit<'_, Cell<u8>>>();
        send_sync::<mpsc::PermitIterator<'_, Cell<u8>>>();
        send_sync::<mpsc::OwnedPermit<Cell<u8>>>();
        send_sync::<mpsc::UnboundedSender<Cell<u8>>>();
        send_sync::<mpsc::WeakUnboundedSender<Cell<u8>>>();
        send_sync::<mpsc::UnboundedReceiver<Cell<u8>>>();
        send_sync::<broadcast::Sender<Cell<u8>>>();
        send_sync::<broadcast::WeakSender<Cell<u8>>>();
        send_sync::<broadcast::Receiver<Cell<u8>>>();
        send_sync::<watch::Sender<u8>>();
        send_sync::<watch::Receiver<u8>>();
        send_sync::<oneshot::Sender<Cell<u8>>>();
        send_sync::<oneshot::Receiver<Cell<u8>>>();
        unpin::<mpsc::Sender<std::marker::PhantomPinned>>();
        unpin::<mpsc::Receiver<std::marker::PhantomPinned>>();
        unpin::<mpsc::UnboundedReceiver<std::marker::PhantomPinned>>();
        unpin::<oneshot::Receiver<std::marker::PhantomPinned>>();
        fixed::<mpsc::OwnedPermit<u8>>();

        let (sender, mut receiver) = mpsc::channel::<Cell<u8>>(1);
        send_value(&sender.send(Cell::new(1)));
        send_value(&sender.send_timeout(Cell::new(1), Duration::ZERO));
        send_value(&sender.reserve());
        send_value(&sender.reserve_many(1));
        send_value(&sender.closed());
        send_value(&sender.reserve_owned());
        send_value(&receiver.recv());
        send_value(&receiver.recv_many(&mut Vec::new(), 1));
        let (sender, mut receiver) = broadcast::channel::<Cell<u8>>(1);
        send_value(&sender.closed());
        send_value(&receiver.recv());
        let (sender, mut receiver) = watch::channel(1);
        send_value(&sender.closed());
        send_value(&receiver.changed());
        send_value(&receiver.wait_for(|value| *value == 1));
        // What is not `Send` goes through a channel of one thread.
        let (sender, mut receiver) = mpsc::unbounded_channel();
        sender.send(std::rc::Rc::new(1)).unwrap();
        assert!(now(receiver.recv()).is_some());
    }

    pub(super) fn mpsc_bounded() -> String {
        let mut seen = String::new();
        let (sender, mut receiver) = mpsc::channel(3);
        note!(seen, name_of(&sender), name_of(&receiver), name_of(&sender.downgrade()));
        note!(seen, sender.capacity(), sender.max_capacity(), receiver.capacity(), receiver.max_capacity());
        note!(seen, now(sender.send(1)), sender.try_send(2), now(receiver.recv()), now(receiver.recv()), now(receiver.recv()));
        let permit = now(sender.reserve()).unwrap().unwrap();
        note!(seen, name_of(&permit), sender.capacity(), receiver.is_empty());
        permit.send(3);
        drop(sender.try_reserve().unwrap());
        note!(seen, receiver.len(), now(sender.reserve_many(9)).unwrap().is_err(), sender.try_reserve_many(9).is_err());
        let mut permits = now(sender.reserve_many(2)).unwrap().unwrap();
        note!(seen, name_of(&permits), permits.len(), permits.size_hint(), sender.try_send(9), sender.try_reserve().is_err());
        permits.next().unwrap().send(4);
        drop(permits);
        for permit in sender.try_reserve_many(1).unwrap() {
            permit.send(5);
        }
        note!(seen, now(sender.send(9)), receiver.try_recv(), sender.capacity());
        let owned = now(sender.clone().reserve_owned()).unwrap().unwrap();
        note!(seen, name_of(&owned), owned.same_channel(&owned), owned.same_channel_as_sender(&sender));
        let other = owned.send(6);
        note!(seen, other.same_channel(&sender), sender.strong_count(), receiver.sender_strong_count());
        let Err(mpsc::error::TrySendError::Full(other)) = other.try_reserve_owned() else { unreachable!("it is full") };
        let mut buffer = Vec::new();
        note!(seen, now(receiver.recv_many(&mut buffer, 2)), now(receiver.recv_many(&mut buffer, 0)), buffer);
        note!(seen, name_of(&other.try_reserve_owned().unwrap().release()), sender.capacity(), sender.strong_count());
        let weak = sender.downgrade();
        note!(seen, weak.clone().upgrade().is_some(), weak.strong_count(), weak.weak_count(), sender.weak_count(), receiver.sender_weak_count());
        note!(seen, now(sender.closed()), sender.is_closed(), receiver.is_closed());
        let mut context = Context::from_waker(Waker::noop());
        note!(seen, receiver.poll_recv(&mut context), receiver.poll_recv(&mut context));
        sender.try_send(7).unwrap();
        note!(seen, receiver.poll_recv_many(&mut context, &mut buffer, 9), buffer);
        receiver.close();
        note!(seen, sender.is_closed(), receiver.is_closed(), now(sender.closed()), now(sender.send(8)), sender.try_send(8), sender.blocking_send(8));
        note!(seen, now(sender.reserve()).unwrap().unwrap_err(), now(receiver.recv()), receiver.try_recv(), receiver.blocking_recv());
        note!(seen, matches!(sender.try_reserve_owned(), Err(mpsc::error::TrySendError::Closed(_))), weak.upgrade().is_none());
        let (sender, mut receiver) = mpsc::channel::<u8>(1);
        sender.blocking_send(1).unwrap();
        drop(sender);
        note!(seen, receiver.is_closed(), receiver.blocking_recv_many(&mut Vec::new(), 3), receiver.blocking_recv_many(&mut Vec::new(), 3), receiver.blocking_recv());
        note!(seen, panics(|| mpsc::channel::<u8>(0)));
        seen
    }

    pub(super) fn mpsc_unbounded() -> String {
        let mut seen = String::new();
        let (sender, mut receiver) = mpsc::unbounded_channel();
        note!(seen, name_of(&sender), name_of(&receiver), name_of(&sender.downgrade()));
        note!(seen, sender.send(1), sender.clone().send(2), sender.send(3), receiver.len(), receiver.is_empty());
        let mut buffer = Vec::new();
        note!(seen, now(receiver.recv()), now(receiver.recv_many(&mut buffer, 9)), buffer, receiver.try_recv(), now(receiver.recv()));
        let mut context = Context::from_waker(Waker::noop());
        note!(seen, receiver.poll_recv(&mut context), receiver.poll_recv_many(&mut context, &mut buffer, 9));
        let weak = sender.downgrade();
        note!(seen, weak.clone().upgrade().is_some(), weak.strong_count(), weak.weak_count(), sender.strong_count(), sender.weak_count());
        note!(seen, receiver.sender_strong_count(), receiver.sender_weak_count(), sender.same_channel(&sender.clone()));
        sender.send(4).unwrap();
        note!(seen, receiver.blocking_recv(), now(sender.closed()), sender.is_closed(), receiver.is_closed());
        sender.send(5).unwrap();
        note!(seen, receiver.blocking_recv_many(&mut buffer, 9));
        drop(sender);
        note!(seen, now(receiver.recv()), receiver.try_recv(), weak.upgrade().is_none(), receiver.is_closed());
        let (sender, mut receiver) = mpsc::unbounded_channel();
        receiver.close();
        note!(seen, sender.send(1), sender.is_closed(), now(sender.closed()));
        seen
    }

    pub(super) fn of_broadcast() -> String {
        let mut seen = String::new();
        let (sender, mut receiver) = broadcast::channel(2);
        note!(seen, name_of(&sender), name_of(&receiver), name_of(&sender.downgrade()));
        note!(seen, sender.send(1).unwrap(), sender.len(), sender.is_empty(), receiver.len(), receiver.is_empty());
        let mut other = sender.subscribe();
        note!(seen, sender.send(2).unwrap(), sender.receiver_count(), now(other.recv()), now(other.recv()), other.try_recv());
        note!(seen, sender.send(3).unwrap(), receiver.try_recv(), now(receiver.recv()), receiver.blocking_recv(), receiver.try_recv());
        (4..9).for_each(|value| drop(sender.send(value)));
        note!(seen, now(receiver.recv()), now(receiver.recv()), receiver.resubscribe().try_recv(), other.blocking_recv());
        note!(seen, receiver.same_channel(&other), sender.same_channel(&sender.clone()), receiver.is_closed());
        let weak = sender.downgrade();
        note!(seen, weak.clone().upgrade().is_some(), weak.strong_count(), weak.weak_count(), sender.strong_count(), sender.weak_count());
        note!(seen, receiver.sender_strong_count(), receiver.sender_weak_count(), now(sender.closed()));
        drop((receiver, other));
        note!(seen, sender.send(1).is_err(), now(sender.closed()));
        let mut receiver = sender.subscribe();
        drop(sender);
        note!(seen, now(receiver.recv()), receiver.try_recv(), receiver.blocking_recv(), receiver.is_closed(), weak.upgrade().is_none());
        note!(seen, broadcast::Sender::<u8>::new(3).send(1).is_err(), panics(|| broadcast::channel::<u8>(0)));
        seen
    }

    pub(super) fn of_watch() -> String {
        let mut seen = String::new();
        let (sender, mut receiver) = watch::channel(1);
        note!(seen, name_of(&sender), name_of(&receiver), *sender.borrow(), *receiver.borrow(), now(receiver.changed()).is_none());
        note!(seen, sender.send(2).is_ok(), receiver.has_changed().unwrap(), receiver.borrow().has_changed());
        note!(seen, receiver.borrow_and_update().has_changed(), receiver.has_changed().unwrap());
        sender.send_modify(|value| *value += 1);
        note!(seen, sender.send_if_modified(|_| false), sender.send_if_modified(|value| { *value += 1; true }));
        note!(seen, sender.send_replace(9), now(receiver.changed()).unwrap().is_ok(), *receiver.borrow_and_update());
        receiver.mark_changed();
        note!(seen, receiver.has_changed().unwrap());
        receiver.mark_unchanged();
        note!(seen, receiver.has_changed().unwrap(), now(receiver.wait_for(|value| *value == 9)).map(|value| *value.unwrap()));
        note!(seen, now(receiver.wait_for(|value| *value == 8)).is_none());
        let other = receiver.clone();
        note!(seen, other.same_channel(&receiver), sender.receiver_count(), sender.sender_count(), sender.clone().same_channel(&sender));
        note!(seen, now(sender.closed()), sender.is_closed(), receiver.is_closed(), panics(|| sender.send_modify(|_| panic!("in it"))));
        drop((receiver, other));
        note!(seen, sender.is_closed(), now(sender.closed()), sender.send(1).is_err());
        let mut receiver = sender.subscribe();
        drop(sender);
        note!(seen, receiver.is_closed(), receiver.has_changed().is_err(), now(receiver.changed()).unwrap().is_err());
        note!(seen, now(receiver.wait_for(|_| false)).unwrap().is_err());
        note!(seen, *watch::Sender::new(5).borrow(), *watch::Sender::<u8>::default().borrow());
        seen
    }

    pub(super) fn of_oneshot() -> String {
        let mut seen = String::new();
        let (sender, mut receiver) = oneshot::channel();
        note!(seen, name_of(&sender), name_of(&receiver), receiver.is_empty(), receiver.is_terminated(), receiver.try_recv());
        note!(seen, now(&mut receiver), sender.is_closed(), sender.send(1), receiver.is_empty(), now(&mut receiver), receiver.is_terminated());
        let (mut sender, mut receiver) = oneshot::channel::<u8>();
        let mut context = Context::from_waker(Waker::noop());
        note!(seen, now(sender.closed()), sender.poll_closed(&mut context));
        receiver.close();
        note!(seen, sender.poll_closed(&mut context), now(sender.closed()), sender.is_closed(), sender.send(2), receiver.try_recv());
        let (sender, receiver) = oneshot::channel();
        sender.send(3).unwrap();
        note!(seen, receiver.blocking_recv());
        let (sender, receiver) = oneshot::channel::<u8>();
        drop(sender);
        note!(seen, receiver.blocking_recv());
        let (sender, mut receiver) = oneshot::channel();
        sender.send(4).unwrap();
        note!(seen, receiver.try_recv(), receiver.try_recv(), panics(|| now(&mut receiver)));
        let (sender, receiver) = oneshot::channel();
        drop(receiver);
        note!(seen, sender.send(5));
        seen
    }

    pub(super) async fn inside_a_runtime() -> String {
        let mut seen = String::new();
        let (sender, mut receiver) = mpsc::channel(1);
        // Forbidden also where it would not block.
        note!(seen, panics(|| sender.blocking_send(1)), sender.try_send(1), panics(|| receiver.blocking_recv()));
        note!(seen, panics(|| receiver.blocking_recv_many(&mut Vec::new(), 1)));
        note!(seen, panics(|| broadcast::channel::<u8>(1).1.blocking_recv()), panics(|| oneshot::channel::<u8>().1.blocking_recv()));
        note!(seen, sender.send_timeout(2, Duration::from_millis(1)).await);
        note!(seen, receiver.recv().await, sender.send_timeout(3, Duration::from_secs(60)).await, receiver.recv().await);
        // A task that never waits must yield now and then: tokio's budget.
        let (sender, mut receiver) = mpsc::channel(1_000);
        let mut yields = 0;
        {
            let mut busy = pin!(async {
                for value in 0..1_000 {
                    sender.send(value).await.unwrap();
                    receiver.recv().await.unwrap();
                }
            });
            std::future::poll_fn(|context| {
                let polled = busy.as_mut().poll(context);
                yields += u32::from(polled.is_pending());
                polled
            })
            .await;
        }
        note!(seen, yields);
        receiver.close();
        note!(seen, sender.send_timeout(4, Duration::from_secs(60)).await);
        seen
    }
}

/// Everything in one test, before and after there is a recorder.
#[test]
fn both_do_the_same() {
    compare();
    taskscope::builder().bind("127.0.0.1:0").try_init().unwrap();
    compare();
}

fn compare() {
    on_tokio::bounds();
    on_taskscope::bounds();
    assert_eq!(on_taskscope::mpsc_bounded(), on_tokio::mpsc_bounded());
    assert_eq!(on_taskscope::mpsc_unbounded(), on_tokio::mpsc_unbounded());
    assert_eq!(on_taskscope::of_broadcast(), on_tokio::of_broadcast());
    assert_eq!(on_taskscope::of_watch(), on_tokio::of_watch());
    assert_eq!(on_taskscope::of_oneshot(), on_tokio::of_oneshot());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let inside =
        (runtime.block_on(on_taskscope::inside_a_runtime()), runtime.block_on(on_tokio::inside_a_runtime()));
    assert_eq!(inside.0, inside.1);
}
