//! Registers and stack of a thread: read from outside while it sleeps; asked for with a signal only when it computes.
//!
//! Invariant: a thread that sleeps in the kernel gets no signal. What is read of it is one moment: the kernel's count of its switches says that it
//! did not run meanwhile.
//!
//! A thread that runs gets a signal only when looks in a row, [`BETWEEN_LOOKS`] apart, found it running, without a sleep, a read or a write, and it
//! was on a processor for [`COMPUTED`] meanwhile, without time in the kernel; or for [`ALLOCATED`] with at most a quarter of it there, as one that fills
//! new memory has. (One that has just been woken, and waits for a processor, is still in its system call.) **The race that is left:** it may enter a system call between the last look and
//! the signal (some 50 µs), and that call may then end early with `EINTR`, or be repeated. **Its bound:** the handler's registers show it
//! (the program counter stands behind the instruction of a system call that has just failed with `EINTR`, or before one that is to be repeated); from
//! then on this process sends no signal any more. So at most one call of a program's life is disturbed. **Its count:** [`calls_met`].

use std::{
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread as std_thread,
    time::{Duration, Instant},
};

use super::{
    memory::Memory,
    os::{self, Raw},
    registers::{COUNT, RESULT, Registers},
    thread::{self, Doing},
    turn::{TICKET_BITS, Withdrawn},
};
use crate::{CaptureError, STACK_BYTES};

/// Looks at a thread that finds no rest, before it is given up.
const MAX_LOOKS: u32 = 250;
const BETWEEN_LOOKS: Duration = Duration::from_millis(1);
/// Time on a processor that shows that a thread computes.
const COMPUTED: Duration = Duration::from_millis(10);
/// The same where some of the time is the kernel's: the kernel counts in steps of 10 ms.
const ALLOCATED: Duration = Duration::from_millis(50);
/// The program's share of the time is at least so many times the kernel's.
const TIMES_THE_KERNELS: u64 = 3;
/// How long a thread that computes may take to run its handler. One that waits for a processor needs some ms.
const TIME_LIMIT: Duration = Duration::from_millis(250);
/// Between two looks at whether it has.
const SHORTEST_WAIT: Duration = Duration::from_micros(50);
const LONGEST_WAIT: Duration = Duration::from_millis(5);

/// System calls of the program that a signal met, and may have ended early or repeated. An upper bound.
static CALLS_MET: AtomicU64 = AtomicU64::new(0);
static SIGNALS_SENT: AtomicU64 = AtomicU64::new(0);

pub(super) fn calls_met() -> u64 {
    CALLS_MET.load(Relaxed)
}

pub(super) fn signals_sent() -> u64 {
    SIGNALS_SENT.load(Relaxed)
}

/// A thread at one moment.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) registers: Registers,
    /// The bytes from the stack pointer on.
    pub(super) stack: Vec<u8>,
    /// Why there are none.
    pub(super) error: Option<io::Error>,
}

/// Looks at a thread until it holds still or computes. `signal` gives the signal to send then.
///
/// # Errors
/// It has ended, finds no rest, or can't be sent a signal.
pub(super) fn look(
    memory: &Memory,
    thread: u32,
    signal: impl FnOnce() -> Result<i32, CaptureError>,
) -> Result<Seen, CaptureError> {
    let mut deeds = thread::deeds(thread)?;
    // Since when it has only run.
    let mut since = deeds;
    for _ in 0..MAX_LOOKS {
        let doing = thread::doing(thread)?;
        let seen = if let Doing::Sleeping { sp, pc } = doing { Some(copy(memory, sp, pc)) } else { None };
        let now = thread::deeds(thread)?;
        // `deeds` was read before the look: who has not run since then slept all the while.
        if let Some(seen) = seen
            && now.slept_since(deeds)
            && thread::doing(thread)? == doing
        {
            return Ok(seen);
        }
        if doing != Doing::Running || !now.ran_on_since(deeds) {
            since = now;
        }
        let (ran, (kernel, user)) = (now.ran_since(since), now.times_since(since));
        let computes = ran >= COMPUTED && kernel == 0;
        let allocates = ran >= ALLOCATED && user >= kernel.saturating_mul(TIMES_THE_KERNELS);
        if computes || allocates {
            return ask(memory, thread, signal()?);
        }
        deeds = now;
        std_thread::sleep(BETWEEN_LOOKS);
    }
    Err(CaptureError::Restless(thread))
}

fn copy(memory: &Memory, sp: u64, pc: u64) -> Seen {
    let mut stack = vec![0; STACK_BYTES];
    let copied = memory.read(sp, &mut stack);
    stack.truncate(*copied.as_ref().unwrap_or(&0));
    Seen { registers: Registers::asleep(pc, sp), stack, error: copied.err() }
}

/// Registers and stack of a thread that computes, from its handler.
fn ask(memory: &Memory, thread: u32, signal: i32) -> Result<Seen, CaptureError> {
    static ASKERS: Mutex<()> = Mutex::new(());
    static TICKETS: AtomicU64 = AtomicU64::new(1);
    let _one_at_a_time = ASKERS.lock().unwrap_or_else(PoisonError::into_inner);
    if calls_met() > 0 {
        return Err(CaptureError::SignalsEnded(thread));
    }
    let ticket = TICKETS.fetch_add(1, Relaxed) & ((1 << TICKET_BITS) - 1);
    let turn = os::turn();
    if !turn.open(ticket) {
        return Err(CaptureError::Busy);
    }
    if let Err(cause) = os::send(signal, thread, ticket) {
        turn.withdraw(ticket);
        return Err(match cause.raw_os_error() {
            Some(libc::ESRCH) => CaptureError::Gone(thread),
            _ => CaptureError::Send { signal, thread, cause },
        });
    }
    SIGNALS_SENT.fetch_add(1, Relaxed);
    let asked = Instant::now();
    let mut wait = SHORTEST_WAIT;
    while !turn.is_done(ticket) {
        if asked.elapsed() >= TIME_LIMIT {
            match turn.withdraw(ticket) {
                Withdrawn::Done => break,
                Withdrawn::Yes => return Err(silent(signal, thread)),
                Withdrawn::Writing => return Err(CaptureError::Busy),
            }
        }
        std_thread::sleep(wait);
        wait = (wait * 2).min(LONGEST_WAIT);
    }
    let Raw { pc, registers, stack, error } = os::take();
    turn.release(ticket);
    if met_a_call(memory, pc, &registers) {
        CALLS_MET.fetch_add(1, Relaxed);
    }
    Ok(Seen { registers: Registers::known(pc, registers), stack, error })
}

/// Whether a handler stands behind a system call that failed with `EINTR`, or before one that the kernel will repeat. A thread that was
/// just about to make a call looks like the second: it is counted, too.
fn met_a_call(memory: &Memory, pc: u64, registers: &[u64; COUNT]) -> bool {
    let interrupted = registers[RESULT].cast_signed() == -i64::from(libc::EINTR);
    if cfg!(target_arch = "x86_64") {
        // `syscall`
        let is_call = |at: u64| memory.array(at) == Some([0x0f, 0x05]);
        return is_call(pc) || interrupted && is_call(pc.wrapping_sub(2));
    }
    // `svc #0`
    let is_call = |at: u64| memory.array(at) == Some(0xd400_0001_u32.to_le_bytes());
    is_call(pc) || interrupted && is_call(pc.wrapping_sub(4))
}

fn silent(signal: i32, thread: u32) -> CaptureError {
    match thread::blocks(thread, signal) {
        Ok(true) => CaptureError::Blocked { signal, thread },
        Err(gone @ CaptureError::Gone(_)) => gone,
        _ => CaptureError::Silent { signal, thread, limit_ms: TIME_LIMIT.as_millis() as u64 },
    }
}
