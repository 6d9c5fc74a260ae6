//! What the user's actions do.

mod selected;
mod tables;

use crate::{
    action::Action,
    effect::Effect,
    event::Edit,
    id::{IoKey, TaskKey},
    lint::LintKind,
    model::{
        Model,
        overlay::{AnyFilter, FilterEdit, OverlayState},
        route::Chosen,
    },
    nav::{Screen, Tab, WaitsOf},
    query::parse,
    screen::{
        findings::{FindingId, Subject},
        table::RowKey,
        task::Door,
    },
    store::task::Waker,
    table::Filter,
};

impl Model {
    pub(super) fn act(&mut self, action: Action, effects: &mut Vec<Effect>) {
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
            Action::OpenTopFinding => self.open_finding(self.world().findings.list.first().map(|f| f.id)),
            Action::OpenParent => self.open_related(|task| task.facts.parent),
            Action::OpenLastWaker => self.open_related(|task| match task.stats.last_waker {
                Waker::Task(key) => Some(key),
                Waker::Thread(_) | Waker::Unknown => None,
            }),
            Action::Waits => self.open_waits(),
            Action::NextTab => self.step_tab(1),
            Action::PrevTab => self.step_tab(-1),
            Action::Tasks => self.open_tab(Tab::Tasks),
            Action::Resources => self.open_tab(Tab::Resources),
            Action::Runtime => self.open_tab(Tab::Runtime),
            Action::Locks => self.open_tab(Tab::Locks),
            Action::Io => self.open_tab(Tab::Io),
            Action::Findings => self.open_tab(Tab::Findings),
            Action::Help => self.toggle_overlay(OverlayState::help()),
            Action::Palette => self.toggle_overlay(OverlayState::palette()),
            Action::Columns => self.toggle_overlay(OverlayState::columns()),
            Action::Filter => {
                if let Some(filter) = self.filter_in_force() {
                    self.overlay = None;
                    self.editing = Some(FilterEdit::new(filter));
                }
            }
            Action::ClearFilter => {
                if let Some(filter) = self.filter_in_force() {
                    self.set_filter(filter.cleared());
                }
            }
            Action::Freeze => self.set_frozen(!self.is_frozen()),
            Action::CopyId => effects.extend(self.copied_id().map(Effect::CopyText)),
            Action::CopyPlace => effects.extend(self.copied_place().map(Effect::CopyText)),
            Action::ToggleMouse => {
                self.mouse = !self.mouse;
                effects.push(Effect::SetMouse(self.mouse));
            }
            Action::Suspend => effects.push(Effect::Suspend),
            Action::Quit => effects.push(Effect::Quit),
            Action::ToggleParts => {
                self.resource_table.with_parts = !self.resource_table.with_parts;
                self.due.force();
            }
            Action::ToggleChannels if self.screen() == Screen::Io => self.next_io_list(),
            Action::ToggleChannels => self.toggle_channels(),
            Action::AwaitTree => self.await_trees = self.await_trees.wrapping_add(1).max(1),
            table_action if self.screen() == Screen::Io => self.act_on_io(table_action),
            table_action if self.screen() == Screen::Locks => self.act_on_locks(table_action),
            table_action if self.screen() == Screen::Resources => self.act_on_resources(table_action),
            table_action => self.act_on_table(table_action),
        }
        if action.is_navigation() {
            self.due.moved(self.now);
        }
    }

    fn open_waits(&mut self) {
        let of = match self.screen() {
            Screen::Task(key) => Some(WaitsOf::Task(key)),
            Screen::Tasks => self.table.selected_task().map(WaitsOf::Task),
            Screen::Resource(key) => Some(WaitsOf::Resource(key)),
            Screen::Locks | Screen::Resources | Screen::Io => self.selected_resource().map(WaitsOf::Resource),
            Screen::Findings => match self.selected_subject() {
                Some(RowKey::Task(key)) => Some(WaitsOf::Task(key)),
                _ => None,
            },
            Screen::Descriptor(_) | Screen::Waits(_) | Screen::Runtime | Screen::Worker(_) => None,
        };
        self.open_door(of.map(Screen::Waits));
    }

    fn page(&self) -> isize {
        let page = match self.screen() {
            Screen::Findings => self.finding_list.page(),
            Screen::Resources => self.resource_table.page(),
            Screen::Locks => self.listed_table().list.page(),
            Screen::Io => self.io_tables.shown().list.page(),
            Screen::Tasks => self.table.page(),
            Screen::Task(_)
            | Screen::Resource(_)
            | Screen::Descriptor(_)
            | Screen::Waits(_)
            | Screen::Runtime
            | Screen::Worker(_) => self.extent.page,
        };
        // One row of the old page stays to hold on to.
        isize::try_from(page.saturating_sub(1).max(1)).unwrap_or(isize::MAX)
    }

    pub(super) fn move_by(&mut self, by: isize) {
        let from = match (&self.overlay, self.screen()) {
            (Some(overlay), _) => overlay.selected(),
            (None, Screen::Tasks) => {
                self.table.move_by(by);
                self.due.moved(self.now);
                return self.changed();
            }
            (None, Screen::Findings) => self.finding_list.index(),
            (None, Screen::Resources) => self.resource_table.index(),
            (None, Screen::Locks) => self.listed_table().list.index(),
            (None, Screen::Io) => self.io_tables.shown().list.index(),
            (
                None,
                Screen::Task(_)
                | Screen::Resource(_)
                | Screen::Descriptor(_)
                | Screen::Waits(_)
                | Screen::Runtime
                | Screen::Worker(_),
            ) => return self.scroll_by(by),
        };
        self.move_to(from.saturating_add_signed(by));
    }

    /// One step goes to the next door, further ones move the screen.
    fn scroll_by(&mut self, by: isize) {
        self.changed();
        if by.unsigned_abs() > 1 {
            let top = self.extent.top.saturating_add_signed(by);
            return self.route.set_scroll(top.min(self.extent.last_top()));
        }
        let (doors, chosen) = self.door_list().unwrap_or_default();
        let (door, top) = self.extent.step(chosen.unwrap_or(0), doors.len(), by > 0);
        self.route.choose(Chosen::of(&doors, door));
        self.route.set_scroll(top);
    }

    /// The chosen door of the screen, if it is one that has them.
    pub(super) fn chosen_door(&self) -> Option<usize> {
        self.door_list().and_then(|(_, chosen)| chosen)
    }

    /// The doors, and the chosen one.
    fn door_list(&self) -> Option<(Vec<Door>, Option<usize>)> {
        match self.screen() {
            Screen::Task(key) => self.task(key).map(|view| (view.doors, view.selected_door)),
            Screen::Resource(key) => self.resource(key).map(|view| (view.doors, view.selected_door)),
            Screen::Descriptor(id) => self.descriptor(id).map(|view| (view.doors, view.selected_door)),
            Screen::Waits(of) => self.waits(of).map(|view| (view.doors, view.selected_door)),
            Screen::Runtime => self.runtimes().map(|view| (view.doors, view.selected_door)),
            Screen::Worker(key) => self.worker(key).map(|view| (view.doors, view.selected_door)),
            Screen::Tasks | Screen::Findings | Screen::Resources | Screen::Locks | Screen::Io => None,
        }
    }

    pub(super) fn move_to(&mut self, index: usize) {
        self.changed();
        self.due.moved(self.now);
        if let Some(overlay) = &mut self.overlay {
            overlay.select(index);
            return;
        }
        match self.screen() {
            Screen::Tasks => self.table.move_to(index),
            Screen::Findings => {
                let world = self.frozen.as_ref().map_or(&self.live, |frozen| &frozen.world);
                self.finding_list.move_to(index, world);
            }
            Screen::Resources => self.resource_table.move_to(index),
            Screen::Locks => self.listed_table_mut().list.move_to(index),
            Screen::Io => self.io_tables.shown_mut().list.move_to(index),
            Screen::Task(_)
            | Screen::Resource(_)
            | Screen::Descriptor(_)
            | Screen::Waits(_)
            | Screen::Runtime
            | Screen::Worker(_) => {
                let (doors, _) = self.door_list().unwrap_or_default();
                self.route.choose(Chosen::of(&doors, index));
                match index {
                    0 => self.route.set_scroll(0),
                    usize::MAX => self.route.set_scroll(self.extent.last_top()),
                    _ => {}
                }
            }
        }
    }

    pub(super) fn click_row(&mut self, index: usize, effects: &mut Vec<Effect>) {
        let selected = match self.screen() {
            Screen::Tasks => self.table.selected_index(),
            Screen::Findings => self.finding_list.selected().map(|_| self.finding_list.index()),
            Screen::Resources => self.resource_table.selected_index(),
            Screen::Locks => self.listed_table().list.selected_index(),
            Screen::Io => self.io_tables.shown().list.selected_index(),
            Screen::Task(_)
            | Screen::Resource(_)
            | Screen::Descriptor(_)
            | Screen::Waits(_)
            | Screen::Runtime
            | Screen::Worker(_) => self.chosen_door(),
        };
        if selected == Some(index) && self.overlay.is_none() {
            self.act(Action::Open, effects);
        } else {
            self.move_to(index);
        }
    }

    fn open(&mut self, effects: &mut Vec<Effect>) {
        if let Some(overlay) = self.overlay.take() {
            match overlay.chosen(&self.table.columns) {
                Some(Action::ToggleColumn(column)) if !overlay.is_palette() => {
                    self.overlay = Some(overlay);
                    self.act_on_table(Action::ToggleColumn(column));
                }
                Some(action) => self.act(action, effects),
                None => {}
            }
            return;
        }
        if let Some(editing) = &self.editing {
            // A filter that can't be understood stays open, with its error.
            if editing.error().is_none() {
                self.editing = None;
            }
            return;
        }
        match self.screen() {
            Screen::Tasks => match self.table.selected() {
                Some(RowKey::Task(key)) => self.open_task(key),
                Some(RowKey::Group(_)) => self.fold(None),
                None => {}
            },
            Screen::Findings => self.open_finding(self.finding_list.selected()),
            Screen::Task(_)
            | Screen::Resource(_)
            | Screen::Descriptor(_)
            | Screen::Waits(_)
            | Screen::Runtime
            | Screen::Worker(_) => {
                let door =
                    self.door_list().and_then(|(doors, chosen)| doors.get(chosen?).map(|door| door.to));
                self.open_door(door);
            }
            Screen::Resources => match self.resource_table.selected_resource() {
                Some(key) => self.open_door(Some(Screen::Resource(key))),
                None => self.act_on_resources(Action::ToggleFold),
            },
            Screen::Locks => match self.listed_table().selected_resource() {
                Some(key) => self.open_door(Some(Screen::Resource(key))),
                None => self.act_on_locks(Action::ToggleFold),
            },
            Screen::Io => match self.selected_io() {
                Some(screen) => self.open_door(Some(screen)),
                None => self.act_on_io(Action::ToggleFold),
            },
        }
    }

    fn open_task(&mut self, key: TaskKey) {
        self.open_door(Some(Screen::Task(key)));
    }

    fn open_door(&mut self, to: Option<Screen>) {
        if let Some(screen) = to {
            self.editing = None;
            self.route.push(screen);
            self.due.force();
        }
    }

    fn open_related(&mut self, related: impl Fn(&crate::store::task::Task) -> Option<TaskKey>) {
        let from = match self.screen() {
            Screen::Task(key) => Some(key),
            Screen::Tasks => self.table.selected_task(),
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
        let Some(finding) = id.and_then(|id| self.world().findings.get(id)) else { return };
        match finding.id.subject {
            // A circle is best seen as one.
            Subject::Task(key) if finding.id.lint == LintKind::Deadlock => {
                return self.open_door(Some(Screen::Waits(WaitsOf::Task(key))));
            }
            Subject::Task(key) => return self.open_task(key),
            Subject::Resource(key) => return self.open_door(Some(Screen::Resource(key))),
            Subject::Descriptor(id) => {
                return self.open_door(Some(self.io_screen(IoKey::Descriptor(id))));
            }
            // Those of a place are best seen beside all others.
            Subject::Site if finding.id.lint.is_about_io() => return self.open_tab(Tab::Io),
            Subject::Runtime(_) => return self.open_tab(Tab::Runtime),
            Subject::Site | Subject::Thread(_) => {}
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
        let Ok(query) = parse::parse(&text) else { return };
        let replaced = std::mem::replace(&mut self.table.filter, Filter { text, query });
        self.route.push_filtered(replaced);
        self.editing = None;
        self.table.move_to(0);
        self.due.force();
    }

    fn back(&mut self) {
        if self.overlay.take().is_some() {
            return;
        }
        if let Some(editing) = self.editing.take() {
            return self.set_filter(editing.before);
        }
        if !self.route.pop(&mut self.table)
            && let Some(filter) = self.filter_in_force()
        {
            self.set_filter(filter.cleared());
        }
        self.due.force();
    }

    pub(super) fn open_tab(&mut self, tab: Tab) {
        (self.overlay, self.editing) = (None, None);
        self.route.go(tab, &mut self.table);
        self.due.force();
    }

    fn step_tab(&mut self, step: isize) {
        let now = Tab::ALL.iter().position(|tab| *tab == self.route.tab()).unwrap_or(0);
        let next = (now + Tab::ALL.len()).saturating_add_signed(step) % Tab::ALL.len();
        self.open_tab(Tab::ALL[next]);
    }

    fn toggle_overlay(&mut self, overlay: OverlayState) {
        self.overlay = match &self.overlay {
            Some(open) if open.kind() == overlay.kind() => None,
            _ => Some(overlay),
        };
    }

    /// The filter of the table on the screen; `None`: no table that has one is there.
    fn filter_in_force(&self) -> Option<AnyFilter> {
        match self.screen() {
            Screen::Tasks => Some(AnyFilter::Tasks(self.table.filter.clone())),
            Screen::Resources => Some(AnyFilter::Resources(self.resource_table.filter.clone())),
            Screen::Locks => Some(AnyFilter::Locks(self.listed_table().filter.clone())),
            Screen::Io => Some(AnyFilter::Io(self.io_tables.shown().filter.clone())),
            Screen::Task(_)
            | Screen::Resource(_)
            | Screen::Descriptor(_)
            | Screen::Findings
            | Screen::Waits(_)
            | Screen::Runtime
            | Screen::Worker(_) => None,
        }
    }

    /// Whether the screen has a table with a filter.
    pub(super) fn has_filter(&self) -> bool {
        self.filter_in_force().is_some()
    }

    fn set_filter(&mut self, filter: AnyFilter) {
        match filter {
            AnyFilter::Tasks(filter) => self.table.filter = filter,
            AnyFilter::Resources(filter) => self.resource_table.filter = filter,
            AnyFilter::Locks(filter) => self.listed_table_mut().filter = filter,
            AnyFilter::Io(filter) => self.io_tables.shown_mut().filter = filter,
        }
        self.due.force();
    }

    pub(super) fn edit(&mut self, edit: &Edit) {
        self.changed();
        if let Some(overlay) = &mut self.overlay {
            overlay.edit(edit);
            return;
        }
        let Some(editing) = &mut self.editing else { return };
        if *edit == Edit::Complete {
            let (start, words) = editing.completions();
            if let Some(word) = words.first() {
                editing.line.replace(start, word);
            }
        } else {
            editing.line.edit(edit);
        }
        // While it can't be understood, the last one that could stays in force.
        if let Ok(filter) = editing.filter() {
            self.set_filter(filter);
        }
    }
}
