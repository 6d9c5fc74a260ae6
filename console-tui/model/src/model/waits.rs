//! The tree of who waits for whom, from a task or a lock down to the root.

use crate::{
    analysis::{
        Analysis,
        waits_for::chain::{ChainLine, Mark, Shown},
    },
    format::duration_ns,
    id::{ResourceKey, SiteId, TaskKey},
    model::ui::nav_stack::Chosen,
    nav::{Screen, WaitsOf},
    screen::{
        task::Link,
        waits::{WaitLine, WaitLineKind, WaitsView},
    },
    store::task::{Agent, State},
};

/// Waiters of a lock that are listed below it.
const MAX_WAITERS: usize = 32;

/// The tree; `None`: nothing is known of what it is about.
pub(super) fn view(store: Analysis<'_>, of: WaitsOf, chosen: Chosen) -> Option<WaitsView> {
    let mut tree = Tree { store, lines: Vec::new(), links: Vec::new(), shown: Shown::default() };
    match of {
        WaitsOf::Task(key) => tree.task(key)?,
        WaitsOf::Resource(key) => tree.resource(key)?,
    }
    let Tree { lines, links, .. } = tree;
    let selected_link = chosen.among(&links);
    Some(WaitsView { lines, links, selected_link })
}

struct Tree<'a> {
    store: Analysis<'a>,
    lines: Vec<WaitLine>,
    links: Vec<Link>,
    /// Each is followed once, whoever of the first level leads to it.
    shown: Shown,
}

impl Tree<'_> {
    fn task(&mut self, key: TaskKey) -> Option<()> {
        let task = self.store.store().task(key)?;
        let age_ns = Some(task.state_age_ns(self.store.now_ns));
        let state = match task.stats.state {
            State::Unknown => String::new(),
            state => format!(", {}", state.word()),
        };
        let words = self.store.task_words(task);
        let link = Some(self.link(Screen::Task(key), words.clone()));
        let text = format!("{words}{state}");
        self.push(0, text, link, WaitLineKind::Subject, age_ns, task.facts.site);
        self.chain(Agent::Task(key), 1);
        Some(())
    }

    /// Who holds it and what those wait for; then who waits for it.
    fn resource(&mut self, key: ResourceKey) -> Option<()> {
        let store = self.store;
        let resource = store.resources.resource(key)?;
        let words = store.resource_words(resource);
        let link = Some(self.link(Screen::Resource(key), words.clone()));
        self.push(0, words, link, WaitLineKind::Subject, None, resource.site);
        let lock = store.lock(key);
        for (lock, holder) in
            lock.iter().flat_map(|lock| lock.holders.iter().map(move |holder| (lock, holder)))
        {
            let verb = store.hold_words(resource, lock, holder);
            let age_ns = Some(store.now_ns.saturating_sub(holder.since_ns));
            self.whom(1, verb, holder.who, WaitLineKind::InTheWay, age_ns, holder.site);
            self.chain(holder.who, 2);
        }
        let waiters = store.waiters(key);
        for waiter in waiters.iter().take(MAX_WAITERS) {
            let age_ns = Some(store.now_ns.saturating_sub(waiter.since_ns));
            self.whom(1, "awaited by", waiter.who(), WaitLineKind::Waits, age_ns, waiter.op.site);
        }
        if waiters.len() > MAX_WAITERS {
            let more = format!("and {} more", waiters.len() - MAX_WAITERS);
            self.push(1, more, None, WaitLineKind::End, None, SiteId::NONE);
        }
        Some(())
    }

    fn chain(&mut self, who: Agent, depth: u8) {
        for line in self.store.chain_beside(who, &mut self.shown) {
            let link = self.link_of(&line);
            let kind = match line.mark {
                Mark::Waits(_) => WaitLineKind::Waits,
                Mark::InTheWay(_) => WaitLineKind::InTheWay,
                Mark::Cycle => WaitLineKind::Cycle,
                Mark::Above | Mark::Root | Mark::More(_) => WaitLineKind::End,
            };
            self.push(depth.saturating_add(line.depth), line.text, link, kind, line.age_ns, line.site);
        }
    }

    fn link_of(&mut self, line: &ChainLine) -> Option<usize> {
        match (line.mark, line.who) {
            (Mark::Waits(wait), _) => {
                let resource = self.store.resources.resource(wait.resource)?;
                Some(self.link(Screen::Resource(resource.key), self.store.resource_words(resource)))
            }
            (Mark::InTheWay(_) | Mark::Cycle | Mark::Above, Agent::Task(key)) => {
                let words = self.store.task_words(self.store.task(key)?);
                Some(self.link(Screen::Task(key), words))
            }
            _ => None,
        }
    }

    fn whom(
        &mut self,
        depth: u8,
        verb: &str,
        who: Agent,
        kind: WaitLineKind,
        age_ns: Option<u64>,
        site: SiteId,
    ) {
        let words = self.store.who_words(who).unwrap_or_else(|| "an unknown task or thread".to_owned());
        let link = match who {
            Agent::Task(key) if self.store.task(key).is_some() => {
                Some(self.link(Screen::Task(key), words.clone()))
            }
            _ => None,
        };
        self.push(depth, format!("{verb} {words}"), link, kind, age_ns, site);
    }

    /// A line has a link of its own, even where another one leads to the same place.
    fn link(&mut self, to: Screen, text: String) -> usize {
        self.links.push(Link { text, to });
        self.links.len() - 1
    }

    fn push(
        &mut self,
        depth: u8,
        text: String,
        link: Option<usize>,
        kind: WaitLineKind,
        age_ns: Option<u64>,
        site: SiteId,
    ) {
        let age = age_ns.map(duration_ns).unwrap_or_default();
        let place = self.store.short_place(site).unwrap_or_default();
        self.lines.push(WaitLine { depth, text, link, kind, age, place });
    }
}
