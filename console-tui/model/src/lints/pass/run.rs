//! A run of all lints: over all tasks, a few at a time, and over everything else at once.
//!
//! Limit: [`MAX_FINDINGS`] groups of tasks get their sentences, the worst; [`SHOWN_TASKS`] tasks are kept of each.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use crate::{
    analysis::pressure::Gathering,
    format::exact,
    id::TaskKey,
    lints::{
        LintConfig, LintKind,
        findings::{Finding, FindingId, Findings, MAX_FINDINGS, SHOWN_TASKS},
        judged::looks_at_memory,
        lint::{Check, Gather, TaskCheck, Verdict},
        pass::{Look, TaskLook, io, locks, runtimes},
    },
    severity::{Confidence, Severity},
    store::task::{Agent, Marks, Task},
};

/// Tasks that a sentence about many names besides the worst.
const NAMED_TASKS: usize = 4;

/// The lints that look at one task at a time, those that are switched on.
pub(crate) type TaskLints = Vec<(LintKind, &'static TaskCheck)>;

/// The lints that look at one task at a time, those that are switched on.
pub(crate) fn task_lints(config: &LintConfig) -> TaskLints {
    let lints = config.checks().filter_map(|(kind, check)| match check {
        Check::Task(check) => Some((kind, check)),
        _ => None,
    });
    lints.collect()
}

/// What is looked at next beside the tasks.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Beside {
    #[default]
    Locks,
    Io,
    Done,
}

/// A run of the lints.
#[derive(Debug, Default)]
pub(crate) struct Run {
    groups: FxHashMap<FindingId, TaskGroup>,
    gathered: Option<Vec<Box<dyn Gather>>>,
    /// What was found of locks, channels and I/O, before the first task is looked at.
    found: Vec<Finding>,
    /// How much of that was looked at.
    beside: Beside,
    /// What that says of the tasks that it is about.
    found_marks: FxHashMap<TaskKey, Marks>,
    pressure: Gathering,
}

impl Run {
    /// Looks at a task. `lints`: those of [`task_lints`].
    pub(crate) fn look_at(&mut self, look: Look<'_>, task: &Task, lints: &TaskLints) -> Marks {
        while !self.look_beside(look) {}
        if task.is_done() {
            return Marks::default();
        }
        self.pressure.add(look.store, task);
        for gather in self.gathered.get_or_insert_with(|| gathers(look)) {
            gather.add(&look, task);
        }
        let mut marks = self.found_marks.get(&task.key).copied().unwrap_or_default();
        let task_look = TaskLook { look, task };
        for (kind, lint) in lints {
            if task.facts.knows.looks_alone && !looks_at_memory(*kind) {
                continue;
            }
            let Verdict::Finding { severity, confidence, weight } = (lint.check)(&task_look) else {
                continue;
            };
            marks.add(kind.bit(), severity);
            let id = FindingId::of_site(*kind, task.facts.site);
            self.groups.entry(id).or_default().add((severity, confidence, weight), task.key);
        }
        marks
    }

    /// Looks at what stands beside the tasks: locks and channels, then I/O, each at once. True: that was the last.
    pub(crate) fn look_beside(&mut self, look: Look<'_>) -> bool {
        let (found, next) = match self.beside {
            Beside::Locks => (locks::find(look), Beside::Io),
            Beside::Io => (io::find(look), Beside::Done),
            Beside::Done => return true,
        };
        for finding in &found {
            for task in &finding.tasks {
                self.found_marks.entry(*task).or_default().add(finding.id.lint.bit(), finding.severity);
            }
        }
        self.found.extend(found);
        self.beside = next;
        next == Beside::Done
    }

    /// What was found. `before`: what was found the last time.
    pub(crate) fn finish(mut self, before: &Findings, look: Look<'_>) -> Findings {
        while !self.look_beside(look) {}
        let pressure = self.pressure.finish(look.store);
        let (mut list, more) = group_findings(self.groups, before, &look);
        let gathered = self.gathered.unwrap_or_default();
        list.extend(gathered.iter().flat_map(|gather| gather.findings(&look)));
        list.extend(self.found);
        list.extend(runtimes::find(look, &pressure));
        Findings::new(list, more, pressure, before, look.at())
    }
}

fn gathers(look: Look<'_>) -> Vec<Box<dyn Gather>> {
    let new = look.checks().filter_map(|(_, check)| match check {
        Check::Tasks(new) => Some(new()),
        _ => None,
    });
    new.collect()
}

/// Writes the sentences of the groups that are kept. Returns how many are not.
fn group_findings(
    groups: FxHashMap<FindingId, TaskGroup>,
    before: &Findings,
    look: &Look<'_>,
) -> (Vec<Finding>, usize) {
    let mut groups: Vec<(FindingId, TaskGroup)> = groups.into_iter().collect();
    groups.sort_by_key(|(id, group)| (Reverse(group.severity), before.first_seen_ns(*id, look.at()), *id));
    let more = groups.len().saturating_sub(MAX_FINDINGS);
    let kept = groups.iter().take(MAX_FINDINGS);
    (kept.filter_map(|(id, group)| group.finding(*id, look)).collect(), more)
}

/// Of two findings the one with more is the worse.
type Weight = (Severity, Confidence, u64);

/// The tasks of one lint and site.
#[derive(Debug)]
struct TaskGroup {
    severity: Severity,
    /// Of its surest finding.
    confidence: Confidence,
    count: u64,
    worst: Option<(Weight, TaskKey)>,
    /// In the order of the scan, which is steady.
    some: Vec<TaskKey>,
}

impl Default for TaskGroup {
    fn default() -> Self {
        let (severity, confidence) = (Severity::Info, Confidence::Suspected);
        Self { severity, confidence, count: 0, worst: None, some: Vec::new() }
    }
}

impl TaskGroup {
    fn add(&mut self, weight: Weight, key: TaskKey) {
        self.count += 1;
        if self.worst.is_none_or(|(worst, _)| weight > worst) {
            // What is said of all is said of the worst.
            (self.severity, self.confidence, _) = weight;
            self.worst = Some((weight, key));
        }
        if self.some.len() < SHOWN_TASKS {
            self.some.push(key);
        }
    }

    /// `None`: its tasks have gone between the scan and its end.
    fn finding(&self, id: FindingId, look: &Look<'_>) -> Option<Finding> {
        let Check::Task(lint) = &id.lint.lint().check else { return None };
        let alive = || self.some.iter().find_map(|key| look.store.task(*key));
        let worst = self.worst.and_then(|(_, key)| look.store.task(key)).or_else(alive)?;
        let mut tasks = vec![worst.key];
        tasks.extend(self.some.iter().copied().filter(|key| *key != worst.key).take(SHOWN_TASKS - 1));
        let task_look = TaskLook { look: *look, task: worst };
        let message = if self.count == 1 {
            task_message(lint, &task_look)
        } else {
            self.message(id, lint, &task_look, &tasks)
        };
        let advice = (lint.advice)(&task_look);
        let (severity, confidence, count) = (self.severity, self.confidence, self.count);
        Some(Finding { id, severity, confidence, count, message, advice, tasks, first_seen_ns: 0 })
    }

    fn message(&self, id: FindingId, lint: &TaskCheck, worst: &TaskLook<'_>, tasks: &[TaskKey]) -> String {
        let named: Vec<String> = tasks[1..]
            .iter()
            .filter_map(|key| worst.store.task(*key))
            .take(NAMED_TASKS)
            .map(|task| if task.facts.tokio_id > 0 { format!("#{}", task.id()) } else { task.id() })
            .collect();
        let rest = self.count.saturating_sub(1 + named.len() as u64);
        let more = if rest > 0 { format!(" and {} more", exact(rest)) } else { String::new() };
        format!(
            "{} tasks spawned {} {}. The worst: {} {}. The others: {}{more}.",
            exact(self.count),
            worst.spawned_at(id.site),
            (lint.plural)(worst),
            worst.store.task_words(worst.task),
            (lint.clause)(worst),
            named.join(", "),
        )
    }
}

fn task_message(lint: &TaskCheck, look: &TaskLook<'_>) -> String {
    let words = look.store.task_words(look.task);
    let place = look.noted("spawned", look.task.facts.site);
    format!("{words}{place} {}.", (lint.clause)(look))
}

/// What the lints say of one task now, the most serious first.
pub(crate) fn about_task(look: Look<'_>, task: &Task) -> Vec<Finding> {
    if task.is_done() {
        return Vec::new();
    }
    let look = TaskLook { look, task };
    let lints = task_lints(look.config);
    let found = lints.iter().filter_map(|(kind, lint)| match (lint.check)(&look) {
        Verdict::Finding { severity, confidence, .. } => {
            let id = FindingId::of_site(*kind, task.facts.site);
            let (message, advice) = (task_message(lint, &look), (lint.advice)(&look));
            let about = [Agent::Task(task.key)];
            Some(Finding::about(id, severity, &about, message, advice).with(confidence))
        }
        Verdict::Ok | Verdict::Recheck => None,
    });
    let mut found: Vec<Finding> = found.collect();
    found.sort_by(|a, b| b.severity.cmp(&a.severity).then(a.id.lint.cmp(&b.id.lint)));
    found
}
