//! Tasks by hooks.

use std::{cell::Cell, fmt, sync::Arc};

use taskscope_recorder::{Knows, Spawn, TaskId};
use tokio::runtime::{Builder, TaskMeta};

use super::{Hooks, table::Table};
use crate::handle::Handle;

thread_local! {
    /// Tokio's id of the task whose span arrived last on this thread: its spawn hook comes right after.
    static LAST_TRACED: Cell<u64> = const { Cell::new(0) };
}

/// Notes that a task's span arrived, so that its spawn hook passes it by.
pub(in crate::source) fn traced(tokio_id: u64) {
    LAST_TRACED.set(tokio_id);
}

type Hook = Arc<dyn Fn(&TaskMeta<'_>) + Send + Sync>;

/// The program's own hooks of tasks.
#[derive(Clone, Default)]
pub(super) struct Own {
    spawn: Option<Hook>,
    before_poll: Option<Hook>,
    after_poll: Option<Hook>,
    terminate: Option<Hook>,
}

impl Hooks {
    /// The program's own hook for tokio's `on_task_spawn`.
    pub fn on_task_spawn(mut self, hook: impl Fn(&TaskMeta<'_>) + Send + Sync + 'static) -> Self {
        self.tasks.spawn = Some(Arc::new(hook));
        self
    }

    /// The program's own hook for tokio's `on_before_task_poll`.
    pub fn on_before_task_poll(mut self, hook: impl Fn(&TaskMeta<'_>) + Send + Sync + 'static) -> Self {
        self.tasks.before_poll = Some(Arc::new(hook));
        self
    }

    /// The program's own hook for tokio's `on_after_task_poll`.
    pub fn on_after_task_poll(mut self, hook: impl Fn(&TaskMeta<'_>) + Send + Sync + 'static) -> Self {
        self.tasks.after_poll = Some(Arc::new(hook));
        self
    }

    /// The program's own hook for tokio's `on_task_terminate`.
    pub fn on_task_terminate(mut self, hook: impl Fn(&TaskMeta<'_>) + Send + Sync + 'static) -> Self {
        self.tasks.terminate = Some(Arc::new(hook));
        self
    }
}

impl Own {
    pub(super) fn install(self, handle: Option<Handle>, builder: &mut Builder) {
        match handle {
            Some(handle) if !handle.is_off() => self.install_recording(&handle, builder),
            _ => self.install_alone(builder),
        }
    }

    /// Without a recorder: a poll then costs nothing more than the program's own hooks.
    fn install_alone(self, builder: &mut Builder) {
        if let Some(hook) = self.spawn {
            builder.on_task_spawn(move |meta| hook(meta));
        }
        if let Some(hook) = self.before_poll {
            builder.on_before_task_poll(move |meta| hook(meta));
        }
        if let Some(hook) = self.after_poll {
            builder.on_after_task_poll(move |meta| hook(meta));
        }
        if let Some(hook) = self.terminate {
            builder.on_task_terminate(move |meta| hook(meta));
        }
    }

    fn install_recording(self, handle: &Handle, builder: &mut Builder) {
        handle.sources().hooks.store(true, std::sync::atomic::Ordering::Relaxed);
        let table = Arc::new(Table::new());
        let Self { spawn, before_poll, after_poll, terminate } = self;
        let recorder = move |handle: &Handle| (handle.clone(), Arc::clone(&table));

        let (own, tasks) = recorder(handle);
        builder.on_task_spawn(move |meta| {
            spawned(&own, &tasks, meta);
            call(spawn.as_ref(), meta);
        });
        let (own, tasks) = recorder(handle);
        builder.on_before_task_poll(move |meta| {
            if let Some(task) = known(&tasks, meta) {
                own.recorder().enter(task);
            }
            call(before_poll.as_ref(), meta);
        });
        let (own, tasks) = recorder(handle);
        builder.on_after_task_poll(move |meta| {
            if let Some(task) = known(&tasks, meta) {
                own.recorder().exit(task);
            }
            call(after_poll.as_ref(), meta);
        });
        let (own, tasks) = recorder(handle);
        builder.on_task_terminate(move |meta| {
            if tasks.is_used()
                && let Some(task) = tasks.remove(number(meta))
            {
                own.recorder().release(task);
            }
            call(terminate.as_ref(), meta);
        });
    }
}

fn spawned(handle: &Handle, tasks: &Table, meta: &TaskMeta<'_>) {
    let tokio_id = number(meta);
    if LAST_TRACED.get() == tokio_id || !handle.is_recording() {
        return;
    }
    let at = meta.spawned_at();
    let task = handle.recorder().spawn(&Spawn {
        tokio_id,
        site: Some(handle.recorder().sites.place_number(at)),
        // No wakes, and so no waiting time either.
        knows: Knows::default(),
        ..Spawn::default()
    });
    tasks.insert(tokio_id, task);
}

#[inline]
fn known(tasks: &Table, meta: &TaskMeta<'_>) -> Option<TaskId> {
    if tasks.is_used() { tasks.find(number(meta)) } else { None }
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
