//! What the user's actions and clicks do to the table on the screen: order, folds, columns; and which table that is.

use crate::{
    action::Action,
    effect::Effect,
    event::Target,
    model::{Model, overlay::OverlayState},
    nav::OverlayKind,
    table::fold::FoldMode,
    tables::TableId,
};

impl Model {
    pub(in crate::model) fn click(&mut self, target: Target, effects: &mut Vec<Effect>) {
        match target {
            Target::Row(index) => self.click_row(index, effects),
            Target::Tab(tab) => self.open_tab(tab),
            Target::Header(column) => self.perform(Action::SortBy(column), effects),
            Target::Table(table) => self.show_table(table),
            Target::Strip => self.perform(Action::OpenTopFinding, effects),
            Target::Breadcrumb(depth) => {
                self.editing = None;
                while self.nav_stack.len() > depth + 1 {
                    self.nav_stack.pop(&mut self.tables);
                }
                self.schedule.force();
            }
            Target::OverlayRow(index) => {
                if let Some(kind) = self.overlay.as_ref().map(OverlayState::kind) {
                    self.move_to(index);
                    if kind != OverlayKind::Help {
                        self.perform(Action::Open, effects);
                    }
                }
            }
            Target::Outside => self.overlay = None,
        }
        self.changed();
    }

    pub(super) fn change_table(&mut self, action: Action) {
        let Some(id) = self.shown_table() else { return };
        let snapshot = self.states.shown();
        let table = self.tables.get_mut(id);
        let mut fold =
            |wanted| snapshot.analysis().is_some_and(|store| table.fold(store, wanted, &self.config));
        let done = match action {
            Action::ToggleFold => fold(None),
            Action::Fold => fold(Some(true)),
            Action::Unfold => fold(Some(false)),
            Action::SortByChange => table.toggle_by_change(),
            action => {
                match action {
                    Action::SortNext => table.sort_step(1),
                    Action::SortPrev => table.sort_step(-1),
                    Action::InvertSort => table.invert_sort(),
                    Action::SortBy(column) => table.sort_by(column),
                    Action::ToggleColumn(column) => table.toggle_column(column),
                    Action::FoldAll => table.fold_all(FoldMode::All),
                    Action::UnfoldAll => table.fold_all(FoldMode::None),
                    _ => return,
                }
                true
            }
        };
        if done {
            self.schedule.force();
        }
    }

    /// To the next table of the screen; from a screen with one or none, to the channels.
    pub(super) fn show_next_table(&mut self) {
        self.show_table(self.next_table().unwrap_or(TableId::Channels));
    }

    /// The next table of the screen; `None`: it has one or none.
    pub(in crate::model) fn next_table(&self) -> Option<TableId> {
        let tables = self.screen().tab()?.tables();
        let now = self.shown_table();
        let at = tables.iter().position(|table| Some(*table) == now)?;
        tables.get((at + 1) % tables.len()).copied().filter(|next| Some(*next) != now)
    }

    fn show_table(&mut self, table: TableId) {
        let tab = self.tables.show(table);
        if let Some(tab) = tab.filter(|tab| self.screen() != tab.screen()) {
            self.open_tab(tab);
        }
        self.editing = None;
        self.schedule.force();
    }
}
