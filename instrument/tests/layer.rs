//! The layer on subscribers of all kinds, beside other layers.

#![cfg(all(feature = "layer", feature = "server", tokio_unstable))]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tracing::{Dispatch, Event, Subscriber, span::Attributes, subscriber::NoSubscriber};
use tracing_subscriber::{
    Layer, Registry,
    filter::LevelFilter,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
};

/// A second subscriber, so that tracing asks every one about a callsite, whichever thread meets it first.
fn second_subscriber() {
    static SECOND: OnceLock<Dispatch> = OnceLock::new();
    SECOND.get_or_init(|| Dispatch::new(NoSubscriber::default()));
}

/// What a callsite is to be asked is kept for all subscribers of a process together: a test that makes one would change it for another.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a task under the subscriber; returns the names of the tasks that were seen.
fn seen(handle: &taskscope::Handle, subscriber: impl Into<Dispatch>) -> Vec<String> {
    second_subscriber();
    let _default = tracing::dispatcher::set_default(&subscriber.into());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let task = tokio::task::Builder::new().name("seen").spawn(tokio::task::yield_now()).unwrap();
        task.await.unwrap();
    });
    let slots = taskscope::internals::recorder(handle).tasks.pages().flat_map(|page| &page.slots);
    let names = slots.filter_map(taskscope_recorder::Task::description).map(|task| task.name.into_string());
    names.filter(|name| !name.is_empty()).collect()
}

fn fmt() -> tracing_subscriber::fmt::SubscriberBuilder<
    tracing_subscriber::fmt::format::DefaultFields,
    tracing_subscriber::fmt::format::Format,
    LevelFilter,
    fn() -> std::io::Sink,
> {
    tracing_subscriber::fmt().with_writer(std::io::sink as fn() -> std::io::Sink)
}

#[test]
fn a_finished_fmt_subscriber_takes_the_layer() {
    let _one = one_at_a_time();
    let (layer, server) = taskscope::builder().build_layer();
    let open = fmt().with_max_level(tracing::Level::TRACE).finish().with(layer);
    assert_eq!(seen(server.handle(), open), ["seen"]);
    // Also under and over others, and the one that serves itself.
    let (layer, server) = taskscope::builder().build_layer();
    let between = fmt().with_max_level(tracing::Level::TRACE).finish().with(Diary::default()).with(layer);
    assert_eq!(seen(server.handle(), between.with(Diary::default())), ["seen"]);
}

#[test]
fn a_global_filter_in_it_is_said() {
    let _one = one_at_a_time();
    second_subscriber();
    let (layer, server) = taskscope::builder().build_layer();
    let subscriber = Dispatch::new(fmt().with_max_level(tracing::Level::INFO).finish().with(layer));
    let problems = server.handle().problems();
    assert!(problems.iter().any(|problem| problem.contains("global filter")), "{problems:?}");
    drop(subscriber);
}

/// The names of all spans and the targets of all events that a layer without a filter is shown.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Diary {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &tracing::Id, _: Context<'_, S>) {
        self.0.lock().unwrap().push(attributes.metadata().name().to_owned());
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.0.lock().unwrap().push(event.metadata().target().to_owned());
    }
}

#[test]
fn looking_for_problems_shows_no_span_to_other_layers() {
    let _one = one_at_a_time();
    second_subscriber();
    let diary = Diary::default();
    let (layer, server) = taskscope::builder().build_layer();
    let subscriber = Dispatch::new(Registry::default().with(diary.clone()).with(layer).with(diary.clone()));
    for _ in 0..3 {
        assert_eq!(server.handle().problems(), Vec::<String>::new());
    }
    // Nor does an answer stay behind that another span would be judged by.
    tracing::dispatcher::with_default(&subscriber, || drop(tracing::trace_span!("the program's")));
    assert_eq!(*diary.0.lock().unwrap(), ["the program's", "the program's"]);
}

#[test]
fn beside_a_layer_with_a_filter_only_tokios_spans_are_switched_on() {
    let _one = one_at_a_time();
    let diary = Diary::default();
    let (layer, server) = taskscope::builder().build_layer();
    let subscriber = Registry::default().with(layer).with(diary.clone().with_filter(LevelFilter::WARN));
    let dispatch = Dispatch::new(subscriber);
    tracing::dispatcher::with_default(&dispatch, || {
        assert!(tracing::info_span!("unwanted").is_disabled());
        assert!(!tracing::warn_span!("wanted").is_disabled());
    });
    assert_eq!(seen(server.handle(), dispatch), ["seen"]);
    assert_eq!(*diary.0.lock().unwrap(), ["wanted"]);
}

#[test]
fn the_layer_without_a_filter_has_a_name_and_records() {
    struct Kept {
        layer: taskscope::ConsoleLayer,
    }
    let _one = one_at_a_time();
    let (layer, server) = taskscope::ConsoleLayer::new();
    let kept = Kept { layer };
    assert_eq!(seen(server.handle(), Registry::default().with(kept.layer)), ["seen"]);
}
