//! Stacks of threads that are stuck in known functions.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#![allow(clippy::unwrap_used, reason = "a test's unwrap is an assertion")]
#![expect(unsafe_code, reason = "the mask of blocked signals has no safe interface")]

use std::{
    hint::black_box,
    io::{self, Read as _, Write as _},
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use taskscope_stack::{CaptureError, Origin, Sampler, Stack, StackFrame, thread_id};

/// No condition of these tests takes longer, however slow the machine.
const PATIENCE: Duration = Duration::from_secs(60);

static STOP: AtomicBool = AtomicBool::new(false);

#[test]
fn a_thread_in_a_read_is_named_with_its_line() {
    const LINE: u32 = line!() + 3;
    #[inline(never)]
    fn waits_in_a_read(mut reader: io::PipeReader) -> usize {
        reader.read(&mut [0; 8]).unwrap()
    }
    let (reader, mut writer) = io::pipe().unwrap();
    let (thread, reading) = started(move || waits_in_a_read(reader));
    until(|| is_in(thread, libc::SYS_read));
    let stack = Sampler::new().unwrap().named().capture(thread).unwrap();
    let frame = first_own(&stack);
    assert!(frame.function.ends_with("waits_in_a_read"), "{stack:#?}");
    assert!(frame.file.ends_with("tests/capture.rs"), "{stack:#?}");
    assert_eq!(frame.line, LINE, "{stack:#?}");
    // The same bytes read a child's output: that name is not shown.
    let std = stack.frames.iter().filter(|frame| frame.origin == Origin::Std);
    assert!(std.into_iter().all(|frame| !frame.function.contains("Child")), "{stack:#?}");
    // The call goes on as if nothing had been.
    until(|| is_in(thread, libc::SYS_read));
    writer.write_all(b"now").unwrap();
    assert_eq!(reading.join().unwrap(), 3);
}

#[test]
fn a_sleep_is_named_and_goes_on_for_its_time() {
    #[inline(never)]
    fn sleeps() -> Duration {
        let start = Instant::now();
        thread::sleep(Duration::from_millis(300));
        start.elapsed()
    }
    let (thread, sleeping) = started(sleeps);
    until(|| is_in(thread, libc::SYS_clock_nanosleep));
    let stack = Sampler::new().unwrap().named().capture(thread).unwrap();
    assert!(first_own(&stack).function.ends_with("sleeps"), "{stack:#?}");
    let is_sleep = |frame: &&StackFrame| {
        frame.function.starts_with("std::thread::") && frame.function.ends_with("sleep")
    };
    let sleep = stack.frames.iter().find(is_sleep);
    assert!(
        sleep.is_some_and(|frame| !frame.is_own() && frame.file.starts_with("library/std/")),
        "{stack:#?}"
    );
    assert!(sleeping.join().unwrap() >= Duration::from_millis(300));
}

#[test]
fn a_loop_is_named_with_the_functions_inlined_in_it() {
    #[expect(clippy::inline_always, reason = "it is the inlined one that must be named")]
    #[inline(always)]
    fn turns(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
        std::hint::spin_loop();
    }
    #[inline(never)]
    fn spins() {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        while !STOP.load(Relaxed) {
            for _ in 0..1000 {
                turns(&COUNTER);
            }
        }
    }
    let (thread, spinning) = started(spins);
    let mut sampler = Sampler::new().unwrap().named();
    let position = |stack: &Stack, name: &str| {
        stack
            .frames
            .iter()
            .position(|frame| frame.is_own() && frame.function.rsplit("::").next() == Some(name))
    };
    until(|| {
        let stack = computing(&mut sampler, thread).unwrap();
        // Not at each moment is it in the inlined function.
        position(&stack, "turns").is_some_and(|turns| Some(turns) < position(&stack, "spins"))
    });
    STOP.store(true, Relaxed);
    spinning.join().unwrap();
}

#[test]
fn the_clocks_code_in_the_kernels_own_file_is_gone_through() {
    static DONE: AtomicBool = AtomicBool::new(false);
    #[inline(never)]
    fn reads_the_clock() {
        while !DONE.load(Relaxed) {
            black_box(Instant::now());
        }
    }
    let (thread, reading) = started(reads_the_clock);
    let mut sampler = Sampler::new().unwrap().named();
    let is_in_it = |stack: &Stack| first_own(stack).function.ends_with("reads_the_clock");
    until(|| is_in_it(&computing(&mut sampler, thread).unwrap()));
    for _ in 0..20 {
        let stack = computing(&mut sampler, thread).unwrap();
        assert!(is_in_it(&stack), "{stack:#?}");
    }
    DONE.store(true, Relaxed);
    reading.join().unwrap();
}

#[test]
fn a_stack_deeper_than_the_limit_says_what_is_missing() {
    #[inline(never)]
    fn deep(levels: u32, reader: &mut io::PipeReader) -> u64 {
        match levels {
            0 => reader.read(&mut [0; 8]).unwrap() as u64,
            _ => black_box(deep(levels - 1, reader) + 1),
        }
    }
    let (mut reader, mut writer) = io::pipe().unwrap();
    let (thread, diving) = started(move || deep(100, &mut reader));
    until(|| is_in(thread, libc::SYS_read));
    let stack = Sampler::new().unwrap().named().capture(thread).unwrap();
    assert_eq!(stack.frames.len(), taskscope_stack::MAX_FRAMES);
    assert!(first_own(&stack).function.ends_with("deep"), "{stack:#?}");
    assert!(stack.problem.as_ref().unwrap().contains("frames further out are not shown"), "{stack:#?}");
    writer.write_all(b"up").unwrap();
    assert_eq!(diving.join().unwrap(), 102);
}

#[test]
fn a_thread_that_blocks_the_signal_is_a_sentence_and_its_late_handler_does_no_harm() {
    static PHASE: AtomicU64 = AtomicU64::new(0);
    let signal = libc::SIGRTMAX() - 1;
    // The first signal of a process is the one of all samplers: other tests may have installed it before.
    let mut sampler = Sampler::with_signal(signal).unwrap().named();
    let signal = sampler.signal().unwrap();
    let spin_until = |phase| {
        while PHASE.load(Relaxed) < phase {
            std::hint::spin_loop();
        }
    };
    let (thread, spinning) = started(move || {
        mask(libc::SIG_BLOCK, signal);
        spin_until(1);
        // The late signals arrive here.
        mask(libc::SIG_UNBLOCK, signal);
        spin_until(2);
    });
    for _ in 0..2 {
        let start = Instant::now();
        let error = computing(&mut sampler, thread).unwrap_err();
        assert!(matches!(error, CaptureError::Blocked { .. }), "{error}");
        let sentence = format!("Thread {thread} blocks signal {signal}, so that its stack can't be taken.");
        assert_eq!(error.to_string(), sentence);
        assert!(start.elapsed() < PATIENCE, "it has a time limit");
    }
    PHASE.store(1, Relaxed);
    // The buffer is not held by the thread that did not answer.
    let stack = computing(&mut sampler, thread).unwrap();
    assert!(!stack.frames.is_empty());
    PHASE.store(2, Relaxed);
    spinning.join().unwrap();
}

#[test]
fn a_thread_that_ended_is_a_sentence() {
    let (thread, ended) = started(|| ());
    ended.join().unwrap();
    let mut sampler = Sampler::new().unwrap().named();
    until(|| matches!(sampler.capture(thread), Err(CaptureError::Gone(_))));
    assert!(matches!(sampler.capture(u32::MAX), Err(CaptureError::Gone(_))));
}

#[test]
fn many_captures_of_busy_threads() {
    const CAPTURES: usize = 20;
    static DONE: AtomicBool = AtomicBool::new(false);
    #[inline(never)]
    fn works() -> usize {
        let mut length = 0;
        let mut kept = Vec::new();
        while !DONE.load(Relaxed) {
            kept.push(format!("{length} {:?}", Instant::now()));
            length += kept.iter().map(String::len).sum::<usize>();
            if kept.len() > 100 {
                kept.clear();
            }
        }
        length
    }
    let threads: Vec<_> = (0..4).map(|_| started(works)).collect();
    let mut sampler = Sampler::new().unwrap().named();
    let mut named = 0;
    for round in 0..CAPTURES {
        if round % 10 == 0 {
            sampler.rest();
        }
        let stack = computing(&mut sampler, threads[round % threads.len()].0).unwrap();
        let own = |frame: &StackFrame| frame.is_own() && frame.function.ends_with("works");
        named += usize::from(stack.frames.iter().any(own));
    }
    DONE.store(true, Relaxed);
    for (_, busy) in threads {
        busy.join().unwrap();
    }
    assert!(named == CAPTURES, "{named} of {CAPTURES} stacks name the function");
}

/// Starts a thread; its number is known when this returns.
fn started<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> (u32, thread::JoinHandle<T>) {
    let (started, number) = mpsc::channel();
    let handle = thread::spawn(move || {
        started.send(thread_id()).unwrap();
        run()
    });
    (number.recv().unwrap(), handle)
}

/// Whether a thread sleeps in this system call.
fn is_in(thread: u32, call: libc::c_long) -> bool {
    let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/syscall")).unwrap_or_default();
    text.split_whitespace().next() == Some(&call.to_string())
}

/// A capture of a thread that computes: on a machine with more work than cores it may seem restless for a moment, or not be run in time.
fn computing(sampler: &mut Sampler, thread: u32) -> Result<Stack, CaptureError> {
    loop {
        match sampler.capture(thread) {
            Err(CaptureError::Restless(_) | CaptureError::Silent { .. } | CaptureError::Busy) => {}
            other => return other,
        }
    }
}

fn first_own(stack: &Stack) -> &StackFrame {
    stack
        .frames
        .iter()
        .find(|frame| frame.is_own())
        .unwrap_or_else(|| panic!("no frame of its own in {stack:#?}"))
}

fn until(mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "the condition never came true");
        thread::yield_now();
    }
}

fn mask(how: libc::c_int, signal: libc::c_int) {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: the set is initialised by `sigemptyset` before anything reads it; the mask is the calling thread's own.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), signal);
        assert_eq!(libc::pthread_sigmask(how, set.as_ptr(), std::ptr::null_mut()), 0);
    }
}

/// What a console does that has the same files.
#[test]
fn addresses_in_files_of_the_same_build_lead_to_the_same_names() {
    #[inline(never)]
    fn waits_to_be_named(wait: &mpsc::Receiver<()>) {
        wait.recv().unwrap();
    }
    let (end, wait) = mpsc::channel();
    let (thread, waiting) = started(move || waits_to_be_named(&wait));
    until(|| is_in(thread, libc::SYS_futex));
    let stack = Sampler::new().unwrap().named().capture(thread).unwrap();
    assert!(first_own(&stack).function.ends_with("waits_to_be_named"), "{stack:#?}");
    let mut named = Vec::new();
    for address in &stack.addresses {
        let file = &stack.files[address.file.unwrap()];
        let opened = std::fs::File::open(&file.path).unwrap();
        assert_eq!(taskscope_names::build_id(&opened).unwrap_or_default(), file.build_id, "{file:?}");
        named.extend(
            taskscope_names::in_file(&opened, &file.path, &[address.address]).unwrap().frames.remove(0),
        );
    }
    assert!(stack.files.iter().filter(|file| file.is_program).count() == 1, "{stack:#?}");
    named.truncate(stack.frames.len());
    assert_eq!(named, stack.frames);
    end.send(()).unwrap();
    waiting.join().unwrap();
}
