//! The names of system calls.

/// Whether a thread in this system call waits for descriptors.
pub(crate) fn waits_for_io(call: i64) -> bool {
    name(call)
        .is_some_and(|name| name.starts_with("epoll_") || name.ends_with("poll") || name == "io_uring_enter")
}

/// The name of a system call; its number where it has none.
pub(crate) fn call_name(call: i64) -> String {
    name(call).map_or_else(|| format!("system call {call}"), str::to_owned)
}

fn name(call: i64) -> Option<&'static str> {
    syscalls::Sysno::new(usize::try_from(call).ok()?).map(|call| call.name())
}
