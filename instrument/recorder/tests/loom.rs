//! Every interleaving of the three lock-free structures: `just loom`.
#![cfg(loom)]

use loom::{
    sync::{Arc, atomic::AtomicU32},
    thread,
};
use taskscope_recorder::{Event, EventKind, FreeList, LongPoll, LongPolls, Ring, Spent};

fn event(n: u64) -> Event {
    Event { at: n, task: n * 10, kind: EventKind::Wake, by: n * 100 }
}

#[test]
fn ring_delivers_in_order_and_counts_what_it_refuses() {
    loom::model(|| {
        let ring = Arc::new(Ring::new(2));
        let producer = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || (1..=3).for_each(|n| ring.push(event(n))))
        };
        let mut taken: Vec<Event> = (0..2).filter_map(|_| ring.pop()).collect();
        producer.join().unwrap();
        taken.extend(std::iter::from_fn(|| ring.pop()));
        for pair in taken.windows(2) {
            assert!(pair[0].at < pair[1].at);
        }
        for taken in &taken {
            assert_eq!(*taken, event(taken.at), "an event is whole or absent");
        }
        assert_eq!(taken.len() as u64 + ring.lost(), 3);
    });
}

#[test]
fn a_slot_is_never_handed_out_twice() {
    loom::model(|| {
        let links: Arc<[AtomicU32; 2]> = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
        let list = Arc::new(FreeList::new());
        for n in [1, 0] {
            list.push(n, &links[n as usize]);
        }
        let taker = {
            let (links, list) = (Arc::clone(&links), Arc::clone(&list));
            thread::spawn(move || {
                let first = list.pop(|n| &links[n as usize]);
                // Back and out again: the sequence that an unguarded head confuses with "nothing happened".
                if let Some(n) = first {
                    list.push(n, &links[n as usize]);
                }
                list.pop(|n| &links[n as usize])
            })
        };
        let mine = list.pop(|n| &links[n as usize]);
        let theirs = taker.join().unwrap();
        assert!(mine.is_some() && theirs.is_some());
        assert_ne!(mine, theirs);
        assert!(list.is_empty());
    });
}

#[test]
fn many_slots_at_once_are_never_handed_out_twice() {
    loom::model(|| {
        let links: Arc<[AtomicU32; 3]> = Arc::new([0, 0, 0].map(AtomicU32::new));
        let list = Arc::new(FreeList::new());
        list.push_many(&[0, 1, 2], |n| &links[n as usize]);
        let taker = {
            let (links, list) = (Arc::clone(&links), Arc::clone(&list));
            thread::spawn(move || {
                let mut taken = [9; 2];
                let count = list.pop_many(&mut taken, |n| &links[n as usize]);
                // Back in another order: the head is as before, what is under it is not.
                taken[..count].reverse();
                list.push_many(&taken[..count], |n| &links[n as usize]);
            })
        };
        let mut mine = [9; 2];
        let count = list.pop_many(&mut mine, |n| &links[n as usize]);
        taker.join().unwrap();
        let mut all: Vec<u32> = mine[..count].to_vec();
        all.extend(std::iter::from_fn(|| list.pop(|n| &links[n as usize])));
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2]);
    });
}

#[test]
fn a_long_poll_is_read_whole_or_counted_as_lost() {
    loom::model(|| {
        let poll = |n: u64| LongPoll {
            task: n,
            site: n as u32 * 10,
            started: n * 100,
            ended: n * 1000,
            // Behind the words that are looked at.
            spent: Some(Spent::default()),
            in_place: n % 2 == 0,
        };
        let polls = Arc::new(LongPolls::new(1));
        polls.push(poll(1));
        let writer = {
            let polls = Arc::clone(&polls);
            thread::spawn(move || (2..=3).for_each(|n| polls.push(poll(n))))
        };
        let mut taken = Vec::new();
        let (next, lost) = polls.since(0, |poll| taken.push(poll));
        writer.join().unwrap();
        let (end, more_lost) = polls.since(next, |poll| taken.push(poll));
        assert_eq!((end, taken.len() as u64 + lost + more_lost), (3, 3));
        for taken in &taken {
            assert_eq!(*taken, poll(taken.task), "torn");
        }
    });
}
