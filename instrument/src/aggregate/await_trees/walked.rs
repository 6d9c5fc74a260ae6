//! Await trees that the tool reads from the memory of its own process, by an index of the program's debug information.
//!
//! Invariants: a thread of the tool's walks, never the program's; without a console that wants trees it sleeps, and it is started by the first one. Trees leave
//! the process, bytes of memory do not; nor do the texts of variables. An index of another build is refused.
//!
//! Cost: the index in memory, twice its file; a walk about 15 µs a task, twice a second at most.

use std::{
    fs,
    path::Path,
    sync::{Arc, Condvar, Mutex, Weak},
    thread,
    time::{Duration, Instant},
};

use taskscope_await::{Index, Program};
use taskscope_observe::{Observer, Process, Source, await_trees};
use taskscope_proto::{limits, v1};

use super::live;
use crate::{
    Builder,
    aggregate::{Hub, lock},
};

/// Bytes of an index file that are read.
const MAX_INDEX_BYTES: u64 = 256 << 20;
/// Time between two walks, at least.
const INTERVAL: Duration = Duration::from_millis(500);
/// A walk may take one part in so many of the time.
const SHARE: u32 = 20;
/// Types nest deeply, and a walk follows them.
const STACK_BYTES: usize = 16 << 20;

/// The walk of this process.
#[derive(Debug)]
pub(in crate::aggregate) struct Walker {
    /// `None`: there is no index, or none of this build.
    shared: Option<Arc<Shared>>,
    problem: Option<String>,
}

#[derive(Debug)]
struct Shared {
    program: Arc<Program>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    started: bool,
    consoles: Vec<Weak<Mutex<Place>>>,
}

/// What one console wants, and what there is for it.
#[derive(Debug, Default)]
struct Place {
    /// By tokio's ids.
    wanted: Vec<(u64, v1::TaskRef)>,
    trees: Vec<v1::AwaitTree>,
}

/// What one console gets.
#[derive(Debug, Default)]
pub(super) struct Walked(Option<Arc<Mutex<Place>>>);

impl Walker {
    /// Reads the index that the options name.
    pub(in crate::aggregate) fn new(options: &Builder, build_id: &[u8]) -> Self {
        let Some(path) = &options.await_index else { return Self { shared: None, problem: None } };
        match index(path, build_id) {
            Ok(index) => {
                let program = Arc::new(Program::new(index));
                let shared = Shared { program, state: Mutex::default(), changed: Condvar::new() };
                Self { shared: Some(Arc::new(shared)), problem: None }
            }
            Err(why) => {
                Self { shared: None, problem: Some(format!("Await index {}: {why}.", path.display())) }
            }
        }
    }

    /// Bytes of the index.
    pub(in crate::aggregate) fn memory_bytes(&self) -> usize {
        self.shared.as_ref().map_or(0, |shared| shared.program.index().memory_bytes())
    }

    /// Why there are no trees: a sentence for people.
    pub(in crate::aggregate) fn problem(&self) -> Option<String> {
        self.problem.clone()
    }
}

/// The error is a part of a sentence.
fn index(path: &Path, build_id: &[u8]) -> Result<Index, String> {
    let bytes = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if bytes > MAX_INDEX_BYTES {
        return Err(format!("it has {bytes} bytes, more than an index of taskscope"));
    }
    let file = fs::read(path).map_err(|error| error.to_string())?;
    let index = Index::read(&file).map_err(|error| error.to_string())?;
    if build_id.is_empty() {
        return Err("this program has no build-id to compare; link it with -Wl,--build-id".to_owned());
    }
    if index.build_id != build_id {
        return Err("it is of another build of the program; make it again with `taskscope index`".to_owned());
    }
    Ok(index)
}

impl Walked {
    /// The tasks whose trees the console wants from now on.
    pub(super) fn want(&mut self, hub: &Hub, tasks: &[v1::TaskRef]) {
        let Some(shared) = &hub.walker.shared else { return };
        let recorder = hub.handle.recorder();
        let known = |task: &v1::TaskRef| Some((live(recorder, *task)?.1, *task)).filter(|(id, _)| *id != 0);
        let wanted: Vec<_> = tasks.iter().take(limits::MAX_DETAILS).filter_map(known).collect();
        if self.0.is_none() && wanted.is_empty() {
            return;
        }
        let place = self.0.get_or_insert_with(|| {
            let place = Arc::default();
            lock(&shared.state).consoles.push(Arc::downgrade(&place));
            place
        });
        *lock(place) = Place { wanted, trees: Vec::new() };
        shared.wake();
    }

    /// The trees that are new.
    pub(super) fn take(&mut self) -> Vec<v1::AwaitTree> {
        self.0.as_ref().map(|place| std::mem::take(&mut lock(place).trees)).unwrap_or_default()
    }
}

impl Shared {
    /// Starts the thread, or wakes it.
    fn wake(self: &Arc<Self>) {
        let mut state = lock(&self.state);
        if !state.started {
            let shared = Arc::clone(self);
            let thread = thread::Builder::new().name("taskscope-walk".to_owned()).stack_size(STACK_BYTES);
            let started = thread.spawn(move || {
                crate::source::mark_own_thread();
                shared.run();
            });
            // Without a thread the next wish tries again.
            state.started = started.is_ok();
        }
        drop(state);
        self.changed.notify_one();
    }

    fn run(&self) {
        let mut observer = self.observer();
        loop {
            let places = self.places();
            let began = Instant::now();
            let mut ids: Vec<u64> =
                places.iter().flat_map(|place| lock(place).wanted.clone()).map(|(id, _)| id).collect();
            ids.sort_unstable();
            ids.dedup();
            let trees = match &mut observer {
                Ok(observer) => match observer.tasks(&ids) {
                    Ok(seen) => Ok(await_trees(observer.source(), &seen)),
                    Err(error) => Err(error.to_string()),
                },
                Err(why) => Err(why.clone()),
            };
            for place in &places {
                lock(place).fill(&trees);
            }
            drop(places);
            thread::sleep((began.elapsed() * SHARE).max(INTERVAL));
        }
    }

    fn observer(&self) -> Result<Observer, String> {
        let process = Process::open(std::process::id()).map_err(|error| error.to_string())?;
        Observer::new(Source::Live(process), Arc::clone(&self.program), false)
            .map_err(|error| error.to_string())
    }

    /// The consoles that want trees, as soon as there is one.
    fn places(&self) -> Vec<Arc<Mutex<Place>>> {
        let mut state = lock(&self.state);
        loop {
            state.consoles.retain(|console| console.strong_count() > 0);
            let consoles = state.consoles.iter().filter_map(Weak::upgrade);
            let wanting: Vec<_> = consoles.filter(|place| !lock(place).wanted.is_empty()).collect();
            if !wanting.is_empty() {
                return wanting;
            }
            state = self.changed.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}

impl Place {
    fn fill(&mut self, trees: &Result<Vec<(u64, v1::AwaitTree)>, String>) {
        let tree = |(id, task): &(u64, v1::TaskRef)| {
            let tree = match trees {
                Ok(trees) => trees.iter().find(|(of, _)| of == id)?.1.clone(),
                Err(why) => v1::AwaitTree {
                    problem: format!("Not read from memory: {why}"),
                    walked: true,
                    ..v1::AwaitTree::default()
                },
            };
            Some(v1::AwaitTree { task: Some(*task), ..tree })
        };
        self.trees = self.wanted.iter().filter_map(tree).collect();
    }
}
