//! A plain layer for those who must compose; see [`crate::layer`].
//!
//! The registry makes the spans here and pays for them; each poll looks the task up in its span's extensions. [`crate::wrap`] costs a
//! fifth. Invariant: on a registry only tokio's own callsites pass this layer's filter, so no other layer sees more than it asked for. Limit:
//! `fmt().finish()` takes no filters of single layers; on it the layer stands alone, and its own global filter decides what arrives.

use taskscope_recorder::{AnyId, is_borrowed};
use tracing_core::{
    Dispatch, Event, Interest, LevelFilter, Metadata, Subscriber,
    span::{Attributes, Id},
};
use tracing_subscriber::{
    Layer,
    filter::FilterFn,
    layer::Context,
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
}

impl TaskscopeLayer {
    pub(crate) fn of(handle: Handle) -> Self {
        Self { handle, callsites: Callsites::new() }
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
        let wanted = |metadata: &Metadata<'_>| callsite::kind(metadata).is_recorded();
        Box::new(layer.with_filter(FilterFn::new(wanted).with_max_level_hint(LevelFilter::TRACE)))
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
        let parent = attributes.parent().and_then(|parent| recorded(context.span(parent)));
        let kind = self.callsites.kind(attributes.metadata());
        let word = super::new_span(&self.handle, kind, attributes, parent);
        let Some(word) = word else { return };
        let (Some(new), owned) = (AnyId::from_u64(word.get()), !is_borrowed(word.get())) else { return };
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Recorded { id: new, owned });
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let (kind, fields) = self.callsites.event(event.metadata(), |name| self.name_number(name));
        match kind {
            CallsiteKind::Waker => {
                let resolve = |raw: u64| match context.span(&Id::from_u64(raw.max(1))) {
                    None => Woken::Ended,
                    span => match recorded(span) {
                        Some(AnyId::Task(task)) => Woken::Task(task),
                        _ => Woken::Ignored,
                    },
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
        if let Some(id) = recorded(context.span(id)) {
            self.handle.recorder().enter_any(id);
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if let Some(id) = recorded(context.span(id)) {
            self.handle.recorder().exit_any(id);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        if let Some(recorded) = span.extensions().get::<Recorded>()
            && recorded.owned
        {
            self.handle.recorder().release_any(recorded.id);
        }
    }
}
