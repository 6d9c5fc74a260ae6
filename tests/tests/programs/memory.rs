//! What taskscope holds: per task that waits, and after a million that have ended.

use taskscope_tests::console::Console;

use crate::start;

const PARKED: usize = 100_000;
/// Bytes that a parked task may cost. The aim is 256.
const MAX_BYTES_A_TASK: f64 = 1024.0;
/// What an allocator may hold more after a million than after ten thousand, for reasons of its own: 2 bytes a task.
const SLACK_BYTES: u64 = 2 << 20;

/// Resident bytes a parked task: unwatched, and while a console has the whole picture.
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

async fn a_million_cost_as_much_as_ten_thousand(with_console: bool) {
    let mut program = start(&["million"]);
    let mut watcher = None;
    if with_console {
        let mut console = Console::open(program.address()).await;
        watcher = Some(tokio::spawn(async move {
            while console.next().await.is_ok() {}
            console
        }));
    }
    let rss = |answer: serde_json::Value| answer["rss"].as_u64().expect("a number");
    // Blocks its thread, while the watcher reads on another.
    let (ten_thousand, million) = tokio::task::spawn_blocking(move || {
        let ten_thousand = rss(program.ask("finish 10000"));
        let million = rss(program.ask("finish 990000"));
        (ten_thousand, million)
    })
    .await
    .expect("the program answers");
    println!("finished 10,000: {ten_thousand} B of RSS; finished 1,000,000: {million} B; console: {with_console}");
    assert!(million <= ten_thousand + SLACK_BYTES, "{ten_thousand} -> {million}");
    if let Some(watcher) = watcher {
        let console = watcher.await.expect("no frame broke a rule");
        assert!(console.fold.sequence > 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn finished_tasks_leave_no_memory_behind() {
    a_million_cost_as_much_as_ten_thousand(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn finished_tasks_leave_no_memory_behind_while_a_console_looks() {
    a_million_cost_as_much_as_ten_thousand(true).await;
}
