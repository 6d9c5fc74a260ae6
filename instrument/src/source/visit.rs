//! Reads the fields of tokio's spans and events.

use std::fmt::{self, Write as _};

use taskscope_recorder::{Knows, MAX_NAME_BYTES, Recorder, Spawn, TaskKind};
use tracing_core::{
    field::{Field, Visit},
    span::Attributes,
};

use super::{fields::Fields, place::PlaceVisitor};

/// The fields of a task's span.
#[derive(Debug, Default)]
pub(super) struct SpawnVisitor {
    kind: TaskKind,
    name: String,
    fields: Fields,
    tokio_id: u64,
    size_bytes: u64,
    original_size_bytes: u64,
    place: PlaceVisitor,
    in_workers_file: bool,
}

impl SpawnVisitor {
    /// Whether this is a worker thread of a runtime. Tokio starts those as blocking tasks that run for ever; to the program they are no
    /// tasks, and what happens on them outside of any task (timers, the driver) is not their doing.
    pub(super) fn is_worker(&self) -> bool {
        self.in_workers_file && self.kind == TaskKind::Blocking
    }

    /// Whether a worker is started because a poll gives its own place away (`block_in_place`). The other one that starts workers is a new
    /// runtime, in `Launch::launch`; the function's name is that of the closure there.
    pub(super) fn takes_a_place(&self) -> bool {
        self.is_worker() && !self.fields.as_str().contains("launch")
    }

    pub(super) fn spawn(&self, recorder: &Recorder, attributes: &Attributes<'_>) -> Spawn<'_> {
        let kind = self.kind;
        let polled_by_wakes = matches!(kind, TaskKind::Task | TaskKind::Local);
        Spawn {
            kind,
            name: &self.name,
            fields: self.fields.as_str(),
            tokio_id: self.tokio_id,
            place: None,
            site: Some(self.place.site(recorder, attributes)),
            size_bytes: self.size_bytes,
            original_size_bytes: self.original_size_bytes,
            knows: Knows {
                wakes: polled_by_wakes,
                // A blocking task waits in its queue from spawn to start; nothing says when a root future could run.
                scheduled: kind != TaskKind::BlockOn,
                wakers: polled_by_wakes,
                waker_clones: polled_by_wakes,
                no_polls: false,
            },
            traced: true,
        }
    }

    /// Takes the kind if it is one of tokio's; any other is a field like the others.
    fn is_kind(&mut self, value: fmt::Arguments<'_>) -> bool {
        let mut text = Text::<16>::default();
        if text.write_fmt(value).is_err() {
            return false;
        }
        self.kind = match text.as_str() {
            "task" => TaskKind::Task,
            "local" => TaskKind::Local,
            "blocking" => TaskKind::Blocking,
            "block_on" => TaskKind::BlockOn,
            _ => return false,
        };
        true
    }
}

impl Visit for SpawnVisitor {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "kind" if self.is_kind(format_args!("{value:?}")) => {}
            "task.name" => {
                let mut out = Bounded { text: &mut self.name, max_bytes: MAX_NAME_BYTES + 1 };
                let _full = write!(out, "{value:?}");
            }
            name => self.fields.text(name, value),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.fields.i64(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.fields.bool(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "task.id" => self.tokio_id = value,
            "size.bytes" => self.size_bytes = value,
            "original_size.bytes" => self.original_size_bytes = value,
            name if self.place.u64(name, value) => {}
            name => self.fields.u64(name, value),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            name if self.place.str(name, value) => self.in_workers_file = is_workers_file(value),
            "task.name" => value.clone_into(&mut self.name),
            "kind" if self.is_kind(format_args!("{value}")) => {}
            name => self.fields.str(name, value),
        }
    }
}

fn is_workers_file(file: &str) -> bool {
    // Either separator: the path is the compiler's.
    const WORKER: [&str; 4] = ["runtime", "scheduler", "multi_thread", "worker.rs"];
    file.ends_with("worker.rs") && file.rsplit(['/', '\\']).take(WORKER.len()).eq(WORKER.into_iter().rev())
}

/// What tokio says about a waker.
#[derive(Debug, Clone, Copy)]
pub(super) enum WakerOp {
    Wake,
    WakeByRef,
    Clone,
    Drop,
}

/// The fields of an event about a waker.
#[derive(Debug, Default)]
pub(super) struct WakerVisitor {
    pub(super) op: Option<WakerOp>,
    /// Id of the task's span.
    pub(super) task: u64,
}

impl Visit for WakerVisitor {
    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}

    #[inline]
    fn record_u64(&mut self, _field: &Field, value: u64) {
        // The only number of these events.
        self.task = value;
    }

    #[inline]
    fn record_str(&mut self, _field: &Field, value: &str) {
        self.op = match value {
            "waker.wake" => Some(WakerOp::Wake),
            "waker.wake_by_ref" => Some(WakerOp::WakeByRef),
            "waker.clone" => Some(WakerOp::Clone),
            "waker.drop" => Some(WakerOp::Drop),
            _ => None,
        };
    }
}

/// A short text without allocation; what doesn't fit is not ours.
#[derive(Debug)]
struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self { bytes: [0; N], len: 0 }
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let Some(free) = self.bytes.get_mut(self.len..end) else { return Err(fmt::Error) };
        free.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// Stops formatting at a limit: a program can name a task with a megabyte.
pub(super) struct Bounded<'t> {
    pub(super) text: &'t mut String,
    pub(super) max_bytes: usize,
}

impl fmt::Write for Bounded<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let free = self.max_bytes.saturating_sub(self.text.len());
        if text.len() <= free {
            self.text.push_str(text);
            return Ok(());
        }
        self.text.extend(text.chars().scan(free, |free, c| {
            *free = free.checked_sub(c.len_utf8())?;
            Some(c)
        }));
        Err(fmt::Error)
    }
}
