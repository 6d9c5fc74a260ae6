//! What the user's actions and clicks do.

use super::{Ui, overlays::Entered, selected};
use crate::{
    action::Action,
    effect::Effect,
    event::{Edit, Target},
    id::{IoKey, SiteId, TaskKey},
    lints::{Group, LintKind, findings::Finding},
    model::overview,
    nav::{OverlayKind, Screen, Tab, WaitsOf},
    screen::findings::{FindingId, Subject as About},
    store::task::{Agent, Task},
    table::{Context, Filter, Opens, Subject, any::AnyTable},
    tables::{TableId, io},
};

impl Ui {
    /// Does what the user asks for. What else is to be done comes back: the action that was chosen in the palette.
    pub(in crate::model) fn perform(
        &mut self,
        action: Action,
        at: Option<Context<'_>>,
        effects: &mut Vec<Effect>,
    ) -> Option<Action> {
        match action {
            Action::NextRow => self.move_by(1, at),
            Action::PrevRow => self.move_by(-1, at),
            Action::PageDown => self.move_by(self.page(), at),
            Action::PageUp => self.move_by(-self.page(), at),
            Action::First => self.move_to(0, at),
            Action::Last => self.move_to(usize::MAX, at),
            Action::Open => return self.enter(at),
            Action::Back => self.back(),
            Action::OpenTopFinding => {
                if let Some(at) = at {
                    self.open_finding(at.findings.list.first(), at);
                }
            }
            Action::OpenParent => self.open_related(at, |task| task.facts.parent),
            Action::OpenLastWaker => self.open_related(at, |task| match task.stats.last_waker {
                Agent::Task(key) => Some(key),
                Agent::Thread(_) | Agent::Unknown => None,
            }),
            Action::Waits => self.open_waits(at),
            Action::NextTab => self.open_tab(self.nav.tab_beside(1)),
            Action::PrevTab => self.open_tab(self.nav.tab_beside(-1)),
            Action::Help => self.overlays.toggle(OverlayKind::Help),
            Action::Palette => self.overlays.toggle(OverlayKind::Palette),
            Action::Columns => self.overlays.toggle(OverlayKind::Columns),
            Action::Filter => {
                if let Some(table) = self.tables.on(self.nav.screen()) {
                    self.overlays.edit_filter(table, self.tables.get_mut(table).filter().clone());
                }
            }
            Action::ClearFilter => self.clear_filter(),
            Action::CopyId => {
                let id = self.subject(at).and_then(|of| selected::id(at, of));
                effects.extend(id.map(Effect::CopyText));
            }
            Action::CopyPlace => {
                let place = self.subject(at).and_then(|of| selected::place(at, of));
                effects.extend(place.map(Effect::CopyText));
            }
            Action::ToggleMouse => {
                self.mouse = !self.mouse;
                effects.push(Effect::SetMouse(self.mouse));
            }
            Action::Suspend => effects.push(Effect::Suspend),
            Action::Quit => effects.push(Effect::Quit),
            Action::ToggleParts => {
                self.tables.resources.with_parts = !self.tables.resources.with_parts;
                self.wants.rows = true;
            }
            // From a screen with one table or none it leads to the channels.
            Action::ToggleChannels => {
                self.show_table(self.tables.after(self.nav.screen()).unwrap_or(TableId::Channels));
            }
            action => match (Tab::of_action(action), self.tables.on(self.nav.screen())) {
                (Some(tab), _) => self.open_tab(tab),
                (None, Some(table)) => self.wants.rows |= self.tables.get_mut(table).change(action, at),
                (None, None) => {}
            },
        }
        self.wants.moved |= action.is_navigation();
        None
    }

    /// The action that a click stands for comes back.
    pub(in crate::model) fn click(&mut self, target: Target, at: Option<Context<'_>>) -> Option<Action> {
        match target {
            Target::Row(index) => return self.click_row(index, at),
            Target::Header(column) => return Some(Action::SortBy(column)),
            Target::Strip => return Some(Action::OpenTopFinding),
            Target::OverlayRow(index) => {
                let kind = self.overlays.kind()?;
                self.move_to(index, at);
                return (kind != OverlayKind::Help).then_some(Action::Open);
            }
            Target::Tab(tab) => self.open_tab(tab),
            Target::Table(table) => self.show_table(table),
            Target::Breadcrumb(depth) => {
                self.overlays.end_editing();
                self.nav.back_to(depth, &mut self.tables);
                self.wants.rows = true;
            }
            Target::Outside => {
                self.overlays.close();
            }
        }
        None
    }

    fn click_row(&mut self, index: usize, at: Option<Context<'_>>) -> Option<Action> {
        let selected = match self.list() {
            Some(table) => Some(table.position().index),
            None => self.links(at).and_then(|(_, chosen)| chosen),
        };
        if selected == Some(index) && self.overlays.kind().is_none() {
            return Some(Action::Open);
        }
        self.move_to(index, at);
        None
    }

    /// The user types.
    pub(in crate::model) fn edit(&mut self, edit: &Edit) {
        let table = self.tables.on(self.nav.screen()).map(|id| self.tables.get(id));
        if let Some((table, filter)) = self.overlays.edit(edit, table) {
            self.set_filter(table, filter);
        }
    }

    fn page(&self) -> isize {
        let page = self.list().map_or(self.nav.page(), |table| table.position().page);
        // One row of the old page stays to hold on to.
        isize::try_from(page.saturating_sub(1).max(1)).unwrap_or(isize::MAX)
    }

    pub(in crate::model) fn move_by(&mut self, by: isize, at: Option<Context<'_>>) {
        let from = self.overlays.selected().or_else(|| self.list().map(|table| table.position().index));
        match from {
            Some(from) => self.move_to(from.saturating_add_signed(by), at),
            None => self.nav.scroll_by(by, self.links(at).unwrap_or_default()),
        }
    }

    fn move_to(&mut self, index: usize, at: Option<Context<'_>>) {
        self.wants.moved = true;
        let table = self.tables.on(self.nav.screen()).map(|id| self.tables.get(id));
        if self.overlays.select(index, table) {
            return;
        }
        match self.list().map(AnyTable::id) {
            Some(table) => self.tables.get_mut(table).move_to(index),
            None => self.nav.move_to(index, &self.links(at).unwrap_or_default().0),
        }
    }

    /// Enter: what was chosen or typed, or where the selected row or link leads.
    fn enter(&mut self, at: Option<Context<'_>>) -> Option<Action> {
        let table = self.tables.on(self.nav.screen()).map(|id| self.tables.get(id));
        match self.overlays.enter(table) {
            Entered::Nothing => {}
            Entered::Done => return None,
            Entered::Action(action) => return Some(action),
        }
        if let (Some(table), Some(at)) = (self.list(), at) {
            match table.opens(at) {
                Some(opens) => self.follow(opens, at),
                None => return Some(Action::ToggleFold),
            }
        } else if let (Screen::Overview, Some(at)) = (self.nav.screen(), at) {
            if let Some(opens) = overview::leads(at, self.nav.chosen(), self.height) {
                self.follow(opens, at);
            }
        } else {
            let link = self.links(at).and_then(|(links, chosen)| links.get(chosen?).map(|link| link.to));
            if let Some(screen) = link {
                self.open(screen);
            }
        }
        None
    }

    fn follow(&mut self, opens: Opens, at: Context<'_>) {
        match opens {
            Opens::Screen(screen) => self.open(screen),
            Opens::Finding(id) => self.open_finding(at.findings.get(id), at),
            Opens::Place(site) => self.open_place(None, site, at),
        }
    }

    fn open(&mut self, screen: Screen) {
        self.overlays.end_editing();
        self.nav.push(screen);
        self.wants.rows = true;
    }

    fn open_waits(&mut self, at: Option<Context<'_>>) {
        let of = match self.subject(at) {
            Some(Subject::Task(key)) => WaitsOf::Task(key),
            Some(Subject::Resource(key)) => WaitsOf::Resource(key),
            Some(Subject::Descriptor(_) | Subject::Site(_)) | None => return,
        };
        self.open(Screen::Waits(of));
    }

    fn open_related(&mut self, at: Option<Context<'_>>, related: impl Fn(&Task) -> Option<TaskKey>) {
        let Some(Subject::Task(from)) = self.subject(at) else { return };
        // One that is known.
        let target = at.and_then(|at| Some(at.store.task(related(at.store.task(from)?)?)?.key));
        if let Some(key) = target {
            self.open(Screen::Task(key));
        }
    }

    fn open_finding(&mut self, finding: Option<&Finding>, at: Context<'_>) {
        let Some(finding) = finding else { return };
        let FindingId { lint, site, subject } = finding.id;
        match subject {
            // A cycle is best seen as one.
            About::Task(key) if lint == LintKind::Deadlock => {
                return self.open(Screen::Waits(WaitsOf::Task(key)));
            }
            About::Task(key) => return self.open(Screen::Task(key)),
            About::Resource(key) => return self.open(Screen::Resource(key)),
            About::Descriptor(id) => return self.open(io::screen(at.store, IoKey::Descriptor(id))),
            // Those of a place are best seen beside all others.
            About::Site if lint.group() == Group::Io => return self.open_tab(Tab::Io),
            About::Runtime(_) => return self.open_tab(Tab::Runtime),
            About::Site | About::Thread(_) => {}
        }
        if let (1, Some(key)) = (finding.count, finding.tasks.first()) {
            return self.open(Screen::Task(*key));
        }
        self.open_place((!lint.is_about_sites()).then_some(lint), site, at);
    }

    /// The tasks of a place, of a lint those that it is about.
    fn open_place(&mut self, lint: Option<LintKind>, site: SiteId, at: Context<'_>) {
        let place = at.store.place(site).map(|place| format!("place=\"{place}\""));
        let lint = lint.map(|lint| format!("lint:{}", lint.name()));
        let text = [lint, place].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let Ok(filter) = Filter::parse(&text, &TableId::Tasks.names()) else { return };
        let replaced = std::mem::replace(&mut self.tables.tasks.filter, filter);
        self.nav.push_filtered(replaced);
        self.overlays.end_editing();
        self.tables.tasks.move_to(0);
        self.wants.rows = true;
    }

    fn back(&mut self) {
        if self.overlays.close() {
            return;
        }
        if let Some(editing) = self.overlays.end_editing() {
            return self.set_filter(editing.table, editing.before);
        }
        if !self.nav.pop(&mut self.tables) {
            self.clear_filter();
        }
        self.wants.rows = true;
    }

    fn open_tab(&mut self, tab: Tab) {
        self.overlays.close();
        self.overlays.end_editing();
        self.nav.go(tab, &mut self.tables);
        self.wants.rows = true;
    }

    fn show_table(&mut self, table: TableId) {
        let tab = self.tables.show(table);
        if let Some(tab) = tab.filter(|tab| self.nav.screen() != tab.screen()) {
            self.open_tab(tab);
        }
        self.overlays.end_editing();
        self.wants.rows = true;
    }

    fn clear_filter(&mut self) {
        if let Some(table) = self.tables.on(self.nav.screen()) {
            self.set_filter(table, Filter::default());
        }
    }

    fn set_filter(&mut self, table: TableId, filter: Filter) {
        *self.tables.get_mut(table).filter() = filter;
        self.wants.rows = true;
    }
}
