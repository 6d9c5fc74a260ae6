//! What the kernel says of a thread: whether it runs, which system call it sleeps in, which signals it blocks.

use std::{fs, io};

/// What the kernel says of a thread of this process: `running`, `stopped`, or the system call that it sleeps in (`futex`, `read`). `None`:
/// the thread is gone, or `/proc` does not tell. Takes two reads of small files, some 10 µs.
pub fn kernel_state(thread: u32) -> Option<String> {
    let folder = format!("/proc/self/task/{thread}");
    let stat = fs::read_to_string(format!("{folder}/stat")).ok()?;
    // The name before it is in brackets and may hold any.
    let state = stat.rsplit_once(") ")?.1.chars().next()?;
    match state {
        'R' => return Some("running".to_owned()),
        'T' | 't' => return Some("stopped".to_owned()),
        'Z' | 'X' => return None,
        _ => {}
    }
    let call = fs::read_to_string(format!("{folder}/syscall")).ok();
    let call = call.as_deref().and_then(|call| call.split_whitespace().next());
    let asleep = match call {
        Some("running") => return Some("running".to_owned()),
        // A page fault, mostly.
        Some("-1") | None => "asleep".to_owned(),
        Some(number) => match number.parse().ok().and_then(name) {
            Some(name) => name.to_owned(),
            None => format!("system call {number}"),
        },
    };
    Some(if state == 'D' { format!("{asleep} (can't be interrupted)") } else { asleep })
}

/// Whether a thread blocks a signal.
pub(super) fn blocks(thread: u32, signal: i32) -> io::Result<bool> {
    let status = fs::read_to_string(format!("/proc/self/task/{thread}/status"))?;
    let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    Ok(signal >= 1 && mask >> (signal - 1) & 1 == 1)
}

macro_rules! calls {
    ($number:expr; $($name:literal $call:ident)*) => {
        match $number {
            $(libc::$call => Some($name),)*
            _ => None,
        }
    };
}

/// The calls that threads of programs sleep in.
fn name(number: libc::c_long) -> Option<&'static str> {
    let common = calls! { number;
        "read" SYS_read "write" SYS_write "readv" SYS_readv "writev" SYS_writev "pread64" SYS_pread64 "pwrite64" SYS_pwrite64
        "preadv" SYS_preadv "pwritev" SYS_pwritev "openat" SYS_openat "close" SYS_close "fsync" SYS_fsync "fdatasync" SYS_fdatasync
        "sync_file_range" SYS_sync_file_range "fallocate" SYS_fallocate "ftruncate" SYS_ftruncate "flock" SYS_flock "fcntl" SYS_fcntl
        "ioctl" SYS_ioctl "sendfile" SYS_sendfile "splice" SYS_splice "copy_file_range" SYS_copy_file_range "getdents64" SYS_getdents64
        "statx" SYS_statx "fstat" SYS_fstat "newfstatat" SYS_newfstatat "unlinkat" SYS_unlinkat "renameat2" SYS_renameat2
        "mkdirat" SYS_mkdirat
        "accept" SYS_accept "accept4" SYS_accept4 "connect" SYS_connect "recvfrom" SYS_recvfrom "recvmsg" SYS_recvmsg
        "recvmmsg" SYS_recvmmsg "sendto" SYS_sendto "sendmsg" SYS_sendmsg "sendmmsg" SYS_sendmmsg
        "ppoll" SYS_ppoll "pselect6" SYS_pselect6 "epoll_pwait" SYS_epoll_pwait "epoll_pwait2" SYS_epoll_pwait2
        "io_uring_enter" SYS_io_uring_enter "io_getevents" SYS_io_getevents
        "futex" SYS_futex "futex_waitv" SYS_futex_waitv "nanosleep" SYS_nanosleep "clock_nanosleep" SYS_clock_nanosleep
        "restart_syscall" SYS_restart_syscall "wait4" SYS_wait4 "waitid" SYS_waitid "clone" SYS_clone "clone3" SYS_clone3 "execve" SYS_execve
        "rt_sigtimedwait" SYS_rt_sigtimedwait "rt_sigsuspend" SYS_rt_sigsuspend "semop" SYS_semop "semtimedop" SYS_semtimedop
        "msgrcv" SYS_msgrcv "msgsnd" SYS_msgsnd "mq_timedreceive" SYS_mq_timedreceive "mq_timedsend" SYS_mq_timedsend
        "mmap" SYS_mmap "munmap" SYS_munmap "mremap" SYS_mremap "mprotect" SYS_mprotect "madvise" SYS_madvise "msync" SYS_msync
        "mlock" SYS_mlock "brk" SYS_brk "sched_yield" SYS_sched_yield "getrandom" SYS_getrandom "membarrier" SYS_membarrier
    };
    #[cfg(target_arch = "x86_64")]
    {
        common.or({
            calls! { number;
                "open" SYS_open "poll" SYS_poll "select" SYS_select "epoll_wait" SYS_epoll_wait "pause" SYS_pause "fork" SYS_fork
                "vfork" SYS_vfork "stat" SYS_stat "lstat" SYS_lstat "getdents" SYS_getdents "rename" SYS_rename "unlink" SYS_unlink
                "mkdir" SYS_mkdir
            }
        })
    }
    #[cfg(target_arch = "aarch64")]
    {
        common
    }
}
