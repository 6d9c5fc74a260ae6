//! The overview, put together for its screen and for reports.
//!
//! Limit: so many lines of each list as the constants below say; a screen shows fewer.

mod graphs;
pub(super) mod verdict;

use crate::{
    analysis::{
        Analysis,
        longest::{Longest, Wait, WaitKind},
    },
    format::{self, bytes, count, duration_ns, exact, rate},
    id::{IoKey, SiteId},
    lints::{
        Group, LintKind,
        findings::{Finding, Subject},
    },
    model::ui::nav_stack::Chosen,
    nav::{Screen, WaitsOf},
    screen::{
        Tone,
        overview::{ChangeLine, FindingLine, LongWait, OverviewView, WorkerLine},
        table::Cell,
        task::Link,
    },
    store::{
        changes::{self, Change},
        scheduler::{Worker, WorkerCount},
        trends::Point,
    },
    table::{Context, Opens},
    tables::{
        io,
        workers::doing::{doing, polled, task_cell},
    },
};
use verdict::verdict;

/// Changes in a report.
pub(super) const CHANGES: usize = 16;
/// From this height of a terminal on there is room for more, and for much more.
const ROOMY: u16 = 30;
const TALL: u16 = 46;
/// Points that "now" and "then" are the mean of.
const MEAN_OF: usize = 5;
/// So many times as much, or as little, is a change of the process as a whole.
const GREAT_CHANGE: f64 = 2.0;

/// How many lines each list has.
struct Lines {
    findings: usize,
    changes: usize,
    workers: usize,
    waits: usize,
    /// What is to be done about waits that nothing reports.
    instrument: bool,
}

impl Lines {
    /// Of a terminal of this height: all of it is to be seen at once.
    fn of(height: u16, has_findings: bool) -> Self {
        let (findings, changes, workers) = match height {
            ..ROOMY => (3, 2, 2),
            ROOMY..TALL => (4, 8, 4),
            TALL.. => (8, 16, 8),
        };
        let waits = match (height, has_findings) {
            (..ROOMY, true) => 0,
            (..ROOMY, false) | (ROOMY..TALL, true) => 3,
            (ROOMY..TALL, false) => 9,
            (TALL.., _) => 12,
        };
        Self { findings, changes, workers, waits, instrument: waits > 0 }
    }
}

/// The screen, and where each of its links leads. `height`: of the terminal; `gone`: since when, and why, there is no connection.
pub(super) fn view(
    at: Context<'_>,
    chosen: Chosen,
    height: u16,
    gone: Option<(u64, &str)>,
) -> (OverviewView, Vec<Opens>) {
    let store = at.store;
    let mut leads = Leads { store, links: Vec::new(), opens: Vec::new() };
    let list = &at.findings.list;
    let lines = Lines::of(height, !list.is_empty());
    let findings: Vec<FindingLine> =
        list.iter().take(lines.findings).map(|of| finding_line(of, &mut leads)).collect();
    let workers = worker_lines(store, lines.workers, &mut leads);
    let changes = change_lines(store, lines.changes, &mut leads);
    let longest = &at.findings.pressure.longest;
    let waits: Vec<LongWait> =
        longest.waits.iter().take(lines.waits).map(|wait| wait_line(store, wait, &mut leads)).collect();
    let Leads { links, opens, .. } = leads;
    let view = OverviewView {
        verdict: verdict(store, at.findings, gone),
        graphs: graphs::graphs(store),
        no_workers: workers.is_empty().then(|| graphs::why_no_workers(store)),
        more_workers: store.scheduler.workers().count() - workers.len(),
        workers,
        more_findings: list.len() - findings.len() + at.findings.more,
        findings,
        changes,
        changed_over_ns: store.changes.over_ns(),
        more_waits: longest.more + longest.waits.len() - waits.len(),
        waits,
        sample: (longest.looked_at < longest.idle).then_some((longest.looked_at, longest.idle)),
        instrument: if lines.instrument { instrument(store, longest) } else { Vec::new() },
        selected_link: chosen.among(&links),
        links,
    };
    (view, opens)
}

/// Where the chosen link leads.
pub(super) fn leads(at: Context<'_>, chosen: Chosen, height: u16) -> Option<Opens> {
    let (view, opens) = view(at, chosen, height, None);
    opens.get(view.selected_link?).copied()
}

/// The links of the screen, each with where it leads: of what is no screen of one thing, `Link::to` is the list that it is in.
struct Leads<'a> {
    store: Analysis<'a>,
    links: Vec<Link>,
    opens: Vec<Opens>,
}

impl Leads<'_> {
    fn add(&mut self, text: String, to: Screen, opens: Opens) -> usize {
        if let Some(known) = self.opens.iter().position(|known| *known == opens) {
            return known;
        }
        self.links.push(Link { text, to });
        self.opens.push(opens);
        self.links.len() - 1
    }

    fn screen(&mut self, text: String, to: Screen) -> usize {
        self.add(text, to, Opens::Screen(to))
    }

    fn place(&mut self, site: SiteId) -> Option<usize> {
        let place = self.store.short_place(site)?;
        Some(self.add(place, Screen::Tasks, Opens::Place(site)))
    }

    fn thing(&mut self, key: IoKey, text: &str) -> usize {
        self.screen(text.to_owned(), io::screen(self.store, key))
    }
}

fn finding_line(finding: &Finding, leads: &mut Leads<'_>) -> FindingLine {
    let to = match finding.id.subject {
        Subject::Task(key) if finding.id.lint == LintKind::Deadlock => Screen::Waits(WaitsOf::Task(key)),
        Subject::Task(key) => Screen::Task(key),
        Subject::Resource(key) => Screen::Resource(key),
        Subject::Descriptor(id) => Screen::Descriptor(id),
        Subject::Runtime(_) => Screen::Runtime,
        Subject::Site if finding.id.lint.group() == Group::Io => Screen::Io,
        Subject::Site | Subject::Thread(_) => Screen::Tasks,
    };
    FindingLine {
        lint: finding.id.lint,
        severity: finding.severity,
        confidence: finding.confidence,
        text: verdict::parts(&finding.message).0.to_owned(),
        link: leads.add(finding.id.lint.name().to_owned(), to, Opens::Finding(finding.id)),
    }
}

/// Those that have been stuck longest first, then by number.
fn worker_lines(store: Analysis<'_>, most: usize, leads: &mut Leads<'_>) -> Vec<WorkerLine> {
    let mut workers: Vec<&Worker> = store.scheduler.workers().collect();
    workers.sort_by_key(|worker| {
        let stuck = store.scheduler.stuck_on(worker.thread);
        (stuck.map_or(u64::MAX, |poll| poll.started_ns), worker.key.runtime == 0, worker.key)
    });
    let line = |worker: &&Worker| {
        let stuck = store.scheduler.stuck_on(worker.thread);
        let (state, since_ns) = doing(store, worker);
        let share_of = |point: &Point| {
            point.busy.iter().find(|(key, _)| *key == worker.key).map(|(_, share)| f64::from(*share))
        };
        let name = store.scheduler.worker_words(worker.key);
        let task = polled(worker, stuck).and_then(|key| store.task(key));
        WorkerLine {
            link: Some(leads.screen(name.clone(), Screen::Worker(worker.key))),
            name,
            busy: store.scheduler.worker_share(worker.key, WorkerCount::PollTime),
            values: graphs::values(store, share_of),
            state,
            task: task_cell(store, worker, stuck),
            task_link: task.map(|task| leads.screen(store.task_words(task), Screen::Task(task.key))),
            age: since_ns.map_or_else(Cell::unknown, |since_ns| {
                Cell::normal(duration_ns(store.now_ns.saturating_sub(since_ns)))
            }),
        }
    };
    workers.iter().take(most).map(line).collect()
}

/// What became of a figure of the whole process: its measure, then, now.
pub(super) struct WholeChange {
    pub(super) measure: &'static str,
    pub(super) before: f64,
    pub(super) now: f64,
    weight: f64,
}

/// The figures of the process as a whole that changed much.
pub(super) fn whole_changes(store: Analysis<'_>) -> Vec<WholeChange> {
    let figure = |measure, of: fn(&Point) -> Option<f64>, damping: f64| {
        let (before, now) = then_and_now(store, of)?;
        let weight = changes::weight(before / damping, now / damping)?;
        Some(WholeChange { measure, before, now, weight })
    };
    let figures = [
        figure("polls/s", |point| point.polls_per_s, 1.0),
        // What is below some 100 µs is nothing to a person.
        figure("p99 delay", |point| point.delay_p99_ns.map(|ns| ns as f64), 20_000.0),
    ];
    figures.into_iter().flatten().collect()
}

/// The mean of the first points there are, and of the last; `None`: there are too few.
pub(super) fn then_and_now(store: Analysis<'_>, of: fn(&Point) -> Option<f64>) -> Option<(f64, f64)> {
    let known: Vec<f64> = store.trends.points().filter_map(of).collect();
    if known.len() < MEAN_OF * 2 {
        return None;
    }
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    Some((mean(&known[..MEAN_OF]), mean(&known[known.len() - MEAN_OF..])))
}

/// Whether a figure is another one altogether.
fn is_great(before: f64, now: f64) -> bool {
    let (least, most) = (before.min(now).max(1e-9), before.max(now));
    most / least >= GREAT_CHANGE
}

fn change_lines(store: Analysis<'_>, most: usize, leads: &mut Leads<'_>) -> Vec<ChangeLine> {
    let mut lines: Vec<(f64, ChangeLine)> = Vec::new();
    for of in whole_changes(store) {
        let words = |value: f64| match of.measure {
            "polls/s" => rate(value),
            _ => duration_ns(value as u64),
        };
        let name = Cell::new("the process", Tone::Normal);
        let (before, now) = (words(of.before), words(of.now));
        lines.push((of.weight, ChangeLine { name, link: None, measure: of.measure, before, now }));
    }
    for change in store.changes.list().into_iter().take(most) {
        if let (Some(weight), Some(line)) = (change.weight(), change_line(store, &change, leads)) {
            lines.push((weight, line));
        }
    }
    lines.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    lines.truncate(most);
    lines.into_iter().map(|(_, line)| line).collect()
}

/// What changed, and how its counts are called.
pub(super) fn changed(store: Analysis<'_>, change: &Change) -> Option<(String, &'static str)> {
    let place = |site: SiteId| Some(store.short_place(site).unwrap_or_else(|| "an unknown place".to_owned()));
    let socket = |id| Some(store.io_words(&store.thing(IoKey::Descriptor(id))?));
    Some(match change.subject {
        changes::Subject::Alive(site) => (place(site)?, "tasks"),
        changes::Subject::Woken(site) => (place(site)?, "woken"),
        changes::Subject::Depth(key) => (store.resource_words(store.resources.resource(key)?), "queue"),
        changes::Subject::Backlog(id) => (socket(id)?, "backlog"),
        changes::Subject::ReceiveQueue(id) => (socket(id)?, "receive-queue"),
        changes::Subject::SendQueue(id) => (socket(id)?, "send-queue"),
    })
}

fn change_line(store: Analysis<'_>, change: &Change, leads: &mut Leads<'_>) -> Option<ChangeLine> {
    let (name, measure) = changed(store, change)?;
    let link = match change.subject {
        changes::Subject::Alive(site) | changes::Subject::Woken(site) => leads.place(site),
        changes::Subject::Depth(key) => Some(leads.screen(name.clone(), Screen::Resource(key))),
        changes::Subject::Backlog(id)
        | changes::Subject::ReceiveQueue(id)
        | changes::Subject::SendQueue(id) => Some(leads.thing(IoKey::Descriptor(id), &name)),
    };
    let words = |n: u64| match change.subject {
        changes::Subject::ReceiveQueue(_) | changes::Subject::SendQueue(_) => bytes(n),
        _ => count(n),
    };
    let tone = if link.is_some() { Tone::Link } else { Tone::Normal };
    let (before, now) = (words(change.before), words(change.now));
    Some(ChangeLine { name: Cell::new(name, tone), link, measure, before, now })
}

fn wait_line(store: Analysis<'_>, wait: &Wait, leads: &mut Leads<'_>) -> LongWait {
    let longest = store.task(wait.longest);
    let words = longest.map(|task| store.task_words(task));
    let link = match (wait.on.and_then(|key| store.resources.resource(key)), longest) {
        (Some(resource), _) => {
            Some(leads.screen(store.resource_words(resource), Screen::Resource(resource.key)))
        }
        (None, Some(task)) => Some(leads.screen(store.task_words(task), Screen::Task(task.key))),
        (None, None) => None,
    };
    let what = match wait.kind {
        _ if wait.words.is_empty() => Cell::new("what nothing reports", Tone::Dim),
        WaitKind::Program => Cell::new(wait.words.clone(), Tone::Link),
        _ => Cell::new(wait.words.clone(), Tone::Normal),
    };
    LongWait {
        what,
        link,
        place: store.short_place(wait.site).map_or_else(Cell::unknown, |place| Cell::new(place, Tone::Dim)),
        tasks: Cell::normal(count(wait.tasks)),
        age: Cell::normal(duration_ns(store.now_ns.saturating_sub(wait.since_ns))),
        longest: words.map_or_else(Cell::unknown, Cell::normal),
    }
}

/// What to do about waits that nothing reports, as sentences with the line to add.
pub(super) fn instrument(store: Analysis<'_>, longest: &Longest) -> Vec<String> {
    let unknown = || longest.waits.iter().filter(|wait| wait.kind == WaitKind::Unknown);
    let tasks: u64 = unknown().map(|wait| wait.tasks).sum();
    if tasks == 0 || store.hello.is_memory() {
        return Vec::new();
    }
    let mut say: Vec<String> = Vec::new();
    if store.hello.is_tokio_console() {
        say.push(
            "In place of console-subscriber: `taskscope::init();` at the start of main shows locks, channels and sockets with their holders."
                .to_owned(),
        );
        return say;
    }
    if !store.hello.tokio_unstable {
        say.push(
            "In .cargo/config.toml: `[build] rustflags = [\"--cfg\", \"tokio_unstable\"]` shows tokio's own locks, channels and timers."
                .to_owned(),
        );
    }
    let site = unknown().next().and_then(|wait| store.short_place(wait.site));
    let whose = site.map_or_else(String::new, |place| format!("For the tasks of {place}: "));
    let types =
        if store.hello.sources.contains(&"resources") { "io, net, process" } else { "net, sync, time" };
    say.push(format!(
        "{whose}`use taskscope::{{{types}}};` in place of tokio's shows what they wait for; `#[taskscope::trace]` on an async function shows \
         where."
    ));
    say
}

/// `1,204` or `–`
fn exact_or_unknown(value: Option<u64>) -> String {
    value.map_or_else(|| format::UNKNOWN.to_owned(), exact)
}
