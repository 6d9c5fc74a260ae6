//! `#[taskscope::main]` and `#[taskscope::test]`: what they build.

#![cfg(feature = "macros")]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};

#[taskscope::test]
async fn on_one_thread_under_its_own_name() {
    let runtime = Handle::current();
    assert_eq!(runtime.runtime_flavor(), RuntimeFlavor::CurrentThread);
    assert_eq!(runtime.name(), Some("on_one_thread_under_its_own_name"));
    assert!(taskscope::Handle::default_handle().is_some());
    // Timers and I/O are there.
    tokio::time::sleep(Duration::from_millis(1)).await;
    tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
}

#[taskscope::test(flavor = "multi_thread", worker_threads = 3, name = "three")]
async fn on_several_threads() -> Result<(), std::num::ParseIntError> {
    let runtime = Handle::current();
    assert_eq!((runtime.metrics().num_workers(), runtime.name()), (3, Some("three")));
    let three: usize = tokio::spawn(async { "3".parse() }).await.unwrap()?;
    assert_eq!(three, 3);
    Ok(())
}

#[taskscope::test(start_paused = true)]
async fn with_time_that_stands_still() {
    let start = std::time::Instant::now();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[taskscope::test]
#[should_panic(expected = "as it should")]
async fn other_attributes_stay() {
    tokio::task::yield_now().await;
    panic!("as it should");
}

/// The crate may have another name.
mod renamed {
    use taskscope as scope;

    #[scope::test(crate = "scope")]
    async fn by_a_path() {
        tokio::task::yield_now().await;
    }
}

#[taskscope::main(worker_threads = 2)]
async fn program(left: u32, right: u32) -> Result<u32, tokio::task::JoinError> {
    let runtime = Handle::current();
    assert_eq!(runtime.runtime_flavor(), RuntimeFlavor::MultiThread);
    assert_eq!((runtime.metrics().num_workers(), runtime.name()), (2, Some("program")));
    tokio::spawn(async move { left + right }).await
}

#[test]
fn a_program_runs_on_its_runtime() {
    assert_eq!(program(20, 2).unwrap(), 22);
    assert!(taskscope::Handle::default_handle().is_some());
}
