//! Header, detail, overlays, the way back.

use std::time::Duration;

use taskscope_proto::v1::{self, TaskState};

use super::{
    Client, Fake,
    fake::{MS, S},
};
use crate::{
    Action, Edit, Event, InputKind, LintKind, OverlayKind, Screen, Severity, Tab, TableId, Target, TaskKey,
    screen::{overlay::OverlayRow, task::TimelineEvent},
};

const fn key(slot: u32) -> TaskKey {
    TaskKey { slot, generation: 1 }
}

fn fact(facts: &[crate::screen::task::Fact], label: &str) -> String {
    facts.iter().find(|fact| fact.label == label).unwrap().value.text.clone()
}

#[test]
fn time_is_accounted_for_at_the_moment_shown() {
    let mut fake = Fake::with_tasks(1);
    let now_ns = fake.now_ns;
    let task = fake.task(0);
    (task.state, task.since_ns) = (TaskState::Running, now_ns - 318 * MS);
    task.created_ns = now_ns - 10 * S;
    (task.busy_ns, task.scheduled_ns) = (2 * S, S);
    let client = Client::watching(&mut fake);
    let report = client.model.report();
    let task = &report.tasks[0];
    assert_eq!(task.busy_ns, Some(2 * S + 318 * MS), "the running poll counts");
    assert_eq!(task.scheduled_ns, Some(S));
    assert_eq!(task.idle_ns, Some(7 * S - 318 * MS));
    assert_eq!(task.longest_poll_ns, Some(318 * MS));
    assert_eq!((report.totals.busy_ns, report.totals.running), (Some(2 * S + 318 * MS), 1));
    assert_eq!(client.rows(&["state", "age"]), ["run 318 ms"]);
    let view = client.model.task(key(0)).unwrap();
    assert_eq!(view.state.text, "in its poll for 318 ms");
    assert_eq!(fact(&view.life, "busy"), "2.32 s (23 %)");
}

#[test]
fn what_is_not_known_is_a_dash() {
    let mut fake = Fake::new();
    fake.add(3, |task| {
        (task.knows, task.tokio_id, task.site, task.size_bytes) = (0, 0, 0, 0);
        (task.wakers, task.last_wake_ns, task.last_waker) = (None, None, 0);
    });
    let client = Client::watching(&mut fake);
    let columns = ["id", "name", "place", "sched", "idle", "wakes", "wakers"];
    assert_eq!(client.rows(&columns), ["s3 – – – – – –"]);
    let view = client.model.task(key(3)).unwrap();
    assert_eq!((view.id.as_str(), view.title.as_str()), ("s3", "–"));
    for label in ["wakes", "self-wakes", "last wake", "woken by", "clones"] {
        assert_eq!(fact(&view.wakes, label), "–", "{label}");
    }
    let json = serde_json::to_value(client.model.report()).unwrap();
    assert!(json["tasks"][0]["wakes"].is_null() && json["tasks"][0]["place"].is_null());
    let header = client.model.header();
    assert_eq!((header.own_cost, header.polls_per_s), (None, None));
}

#[test]
fn the_header_shows_rates_cost_and_losses() {
    let mut fake = Fake::with_tasks(3);
    fake.process = v1::Process {
        own_cpu_ns: 30 * MS,
        hot_path_ns: 10 * MS,
        cost_known: true,
        own_memory_bytes: 4096,
        lost_events: 5,
        ..v1::Process::default()
    };
    let mut client = Client::watching(&mut fake);
    for _ in 0..4 {
        fake.task(0).polls += 250;
        fake.task(1).wakes += 100;
        fake.process.own_cpu_ns += 10 * MS;
        client.run(&mut fake, 1);
    }
    let header = client.model.header();
    // 10 ms of each second, whatever the program itself uses.
    assert!((header.own_cost.unwrap() - 0.01).abs() < 1e-9);
    assert_eq!((header.polls_per_s, header.wakes_per_s), (Some(250.0), Some(100.0)));
    assert_eq!((header.losses.total(), header.own_memory_bytes), (5, Some(4096)));
    assert_eq!(header.losses.words(), [(5, "timeline events lost in the process")]);
    assert_eq!(header.uptime, Some(Duration::from_secs(104)));
    assert_eq!(header.process.unwrap().sources, ["tracing", "hooks"]);
}

#[test]
fn a_blinded_recorder_says_so() {
    let mut fake = Fake::new();
    let mut frames = fake.snapshot();
    frames[0].hello.as_mut().unwrap().problems = vec!["A global level filter hides tokio's spans.".into()];
    let mut client = Client::new(crate::Config::default());
    client.take(frames);
    assert_eq!(client.model.header().notices[0].text, "A global level filter hides tokio's spans.");
    assert_eq!(client.model.header().notices[0].severity, Severity::Warning);
    assert_eq!(
        client.model.table(TableId::Tasks).empty.as_deref(),
        Some("A global level filter hides tokio's spans.")
    );
}

#[test]
fn every_name_is_a_link_and_back_is_exact() {
    let mut fake = Fake::with_tasks(4);
    fake.task(1).parent = Some((0, 1));
    fake.task(2).parent = Some((0, 1));
    // Woken last by task 3 (slot 3, generation 1).
    fake.task(1).last_waker = ((1 << 24) | 3) * 2 + 2;
    let mut client = Client::watching(&mut fake);
    client.perform(Action::SortBy("id"));
    client.perform(Action::NextRow);
    client.perform(Action::Open);
    assert_eq!(client.model.screen(), Screen::Task(key(1)));
    let view = client.model.task(key(1)).unwrap();
    assert_eq!(view.links.iter().map(|link| link.text.as_str()).collect::<Vec<_>>(), ["#100", "#103"]);
    assert_eq!(fact(&view.about, "spawned by"), "#100");
    assert_eq!(fact(&view.wakes, "woken by"), "#103");
    client.perform(Action::NextRow);
    client.perform(Action::Open);
    assert_eq!(client.model.screen(), Screen::Task(key(3)));
    client.perform(Action::Back);
    assert_eq!(client.model.task(key(1)).unwrap().selected_link, Some(1), "exactly where one was");
    client.perform(Action::OpenParent);
    assert_eq!(client.model.screen(), Screen::Task(key(0)));
    let view = client.model.task(key(0)).unwrap();
    let children: Vec<Screen> = view.children.iter().map(|link| link.to).collect();
    assert_eq!(children, [Screen::Task(key(2)), Screen::Task(key(1))]);
    let crumbs: Vec<String> = client.model.breadcrumbs().into_iter().map(|crumb| crumb.text).collect();
    assert_eq!(crumbs, ["Tasks", "#101", "#100"]);
    let details = &client.requests.last().unwrap().details;
    assert_eq!(details.iter().map(|task| task.slot).collect::<Vec<_>>(), [0, 1]);
    client.send(Event::Click(Target::Breadcrumb(0)));
    assert_eq!(client.model.screen(), Screen::Tasks);
    assert_eq!(client.model.table(TableId::Tasks).selected, Some(1));
    assert_eq!(client.requests.last().unwrap().details, []);
}

#[test]
fn details_of_a_task_are_shown_as_they_came() {
    let mut fake = Fake::with_tasks(2);
    let mut client = Client::watching(&mut fake);
    client.perform(Action::Open);
    assert_eq!(client.model.task(key(0)).unwrap().poll_times, None, "not known yet");
    let now_ns = fake.now_ns;
    let task = fake.task(0);
    (task.state, task.since_ns, task.polls) = (TaskState::Running, now_ns - 100, task.polls + 1);
    let mut frame = fake.delta();
    let event = |kind: v1::EventKind, ago_ns, by| v1::Event { kind: kind as i32, ago_ns, by };
    let itself = (1 << 24) * 2 + 2;
    frame.details = vec![v1::TaskDetail {
        task: Some(v1::TaskRef { slot: 0, generation: 1 }),
        polls: Some(v1::Histogram {
            lower_ns: vec![1000, 2000],
            upper_ns: vec![2000, 4000],
            count: vec![90, 10],
            max_ns: 3000,
        }),
        wakers: vec![
            v1::WakerCount { waker: 3, count: 1 },
            v1::WakerCount { waker: itself, count: 7 },
            v1::WakerCount { waker: ((1 << 24) | 1) * 2 + 2, count: 5 },
        ],
        other_wakes: 2,
        watched_ago_ns: 4 * S,
        events: vec![
            event(v1::EventKind::PollEnd, 900, 1),
            event(v1::EventKind::Wake, 800, itself),
            event(v1::EventKind::PollStart, 700, 1),
            event(v1::EventKind::PollEnd, 600, 1),
            event(v1::EventKind::PollStart, 100, 1),
        ],
        lost_events: 3,
        ..v1::TaskDetail::default()
    }];
    client.take(vec![frame]);
    let view = client.model.task(key(0)).unwrap();
    let polls = view.poll_times.unwrap();
    assert_eq!((polls.count, polls.max_ns, polls.error_percent), (100, 3000, 34));
    assert_eq!(
        polls.percentiles,
        [(10, 1111), (25, 1277), (50, 1555), (75, 1833), (90, 2000), (95, 2500), (99, 2900)]
    );
    let wakers = view.wakers.unwrap();
    let lines: Vec<(&str, u64)> = wakers.counts.iter().map(|line| (line.text.as_str(), line.count)).collect();
    assert_eq!(lines, [("itself", 7), ("#101", 5), ("thread tokio-rt (outside any task)", 1)]);
    assert_eq!((wakers.other, wakers.watched_ns), (2, 4 * S));
    let timeline = view.timeline.unwrap();
    assert_eq!((timeline.from_ago_ns, timeline.lost), (4 * S, 3));
    assert_eq!(
        timeline.events,
        [
            TimelineEvent::Wake { ago_ns: 800, by_itself: true },
            TimelineEvent::Poll { start_ago_ns: 700, end_ago_ns: Some(600) },
            TimelineEvent::Poll { start_ago_ns: 100, end_ago_ns: None },
        ]
    );
}

#[test]
fn a_filter_belongs_to_the_table_on_the_screen() {
    let mut fake = Fake::with_tasks(10);
    let now_ns = fake.now_ns;
    for slot in [2, 5] {
        fake.add(slot, |task| (task.wakers, task.since_ns) = (Some(0), now_ns - 5 * S));
    }
    let mut client = Client::watching(&mut fake);
    // A finding of several tasks is a filtered table of tasks, whichever tab it was opened from.
    client.perform(Action::Locks);
    client.perform(Action::OpenTopFinding);
    assert_eq!(client.model.screen(), Screen::Tasks);
    client.perform(Action::Filter);
    for edit in [Edit::Clear, Edit::Paste("state:running".into())] {
        client.send(Event::Edit(edit));
    }
    client.perform(Action::Open);
    assert_eq!(client.model.table(TableId::Tasks).filter, "state:running");
    client.perform(Action::ClearFilter);
    assert_eq!(client.model.table(TableId::Tasks).filter, "");
    client.perform(Action::Back);
    assert_eq!(
        (client.model.screen(), client.model.table(TableId::Locks).filter.as_str()),
        (Screen::Locks, "")
    );
    // Each screen edits the filter of its own table.
    client.perform(Action::Tasks);
    client.perform(Action::Filter);
    client.send(Event::Edit(Edit::Paste("state:idle".into())));
    client.perform(Action::Open);
    for (to, table) in [(Action::Runtime, TableId::Workers), (Action::Findings, TableId::Findings)] {
        client.perform(to);
        client.perform(Action::Filter);
        client.send(Event::Edit(Edit::Paste("nothing like it".into())));
        client.perform(Action::Open);
        assert_eq!(client.model.table(table).filter, "nothing like it");
    }
    assert_eq!(client.model.table(TableId::Tasks).filter, "state:idle");
    // Where no table is, no filter of another screen is edited.
    client.perform(Action::ClearFilter);
    client.perform(Action::Tasks);
    client.perform(Action::Open);
    assert!(matches!(client.model.screen(), Screen::Task(_)) && client.model.shown_table().is_none());
    client.perform(Action::Filter);
    assert_eq!(client.model.input(), None);
    client.perform(Action::ClearFilter);
    assert_eq!(client.model.table(TableId::Tasks).filter, "state:idle");
}

#[test]
fn a_finding_leads_to_its_tasks_and_back() {
    let mut fake = Fake::with_tasks(10);
    let now_ns = fake.now_ns;
    for slot in [2, 5] {
        fake.add(slot, |task| (task.wakers, task.since_ns) = (Some(0), now_ns - 5 * S));
    }
    fake.add(20, |task| (task.site, task.size_bytes) = (2, 9000));
    let mut client = Client::watching(&mut fake);
    client.perform(Action::Filter);
    client.send(Event::Edit(Edit::Paste("state:idle".into())));
    client.perform(Action::Open);
    let tabs = client.model.tabs();
    let findings = tabs.iter().find(|tab| tab.tab == Tab::Findings).unwrap();
    assert_eq!((findings.badge, findings.badge_severity), (Some(2), Some(Severity::Critical)));
    assert_eq!(client.model.strip().unwrap().lint, "lost-waker");
    client.send(Event::Click(Target::Strip));
    assert_eq!(client.model.screen(), Screen::Tasks);
    assert_eq!(client.model.table(TableId::Tasks).filter, "lint:lost-waker place=\"src/main.rs:10:5\"");
    assert_eq!(client.rows(&["id"]), ["102", "105"]);
    client.perform(Action::Back);
    assert_eq!(client.model.table(TableId::Tasks).filter, "state:idle");
    client.send(Event::Click(Target::Tab(Tab::Findings)));
    assert!(client.model.findings()[0].selected);
    client.perform(Action::NextRow);
    assert_eq!(client.model.findings()[1].id.lint, LintKind::LargeFuture);
    client.perform(Action::Open);
    assert_eq!(client.model.screen(), Screen::Task(key(20)));
    let view = client.model.task(key(20)).unwrap();
    assert_eq!(view.findings[0].lint, LintKind::LargeFuture);
    client.perform(Action::Back);
    assert_eq!(client.model.screen(), Screen::Findings);
    client.perform(Action::NextTab);
    assert_eq!(client.model.screen(), Screen::Resources);
    client.perform(Action::NextTab);
    assert_eq!(client.model.screen(), Screen::Overview);
    client.perform(Action::NextTab);
    assert_eq!(client.model.screen(), Screen::Tasks);
}

#[test]
fn the_palette_finds_and_does() {
    let mut client = Client::watching(&mut Fake::with_tasks(2));
    client.perform(Action::Palette);
    assert_eq!(client.model.input().unwrap().kind, InputKind::Palette);
    client.send(Event::Edit(Edit::Paste("sort-by-pol".into())));
    let overlay = client.model.overlay().unwrap();
    assert_eq!(overlay.rows[0], OverlayRow::Action(Action::SortBy("polls")));
    client.perform(Action::Open);
    assert_eq!(client.model.table(TableId::Tasks).sort.column, "polls");
    assert_eq!(client.model.overlay(), None);
    client.perform(Action::Palette);
    client.send(Event::Edit(Edit::Paste("no such thing".into())));
    client.perform(Action::Open);
    assert_eq!(client.model.overlay(), None);
    client.perform(Action::Palette);
    client.send(Event::Edit(Edit::Paste("quit".into())));
    client.perform(Action::Open);
    assert_eq!(client.effects, [crate::Effect::Quit]);
}

#[test]
fn the_help_lists_every_plain_action_and_the_chooser_toggles() {
    let mut client = Client::watching(&mut Fake::with_tasks(2));
    client.perform(Action::Help);
    let help = client.model.overlay().unwrap();
    assert_eq!(help.kind, OverlayKind::Help);
    for action in
        Action::all().into_iter().filter(|a| !matches!(a, Action::SortBy(_) | Action::ToggleColumn(_)))
    {
        assert!(help.rows.contains(&OverlayRow::Action(action)), "{action:?}");
    }
    client.perform(Action::Columns);
    let position = client
        .model
        .overlay()
        .unwrap()
        .rows
        .iter()
        .position(|row| matches!(row, OverlayRow::Column(spec, true) if spec.id == "kind"));
    client.send(Event::Click(Target::OverlayRow(position.unwrap())));
    assert!(client.model.columns(TableId::Tasks).iter().all(|spec| spec.id != "kind"));
    assert_eq!(client.model.overlay().unwrap().kind, OverlayKind::Columns, "the chooser stays open");
    client.perform(Action::Back);
    assert_eq!(client.model.overlay(), None);
    assert_eq!(client.model.screen(), Screen::Tasks);
}

#[test]
fn names_of_actions_are_unique_and_kebab_case() {
    let mut names: Vec<_> = Action::all().into_iter().map(Action::name).collect();
    for action in Action::all() {
        assert_eq!(Action::from_name(&action.name()), Some(action));
        assert!(
            action.name().chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
            "{}",
            action.name()
        );
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn a_wide_terminal_asks_for_the_selected_task_when_the_cursor_rests() {
    let mut fake = Fake::with_tasks(5);
    let mut client = Client::watching(&mut fake);
    client.send(Event::Resize { width: 200, height: 60 });
    client.perform(Action::NextRow);
    assert_eq!(client.model.side_pane(), Some(key(1)));
    assert_eq!(client.requests.last().unwrap().details, [], "the cursor may be on its way");
    client.wait(Duration::from_millis(250));
    assert_eq!(client.requests.last().unwrap().details, [v1::TaskRef { slot: 1, generation: 1 }]);
    client.send(Event::Resize { width: 80, height: 24 });
    assert_eq!(client.model.side_pane(), None);
}

#[test]
fn the_report_reads_back() {
    let mut fake = Fake::with_tasks(3);
    fake.task(0).wakers = Some(0);
    let client = Client::watching(&mut fake);
    let report = client.model.report();
    let json = serde_json::to_string_pretty(&report).unwrap();
    assert_eq!(serde_json::from_str::<crate::report::Report>(&json).unwrap(), report);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["schema_version"], 1);
    assert_eq!(value["lints"][0]["lint"], "lost-waker");
    assert_eq!(value["lints"][0]["severity"], "critical");
    assert_eq!(value["lints"][0]["tasks"][0], "100");
    assert_eq!(value["lints"][0]["places"][0], "src/main.rs:10:5");
    let empty = Client::new(crate::Config::default()).model.report();
    assert_eq!((empty.process, empty.tasks.len()), (None, 0));
}

#[test]
fn the_polls_of_a_task_without_instrumentation_are_unknown_and_it_counts_as_idle() {
    let mut fake = Fake::with_tasks(2);
    fake.task(0).knows = v1::Knows::NoPolls as u32;
    (fake.task(0).polls, fake.task(0).state) = (0, TaskState::Idle);
    let client = Client::watching(&mut fake);
    let report = client.model.report();
    let task = report.tasks.iter().find(|task| task.slot == 0).unwrap();
    assert_eq!((task.state.as_deref(), task.state_ns, task.polls, task.busy_ns), (None, None, None, None));
    assert_eq!((task.longest_poll_ns, task.idle_ns), (None, None));
    let totals = &report.totals;
    assert_eq!(totals.alive, totals.running + totals.scheduled + totals.idle);
    let columns = ["state", "age", "polls", "busy", "polls-per-s", "busy-percent"];
    let rows = client.rows(&columns);
    assert!(rows.iter().any(|row| row == "– – – – – –"), "{rows:?}");
    let view = client.model.task(key(0)).unwrap();
    assert!(view.state.text.starts_with("unknown: it began before taskscope"), "{}", view.state.text);
    assert_eq!((fact(&view.life, "polls"), fact(&view.life, "busy")), ("–".to_owned(), "–".to_owned()));
    assert!(report.lints.is_empty(), "{:?}", report.lints);
}

#[test]
fn what_a_server_of_sums_alone_cant_know_is_unknown() {
    let mut fake = Fake::with_tasks(1);
    fake.task(0).knows |= v1::Knows::SumsAlone as u32;
    let client = Client::watching(&mut fake);
    let report = client.model.report();
    assert_eq!((report.tasks[0].longest_poll_ns, report.tasks[0].longest_scheduled_ns), (None, None));
    assert_eq!(client.rows(&["longest-poll", "longest-sched"]), ["– –"]);
}
