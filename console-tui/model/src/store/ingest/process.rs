//! Who is on the other side, and the numbers of the process as a whole.

use taskscope_proto::{
    limits::{MAX_HELLO_TEXT_BYTES, MAX_PROBLEM_BYTES, MAX_PROBLEMS},
    v1,
};

use super::text;
use crate::{
    losses::Losses,
    store::{
        Hello, Process,
        process::{MEMORY, TOKIO_CONSOLE},
    },
};

/// Who is on the other side.
pub(crate) fn hello(wire: &v1::Hello, losses: &mut Losses) -> Hello {
    let sources = wire.sources.unwrap_or_default();
    let mut short = |raw: &str| text(raw, MAX_HELLO_TEXT_BYTES, losses);
    let (process_name, taskscope_version, tokio_version, os) = (
        short(&wire.process_name),
        short(&wire.taskscope_version),
        short(&wire.tokio_version),
        short(&wire.os),
    );
    let known = |text: String| (!text.is_empty()).then_some(text);
    Hello {
        instance: wire.instance,
        process_name,
        pid: (wire.pid != 0).then_some(wire.pid),
        started_unix_ns: (wire.started_unix_ns > 0).then_some(wire.started_unix_ns),
        taskscope_version: known(taskscope_version),
        tokio_version: known(tokio_version),
        os: known(os),
        sources: [
            (sources.tracing, "tracing"),
            (sources.hooks, "hooks"),
            (sources.wrappers, "wrappers"),
            (sources.resources, "resources"),
            (sources.tokio_console, TOKIO_CONSOLE),
            (sources.memory, MEMORY),
        ]
        .into_iter()
        .filter_map(|(on, name)| on.then_some(name))
        .collect(),
        tokio_unstable: sources.tokio_unstable,
        problems: wire
            .problems
            .iter()
            .take(MAX_PROBLEMS)
            .map(|problem| text(problem, MAX_PROBLEM_BYTES, losses))
            .collect(),
    }
}

pub(super) fn process(wire: &v1::Process) -> Process {
    Process {
        alive: wire.alive,
        spawned: wire.spawned,
        untracked: wire.untracked,
        untracked_alive: wire.untracked_alive,
        late_wakes: wire.late_wakes,
        lost_events: wire.lost_events,
        truncated: wire.truncated,
        folded_sites: wire.folded_sites,
        untracked_resources: wire.untracked_resources,
        own_cpu_ns: wire.cost_known.then_some(wire.own_cpu_ns),
        hot_path_ns: wire.hot_path_ns,
        own_memory_bytes: wire.own_memory_bytes,
    }
}
