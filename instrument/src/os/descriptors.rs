//! The descriptors of this process, as Linux reports them: what each is, who watches it, and what its socket does.
//!
//! Read from inside, by the server's thread, while a console is connected; the program takes no part. Some 10 µs a socket, 2 µs
//! another descriptor: at most [`MAX_DESCRIPTORS`], and whoever calls paces the readings by what the last one took.
//!
//! Invariant: two files that had the same number, one after the other, never share an identity.

mod connecting;
mod epoll;
mod own;
mod socket;

use std::{collections::HashMap, fs, os::fd::RawFd, path::Path, time::Instant};

use taskscope_proto::{
    limits::MAX_DESCRIPTORS,
    v1::{self, DescriptorKind},
};

pub(crate) use self::own::Listener;
use super::sys;

/// Bytes kept of a path: as many as the address of a Unix socket has (unix(7)).
const MAX_ADDRESS_BYTES: usize = 108;

/// What is remembered from reading to reading; `own` is left out of each, with what belongs to it.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    seen: HashMap<RawFd, Seen>,
    identities: u64,
    own: Option<Listener>,
}

/// The file behind a number.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    file: File,
    identity: u64,
    first: Instant,
}

/// What distinguishes a file from another one with the same number.
#[derive(Debug, Clone, PartialEq, Eq)]
enum File {
    /// A socket's cookie: the kernel never uses one twice.
    Socket(u64),
    /// What the link in /proc says, with the number that an eventfd, pipe or socket has.
    Link(String),
}

impl Reader {
    pub(crate) fn new(own: Option<Listener>) -> Self {
        Self { own, ..Self::default() }
    }

    /// Bytes held.
    pub(crate) fn memory_bytes(&self) -> usize {
        let texts = self.seen.values().map(|seen| match &seen.file {
            File::Link(link) => link.capacity(),
            File::Socket(_) => 0,
        });
        self.seen.capacity() * size_of::<(RawFd, Seen)>() + texts.sum::<usize>()
    }

    /// Reads them all. Blocks for as long as `reading_ns` of the answer says.
    pub(crate) fn read(&mut self) -> v1::Descriptors {
        let start = Instant::now();
        let mut answer = v1::Descriptors::default();
        match numbers() {
            Ok(mut numbers) => {
                numbers.sort_unstable();
                answer.more = numbers.len().saturating_sub(MAX_DESCRIPTORS) as u64;
                numbers.truncate(MAX_DESCRIPTORS);
                self.seen.retain(|fd, _| numbers.binary_search(fd).is_ok());
                answer.descriptors =
                    numbers.into_iter().filter_map(|fd| self.descriptor(fd, start)).collect();
                connecting::peers(&mut answer.descriptors);
                let mut epolls = epoll::epolls(&answer.descriptors);
                if let Some(listener) = self.own {
                    let own = listener.family(&answer.descriptors, &epolls);
                    answer.descriptors.retain(|descriptor| !own.contains(&descriptor.fd));
                    epolls.retain(|epoll| !own.contains(&epoll.fd));
                }
                answer.open = answer.descriptors.len() as u64 + answer.more;
                epoll::watched(&mut answer.descriptors, &epolls);
                ready(&mut answer.descriptors);
            }
            Err(error) => answer.problem = format!("/proc/self/fd can't be read: {error}."),
        }
        answer.limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(0);
        answer.reading_ns = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        answer
    }

    /// `None`: it was closed meanwhile, or changed hands.
    fn descriptor(&mut self, fd: RawFd, now: Instant) -> Option<v1::Descriptor> {
        let link = link(fd)?;
        let kind = kind(&link);
        let mut descriptor = v1::Descriptor { fd: u32::try_from(fd).ok()?, ..v1::Descriptor::default() };
        descriptor.set_kind(kind);
        descriptor.inode = inode(&link).unwrap_or(0);
        let mut file = File::Link(link.clone());
        if is_socket(&link) {
            file =
                sys::look(fd, |socket| socket::describe(socket, &mut descriptor)).map_or(file, File::Socket);
        } else if kind == DescriptorKind::File {
            descriptor.local = cut(&link);
        } else if kind == DescriptorKind::Pipe {
            descriptor.recv_queue_bytes = sys::look(fd, |pipe| rustix::io::ioctl_fionread(pipe).ok());
        }
        if self::link(fd)? != link {
            return None;
        }
        let leave_out_passing = self.own.is_some();
        let seen = self.seen(fd, file, now);
        if leave_out_passing && seen.first == now && is_of_this_process(&link) {
            return None;
        }
        descriptor.identity = seen.identity;
        descriptor.first_seen_ago_ns = u64::try_from((now - seen.first).as_nanos()).unwrap_or(u64::MAX);
        Some(descriptor)
    }

    fn seen(&mut self, fd: RawFd, file: File, now: Instant) -> &Seen {
        if self.seen.get(&fd).is_none_or(|seen| seen.file != file) {
            self.identities += 1;
            self.seen.insert(fd, Seen { file, identity: self.identities, first: now });
        }
        &self.seen[&fd]
    }
}

/// The numbers that are open, without that of the folder itself.
fn numbers() -> std::io::Result<Vec<RawFd>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let number = entry?.file_name().to_string_lossy().parse::<RawFd>();
        numbers.extend(number.ok());
    }
    // Reading the folder took a number, which is closed by now.
    numbers.retain(|fd| Path::new(&format!("/proc/self/fd/{fd}")).symlink_metadata().is_ok());
    Ok(numbers)
}

fn link(fd: RawFd) -> Option<String> {
    let link = fs::read_link(format!("/proc/self/fd/{fd}")).ok()?;
    Some(link.to_string_lossy().into_owned())
}

/// `/proc/1234/task/5/stat` of this process: the tool's threads have such files open for some microseconds, so one is listed when it is seen a
/// second time.
fn is_of_this_process(link: &str) -> bool {
    let rest =
        link.strip_prefix("/proc/").and_then(|rest| rest.strip_prefix(&std::process::id().to_string()));
    rest.is_some_and(|rest| rest.starts_with('/'))
}

fn is_socket(link: &str) -> bool {
    link.starts_with("socket:[")
}

/// The number in `socket:[123]`, `pipe:[123]`.
fn inode(link: &str) -> Option<u64> {
    link.split_once(":[")?.1.strip_suffix(']')?.parse().ok()
}

/// The kind by a link's text; that of a socket is asked of the socket.
fn kind(link: &str) -> DescriptorKind {
    match link {
        "anon_inode:[eventpoll]" => DescriptorKind::Epoll,
        "anon_inode:[eventfd]" => DescriptorKind::Eventfd,
        "anon_inode:[timerfd]" => DescriptorKind::Timerfd,
        "anon_inode:[signalfd]" => DescriptorKind::Signalfd,
        "anon_inode:[pidfd]" => DescriptorKind::Pidfd,
        "anon_inode:inotify" => DescriptorKind::Inotify,
        _ if link.starts_with("pipe:[") => DescriptorKind::Pipe,
        _ if link.starts_with("pidfd:[") => DescriptorKind::Pidfd,
        _ if link.starts_with('/') => DescriptorKind::File,
        _ => DescriptorKind::Other,
    }
}

/// Which of them have events now, in one call that waits for nothing.
fn ready(descriptors: &mut [v1::Descriptor]) {
    use rustix::event::{PollFd, PollFlags, poll};
    let wanted = PollFlags::IN | PollFlags::OUT | PollFlags::RDHUP;
    // A file is always ready: nothing to know.
    let mut asked: Vec<&mut v1::Descriptor> =
        descriptors.iter_mut().filter(|descriptor| descriptor.kind() != DescriptorKind::File).collect();
    for descriptor in &mut asked {
        let Ok(fd) = RawFd::try_from(descriptor.fd) else { continue };
        descriptor.ready = sys::look(fd, |fd| {
            let mut fds = [PollFd::from_borrowed_fd(fd, wanted)];
            let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
            poll(&mut fds, Some(&now)).map_or(0, |_| u32::from(fds[0].revents().bits().cast_unsigned()))
        });
    }
}

/// The end of a path or address, which distinguishes it; all of them together must fit a frame.
fn cut(text: &str) -> String {
    let mut start = text.len().saturating_sub(MAX_ADDRESS_BYTES);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text[start..].to_owned()
}

#[cfg(test)]
mod tests;
