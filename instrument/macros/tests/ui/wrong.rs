#[taskscope_macros::main]
fn not_async() {}

#[taskscope_macros::main(flavour = "multi_thread")]
async fn unknown_option() {}

#[taskscope_macros::main(flavor = "threads")]
async fn unknown_flavor() {}

#[taskscope_macros::main(flavor = 2)]
async fn wrong_kind() {}

#[taskscope_macros::main(flavor = "current_thread", worker_threads = 2)]
async fn no_workers() {}

#[taskscope_macros::main(worker_threads = 0)]
async fn no_worker() {}

#[taskscope_macros::main(worker_threads = THREADS)]
async fn no_literal() {}

#[taskscope_macros::main(name = "a", name = "b")]
async fn twice() {}

#[taskscope_macros::main(start_paused)]
async fn no_value() {}

#[taskscope_macros::test]
async fn with_argument(number: u32) {}

#[taskscope_macros::test]
#[test]
async fn a_test_already() {}

fn main() {}
