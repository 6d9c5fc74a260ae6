//! Looks at a program from outside.

use std::{sync::Arc, thread, time::Duration};

use taskscope_await::{Program, TaskKind, TaskState};
use taskscope_observe::{Observed, Observer, Process, SeenTask, Source};

use crate::programs::{Built, Running};

/// Looks until a program that was to come to rest has.
const LOOKS: usize = 200;

pub(crate) fn observer(built: &Built, running: &Running) -> Observer {
    observer_of(&built.program, running.pid())
}

pub(crate) fn observer_of(program: &Arc<Program>, pid: u32) -> Observer {
    let process = Process::open(pid).expect("it runs, and it is ours");
    Observer::new(Source::Live(process), program.clone(), false).expect("its program is mapped")
}

/// What a program shows whose tasks all wait.
pub(crate) fn settled(observer: &mut Observer) -> Observed {
    // A closure runs, and a root may sleep in its poll.
    let is_task = |kind| matches!(kind, TaskKind::Task | TaskKind::Local);
    let waits =
        |seen: &SeenTask| !seen.changed && (!is_task(seen.task.kind) || seen.task.state == TaskState::Idle);
    for _ in 0..LOOKS {
        let seen = observer.look().expect("it runs");
        if seen.tasks.iter().all(waits) {
            return seen;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("a task does not come to rest");
}
