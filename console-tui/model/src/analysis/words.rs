//! What tasks and threads are called.

use crate::{
    analysis::Analysis,
    id::{SiteId, TaskKey},
    store::task::{Agent, Task},
};

impl Analysis<'_> {
    /// `transfer #88`, `#88`, `conn s5`.
    pub(crate) fn task_words(self, task: &Task) -> String {
        let mark = if task.facts.tokio_id > 0 { "#" } else { "" };
        match self.store.name(task) {
            Some(name) => format!("{name} {mark}{}", task.id()),
            None => format!("{mark}{}", task.id()),
        }
    }

    /// `accept #117`, `thread tokio-runtime-worker`; `None`: unknown.
    pub(crate) fn waker_words(self, waker: Agent) -> Option<String> {
        match waker {
            Agent::Unknown => None,
            Agent::Thread(index) => {
                let name = self.store.thread_name(index).unwrap_or_else(|| index.to_string());
                Some(format!("thread {name} (outside any task)"))
            }
            Agent::Task(key) => Some(match self.store.task(key) {
                Some(task) => self.task_words(task),
                None => format!("a task that has ended (s{})", key.slot),
            }),
        }
    }

    /// What is polled: `render-pdf #102`, or where it was spawned if it is not known any more.
    pub(crate) fn polled_words(self, task: Option<TaskKey>, site: SiteId) -> String {
        match (task.and_then(|key| self.store.task(key)), self.store.short_place(site)) {
            (Some(task), _) => self.task_words(task),
            (None, Some(place)) => format!("a task spawned at {place}"),
            (None, None) => "a task that nothing is known of".to_owned(),
        }
    }
}
