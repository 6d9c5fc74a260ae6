//! The verdict of the report, and what stands beside it.

use crate::{
    analysis::{Analysis, longest::Wait},
    id::ResourceKey,
    lints::findings::Findings,
    model::overview::{
        CHANGES, changed, instrument,
        verdict::{unknown, verdict},
        whole_changes,
    },
    report::{Changed, LongWait, Overview, TrendPoint, Verdict},
    screen::overview,
    store::{task::Task, trends::Point},
};

pub(super) fn overview(store: Analysis<'_>, findings: &Findings) -> Overview {
    let longest = &findings.pressure.longest;
    let whole = whole_changes(store).into_iter().map(|of| Changed {
        measure: of.measure.to_owned(),
        of: None,
        before: of.before,
        now: of.now,
    });
    let parts = store.changes.list().into_iter().filter_map(|change| {
        let (of, measure) = changed(store, &change)?;
        let (before, now) = (change.before as f64, change.now as f64);
        Some(Changed { measure: measure.to_owned(), of: Some(of), before, now })
    });
    Overview {
        verdict: said(verdict(store, findings, None)),
        trend: store.trends.points().map(|point| trend_point(store, point)).collect(),
        changed: whole.chain(parts).take(CHANGES).collect(),
        changed_over_ns: store.changes.over_ns(),
        waits: longest.waits.iter().map(|of| long_wait(store, of)).collect(),
        idle: longest.idle,
        looked_at: longest.looked_at,
        instrument: instrument(store, longest),
    }
}

/// That nothing is known.
pub(super) fn none() -> Overview {
    Overview {
        verdict: said(unknown("no process has answered")),
        trend: Vec::new(),
        changed: Vec::new(),
        changed_over_ns: None,
        waits: Vec::new(),
        idle: 0,
        looked_at: 0,
        instrument: Vec::new(),
    }
}

fn said(of: overview::Verdict) -> Verdict {
    let overview::Verdict { health, severity, sentence, cause } = of;
    Verdict { health, severity, sentence, cause: (!cause.is_empty()).then_some(cause) }
}

fn trend_point(store: Analysis<'_>, point: &Point) -> TrendPoint {
    TrendPoint {
        ago_ns: store.now_ns.saturating_sub(point.at_ns),
        alive: point.alive,
        polls_per_s: point.polls_per_s,
        schedule_delay_p99_ns: point.delay_p99_ns,
        busy_share: point.mean_busy(),
    }
}

fn long_wait(store: Analysis<'_>, of: &Wait) -> LongWait {
    LongWait {
        waits_for: (!of.words.is_empty()).then(|| of.words.clone()),
        place: store.place(of.site),
        resource: of.on.map(ResourceKey::id),
        tasks: of.tasks,
        longest_ns: store.now_ns.saturating_sub(of.since_ns),
        task: store.task(of.longest).map(Task::id),
    }
}
