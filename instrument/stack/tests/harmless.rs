//! No system call of a program fails, ends early or is repeated because a stack was taken: threads in calls that a signal would end, captured
//! all the while. A test program of its own, as signals are counted in a process.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#![allow(clippy::unwrap_used, reason = "a test's unwrap is an assertion")]
#![expect(unsafe_code, reason = "these system calls have no safe interface that would show an EINTR")]

use std::{
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::fd::AsRawFd as _,
    sync::{Condvar, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use taskscope_stack::{CaptureError, Sampler, Stack, signals_sent, thread_id};

/// How long each call sleeps, by its own limit.
const CALL: Duration = Duration::from_millis(400);
const CALL_MS: i32 = 400;

/// Runs `call` on a thread of its own and takes its stack again and again until it returns. Every stack must have the function `name`.
#[track_caller]
fn captured_while<T: Send + 'static>(name: &str, call: impl FnOnce() -> T + Send + 'static) -> T {
    let (started, number) = mpsc::channel();
    let calling = thread::spawn(move || {
        started.send(thread_id()).unwrap();
        call()
    });
    let thread = number.recv().unwrap();
    let mut sampler = Sampler::new().unwrap().named();
    let mut named = 0;
    while !calling.is_finished() {
        match sampler.capture(thread) {
            Ok(stack) => named += usize::from(has(&stack, name)),
            Err(CaptureError::Restless(_) | CaptureError::Gone(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert!(named > 0, "no stack has {name}");
    assert_eq!(signals_sent(), 0, "a thread that sleeps is sent no signal");
    calling.join().unwrap()
}

fn has(stack: &Stack, name: &str) -> bool {
    stack.frames.iter().any(|frame| frame.is_own() && frame.function.ends_with(name))
}

/// What a call answered: its result, or `errno`.
fn answer(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[test]
fn a_poll_with_a_limit_lasts_until_it() {
    #[inline(never)]
    fn polls() -> (io::Result<libc::c_int>, Duration) {
        let start = Instant::now();
        // SAFETY: no descriptors at all: the pointer is not read.
        let result = unsafe { libc::poll(std::ptr::null_mut(), 0, CALL_MS) };
        (answer(result), start.elapsed())
    }
    let (result, lasted) = captured_while("polls", polls);
    assert_eq!(result.unwrap(), 0, "its time was up");
    assert!(lasted >= CALL, "{lasted:?}");
}

#[test]
fn an_epoll_wait_lasts_until_its_limit() {
    #[inline(never)]
    fn waits_for_events() -> (io::Result<libc::c_int>, Duration) {
        // SAFETY: makes a descriptor, which is closed below.
        let epoll = unsafe { libc::epoll_create1(0) };
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        let start = Instant::now();
        // SAFETY: room for the one event that is asked for; nothing else has the descriptor.
        let result = answer(unsafe { libc::epoll_wait(epoll, &raw mut event, 1, CALL_MS) });
        let lasted = start.elapsed();
        // SAFETY: as above.
        unsafe { libc::close(epoll) };
        (result, lasted)
    }
    let (result, lasted) = captured_while("waits_for_events", waits_for_events);
    assert_eq!(result.unwrap(), 0, "its time was up");
    assert!(lasted >= CALL, "{lasted:?}");
}

#[test]
fn a_nanosleep_is_not_ended() {
    #[inline(never)]
    fn sleeps_once() -> io::Result<libc::c_int> {
        let time = libc::timespec { tv_sec: 0, tv_nsec: i64::from(CALL_MS) * 1_000_000 };
        // SAFETY: reads the time; the remaining time is not asked for.
        answer(unsafe { libc::nanosleep(&raw const time, std::ptr::null_mut()) })
    }
    assert_eq!(captured_while("sleeps_once", sleeps_once).unwrap(), 0);
}

#[test]
fn sockets_with_and_without_a_limit() {
    #[inline(never)]
    fn receives(stream: &TcpStream) -> io::Result<isize> {
        let mut bytes = [0_u8; 8];
        // SAFETY: writes at most eight bytes into eight.
        let read = unsafe { libc::recv(stream.as_raw_fd(), bytes.as_mut_ptr().cast(), 8, 0) };
        if read < 0 { Err(io::Error::last_os_error()) } else { Ok(read) }
    }
    #[inline(never)]
    fn reads(mut stream: &TcpStream) -> io::Result<usize> {
        stream.read(&mut [0; 8])
    }
    #[inline(never)]
    fn accepts(listener: &TcpListener) -> io::Result<TcpStream> {
        listener.accept().map(|(stream, _)| stream)
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = thread::spawn(move || {
        thread::sleep(CALL);
        TcpStream::connect(address).unwrap()
    });
    let stream = captured_while("accepts", move || accepts(&listener)).unwrap();
    let mut client = client.join().unwrap();
    stream.set_read_timeout(Some(CALL)).unwrap();
    let with_limit = stream.try_clone().unwrap();
    let error = captured_while("receives", move || receives(&with_limit)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "its time was up: {error}");
    let with_limit = stream.try_clone().unwrap();
    let error = captured_while("reads", move || reads(&with_limit)).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "its time was up: {error}");
    stream.set_read_timeout(None).unwrap();
    let writing = thread::spawn(move || {
        thread::sleep(CALL);
        client.write_all(b"now").unwrap();
    });
    assert_eq!(captured_while("reads", move || reads(&stream)).unwrap(), 3);
    writing.join().unwrap();
}

#[test]
fn locks_and_conditions() {
    static LOCK: Mutex<()> = Mutex::new(());
    #[inline(never)]
    fn locks() {
        drop(LOCK.lock().unwrap());
    }
    #[inline(never)]
    fn waits_for_a_condition() -> bool {
        let (mutex, condition) = (Mutex::new(()), Condvar::new());
        let start = Instant::now();
        let (_guard, result) = condition.wait_timeout_while(mutex.lock().unwrap(), CALL, |()| true).unwrap();
        result.timed_out() && start.elapsed() >= CALL
    }
    let guard = LOCK.lock().unwrap();
    let unlocking = thread::spawn({
        let locking = thread::spawn(|| captured_while("locks", locks));
        move || locking.join().unwrap()
    });
    thread::sleep(CALL);
    drop(guard);
    unlocking.join().unwrap();
    assert!(captured_while("waits_for_a_condition", waits_for_a_condition));
}

/// Many short calls, between which it computes for a moment: never for long enough to be sent a signal.
#[test]
fn a_loop_of_short_sleeps_sees_no_interruption() {
    #[inline(never)]
    fn polls_again_and_again() -> Vec<io::Error> {
        let start = Instant::now();
        let mut errors = Vec::new();
        while start.elapsed() < CALL * 3 {
            // SAFETY: no descriptors at all: the pointer is not read.
            errors.extend(answer(unsafe { libc::poll(std::ptr::null_mut(), 0, 1) }).err());
            let computing = Instant::now();
            while computing.elapsed() < Duration::from_micros(200) {
                std::hint::spin_loop();
            }
        }
        errors
    }
    let errors = captured_while("polls_again_and_again", polls_again_and_again);
    assert!(errors.is_empty(), "{errors:?}");
}
