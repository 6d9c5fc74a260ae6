//! A plain layer for those who must compose; see [`crate::layer`].
//!
//! The registry makes the spans here and pays for them; each poll looks the task up in its span's extensions. [`crate::wrap`] costs a
//! fifth. Invariant: only tokio's own callsites pass this layer's filter, so no other layer sees more than it asked for.

use taskscope_recorder::AnyId;
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
    callsite::{self, Callsites, Kind},
};
use crate::handle::Handle;

/// The layer; made by [`crate::layer`] and [`crate::Builder::build_layer`].
#[derive(Debug)]
pub struct TaskscopeLayer {
    handle: Handle,
    callsites: Callsites,
}

impl TaskscopeLayer {
    pub(crate) fn filtered<S>(handle: Handle) -> impl Layer<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let wanted = |metadata: &Metadata<'_>| callsite::kind(metadata).is_recorded();
        Self { handle, callsites: Callsites::new() }
            .with_filter(FilterFn::new(wanted).with_max_level_hint(LevelFilter::TRACE))
    }
}

/// In a span's extensions.
struct Recorded(AnyId);

fn recorded<S: for<'a> LookupSpan<'a>>(span: Option<SpanRef<'_, S>>) -> Option<AnyId> {
    span?.extensions().get::<Recorded>().map(|recorded| recorded.0)
}

impl<S> Layer<S> for TaskscopeLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // The filter in front has let only tokio's own through.
        self.callsites.register(metadata);
        Interest::always()
    }

    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        self.handle.set_dispatch(subscriber);
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let parent = attributes.parent().and_then(|parent| recorded(context.span(parent)));
        let kind = self.callsites.kind(attributes.metadata());
        let word = super::new_span(&self.handle, kind, attributes, parent);
        let Some(new) = word.and_then(|word| AnyId::from_u64(word.get())) else { return };
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Recorded(new));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        match self.callsites.kind(event.metadata()) {
            Kind::Waker => {
                let resolve = |raw: u64| match context.span(&Id::from_u64(raw.max(1))) {
                    None => Woken::Ended,
                    span => match recorded(span) {
                        Some(AnyId::Task(task)) => Woken::Task(task),
                        _ => Woken::Ignored,
                    },
                };
                super::waker_event(self.handle.recorder(), event, resolve);
            }
            kind => super::resources::state_update(self.handle.recorder(), kind, event),
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
        if let Some(id) = recorded(context.span(&id)) {
            self.handle.recorder().release_any(id);
        }
    }
}
