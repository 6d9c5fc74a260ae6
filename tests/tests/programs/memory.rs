//! What taskscope holds: per task that waits, and after a million that have ended.

use taskscope_proto::v1;
use taskscope_tests::console::{Console, wish};

use crate::start;

const PARKED: usize = 100_000;
/// Bytes that a parked task may cost. The aim is 256.
const MAX_BYTES_A_TASK: f64 = 1024.0;
/// What an allocator may hold more after a million than after ten thousand, for reasons of its own: 2 bytes a task.
const SLACK_BYTES: u64 = 2 << 20;

/// Resident bytes a parked task: unwatched, and while a console has all of them.
async fn parked(source: &str) -> (f64, f64) {
    let mut program = start(&["idle", "--source", source]);
    let before = program.rss_bytes();
    let each = |after: u64| (after as f64 - before as f64) / PARKED as f64;
    program.ask(&format!("spawn {PARKED}"));
    let unwatched = each(program.rss_bytes());
    if source == "bare" {
        return (unwatched, unwatched);
    }
    let mut console = Console::open(program.address()).await;
    console.wait_for("all tasks", |fold| fold.complete && fold.live().count() == PARKED).await;
    (unwatched, each(program.rss_bytes()))
}

async fn costs_less_than_a_kibibyte(source: &str) {
    let (bare, _) = parked("bare").await;
    let (unwatched, watched) = parked(source).await;
    println!(
        "{source}: a parked task costs {:.0} B of RSS over the bare program's {bare:.0} B, {:.0} B while a console looks",
        unwatched - bare,
        watched - bare,
    );
    assert!(watched - bare <= MAX_BYTES_A_TASK && unwatched - bare <= MAX_BYTES_A_TASK);
}

#[tokio::test]
async fn a_parked_task_costs_less_than_a_kibibyte() {
    costs_less_than_a_kibibyte("wrap").await;
}

#[tokio::test]
async fn a_parked_wrapped_task_costs_less_than_a_kibibyte() {
    costs_less_than_a_kibibyte("wrappers").await;
}

#[tokio::test]
async fn a_parked_task_in_a_registry_costs_less_than_a_kibibyte() {
    costs_less_than_a_kibibyte("layer").await;
}

fn rss(answer: &serde_json::Value) -> u64 {
    answer["rss"].as_u64().expect("a number")
}

#[test]
fn finished_tasks_leave_no_memory_behind() {
    let mut program = start(&["million"]);
    let ten_thousand = rss(&program.ask("finish 10000"));
    let million = rss(&program.ask("finish 990000"));
    println!("finished 10,000: {ten_thousand} B of RSS; finished 1,000,000: {million} B");
    assert!(million <= ten_thousand + SLACK_BYTES, "{ten_thousand} -> {million}");
}

#[tokio::test]
async fn finished_tasks_leave_no_memory_behind_while_a_console_looks() {
    let mut program = start(&["million"]);
    let slowly = v1::WatchRequest { interval_ms: 1000, ..wish() };
    let mut console = Console::open_with(program.address(), slowly).await.expect("the server answers");
    // As many as are retained between two looks, twice: what one look takes over, and what gathers until the next.
    program.ask("finish 5000");
    console.wait_for("the first half", |fold| fold.complete && fold.sums().finished == 5_000).await;
    let ten_thousand = rss(&program.ask("finish 5000"));
    program.send("finish 990000");
    let million = loop {
        console.next().await.expect("the stream is open");
        if let Some(answer) = program.try_answer() {
            break rss(&answer);
        }
    };
    println!(
        "finished 10,000: {ten_thousand} B of RSS; finished 1,000,000: {million} B, with a console looking"
    );
    assert!(million <= ten_thousand + SLACK_BYTES, "{ten_thousand} -> {million}");
    console.wait_for("all of them", |fold| fold.sums().finished == 1_000_000).await;
    assert!(console.fold.tasks.len() <= 8192, "the finished ones that can be looked at are bounded");
}
