#[taskscope::main]
fn not_async() {}

#[taskscope::main(flavour = "multi_thread")]
async fn unknown_option() {}

#[taskscope::main(flavor = "threads")]
async fn unknown_flavor() {}

#[taskscope::main(flavor = 2)]
async fn wrong_kind() {}

#[taskscope::main(flavor = "current_thread", worker_threads = 2)]
async fn no_workers() {}

#[taskscope::main(worker_threads = 0)]
async fn no_worker() {}

#[taskscope::main(worker_threads = THREADS)]
async fn no_literal() {}

#[taskscope::main(name = "a", name = "b")]
async fn twice() {}

#[taskscope::main(start_paused)]
async fn no_value() {}

#[taskscope::test]
async fn with_argument(number: u32) {}

#[taskscope::test]
#[test]
async fn a_test_already() {}

fn main() {}
