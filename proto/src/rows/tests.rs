//! Rows survive their columns, hostile columns are refused, and no row weighs more than is said.

use std::fmt::Debug;

use proptest::{collection::vec, prelude::*, sample::subsequence};
use prost::Message;

use super::*;
use crate::{
    agent::AgentRef,
    limits::{MAX_SITES, MAX_SLOTS, MAX_THREADS},
    v1::{self, AttributeKind, TaskKind, TaskState},
};

/// Numbers that are 0 as often as not, so that columns of zeros come up.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(1), Just(u64::MAX - 1), any::<u64>()]
}

fn slot_ref() -> impl Strategy<Value = Option<SlotRef>> {
    prop::option::of((0..MAX_SLOTS, any::<u32>()).prop_map(|(slot, generation)| SlotRef { slot, generation }))
}

fn task_row() -> impl Strategy<Value = TaskRow> {
    (number(), 0..=MAX_SITES as u32, slot_ref(), any::<u32>()).prop_map(|(number, site, parent, small)| {
        TaskRow {
            generation: small,
            tokio_id: number,
            site,
            kind: TaskKind::from_wire(i32::from(small as u8 % 6)),
            parent,
            created_ago_ns: number,
            size_bytes: small,
            knows: small,
            ..TaskRow::default()
        }
    })
}

fn op_stat_row() -> impl Strategy<Value = OpStatRow> {
    (number(), 0..=MAX_THREADS as u32, slot_ref()).prop_map(|(number, thread, task)| OpStatRow {
        task,
        state: TaskState::Idle,
        state_ago_ns: number,
        busy_ns: number,
        granted_ago_ns: number.checked_sub(1),
        thread,
        ..OpStatRow::default()
    })
}

fn attribute_row() -> impl Strategy<Value = AttributeRow> {
    (any::<u32>(), number()).prop_map(|(name, value)| AttributeRow {
        name,
        kind: AttributeKind::Number,
        value,
        unit: name / 2,
    })
}

fn lock_row() -> impl Strategy<Value = LockRow> {
    number().prop_map(|number| LockRow {
        acquisitions: number,
        poisoned: number == 1,
        free_ago_ns: number.checked_sub(1),
        ..LockRow::default()
    })
}

fn holder_row() -> impl Strategy<Value = HolderRow> {
    (number(), 0..=MAX_SITES as u32).prop_map(|(number, site)| HolderRow {
        holder: AgentRef::decode(number),
        held_ago_ns: number,
        site,
        permits: site / 2,
        shared: number == 1,
    })
}

/// So many rows, each in a slot of its own.
fn in_slots<T: Debug + Clone>(row: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<(u32, T)>> {
    vec((1..MAX_SLOTS / 64, row), 0..40).prop_map(|rows| {
        let mut next = 0;
        let place = |(distance, row)| {
            next += distance;
            (next - 1, row)
        };
        rows.into_iter().map(place).collect()
    })
}

/// A row with its slot and its list.
type Whole<C> = (u32, <C as Columns>::Row, Vec<<C as Lists>::Item>);

/// Writes rows with their lists, and reads them again.
fn survives<C: Lists + Message>(rows: &[Whole<C>]) -> Vec<Whole<C>> {
    let mut writer = Writer::<C>::default();
    for (slot, row, items) in rows {
        writer.push_with(*slot, *row, items.iter().copied());
    }
    let most = writer.bytes();
    let Some(columns) = writer.finish() else { return Vec::new() };
    assert!(columns.encoded_len() <= most + HEADS_BYTES, "{} bytes, not {most}", columns.encoded_len());
    let decoded = C::decode(columns.encode_to_vec().as_slice()).unwrap();
    let checked = Checked::new(decoded).unwrap();
    checked.rows_with_items().map(|(slot, row, items)| (slot, row, items.collect())).collect()
}

/// Keys and lengths of a message's columns.
const HEADS_BYTES: usize = 32 * 6;

proptest! {
    #[test]
    fn rows_survive(rows in in_slots(task_row())) {
        let mut writer = Writer::<v1::TaskColumns>::default();
        for (slot, row) in &rows {
            writer.push(*slot, *row);
        }
        let most = writer.bytes();
        let columns = writer.finish().unwrap_or_default();
        prop_assert!(columns.encoded_len() <= most + HEADS_BYTES);
        let checked = Checked::new(columns).unwrap();
        prop_assert_eq!(checked.rows().collect::<Vec<_>>(), rows);
    }

    #[test]
    fn rows_with_attributes_survive(rows in in_slots((op_stat_row(), vec(attribute_row(), 0..4)))) {
        let rows: Vec<_> = rows.into_iter().map(|(slot, (row, items))| (slot, row, items)).collect();
        prop_assert_eq!(survives::<v1::OpStatColumns>(&rows), rows);
    }

    #[test]
    fn rows_with_holders_survive(rows in in_slots((lock_row(), vec(holder_row(), 0..12)))) {
        let rows: Vec<_> = rows.into_iter().map(|(slot, (row, items))| (slot, row, items)).collect();
        prop_assert_eq!(survives::<v1::LockColumns>(&rows), rows);
    }

    #[test]
    fn columns_are_read_whole_or_refused(
        slot_delta in subsequence(vec![1_u32, 2, 3], 0..=3), holders in vec(0_u32..3, 0..4), holder in vec(any::<u64>(), 0..6),
        acquisitions in vec(any::<u64>(), 0..4), site in vec(any::<u32>(), 0..4),
    ) {
        let rows = slot_delta.len();
        let hostile = v1::LockColumns {
            slot_delta, holders: holders.clone(), holder: holder.clone(), acquisitions: acquisitions.clone(), holder_site: site.clone(),
            ..v1::LockColumns::default()
        };
        let fits = |len: usize, rows: usize| len == 0 || len == rows;
        let makes_sense = fits(holders.len(), rows) && fits(acquisitions.len(), rows) && fits(site.len(), holder.len())
            && holders.iter().sum::<u32>() as usize == holder.len() && site.iter().all(|site| *site <= MAX_SITES as u32);
        match Checked::new(hostile) {
            Ok(checked) => {
                prop_assert!(makes_sense);
                let listed: usize = checked.rows_with_items().map(|(_, _, items)| items.len()).sum();
                prop_assert_eq!((checked.rows().len(), listed), (rows, holder.len()));
            }
            Err(_) => prop_assert!(!makes_sense),
        }
    }
}

#[test]
fn a_row_without_a_list_has_an_empty_one() {
    let (lock, holder) = (LockRow { acquisitions: 7, ..LockRow::default() }, HolderRow::default());
    let mut writer = Writer::<v1::LockColumns>::default();
    writer.push(1, lock);
    writer.push_with(2, lock, [holder, holder]);
    writer.push(3, lock);
    let columns = writer.finish().unwrap();
    assert_eq!((columns.holders.as_slice(), columns.holder.len()), (&[0, 2, 0][..], 2));
    let lists: Vec<_> =
        Checked::new(columns).unwrap().rows_with_items().map(|(slot, _, of)| (slot, of.len())).collect();
    assert_eq!(lists, [(1, 0), (2, 2), (3, 0)]);
}

#[test]
fn a_row_out_of_order_is_left_out_with_its_list() {
    let (lock, holder) = (LockRow { acquisitions: 7, ..LockRow::default() }, HolderRow::default());
    let mut writer = Writer::<v1::LockColumns>::default();
    for slot in [4, 4, 3, MAX_SLOTS, 5] {
        writer.push_with(slot, lock, [holder]);
    }
    let checked = Checked::new(writer.finish().unwrap()).unwrap();
    let rows: Vec<_> = checked.rows_with_items().map(|(slot, _, items)| (slot, items.len())).collect();
    assert_eq!(rows, [(4, 1), (5, 1)]);
}

#[test]
fn columns_of_zeros_are_left_out() {
    let mut writer = Writer::<v1::TaskColumns>::default();
    let (name, again) = (writer.text("conn"), writer.text("conn"));
    assert_eq!((name, again, writer.text("")), (1, 1, 0));
    writer.push(0, TaskRow { name, ..TaskRow::default() });
    writer.push(4, TaskRow { parent: Some(SlotRef { slot: 0, generation: 0 }), ..TaskRow::default() });
    let columns = writer.finish().unwrap();
    let expected = v1::TaskColumns {
        slot_delta: vec![0, 4],
        name: vec![1, 0],
        parent_slot_plus1: vec![0, 1],
        strings: vec!["conn".to_owned()],
        ..v1::TaskColumns::default()
    };
    assert_eq!(columns, expected);
    assert_eq!(text(&columns.strings, 1), Some("conn"));
    assert_eq!((text(&columns.strings, 0), text(&columns.strings, 2)), (None, None));
    assert_eq!(Writer::<v1::TaskColumns>::default().finish(), None);
}

#[test]
fn errors_name_the_column() {
    let error = |columns: v1::OpStatColumns| Checked::new(columns).unwrap_err().to_string();
    let new = || v1::OpStatColumns { slot_delta: vec![1, 1], ..v1::OpStatColumns::default() };
    assert_eq!(
        error(v1::OpStatColumns { polls: vec![1], ..new() }),
        "column `OpStatColumns.polls` has 1 values for 2 rows"
    );
    assert_eq!(
        error(v1::OpStatColumns { thread: vec![1, 2000], ..new() }),
        "column `OpStatColumns.thread` holds 2000, but at most 1024 is allowed"
    );
    assert_eq!(
        error(v1::OpStatColumns { task_slot_plus1: vec![MAX_SLOTS + 1, 0], ..new() }),
        "column `OpStatColumns.task_slot_plus1` holds 16777217, but at most 16777216 is allowed"
    );
    let attributes = v1::Attributes { count: vec![2, u32::MAX], name: vec![1], ..v1::Attributes::default() };
    assert_eq!(
        error(v1::OpStatColumns { attributes: Some(attributes), ..new() }),
        "column `Attributes.name` has 1 values for 4294967297 rows"
    );
}
