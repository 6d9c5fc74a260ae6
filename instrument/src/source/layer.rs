//! A plain layer for those who must compose; see [`crate::layer`].
//!
//! The registry makes the spans here and pays for them; what is recorded of a span is found by the span's id, in a table of this layer or, for the few that
//! share a place in it, in the span's extensions. [`crate::wrap`] costs a third. Invariant: on a registry only tokio's own callsites pass this layer's filter, so no other layer sees more than it asked for. Limit:
//! `fmt().finish()` takes no filters of single layers; on it the layer stands alone, and its own global filter decides what arrives.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

use taskscope_recorder::{AnyId, is_borrowed};
use tracing_core::{
    Dispatch, Event, Interest, LevelFilter, Metadata, Subscriber,
    span::{Attributes, Id},
};
use tracing_subscriber::{
    Layer,
    layer::{Context, Filter},
    registry::{LookupSpan, SpanRef},
};

use super::{
    Woken,
    callsite::{self, CallsiteKind, Callsites},
};
use crate::handle::Handle;

/// The layer without a filter in front; made by [`crate::Builder::build`]. [`crate::layer`] and [`crate::Builder::spawn`] put one there.
///
/// Alone on a registry it switches on every span and event of the program: a layer without a filter asks for all.
#[derive(Debug)]
pub struct TaskscopeLayer {
    handle: Handle,
    callsites: Callsites,
    spans: Spans,
}

impl TaskscopeLayer {
    pub(crate) fn of(handle: Handle) -> Self {
        Self { handle, callsites: Callsites::new(), spans: Spans::new() }
    }

    /// What is recorded of a span.
    #[inline]
    fn recorded<S: Subscriber + for<'a> LookupSpan<'a>>(
        &self,
        id: &Id,
        context: &Context<'_, S>,
    ) -> Option<AnyId> {
        self.spans.find(id).or_else(|| recorded(context.span(id)))
    }

    fn name_number(&self, name: &str) -> u32 {
        self.handle.recorder().resources.name_number(name)
    }

    /// Behind a filter of its own, where the subscriber that it goes on takes such filters.
    pub(crate) fn filtered<S>(handle: Handle) -> Box<dyn Layer<S> + Send + Sync>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let layer = Self::of(handle);
        if !takes_filters(std::any::type_name::<S>()) {
            return Box::new(layer);
        }
        let filter = TokiosOwn(layer.handle.clone());
        Box::new(layer.with_filter(filter))
    }
}

/// Lets through what is recorded, while it is.
struct TokiosOwn(Handle);

impl TokiosOwn {
    fn lets_through(&self, metadata: &Metadata<'_>) -> bool {
        self.0.is_recording() && callsite::kind(metadata).is_recorded()
    }
}

impl<S> Filter<S> for TokiosOwn {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.lets_through(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.lets_through(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(if self.0.is_recording() { LevelFilter::TRACE } else { LevelFilter::OFF })
    }
}

/// Whether a subscriber of this type takes filters of single layers: a registry does, also under layers. Of any other type, `fmt().finish()`
/// among them, asking would panic.
fn takes_filters(subscriber: &str) -> bool {
    const LAYERED: &str = "tracing_subscriber::layer::layered::Layered<";
    let mut rest = subscriber;
    while let Some(arguments) = rest.strip_prefix(LAYERED).and_then(|rest| rest.strip_suffix('>')) {
        // What lies under the layer is the last argument. `->` closes nothing.
        let mut depth = 0_usize;
        let bytes = arguments.as_bytes();
        let under = bytes.iter().enumerate().rev().find(|(at, byte)| {
            match byte {
                b'>' if *at > 0 && bytes[at - 1] == b'-' => {}
                b'>' | b')' | b']' => depth += 1,
                b'<' | b'(' | b'[' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && **byte == b','
        });
        rest = under.map_or("", |(at, _)| arguments[at + 1..].trim_start());
    }
    rest == std::any::type_name::<tracing_subscriber::Registry>()
}

/// Places for the ids of living spans; a power of two.
const PLACES: usize = 8192;

/// From a span's id to what is recorded of it, without the registry: some 2 ns instead of 40. Two living spans may share a place; then one of them is
/// not here. 128 KiB.
#[derive(Debug)]
struct Spans(Box<[Place]>);

/// Invariant: while `span` names a span, `recorded` is that one's.
#[derive(Debug, Default)]
struct Place {
    /// 0: free. `u64::MAX`, which is no span's id: being filled.
    span: AtomicU64,
    recorded: AtomicU64,
}

impl Spans {
    fn new() -> Self {
        Self((0..PLACES).map(|_| Place::default()).collect())
    }

    #[inline]
    fn place(&self, id: &Id) -> &Place {
        // The registry's ids have a thread, an index and a generation each in bits of their own.
        let spread = id.into_u64().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - PLACES.ilog2());
        &self.0[spread as usize % PLACES]
    }

    /// The first one that lives has the place.
    fn insert(&self, id: &Id, recorded: AnyId) {
        let place = self.place(id);
        if place.span.compare_exchange(0, u64::MAX, Acquire, Relaxed).is_ok() {
            place.recorded.store(recorded.to_non_zero_u64().get(), Relaxed);
            place.span.store(id.into_u64(), Release);
        }
    }

    /// The caller has the span, so it does not end, and its place stays, while this looks.
    #[inline]
    fn find(&self, id: &Id) -> Option<AnyId> {
        let place = self.place(id);
        if place.span.load(Acquire) != id.into_u64() {
            return None;
        }
        AnyId::from_u64(place.recorded.load(Relaxed))
    }

    fn remove(&self, id: &Id) {
        let place = self.place(id);
        if place.span.load(Relaxed) == id.into_u64() {
            place.span.store(0, Release);
        }
    }
}

/// In a span's extensions.
struct Recorded {
    id: AnyId,
    /// It ends with the span: the span does not only stand for what another source made.
    owned: bool,
}

fn recorded<S: for<'a> LookupSpan<'a>>(span: Option<SpanRef<'_, S>>) -> Option<AnyId> {
    span?.extensions().get::<Recorded>().map(|recorded| recorded.id)
}

impl<S> Layer<S> for TaskscopeLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.callsites.register(metadata, |name| self.name_number(name));
        // Of what is not tokio's, too: without a filter in front, "never" would be said for all layers.
        Interest::always()
    }

    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        self.handle.set_dispatch(subscriber);
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let parent = attributes.parent().and_then(|parent| self.recorded(parent, &context));
        let kind = self.callsites.kind(attributes.metadata());
        let word = super::new_span(&self.handle, kind, attributes, parent);
        let Some(word) = word else { return };
        let (Some(new), owned) = (AnyId::from_u64(word.get()), !is_borrowed(word.get())) else { return };
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Recorded { id: new, owned });
            self.spans.insert(id, new);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let (kind, fields) = self.callsites.event(event.metadata(), |name| self.name_number(name));
        match kind {
            CallsiteKind::Waker => {
                let resolve = |raw: u64| {
                    let id = Id::from_u64(raw.max(1));
                    if let Some(AnyId::Task(task)) = self.spans.find(&id) {
                        return Woken::Task(task);
                    }
                    match context.span(&id) {
                        None => Woken::Ended,
                        span => match recorded(span) {
                            Some(AnyId::Task(task)) => Woken::Task(task),
                            _ => Woken::Ignored,
                        },
                    }
                };
                super::waker_event(self.handle.recorder(), event, resolve);
            }
            kind @ (CallsiteKind::ResourceUpdate | CallsiteKind::OpUpdate) => {
                super::resources::state_update(self.handle.recorder(), kind, fields, event);
            }
            // Without a filter in front, the program's own come here, too.
            _ => {}
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(id) = self.recorded(id, &context) {
            self.handle.recorder().enter_any(id);
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if let Some(id) = self.recorded(id, &context) {
            self.handle.recorder().exit_any(id);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.spans.remove(&id);
        let Some(span) = context.span(&id) else { return };
        if let Some(recorded) = span.extensions().get::<Recorded>()
            && recorded.owned
        {
            self.handle.recorder().release_any(recorded.id);
        }
    }
}
