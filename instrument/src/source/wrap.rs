//! A subscriber around the user's own that keeps tokio's callsites to itself.
//!
//! Tokio's spans never reach the wrapped subscriber: a `Registry` would pay about 160 ns a poll for them on two workers, in its shared
//! slab. Everything else is handed on untouched, so to its layers, filters and spans this wrapper does not exist.
//!
//! What the tool's own server thread emits ends here: the program's subscriber does not hear of it. (A scoped dispatcher on that thread
//! would do the same, but makes every event of every thread look for its own one: some 5 ns each.)
//!
//! Span ids distinguish the two: ours have the top bit set. An inner subscriber may come to use that bit too (the registry's generations
//! reach it after 2^28 uses of one slot); such ids are remembered while they live, so no id ever has two owners.

use std::{
    any::TypeId,
    collections::HashSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use taskscope_recorder::{AnyId, borrowed, is_borrowed, is_ours};
use tracing_core::{
    Dispatch, Event, Interest, LevelFilter, Metadata, Subscriber,
    span::{Attributes, Current, Id, Record},
};

use super::{
    Woken,
    callsite::{self, CallsiteKind, Callsites},
};
use crate::handle::Handle;

/// The wrapper; made by [`crate::wrap`] and [`crate::Builder::wrap`].
#[derive(Debug)]
pub struct Wrapped<S> {
    handle: Handle,
    inner: S,
    callsites: Callsites,
    foreign: Foreign,
}

/// A span that is not recorded: the top bit, no recorder's slot. Tokio's for the tool's own tasks, and the transport's on its thread.
const IGNORED: u64 = u64::MAX;

impl<S> Wrapped<S> {
    pub(crate) fn new(handle: Handle, inner: S) -> Self {
        Self { handle, inner, callsites: Callsites::new(), foreign: Foreign::default() }
    }

    /// The recorder behind it.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Whether a word is ours, recorded or not.
    #[inline]
    fn is_our_word(&self, raw: u64) -> bool {
        is_ours(raw) && !self.foreign.has(raw)
    }

    fn name_number(&self, name: &str) -> u32 {
        self.handle.recorder().resources.name_number(name)
    }

    /// What an id names, `None` for what is not recorded; `Err` when the id is the inner subscriber's.
    #[inline]
    fn ours(&self, id: &Id) -> Result<Option<AnyId>, ()> {
        let raw = id.into_u64();
        match AnyId::from_u64(raw) {
            Some(id) if !self.foreign.has(raw) => Ok((raw != IGNORED).then_some(id)),
            _ => Err(()),
        }
    }
}

impl<S: Subscriber> Wrapped<S> {
    fn close_inner(&self, span: Id) -> bool {
        let raw = span.into_u64();
        let closed = self.inner.try_close(span);
        if closed {
            self.foreign.forget(raw);
        }
        closed
    }

    #[cold]
    fn add_owner(&self, raw: u64) {
        if let Some(id) = AnyId::from_u64(raw).filter(|_| raw != IGNORED) {
            self.handle.recorder().add_any_ref(id);
        }
    }

    fn new_inner_span(&self, attributes: &Attributes<'_>) -> Id {
        if super::is_own_thread() {
            return Id::from_u64(IGNORED);
        }
        let id = match attributes.parent() {
            // A parent that only we know is no parent to the inner subscriber.
            Some(parent) if self.ours(parent).is_ok() => {
                self.inner.new_span(&Attributes::new_root(attributes.metadata(), attributes.values()))
            }
            _ => self.inner.new_span(attributes),
        };
        self.foreign.note(id.into_u64());
        id
    }
}

impl<S: Subscriber> Subscriber for Wrapped<S> {
    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.handle.set_dispatch(dispatch);
        self.inner.on_register_dispatch(dispatch);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match self.callsites.register(metadata, |name| self.name_number(name)) {
            CallsiteKind::Other => self.inner.register_callsite(metadata),
            kind if kind.is_recorded() && self.handle.is_recording() => Interest::always(),
            _ => Interest::never(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        match callsite::kind(metadata) {
            CallsiteKind::Other => self.inner.enabled(metadata),
            kind => kind.is_recorded() && self.handle.is_recording(),
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        if !self.handle.is_recording() {
            return self.inner.max_level_hint();
        }
        // Tokio's spans are TRACE. Callsites that the inner subscriber does not want stay off by their own interest.
        Some(LevelFilter::TRACE)
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        match self.callsites.kind(attributes.metadata()) {
            CallsiteKind::Other => self.new_inner_span(attributes),
            kind => {
                let parent = attributes.parent().and_then(|parent| self.ours(parent).ok().flatten());
                match super::new_span(&self.handle, kind, attributes, parent) {
                    Some(word) => Id::from_non_zero_u64(word),
                    None => Id::from_u64(IGNORED),
                }
            }
        }
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        if self.ours(span).is_err() {
            self.inner.record(span, values);
        }
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        if self.ours(span).is_err() && self.ours(follows).is_err() {
            self.inner.record_follows_from(span, follows);
        }
    }

    #[inline]
    fn event_enabled(&self, event: &Event<'_>) -> bool {
        if self.callsites.has(event.metadata()) {
            return true;
        }
        match self.callsites.kind(event.metadata()) {
            CallsiteKind::Other => !super::is_own_thread() && self.inner.event_enabled(event),
            _ => true,
        }
    }

    fn event(&self, event: &Event<'_>) {
        let (kind, fields) = self.callsites.event(event.metadata(), |name| self.name_number(name));
        match kind {
            CallsiteKind::Other => self.inner.event(event),
            CallsiteKind::Waker => {
                let resolve = |raw| match self.ours(&Id::from_u64(raw)) {
                    Ok(Some(AnyId::Task(task))) => Woken::Task(task),
                    _ => Woken::Ignored,
                };
                super::waker_event(self.handle.recorder(), event, resolve);
            }
            kind => super::resources::state_update(self.handle.recorder(), kind, fields, event),
        }
    }

    #[inline]
    fn enter(&self, span: &Id) {
        let raw = span.into_u64();
        if !self.is_our_word(raw) {
            self.inner.enter(span);
        } else if raw != IGNORED {
            self.handle.recorder().enter_span(raw);
        }
    }

    #[inline]
    fn exit(&self, span: &Id) {
        let raw = span.into_u64();
        if !self.is_our_word(raw) {
            self.inner.exit(span);
        } else if raw != IGNORED {
            self.handle.recorder().exit_span(raw);
        }
    }

    #[inline]
    fn clone_span(&self, span: &Id) -> Id {
        let raw = span.into_u64();
        if !self.is_our_word(raw) {
            return self.inner.clone_span(span);
        }
        if let Some(clone) = borrowed(raw) {
            return Id::from_u64(clone);
        }
        self.add_owner(raw);
        span.clone()
    }

    #[inline]
    fn try_close(&self, span: Id) -> bool {
        let raw = span.into_u64();
        if is_borrowed(raw) && self.is_our_word(raw) {
            // `IGNORED` looks like one, too.
            return false;
        }
        if !self.is_our_word(raw) {
            return self.close_inner(span);
        }
        AnyId::from_u64(raw).is_none_or(|id| self.handle.recorder().release_any(id))
    }

    fn current_span(&self) -> Current {
        self.inner.current_span()
    }

    #[expect(
        unsafe_code,
        reason = "the trait makes this method unsafe; without it, layers that look for their registry find none"
    )]
    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        if id == TypeId::of::<Self>() {
            return Some(std::ptr::from_ref(self).cast());
        }
        // SAFETY: the inner subscriber keeps the method's promise for its own parts, and they live as long as `self`.
        unsafe { self.inner.downcast_raw(id) }
    }
}

/// Ids of the inner subscriber that look like ours, while they live.
#[derive(Debug, Default)]
struct Foreign {
    count: AtomicUsize,
    ids: Mutex<HashSet<u64>>,
}

impl Foreign {
    #[inline]
    fn has(&self, raw: u64) -> bool {
        self.count.load(Relaxed) != 0 && self.remembers(raw)
    }

    /// Never inlined: the calls that need none of it would save its registers.
    #[cold]
    #[inline(never)]
    fn remembers(&self, raw: u64) -> bool {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).contains(&raw)
    }

    #[inline]
    fn note(&self, raw: u64) {
        if AnyId::from_u64(raw).is_some()
            && self.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(raw)
        {
            self.count.fetch_add(1, Relaxed);
        }
    }

    fn forget(&self, raw: u64) {
        if AnyId::from_u64(raw).is_some()
            && self.ids.lock().unwrap_or_else(PoisonError::into_inner).remove(&raw)
        {
            self.count.fetch_sub(1, Relaxed);
        }
    }
}
