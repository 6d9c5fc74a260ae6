//! Programs that end, or become another one, while they are looked at: an error that says so.

use std::{sync::mpsc, thread, time::Duration};

use taskscope_observe::{AttachError, Observer, Process};

use crate::{
    looking::{observer, observer_of},
    programs::{Built, Profile, Running, built},
};

/// A look at what is not there any more takes no longer than this.
const PATIENCE: Duration = Duration::from_secs(30);

fn small() -> (Built, Running) {
    let built = built("small", Profile::Dev);
    let running = Running::start(&built.path, &[]);
    (built, running)
}

/// Looks until there is an error.
fn error_of(observer: &mut Observer) -> AttachError {
    loop {
        if let Err(error) = observer.look() {
            return error;
        }
    }
}

#[test]
fn killed_between_looks() {
    let (built, mut running) = small();
    let mut observer = observer(&built, &running);
    assert!(!observer.look().expect("it runs").tasks.is_empty());
    running.kill();
    let ended = AttachError::Ended { pid: running.pid() };
    assert_eq!(error_of(&mut observer), ended);
    running.become_zombie();
    assert_eq!(observer.look().expect_err("it is a zombie"), ended);
    running.wait();
    assert_eq!(observer.look().expect_err("it is gone"), ended);
}

#[test]
fn killed_during_a_look() {
    let built = built("load", Profile::Release);
    for parked in ["0", "2000"] {
        let mut running = Running::start(&built.path, &["4", parked]);
        let pid = running.pid();
        let (sender, receiver) = mpsc::channel();
        let (looked, looks) = mpsc::channel();
        let program = built.program.clone();
        let looking = thread::spawn(move || {
            let mut observer = observer_of(&program, pid);
            loop {
                match observer.look() {
                    Ok(_) => looked.send(()).expect("the test waits for the first looks"),
                    Err(error) => break sender.send(error).expect("the test waits for it"),
                }
            }
        });
        looks.recv_timeout(PATIENCE).expect("it is looked at");
        running.kill();
        let error = receiver.recv_timeout(PATIENCE).expect("a look ends");
        assert_eq!(error, AttachError::Ended { pid });
        looking.join().expect("it does not panic");
    }
}

#[test]
fn zombies_and_numbers_that_no_process_has_are_refused() {
    let (_, mut running) = small();
    let pid = running.pid();
    running.kill();
    running.become_zombie();
    assert_eq!(Process::open(pid).map(drop), Err(AttachError::NoMemory { pid }));
    running.wait();
    assert_eq!(Process::open(pid).map(drop), Err(AttachError::NoProcess { pid }));
}

/// What was opened is the memory that it had, and nothing of the new one is believed.
#[test]
fn a_process_that_executes_another_program_has_ended() {
    let built = built("load", Profile::Release);
    let mut running = Running::start(&built.path, &["0", "3"]);
    let mut observer = observer(&built, &running);
    assert_eq!(observer.look().expect("it runs").tasks.len(), 3);
    // It answers no more lines.
    running.say("exec");
    assert_eq!(error_of(&mut observer), AttachError::Ended { pid: running.pid() });
    assert!(!running.is_zombie());
    let process = Process::open(running.pid()).expect("another program runs");
    assert!(process.is_alive());
}
