//! Which descriptors the epolls of this process watch, from `/proc/self/fdinfo`.

use std::{collections::HashMap, fs};

use taskscope_proto::v1::{self, DescriptorKind};

/// An epoll of the process and what it watches.
#[derive(Debug)]
pub(super) struct Epoll {
    pub(super) fd: u32,
    targets: HashMap<u32, Target>,
}

impl Epoll {
    /// The events that it wants of a descriptor; `None`: it does not watch it. One that was closed and is still in the epoll by another number
    /// of the same file is distinguished by its inode, where the kernel names it.
    pub(super) fn watches(&self, descriptor: &v1::Descriptor) -> Option<u32> {
        let target = self.targets.get(&descriptor.fd)?;
        // Anonymous inodes have one number together: `inode` is 0 for them.
        let same = descriptor.inode == 0 || target.inode.is_none_or(|inode| inode == descriptor.inode);
        same.then_some(target.events)
    }
}

/// The epolls among these. One that is gone by now watches nothing.
pub(super) fn epolls(descriptors: &[v1::Descriptor]) -> Vec<Epoll> {
    let epolls = descriptors.iter().filter(|descriptor| descriptor.kind() == DescriptorKind::Epoll);
    let read = epolls.map(|epoll| {
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", epoll.fd)).unwrap_or_default();
        let targets = info.lines().filter_map(Target::parse).map(|target| (target.fd, target));
        Epoll { fd: epoll.fd, targets: targets.collect() }
    });
    read.collect()
}

/// Marks those that an epoll watches, with the events it wants.
pub(super) fn watched(descriptors: &mut [v1::Descriptor], epolls: &[Epoll]) {
    for descriptor in descriptors {
        let wanted = epolls.iter().filter_map(|epoll| epoll.watches(descriptor)).reduce(|all, one| all | one);
        if let Some(events) = wanted {
            (descriptor.watched, descriptor.interest) = (true, events);
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
