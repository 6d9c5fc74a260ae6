//! The calls to the operating system, and the handler. All `unsafe` of the crate is here.
//!
//! The handler's invariant: it runs on a thread that may hold any lock, the allocator's too, so it calls nothing but `syscall`
//! (which the asker called before, so that it is bound), and for a foreign signal what was there before it; it can't panic, takes no lock, and leaves
//! `errno` as it was. The stack is read by the kernel (`process_vm_readv` on the process itself, a page at a time), so an address that is not mapped ends the copy instead
//! of the process: no bounds of the thread's stack need to be known, and coroutines with stacks of their own are no special case.

#![expect(unsafe_code, reason = "signals, their handlers and thread ids have no safe interface")]

use std::{
    cell::UnsafeCell,
    io,
    mem::MaybeUninit,
    ptr,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
};

use libc::{c_int, c_void, iovec, sigaction, siginfo_t, ucontext_t};

use super::{
    registers::{COUNT, STACK_POINTER},
    turn::{TICKET_BITS, Turn},
};
use crate::{CaptureError, STACK_BYTES};

/// Pieces of the stack that are copied: whole pages, of which those of 4 KiB are the smallest.
const PIECE_BYTES: usize = 4096;
const PIECES: usize = STACK_BYTES / PIECE_BYTES + 1;

/// Marks a signal's value as ours.
const TAG: u64 = 0x2_a5c3;
const _: () = assert!(TAG < 1 << (64 - TICKET_BITS));

/// The buffer that handlers fill; who may touch the cells says [`Turn`]. In the program's zeroed memory: pages never written take none.
struct Exchange {
    turn: Turn,
    pc: AtomicU64,
    /// By DWARF's numbers.
    registers: [AtomicU64; COUNT],
    copied: AtomicUsize,
    /// Why nothing was copied; 0: something was.
    error: AtomicI32,
    pieces: UnsafeCell<[iovec; PIECES]>,
    stack: UnsafeCell<[u8; STACK_BYTES]>,
}

// SAFETY: the two cells are touched by one thread at a time, as the proof in `turn` shows; everything else is atomic.
unsafe impl Sync for Exchange {}

static EXCHANGE: Exchange = Exchange {
    turn: Turn::new(),
    pc: AtomicU64::new(0),
    registers: [const { AtomicU64::new(0) }; COUNT],
    copied: AtomicUsize::new(0),
    error: AtomicI32::new(0),
    pieces: UnsafeCell::new([const { iovec { iov_base: ptr::null_mut(), iov_len: 0 } }; PIECES]),
    stack: UnsafeCell::new([0; STACK_BYTES]),
};

/// What was there for the signal before us. Set once, before our handler is installed.
static PREVIOUS: OnceLock<sigaction> = OnceLock::new();

/// Registers and stack of a thread at one moment.
#[derive(Debug, Default)]
pub(super) struct Raw {
    pub(super) pc: u64,
    /// By DWARF's numbers.
    pub(super) registers: [u64; COUNT],
    /// The bytes from the stack pointer on.
    pub(super) stack: Vec<u8>,
    /// Why there are none.
    pub(super) error: Option<io::Error>,
}

/// Whose turn it is to touch the buffer.
pub(super) fn turn() -> &'static Turn {
    &EXCHANGE.turn
}

/// What the handler left. For the asker, while the turn is done and before it is released.
pub(super) fn take() -> Raw {
    let copied = EXCHANGE.copied.load(Relaxed).min(STACK_BYTES);
    // SAFETY: the only caller asks after `Turn::is_done` and before `Turn::release`, under the askers' lock: no handler writes, and the
    // static array has `STACK_BYTES` initialised bytes.
    let stack = unsafe { std::slice::from_raw_parts(EXCHANGE.stack.get().cast::<u8>(), copied) }.to_vec();
    let error = EXCHANGE.error.load(Relaxed);
    Raw {
        pc: EXCHANGE.pc.load(Relaxed),
        registers: EXCHANGE.registers.each_ref().map(|register| register.load(Relaxed)),
        stack,
        error: (error != 0).then(|| io::Error::from_raw_os_error(error)),
    }
}

/// Installs the handler, once in a process: the first caller's wish for a signal counts. Returns the signal.
///
/// By default it takes the highest real-time signal without a handler, the last one left out (valgrind's).
pub(super) fn install(wanted: Option<c_int>) -> Result<c_int, CaptureError> {
    static INSTALLED: Mutex<Option<c_int>> = Mutex::new(None);
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(signal) = *installed {
        return Ok(signal);
    }
    let (first, last) = (libc::SIGRTMIN(), libc::SIGRTMAX());
    let signal = match wanted {
        Some(signal) if (first..=last).contains(&signal) => signal,
        Some(signal) => return Err(CaptureError::NotRealTime(signal, first, last)),
        None => {
            let is_free =
                |signal: &c_int| action(*signal).is_ok_and(|action| action.sa_sigaction == libc::SIG_DFL);
            (first..last).rev().find(is_free).unwrap_or(last - 1)
        }
    };
    let failed = |cause| CaptureError::Install { signal, cause };
    let previous = action(signal).map_err(failed)?;
    // Before the handler that reads it. A second attempt after a failed one would find it set, but what fails here fails above.
    let mask = PREVIOUS.get_or_init(|| previous).sa_mask;
    let ours = sigaction {
        sa_sigaction: on_signal as extern "C" fn(c_int, *mut siginfo_t, *mut c_void) as usize,
        sa_mask: mask,
        sa_flags: libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK,
        sa_restorer: None,
    };
    // SAFETY: `ours` is a whole `sigaction` with a handler of the three-argument kind that `SA_SIGINFO` calls for.
    if unsafe { sigaction(signal, &raw const ours, ptr::null_mut()) } != 0 {
        return Err(failed(io::Error::last_os_error()));
    }
    *installed = Some(signal);
    Ok(signal)
}

/// What is there for a signal.
fn action(signal: c_int) -> io::Result<sigaction> {
    let mut action = MaybeUninit::<sigaction>::zeroed();
    // SAFETY: a null pointer for the new action only asks; the other one is large enough, and zeroes are a valid `sigaction`.
    let result = unsafe { sigaction(signal, ptr::null(), action.as_mut_ptr()) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroed, then filled by the call.
    Ok(unsafe { action.assume_init() })
}

/// Sends the signal with a ticket to one thread of this process. `ESRCH`: there is none.
pub(super) fn send(signal: c_int, thread: u32, ticket: u64) -> io::Result<()> {
    /// `siginfo_t` as the kernel reads it for `SI_QUEUE`; libc's has no names for these fields.
    #[repr(C)]
    struct Queued {
        signal: c_int,
        error: c_int,
        code: c_int,
        padding: c_int,
        pid: libc::pid_t,
        uid: libc::uid_t,
        value: u64,
        rest: [u64; 12],
    }
    const { assert!(size_of::<Queued>() == size_of::<siginfo_t>()) };
    // SAFETY: these two always succeed.
    let (pid, uid) = unsafe { (libc::getpid(), libc::getuid()) };
    let value = TAG << TICKET_BITS | ticket;
    let queued =
        Queued { signal, error: 0, code: libc::SI_QUEUE, padding: 0, pid, uid, value, rest: [0; 12] };
    let thread = c_int::try_from(thread).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))?;
    // SAFETY: the kernel reads a `siginfo_t` from the pointer, and it is one. With our own process as the group, no other process can be
    // meant, whoever has the number by now.
    let result =
        unsafe { libc::syscall(libc::SYS_rt_tgsigqueueinfo, pid, thread, signal, &raw const queued) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// The operating system's number of the calling thread: what [`crate::Sampler::capture`] takes.
pub fn thread_id() -> u32 {
    // SAFETY: takes nothing and always succeeds.
    let thread = unsafe { libc::syscall(libc::SYS_gettid) };
    u32::try_from(thread).unwrap_or(0)
}

/// On the thread that was asked. See the module's text for what it may do.
extern "C" fn on_signal(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the location is the calling thread's own.
    let errno = unsafe { *libc::__errno_location() };
    // SAFETY: the kernel hands a handler with `SA_SIGINFO` two valid pointers, and calls ours for nothing else.
    let ticket = unsafe { ticket(&*info) };
    match ticket {
        // SAFETY: as above; the context is of this interrupted thread.
        Some(ticket) => unsafe { answer(ticket, &*context.cast::<ucontext_t>()) },
        // SAFETY: the arguments are those that the kernel gave us.
        None => unsafe { hand_on(signal, info, context) },
    }
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

/// The ticket of a signal that this process queued with our tag.
///
/// # Safety
/// `info` is what the kernel gave a handler.
unsafe fn ticket(info: &siginfo_t) -> Option<u64> {
    // SAFETY: `si_pid` and `si_value` are there in a signal that was queued, which is asked first.
    unsafe {
        let queued_here = info.si_code == libc::SI_QUEUE
            && libc::c_long::from(info.si_pid()) == libc::syscall(libc::SYS_getpid);
        let value = if queued_here { info.si_value().sival_ptr.addr() as u64 } else { 0 };
        (value >> TICKET_BITS == TAG).then_some(value & ((1 << TICKET_BITS) - 1))
    }
}

/// Fills the buffer, if it is still wanted.
///
/// # Safety
/// `context` is what the kernel gave a handler.
unsafe fn answer(ticket: u64, context: &ucontext_t) {
    if !EXCHANGE.turn.claim(ticket) {
        return;
    }
    let (pc, registers) = registers(context);
    EXCHANGE.pc.store(pc, Relaxed);
    for (kept, register) in EXCHANGE.registers.iter().zip(registers) {
        kept.store(register, Relaxed);
    }
    // SAFETY: the turn was claimed, so the two cells are ours until `finish`.
    let (pieces, stack) = unsafe { (&mut *EXCHANGE.pieces.get(), EXCHANGE.stack.get()) };
    let mut at = registers[STACK_POINTER] as usize;
    let mut left = STACK_BYTES;
    for piece in pieces.iter_mut() {
        // To the end of its page: the kernel promises to stop between pieces only.
        let length = (PIECE_BYTES - at % PIECE_BYTES).min(left);
        *piece = iovec { iov_base: ptr::without_provenance_mut(at), iov_len: length };
        at = at.wrapping_add(length);
        left -= length;
    }
    let into = iovec { iov_base: stack.cast(), iov_len: STACK_BYTES };
    // SAFETY: the kernel writes at most `STACK_BYTES` into an array of that size that is ours; what it reads it checks itself.
    let copied = unsafe {
        libc::syscall(
            libc::SYS_process_vm_readv,
            libc::syscall(libc::SYS_getpid),
            &raw const into,
            1_usize,
            pieces.as_ptr(),
            PIECES,
            0_usize,
        )
    };
    // SAFETY: the location is the calling thread's own.
    let error = if copied > 0 { 0 } else { unsafe { *libc::__errno_location() } };
    EXCHANGE.copied.store(usize::try_from(copied).unwrap_or(0), Relaxed);
    EXCHANGE.error.store(error, Relaxed);
    EXCHANGE.turn.finish(ticket);
}

/// Program counter, and the registers by DWARF's numbers.
fn registers(context: &ucontext_t) -> (u64, [u64; COUNT]) {
    let machine = &context.uc_mcontext;
    let mut registers = [0; COUNT];
    #[cfg(target_arch = "x86_64")]
    {
        use libc::{
            REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RAX, REG_RBP, REG_RBX,
            REG_RCX, REG_RDI, REG_RDX, REG_RSI, REG_RSP,
        };
        const NUMBERS: [c_int; COUNT - 1] = [
            REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8, REG_R9, REG_R10,
            REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
        ];
        for (register, number) in registers.iter_mut().zip(NUMBERS) {
            *register = machine.gregs[number as usize] as u64;
        }
        (machine.gregs[libc::REG_RIP as usize] as u64, registers)
    }
    #[cfg(target_arch = "aarch64")]
    {
        registers[..31].copy_from_slice(&machine.regs);
        registers[31] = machine.sp;
        (machine.pc, registers)
    }
}

/// A signal that is not ours: as if we were not there.
///
/// # Safety
/// The arguments are what the kernel gave a handler.
unsafe fn hand_on(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    let Some(previous) = PREVIOUS.get() else { return };
    match previous.sa_sigaction {
        libc::SIG_IGN => {}
        // SAFETY: puts back what was there and sends the signal again; it arrives when this handler returns.
        libc::SIG_DFL => unsafe {
            sigaction(signal, previous, ptr::null_mut());
            let (process, thread) = (libc::syscall(libc::SYS_getpid), libc::syscall(libc::SYS_gettid));
            libc::syscall(libc::SYS_tgkill, process, thread, signal);
        },
        // SAFETY: the program registered this address as a handler of the kind that its flags name.
        handler => unsafe {
            if previous.sa_flags & libc::SA_SIGINFO == 0 {
                let handler: extern "C" fn(c_int) = std::mem::transmute(handler);
                handler(signal);
            } else {
                let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = std::mem::transmute(handler);
                handler(signal, info, context);
            }
        },
    }
}
