//! Help, palette, column chooser, and the filter that is being typed.

use crate::{
    action::{Action, Group},
    event::Edit,
    line::Line,
    model::Model,
    nav::{InputKind, OverlayKind},
    query::InputError,
    screen::overlay::{Input, Overlay, OverlayRow},
    table::{Filter, any::AnyTable},
    tables::TableId,
};

/// Completions shown for a filter.
const MAX_COMPLETIONS: usize = 12;

/// What lies over the screen.
#[derive(Debug)]
pub(crate) struct OverlayState {
    kind: OverlayKind,
    line: Line,
    selected: usize,
}

impl OverlayState {
    fn new(kind: OverlayKind) -> Self {
        Self { kind, line: Line::default(), selected: 0 }
    }

    pub(crate) fn help() -> Self {
        Self::new(OverlayKind::Help)
    }

    pub(crate) fn palette() -> Self {
        Self::new(OverlayKind::Palette)
    }

    pub(crate) fn columns() -> Self {
        Self::new(OverlayKind::Columns)
    }

    pub(crate) fn kind(&self) -> OverlayKind {
        self.kind
    }

    pub(crate) fn is_palette(&self) -> bool {
        self.kind == OverlayKind::Palette
    }

    pub(crate) fn selected(&self) -> usize {
        self.selected
    }

    pub(crate) fn select(&mut self, index: usize, table: Option<&dyn AnyTable>) {
        self.selected = index.min(self.rows(table).len().saturating_sub(1));
    }

    pub(crate) fn edit(&mut self, edit: &Edit, table: Option<&dyn AnyTable>) {
        if !self.is_palette() {
            return;
        }
        if *edit == Edit::Complete {
            if let Some(action) = self.chosen(table) {
                self.line = Line::new(&action.name());
            }
        } else {
            self.line.edit(edit);
        }
        self.selected = 0;
    }

    /// The action of the selected row.
    pub(crate) fn chosen(&self, table: Option<&dyn AnyTable>) -> Option<Action> {
        match self.rows(table).get(self.selected)? {
            OverlayRow::Action(action) if self.is_palette() => Some(*action),
            OverlayRow::Column(spec, _) => Some(Action::ToggleColumn(spec.id)),
            OverlayRow::Action(_) | OverlayRow::Heading(_) => None,
        }
    }

    /// `table`: the one on the screen.
    fn rows(&self, table: Option<&dyn AnyTable>) -> Vec<OverlayRow> {
        match (self.kind, table) {
            (OverlayKind::Help, _) => help_rows(),
            (OverlayKind::Palette, table) => {
                let columns = table.map_or_else(Vec::new, AnyTable::all_columns);
                palette_rows(&self.line.text(), Action::beside(&columns))
            }
            (OverlayKind::Columns, None) => Vec::new(),
            (OverlayKind::Columns, Some(table)) => {
                let shown = table.columns();
                let can_go = table.all_columns().into_iter().filter(|spec| spec.priority > 0);
                can_go.map(|spec| OverlayRow::Column(spec, shown.iter().any(|of| of.id == spec.id))).collect()
            }
        }
    }

    pub(crate) fn view(&self, table: Option<&dyn AnyTable>) -> Overlay {
        Overlay { kind: self.kind, rows: self.rows(table), selected: self.selected }
    }
}

fn help_rows() -> Vec<OverlayRow> {
    let mut rows = Vec::new();
    for group in Group::ALL {
        rows.push(OverlayRow::Heading(group));
        let actions = Action::beside(&[]).into_iter().filter(|action| action.group() == group);
        rows.extend(actions.map(OverlayRow::Action));
    }
    rows
}

/// Actions that have every word in their name or their help; those that have the first in their name come first.
fn palette_rows(text: &str, actions: Vec<Action>) -> Vec<OverlayRow> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    let mut found: Vec<(u8, Action)> = actions
        .into_iter()
        .filter(|action| {
            let help = action.help().to_lowercase();
            words.iter().all(|word| action.name().contains(word) || help.contains(word))
        })
        .map(|action| {
            let first = words.first().copied().unwrap_or_default();
            let rank = match action.name().find(first) {
                Some(0) => 0,
                Some(_) => 1,
                None => 2,
            };
            (rank, action)
        })
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, action)| OverlayRow::Action(action)).collect()
}

/// A filter that is being typed.
#[derive(Debug)]
pub(crate) struct FilterEdit {
    pub(crate) table: TableId,
    pub(crate) line: Line,
    /// In force again when the user gives up.
    pub(crate) before: Filter,
}

impl FilterEdit {
    pub(crate) fn new(table: &dyn AnyTable) -> Self {
        let before = table.filter().clone();
        Self { table: table.id(), line: Line::new(&before.text), before }
    }

    /// What is typed, understood.
    pub(crate) fn filter(&self, table: &dyn AnyTable) -> Result<Filter, InputError> {
        table.understand(&self.line.text())
    }
}

impl Model {
    pub(super) fn build_input(&self) -> Option<Input> {
        if let Some(overlay) = self.overlay.as_ref().filter(|overlay| overlay.is_palette()) {
            return Some(Input {
                kind: InputKind::Palette,
                text: overlay.line.text(),
                cursor: overlay.line.cursor(),
                error: None,
                completions: Vec::new(),
                counts: None,
            });
        }
        let editing = self.editing.as_ref()?;
        let table = self.tables.get(editing.table);
        let (text, cursor) = (editing.line.text(), editing.line.cursor());
        let mut completions = table.complete(&text, cursor).words;
        completions.truncate(MAX_COMPLETIONS);
        Some(Input {
            kind: InputKind::Filter,
            cursor,
            error: editing.filter(table).err(),
            completions,
            counts: Some(table.info(None).counts()),
            text,
        })
    }
}
