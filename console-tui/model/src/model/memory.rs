//! What the program's memory shows beside its stream: the shell reads it where the program is on this machine.

use rustc_hash::FxHashMap;

use crate::{
    config::Config,
    effect::{Effect, MemoryWish},
    event::{ConnectionEvent, MemoryNews},
    id::TaskKey,
    losses::Losses,
    screen::{
        runtime::{AwaitTreeView, TreeSource},
        task::TaskView,
    },
    store::{Store, ingest::await_tree},
    text::clean,
};

/// Bytes kept of a reason.
const MAX_REASON_BYTES: usize = 512;

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct Memory {
    asked: MemoryWish,
    /// The tasks in the wish, by their ids.
    tasks: FxHashMap<u64, TaskKey>,
    /// Why there is nothing.
    problem: Option<String>,
}

impl Memory {
    /// Another process may be at the end of another stream.
    pub(super) fn connection(&mut self, event: &ConnectionEvent) {
        if matches!(event, ConnectionEvent::Connected) {
            *self = Self::default();
        }
    }

    /// The wish for the tasks of which details are wanted, when that has changed.
    pub(super) fn next(
        &mut self,
        store: Option<&Store>,
        details: &[TaskKey],
        config: &Config,
    ) -> Option<Effect> {
        // Where all is from memory already, trees come with the rest.
        let store = store.filter(|store| !store.hello.is_memory() && !store.hello.is_tokio_console())?;
        let id = |key: &TaskKey| {
            let id = Some(store.task(*key)?.facts.tokio_id).filter(|id| *id != 0)?;
            Some((id, *key))
        };
        let tasks: FxHashMap<u64, TaskKey> = details.iter().filter_map(id).collect();
        let mut ids: Vec<u64> = tasks.keys().copied().collect();
        ids.sort_unstable();
        let wish = match (config.all_await_trees, ids.is_empty()) {
            (true, _) => MemoryWish::All,
            (false, true) => MemoryWish::Nothing,
            (false, false) => MemoryWish::Tasks(ids),
        };
        if wish == self.asked {
            return None;
        }
        (self.asked, self.tasks) = (wish.clone(), tasks);
        Some(Effect::ReadMemory(wish))
    }

    pub(super) fn news(&mut self, news: MemoryNews, store: Option<&mut Store>, losses: &mut Losses) {
        match news {
            MemoryNews::Problem(problem) => {
                self.problem = Some(clean(&problem, MAX_REASON_BYTES).into_owned());
            }
            MemoryNews::Trees(trees) => {
                self.problem = None;
                let Some(store) = store else { return };
                if self.asked == MemoryWish::All {
                    let live = store.tasks().filter(|task| !task.gone && task.facts.tokio_id != 0);
                    self.tasks = live.map(|task| (task.facts.tokio_id, task.key)).collect();
                }
                for (id, tree) in &trees {
                    await_tree(store, self.tasks.get(id).copied(), tree, store.now_ns, losses);
                }
            }
        }
    }

    /// Why a task that waits has no tree.
    pub(super) fn explain(&self, view: &mut TaskView) {
        if !view.await_trees.is_empty() || !view.waits {
            return;
        }
        view.await_trees.extend(self.problem.clone().map(|problem| AwaitTreeView {
            source: TreeSource::Nothing,
            taken_ago_ns: 0,
            lines: Vec::new(),
            problem: Some(problem),
        }));
    }
}
