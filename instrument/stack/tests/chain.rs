//! A handler that was there before goes on to get the signals that are not ours.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#![allow(clippy::unwrap_used, reason = "a test's unwrap is an assertion")]
#![expect(unsafe_code, reason = "signals and their handlers have no safe interface")]

use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::Relaxed};

use libc::{c_int, c_void, siginfo_t};
use taskscope_stack::{CaptureError, Sampler, signals_sent, thread_id};

static CALLS: AtomicU64 = AtomicU64::new(0);
static SENDER: AtomicI32 = AtomicI32::new(0);

extern "C" fn previous(_signal: c_int, info: *mut siginfo_t, _context: *mut c_void) {
    CALLS.fetch_add(1, Relaxed);
    // SAFETY: the handler is registered with `SA_SIGINFO`, and a signal of `tgkill` has a sender.
    SENDER.store(unsafe { (*info).si_pid() }, Relaxed);
}

/// Alone in its process: the first sampler decides for all.
#[test]
fn foreign_signals_reach_the_handler_that_was_there_and_captures_do_not() {
    let refused = Sampler::with_signal(libc::SIGTERM).unwrap_err().to_string();
    assert!(refused.starts_with("Signal 15 is no real-time signal"), "{refused}");
    let signal = libc::SIGRTMIN() + 3;
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: zeroes are a valid action; a handler of three arguments goes with `SA_SIGINFO`.
    unsafe {
        (*action.as_mut_ptr()).sa_sigaction = previous as extern "C" fn(_, _, _) as usize;
        (*action.as_mut_ptr()).sa_flags = libc::SA_SIGINFO;
        assert_eq!(libc::sigaction(signal, action.as_ptr(), std::ptr::null_mut()), 0);
    }
    let mut sampler = Sampler::with_signal(signal).unwrap().named();
    assert_eq!(sampler.signal(), Some(signal));
    let main = thread_id();
    let stack = std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            loop {
                match sampler.capture(main) {
                    // On a machine with more work than cores.
                    Err(CaptureError::Restless(_) | CaptureError::Silent { .. }) => {}
                    other => return other.unwrap(),
                }
            }
        });
        // Who sleeps is sent no signal.
        while !asked.is_finished() {
            std::hint::spin_loop();
        }
        asked.join().unwrap()
    });
    assert!(stack.frames.iter().any(|frame| frame.function.contains("foreign_signals_reach")), "{stack:#?}");
    assert!(signals_sent() > 0, "it was asked by a signal");
    assert_eq!(CALLS.load(Relaxed), 0, "our own signals reach no other handler");

    // SAFETY: a signal to the calling thread, which has a handler.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), main, signal) };
    // To the sender itself a signal is delivered before the call returns.
    assert_eq!(CALLS.load(Relaxed), 1);
    assert_eq!(u32::try_from(SENDER.load(Relaxed)), Ok(std::process::id()));
}
