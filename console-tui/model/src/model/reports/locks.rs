//! The locks, channels and chains of the report.
//!
//! Limit: [`MAX_WAITERS`] waiters of each and [`MAX_CHAINS`] chains, the longest waits first.

use crate::analysis;

use crate::{
    analysis::{Analysis, waits_for::chain::Mark},
    report::{Chain, ChainLine, Channel, Holder, Lock, Waiter},
    store::{
        resources::Resource,
        task::{Agent, State, Task},
    },
};

/// Waiters listed of a lock or a channel.
const MAX_WAITERS: usize = 100;
/// Chains listed.
const MAX_CHAINS: usize = 100;

/// All locks, in the order of their slots.
pub(super) fn locks(store: Analysis<'_>) -> Vec<Lock> {
    store.lock_list().into_iter().map(|resource| lock(store, resource)).collect()
}

fn lock(store: Analysis<'_>, resource: &Resource) -> Lock {
    let at = store.now_ns;
    let known = store.lock_waited_for(resource.key).map(|(_, lock)| lock);
    let times = known.filter(|lock| lock.knows.times);
    let (waiters, more_waiters) = waiters(store, resource);
    Lock {
        id: resource.key.id(),
        concrete_type: store.texts.text(resource.concrete_type).map(str::to_owned),
        name: store.resource_name(resource).map(str::to_owned),
        place: store.place(resource.site),
        blocking: store.is_blocking(resource),
        holders: known
            .filter(|lock| lock.knows.holders)
            .map(|lock| lock.holders.iter().map(|of| holder(store, of)).collect()),
        more_holders: known.map_or(0, |lock| u64::from(lock.more_holders)),
        holders_may_differ: known.is_some_and(|lock| lock.knows.loose),
        waiters,
        more_waiters,
        acquisitions: times.map(|lock| lock.sums.acquisitions),
        contended: times.map(|lock| lock.sums.contended),
        hold_ns: times.map(|lock| lock.sums.hold_ns),
        wait_ns: times.map(|lock| lock.sums.wait_ns),
        longest_hold_ns: times.and_then(|lock| lock.longest_hold_ns(at)),
        longest_wait_ns: times.map(|lock| lock.longest_wait_ns),
        hold_p99_ns: times.and_then(|lock| lock.hold_p99_ns),
        wait_p99_ns: times.and_then(|lock| lock.wait_p99_ns),
        acquisitions_per_s: store.lock_rates(resource.key).map(|rates| rates.acquisitions),
        free_ns: known.and_then(|lock| lock.free_since_ns).map(|since_ns| at.saturating_sub(since_ns)),
        poisoned: known.is_some_and(|lock| lock.poisoned),
    }
}

fn holder(store: Analysis<'_>, holder: &crate::store::locks::Holder) -> Holder {
    Holder {
        task: task_id(store, holder.who),
        who: store.who_words(holder.who),
        held_ns: store.now_ns.saturating_sub(holder.since_ns),
        place: store.place(holder.site),
        permits: u64::from(holder.permits),
        shared: holder.shared,
    }
}

fn waiters(store: Analysis<'_>, resource: &Resource) -> (Vec<Waiter>, u64) {
    let all = store.waiters(resource.key);
    let waiter = |waiter: &analysis::locks::Waiter| Waiter {
        task: task_id(store, waiter.who()),
        who: store.who_words(waiter.who()),
        source: store.texts.text(waiter.op.source).map(str::to_owned),
        wait_ns: store.now_ns.saturating_sub(waiter.since_ns),
        place: store.place(waiter.op.site),
        granted_ns: waiter.granted_ns.map(|granted_ns| store.now_ns.saturating_sub(granted_ns)),
    };
    let more = all.len().saturating_sub(MAX_WAITERS) as u64;
    (all.iter().take(MAX_WAITERS).map(waiter).collect(), more)
}

/// All channels, in the order of their slots.
pub(super) fn channels(store: Analysis<'_>) -> Vec<Channel> {
    store.channel_list().into_iter().map(|resource| channel(store, resource)).collect()
}

fn channel(store: Analysis<'_>, resource: &Resource) -> Channel {
    let known = store.channel(resource.key);
    let counted = known.filter(|channel| !channel.room_alone);
    let (waiters, more_waiters) = waiters(store, resource);
    Channel {
        id: resource.key.id(),
        concrete_type: store.texts.text(resource.concrete_type).map(str::to_owned),
        name: store.resource_name(resource).map(str::to_owned),
        place: store.place(resource.site),
        senders: known.and_then(|channel| channel.senders).map(u64::from),
        receivers: known.and_then(|channel| channel.receivers).map(u64::from),
        depth: known.and_then(|channel| channel.depth),
        capacity: known.and_then(|channel| channel.capacity),
        sent: counted.map(|channel| channel.sent),
        received: counted.map(|channel| channel.received),
        lagged: counted.map(|channel| channel.lagged),
        blocked_full_ns: counted.map(|channel| channel.blocked_full_ns),
        blocked_empty_ns: counted.map(|channel| channel.blocked_empty_ns),
        last_sender: known.and_then(|channel| store.who_words(channel.last_sender)),
        last_receiver: known.and_then(|channel| store.who_words(channel.last_receiver)),
        waiters,
        more_waiters,
        closed: known.is_some_and(|channel| channel.closed),
    }
}

/// What the tasks that wait longest for a lock or a channel wait for, and who is in the way.
pub(super) fn chains(store: Analysis<'_>, tasks: &[&Task]) -> Vec<Chain> {
    let mut waiting: Vec<(u64, &Task)> = tasks
        .iter()
        .filter(|task| matches!(task.stats.state, State::Idle | State::Running))
        .filter_map(|task| Some((longest_wait(store, task)?, *task)))
        .collect();
    waiting.sort_by_key(|(since_ns, task)| (*since_ns, task.key));
    let lines = |task: &Task| {
        store
            .chain(Agent::Task(task.key))
            .into_iter()
            .map(|line| ChainLine {
                depth: u64::from(line.depth),
                text: line.text,
                place: store.place(line.site),
                age_ns: line.age_ns,
                cycle: line.mark == Mark::Cycle,
                above: line.mark == Mark::Above,
            })
            .collect()
    };
    waiting
        .into_iter()
        .take(MAX_CHAINS)
        .map(|(_, task)| Chain { task: task.id(), lines: lines(task) })
        .collect()
}

/// Since when it waits for a lock or a channel that the program made.
fn longest_wait(store: Analysis<'_>, task: &Task) -> Option<u64> {
    let ops = store.resources.ops_of_task(task.key).filter(|op| op.is_waiting());
    let on_lock = ops.filter(|op| {
        store.resource_of(op).is_some_and(|resource| store.is_lock(resource) || store.is_channel(resource))
    });
    on_lock.map(|op| op.created_ns).min()
}

fn task_id(store: Analysis<'_>, who: Agent) -> Option<String> {
    let Agent::Task(key) = who else { return None };
    store.task(key).map(Task::id)
}
