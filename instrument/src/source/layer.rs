//! A plain layer for those who must compose; see [`crate::layer`].
//!
//! The registry makes the spans here and pays for them; each poll looks the task up in its span's extensions. [`crate::wrap`] costs a
//! fifth. Invariant: only tokio's own callsites pass this layer's filter, so no other layer sees more than it asked for.

use taskscope_recorder::TaskId;
use tracing_core::{
    Dispatch, Event, LevelFilter, Metadata, Subscriber,
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
    callsite::{self, Kind},
};
use crate::handle::Handle;

/// The layer; made by [`crate::layer`] and [`crate::Builder::build_layer`].
#[derive(Debug)]
pub struct TaskscopeLayer {
    handle: Handle,
}

impl TaskscopeLayer {
    pub(crate) fn filtered<S>(handle: Handle) -> impl Layer<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let wanted = |metadata: &Metadata<'_>| matches!(callsite::kind(metadata), Kind::Task | Kind::Waker);
        Self { handle }.with_filter(FilterFn::new(wanted).with_max_level_hint(LevelFilter::TRACE))
    }
}

/// In a span's extensions.
struct Recorded(TaskId);

fn task<S: for<'a> LookupSpan<'a>>(span: Option<SpanRef<'_, S>>) -> Option<TaskId> {
    span?.extensions().get::<Recorded>().map(|recorded| recorded.0)
}

impl<S> Layer<S> for TaskscopeLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        self.handle.set_dispatch(subscriber);
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(task) = super::new_task(&self.handle, attributes) else { return };
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(Recorded(task));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let resolve = |raw: u64| match context.span(&Id::from_u64(raw.max(1))) {
            None => Woken::Ended,
            span => task(span).map_or(Woken::Ignored, Woken::Task),
        };
        super::waker_event(self.handle.recorder(), event, resolve);
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(task) = task(context.span(id)) {
            self.handle.recorder().enter(task);
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        if let Some(task) = task(context.span(id)) {
            self.handle.recorder().exit(task);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if let Some(task) = task(context.span(&id)) {
            self.handle.recorder().release(task);
        }
    }
}
