//! Runs the lints and keeps what they found: one finding for each lint and spawn site, with the time it was first seen.
//!
//! Limit: [`MAX_FINDINGS`] entries, [`SHOWN_TASKS`] tasks named in each.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use crate::{
    format::exact,
    id::{SiteId, TaskKey},
    lint::{
        Lint, LintConfig, LintKind, Severity, Subject, Verdict, checks, io,
        leak::Growth,
        locks,
        pressure::{Gathering, Pressure},
        scheduler,
    },
    screen::{findings::FindingId, task::TaskFinding},
    store::{
        Store,
        task::{Marks, Task},
    },
};

/// Tasks that a finding names.
pub(crate) const SHOWN_TASKS: usize = 8;
/// Findings listed.
pub(crate) const MAX_FINDINGS: usize = 1000;
/// Tasks that its sentence names besides the worst.
const NAMED_TASKS: usize = 4;

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) id: FindingId,
    pub(crate) severity: Severity,
    pub(crate) count: u64,
    pub(crate) message: String,
    pub(crate) advice: &'static str,
    /// The worst first.
    pub(crate) tasks: Vec<TaskKey>,
    pub(crate) first_seen_ns: u64,
}

/// What the lints found at their last run.
#[derive(Debug, Default, Clone)]
pub(crate) struct Findings {
    /// The most serious first, of those the oldest.
    pub(crate) list: Vec<Finding>,
    /// Less serious ones that [`MAX_FINDINGS`] keeps out.
    pub(crate) more: usize,
    /// Who waits for a worker, and what the blocking pool does.
    pub(crate) pressure: Pressure,
    first_seen: FxHashMap<FindingId, u64>,
}

/// The tasks of one lint and site.
#[derive(Debug)]
struct Heap {
    severity: Severity,
    count: u64,
    worst: (Severity, u64, TaskKey),
    /// In the order of the walk, which is steady.
    some: Vec<TaskKey>,
}

/// A run of the lints over all tasks, task by task.
#[derive(Debug, Default)]
pub(crate) struct Run {
    heaps: FxHashMap<FindingId, Heap>,
    /// By number of the site.
    growths: Vec<Growth>,
    /// What was found of locks, channels and I/O, before the first task is looked at.
    locks: Option<Vec<Finding>>,
    /// What that says of the tasks that it is about.
    lock_marks: FxHashMap<TaskKey, Marks>,
    gathering: Gathering,
}

impl Run {
    /// Looks at a task; the lints are those of [`checks::enabled`].
    pub(crate) fn look_at(
        &mut self,
        store: &Store,
        task: &Task,
        lints: &[Box<dyn Lint>],
        config: &LintConfig,
    ) -> Marks {
        self.look_at_locks(store, config);
        if task.is_done() {
            return Marks::default();
        }
        self.gathering.add(store, task);
        let mut marks = self.lock_marks.get(&task.key).copied().unwrap_or_default();
        let site = task.facts.site;
        if config.task_leak.enabled {
            let index = site.0 as usize;
            if self.growths.len() <= index {
                self.growths.resize_with(index + 1, Growth::default);
            }
            self.growths[index].add(task, store.now_ns, &config.task_leak);
        }
        let subject = Subject { store, task };
        for lint in lints {
            let Verdict::Finding { severity, weight } = lint.check(&subject) else { continue };
            marks.add(lint.kind(), severity);
            add(&mut self.heaps, FindingId::of_site(lint.kind(), site), severity, weight, task.key);
        }
        marks
    }

    fn look_at_locks(&mut self, store: &Store, config: &LintConfig) {
        if self.locks.is_some() {
            return;
        }
        let mut found = locks::find(store, config);
        found.extend(io::find(store, config));
        for finding in &found {
            for task in &finding.tasks {
                self.lock_marks.entry(*task).or_default().add(finding.id.lint, finding.severity);
            }
        }
        self.locks = Some(found);
    }

    /// What was found. `before`: what was found the last time.
    pub(crate) fn finish(mut self, before: &Findings, store: &Store, config: &LintConfig) -> Findings {
        self.look_at_locks(store, config);
        let lints = checks::enabled(config);
        let mut drafts: Vec<Draft> =
            self.heaps.into_iter().map(|(id, heap)| Draft::tasks(id, heap)).collect();
        let growths = (0..).map(SiteId).zip(self.growths);
        drafts.extend(growths.filter_map(|(site, growth)| Draft::leak(store, config, site, growth)));
        let pressure = self.gathering.finish(store);
        let mut others = self.locks.unwrap_or_default();
        others.extend(scheduler::find(store, &pressure, config));
        let first_seen = before.first_seen.clone();
        let mut findings = Findings { pressure, first_seen, ..Findings::default() };
        findings.keep(drafts, &lints, store);
        findings.add(others, before, store.now_ns);
        findings
    }
}

impl Findings {
    /// Puts them in order, and writes the sentences of those that are kept.
    fn keep(&mut self, mut drafts: Vec<Draft>, lints: &[Box<dyn Lint>], store: &Store) {
        let now_ns = store.now_ns;
        let mut first_seen = FxHashMap::default();
        for draft in &mut drafts {
            draft.first_seen_ns = self.first_seen.get(&draft.id).copied().unwrap_or(now_ns).min(now_ns);
            first_seen.insert(draft.id, draft.first_seen_ns);
        }
        drafts.sort_by_key(|draft| (Reverse(draft.severity), draft.first_seen_ns, draft.id));
        self.more = drafts.len().saturating_sub(MAX_FINDINGS);
        self.first_seen = first_seen;
        self.list =
            drafts.iter().take(MAX_FINDINGS).filter_map(|draft| draft.finding(lints, store)).collect();
    }

    /// Puts those about locks, channels, runtimes and I/O among the others.
    fn add(&mut self, mut list: Vec<Finding>, before: &Self, now_ns: u64) {
        for finding in &mut list {
            finding.first_seen_ns = before.first_seen.get(&finding.id).copied().unwrap_or(now_ns).min(now_ns);
            self.first_seen.insert(finding.id, finding.first_seen_ns);
        }
        self.list.extend(list);
        // A long poll is often what a deadlock looks like on its worker: the cause comes first.
        self.list.sort_by_key(|finding| {
            (Reverse(finding.severity), finding.id.lint.rank(), finding.first_seen_ns, finding.id)
        });
        self.more += self.list.len().saturating_sub(MAX_FINDINGS);
        self.list.truncate(MAX_FINDINGS);
    }

    /// The findings about spawn sites as a whole.
    pub(crate) fn of_sites(&self) -> FxHashMap<SiteId, Severity> {
        let of_sites = self.list.iter().filter(|finding| finding.id.lint.is_about_sites());
        of_sites.map(|finding| (finding.id.site, finding.severity)).collect()
    }

    pub(crate) fn get(&self, id: FindingId) -> Option<&Finding> {
        self.list.iter().find(|finding| finding.id == id)
    }
}

fn add(heaps: &mut FxHashMap<FindingId, Heap>, id: FindingId, severity: Severity, weight: u64, key: TaskKey) {
    let heap = heaps.entry(id).or_insert_with(|| Heap {
        severity,
        count: 0,
        worst: (severity, weight, key),
        some: Vec::new(),
    });
    heap.count += 1;
    heap.severity = heap.severity.max(severity);
    if (severity, weight) > (heap.worst.0, heap.worst.1) {
        heap.worst = (severity, weight, key);
    }
    if heap.some.len() < SHOWN_TASKS {
        heap.some.push(key);
    }
}

/// A finding before it has its sentences.
struct Draft {
    id: FindingId,
    severity: Severity,
    first_seen_ns: u64,
    about: About,
}

enum About {
    Tasks(Heap),
    Site(Growth),
}

impl Draft {
    fn tasks(id: FindingId, heap: Heap) -> Self {
        Self { id, severity: heap.severity, first_seen_ns: 0, about: About::Tasks(heap) }
    }

    /// `None`: it does not look like a leak.
    fn leak(store: &Store, config: &LintConfig, site: SiteId, growth: Growth) -> Option<Self> {
        let severity = growth.check(store.site(site)?, &config.task_leak)?;
        let id = FindingId::of_site(LintKind::TaskLeak, site);
        Some(Self { id, severity, first_seen_ns: 0, about: About::Site(growth) })
    }

    fn finding(&self, lints: &[Box<dyn Lint>], store: &Store) -> Option<Finding> {
        let (count, message, advice, tasks) = match &self.about {
            About::Tasks(heap) => {
                let lint = lints.iter().find(|lint| lint.kind() == self.id.lint)?.as_ref();
                let (message, advice, tasks) = heap.words(self.id, lint, store)?;
                (heap.count, message, advice, tasks)
            }
            About::Site(growth) => {
                let place = site_words(store, self.id.site);
                let message = growth.message(store.site(self.id.site)?, &place, store.now_ns);
                (growth.alive(), message, Growth::advice(), growth.oldest())
            }
        };
        let Self { id, severity, first_seen_ns, .. } = *self;
        Some(Finding { id, severity, count, message, advice, tasks, first_seen_ns })
    }
}

impl Heap {
    /// The sentence, what to do next, and the tasks that it names.
    fn words(
        &self,
        id: FindingId,
        lint: &dyn Lint,
        store: &Store,
    ) -> Option<(String, &'static str, Vec<TaskKey>)> {
        // Between the walk and its end it may have gone.
        let alive = || self.some.iter().find_map(|key| store.task(*key));
        let worst = store.task(self.worst.2).or_else(alive)?;
        let mut tasks = vec![worst.key];
        tasks.extend(self.some.iter().copied().filter(|key| *key != worst.key).take(SHOWN_TASKS - 1));
        let message = if self.count == 1 {
            task_message(lint, &Subject { store, task: worst })
        } else {
            self.message(id, lint, store, worst, &tasks)
        };
        Some((message, lint.advice(&Subject { store, task: worst }), tasks))
    }

    fn message(
        &self,
        id: FindingId,
        lint: &dyn Lint,
        store: &Store,
        worst: &Task,
        tasks: &[TaskKey],
    ) -> String {
        let named: Vec<String> = tasks[1..]
            .iter()
            .filter_map(|key| store.task(*key))
            .take(NAMED_TASKS)
            .map(|task| if task.facts.tokio_id > 0 { format!("#{}", task.id()) } else { task.id() })
            .collect();
        let rest = self.count.saturating_sub(1 + named.len() as u64);
        let more = if rest > 0 { format!(" and {} more", exact(rest)) } else { String::new() };
        format!(
            "{} tasks spawned {} {}. The worst: {} {}. The others: {}{more}.",
            exact(self.count),
            site_words(store, id.site),
            lint.plural(),
            store.task_words(worst),
            lint.clause(&Subject { store, task: worst }),
            named.join(", "),
        )
    }
}

/// `at src/main.rs:40`, or that nobody knows.
fn site_words(store: &Store, site: SiteId) -> String {
    store
        .short_place(site)
        .map_or_else(|| "at a place nobody knows".to_owned(), |place| format!("at {place}"))
}

fn task_message(lint: &dyn Lint, subject: &Subject) -> String {
    let words = subject.store.task_words(subject.task);
    let place = match subject.store.short_place(subject.task.facts.site) {
        Some(place) => format!(" (spawned at {place})"),
        None => String::new(),
    };
    format!("{words}{place} {}.", lint.clause(subject))
}

/// What the lints say of one task now, the most serious first.
pub(crate) fn about_task(store: &Store, task: &Task, config: &LintConfig) -> Vec<TaskFinding> {
    if task.is_done() {
        return Vec::new();
    }
    let subject = Subject { store, task };
    let mut found: Vec<TaskFinding> = checks::enabled(config)
        .iter()
        .filter_map(|lint| match lint.check(&subject) {
            Verdict::Finding { severity, .. } => Some(TaskFinding {
                lint: lint.kind(),
                severity,
                message: task_message(lint.as_ref(), &subject),
                advice: lint.advice(&subject).to_owned(),
            }),
            Verdict::Ok | Verdict::Recheck => None,
        })
        .collect();
    found.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.lint.cmp(&b.lint)));
    found
}
