//! Help, palette, column chooser, and the filter that is being typed.

use crate::{
    action::{Action, Group},
    columns::Column,
    event::Edit,
    io_table::filter::IoFilter,
    line::Line,
    model::Model,
    nav::{InputKind, OverlayKind},
    query::{complete, parse},
    resource_table::filter::ResourceFilter,
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

/// The filter of one of the tables.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AnyFilter {
    Tasks(Filter),
    Resources(ResourceFilter),
    /// Of the tables of locks and of channels.
    Locks(ResourceFilter),
    /// Of the tables of I/O.
    Io(IoFilter),
}

impl AnyFilter {
    /// That of the same table that lets everything through.
    pub(crate) fn cleared(&self) -> Self {
        match self {
            Self::Tasks(_) => Self::Tasks(Filter::default()),
            Self::Resources(_) => Self::Resources(ResourceFilter::default()),
            Self::Locks(_) => Self::Locks(ResourceFilter::default()),
            Self::Io(_) => Self::Io(IoFilter::default()),
        }
    }
}

/// A filter that is being typed.
#[derive(Debug)]
pub(crate) struct FilterEdit {
    pub(crate) line: Line,
    /// In force again when the user gives up.
    pub(crate) before: AnyFilter,
}

impl FilterEdit {
    pub(crate) fn new(before: AnyFilter) -> Self {
        let text = match &before {
            AnyFilter::Tasks(filter) => &filter.text,
            AnyFilter::Resources(filter) | AnyFilter::Locks(filter) => &filter.text,
            AnyFilter::Io(filter) => &filter.text,
        };
        Self { line: Line::new(text), before }
    }

    /// What is typed, understood.
    pub(crate) fn filter(&self) -> Result<AnyFilter, InputError> {
        let text = self.line.text();
        Ok(match &self.before {
            AnyFilter::Tasks(_) => {
                let query = parse::parse(&text)?;
                let text = if query.is_some() { text } else { String::new() };
                AnyFilter::Tasks(Filter { text, query })
            }
            AnyFilter::Resources(_) => AnyFilter::Resources(ResourceFilter::parse(&text)?),
            AnyFilter::Locks(_) => AnyFilter::Locks(ResourceFilter::parse(&text)?),
            AnyFilter::Io(_) => AnyFilter::Io(IoFilter::parse(&text)?),
        })
    }

    /// What could be typed next, and where the part that it replaces starts.
    pub(crate) fn completions(&self) -> (usize, Vec<String>) {
        let (text, cursor) = (self.line.text(), self.line.cursor());
        match &self.before {
            AnyFilter::Tasks(_) => {
                let completions = complete::complete(&text, cursor);
                (completions.start, completions.words)
            }
            AnyFilter::Resources(_) | AnyFilter::Locks(_) => ResourceFilter::complete(&text, cursor),
            AnyFilter::Io(_) => IoFilter::complete(&text, cursor),
        }
    }

    pub(crate) fn error(&self) -> Option<InputError> {
        self.filter().err()
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
        let (_, mut completions) = editing.completions();
        completions.truncate(MAX_COMPLETIONS);
        Some(Input {
            kind: InputKind::Filter,
            cursor,
            error: editing.error(),
            completions,
            counts: Some(match &editing.before {
                AnyFilter::Tasks(_) => self.build_table_info().counts(),
                AnyFilter::Resources(_) => self.build_resources_info().counts(),
                AnyFilter::Locks(_) => self.build_locks_info().counts(),
                AnyFilter::Io(_) => self.build_io_info().counts(),
            }),
            text,
        })
    }
}
