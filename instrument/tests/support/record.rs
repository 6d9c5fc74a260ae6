//! What the process's recorder has on record of a named lock or channel: for tests of the wrappers.

#![allow(dead_code, reason = "each test file uses a part")]

use std::{
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use taskscope_recorder::{
    Agent, ChannelReading, LockHistograms, LockReading, OpReading, Recorder, Resource, Ticks,
};

/// The recorder of this process, which is the one that the wrappers use.
pub(crate) fn recorder() -> &'static Recorder {
    static READY: OnceLock<()> = OnceLock::new();
    READY.get_or_init(|| {
        taskscope::builder().bind("127.0.0.1:0").try_init().unwrap();
    });
    taskscope::internals::recorder(taskscope::Handle::default_handle().unwrap())
}

/// The resource of that name.
pub(crate) fn find(name: &str) -> Option<&'static Resource> {
    let recorder = recorder();
    recorder
        .resources
        .pages()
        .flat_map(|page| page.slots.iter())
        .find(|resource| resource.id().is_some_and(|id| recorder.resources.name(id).as_deref() == Some(name)))
}

pub(crate) fn resource(name: &str) -> &'static Resource {
    find(name).unwrap_or_else(|| panic!("{name} is not on record"))
}

pub(crate) fn channel(name: &str) -> ChannelReading {
    recorder().resources.read_channel(resource(name)).unwrap()
}

pub(crate) fn lock(name: &str) -> LockReading {
    recorder().resources.read_lock(resource(name)).unwrap()
}

pub(crate) fn histograms(name: &str) -> LockHistograms {
    recorder().resources.lock_histograms(resource(name)).unwrap()
}

/// Those who wait for it now, with the method that they called; none when there is no such resource.
pub(crate) fn waits(name: &str) -> Vec<(String, OpReading)> {
    let Some(id) = find(name).map(Resource::id) else { return Vec::new() };
    let recorder = recorder();
    recorder
        .resources
        .op_pages()
        .flat_map(|page| page.slots.iter())
        .filter_map(taskscope_recorder::Op::read)
        .filter(|op| op.resource == id)
        .map(|op| (recorder.resources.name_of(op.source).to_owned(), op))
        .collect()
}

/// The one that waits for it now.
pub(crate) fn wait(name: &str) -> (String, OpReading) {
    let mut waits = waits(name);
    assert_eq!(waits.len(), 1, "{waits:?}");
    waits.remove(0)
}

/// The line of a place's number.
pub(crate) fn line(place: u32) -> u32 {
    recorder().sites.site(place).unwrap().place().line
}

pub(crate) fn nanoseconds(ticks: Ticks) -> u64 {
    recorder().clock().length_ns(ticks)
}

pub(crate) fn thread_name(number: u32) -> String {
    let (_, names) = taskscope_recorder::thread_names();
    names.iter().find(|other| other.number == number).unwrap().name.to_string()
}

/// The name of the task, or of the thread outside of any.
pub(crate) fn who(waker: Agent) -> String {
    match waker {
        Agent::Task(task) => task_name(task),
        Agent::Thread(number) => thread_name(number),
        Agent::Unknown => "?".to_owned(),
    }
}

pub(crate) fn task_name(task: taskscope_recorder::TaskId) -> String {
    recorder().tasks.get(task).unwrap().description().unwrap().name.into()
}

/// Waits until the record says so, by looking again and again.
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < give_up, "never: {what}");
        thread::yield_now();
    }
}

/// Runs on a thread of that name while `meanwhile` runs here.
pub(crate) fn beside<R: Send>(name: &str, run: impl FnOnce() -> R + Send, meanwhile: impl FnOnce()) -> R {
    thread::scope(|scope| {
        let beside = thread::Builder::new().name(name.to_owned()).spawn_scoped(scope, run).unwrap();
        meanwhile();
        beside.join().unwrap()
    })
}
