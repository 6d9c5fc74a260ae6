//! Columns and delta-coded slots, with their checks; [`rows`](crate::rows) reads and writes whole messages.
//!
//! Invariant: whatever the other side sent, reading it ends in a value or in a [`ColumnError`]; nothing here
//! panics, wraps around or allocates.
//!
//! Limit: a reader sees at most [`MAX_TASKS_PER_FRAME`] rows, whose slots are below [`MAX_SLOTS`].

use crate::limits::{MAX_SLOTS, MAX_TASKS_PER_FRAME};

/// What is wrong with a set of columns. The receiver drops the frame and asks for a resync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ColumnError {
    /// More rows than a frame may have.
    #[error("{rows} rows, but a frame has at most {MAX_TASKS_PER_FRAME}")]
    TooManyRows {
        /// Rows in the frame.
        rows: usize,
    },
    /// A column is neither empty nor as long as the others.
    #[error("column `{column}` has {len} values for {rows} rows")]
    Length {
        /// The field's name in the schema.
        column: &'static str,
        /// Its values.
        len: usize,
        /// The rows of the frame.
        rows: usize,
    },
    /// A value past the column's limit.
    #[error("column `{column}` holds {value}, but at most {max} is allowed")]
    Value {
        /// The field's name in the schema.
        column: &'static str,
        /// Its largest value.
        value: u32,
        /// The limit.
        max: u32,
    },
    /// A slot number past the largest there can be.
    #[error("row {row} names a slot at or above {MAX_SLOTS}")]
    SlotRange {
        /// The row that does.
        row: usize,
    },
    /// A distance of 0: the same slot twice in one frame.
    #[error("row {row} names the slot of the row before it again")]
    SlotTwice {
        /// The second of the two.
        row: usize,
    },
}

/// The absolute slots of a `slot_delta` column, all checked before the first is used.
///
/// # Errors
/// There are more than [`MAX_TASKS_PER_FRAME`] rows, a slot is at or above [`MAX_SLOTS`], or one is there twice.
pub fn slots(deltas: &[u32]) -> Result<impl ExactSizeIterator<Item = u32> + Clone, ColumnError> {
    if deltas.len() > MAX_TASKS_PER_FRAME {
        return Err(ColumnError::TooManyRows { rows: deltas.len() });
    }
    let mut slot = 0_u32;
    for (row, &delta) in deltas.iter().enumerate() {
        if row > 0 && delta == 0 {
            return Err(ColumnError::SlotTwice { row });
        }
        slot = match slot.checked_add(delta) {
            Some(slot) if slot < MAX_SLOTS => slot,
            _ => return Err(ColumnError::SlotRange { row }),
        };
    }
    let mut slot = 0;
    Ok(deltas.iter().map(move |delta| {
        // The walk above has shown that no sum overflows.
        slot += delta;
        slot
    }))
}

/// Checks the length of a column against the number of rows; `column` is the field's name in the schema, for the error.
///
/// # Errors
/// The column is neither empty nor `rows` long.
pub fn check_length(column: &'static str, len: usize, rows: usize) -> Result<(), ColumnError> {
    if len == 0 || len == rows { Ok(()) } else { Err(ColumnError::Length { column, len, rows }) }
}

/// Checks the largest value of a column against its limit.
pub(crate) fn check_limit(column: &'static str, values: &[u32], max: u32) -> Result<(), ColumnError> {
    match values.iter().max() {
        Some(&value) if value > max => Err(ColumnError::Value { column, value, max }),
        _ => Ok(()),
    }
}

/// Turns slots in ascending order into a `slot_delta` column.
#[derive(Debug, Default, Clone)]
pub(crate) struct DeltaEncoder {
    previous: Option<u32>,
}

impl DeltaEncoder {
    /// The value that stands for `slot` in the column. `None`, and no change, for a slot that is not above the
    /// one before it, or is no slot at all: a receiver would refuse the frame.
    pub(crate) fn push(&mut self, slot: u32) -> Option<u32> {
        if slot >= MAX_SLOTS {
            return None;
        }
        let delta = match self.previous {
            None => slot,
            Some(previous) if slot > previous => slot - previous,
            Some(_) => return None,
        };
        self.previous = Some(slot);
        Some(delta)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn hostile_deltas_give_ascending_slots_or_an_error(deltas in prop::collection::vec(any::<u32>(), 0..40)) {
            if let Ok(read) = slots(&deltas) {
                let read: Vec<u32> = read.collect();
                prop_assert_eq!(read.len(), deltas.len());
                prop_assert!(read.iter().all(|slot| *slot < MAX_SLOTS));
                prop_assert!(read.is_sorted_by(|a, b| a < b));
            }
        }

        #[test]
        fn slots_survive_the_column(wanted in prop::collection::btree_set(0..MAX_SLOTS, 0..200)) {
            let mut encoder = DeltaEncoder::default();
            let deltas: Vec<u32> = wanted.iter().map(|slot| encoder.push(*slot).unwrap()).collect();
            prop_assert!(slots(&deltas).unwrap().eq(wanted.iter().copied()));
        }
    }

    #[test]
    fn errors_name_the_row() {
        assert_eq!(slots(&[0, 1, 0]).map(|_| ()), Err(ColumnError::SlotTwice { row: 2 }));
        assert_eq!(slots(&[1, u32::MAX]).map(|_| ()), Err(ColumnError::SlotRange { row: 1 }));
        assert_eq!(slots(&[MAX_SLOTS]).map(|_| ()), Err(ColumnError::SlotRange { row: 0 }));
        assert_eq!(
            slots(&vec![1; MAX_TASKS_PER_FRAME + 1]).map(|_| ()),
            Err(ColumnError::TooManyRows { rows: MAX_TASKS_PER_FRAME + 1 })
        );
    }

    #[test]
    fn a_column_is_empty_or_whole_and_within_its_limit() {
        assert_eq!(check_length("polls", 0, 3), Ok(()));
        assert_eq!(check_length("polls", 3, 3), Ok(()));
        assert_eq!(
            check_length("polls", 2, 3),
            Err(ColumnError::Length { column: "polls", len: 2, rows: 3 })
        );
        assert_eq!(check_limit("site", &[], 0), Ok(()));
        assert_eq!(check_limit("site", &[0, 4, 2], 4), Ok(()));
        let past = ColumnError::Value { column: "site", value: 5, max: 4 };
        assert_eq!(check_limit("site", &[5, 4, 2], 4), Err(past));
    }

    #[test]
    fn an_encoder_refuses_what_a_reader_would() {
        let mut encoder = DeltaEncoder::default();
        assert_eq!(encoder.push(0), Some(0));
        assert_eq!(encoder.push(0), None);
        assert_eq!(encoder.push(MAX_SLOTS), None);
        assert_eq!(encoder.push(7), Some(7));
    }
}
