//! Questions to the kernel about descriptors that are the program's, not ours.
//!
//! Invariant: nothing here changes a descriptor. The program may close one and open another under the same number at any moment: an answer
//! then speaks of the wrong file, so whoever asks compares the file's identity before and after.
//!
//! The only `unsafe` of this crate beside `Wrapped::downcast_raw`; each block is one call of the operating system's.
#![expect(unsafe_code, reason = "calls of the operating system that no safe crate offers")]

use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

/// Asks about a descriptor by its number.
pub(super) fn look<R>(fd: RawFd, ask: impl FnOnce(BorrowedFd<'_>) -> R) -> R {
    // SAFETY: `borrow_raw` asks for a number other than -1, which those in /proc are, and that it stays open during the borrow. The program
    // may break that: then a call answers EBADF, or answers for the file that took the number. As only questions are asked (see the
    // invariant) neither memory nor the other file can be harmed.
    ask(unsafe { BorrowedFd::borrow_raw(fd) })
}

/// An option of a socket, as the kernel writes it; `None`: it has none. Returns how many of the bytes were written.
pub(super) fn socket_option<const BYTES: usize>(
    fd: BorrowedFd<'_>,
    level: libc::c_int,
    option: libc::c_int,
) -> Option<([u8; BYTES], usize)> {
    let mut value = [0_u8; BYTES];
    let mut length = libc::socklen_t::try_from(BYTES).ok()?;
    // SAFETY: `value` is `length` bytes of writable memory, and the kernel writes no more than that.
    let answer = unsafe {
        libc::getsockopt(fd.as_raw_fd(), level, option, value.as_mut_ptr().cast(), &raw mut length)
    };
    (answer == 0).then_some((value, (length as usize).min(BYTES)))
}

/// Bytes written to a socket that the other side has not confirmed yet.
pub(super) fn unsent_bytes(fd: BorrowedFd<'_>) -> Option<u64> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: SIOCOUTQ (the number of TIOCOUTQ) writes one int, and nothing else.
    let answer = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    (answer == 0).then(|| u64::try_from(bytes).ok()).flatten()
}
