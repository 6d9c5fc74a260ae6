//! Runtime hooks: the source for runtimes whose subscriber is somebody else's.
//!
//! They see tasks, spawn sites and polls, but no names, wakes or blocking tasks, and count one poll too many of a task that is aborted
//! (tokio calls them when it drops the future, too, and does not say so). A task whose span arrived is recorded by the span; the
//! hooks then pass it by at the cost of one load.
//!
//! Tokio has one slot a hook: the program's own hooks are given to [`Hooks`], which calls them after its own.

mod table;

use std::{cell::Cell, fmt, sync::Arc};

use taskscope_recorder::{Knows, Place, Spawn};
use tokio::runtime::{Builder, TaskMeta};

use self::table::Table;
use crate::handle::Handle;

thread_local! {
    /// Tokio's id of the task whose span arrived last on this thread: its spawn hook comes right after.
    static LAST_TRACED: Cell<u64> = const { Cell::new(0) };
}

/// Notes that a task's span arrived, so that its spawn hook passes it by.
pub(super) fn traced(tokio_id: u64) {
    LAST_TRACED.set(tokio_id);
}

type Hook = Arc<dyn Fn(&TaskMeta<'_>) + Send + Sync>;

/// The hooks of a runtime: taskscope's, then the program's own.
///
/// ```
/// let handle = taskscope::builder().build_handle();
/// let mut runtime = tokio::runtime::Builder::new_multi_thread();
/// taskscope::Hooks::new(&handle)
///     .on_task_spawn(|meta| println!("spawned {}", meta.id()))
///     .install(&mut runtime);
/// let runtime = runtime.build().unwrap();
/// # drop(runtime);
/// ```
#[derive(Clone)]
pub struct Hooks {
    handle: Handle,
    spawn: Option<Hook>,
    before_poll: Option<Hook>,
    after_poll: Option<Hook>,
    terminate: Option<Hook>,
}

impl Hooks {
    /// Taskscope's hooks alone.
    pub fn new(handle: &Handle) -> Self {
        Self { handle: handle.clone(), spawn: None, before_poll: None, after_poll: None, terminate: None }
    }

    /// The program's own hook for tokio's `on_task_spawn`.
    pub fn on_task_spawn(mut self, hook: impl Fn(&TaskMeta<'_>) + Send + Sync + 'static) -> Self {
        self.spawn = Some(Arc::new(hook));
        self
    }

    /// The program's own hook for tokio's `on_before_task_poll`.
    pub fn on_before_task_poll(mut self, hook: impl Fn(&TaskMeta<'_>) + Send + Sync + 'static) -> Self {
        self.before_poll = Some(Arc::new(hook));
        self
    }

    /// The program's own hook for tokio's `on_after_task_poll`.
    pub fn on_after_task_poll(mut self, hook: impl Fn(&TaskMeta<'_>) + Send + Sync + 'static) -> Self {
        self.after_poll = Some(Arc::new(hook));
        self
    }

    /// The program's own hook for tokio's `on_task_terminate`.
    pub fn on_task_terminate(mut self, hook: impl Fn(&TaskMeta<'_>) + Send + Sync + 'static) -> Self {
        self.terminate = Some(Arc::new(hook));
        self
    }

    /// Puts them into a runtime's builder, replacing the hooks it has.
    pub fn install(self, builder: &mut Builder) {
        self.handle.sources().hooks.store(true, std::sync::atomic::Ordering::Relaxed);
        let table = Arc::new(Table::new());
        let Self { handle, spawn, before_poll, after_poll, terminate } = self;
        let recorder = move |handle: &Handle| (handle.clone(), Arc::clone(&table));

        let (own, tasks) = recorder(&handle);
        builder.on_task_spawn(move |meta| {
            spawned(&own, &tasks, meta);
            call(spawn.as_ref(), meta);
        });
        let (own, tasks) = recorder(&handle);
        builder.on_before_task_poll(move |meta| {
            if let Some(task) = tasks.find(number(meta)) {
                own.recorder().enter(task);
            }
            call(before_poll.as_ref(), meta);
        });
        let (own, tasks) = recorder(&handle);
        builder.on_after_task_poll(move |meta| {
            if let Some(task) = tasks.find(number(meta)) {
                own.recorder().exit(task);
            }
            call(after_poll.as_ref(), meta);
        });
        let (own, tasks) = recorder(&handle);
        builder.on_task_terminate(move |meta| {
            if let Some(task) = tasks.remove(number(meta)) {
                own.recorder().release(task);
            }
            call(terminate.as_ref(), meta);
        });
    }
}

fn spawned(handle: &Handle, tasks: &Table, meta: &TaskMeta<'_>) {
    let tokio_id = number(meta);
    if LAST_TRACED.get() == tokio_id {
        return;
    }
    let at = meta.spawned_at();
    let task = handle.recorder().spawn(&Spawn {
        tokio_id,
        place: Some(Place { file: at.file(), line: at.line(), column: at.column() }),
        // No wakes, and so no waiting time either.
        knows: Knows::default(),
        ..Spawn::default()
    });
    tasks.insert(tokio_id, task);
}

fn call(hook: Option<&Hook>, meta: &TaskMeta<'_>) {
    if let Some(hook) = hook {
        hook(meta);
    }
}

/// The number of tokio's task id.
fn number(meta: &TaskMeta<'_>) -> u64 {
    // Only its text has it. See `Digits` for why this does not allocate.
    let mut digits = Digits(0);
    let _never_fails = fmt::write(&mut digits, format_args!("{}", meta.id()));
    digits.0
}

/// Reads a number as it is being written.
struct Digits(u64);

impl fmt::Write for Digits {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for digit in text.bytes().filter(u8::is_ascii_digit) {
            self.0 = self.0.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
        }
        Ok(())
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").field("handle", &self.handle).finish_non_exhaustive()
    }
}
