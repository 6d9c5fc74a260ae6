//! What lies over the screen (help, palette, column chooser), and the filter that is being typed.

use crate::{
    action::{Action, Group},
    event::Edit,
    line::Line,
    nav::{InputKind, OverlayKind},
    query::{
        InputError,
        complete::{Completions, complete},
    },
    screen::overlay::{Input, Overlay, OverlayRow},
    table::{Filter, any::AnyTable},
    tables::{TableId, Tables},
};

/// Completions shown for a filter.
const MAX_COMPLETIONS: usize = 12;

/// See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Overlays {
    over: Option<OverlayState>,
    editing: Option<FilterEdit>,
}

/// What lies over the screen.
#[derive(Debug)]
struct OverlayState {
    kind: OverlayKind,
    line: Line,
    selected: usize,
}

/// A filter that is being typed.
#[derive(Debug)]
pub(crate) struct FilterEdit {
    pub(crate) table: TableId,
    line: Line,
    /// In force again when the user gives up.
    pub(crate) before: Filter,
}

/// What Enter does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entered {
    /// It is for the screen.
    Nothing,
    /// A filter was kept, or there was no choice to make.
    Done,
    /// An action was chosen.
    Action(Action),
}

impl Overlays {
    pub(crate) fn toggle(&mut self, kind: OverlayKind) {
        let is_open = self.kind() == Some(kind);
        self.over = (!is_open).then(|| OverlayState { kind, line: Line::default(), selected: 0 });
    }

    /// False: nothing lay over the screen.
    pub(crate) fn close(&mut self) -> bool {
        self.over.take().is_some()
    }

    pub(crate) fn kind(&self) -> Option<OverlayKind> {
        self.over.as_ref().map(|over| over.kind)
    }

    /// The selected row of what lies over the screen.
    pub(crate) fn selected(&self) -> Option<usize> {
        self.over.as_ref().map(|over| over.selected)
    }

    /// Selects a row, of what lies over the screen with this table. False: nothing does.
    pub(crate) fn select(&mut self, index: usize, table: Option<&dyn AnyTable>) -> bool {
        let Some(over) = &mut self.over else { return false };
        over.selected = index.min(over.rows(table).len().saturating_sub(1));
        true
    }

    /// Begins to edit the filter of a table.
    pub(crate) fn edit_filter(&mut self, table: TableId, before: Filter) {
        self.over = None;
        self.editing = Some(FilterEdit { table, line: Line::new(&before.text), before });
    }

    pub(crate) fn is_editing(&self) -> bool {
        self.editing.is_some()
    }

    /// What is typed stays in force.
    pub(crate) fn end_editing(&mut self) -> Option<FilterEdit> {
        self.editing.take()
    }

    /// Enter. `table`: the one on the screen.
    pub(crate) fn enter(&mut self, table: Option<&dyn AnyTable>) -> Entered {
        if let Some(over) = &self.over {
            let chosen = over.chosen(table);
            // The column chooser stays open.
            if over.is_palette() || chosen.is_none() {
                self.over = None;
            }
            return chosen.map_or(Entered::Done, Entered::Action);
        }
        let Some(editing) = &self.editing else { return Entered::Nothing };
        // A filter that can't be understood stays open, with its error.
        if editing.filter().is_ok() {
            self.editing = None;
        }
        Entered::Done
    }

    /// The user types. A filter that has changed comes back; while it can't be understood, the last one that could stays in force.
    pub(crate) fn edit(&mut self, edit: &Edit, table: Option<&dyn AnyTable>) -> Option<(TableId, Filter)> {
        if let Some(over) = &mut self.over {
            over.edit(edit, table);
            return None;
        }
        let editing = self.editing.as_mut()?;
        if *edit == Edit::Complete {
            let completions = editing.completions();
            if let Some(word) = completions.words.first() {
                editing.line.replace(completions.start, word);
            }
        } else {
            editing.line.edit(edit);
        }
        Some((editing.table, editing.filter().ok()?))
    }

    pub(crate) fn view(&self, table: Option<&dyn AnyTable>) -> Option<Overlay> {
        let over = self.over.as_ref()?;
        Some(Overlay { kind: over.kind, rows: over.rows(table), selected: over.selected })
    }

    /// The line that is being typed.
    pub(crate) fn input(&self, tables: &Tables) -> Option<Input> {
        if let Some(over) = self.over.as_ref().filter(|over| over.is_palette()) {
            return Some(Input {
                kind: InputKind::Palette,
                text: over.line.text(),
                cursor: over.line.cursor(),
                error: None,
                completions: Vec::new(),
                counts: None,
            });
        }
        let editing = self.editing.as_ref()?;
        let mut completions = editing.completions().words;
        completions.truncate(MAX_COMPLETIONS);
        Some(Input {
            kind: InputKind::Filter,
            text: editing.line.text(),
            cursor: editing.line.cursor(),
            error: editing.filter().err(),
            completions,
            counts: Some(tables.get(editing.table).info(None).counts()),
        })
    }
}

impl FilterEdit {
    /// What is typed, understood.
    fn filter(&self) -> Result<Filter, InputError> {
        Filter::parse(&self.line.text(), &self.table.names())
    }

    fn completions(&self) -> Completions {
        complete(&self.line.text(), self.line.cursor(), &self.table.names())
    }
}

impl OverlayState {
    fn is_palette(&self) -> bool {
        self.kind == OverlayKind::Palette
    }

    fn edit(&mut self, edit: &Edit, table: Option<&dyn AnyTable>) {
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
    fn chosen(&self, table: Option<&dyn AnyTable>) -> Option<Action> {
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
                let columns = table.map_or_else(Vec::new, |table| table.id().columns());
                palette_rows(&self.line.text(), Action::beside(&columns))
            }
            (OverlayKind::Columns, None) => Vec::new(),
            (OverlayKind::Columns, Some(table)) => {
                let shown = table.columns();
                let can_go = table.id().columns().into_iter().filter(|spec| spec.priority > 0);
                can_go.map(|spec| OverlayRow::Column(spec, shown.iter().any(|of| of.id == spec.id))).collect()
            }
        }
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
