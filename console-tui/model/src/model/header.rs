//! Header, tabs, strip, breadcrumbs, hints, and what stands around the table.

use std::time::Duration;

use crate::{
    action::Action,
    analysis::Analysis,
    id::{DescriptorId, IoKey, ResourceKey, TaskKey},
    losses::Losses,
    model::Model,
    nav::{Screen, Tab},
    screen::{
        header::{
            Breadcrumb, ConnectionState, Header, Hint, Notice, ProcessInfo, StateCounts, Strip, TabView,
        },
        table::TableInfo,
    },
    severity::Severity,
    store::{ingest::WireError, task::State},
    tables::TableId,
};

/// How long the header shows a restart.
const RESTART_SHOWN: Duration = Duration::from_secs(30);

impl Model {
    pub(super) fn build_header(&self) -> Header {
        let store = self.store();
        let process = store.and_then(|store| store.process);
        let rates = store.and_then(|store| store.histories.process_rates());
        let receiving = self.stream.receiving();
        Header {
            target: self.config.target.clone(),
            process: store.map(process_info),
            uptime: store.map(|store| Duration::from_nanos(store.now_ns)),
            connection: self.connection.state(receiving.is_some(), self.now),
            data_age: self.connection.data_age(self.now),
            stale: self.connection.is_stale(self.now) || self.stream.is_other_process(self.states.store()),
            tasks: store.map_or_else(StateCounts::default, state_counts),
            polls_per_s: rates.map(|rates| rates.polls),
            wakes_per_s: rates.map(|rates| rates.wakes),
            own_cost: store.and_then(|store| store.own_cost()),
            own_memory_bytes: process.map(|process| process.own_memory_bytes),
            losses: self.losses(),
            frozen: self.states.frozen_since().map(|since| self.now.saturating_sub(since)),
            receiving,
            notices: self.notices(),
        }
    }

    fn losses(&self) -> Losses {
        let process = self.store().and_then(|store| store.process).unwrap_or_default();
        Losses {
            untracked: process.untracked,
            lost_events: process.lost_events,
            truncated: process.truncated,
            folded_sites: process.folded_sites,
            untracked_resources: process.untracked_resources,
            ..self.stream.losses
        }
    }

    fn notices(&self) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut say = |severity, text: String| notices.push(Notice { severity, text });
        let store = self.store();
        if self.stream.is_other_process(self.states.store()) {
            say(Severity::Warning, "A new process answers here. Loading it; showing the old one.".into());
        } else if let Some(store) = store.filter(|_| self.connection.is_stale(self.now)) {
            let process = store.hello.pid.map_or("the process".to_owned(), |pid| format!("process {pid}"));
            say(Severity::Warning, format!("Showing the last known state of {process}."));
        }
        if let Some(restart) =
            self.states.restart.filter(|restart| self.now.saturating_sub(restart.at) < RESTART_SHOWN)
        {
            let new_pid = self.states.store().and_then(|store| store.hello.pid);
            let words = match (new_pid, restart.old_pid) {
                (Some(new), Some(old)) => {
                    format!("The process was restarted: its id was {old}, and is {new} now.")
                }
                _ => "Connected again; it is unknown whether this is the same process.".to_owned(),
            };
            say(Severity::Info, words);
        }
        if let Some(late) = self.late_by() {
            let late = crate::format::duration(late);
            say(Severity::Info, format!("The table is stale: still scanning all tasks, for {late} so far."));
        }
        if let Some(store) = store {
            for problem in &store.hello.problems {
                say(Severity::Warning, problem.clone());
            }
        }
        match self.stream.error {
            Some(error @ WireError::Protocol(_)) => {
                say(Severity::Critical, format!("This process can't be shown: {error}."));
            }
            Some(error) => say(Severity::Info, format!("A frame was refused: {error}.")),
            None => {}
        }
        notices
    }

    pub(super) fn build_tabs(&self) -> Vec<TabView> {
        let findings = &self.snapshot().findings;
        let tabs = Tab::ALL.iter();
        tabs.map(|tab| {
            let counts = *tab == Tab::Findings && !findings.list.is_empty();
            TabView {
                tab: *tab,
                number: tab.number(),
                title: tab.title(),
                badge: counts.then_some((findings.list.len() + findings.more) as u64),
                badge_severity: findings.list.first().map(|finding| finding.severity).filter(|_| counts),
                active: self.nav_stack.tab() == *tab,
            }
        })
        .collect()
    }

    pub(super) fn build_strip(&self) -> Option<Strip> {
        let findings = &self.snapshot().findings;
        // An info is no reason to stand on every screen.
        let worst = findings.list.first().filter(|worst| worst.severity > Severity::Info)?;
        Some(Strip {
            severity: worst.severity,
            lint: worst.id.lint.name(),
            text: worst.message.clone(),
            more: findings.list.len() - 1 + findings.more,
        })
    }

    pub(super) fn build_breadcrumbs(&self) -> Vec<Breadcrumb> {
        let text = |screen: Screen| match (screen, screen.tab()) {
            (Screen::Locks, _) if self.tables.on(screen) == Some(TableId::Channels) => "Channels".to_owned(),
            (_, Some(tab)) => tab.title().to_owned(),
            (Screen::Task(key), _) => self.task_words(key),
            (Screen::Resource(key), _) => self.resource_words(key),
            (Screen::Descriptor(id), _) => self.descriptor_words(id),
            (Screen::Worker(key), _) => self
                .store()
                .map_or_else(|| format!("worker {}", key.number), |store| store.scheduler.worker_words(key)),
            _ => "who waits for whom".to_owned(),
        };
        self.nav_stack.screens().map(|screen| Breadcrumb { text: text(screen) }).collect()
    }

    fn resource_words(&self, key: ResourceKey) -> String {
        let words = self.store().and_then(|store| Some(store.resource_words(store.resources.resource(key)?)));
        words.unwrap_or_else(|| format!("{} (gone)", key.id()))
    }

    fn descriptor_words(&self, id: DescriptorId) -> String {
        let words = self.store().and_then(|store| Some(store.io_words(&store.thing(IoKey::Descriptor(id))?)));
        words.unwrap_or_else(|| "a descriptor (closed)".to_owned())
    }

    fn task_words(&self, key: TaskKey) -> String {
        let task = self.store().and_then(|store| Some(store.task_words(store.task(key)?)));
        task.unwrap_or_else(|| format!("s{} (ended)", key.slot))
    }

    pub(super) fn build_hints(&self) -> Vec<Hint> {
        const MOVE: Hint = Hint { actions: &[Action::PrevRow, Action::NextRow], text: "select" };
        const OPEN: Hint = Hint { actions: &[Action::Open], text: "open" };
        const BACK: Hint = Hint { actions: &[Action::Back], text: "back" };
        const FREEZE: Hint = Hint { actions: &[Action::Freeze], text: "freeze" };
        const GO_ON: Hint = Hint { actions: &[Action::Freeze], text: "go on" };
        const FILTER: Hint = Hint { actions: &[Action::Filter], text: "filter" };
        const SORT: Hint = Hint { actions: &[Action::SortNext], text: "sort" };
        const FOLD: Hint = Hint { actions: &[Action::Fold, Action::Unfold], text: "fold" };
        const COLUMNS: Hint = Hint { actions: &[Action::Columns], text: "columns" };
        const LOOK: Hint = Hint { actions: &[Action::OpenTopFinding], text: "worst finding" };
        const PARENT: Hint = Hint { actions: &[Action::OpenParent], text: "spawner" };
        const WAKER: Hint = Hint { actions: &[Action::OpenLastWaker], text: "last waker" };
        const WAITS: Hint = Hint { actions: &[Action::Waits], text: "who waits for whom" };
        const PARTS: Hint = Hint { actions: &[Action::ToggleParts], text: "parts" };
        const TREE: Hint = Hint { actions: &[Action::AwaitTree], text: "await tree" };
        const COPY: Hint = Hint { actions: &[Action::CopyPlace], text: "copy place" };
        const TOGGLE: Hint = Hint { actions: &[Action::Open], text: "show or hide" };
        const RUN: Hint = Hint { actions: &[Action::Open], text: "run" };
        const ACCEPT: Hint = Hint { actions: &[Action::Open], text: "keep" };
        const GIVE_UP: Hint = Hint { actions: &[Action::Back], text: "cancel" };
        const HELP: Hint = Hint { actions: &[Action::Help], text: "help" };
        const QUIT: Hint = Hint { actions: &[Action::Quit], text: "quit" };

        if let Some(overlay) = &self.overlay {
            return match overlay.kind() {
                crate::nav::OverlayKind::Help => vec![BACK],
                crate::nav::OverlayKind::Palette => vec![MOVE, RUN, GIVE_UP],
                crate::nav::OverlayKind::Columns => vec![MOVE, TOGGLE, BACK],
            };
        }
        if self.editing.is_some() {
            return vec![ACCEPT, GIVE_UP];
        }
        let freeze = if self.states.is_frozen() { GO_ON } else { FREEZE };
        let mut hints = vec![MOVE, OPEN];
        if let Some(table) = self.shown() {
            hints.extend(
                self.next_table()
                    .map(|next| Hint { actions: &[Action::ToggleChannels], text: next.things() }),
            );
            if self.screen() == Screen::Locks {
                hints.push(WAITS);
            }
            if table.folds() {
                hints.push(FOLD);
            }
            hints.extend([SORT, FILTER, COLUMNS]);
        }
        hints.extend_from_slice(match self.screen() {
            Screen::Task(_) => &[WAITS, TREE, PARENT, WAKER, COPY],
            Screen::Resource(_) => &[WAITS, COPY],
            Screen::Resources => &[PARTS],
            _ => &[],
        });
        hints.push(freeze);
        if self.nav_stack.len() > 1 {
            hints.insert(0, BACK);
        }
        if !self.snapshot().findings.list.is_empty() && self.screen() == Screen::Tasks {
            hints.push(LOOK);
        }
        hints.extend([HELP, QUIT]);
        hints
    }

    pub(super) fn build_table_info(&self, id: TableId) -> TableInfo {
        let mut info = self.tables.get(id).info(self.context());
        if id == TableId::Tasks && info.rows == 0 {
            info.empty = self.not_there_yet().or(info.empty);
        }
        info
    }

    /// Why there are no tasks yet; `None`: there would be, if there were any.
    fn not_there_yet(&self) -> Option<String> {
        if self.has_rows && self.store().is_some() {
            return None;
        }
        if self.store().is_some() {
            return Some("All tasks are here; they are being put in order.".to_owned());
        }
        Some(match self.connection.state(self.stream.receiving().is_some(), self.now) {
            ConnectionState::Lost { reason, .. } => format!("No connection: {reason}"),
            ConnectionState::Receiving => "Receiving the tasks.".to_owned(),
            ConnectionState::Waiting | ConnectionState::Live | ConnectionState::Silent => {
                "Connected; waiting for data.".to_owned()
            }
            ConnectionState::Idle | ConnectionState::Connecting { .. } => "Connecting.".to_owned(),
        })
    }
}

fn process_info(store: Analysis<'_>) -> ProcessInfo {
    let hello = &store.hello;
    ProcessInfo {
        name: hello.process_name.clone(),
        pid: hello.pid,
        os: hello.os.clone(),
        taskscope_version: hello.taskscope_version.clone(),
        tokio_version: hello.tokio_version.clone(),
        sources: hello.sources.clone(),
    }
}

fn state_counts(store: Analysis<'_>) -> StateCounts {
    let live = store.live();
    StateCounts {
        alive: store.alive(),
        running: live.count(State::Running),
        scheduled: live.count(State::Scheduled),
        idle: live.count(State::Idle),
        done: store.done(),
        unknown: live.count(State::Unknown),
    }
}
