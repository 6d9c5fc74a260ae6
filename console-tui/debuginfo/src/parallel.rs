//! Work on many things by all cores, with the results given to one thread as they come.

use std::{
    sync::{
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

/// Threads, at most: each has what it works on in memory.
const MAX_THREADS: usize = 8;

/// Does `work` on each thing, in any order, and calls `done` with each result.
pub(crate) fn each<T: Sync, R: Send>(things: &[T], work: impl Fn(&T) -> R + Sync, mut done: impl FnMut(R)) {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(MAX_THREADS).min(things.len());
    let (next, work) = (&AtomicUsize::new(0), &work);
    let (sender, receiver) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let sender = sender.clone();
            scope.spawn(move || {
                while let Some(thing) = things.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if sender.send(work(thing)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        receiver.into_iter().for_each(&mut done);
    });
}

#[cfg(test)]
mod tests {
    use super::each;

    #[test]
    fn each_thing_is_worked_on_once() {
        let things: Vec<u32> = (0..1000).collect();
        let mut found = Vec::new();
        each(&things, |thing| thing * 2, |double| found.push(double));
        found.sort_unstable();
        assert_eq!(found, (0..1000).map(|thing| thing * 2).collect::<Vec<_>>());
        each(&[], |thing: &u32| *thing, |_| panic!("there is nothing to do"));
    }
}
