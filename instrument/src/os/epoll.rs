//! Whether an epoll has events, without taking them.

use std::os::fd::RawFd;

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::sys;

/// An epoll is readable itself while a descriptor that it watches is ready. `None`: there is no such descriptor.
pub(crate) fn is_ready(epoll: RawFd) -> Option<bool> {
    let asked = sys::look(epoll, |fd| {
        let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default()))?;
        Ok::<PollFlags, Errno>(fds[0].revents())
    });
    match asked {
        Ok(ready) if !ready.contains(PollFlags::NVAL) => Some(ready.contains(PollFlags::IN)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;

    use rustix::{
        event::epoll,
        io::{read, write},
        pipe::pipe,
    };

    use super::*;

    #[test]
    fn an_epoll_is_ready_while_what_it_watches_is() {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        let (reader, writer) = pipe().unwrap();
        epoll::add(&epoll, &reader, epoll::EventData::new_u64(0), epoll::EventFlags::IN).unwrap();
        assert_eq!(is_ready(epoll.as_raw_fd()), Some(false));
        write(&writer, b"x").unwrap();
        assert_eq!((is_ready(epoll.as_raw_fd()), is_ready(epoll.as_raw_fd())), (Some(true), Some(true)));
        read(&reader, &mut [0_u8; 1]).unwrap();
        assert_eq!(is_ready(epoll.as_raw_fd()), Some(false));
        assert_eq!(is_ready(RawFd::MAX), None);
    }
}
