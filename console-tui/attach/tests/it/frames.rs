//! Frames of looks: they pass the wire's checks, and their slots are those of a reader that trusts nothing.

use std::collections::{BTreeMap, BTreeSet};

use taskscope_attach::{About, Frames, Wish};
use taskscope_observe::Observer;
use taskscope_proto::{
    Message as _,
    decode::decode,
    limits::MAX_FRAME_BYTES,
    rows::{Checked, Columns, SlotRef},
    v1,
};

use crate::{
    looking::observer,
    programs::{Profile, Running, built},
};

/// Slots of one kind, as a reader knows them.
#[derive(Debug, Default)]
struct Slots {
    alive: BTreeMap<u32, u32>,
    /// The generation that each slot had last.
    used: BTreeMap<u32, u32>,
    /// How often one was used again.
    again: u64,
}

impl Slots {
    fn free(&mut self, slots: &[u32]) {
        for slot in slots {
            assert!(self.alive.remove(slot).is_some(), "slot {slot} was freed, and nothing was there");
        }
    }

    fn add(&mut self, slot: u32, generation: u32) {
        assert_eq!(self.alive.insert(slot, generation), None, "slot {slot} was not freed");
        let before = self.used.insert(slot, generation);
        assert!(
            before.is_none_or(|before| generation > before),
            "slot {slot}: {before:?}, then {generation}"
        );
        self.again += u64::from(before.is_some());
    }

    fn check(&self, slot: SlotRef) {
        assert_eq!(self.alive.get(&slot.slot), Some(&slot.generation), "slot {}", slot.slot);
    }

    fn check_slots<C: Columns>(&self, rows: Option<C>) {
        for (slot, _) in checked(rows).iter().flat_map(Checked::rows) {
            assert!(self.alive.contains_key(&slot), "slot {slot}: nothing is there");
        }
    }
}

/// Who reads the frames of a program.
#[derive(Debug, Default)]
struct Reader {
    tasks: Slots,
    resources: Slots,
    ops: Slots,
    sequence: u64,
    sites: BTreeSet<u32>,
    trees: u64,
}

fn checked<C: Columns>(columns: Option<C>) -> Option<Checked<C>> {
    columns.map(|columns| Checked::new(columns).expect("a row is past its limit"))
}

impl Reader {
    fn take(&mut self, frame: &v1::Frame) {
        let bytes = frame.encode_to_vec();
        assert!(bytes.len() <= MAX_FRAME_BYTES, "{} bytes", bytes.len());
        let frame: v1::Frame = decode(bytes.as_slice()).expect("its lists are in their limits");
        self.sequence += 1;
        assert_eq!(frame.sequence, self.sequence);
        self.tasks.free(&frame.freed);
        self.resources.free(&frame.freed_resources);
        self.ops.free(&frame.freed_ops);
        self.sites.extend(frame.sites.iter().map(|site| site.index));
        for (slot, row) in checked(frame.tasks).iter().flat_map(Checked::rows) {
            self.tasks.add(slot, row.generation);
            assert!(row.site == 0 || self.sites.contains(&row.site));
        }
        for (slot, row) in checked(frame.resources).iter().flat_map(Checked::rows) {
            self.resources.add(slot, row.generation);
        }
        for (slot, row) in checked(frame.ops).iter().flat_map(Checked::rows) {
            self.ops.add(slot, row.generation);
            row.resource.into_iter().for_each(|resource| self.resources.check(resource));
        }
        self.tasks.check_slots(frame.stats);
        self.resources.check_slots(frame.resource_stats);
        self.resources.check_slots(frame.locks);
        self.resources.check_slots(frame.channels);
        self.resources.check_slots(frame.io);
        for (slot, row) in checked(frame.op_stats).iter().flat_map(Checked::rows) {
            assert!(self.ops.alive.contains_key(&slot), "operation {slot}: nothing is there");
            row.task.into_iter().for_each(|task| self.tasks.check(task));
        }
        for tree in &frame.await_trees {
            let task = tree.task.as_ref().expect("a tree is of a task");
            self.tasks.check(SlotRef { slot: task.slot, generation: task.generation });
            self.trees += 1;
        }
    }

    /// Looks so often, and takes what comes of each look.
    fn look(&mut self, observer: &mut Observer, frames: &mut Frames, rounds: usize) {
        for _ in 0..rounds {
            let seen = observer.look().expect("it runs");
            let wish = Wish { all_trees: true, descriptors: true, ..Wish::default() };
            let sent = frames.round(observer, &seen, &wish);
            assert!(sent.iter().rev().skip(1).all(|frame| !frame.round_end));
            assert!(sent.last().is_some_and(|frame| frame.round_end));
            for frame in &sent {
                self.take(frame);
            }
            assert_eq!(self.tasks.alive.len(), seen.tasks.len());
        }
    }
}

fn look_at(name: &'static str, arguments: &[&str], rounds: usize) -> Reader {
    let built = built(name, Profile::Dev);
    let running = Running::start(&built.path, arguments);
    let mut observer = observer(&built, &running);
    let (mut reader, mut frames) = (Reader::default(), Frames::new(About::default()));
    reader.look(&mut observer, &mut frames, rounds);
    reader
}

#[test]
fn every_shape() {
    let reader = look_at("shapes", &[], 4);
    assert_eq!(reader.tasks.again, 0, "none ends");
    assert_eq!(reader.trees, 4 * reader.tasks.alive.len() as u64);
    assert!(reader.resources.alive.len() > 20 && reader.ops.alive.len() > 50);
}

#[test]
fn every_fault() {
    for name in ["transfers", "drain_locked", "actor_cycle", "futurelock", "healthy"] {
        let reader = look_at("faults", &[name], 4);
        assert!(!reader.tasks.alive.is_empty(), "{name}");
    }
}

#[test]
fn tasks_that_come_and_go() {
    let reader = look_at("load", &["8", "50"], 40);
    assert!(reader.tasks.again > 0, "slots are used again");
}

#[test]
fn all_is_sent_anew_to_one_who_knows_nothing() {
    let built = built("shapes", Profile::Dev);
    let running = Running::start(&built.path, &[]);
    let mut observer = observer(&built, &running);
    let (mut first, mut frames) = (Reader::default(), Frames::new(About::default()));
    first.look(&mut observer, &mut frames, 2);
    let mut second = Reader { sequence: first.sequence, ..Reader::default() };
    second.look(&mut observer, &mut frames.anew(), 2);
    assert_eq!(second.tasks.alive.len(), first.tasks.alive.len());
}

#[test]
fn many_tasks_take_many_frames() {
    let reader = look_at("load", &["0", "9000"], 2);
    assert_eq!(reader.tasks.alive.len(), 9000);
    assert_eq!(reader.trees, 2 * 9000);
}
