//! What the user's actions do to the tables: order, folds, columns, and which of two is shown.

use crate::{
    action::Action,
    model::Model,
    nav::{Screen, Tab},
    screen::locks::Listed,
    table::FoldMode,
};

impl Model {
    pub(super) fn act_on_table(&mut self, action: Action) {
        match action {
            Action::SortNext => self.table.sort_step(1),
            Action::SortPrev => self.table.sort_step(-1),
            Action::InvertSort => self.table.sort.descending = !self.table.sort.descending,
            Action::SortByChange => {
                if !self.table.toggle_by_change() {
                    return;
                }
            }
            Action::SortBy(column) => self.table.sort_by(column),
            Action::ToggleColumn(column) => self.table.toggle_column(column),
            Action::FoldAll => self.table.fold_all(FoldMode::All),
            Action::UnfoldAll => self.table.fold_all(FoldMode::None),
            Action::ToggleFold => return self.fold(None),
            Action::Fold => return self.fold(Some(true)),
            Action::Unfold => return self.fold(Some(false)),
            _ => return,
        }
        self.due.force();
    }

    pub(super) fn act_on_resources(&mut self, action: Action) {
        let world = self.frozen.as_ref().map_or(&self.live, |frozen| &frozen.world);
        let Some(store) = &world.store else { return };
        let table = &mut self.resource_table;
        match action {
            Action::SortNext => table.sort_step(1),
            Action::SortPrev => table.sort_step(-1),
            Action::InvertSort => table.descending = !table.descending,
            Action::FoldAll => table.fold_all(store, true),
            Action::UnfoldAll => table.fold_all(store, false),
            Action::ToggleFold if table.fold(store, None) => {}
            Action::Fold if table.fold(store, Some(true)) => {}
            Action::Unfold if table.fold(store, Some(false)) => {}
            // The others are about the tasks.
            _ => return,
        }
        self.due.force();
    }

    pub(super) fn act_on_locks(&mut self, action: Action) {
        let world = self.frozen.as_ref().map_or(&self.live, |frozen| &frozen.world);
        let Some(store) = &world.store else { return };
        let table = match self.listed {
            Listed::Locks => &mut self.lock_table,
            Listed::Channels => &mut self.channel_table,
        };
        match action {
            Action::SortNext => table.sort_step(1),
            Action::SortPrev => table.sort_step(-1),
            Action::InvertSort => table.descending = !table.descending,
            Action::FoldAll => table.fold_all(store, true),
            Action::UnfoldAll => table.fold_all(store, false),
            Action::ToggleFold if table.fold(store, None) => {}
            Action::Fold if table.fold(store, Some(true)) => {}
            Action::Unfold if table.fold(store, Some(false)) => {}
            // The others are about the tasks.
            _ => return,
        }
        self.due.force();
    }

    /// To the channels and back; from elsewhere to their screen.
    pub(super) fn toggle_channels(&mut self) {
        if self.screen() != Screen::Locks {
            self.open_tab(Tab::Locks);
        }
        self.listed = match self.listed {
            Listed::Locks => Listed::Channels,
            Listed::Channels => Listed::Locks,
        };
        self.editing = None;
        self.due.force();
    }

    pub(super) fn fold(&mut self, wanted: Option<bool>) {
        let world = self.frozen.as_ref().map_or(&self.live, |frozen| &frozen.world);
        if let Some(store) = &world.store
            && self.table.fold(store, wanted, &self.config)
        {
            self.due.force();
        }
    }
}
