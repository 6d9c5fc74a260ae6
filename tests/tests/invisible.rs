//! The wrapper does not exist for what it wraps: the same program, with and without it, and what its own layers saw of it.

use std::{
    fmt::{self, Write as _},
    future::Future,
    io,
    process::Command,
    sync::{Arc, Mutex, PoisonError},
};

use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use taskscope_tests::console::Console;
use tokio::task::JoinSet;
use tracing::{
    Dispatch, Event, Id, Instrument as _, Level, Subscriber, debug, debug_span, error, field, info,
    info_span,
    level_filters::LevelFilter,
    span::{Attributes, Record},
    subscriber::DefaultGuard,
    trace, trace_span,
};
use tracing_error::{ErrorLayer, SpanTrace};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::Targets, fmt::MakeWriter, layer::Context, prelude::*,
    registry::LookupSpan,
};

/// Lines that a layer wrote down.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, line: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Writes down everything that a layer can see, spans by their names.
struct Recording(Diary);

fn name<S: Subscriber + for<'a> LookupSpan<'a>>(context: &Context<'_, S>, id: &Id) -> String {
    context.span(id).map_or_else(|| "none".to_owned(), |span| span.name().to_owned())
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recording {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let parent = context.span(id).and_then(|span| span.parent().map(|parent| parent.name()));
        let by = (attributes.is_contextual(), attributes.is_root());
        self.0.note(format!("new {} under {parent:?} {by:?} {}", name(&context, id), attributes.values()));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        // Not all of its Debug: that has addresses.
        let mut fields = String::new();
        values.record(&mut |field: &field::Field, value: &dyn fmt::Debug| {
            write!(fields, " {field}={value:?}").expect("a string takes everything");
        });
        self.0.note(format!("record {}{fields}", name(&context, id)));
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        self.0.note(format!("{} follows {}", name(&context, id), name(&context, follows)));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let scope: Vec<_> =
            context.event_scope(event).into_iter().flatten().map(|span| span.name()).collect();
        let current = context.lookup_current().map(|span| span.name());
        self.0.note(format!("event {} in {scope:?}, current {current:?}", event.metadata().level()));
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        self.0.note(format!("enter {}", name(&context, id)));
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        self.0.note(format!("exit {}", name(&context, id)));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        self.0.note(format!("close {}", name(&context, &id)));
    }

    fn on_id_change(&self, old: &Id, new: &Id, context: Context<'_, S>) {
        self.0.note(format!("{} is now {}", name(&context, old), name(&context, new)));
    }
}

/// Only what this program says: in the bare run tokio's spans reach every layer that does not filter.
fn own() -> Targets {
    Targets::new().with_target("invisible", Level::TRACE)
}

/// The program: its spans cross tasks, polls and threads of control in the ways that programs do it.
async fn program(diary: Diary) {
    let outer = info_span!("outer", answer = field::Empty);
    let look = |place: &str| {
        let current = tracing::Span::current().metadata().map(tracing::Metadata::name);
        diary.note(format!("at {place}: current is {current:?}, trace {}", SpanTrace::capture()));
    };
    async {
        look("the root");
        outer.record("answer", 42);
        info!(n = 1, "in the root");
        let mut tasks = JoinSet::new();
        for number in 0..3 {
            // A task's own spans, contextual in the task and not in the spawner.
            tasks.spawn(async move {
                trace!("a task outside any span");
                let span = debug_span!("inside", number);
                async {
                    tokio::task::yield_now().await;
                    debug!("after a yield");
                    let _sync = trace_span!("sync").entered();
                    error!("in two spans");
                }
                .instrument(span)
                .await;
            });
        }
        // The usual way to carry a span into a task.
        let carried = info_span!("carried");
        carried.follows_from(tracing::Span::current());
        tasks.spawn(async { info!("in the carried span") }.instrument(carried.clone()));
        tasks.spawn(async move { info!(parent: &carried, "by name") }.in_current_span());
        while tasks.join_next().await.is_some() {}
        look("the end");
        let orphan = info_span!(parent: None, "orphan");
        let child = info_span!(parent: &orphan, "child");
        drop(orphan);
        child.in_scope(|| look("a child of a closed span"));
    }
    .instrument(outer.clone())
    .await;
    for level in [Level::ERROR, Level::INFO, Level::DEBUG, Level::TRACE] {
        let enabled = match level {
            Level::ERROR => tracing::enabled!(Level::ERROR),
            Level::INFO => tracing::enabled!(Level::INFO),
            Level::DEBUG => tracing::enabled!(Level::DEBUG),
            _ => tracing::enabled!(Level::TRACE),
        };
        diary.note(format!("{level} is enabled: {enabled}"));
    }
}

fn run(subscriber: impl Into<Dispatch>, program: impl Future<Output = ()>) -> Dispatch {
    let dispatch = subscriber.into();
    tracing::dispatcher::with_default(&dispatch, || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(program);
    });
    dispatch
}

/// In a child process of a test: run `bare` or `wrapped`, with the variant of the test after a colon.
const ROLE: &str = "TASKSCOPE_TESTS_ROLE";
/// Before each line of a child's diary.
const LINE: &str = "diary: ";

/// Runs the test's program with its subscriber and with the same one wrapped, compares what its layers wrote down, and returns that.
/// `None`: this is another variant's child. Each run has a process of its own: `tracing` caches process-wide who wants what, and
/// doesn't forget all of it with a subscriber.
fn same<S: Subscriber + Send + Sync + 'static>(
    test: &str,
    variant: &str,
    stack: impl FnOnce(Diary) -> S,
) -> Option<String> {
    if let Ok(role) = std::env::var(ROLE) {
        let (role, wanted) = role.split_once(':').expect("a role and a variant");
        if wanted == variant {
            play(role, stack);
            std::process::exit(0);
        }
        return None;
    }
    let child = |role: &str| -> Vec<String> {
        let output = Command::new(std::env::current_exe().expect("this test runs"))
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(ROLE, format!("{role}:{variant}"))
            .output()
            .expect("this test can be started again");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let printed = String::from_utf8(output.stdout).expect("a diary is text");
        printed.lines().filter_map(|line| line.strip_prefix(LINE)).map(ToOwned::to_owned).collect()
    };
    let (bare, wrapped) = (child("bare"), child("wrapped"));
    for (line, (bare, wrapped)) in bare.iter().zip(&wrapped).enumerate() {
        assert_eq!(bare, wrapped, "{variant}, line {line}");
    }
    assert_eq!(bare.len(), wrapped.len(), "{variant}: {bare:#?}\n{wrapped:#?}");
    assert!(!bare.is_empty(), "{variant}: nothing was written down");
    Some(bare.join("\n"))
}

fn play<S: Subscriber + Send + Sync + 'static>(role: &str, stack: impl FnOnce(Diary) -> S) {
    let diary = Diary::default();
    let stack = stack(diary.clone());
    if role == "wrapped" {
        let (subscriber, server) = taskscope::builder().wrap(stack);
        let _alive = run(subscriber, program(diary.clone()));
        // The two would be the same, too, if nothing had been watched.
        assert_eq!(server.handle().problems(), Vec::<String>::new());
    } else {
        run(stack, program(diary.clone()));
    }
    println!();
    for line in diary.lines() {
        println!("{LINE}{line:?}");
    }
}

#[test]
fn layers_see_the_same_spans_parents_and_events() {
    let text = same("layers_see_the_same_spans_parents_and_events", "", |diary| {
        tracing_subscriber::registry()
            .with(ErrorLayer::default().with_filter(own()))
            .with(Recording(diary).with_filter(own()))
    });
    let text = text.expect("a test with one variant");
    for part in
        ["new inside under None", "event", "carried follows outer", "close outer", "0: invisible::outer"]
    {
        assert!(text.contains(part), "the program does what is compared: {part}\n{text}");
    }
}

#[test]
fn filters_of_layers_filter_the_same() {
    for filter in
        [LevelFilter::TRACE, LevelFilter::DEBUG, LevelFilter::INFO, LevelFilter::ERROR, LevelFilter::OFF]
    {
        same("filters_of_layers_filter_the_same", &filter.to_string(), |diary| {
            let other = Recording(Diary::default()).with_filter(LevelFilter::INFO);
            let recording = Recording(diary).with_filter(Targets::new().with_target("invisible", filter));
            tracing_subscriber::registry()
                .with(other)
                .with(recording)
                .with(ErrorLayer::default().with_filter(own()))
        });
    }
}

#[test]
fn a_global_filter_filters_the_program_and_not_its_tasks() {
    for directives in ["invisible=info", "off", "invisible[inside]=trace,warn"] {
        same("a_global_filter_filters_the_program_and_not_its_tasks", directives, |diary| {
            tracing_subscriber::registry()
                .with(Recording(diary))
                .with(EnvFilter::new(directives))
                .with(ErrorLayer::default())
        });
    }
}

/// What a fmt layer writes.
#[derive(Clone)]
struct Written(Diary);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.note(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Written {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[test]
fn logs_are_the_same_to_the_letter() {
    let text = same("logs_are_the_same_to_the_letter", "", |diary| {
        let log = tracing_subscriber::fmt::layer()
            .with_writer(Written(diary))
            .without_time()
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::NEW)
            .with_ansi(false);
        tracing_subscriber::registry()
            .with(ErrorLayer::default().with_filter(own()))
            .with(log.with_filter(EnvFilter::new("invisible=trace")))
    });
    let text = text.expect("a test with one variant");
    assert!(text.contains("outer{answer=42}"), "{text}");
}

#[test]
fn the_registry_and_the_layers_are_found() {
    let stack =
        || tracing_subscriber::registry().with(Recording(Diary::default())).with(ErrorLayer::default());
    let (subscriber, _server) = taskscope::builder().wrap(stack());
    let dispatch = Dispatch::new(subscriber);
    assert!(dispatch.downcast_ref::<Registry>().is_some());
    assert!(dispatch.downcast_ref::<Recording>().is_some());
    assert!(dispatch.downcast_ref::<Diary>().is_none(), "and what is not there is not");
}

/// Spans as opentelemetry exports them: name, parent, attributes.
fn exported(wrap: bool) -> Vec<String> {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("taskscope")).with_location(false);
    let stack = tracing_subscriber::registry().with(layer.with_filter(own())).with(ErrorLayer::default());
    let contexts = Diary::default();
    let diary = contexts.clone();
    let traced = async move {
        let span = info_span!("with a context");
        let valid = span.context().span().span_context().is_valid();
        diary.note(format!("the context is valid: {valid}"));
        program(Diary::default()).instrument(span).await;
    };
    if wrap {
        run(taskscope::builder().wrap(stack).0, traced);
    } else {
        run(stack, traced);
    }
    let spans = exporter.get_finished_spans().expect("nothing else uses the exporter");
    let mut seen = contexts.lines();
    for span in &spans {
        let parent = spans.iter().find(|parent| parent.span_context.span_id() == span.parent_span_id);
        let mut line =
            format!("{} under {:?} with {} events", span.name, parent.map(|p| &p.name), span.events.len());
        let mut attributes: Vec<_> = span
            .attributes
            .iter()
            .filter(|attribute| ["answer", "number"].contains(&attribute.key.as_str()))
            .map(|attribute| format!("{}={}", attribute.key, attribute.value))
            .collect();
        attributes.sort();
        write!(line, " {attributes:?}").expect("a string takes everything");
        seen.push(line);
    }
    seen
}

#[test]
fn opentelemetry_exports_the_same_spans() {
    let (bare, wrapped) = (exported(false), exported(true));
    assert_eq!(bare, wrapped);
    assert!(bare.len() > 8 && bare.contains(&"the context is valid: true".to_owned()), "{bare:#?}");
}

/// One recorder of many, with as many tasks as its number, on the runtime of a thread.
fn recorder(number: usize) -> String {
    let (subscriber, server) =
        taskscope::builder().bind("127.0.0.1:0").name(format!("program {number}")).wrap(Registry::default());
    let (handle, address) = (server.handle().clone(), server.spawn().expect("a free port"));
    let dispatch = Dispatch::new(subscriber);
    let _here: DefaultGuard = tracing::dispatcher::set_default(&dispatch);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        for task in 0..=number {
            let name = format!("{number}-{task}");
            taskscope::task::Builder::new().handle(&handle).name(&name).spawn(std::future::pending::<()>());
        }
        tokio::task::yield_now().await;
    });
    // The tasks live on with their runtime.
    std::mem::forget(runtime);
    address.to_string()
}

#[tokio::test]
async fn a_dozen_recorders_live_side_by_side() {
    let threads: Vec<_> = (0..12).map(|number| std::thread::spawn(move || recorder(number))).collect();
    let addresses = threads.into_iter().map(|thread| thread.join().expect("it does not panic"));
    let mut instances = std::collections::HashSet::new();
    for (number, address) in addresses.enumerate() {
        let mut console = Console::open(&address).await;
        console.wait_for("a snapshot", |fold| fold.complete).await;
        let mut names: Vec<_> = console.fold.live().map(|task| task.name.clone()).collect();
        names.sort_by_key(|name| name.len() * 100 + name.bytes().map(usize::from).sum::<usize>());
        let wanted: Vec<_> = (0..=number).map(|task| format!("{number}-{task}")).collect();
        assert_eq!(names, wanted, "its own tasks, and no others");
        let hello = console.fold.hello.expect("the first frame has it");
        assert_eq!(hello.process_name, format!("program {number}"));
        assert!(instances.insert(hello.instance), "an instance is a recorder");
    }
}
