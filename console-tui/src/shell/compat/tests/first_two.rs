//! The first two updates of a stream, in the shape that console-subscriber gives them: the second one sends again all that the
//! first one sent, as no console was there to make it note what it had sent.

use super::*;

const ALIVE: u64 = 1;
const ENDED_LATELY: u64 = 2;
const ENDED_LONG_AGO: u64 = 3;

/// Everything it keeps, at `now`; the living task has had `polls`.
fn everything(now: i64, polls: u64) -> Update {
    let ended = |dropped_at: i64| Stats { dropped_at: at(dropped_at), ..idle(20) };
    tasks(
        now,
        vec![task(ALIVE, "alive"), task(ENDED_LATELY, "lately"), task(ENDED_LONG_AGO, "long ago")],
        vec![(ALIVE, idle(polls)), (ENDED_LATELY, ended(29)), (ENDED_LONG_AGO, ended(21))],
    )
}

fn sums(report: &Report) -> (u64, u64, u64, u64) {
    let polls = report.totals.polls.expect("it is known");
    (report.totals.alive, report.totals.spawned, report.totals.finished, polls)
}

#[test]
fn what_both_send_is_counted_once() {
    let mut watched = Watched::new();
    assert_eq!(sums(&watched.takes(&everything(30, 5))), (1, 3, 2, 45));
    let report = watched.takes(&everything(31, 7));
    assert_eq!(sums(&report), (1, 3, 2, 47));
    assert_eq!(report.sites.iter().map(|site| site.spawned).sum::<u64>(), 3);
    // From now on, each is sent once.
    let ended = Stats { dropped_at: at(31), ..idle(9) };
    let report = watched.takes(&tasks(32, vec![task(4, "short")], vec![(ALIVE, ended), (4, ended)]));
    assert_eq!(sums(&report), (0, 4, 4, 58));
}

#[test]
fn an_id_of_an_ended_task_is_used_again_between_the_two() {
    let mut watched = Watched::new();
    watched.takes(&everything(30, 5));
    let newer = Stats { created_at: at(30), ..idle(1) };
    let report = watched.takes(&tasks(31, vec![task(ENDED_LATELY, "new")], vec![(ENDED_LATELY, newer)]));
    assert_eq!(sums(&report), (2, 4, 2, 46));
}

#[test]
fn a_task_without_numbers_in_the_second_is_the_one_that_is_known() {
    let mut watched = Watched::new();
    watched.takes(&everything(30, 5));
    assert_eq!(sums(&watched.takes(&tasks(31, vec![task(ALIVE, "alive")], vec![]))), (1, 3, 2, 45));
}
