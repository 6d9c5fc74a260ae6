//! One look at everything of a kind: what the lints about it share.

pub(crate) mod io;
pub(crate) mod locks;
pub(crate) mod run;
pub(crate) mod runtimes;

use crate::{
    analysis::Analysis,
    format::duration_ns,
    id::SiteId,
    lints::{
        LintConfig, LintKind,
        judged::looks_at_memory,
        lint::{Check, ns},
    },
    store::{
        scheduler::{Delay, StuckPoll},
        task::{Agent, Task},
    },
};

/// Tasks that are named as those that held the workers.
const NAMED_BLAMED: usize = 3;

/// What every lint looks at: one process, at the moment that is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    pub(crate) store: Analysis<'a>,
    pub(crate) config: &'a LintConfig,
}

impl Look<'_> {
    /// The lints that are switched on and have what they need of this process.
    pub(crate) fn checks(&self) -> impl Iterator<Item = (LintKind, &'static Check)> + use<'_> {
        let memory = self.store.hello.is_memory();
        self.config.checks().filter(move |(kind, _)| !memory || looks_at_memory(*kind))
    }

    pub(crate) fn at(&self) -> u64 {
        self.store.now_ns
    }

    pub(crate) fn age_ns(&self, since_ns: u64) -> u64 {
        self.at().saturating_sub(since_ns)
    }

    pub(crate) fn is_old(&self, since_ns: u64, ms: u64) -> bool {
        self.age_ns(since_ns) >= ns(ms)
    }

    pub(crate) fn age(&self, since_ns: u64) -> String {
        duration_ns(self.age_ns(since_ns))
    }

    pub(crate) fn who(&self, who: Agent) -> String {
        self.store.who_words(who).unwrap_or_else(|| "an unknown task or thread".to_owned())
    }

    /// ` at src/ledger.rs:140`, or nothing.
    pub(crate) fn place(&self, site: SiteId) -> String {
        self.store.short_place(site).map_or_else(String::new, |place| format!(" at {place}"))
    }

    /// ` (acquired at src/ledger.rs:121)`, or nothing.
    pub(crate) fn noted(&self, what: &str, site: SiteId) -> String {
        self.store.short_place(site).map_or_else(String::new, |place| format!(" ({what} at {place})"))
    }

    /// `at src/main.rs:40`, or that it is unknown.
    pub(crate) fn spawned_at(&self, site: SiteId) -> String {
        self.store
            .short_place(site)
            .map_or_else(|| "at an unknown location".to_owned(), |place| format!("at {place}"))
    }
}

/// One task, at the moment that is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TaskLook<'a> {
    pub(crate) look: Look<'a>,
    pub(crate) task: &'a Task,
}

impl<'a> std::ops::Deref for TaskLook<'a> {
    type Target = Look<'a>;

    fn deref(&self) -> &Look<'a> {
        &self.look
    }
}

impl TaskLook<'_> {
    /// Where the task's poll is stuck, to follow a sentence about it; empty: unknown.
    pub(crate) fn stuck_words(&self) -> String {
        let stuck = self.store.scheduler.stuck_of(self.task.key).filter(|poll| poll.ended_ns.is_none());
        let words = stuck.and_then(StuckPoll::where_words);
        words.map_or_else(String::new, |words| format!("; it is {words}"))
    }

    /// The poll that goes on waits for a lock that blocks its thread.
    pub(crate) fn waits_for_a_guard(&self) -> bool {
        let stuck = self.store.scheduler.stuck_of(self.task.key).filter(|poll| poll.ended_ns.is_none());
        stuck.is_some_and(StuckPoll::waits_for_a_lock)
    }

    /// Whose guard it may wait for, to follow a sentence about that; empty: it waits for none. A poll that is no younger may hold it; where there is
    /// none, a task holds it across an await, or the task itself.
    pub(crate) fn guard_words(&self) -> String {
        if !self.waits_for_a_guard() {
            return String::new();
        }
        let since_ns = self.task.stats.state_since_ns;
        let mut stuck = self.store.scheduler.stuck.iter();
        let other = stuck.find(|poll| {
            poll.task != Some(self.task.key) && poll.started_ns <= since_ns && self.store.goes_on(poll)
        });
        let who = self.store.task_words(self.task);
        match other {
            Some(other) => format!(
                ". It waits for a lock that blocks its thread; {} has been in a poll for longer and may hold it",
                self.store.polled_words(other.task, other.site)
            ),
            None => format!(
                ". It waits for a lock that blocks its thread, and no poll is older: {who} itself may hold the guard, in this poll or across an await, or another \
                 task across an await"
            ),
        }
    }

    /// Who held the workers while the task has been waiting for one, to follow a sentence about that; empty: unknown.
    pub(crate) fn blame_words(&self) -> String {
        self.blame_words_of(&Delay::until_now(self.store.store(), self.task))
    }

    /// The same of a wait that is over.
    pub(crate) fn blame_words_of(&self, wait: &Delay) -> String {
        let blame = self.store.blame(wait);
        let named = blame.iter().take(NAMED_BLAMED).map(|blame| self.store.blame_words(blame));
        let words = named.collect::<Vec<_>>().join(", ");
        if words.is_empty() { words } else { format!("; meanwhile {words}") }
    }
}
