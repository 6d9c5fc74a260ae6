//! Help, palette, column chooser, and the filter that is being typed.

use crate::{
    action::{Action, Group},
    columns::Column,
    event::Edit,
    line::Line,
    model::Model,
    nav::{InputKind, OverlayKind},
    query::{complete, parse},
    screen::overlay::{Input, InputError, Overlay, OverlayRow},
    table::Filter,
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

    pub(crate) fn select(&mut self, index: usize) {
        // The number of rows does not depend on which columns are shown.
        self.selected = index.min(self.rows(&[]).len().saturating_sub(1));
    }

    pub(crate) fn edit(&mut self, edit: &Edit) {
        if !self.is_palette() {
            return;
        }
        if *edit == Edit::Complete {
            if let Some(action) = self.chosen(&[]) {
                self.line = Line::new(action.name());
            }
        } else {
            self.line.edit(edit);
        }
        self.selected = 0;
    }

    /// The action of the selected row.
    pub(crate) fn chosen(&self, columns: &[Column]) -> Option<Action> {
        match self.rows(columns).get(self.selected)? {
            OverlayRow::Action(action) if self.is_palette() => Some(*action),
            OverlayRow::Column(column, _) => Some(Action::ToggleColumn(*column)),
            OverlayRow::Action(_) | OverlayRow::Heading(_) => None,
        }
    }

    fn rows(&self, columns: &[Column]) -> Vec<OverlayRow> {
        match self.kind {
            OverlayKind::Help => help_rows(),
            OverlayKind::Palette => palette_rows(&self.line.text()),
            OverlayKind::Columns => Column::ALL
                .iter()
                .filter(|column| column.spec().priority > 0)
                .map(|column| OverlayRow::Column(*column, columns.contains(column)))
                .collect(),
        }
    }

    pub(crate) fn view(&self, columns: &[Column]) -> Overlay {
        Overlay { kind: self.kind, rows: self.rows(columns), selected: self.selected }
    }
}

fn help_rows() -> Vec<OverlayRow> {
    let mut rows = Vec::new();
    for group in Group::ALL {
        rows.push(OverlayRow::Heading(group));
        let actions = Action::all().filter(|action| action.group() == group);
        rows.extend(
            actions
                .filter(|action| !matches!(action, Action::SortBy(_) | Action::ToggleColumn(_)))
                .map(OverlayRow::Action),
        );
    }
    rows
}

/// Actions that have every word in their name or their help; those that have the first in their name come first.
fn palette_rows(text: &str) -> Vec<OverlayRow> {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    let mut found: Vec<(u8, Action)> = Action::all()
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
    pub(crate) line: Line,
    /// In force again when the user gives up.
    pub(crate) before: Filter,
}

impl FilterEdit {
    pub(crate) fn new(before: Filter) -> Self {
        Self { line: Line::new(&before.text), before }
    }

    pub(crate) fn error(&self) -> Option<InputError> {
        parse::parse(&self.line.text()).err()
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
        let (text, cursor) = (editing.line.text(), editing.line.cursor());
        let mut completions = complete::complete(&text, cursor).words;
        completions.truncate(MAX_COMPLETIONS);
        Some(Input {
            kind: InputKind::Filter,
            cursor,
            error: editing.error(),
            completions,
            counts: Some(self.build_table_info().counts()),
            text,
        })
    }
}
