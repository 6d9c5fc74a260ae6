//! A table whatever it lists.

use super::{
    Context, Filter, KeyOf, List, Opens, Source as _, Subject, Table, column_of,
    fold::{FoldMode, Shape},
    place::{Position, RowKey, Rows as _},
};
use crate::{
    action::Action,
    columns::{self, ColumnId, ColumnSpec, Fitted, WARN},
    format::exact,
    screen::table::{Row, Sort, TableInfo},
    tables::TableId,
};

/// What the model asks of the table on the screen.
pub(crate) trait AnyTable {
    fn id(&self) -> TableId;

    // --- reading ---

    /// What stands around the rows; `at`: nothing is known of a process yet.
    fn info(&self, at: Option<Context<'_>>) -> TableInfo;
    fn rows(&self, at: Context<'_>, columns: &[ColumnId]) -> Vec<Row>;
    fn columns(&self) -> Vec<&'static ColumnSpec>;
    fn fit(&self, width: u16) -> Vec<Fitted>;
    /// Where the user is in it.
    fn position(&self) -> Position;
    fn subject(&self, at: Context<'_>) -> Option<Subject>;
    /// Where Enter leads; `None`: it folds.
    fn opens(&self, at: Context<'_>) -> Option<Opens>;

    // --- changing ---

    fn filter(&mut self) -> &mut Filter;
    /// Begins to make the rows anew; of a table that is not shown beside one that is, to count them. Returns of how many
    /// things.
    fn begin(&mut self, at: Context<'_>, counting: bool) -> usize;
    /// Goes on until `units` are used up; true: they are made.
    fn go_on(&mut self, at: Context<'_>, units: &mut usize) -> bool;
    /// What was made takes the place of what is shown.
    fn finish(&mut self, at: Context<'_>);
    fn set_page(&mut self, rows: usize);
    fn move_to(&mut self, index: usize);
    /// Does what the user asks for. True: its rows are to be made anew.
    fn change(&mut self, action: Action, at: Option<Context<'_>>) -> bool;
    /// Another process: nothing that points to something of the old one may stay.
    fn forget(&mut self);
}

impl<L: List> AnyTable for Table<L> {
    fn id(&self) -> TableId {
        L::ID
    }

    fn info(&self, at: Option<Context<'_>>) -> TableInfo {
        let empty = || match self.total {
            Some(total) if total > 0 => {
                Some(format!("None of {} {} matches the filter.", exact(total as u64), L::ID.things()))
            }
            Some(_) => at.map(|at| L::why_empty(self, at)),
            // Not counted yet.
            None => None,
        };
        TableInfo {
            id: L::ID,
            head: at.map_or_else(Vec::new, L::head),
            rows: self.rows.len(),
            offset: self.place.at.offset,
            selected: self.place.selected().map(|_| self.place.at.index),
            matching: self.matching,
            total: self.total,
            left_out: self.state.left_out(),
            sort: Sort {
                column: self.sort.column.spec.id,
                descending: self.sort.descending,
                by_change: self.sort.by_change,
            },
            sort_words: sort_words(self),
            filter: self.filter.text.clone(),
            empty: if self.rows.len() > 0 { None } else { empty() },
            has_notes: self.state.has_notes(),
            note: at
                .and_then(|at| L::Source::finding(at, self.selected_key()?))
                .map(|of| (of.severity, of.message.clone())),
        }
    }

    fn rows(&self, at: Context<'_>, columns: &[ColumnId]) -> Vec<Row> {
        let Position { offset, page, .. } = self.place.at;
        let end = (offset + page).min(self.rows.len());
        (offset..end).filter_map(|index| self.row(at, index, columns)).map(|(_, row)| row).collect()
    }

    fn columns(&self) -> Vec<&'static ColumnSpec> {
        self.columns.iter().map(|column| &column.spec).collect()
    }

    fn fit(&self, width: u16) -> Vec<Fitted> {
        columns::fit(&self.columns(), Some(self.sort.column.spec.id), width)
    }

    fn position(&self) -> Position {
        self.place.at
    }

    fn subject(&self, at: Context<'_>) -> Option<Subject> {
        L::subject(at, self.place.selected()?)
    }

    fn opens(&self, at: Context<'_>) -> Option<Opens> {
        Some(L::opens(at, self.selected_key()?))
    }

    fn filter(&mut self) -> &mut Filter {
        &mut self.filter
    }

    fn begin(&mut self, at: Context<'_>, counting: bool) -> usize {
        L::Source::begin(self, at, counting)
    }

    fn go_on(&mut self, at: Context<'_>, units: &mut usize) -> bool {
        L::Source::go_on(self, at, units)
    }

    fn finish(&mut self, at: Context<'_>) {
        L::Source::finish(self, at);
    }

    fn set_page(&mut self, rows: usize) {
        self.place.set_page(rows, &mut self.rows);
    }

    fn move_to(&mut self, index: usize) {
        self.place.move_to(index, &mut self.rows);
    }

    fn change(&mut self, action: Action, at: Option<Context<'_>>) -> bool {
        let mut fold = |wanted| at.is_some_and(|at| self.fold(at, wanted));
        match action {
            Action::ToggleFold => return fold(None),
            Action::Fold => return fold(Some(true)),
            Action::Unfold => return fold(Some(false)),
            Action::SortByChange => return self.toggle_by_change(),
            Action::SortNext => self.sort_step(1),
            Action::SortPrev => self.sort_step(-1),
            Action::InvertSort => self.sort.descending = !self.sort.descending,
            Action::SortBy(column) => self.sort_by(column),
            Action::ToggleColumn(column) => self.toggle_column(column),
            Action::FoldAll => self.folds.all(FoldMode::All),
            Action::UnfoldAll => self.folds.all(FoldMode::None),
            _ => return false,
        }
        true
    }

    fn forget(&mut self) {
        self.rows = Default::default();
        self.state.forget();
        self.total = None;
        self.place.forget();
    }
}

impl<L: List> Table<L> {
    fn sort_by(&mut self, column: ColumnId) {
        let Some(column) = column_of(column) else { return };
        if self.sort.column.spec.id == column.spec.id {
            self.sort.descending = !self.sort.descending;
        } else {
            self.sort = super::Order { column, descending: column.spec.descending, by_change: false };
        }
    }

    fn sort_step(&mut self, step: isize) {
        let now = self.columns.iter().position(|column| column.spec.id == self.sort.column.spec.id);
        let next = (now.unwrap_or(0) + self.columns.len()).saturating_add_signed(step);
        let next = self.columns.get(next % self.columns.len().max(1)).map(|column| column.spec.id);
        if let Some(next) = next.filter(|next| *next != self.sort.column.spec.id) {
            self.sort_by(next);
        }
    }

    /// False: the column has no change to sort by.
    fn toggle_by_change(&mut self) -> bool {
        if !L::can_change(self.sort.column) {
            return false;
        }
        self.sort.by_change = !self.sort.by_change;
        if self.sort.by_change {
            self.sort.descending = true;
        }
        true
    }

    fn toggle_column(&mut self, id: ColumnId) {
        let rank = |id: &str| L::COLUMNS.iter().position(|column| column.spec.id == id);
        let Some(column) = column_of::<L>(id) else { return };
        if let Some(at) = self.columns.iter().position(|shown| shown.spec.id == id) {
            if column.spec.priority > 0 {
                self.columns.remove(at);
            }
            return;
        }
        // Where the default order has it.
        let at = self.columns.iter().position(|shown| rank(shown.spec.id) > rank(id));
        self.columns.insert(at.unwrap_or(self.columns.len()), column);
    }

    /// Folds (`Some(true)`), unfolds (`Some(false)`) or toggles the group of the selected row. False: nothing to do.
    fn fold(&mut self, at: Context<'_>, wanted: Option<bool>) -> bool {
        let store = at.store;
        let Some(group) = self.selected_group(store) else { return false };
        let Some((count, shape)) = self.state.group(group) else { return false };
        let is_folded = shape == Shape::Folded;
        let folded = wanted.unwrap_or(!is_folded);
        if folded == is_folded || (folded && count < 2) {
            return false;
        }
        self.folds.choose(L::group_words(store, group), folded, count, L::fold_at(group, at.config));
        self.place.follow(folded.then_some(RowKey::Group(group)));
        true
    }

    /// The row at `index`. `None`: it is gone, or does not stand where it belongs yet.
    fn row(&self, at: Context<'_>, index: usize, columns: &[ColumnId]) -> Option<(KeyOf<L>, Row)> {
        let (key, depth) = self.rows.get(index)?;
        let selected = self.place.selected() == Some(key);
        let columns = columns.iter().filter_map(|id| column_of::<L>(id));
        let row = self.state.see(at, key, |row, look| Row {
            index,
            selected,
            depth,
            group: look.group,
            severity: look.severity,
            done: look.done,
            cells: columns.map(|column| column.cell(row)).collect(),
        });
        Some((key, row?))
    }

    /// Every thing's row, of a table that is shown whole.
    pub(crate) fn all_rows(&self, at: Context<'_>, columns: &[ColumnId]) -> Vec<(L::Key, Row)> {
        let rows = (0..self.rows.len()).filter_map(|index| self.row(at, index, columns));
        rows.filter_map(|(key, row)| match key {
            RowKey::One(key) => Some((key, row)),
            RowKey::Group(_) => None,
        })
        .collect()
    }
}

fn sort_words<L: List>(table: &Table<L>) -> String {
    let spec = &table.sort.column.spec;
    let change = if table.sort.by_change { "/s" } else { "" };
    let way = match (spec.id, table.sort.descending) {
        (WARN, true) => "",
        (WARN, false) => ", least first",
        (_, true) => ", largest first",
        (_, false) => ", smallest first",
    };
    format!("{}{change}{way}", spec.sort_words())
}
