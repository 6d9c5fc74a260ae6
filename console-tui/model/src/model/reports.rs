//! Makes the report of `--once --json` from what is shown.

mod io;
mod locks;
mod overview;
mod resources;
mod scheduler;

use std::{collections::BTreeMap, time::Duration};

use crate::{
    analysis::Analysis,
    id::SiteId,
    lints::{Judged, LintKind, judged},
    losses::Losses,
    model::states::Snapshot,
    report::{AwaitFrame, Lint, NotJudged, Process, Report, SCHEMA_VERSION, Site, Task, Totals},
    screen::findings::Subject,
    store::{
        detail::AwaitTrees,
        task::{self, Agent, State},
    },
};

/// Ids listed for one finding; its `count` says how many there are.
const MAX_IDS: usize = 1000;

pub(super) fn report(snapshot: &Snapshot, losses: &Losses, retention: Duration) -> Report {
    let Some(store) = snapshot.analysis() else {
        return Report {
            schema_version: SCHEMA_VERSION,
            process: None,
            overview: Some(overview::none()),
            totals: Totals { client_losses: losses.total(), ..Totals::default() },
            tasks: Vec::new(),
            sites: Vec::new(),
            lints: Vec::new(),
            not_judged: Vec::new(),
            resources: Vec::new(),
            ops: Vec::new(),
            locks: Vec::new(),
            channels: Vec::new(),
            chains: Vec::new(),
            runtimes: Vec::new(),
            workers: Vec::new(),
            stuck_polls: Vec::new(),
            starving: Vec::new(),
            closures: Vec::new(),
            io: Vec::new(),
            signals: Vec::new(),
            children: Vec::new(),
            descriptors: None,
        };
    };
    let mut tasks: Vec<&task::Task> = store.shown_tasks(retention).collect();
    tasks.sort_by_key(|task| task.key);
    let ids = lint_ids(snapshot, store, &tasks);
    Report {
        schema_version: SCHEMA_VERSION,
        process: Some(process(store)),
        overview: Some(overview::overview(store, &snapshot.findings)),
        totals: totals(store, losses),
        tasks: tasks.iter().map(|task| report_task(store, task)).collect(),
        sites: store.sites.used().map(|(id, site)| report_site(store, id, site)).collect(),
        lints: lints(snapshot, store, &ids),
        not_judged: not_judged(store),
        resources: resources::resources(store),
        ops: resources::ops(store),
        locks: locks::locks(store),
        channels: locks::channels(store),
        chains: locks::chains(store, &tasks),
        runtimes: scheduler::runtimes(store),
        workers: scheduler::workers(store),
        stuck_polls: scheduler::stuck_polls(store),
        starving: scheduler::starving(store, &snapshot.findings.pressure),
        closures: scheduler::closures(store, &snapshot.findings.pressure),
        io: io::io(store),
        signals: io::signals(store),
        children: io::children(store),
        descriptors: io::descriptors(store),
    }
}

fn not_judged(store: Analysis<'_>) -> Vec<NotJudged> {
    let groups = judged::not_judged(&store.hello);
    let of_group = |(judged, kinds): &(Judged, Vec<LintKind>)| {
        let (partly, why) = match *judged {
            Judged::Yes => return Vec::new(),
            Judged::Partly(why) => (true, why),
            Judged::No(why) => (false, why),
        };
        kinds.iter().map(|lint| NotJudged { lint: *lint, partly, why: why.to_owned() }).collect()
    };
    groups.iter().flat_map(of_group).collect()
}

fn process(store: Analysis<'_>) -> Process {
    let hello = store.hello.clone();
    Process {
        name: hello.process_name,
        pid: hello.pid,
        instance: format!("{:016x}", hello.instance),
        started_unix_ns: hello.started_unix_ns,
        uptime_ns: store.now_ns,
        os: hello.os,
        taskscope_version: hello.taskscope_version,
        tokio_version: hello.tokio_version,
        sources: hello.sources.into_iter().map(str::to_owned).collect(),
        problems: hello.problems,
    }
}

fn totals(store: Analysis<'_>, losses: &Losses) -> Totals {
    let (live, sums) = (store.live(), store.totals());
    let process = store.process.unwrap_or_default();
    let (alive, finished) = (store.alive(), store.sites.finished());
    // Memory does not show them.
    let counted = |sum: u64| (!store.hello.is_memory()).then_some(sum);
    Totals {
        alive,
        spawned: finished.saturating_add(alive),
        finished,
        ended_unseen: store.left_unseen,
        running: live.count(State::Running),
        scheduled: live.count(State::Scheduled),
        idle: live.count(State::Idle),
        polls: counted(sums.polls),
        wakes: counted(sums.wakes),
        self_wakes: counted(sums.self_wakes),
        late_wakes: process.late_wakes,
        busy_ns: counted(sums.busy_ns),
        scheduled_ns: counted(sums.scheduled_ns),
        untracked: process.untracked,
        untracked_alive: alive.saturating_sub(live.len()),
        untracked_resources: process.untracked_resources,
        lost_events: process.lost_events,
        own_cost: store.own_cost(),
        own_memory_bytes: store.process.map(|process| process.own_memory_bytes),
        client_losses: losses.total(),
    }
}

fn report_task(store: Analysis<'_>, task: &task::Task) -> Task {
    let (at, facts) = (store.now_ns, &task.facts);
    let word = |text: Option<&str>| text.map(str::to_owned);
    Task {
        id: task.id(),
        tokio_id: (facts.tokio_id > 0).then_some(facts.tokio_id),
        slot: task.key.slot,
        generation: task.key.generation,
        name: word(store.name(task)),
        kind: word(facts.kind.word()),
        state: (task.known_state() != State::Unknown).then(|| task.stats.state.word().to_owned()),
        state_ns: task.known_state_age_ns(at),
        place: store.place(facts.site),
        fields: word(store.fields(task)),
        parent: facts.parent.and_then(|key| store.task(key)).map(task::Task::id),
        age_ns: task.known_total_ns(at),
        polls: task.polls(),
        busy_ns: task.known_busy_ns(at),
        scheduled_ns: task.scheduled_ns(at),
        idle_ns: task.idle_ns(at),
        wakes: task.wakes(),
        self_wakes: task.self_wakes(),
        wakers: task.wakers(),
        waker_clones: task.known(task.stats.waker_clones).filter(|_| facts.knows.clones),
        waker_drops: task.known(task.stats.waker_drops).filter(|_| facts.knows.clones),
        last_wake_ns: task.last_wake_ns(at),
        last_waker: task.known(task.stats.last_waker).and_then(|waker| store.waker_words(waker)),
        longest_poll_ns: task.longest_poll_ns(at),
        worst_poll: scheduler::worst_poll(store, task.key),
        longest_scheduled_ns: task.longest_scheduled_ns(at),
        size_bytes: task.size_bytes(),
        original_size_bytes: (facts.original_size_bytes > 0).then_some(facts.original_size_bytes),
        waits_for: store.waits_on(task).map(|(op, _)| store.wait_words(op)),
        holds: store.held_by(Agent::Task(task.key)).iter().map(|(resource, _)| resource.key.id()).collect(),
        await_tree: await_tree(store, task),
        await_tree_source: store.await_trees.get(&task.key).and_then(AwaitTrees::source).map(str::to_owned),
    }
}

fn await_tree(store: Analysis<'_>, task: &task::Task) -> Vec<AwaitFrame> {
    let frames = store.await_trees.get(&task.key).into_iter().flat_map(AwaitTrees::frames);
    let frames = frames.map(|frame| AwaitFrame {
        depth: frame.depth,
        name: frame.text.clone(),
        place: frame.place.clone(),
        detail: frame.detail.clone(),
        not_polled: frame.not_polled,
    });
    frames.collect()
}

fn report_site(store: Analysis<'_>, id: SiteId, site: &crate::store::Site) -> Site {
    let sums = site.sums(store.now_ns);
    let counted = |sum: u64| (!store.hello.is_memory()).then_some(sum);
    Site {
        place: store.place(id),
        spawned: site.spawned(),
        finished: site.finished(),
        alive: site.live.len(),
        polls: counted(sums.polls),
        wakes: counted(sums.wakes),
        self_wakes: counted(sums.self_wakes),
        busy_ns: counted(sums.busy_ns),
        scheduled_ns: counted(sums.scheduled_ns),
    }
}

/// The ids of the tasks of each finding, in one scan.
fn lint_ids(
    snapshot: &Snapshot,
    store: Analysis<'_>,
    tasks: &[&task::Task],
) -> BTreeMap<(LintKind, SiteId), Vec<String>> {
    let mut ids: BTreeMap<(LintKind, SiteId), Vec<String>> = BTreeMap::new();
    for finding in snapshot.findings.list.iter().filter(|finding| !finding.id.lint.names_its_tasks()) {
        ids.insert((finding.id.lint, finding.id.site), Vec::new());
    }
    for task in tasks.iter().filter(|task| !task.is_done()) {
        for kind in
            LintKind::ALL.iter().filter(|kind| store.marks(task).has(kind.bit()) || kind.is_about_sites())
        {
            if let Some(list) = ids.get_mut(&(*kind, task.facts.site))
                && list.len() < MAX_IDS
            {
                list.push(task.id());
            }
        }
    }
    ids
}

fn lints(
    snapshot: &Snapshot,
    store: Analysis<'_>,
    ids: &BTreeMap<(LintKind, SiteId), Vec<String>>,
) -> Vec<Lint> {
    let list = snapshot.findings.list.iter();
    list.map(|finding| Lint {
        lint: finding.id.lint,
        severity: finding.severity,
        confidence: Some(finding.confidence),
        message: finding.message.clone(),
        advice: finding.advice.to_owned(),
        count: finding.count,
        tasks: match finding.id.subject {
            Subject::Site if !finding.id.lint.names_its_tasks() => {
                ids.get(&(finding.id.lint, finding.id.site)).cloned().unwrap_or_default()
            }
            _ => finding.tasks.iter().filter_map(|key| store.task(*key)).map(task::Task::id).collect(),
        },
        places: store.place(finding.id.site).into_iter().collect(),
        resource: match finding.id.subject {
            Subject::Resource(key) => Some(key.id()),
            Subject::Descriptor(id) => Some(id.id()),
            Subject::Site | Subject::Task(_) | Subject::Thread(_) | Subject::Runtime(_) => None,
        },
    })
    .collect()
}
