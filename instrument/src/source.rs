//! Where events come from: tokio's spans through a subscriber or a layer, runtime hooks, wrappers.
//!
//! All feed the same recorder, and a task that several see is one task.

pub(crate) mod callsite;
pub(crate) mod fields;
pub(crate) mod hooks;
#[cfg(feature = "layer")]
pub(crate) mod layer;
mod place;
mod resources;
mod visit;
pub(crate) mod wrap;

use std::{
    cell::Cell,
    num::NonZeroU64,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use taskscope_recorder::{AnyId, Recorder, TaskId, TaskKind};
use tracing_core::{Event, span::Attributes};

use self::{
    callsite::CallsiteKind,
    visit::{SpawnVisitor, WakerOp, WakerVisitor},
};
use crate::handle::Handle;

thread_local! {
    /// The task that a wrapper made and is about to hand to tokio on this thread; tokio's span for it is the same task.
    static HANDED_OVER: Cell<Option<TaskId>> = const { Cell::new(None) };
    /// Resources made on this thread are not to be recorded.
    static UNRECORDED: Cell<bool> = const { Cell::new(false) };
    /// This thread is the tool's own: its tasks stay hidden.
    static OWN_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Runs `spawn`, during which a task that tokio makes on this thread is `task`.
pub(crate) fn hand_over<R>(task: TaskId, spawn: impl FnOnce() -> R) -> R {
    HANDED_OVER.set(Some(task));
    let result = spawn();
    HANDED_OVER.set(None);
    result
}

/// Runs `make`, during which what tokio makes on this thread is not recorded, nor is anything that happens in it later: a wrapper is one
/// resource, not two.
pub(crate) fn unrecorded<R>(make: impl FnOnce() -> R) -> R {
    /// Puts it back even if `make` panics.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            UNRECORDED.set(self.0);
        }
    }
    let _before = Before(UNRECORDED.replace(true));
    make()
}

/// Marks the calling thread as the tool's own.
#[cfg(feature = "server")]
pub(crate) fn mark_own_thread() {
    OWN_THREAD.set(true);
}

/// Whether the calling thread is the tool's own.
#[inline]
pub(crate) fn is_own_thread() -> bool {
    OWN_THREAD.try_with(Cell::get).unwrap_or(false)
}

/// The word of a span that stands for what another source made, and ends without it.
fn borrowed(id: AnyId) -> NonZeroU64 {
    let word = id.to_non_zero_u64();
    taskscope_recorder::borrowed(word.get()).and_then(NonZeroU64::new).unwrap_or(word)
}

/// A new span of tokio's; the word is its id. `None`: not to be recorded.
fn new_span(
    handle: &Handle,
    kind: CallsiteKind,
    attributes: &Attributes<'_>,
    parent: Option<AnyId>,
) -> Option<NonZeroU64> {
    if !handle.is_recording() {
        // It was on its way when recording stopped; or a layer without a filter asks for all.
        return None;
    }
    if kind == CallsiteKind::Task {
        return new_task(handle, attributes).map(TaskId::to_non_zero_u64);
    }
    if is_own_thread() {
        return None;
    }
    let recorder = handle.recorder();
    let unrecorded = match parent {
        None => recorder.resources.is_unrecorded() || UNRECORDED.get(),
        Some(parent) => parent == AnyId::Unrecorded,
    };
    let new = match kind {
        // A wrapper polls it: what tokio says of this operation (that it was given its permits) is said of the wrapper's.
        CallsiteKind::Op if unrecorded => {
            let op = recorder.resources.polled_op().map(AnyId::Op);
            return Some(op.map_or(AnyId::Unrecorded.to_non_zero_u64(), borrowed));
        }
        // Its polls are the wrapper's.
        CallsiteKind::OpPoll
            if parent.is_none() && recorder.resources.polled_op() == recorder.resources.current_op() =>
        {
            None
        }
        // They are those of the operation that it is a part of.
        CallsiteKind::OpPoll if parent.is_none() && recorder.resources.is_in_part() => return None,
        _ if unrecorded => None,
        CallsiteKind::Resource => {
            mark(&handle.sources().resources);
            resources::new_resource(recorder, attributes).map(AnyId::Resource)
        }
        CallsiteKind::Op => match resources::new_op(recorder, attributes, parent) {
            Some((whole, false)) => return Some(borrowed(AnyId::Op(whole))),
            new => new.map(|(op, _)| AnyId::Op(op)),
        },
        CallsiteKind::OpPoll => resources::new_op_poll(recorder, parent).map(AnyId::OpPoll),
        _ => return None,
    };
    // What had no room is unrecorded too: else what happens in it would be put down to the span around it.
    Some(new.unwrap_or(AnyId::Unrecorded).to_non_zero_u64())
}

/// A span of tokio's for a new task. `None`: not to be recorded.
fn new_task(handle: &Handle, attributes: &Attributes<'_>) -> Option<TaskId> {
    if is_own_thread() {
        return None;
    }
    mark(&handle.sources().tracing);
    let mut visitor = SpawnVisitor::default();
    attributes.record(&mut visitor);
    if visitor.is_worker() {
        if visitor.takes_a_place() {
            handle.recorder().gave_place();
        }
        return None;
    }
    let spawn = visitor.spawn(handle.recorder(), attributes);
    #[cfg(tokio_unstable)]
    hooks::traced(spawn.tokio_id);
    crate::runtime::forgotten_meanwhile();
    let task = match HANDED_OVER.take() {
        Some(task) => {
            handle.recorder().tasks.adopt(task, &spawn);
            task
        }
        None => handle.recorder().spawn(&spawn),
    };
    if spawn.kind == TaskKind::BlockOn {
        #[cfg(feature = "server")]
        crate::runtime::another_begins();
        crate::runtime::root_begins(task);
    }
    Some(task)
}

/// Sets a flag that is mostly set: a load first, so that its line stays shared.
pub(crate) fn mark(flag: &AtomicBool) {
    if !flag.load(Relaxed) {
        flag.store(true, Relaxed);
    }
}

/// Whom a waker wakes.
enum Woken {
    /// This task, which may have ended.
    Task(TaskId),
    /// A task that has ended, and whose id is known no more.
    #[cfg_attr(
        all(feature = "server", not(feature = "layer")),
        expect(dead_code, reason = "a registry forgets its spans; the wrapper's ids stay readable")
    )]
    Ended,
    /// A task that is not recorded.
    Ignored,
}

/// An event of tokio's about a waker; `resolve` turns the span's id that it carries into a task.
fn waker_event(recorder: &Recorder, event: &Event<'_>, resolve: impl FnOnce(u64) -> Woken) {
    let mut visitor = WakerVisitor::default();
    event.record(&mut visitor);
    let Some(op) = visitor.op else { return };
    let task = match resolve(visitor.task) {
        Woken::Task(task) => task,
        Woken::Ended if matches!(op, WakerOp::Wake | WakerOp::WakeByRef) && !is_own_thread() => {
            recorder.tasks.woken_late();
            return;
        }
        Woken::Ended | Woken::Ignored => return,
    };
    match op {
        WakerOp::Wake => recorder.wake(task, true),
        WakerOp::WakeByRef => recorder.wake(task, false),
        WakerOp::Clone => recorder.waker_cloned(task),
        WakerOp::Drop => recorder.tasks.waker_dropped(task),
    }
}

/// Whether the subscriber lets tokio's spans through, by what it says itself: a span that was sent to find out would be seen by every other
/// layer of the program. `None`: no thread to ask on.
pub(crate) fn lets_tokio_through(dispatch: tracing_core::Dispatch) -> Option<bool> {
    use tracing_core::{Callsite, Interest, Level, Metadata};

    struct Spawn;
    static CALLSITE: Spawn = Spawn;
    static METADATA: Metadata<'static> = tracing_core::metadata! {
        name: "runtime.spawn",
        target: "tokio::task",
        level: Level::TRACE,
        fields: &[],
        callsite: &CALLSITE,
        kind: tracing_core::metadata::Kind::SPAN,
    };
    impl Callsite for Spawn {
        fn set_interest(&self, _: Interest) {}

        fn metadata(&self) -> &Metadata<'_> {
            &METADATA
        }
    }

    // Filters of single layers note their answer in the thread, for the span that would follow. None does: the thread ends.
    let ask = std::thread::Builder::new().name("taskscope-ask".to_owned());
    let asked = ask.spawn(move || dispatch.enabled(&METADATA)).ok()?;
    asked.join().ok()
}

#[cfg(all(test, tokio_unstable, feature = "server"))]
pub(crate) mod tests {
    use std::{
        future::Future as _,
        pin::pin,
        sync::{Arc, LazyLock},
        task::Context,
    };

    use taskscope_recorder::RecordKind;

    use crate::tracked::{ResourceKind, Tracked};

    /// The subscriber whose recorder is the default of all tests of this process: the first one stays it.
    pub(crate) static DEFAULT: LazyLock<tracing::Dispatch> = LazyLock::new(|| {
        let (subscriber, server) = crate::builder().wrap(tracing::subscriber::NoSubscriber::default());
        server.handle().set_default();
        tracing::Dispatch::new(subscriber)
    });

    /// Made in this file: tests beside this one may share its recorder.
    fn is_own(handle: &crate::Handle, site: u32) -> bool {
        handle.recorder().sites.site(site).is_some_and(|site| site.place().file.ends_with("src/source.rs"))
    }

    fn resources(handle: &crate::Handle) -> usize {
        let slots = handle.recorder().resources.pages().flat_map(|page| &page.slots);
        let all = slots.filter_map(taskscope_recorder::Resource::description);
        all.filter(|resource| is_own(handle, resource.site)).count()
    }

    fn ops(handle: &crate::Handle) -> Vec<taskscope_recorder::OpReading> {
        let slots = handle.recorder().resources.op_pages().flat_map(|page| &page.slots);
        let all = slots.filter_map(taskscope_recorder::Op::read);
        all.filter(|op| is_own(handle, op.site)).collect()
    }

    #[test]
    fn what_a_wrapper_makes_is_unrecorded_but_its_operation_gets_the_grant() {
        let _second = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
        let _default = tracing::dispatcher::set_default(&DEFAULT);
        let handle = crate::Handle::default_handle().unwrap();
        let lock = Arc::new(super::unrecorded(|| tokio::sync::Mutex::new(())));
        assert_eq!(resources(handle), 0);
        let tracked = Tracked::new(
            ResourceKind { concrete_type: "Mutex", purpose: "Sync", record: RecordKind::Lock },
            std::panic::Location::caller(),
        );
        tracked.lock().unwrap();
        assert_eq!(resources(handle), 1);
        let guard = lock.try_lock().unwrap();
        let mut future = pin!(lock.lock());
        let pending = tracked.begin("Mutex::lock", std::panic::Location::caller()).unwrap();
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(pending.poll(|| future.as_mut().poll(&mut context)).is_pending());
        let seen = ops(handle);
        assert_eq!((seen.len(), seen[0].polls, seen[0].granted), (1, 1, None));
        drop(guard);
        assert!(ops(handle)[0].granted.is_some());
        let guard = pending.poll(|| future.as_mut().poll(&mut context));
        assert!(guard.is_ready());
        let seen = ops(handle);
        assert_eq!((seen[0].polls, seen[0].granted), (2, None));
        drop(pending);
        assert_eq!((ops(handle).len(), resources(handle)), (0, 1));
        let (recorder, id) = tracked.get().unwrap();
        let reading = recorder.resources.read_lock(recorder.resources.get(id).unwrap()).unwrap();
        assert_eq!((reading.contended, reading.acquisitions), (0, 0), "only the wrapper records these");
        drop(tracked);
        assert_eq!(resources(handle), 0);
    }
}
