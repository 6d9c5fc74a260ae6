//! Where the user is and the way back: every step is undone exactly, its filter included.
//!
//! Limit: [`MAX_DEPTH`] steps; the oldest ones are forgotten, the first screen never.

use crate::{
    event::Extent,
    id::{ResourceKey, TaskKey},
    model::pages::LinkList,
    nav::{Screen, Tab},
    screen::task::Link,
    table::Filter,
    tables::Tables,
};

/// Steps remembered.
const MAX_DEPTH: usize = 64;

/// The link that the user has chosen: by where it leads, as links before it come and go.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chosen {
    index: usize,
    to: Option<Screen>,
}

impl Chosen {
    /// The link with this number.
    pub(crate) fn of(links: &[Link], index: usize) -> Self {
        let index = index.min(links.len().saturating_sub(1));
        Self { index, to: links.get(index).map(|link| link.to) }
    }

    /// Which of these links it is; `None`: there are none.
    pub(crate) fn among(self, links: &[Link]) -> Option<usize> {
        let last = links.len().checked_sub(1)?;
        let index = self.index.min(last);
        let Some(to) = self.to.filter(|to| *to != links[index].to) else { return Some(index) };
        Some(links.iter().position(|link| link.to == to).unwrap_or(index))
    }
}

#[derive(Debug, Clone)]
struct Step {
    screen: Screen,
    /// The chosen link of a screen that has them.
    chosen: Chosen,
    /// The first line that is shown of it.
    top: usize,
    /// The link was moved to: it must be in sight.
    follows: bool,
    /// The filter of the tasks that this step replaced.
    replaced: Option<Filter>,
}

impl Step {
    fn to(screen: Screen) -> Self {
        Self { screen, chosen: Chosen::default(), top: 0, follows: false, replaced: None }
    }
}

/// The steps; never empty.
#[derive(Debug)]
pub(crate) struct NavStack {
    tab: Tab,
    first: Step,
    further: Vec<Step>,
    /// How the view drew the screen last, if it is one that can be longer than the terminal is high.
    extent: Extent,
}

impl Default for NavStack {
    fn default() -> Self {
        Self {
            tab: Tab::Overview,
            first: Step::to(Tab::Overview.screen()),
            further: Vec::new(),
            extent: Extent::default(),
        }
    }
}

impl NavStack {
    fn top(&self) -> &Step {
        self.further.last().unwrap_or(&self.first)
    }

    fn top_mut(&mut self) -> &mut Step {
        self.further.last_mut().unwrap_or(&mut self.first)
    }

    pub(crate) fn screen(&self) -> Screen {
        self.top().screen
    }

    pub(crate) fn chosen(&self) -> Chosen {
        self.top().chosen
    }

    fn choose(&mut self, chosen: Chosen) {
        let step = self.top_mut();
        (step.chosen, step.follows) = (chosen, true);
    }

    fn set_scroll(&mut self, top: usize) {
        let step = self.top_mut();
        (step.top, step.follows) = (top, false);
    }

    /// What was drawn of the screen.
    pub(crate) fn set_extent(&mut self, extent: Extent) {
        self.set_scroll(extent.top);
        self.extent = extent;
    }

    /// Lines of the screen that are shown.
    pub(crate) fn page(&self) -> usize {
        self.extent.page
    }

    /// The line that a screen of this extent begins with: where the user left it, with the `chosen` link in sight.
    pub(crate) fn scroll_top(&self, extent: &Extent, chosen: Option<usize>) -> usize {
        let Step { top, follows, .. } = *self.top();
        let line = chosen.filter(|_| follows).and_then(|link| extent.line_of(link));
        let top = line.map_or(top, |line| top.min(line).max((line + 1).saturating_sub(extent.page)));
        top.min(extent.last_top())
    }

    /// One step goes to the next link, further ones move the screen.
    pub(crate) fn scroll_by(&mut self, by: isize, (links, chosen): LinkList) {
        if by.unsigned_abs() > 1 {
            let top = self.extent.top.saturating_add_signed(by);
            return self.set_scroll(top.min(self.extent.last_top()));
        }
        let (link, top) = self.extent.step(chosen.unwrap_or(0), links.len(), by > 0);
        self.choose(Chosen::of(&links, link));
        self.set_scroll(top);
    }

    /// To a link; the first and the last possible number lead to the ends of the screen.
    pub(crate) fn move_to(&mut self, index: usize, links: &[Link]) {
        self.choose(Chosen::of(links, index));
        match index {
            0 => self.set_scroll(0),
            usize::MAX => self.set_scroll(self.extent.last_top()),
            _ => {}
        }
    }

    pub(crate) fn len(&self) -> usize {
        1 + self.further.len()
    }

    pub(crate) fn screens(&self) -> impl DoubleEndedIterator<Item = Screen> {
        std::iter::once(&self.first).chain(&self.further).map(|step| step.screen)
    }

    /// Tasks whose screens lie on the way, the last one first.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = TaskKey> {
        self.screens()
            .rev()
            .filter_map(|screen| if let Screen::Task(key) = screen { Some(key) } else { None })
    }

    /// The resources on the way, the last one first.
    pub(crate) fn resources(&self) -> impl Iterator<Item = ResourceKey> {
        self.screens()
            .rev()
            .filter_map(|screen| if let Screen::Resource(key) = screen { Some(key) } else { None })
    }

    pub(crate) fn tab(&self) -> Tab {
        self.tab
    }

    /// The tab so many to the right of this one.
    pub(crate) fn tab_beside(&self, step: isize) -> Tab {
        let now = Tab::ALL.iter().position(|tab| *tab == self.tab).unwrap_or(0);
        Tab::ALL[(now + Tab::ALL.len()).saturating_add_signed(step) % Tab::ALL.len()]
    }

    pub(crate) fn push(&mut self, screen: Screen) {
        if self.screen() == screen {
            return;
        }
        if self.further.len() == MAX_DEPTH {
            self.further.remove(0);
        }
        self.further.push(Step::to(screen));
    }

    /// To the tasks, with another filter until the user comes back.
    pub(crate) fn push_filtered(&mut self, replaced: Filter) {
        self.further.push(Step { replaced: Some(replaced), ..Step::to(Screen::Tasks) });
        if self.further.len() > MAX_DEPTH {
            self.further.remove(0);
        }
    }

    /// One step back. False: there is none.
    pub(crate) fn pop(&mut self, tables: &mut Tables) -> bool {
        let Some(step) = self.further.pop() else { return false };
        if let Some(filter) = step.replaced {
            tables.tasks.filter = filter;
        }
        true
    }

    /// Back to the screen with this number, from 0.
    pub(crate) fn back_to(&mut self, depth: usize, tables: &mut Tables) {
        while self.further.len() > depth && self.pop(tables) {}
    }

    pub(crate) fn go(&mut self, tab: Tab, tables: &mut Tables) {
        self.back_to(0, tables);
        (self.tab, self.first) = (tab, Step::to(tab.screen()));
    }

    /// Leaves the screens of tasks and resources that belong to another process.
    pub(crate) fn forget_process(&mut self, tables: &mut Tables) {
        // Of what is no tab, each is about something of a process.
        if self.screens().any(|screen| screen.tab().is_none()) {
            self.back_to(0, tables);
        }
    }
}
