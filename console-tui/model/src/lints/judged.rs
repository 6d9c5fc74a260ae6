//! Which lints can be judged at all, by what the process reports.
//!
//! Invariant: this is the only table of that; reports, the exit code of `--fail-on` and the Findings screen ask it. A lint that is
//! judged and silent has found nothing; one that is not judged is silent whatever happens. Limit: it speaks of a whole process, not of
//! one task or one lock.

use crate::{lints::LintKind, store::process::Hello};

/// Whether a lint's silence means anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Judged {
    /// Silence is good news.
    Yes,
    /// It sees some of what it should look at; why not all of it, as a sentence without its full stop.
    Partly(&'static str),
    /// It can't find anything; why, as a sentence without its full stop.
    No(&'static str),
}

/// What the process must report for a lint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// That tasks are spawned and end.
    Lives,
    /// When polls start and end.
    Polls,
    /// As [`Self::Polls`], and whether the poll holds a worker.
    PollsOfWorkers,
    /// Wakes and wakers, and since when a task waits for a worker.
    Wakes,
    /// How large a future is.
    Sizes,
    /// How large a future was before tokio moved it to the heap.
    OriginalSizes,
    /// Who holds and who waits for locks and channels, and for how long.
    Locks,
    /// Who holds and who waits for locks and channels now.
    WaitGraph,
    /// Runtimes and their workers.
    Runtimes,
    /// How many closures are in line for the blocking pool.
    BlockingQueue,
    /// Sockets and other descriptors, as the kernel knows them.
    Descriptors,
}

/// Whether the process that said `hello` can be judged by a lint.
pub(crate) fn judged_by(kind: LintKind, hello: &Hello) -> Judged {
    let need = kind.lint().needs;
    if hello.is_memory() {
        of_memory(need)
    } else if hello.is_tokio_console() {
        of_tokio_console(need)
    } else {
        of_taskscope(need, hello)
    }
}

/// Whether a lint may look at tasks that are read from memory: what it needs is there, at least in part.
pub(crate) fn looks_at_memory(kind: LintKind) -> bool {
    !matches!(of_memory(kind.lint().needs), Judged::No(_))
}

fn of_memory(need: Need) -> Judged {
    match need {
        Need::Sizes => Judged::Yes,
        Need::Locks => Judged::No("memory does not show for how long a lock is held and waited for"),
        Need::WaitGraph => Judged::Partly(
            "memory shows who waits for tokio's locks and channels; who holds one it shows where one guard alone can be",
        ),
        Need::Lives => Judged::No("memory does not show when a task was spawned"),
        Need::Polls | Need::PollsOfWorkers | Need::Wakes => {
            Judged::No("memory does not show polls and wakes; add taskscope to the program to see them")
        }
        Need::OriginalSizes => Judged::No("memory does not show that tokio moved a future to the heap"),
        Need::Runtimes | Need::BlockingQueue => {
            Judged::No("memory does not show since when a worker does what it does")
        }
        Need::Descriptors => {
            Judged::No("the kernel gives what these lints need of sockets to the process alone")
        }
    }
}

fn of_tokio_console(need: Need) -> Judged {
    match need {
        Need::Lives | Need::Wakes | Need::Sizes | Need::OriginalSizes => Judged::Yes,
        Need::Polls => {
            Judged::Partly("tokio-console's protocol has no lengths of single polls that are over")
        }
        Need::PollsOfWorkers => Judged::Partly(
            "tokio-console's protocol does not distinguish block_in_place from a poll that blocks its worker",
        ),
        Need::Locks | Need::WaitGraph => {
            Judged::No("tokio-console's protocol does not report who holds a lock or a channel")
        }
        Need::Runtimes | Need::BlockingQueue => {
            Judged::No("tokio-console's protocol does not report runtimes and their workers")
        }
        Need::Descriptors => Judged::No("tokio-console's protocol does not report sockets and descriptors"),
    }
}

fn of_taskscope(need: Need, hello: &Hello) -> Judged {
    const NO_SPAN: &str = "no span of a tokio task has arrived";
    const WRAPPED: &str = "without tokio's spans, only tasks spawned with taskscope::spawn are seen";
    const BLIND: &str =
        "the program is built without --cfg tokio_unstable, and no task is spawned with taskscope::spawn";
    let has = |source| hello.sources.contains(&source);
    let (spans, wrappers, hooks) = (has("tracing"), has("wrappers"), has("hooks"));
    // What only tokio's spans and the wrappers report of a task.
    let of_tasks = match (spans, wrappers) {
        (true, _) => Judged::Yes,
        (false, true) => Judged::Partly(WRAPPED),
        (false, false) if hello.tokio_unstable => Judged::Partly(NO_SPAN),
        (false, false) => Judged::No(BLIND),
    };
    match need {
        Need::Lives | Need::Polls | Need::PollsOfWorkers if hooks => Judged::Yes,
        Need::Wakes if hooks && !spans && !wrappers => {
            Judged::No("hooks of a runtime do not report wakes and wakers")
        }
        Need::Sizes | Need::OriginalSizes if hooks && !spans && !wrappers => {
            Judged::No("hooks of a runtime do not report the size of a future")
        }
        Need::OriginalSizes if !spans && !hello.tokio_unstable => {
            Judged::No("tokio reports that it moved a future to the heap only with --cfg tokio_unstable")
        }
        Need::Lives
        | Need::Polls
        | Need::PollsOfWorkers
        | Need::Wakes
        | Need::Sizes
        | Need::OriginalSizes => of_tasks,
        Need::Locks | Need::WaitGraph if spans || hello.tokio_unstable => Judged::Yes,
        Need::Locks | Need::WaitGraph => {
            Judged::Partly("without tokio's spans, only locks and channels of taskscope::sync are seen")
        }
        Need::Runtimes => Judged::Yes,
        Need::BlockingQueue if hello.tokio_unstable => Judged::Yes,
        Need::BlockingQueue => {
            Judged::No("tokio reports the length of the blocking pool's queue only with --cfg tokio_unstable")
        }
        Need::Descriptors if hello.os.as_deref().is_some_and(|os| os.starts_with("linux")) => Judged::Yes,
        Need::Descriptors => Judged::No("the descriptors of a process are read on Linux only"),
    }
}

/// The lints that are not, or only partly, judged here, those with the same reason side by side.
pub(crate) fn not_judged(hello: &Hello) -> Vec<(Judged, Vec<LintKind>)> {
    let mut groups: Vec<(Judged, Vec<LintKind>)> = Vec::new();
    for kind in LintKind::ALL.iter().copied() {
        let judged = judged_by(kind, hello);
        match groups.iter_mut().find(|(reason, _)| *reason == judged) {
            _ if judged == Judged::Yes => {}
            Some((_, kinds)) => kinds.push(kind),
            None => groups.push((judged, vec![kind])),
        }
    }
    // What is not judged at all first.
    groups.sort_by_key(|(judged, _)| matches!(judged, Judged::Partly(_)));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(sources: &[&'static str], tokio_unstable: bool, os: &str) -> Hello {
        Hello { sources: sources.to_vec(), tokio_unstable, os: Some(os.to_owned()), ..Hello::default() }
    }

    /// Those of which nothing is judged.
    fn not_judged(hello: &Hello) -> Vec<&'static str> {
        let is_not = |kind: &&LintKind| matches!(judged_by(**kind, hello), Judged::No(_));
        LintKind::ALL.iter().filter(is_not).map(|kind| kind.name()).collect()
    }

    #[test]
    fn all_lints_are_judged_where_everything_is_reported() {
        let whole = hello(&["tracing", "resources"], true, "linux");
        assert!(LintKind::ALL.iter().all(|kind| judged_by(*kind, &whole) == Judged::Yes));
        // Nothing has been spawned yet.
        assert!(not_judged(&hello(&[], true, "linux")).is_empty());
    }

    #[test]
    fn what_a_source_lacks_is_not_judged() {
        let io = [
            "driver-lost",
            "backlog-overflow",
            "retransmit-storm",
            "ready-not-polled",
            "dead-peer",
            "slow-consumer",
            "descriptor-leak",
        ];
        assert_eq!(not_judged(&hello(&["tracing"], true, "macos")), io);
        let stable = hello(&["wrappers"], false, "linux");
        assert_eq!(not_judged(&stable), ["auto-boxed-future", "blocking-pool-saturated"]);
        assert!(matches!(judged_by(LintKind::Deadlock, &stable), Judged::Partly(_)));
        assert!(matches!(judged_by(LintKind::LostWaker, &stable), Judged::Partly(_)));
        let blind = hello(&[], false, "linux");
        assert!(matches!(judged_by(LintKind::TaskLeak, &blind), Judged::No(_)));
        let hooks = hello(&["hooks"], true, "linux");
        assert!(matches!(judged_by(LintKind::LostWaker, &hooks), Judged::No(_)));
        assert_eq!(judged_by(LintKind::LongPoll, &hooks), Judged::Yes);
    }

    #[test]
    fn tokio_consoles_protocol_reports_tasks_alone() {
        let theirs = Hello { sources: vec!["tracing", "resources", "tokio-console"], ..Hello::default() };
        let tasks = [
            "lost-waker",
            "long-schedule-delay",
            "task-leak",
            "wake-storm",
            "self-wakes",
            "auto-boxed-future",
            "large-future",
        ];
        for kind in LintKind::ALL {
            let judged = judged_by(*kind, &theirs);
            match kind.name() {
                "never-yielded" | "long-poll" => assert!(matches!(judged, Judged::Partly(_))),
                name if tasks.contains(&name) => assert_eq!(judged, Judged::Yes, "{name}"),
                name => assert!(matches!(judged, Judged::No(_)), "{name}"),
            }
        }
    }
}
