use tokio::runtime::{Handle, RuntimeFlavor};

#[taskscope::main(worker_threads = 2)]
async fn main() -> Result<(), tokio::task::JoinError> {
    let runtime = Handle::current();
    assert_eq!(runtime.runtime_flavor(), RuntimeFlavor::MultiThread);
    assert_eq!((runtime.metrics().num_workers(), runtime.name()), (2, Some("main")));
    assert!(taskscope::Handle::default_handle().is_some());
    tokio::spawn(async {}).await?;
    assert_eq!(with_arguments(20), 22);
    Ok(())
}

fn with_arguments(number: u32) -> u32 {
    #[taskscope::main(flavor = "current_thread", name = "inner")]
    async fn sum(left: u32, right: u32) -> u32 {
        tokio::task::yield_now().await;
        left + right
    }
    std::thread::spawn(move || sum(number, 2)).join().unwrap()
}
