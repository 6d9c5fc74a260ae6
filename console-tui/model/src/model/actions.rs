//! What the user's actions do.

mod selected;
mod tables;

use crate::{
    action::Action,
    effect::Effect,
    event::Edit,
    id::{IoKey, TaskKey},
    lints::{Group, LintKind},
    model::{
        Model,
        nav_stack::Chosen,
        overlay::{FilterEdit, OverlayState},
    },
    nav::{Screen, Tab, WaitsOf},
    screen::{
        findings::{FindingId, Subject as About},
        task::Link,
    },
    store::task::Agent,
    table::{Filter, Opens, Subject, any::AnyTable},
    tables::TableId,
    tables::io,
};

impl Model {
    pub(super) fn perform(&mut self, action: Action, effects: &mut Vec<Effect>) {
        self.changed();
        match action {
            Action::NextRow => self.move_by(1),
            Action::PrevRow => self.move_by(-1),
            Action::PageDown => self.move_by(self.page()),
            Action::PageUp => self.move_by(-self.page()),
            Action::First => self.move_to(0),
            Action::Last => self.move_to(usize::MAX),
            Action::Open => self.open(effects),
            Action::Back => self.back(),
            Action::OpenTopFinding => self.open_finding(self.snapshot().findings.list.first().map(|f| f.id)),
            Action::OpenParent => self.open_related(|task| task.facts.parent),
            Action::OpenLastWaker => self.open_related(|task| match task.stats.last_waker {
                Agent::Task(key) => Some(key),
                Agent::Thread(_) | Agent::Unknown => None,
            }),
            Action::Waits => self.open_waits(),
            Action::NextTab => self.step_tab(1),
            Action::PrevTab => self.step_tab(-1),
            Action::Help => self.toggle_overlay(OverlayState::help()),
            Action::Palette => self.toggle_overlay(OverlayState::palette()),
            Action::Columns => self.toggle_overlay(OverlayState::columns()),
            Action::Filter => {
                if let Some(edit) = self.shown().map(FilterEdit::new) {
                    self.overlay = None;
                    self.editing = Some(edit);
                }
            }
            Action::ClearFilter => {
                if let Some(table) = self.shown_table() {
                    self.set_filter(table, Filter::default());
                }
            }
            Action::Freeze => self.set_frozen(!self.states.is_frozen()),
            Action::CopyId => effects.extend(self.copied_id().map(Effect::CopyText)),
            Action::CopyPlace => effects.extend(self.copied_place().map(Effect::CopyText)),
            Action::ToggleMouse => {
                self.mouse = !self.mouse;
                effects.push(Effect::SetMouse(self.mouse));
            }
            Action::Suspend => effects.push(Effect::Suspend),
            Action::Quit => effects.push(Effect::Quit),
            Action::ToggleParts => {
                self.tables.resources.with_parts = !self.tables.resources.with_parts;
                self.schedule.force();
            }
            Action::ToggleChannels => self.show_next_table(),
            Action::AwaitTree => self.await_trees = self.await_trees.wrapping_add(1).max(1),
            action => match Tab::of_action(action) {
                Some(tab) => self.open_tab(tab),
                None => self.change_table(action),
            },
        }
        if action.is_navigation() {
            self.schedule.moved(self.now);
        }
    }

    fn open_waits(&mut self) {
        let of = match self.subject() {
            Some(Subject::Task(key)) => Some(WaitsOf::Task(key)),
            Some(Subject::Resource(key)) => Some(WaitsOf::Resource(key)),
            Some(Subject::Descriptor(_) | Subject::Site(_)) | None => None,
        };
        self.open_link(of.map(Screen::Waits));
    }

    fn page(&self) -> isize {
        let page = self.list().map_or(self.extent.page, AnyTable::page);
        // One row of the old page stays to hold on to.
        isize::try_from(page.saturating_sub(1).max(1)).unwrap_or(isize::MAX)
    }

    pub(super) fn move_by(&mut self, by: isize) {
        let from = match (&self.overlay, self.list()) {
            (Some(overlay), _) => overlay.selected(),
            (None, Some(table)) => table.index(),
            (None, None) => return self.scroll_by(by),
        };
        self.move_to(from.saturating_add_signed(by));
    }

    /// One step goes to the next link, further ones move the screen.
    fn scroll_by(&mut self, by: isize) {
        self.changed();
        if by.unsigned_abs() > 1 {
            let top = self.extent.top.saturating_add_signed(by);
            return self.nav_stack.set_scroll(top.min(self.extent.last_top()));
        }
        let (links, chosen) = self.link_list().unwrap_or_default();
        let (link, top) = self.extent.step(chosen.unwrap_or(0), links.len(), by > 0);
        self.nav_stack.choose(Chosen::of(&links, link));
        self.nav_stack.set_scroll(top);
    }

    /// The chosen link of the screen, if it is one that has them.
    pub(super) fn chosen_link(&self) -> Option<usize> {
        self.link_list().and_then(|(_, chosen)| chosen)
    }

    /// The links, and the chosen one.
    fn link_list(&self) -> Option<(Vec<Link>, Option<usize>)> {
        match self.screen() {
            Screen::Task(key) => self.task(key).map(|view| (view.links, view.selected_link)),
            Screen::Resource(key) => self.resource(key).map(|view| (view.links, view.selected_link)),
            Screen::Descriptor(id) => self.descriptor(id).map(|view| (view.links, view.selected_link)),
            Screen::Waits(of) => self.waits(of).map(|view| (view.links, view.selected_link)),
            Screen::Runtime => self.runtimes().map(|view| (view.links, view.selected_link)),
            Screen::Worker(key) => self.worker(key).map(|view| (view.links, view.selected_link)),
            // The others are lists.
            _ => None,
        }
    }

    pub(super) fn move_to(&mut self, index: usize) {
        self.changed();
        self.schedule.moved(self.now);
        if let Some(mut overlay) = self.overlay.take() {
            overlay.select(index, self.shown());
            self.overlay = Some(overlay);
        } else if let Some(table) = self.list().map(AnyTable::id) {
            self.tables.get_mut(table).move_to(index);
        } else {
            let (links, _) = self.link_list().unwrap_or_default();
            self.nav_stack.choose(Chosen::of(&links, index));
            match index {
                0 => self.nav_stack.set_scroll(0),
                usize::MAX => self.nav_stack.set_scroll(self.extent.last_top()),
                _ => {}
            }
        }
    }

    pub(super) fn click_row(&mut self, index: usize, effects: &mut Vec<Effect>) {
        let selected = match self.list() {
            Some(table) => table.selected_index(),
            None => self.chosen_link(),
        };
        if selected == Some(index) && self.overlay.is_none() {
            self.perform(Action::Open, effects);
        } else {
            self.move_to(index);
        }
    }

    fn open(&mut self, effects: &mut Vec<Effect>) {
        if let Some(overlay) = self.overlay.take() {
            match overlay.chosen(self.shown()) {
                Some(Action::ToggleColumn(column)) if !overlay.is_palette() => {
                    self.overlay = Some(overlay);
                    self.change_table(Action::ToggleColumn(column));
                }
                Some(action) => self.perform(action, effects),
                None => {}
            }
            return;
        }
        if let Some(editing) = &self.editing {
            // A filter that can't be understood stays open, with its error.
            if editing.filter(self.tables.get(editing.table)).is_ok() {
                self.editing = None;
            }
            return;
        }
        if let (Some(table), Some(at)) = (self.list(), self.context()) {
            match table.opens(at) {
                Some(Opens::Screen(screen)) => self.open_link(Some(screen)),
                Some(Opens::Finding(id)) => self.open_finding(Some(id)),
                None => self.change_table(Action::ToggleFold),
            }
        } else {
            let link = self.link_list().and_then(|(links, chosen)| links.get(chosen?).map(|link| link.to));
            self.open_link(link);
        }
    }

    fn open_task(&mut self, key: TaskKey) {
        self.open_link(Some(Screen::Task(key)));
    }

    fn open_link(&mut self, to: Option<Screen>) {
        if let Some(screen) = to {
            self.editing = None;
            self.nav_stack.push(screen);
            self.schedule.force();
        }
    }

    fn open_related(&mut self, related: impl Fn(&crate::store::task::Task) -> Option<TaskKey>) {
        let from = match self.subject() {
            Some(Subject::Task(key)) => Some(key),
            _ => None,
        };
        let target = from.and_then(|key| {
            let store = self.store()?;
            let target = related(store.task(key)?)?;
            store.task(target).map(|task| task.key)
        });
        if let Some(key) = target {
            self.open_task(key);
        }
    }

    fn open_finding(&mut self, id: Option<FindingId>) {
        let Some(finding) = id.and_then(|id| self.snapshot().findings.get(id)) else { return };
        match finding.id.subject {
            // A cycle is best seen as one.
            About::Task(key) if finding.id.lint == LintKind::Deadlock => {
                return self.open_link(Some(Screen::Waits(WaitsOf::Task(key))));
            }
            About::Task(key) => return self.open_task(key),
            About::Resource(key) => return self.open_link(Some(Screen::Resource(key))),
            About::Descriptor(id) => {
                let screen = self.store().map(|store| io::screen(store, IoKey::Descriptor(id)));
                return self.open_link(screen);
            }
            // Those of a place are best seen beside all others.
            About::Site if finding.id.lint.group() == Group::Io => return self.open_tab(Tab::Io),
            About::Runtime(_) => return self.open_tab(Tab::Runtime),
            About::Site | About::Thread(_) => {}
        }
        if finding.count == 1
            && let Some(key) = finding.tasks.first().copied()
        {
            return self.open_task(key);
        }
        let place = self.store().and_then(|store| store.place(finding.id.site));
        let place = place.map(|place| format!("place=\"{place}\""));
        let lint = (!finding.id.lint.is_about_sites()).then(|| format!("lint:{}", finding.id.lint.name()));
        let text = [lint, place].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let Ok(filter) = self.tables.tasks.understand(&text) else { return };
        let replaced = std::mem::replace(&mut self.tables.tasks.filter, filter);
        self.nav_stack.push_filtered(replaced);
        self.editing = None;
        self.tables.tasks.move_to(0);
        self.schedule.force();
    }

    fn back(&mut self) {
        if self.overlay.take().is_some() {
            return;
        }
        if let Some(editing) = self.editing.take() {
            return self.set_filter(editing.table, editing.before);
        }
        if !self.nav_stack.pop(&mut self.tables)
            && let Some(table) = self.shown_table()
        {
            self.set_filter(table, Filter::default());
        }
        self.schedule.force();
    }

    pub(super) fn open_tab(&mut self, tab: Tab) {
        (self.overlay, self.editing) = (None, None);
        self.nav_stack.go(tab, &mut self.tables);
        self.schedule.force();
    }

    fn step_tab(&mut self, step: isize) {
        let now = Tab::ALL.iter().position(|tab| *tab == self.nav_stack.tab()).unwrap_or(0);
        let next = (now + Tab::ALL.len()).saturating_add_signed(step) % Tab::ALL.len();
        self.open_tab(Tab::ALL[next]);
    }

    fn toggle_overlay(&mut self, overlay: OverlayState) {
        self.overlay = match &self.overlay {
            Some(open) if open.kind() == overlay.kind() => None,
            _ => Some(overlay),
        };
    }

    fn set_filter(&mut self, table: TableId, filter: Filter) {
        self.tables.get_mut(table).set_filter(filter);
        self.schedule.force();
    }

    pub(super) fn edit(&mut self, edit: &Edit) {
        self.changed();
        if let Some(mut overlay) = self.overlay.take() {
            overlay.edit(edit, self.shown());
            self.overlay = Some(overlay);
            return;
        }
        let Some(editing) = &mut self.editing else { return };
        let table = self.tables.get(editing.table);
        if *edit == Edit::Complete {
            let completions = table.complete(&editing.line.text(), editing.line.cursor());
            if let Some(word) = completions.words.first() {
                editing.line.replace(completions.start, word);
            }
        } else {
            editing.line.edit(edit);
        }
        // While it can't be understood, the last one that could stays in force.
        if let Ok(filter) = editing.filter(table) {
            let table = editing.table;
            self.set_filter(table, filter);
        }
    }
}
