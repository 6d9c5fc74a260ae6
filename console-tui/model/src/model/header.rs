//! The header: who is on the other side, how the connection is, and what is to be known of the data on the screen.

use std::time::Duration;

use crate::{
    analysis::Analysis,
    format,
    lints::findings::Findings,
    model::feed::Feed,
    screen::header::{ConnectionState, Header, Notice, ProcessInfo, StateCounts, Strip},
    severity::Severity,
    store::{ingest::WireError, task::State},
};

/// How long the header shows a restart.
const RESTART_SHOWN: Duration = Duration::from_secs(30);

impl Feed {
    /// `target`: the address; `late`: how long the rows on the screen have been old, if they are.
    pub(super) fn header(&self, target: &str, now: Duration, late: Option<Duration>) -> Header {
        let store = self.shown().analysis();
        let process = store.and_then(|store| store.process);
        // Memory does not show polls and wakes.
        let counted = store.filter(|store| !store.hello.is_memory());
        let rates = counted.and_then(|store| store.histories.process_rates());
        Header {
            target: target.to_owned(),
            process: store.map(process_info),
            uptime: store.map(|store| Duration::from_nanos(store.now_ns)),
            connection: self.connection_state(now),
            data_age: self.connection.data_age(now),
            stale: self.connection.is_stale(now) || self.is_other_process(),
            tasks: store.map_or_else(StateCounts::default, state_counts),
            polls_per_s: rates.map(|rates| rates.polls),
            wakes_per_s: rates.map(|rates| rates.wakes),
            own_cost: store.and_then(|store| store.own_cost()),
            own_memory_bytes: process.map(|process| process.own_memory_bytes),
            losses: self.losses(),
            frozen: self.states.frozen_since().map(|since| now.saturating_sub(since)),
            receiving: self.stream.receiving(),
            notices: self.notices(now, late),
        }
    }

    fn connection_state(&self, now: Duration) -> ConnectionState {
        self.connection.state(self.stream.receiving().is_some(), now)
    }

    /// How long nothing has come, and why; `None`: the connection stands.
    pub(super) fn gone(&self, now: Duration) -> Option<(u64, String)> {
        let reason = match self.connection_state(now) {
            ConnectionState::Lost { reason, .. } => reason,
            ConnectionState::Silent => "the process is silent".to_owned(),
            _ => return None,
        };
        let age = self.connection.data_age(now).unwrap_or_default();
        Some((u64::try_from(age.as_nanos()).unwrap_or(u64::MAX), reason))
    }

    /// The other end of the stream is another process than the one whose state is live.
    fn is_other_process(&self) -> bool {
        self.stream.is_other_process(self.states.store())
    }

    fn notices(&self, now: Duration, late: Option<Duration>) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut say = |severity, text: String| notices.push(Notice { severity, text });
        let store = self.shown().analysis();
        if self.is_other_process() {
            say(Severity::Warning, "A new process answers here. Loading it; showing the old one.".into());
        } else if let Some(store) = store.filter(|_| self.connection.is_stale(now)) {
            let process = store.hello.pid.map_or("the process".to_owned(), |pid| format!("process {pid}"));
            say(Severity::Warning, format!("Showing the last known state of {process}."));
        }
        let restart = self.states.restart.filter(|restart| now.saturating_sub(restart.at) < RESTART_SHOWN);
        if let Some(restart) = restart {
            let new_pid = self.states.store().and_then(|store| store.hello.pid);
            let words = match (new_pid, restart.old_pid) {
                (Some(new), Some(old)) => {
                    format!("The process was restarted: its id was {old}, and is {new} now.")
                }
                _ => "Connected again; it is unknown whether this is the same process.".to_owned(),
            };
            say(Severity::Info, words);
        }
        if let Some(late) = late {
            let late = format::duration(late);
            say(Severity::Info, format!("The table is stale: still scanning all tasks, for {late} so far."));
        }
        for problem in store.iter().flat_map(|store| &store.hello.problems) {
            say(Severity::Warning, problem.clone());
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

    /// Why there are no tasks; `None`: there would be, if there were any. `has_rows`: rows were made of the state that is shown.
    pub(super) fn why_no_tasks(&self, has_rows: bool, now: Duration) -> Option<String> {
        if self.shown().store.is_some() {
            return (!has_rows).then(|| "All tasks are here; they are being put in order.".to_owned());
        }
        Some(match self.connection_state(now) {
            ConnectionState::Lost { reason, .. } => format!("No connection: {reason}"),
            ConnectionState::Receiving => "Receiving the tasks.".to_owned(),
            ConnectionState::Waiting | ConnectionState::Live | ConnectionState::Silent => {
                "Connected; waiting for data.".to_owned()
            }
            ConnectionState::Idle | ConnectionState::Connecting { .. } => "Connecting.".to_owned(),
        })
    }
}

/// The most serious finding, if it is one.
pub(super) fn strip(findings: &Findings) -> Option<Strip> {
    // An info is no reason to stand on every screen.
    let worst = findings.list.first().filter(|worst| worst.severity > Severity::Info)?;
    Some(Strip {
        severity: worst.severity,
        lint: worst.id.lint.name(),
        text: worst.message.clone(),
        more: findings.list.len() - 1 + findings.more,
    })
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
