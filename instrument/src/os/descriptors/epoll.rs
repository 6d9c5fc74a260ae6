//! Which descriptors the epolls of this process watch, from `/proc/self/fdinfo`.

use std::{collections::HashMap, fs};

use taskscope_proto::v1::{self, DescriptorKind};

/// Marks those that an epoll watches, with the events it wants. One that was closed and is still in the epoll by another number of the
/// same file is told apart by its inode, where the kernel names it.
pub(super) fn watched(descriptors: &mut [v1::Descriptor]) {
    let epolls = descriptors.iter().filter(|descriptor| descriptor.kind() == DescriptorKind::Epoll);
    let mut targets: HashMap<u32, Target> = HashMap::new();
    for epoll in epolls {
        // An epoll that is gone by now watches nothing.
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", epoll.fd)).unwrap_or_default();
        for target in info.lines().filter_map(Target::parse) {
            let events = targets.get(&target.fd).map_or(0, |known| known.events);
            targets.insert(target.fd, Target { events: events | target.events, ..target });
        }
    }
    for descriptor in descriptors {
        let Some(target) = targets.get(&descriptor.fd) else { continue };
        // Anonymous inodes have one number together: `inode` is 0 for them.
        if descriptor.inode == 0 || target.inode.is_none_or(|inode| inode == descriptor.inode) {
            descriptor.watched = true;
            descriptor.interest = target.events;
        }
    }
}

/// `tfd: 5 events: 19 data: 7f3c00 pos:0 ino:61af sdev:7`, as Linux's `fs/eventpoll.c` writes it (proc(5)).
#[derive(Debug, PartialEq, Eq)]
struct Target {
    fd: u32,
    events: u32,
    inode: Option<u64>,
}

impl Target {
    fn parse(line: &str) -> Option<Self> {
        let rest = line.strip_prefix("tfd:")?;
        let (fd, rest) = rest.split_once("events:")?;
        let (events, rest) = rest.split_once("data:")?;
        let inode = rest.split_once("ino:").and_then(|(_, rest)| rest.split_whitespace().next());
        Some(Self {
            fd: fd.trim().parse().ok()?,
            events: u32::from_str_radix(events.trim(), 16).ok()?,
            inode: inode.and_then(|inode| u64::from_str_radix(inode, 16).ok()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_kernels_is_read() {
        let line = "tfd:        5 events: 8000201d data: 7f3c00  pos:0 ino:61af sdev:7";
        assert_eq!(Target::parse(line), Some(Target { fd: 5, events: 0x8000_201d, inode: Some(0x61af) }));
        assert_eq!(Target::parse("tfd: 5 events: 19 data: 1").map(|target| target.inode), Some(None));
        for other in ["pos:\t0", "tfd: x events: 1 data: 1", "tfd: 1 events: zz data: 1", ""] {
            assert_eq!(Target::parse(other), None, "{other}");
        }
    }
}
