//! WIRE.md has the limits that the code has.

use taskscope_proto::limits;

macro_rules! limits {
    ($($name:ident),* $(,)?) => { [$((stringify!($name), limits::$name as u64)),*] };
}

#[test]
fn the_table_of_limits_is_the_code() {
    let spec = include_str!("../WIRE.md");
    let table = limits![
        PROTOCOL_VERSION,
        MAX_FRAME_BYTES,
        MAX_DECODE_BYTES,
        MAX_NAME_BYTES,
        MAX_FIELDS_BYTES,
        MAX_PATH_BYTES,
        MAX_THREAD_NAME_BYTES,
        MAX_HELLO_TEXT_BYTES,
        MAX_PROBLEMS,
        MAX_PROBLEM_BYTES,
        MAX_TASKS_PER_FRAME,
        MAX_FREED_PER_FRAME,
        MAX_SITES,
        MAX_THREADS,
        MAX_DETAILS,
        MAX_WAKERS,
        MAX_EVENTS_PER_FRAME,
        MAX_EVENT_GAPS,
        MAX_STREAMED_EVENTS,
        MAX_BUCKETS,
        MAX_SLOTS,
        MAX_CLIENTS,
        MAX_HOLDERS,
        MAX_RESOURCE_DETAILS,
        MAX_RUNTIMES,
        MAX_WORKERS,
        MAX_STUCK_POLLS,
        MAX_STACK_FRAMES,
        MAX_CODE_FILES,
        MAX_BUILD_ID_BYTES,
        MAX_LONG_POLLS,
        MAX_AWAIT_TREES,
        MAX_AWAIT_FRAMES,
        MAX_DESCRIPTORS,
        MAX_TEXT_BYTES,
    ];
    for (name, value) in table {
        let row = format!("| `{name}` | {value} |");
        assert!(spec.contains(&row), "WIRE.md lacks a row that starts with {row}");
    }
    let rows =
        spec.lines().filter(|line| line.starts_with("| `MAX_") || line.starts_with("| `PROTOCOL_")).count();
    assert_eq!(rows, table.len(), "WIRE.md has a row for a limit that this test doesn't know");
}
