//! The macros behind the descriptions of messages.
//!
//! A field of a row is `name: Type`, which is the column `name`; or `name: Type = column`; or `name: Option<SlotRef> = slot_plus1 + generation`. After it
//! may stand the largest value that the column may hold: `site: u32 [MAX_SITES]`.

/// A row and how it is in its columns.
macro_rules! row {
    (
        $(#[$doc:meta])*
        $Row:ident of $Columns:ident {
            $($(#[$field_doc:meta])* $field:ident: $Type:ty $(= $column:ident $(+ $generation:ident)?)? $([$max:expr])?,)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $Row {
            $($(#[$field_doc])* pub $field: $Type,)*
        }

        impl $crate::rows::Row for $Row {
            type Columns = $crate::v1::$Columns;

            const MAX_BYTES: usize = 0 $(+ cell!(bytes $Type, $field $(= $column $(+ $generation)?)?))*;

            #[inline]
            #[allow(unused_variables, reason = "a row may have no columns of its own")]
            fn push(self, columns: &mut Self::Columns) {
                $(cell!(push self, columns, $Type, $field $(= $column $(+ $generation)?)?);)*
            }

            #[allow(unused_variables, reason = "a row may have no columns of its own")]
            fn check(columns: &Self::Columns, rows: usize) -> Result<(), $crate::columns::ColumnError> {
                $(cell!(check $Columns, columns, rows, $field $(= $column $(+ $generation)?)? $([$max])?);)*
                Ok(())
            }

            #[inline]
            #[allow(unused_variables, reason = "a row may have no columns of its own")]
            fn read(columns: &Self::Columns, at: usize) -> Self {
                Self { $($field: cell!(read columns, at, $Type, $field $(= $column $(+ $generation)?)?),)* }
            }

            #[allow(unused_variables, reason = "a row may have no columns of its own")]
            fn drop_zeros(columns: &mut Self::Columns) {
                $(cell!(drop columns, $field $(= $column $(+ $generation)?)?);)*
            }

            #[allow(unused_variables, reason = "a row may have no columns of its own")]
            fn memory_bytes(columns: &Self::Columns) -> usize {
                0 $(+ cell!(memory columns, $field $(= $column $(+ $generation)?)?))*
            }
        }
    };
}

/// One field of a row, for each thing that is done with it. A field without a column's name has the name of its column.
macro_rules! cell {
    (bytes $Type:ty, $field:ident = $slot:ident + $generation:ident) => { $crate::rows::SlotRef::MAX_BYTES };
    (bytes $Type:ty, $field:ident $(= $column:ident)?) => { <$Type as $crate::rows::Cell>::MAX_BYTES };

    (push $row:ident, $columns:ident, $Type:ty, $field:ident = $slot:ident + $generation:ident) => {
        let (slot_plus1, generation) = $crate::rows::SlotRef::to_wire($row.$field);
        $columns.$slot.push(slot_plus1);
        $columns.$generation.push(generation);
    };
    (push $row:ident, $columns:ident, $Type:ty, $field:ident = $column:ident) => {
        $columns.$column.push(<$Type as $crate::rows::Cell>::to_wire($row.$field));
    };
    (push $row:ident, $columns:ident, $Type:ty, $field:ident) => {
        cell!(push $row, $columns, $Type, $field = $field)
    };

    (check $Columns:ident, $columns:ident, $rows:ident, $field:ident = $slot:ident + $generation:ident) => {
        cell!(check $Columns, $columns, $rows, $field = $slot [$crate::rows::SlotRef::MAX_PLUS_1]);
        cell!(check $Columns, $columns, $rows, $field = $generation);
    };
    (check $Columns:ident, $columns:ident, $rows:ident, $field:ident = $column:ident $([$max:expr])?) => {
        $crate::columns::check_length(
            concat!(stringify!($Columns), ".", stringify!($column)),
            $columns.$column.len(),
            $rows,
        )?;
        $($crate::columns::check_limit(
            concat!(stringify!($Columns), ".", stringify!($column)),
            &$columns.$column,
            $max,
        )?;)?
    };
    (check $Columns:ident, $columns:ident, $rows:ident, $field:ident $([$max:expr])?) => {
        cell!(check $Columns, $columns, $rows, $field = $field $([$max])?)
    };

    (read $columns:ident, $at:ident, $Type:ty, $field:ident = $slot:ident + $generation:ident) => {
        $crate::rows::SlotRef::from_wire(
            $crate::rows::describe::value(&$columns.$slot, $at),
            $crate::rows::describe::value(&$columns.$generation, $at),
        )
    };
    (read $columns:ident, $at:ident, $Type:ty, $field:ident = $column:ident) => {
        <$Type as $crate::rows::Cell>::from_wire($crate::rows::describe::value(&$columns.$column, $at))
    };
    (read $columns:ident, $at:ident, $Type:ty, $field:ident) => {
        cell!(read $columns, $at, $Type, $field = $field)
    };

    (drop $columns:ident, $field:ident = $column:ident $(+ $generation:ident)?) => {
        $crate::rows::describe::drop_zeros(&mut $columns.$column);
        $($crate::rows::describe::drop_zeros(&mut $columns.$generation);)?
    };
    (drop $columns:ident, $field:ident) => { cell!(drop $columns, $field = $field) };

    (memory $columns:ident, $field:ident = $column:ident $(+ $generation:ident)?) => {
        $crate::rows::describe::memory_bytes(&$columns.$column)
            $(+ $crate::rows::describe::memory_bytes(&$columns.$generation))?
    };
    (memory $columns:ident, $field:ident) => { cell!(memory $columns, $field = $field) };
}

/// A message with a row for each slot. `texts` says where the strings are, `items` what each row has a list of, and where the columns of that are.
macro_rules! columns {
    (
        $Columns:ident: $Row:ident
        $(, texts $(in $of_texts:ident)?: $strings:ident)?
        $(, items: $Item:ident $(in $of_items:ident)?)?
    ) => {
        impl $crate::rows::Columns for $crate::v1::$Columns {
            type Row = $Row;

            #[inline]
            fn slot_delta(&self) -> &[u32] {
                &self.slot_delta
            }

            #[inline]
            fn slot_delta_mut(&mut self) -> &mut Vec<u32> {
                &mut self.slot_delta
            }

            $(texts!($strings $(in $of_texts)?);)?

            $(
                fn check_lists(&self) -> Result<(), $crate::columns::ColumnError> {
                    $crate::rows::items::check::<$Item>(
                        $crate::rows::Lists::items(self),
                        self.slot_delta.len(),
                    )
                }

                fn drop_zeros(&mut self) {
                    <$Row as $crate::rows::Row>::drop_zeros(self);
                    $crate::rows::items::drop_zeros::<$Item>(
                        self.slot_delta.len(),
                        $crate::rows::Lists::items_mut(self),
                    );
                }
            )?
        }

        $(
            impl $crate::rows::Lists for $crate::v1::$Columns {
                type Item = $Item;

                lists!($Item $(in $of_items)?);
            }
        )?
    };
}

/// Where the strings of a message are: in a message of their own, or beside its columns.
macro_rules! texts {
    ($strings:ident in $field:ident) => {
        fn strings(&self) -> &[String] {
            self.$field.as_ref().map_or(&[], |of| &of.$strings)
        }

        fn strings_mut(&mut self) -> Option<&mut Vec<String>> {
            Some(&mut self.$field.get_or_insert_default().$strings)
        }
    };
    ($strings:ident) => {
        fn strings(&self) -> &[String] {
            &self.$strings
        }

        fn strings_mut(&mut self) -> Option<&mut Vec<String>> {
            Some(&mut self.$strings)
        }
    };
}

/// Where the columns of a message's items are: in a message of their own, or beside those of its rows.
macro_rules! lists {
    ($Item:ident in $field:ident) => {
        fn items(&self) -> Option<&<$Item as $crate::rows::Row>::Columns> {
            self.$field.as_ref()
        }

        fn items_mut(&mut self) -> &mut <$Item as $crate::rows::Row>::Columns {
            self.$field.get_or_insert_default()
        }
    };
    ($Item:ident) => {
        fn items(&self) -> Option<&Self> {
            Some(self)
        }

        fn items_mut(&mut self) -> &mut Self {
            self
        }
    };
}

/// Items: what each row has some of. `by` is the column that is always there, `count` the one that says how many each row has.
macro_rules! item {
    ($Item:ident of $Columns:ident by $key:ident: $Key:ty, count $count:ident $([$max:expr])?) => {
        impl $crate::rows::Item for $Item {
            type Key = $Key;

            fn key(columns: &Self::Columns) -> &Vec<$Key> {
                &columns.$key
            }

            fn key_mut(columns: &mut Self::Columns) -> &mut Vec<$Key> {
                &mut columns.$key
            }

            fn count(columns: &Self::Columns) -> &[u32] {
                &columns.$count
            }

            fn count_mut(columns: &mut Self::Columns) -> &mut Vec<u32> {
                &mut columns.$count
            }

            fn check_count(columns: &Self::Columns, rows: usize) -> Result<(), $crate::columns::ColumnError> {
                let name = concat!(stringify!($Columns), ".", stringify!($count));
                $crate::columns::check_length(name, columns.$count.len(), rows)?;
                $($crate::columns::check_limit(name, &columns.$count, $max)?;)?
                let sum = columns.$count.iter().map(|count| u64::from(*count)).sum::<u64>();
                let rows = usize::try_from(sum).unwrap_or(usize::MAX);
                let len = columns.$key.len();
                if len == rows {
                    Ok(())
                } else {
                    let column = concat!(stringify!($Columns), ".", stringify!($key));
                    Err($crate::columns::ColumnError::Length { column, len, rows })
                }
            }
        }
    };
}

pub(super) use {cell, columns, item, lists, row, texts};

/// The value of a row; 0 where the column was left out.
#[inline]
pub(super) fn value<T: Copy + Default>(column: &[T], at: usize) -> T {
    column.get(at).copied().unwrap_or_default()
}

/// Bytes that a column has taken, used or not.
pub(super) fn memory_bytes<T>(column: &Vec<T>) -> usize {
    column.capacity() * size_of::<T>()
}

/// Empties a column that says nothing: all its values are 0.
pub(super) fn drop_zeros<T: Default + PartialEq>(column: &mut Vec<T>) {
    let zero = T::default();
    if column.iter().all(|value| *value == zero) {
        column.clear();
    }
}
