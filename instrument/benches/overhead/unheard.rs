//! What is left of a subscriber when it does nothing: the cost of tokio's spans themselves.

use tracing::{
    Event, Metadata, Subscriber,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};

/// Tokio's spans and events with no one who looks at them: what is left of the difference to `bare` is the recorder's.
pub(crate) struct Unheard;

impl Subscriber for Unheard {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        let is_tokios = metadata.name().starts_with("runtime.")
            || metadata.target().starts_with("runtime::resource") && !metadata.target().ends_with("poll_op")
            || metadata.target() == "tokio::task::waker";
        if is_tokios { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
