//! What the user's actions and clicks do to the tables: order, folds, columns, and which of two is shown.

use crate::{
    action::Action,
    effect::Effect,
    event::Target,
    model::Model,
    nav::{OverlayKind, Screen, Tab},
    screen::locks::Listed,
    table::FoldMode,
};

impl Model {
    pub(in crate::model) fn click(&mut self, target: Target, effects: &mut Vec<Effect>) {
        match target {
            Target::Row(index) => self.click_row(index, effects),
            Target::Tab(tab) => self.open_tab(tab),
            Target::Header(column) => self.act(Action::SortBy(column), effects),
            Target::ResourceHeader(column) => {
                self.resource_table.sort_by(column);
                self.due.force();
            }
            Target::LockHeader(column) => {
                self.listed_table_mut().sort_by(column);
                self.due.force();
            }
            Target::IoHeader(column) => {
                self.io_tables.shown_mut().sort_by(column);
                self.due.force();
            }
            Target::IoList(listed) => self.show_io_list(listed),
            Target::ToggleChannels => self.act(Action::ToggleChannels, effects),
            Target::Strip => self.act(Action::OpenTopFinding, effects),
            Target::Breadcrumb(depth) => {
                self.editing = None;
                while self.route.len() > depth + 1 {
                    self.route.pop(&mut self.table);
                }
                self.due.force();
            }
            Target::OverlayRow(index) => {
                if let Some(overlay) = &mut self.overlay {
                    overlay.select(index);
                    if overlay.kind() != OverlayKind::Help {
                        self.act(Action::Open, effects);
                    }
                }
            }
            Target::Outside => self.overlay = None,
        }
        self.changed();
    }

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
