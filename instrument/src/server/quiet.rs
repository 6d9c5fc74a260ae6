//! Nothing that the tool's own thread emits reaches the program's subscriber, where that can't recognise the thread.
//!
//! A dispatcher of a thread's own makes every span and event of every thread look for its own one, some 5 ns each. So it is there while the thread works, and
//! gone while it waits: without a console, always. And `tracing` asks every dispatcher of the process whether a callsite is wanted, and has each
//! span and event ask again where they differ: so this one says what the program's says.

use std::cell::RefCell;

use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    dispatcher::DefaultGuard,
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};

use crate::handle::Handle;

thread_local! {
    static QUIET: RefCell<Option<DefaultGuard>> = const { RefCell::new(None) };
}

/// Makes the calling thread, which is to drive this runtime, quiet whenever it is awake.
pub(super) fn while_awake(runtime: &mut tokio::runtime::Builder, handle: &Handle) {
    let quiet = Dispatch::new(Quiet(handle.clone()));
    begin(&quiet);
    runtime.on_thread_unpark(move || begin(&quiet)).on_thread_park(|| drop(QUIET.take()));
}

fn begin(quiet: &Dispatch) {
    // The one before goes first: each puts back what it found.
    drop(QUIET.take());
    QUIET.set(Some(tracing::dispatcher::set_default(quiet)));
}

/// Takes nothing, and wants what the subscriber of this recorder wants.
struct Quiet(Handle);

impl Subscriber for Quiet {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.0.dispatch().map_or_else(Interest::never, |program| program.register_callsite(metadata))
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::OFF)
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
