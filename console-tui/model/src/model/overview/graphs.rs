//! The graphs of the overview: the points of the last minutes, a place a second.

use super::{exact_or_unknown, is_great, then_and_now};
use crate::{
    analysis::Analysis,
    format::{UNKNOWN, count, duration_ns, percent, rate},
    screen::{Tone, overview::Graph, table::Cell},
    store::trends::{MAX_POINTS, POINT_NS, Point},
};

/// The graphs, in the order of the screen.
pub(super) fn graphs(store: Analysis<'_>) -> Vec<Graph> {
    vec![
        graph(store, "polls/s", |point| point.polls_per_s, rate, (None, why_no_polls(store))),
        graph(store, "busy", Point::mean_busy, percent, (Some(1.0), Some(why_no_workers(store)))),
        graph(
            store,
            "p99 delay",
            |point| point.delay_p99_ns.map(|ns| ns as f64),
            |ns| if ns <= 0.0 { "no wait".to_owned() } else { duration_ns(ns as u64) },
            (None, Some(why_no_workers(store))),
        ),
        tasks(store),
    ]
}

fn graph(
    store: Analysis<'_>,
    title: &'static str,
    of: fn(&Point) -> Option<f64>,
    words: fn(f64) -> String,
    (full, why): (Option<f64>, Option<&'static str>),
) -> Graph {
    let now = store.trends.last().and_then(of);
    let before = then_and_now(store, of).filter(|(before, now)| is_great(*before, *now));
    let values = values(store, of);
    let is_known = values.iter().any(Option::is_some);
    Graph {
        title,
        now: now.map_or_else(|| Cell::new(UNKNOWN, Tone::Unknown), |now| Cell::new(words(now), Tone::Normal)),
        before: before
            .map(|(before, _)| words(before))
            .filter(|before| now.map(words).as_ref() != Some(before)),
        values,
        full,
        why: why.filter(|_| !is_known && store.trends.points().count() > 1),
    }
}

fn tasks(store: Analysis<'_>) -> Graph {
    let of = |point: &Point| Some(point.alive as f64);
    let mut graph = graph(store, "tasks", of, |alive| count(alive as u64), (None, None));
    graph.now = Cell::normal(exact_or_unknown(Some(store.alive())));
    graph
}

/// A value a second, oldest first; of the seconds between two points, that of the later one.
pub(super) fn values(store: Analysis<'_>, of: impl Fn(&Point) -> Option<f64>) -> Vec<Option<f64>> {
    let mut values = vec![None; MAX_POINTS];
    let Some(last) = store.trends.last() else { return values };
    let place = |point: &Point| {
        let back = (last.at_ns.saturating_sub(point.at_ns) + POINT_NS / 2) / POINT_NS;
        (MAX_POINTS - 1).checked_sub(usize::try_from(back).ok()?)
    };
    let mut before: Option<usize> = None;
    for point in store.trends.points() {
        let Some(at) = place(point) else { continue };
        let value = of(point);
        // A console may have looked away for some seconds.
        let from = before.map_or(at, |before| (before + 1).min(at));
        values[from..=at].fill(value);
        before = Some(at);
    }
    values
}

fn why_no_polls(store: Analysis<'_>) -> Option<&'static str> {
    store.hello.is_memory().then_some("memory does not show polls")
}

/// Why no worker is reported.
pub(super) fn why_no_workers(store: Analysis<'_>) -> &'static str {
    if store.hello.is_memory() {
        "memory does not show it"
    } else if store.hello.is_tokio_console() {
        "tokio-console's protocol does not report it"
    } else {
        "this process does not report it yet"
    }
}
