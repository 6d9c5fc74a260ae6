//! A blocking pool that is full of closures which sit in blocking calls; more are queued, and a task waits for one of those.

use std::{
    hint::black_box,
    io::{self, PipeReader, Read as _},
    sync::{Arc, Mutex, PoisonError},
};

use taskscope::runtime::Builder;
use tokio::task::spawn_blocking;

use super::Served;
use crate::{locks::on_go, stage::Stage};

/// Threads of the pool.
const THREADS: usize = 2;
/// Closures that wait behind those that hold the threads, besides the one that a task waits for.
const QUEUED: usize = 4;

#[inline(never)]
fn read_archive(reader: &Mutex<PipeReader>) {
    let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
    black_box(reader.read(&mut [0; 64]).is_ok());
}

/// On a runtime of its own, named `archive`.
pub(crate) fn run(stage: &Stage) {
    let runtime = Builder::new_multi_thread().name("archive").worker_threads(2).max_blocking_threads(THREADS);
    let runtime = runtime.enable_all().build().expect("a runtime");
    let spawner = stage.spawner.on(runtime.handle());
    let (mut readers, mut writers) = (Vec::new(), Vec::new());
    for _ in 0..THREADS {
        let (reader, writer) = io::pipe().expect("a pipe");
        readers.push(Arc::new(Mutex::new(reader)));
        writers.push(writer);
    }
    on_go(|| {
        let full = Arc::new(Served::default());
        let filled = Arc::clone(&full);
        spawner.spawn_named("archiver", async move {
            let mut reads = Vec::new();
            for reader in readers.iter().cycle().take(THREADS + QUEUED) {
                let reader = Arc::clone(reader);
                reads.push(spawn_blocking(move || read_archive(&reader)));
            }
            filled.add();
            for read in reads {
                // They end with the program.
                let _ended = read.await;
            }
        });
        spawner.spawn_named("upload", async move {
            full.has_begun().await;
            let _never = spawn_blocking(|| black_box(1)).await;
        });
    });
    // Not waited for: its closures sit in their calls.
    runtime.shutdown_background();
    drop(writers);
}
