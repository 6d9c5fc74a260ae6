//! Tasks by tokio's ids, for a console that shows a few of them: where they are is looked up once, and read again and again.
//!
//! Limits: [`MAX_NAMED`] ids at once; a search takes at most one part in [`SEARCH_SHARE`] of the time.

use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Look, Observer, SeenTask};
use crate::{error::AttachError, process::Thread};

/// Ids of which the places are kept.
pub(super) const MAX_NAMED: usize = 1 << 20;
/// Tasks that were not found are searched for again after so many times what the last search took.
const SEARCH_SHARE: u32 = 20;
/// And at least this long after it.
const LEAST_SEARCH_PAUSE: Duration = Duration::from_millis(500);

/// Where tasks are.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// Headers by id.
    headers: FxHashMap<u64, u64>,
    /// No search before then, but for ids that no search looked for.
    next: Option<Instant>,
    /// Ids that the last search did not find.
    missed: FxHashSet<u64>,
}

impl Observer {
    /// The tasks with these of tokio's ids, as they are now; those that are not found are left out. The first time of an id costs a look at all lists of tasks:
    /// about 5 µs a task; after that the task alone, about 30 µs.
    ///
    /// # Errors
    /// The process has ended, or executed another program.
    pub fn tasks(&mut self, ids: &[u64]) -> Result<Vec<SeenTask>, AttachError> {
        let ids: FxHashSet<u64> = ids.iter().copied().filter(|id| *id != 0).take(MAX_NAMED).collect();
        let (mut seen, unknown) = self.known_tasks(&ids);
        if self.is_search_due(&unknown) {
            self.search(&unknown)?;
            seen.extend(self.known_tasks(&unknown).0);
        }
        if !self.source.has(self.first) {
            return Err(AttachError::Ended { pid: self.source.pid() });
        }
        self.named.headers.retain(|id, _| ids.contains(id));
        Ok(seen)
    }

    /// Those whose places are known, and the ids of the others.
    fn known_tasks(&mut self, ids: &FxHashSet<u64>) -> (Vec<SeenTask>, FxHashSet<u64>) {
        let mut look = Look::new(self);
        let mut seen = Vec::new();
        let mut unknown = FxHashSet::default();
        for id in ids {
            let header = look.observer().named.headers.get(id).copied();
            // Other tasks may be there by now.
            let found =
                header.and_then(|header| look.task(header, false)).filter(|it| it.task.id == Some(*id));
            match found {
                // A look at one task says nothing of runtimes.
                Some(found) => seen.push(SeenTask { runtime: None, ..found }),
                None => {
                    unknown.insert(*id);
                }
            }
        }
        (seen, unknown)
    }

    fn is_search_due(&self, unknown: &FxHashSet<u64>) -> bool {
        let is_new = || unknown.iter().any(|id| !self.named.missed.contains(id));
        let is_time = || self.named.next.is_none_or(|next| Instant::now() >= next);
        !unknown.is_empty() && (is_new() || is_time())
    }

    /// Looks for the ids in the lists, and where these have not all of them, in all memory.
    fn search(&mut self, unknown: &FxHashSet<u64>) -> Result<(), AttachError> {
        let started = Instant::now();
        let threads = self.source.threads();
        self.search_lists(unknown, &threads);
        let is_known = |observer: &Self| unknown.iter().all(|id| observer.named.headers.contains_key(id));
        if !is_known(self) {
            let maps = self.source.maps()?;
            self.scan_if_due(&maps, &threads);
            self.search_lists(unknown, &threads);
        }
        self.named.missed =
            unknown.iter().copied().filter(|id| !self.named.headers.contains_key(id)).collect();
        self.named.next = Some(Instant::now() + (started.elapsed() * SEARCH_SHARE).max(LEAST_SEARCH_PAUSE));
        Ok(())
    }

    fn search_lists(&mut self, unknown: &FxHashSet<u64>, threads: &[Thread]) {
        let mut look = Look::new(self);
        for thread in threads {
            look.seen_thread(thread.clone());
        }
        let (listed, others): (Vec<_>, Vec<_>) = look.headers().into_iter().partition(|(_, listed)| *listed);
        // What looks like a task in memory may be what is left of one: those of the lists come last, and stay.
        let headers = others.into_iter().chain(listed).map(|(header, _)| header);
        let known = |header| Some((look.task_id(header).filter(|id| unknown.contains(id))?, header));
        let found: Vec<(u64, u64)> = headers.filter_map(known).collect();
        self.named.headers.extend(found);
    }
}
