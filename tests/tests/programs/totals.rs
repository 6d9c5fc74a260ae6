//! A program that counts its own spawns, polls and wakes, under full load: the console's numbers are the same, to the last one.

use taskscope_tests::load::{LOAD, compare_sites, equal_to_the_last, load, total};

use crate::start;

#[tokio::test]
async fn the_wrapped_subscriber_misses_nothing() {
    let (books, shown, late) = load(start(&["counted", "--source", "wrap"])).await;
    equal_to_the_last(&books, &shown);
    equal_to_the_last(&books, &late);
    println!("wrap, {LOAD:?} of load: {:?} on both sides", shown.sums());
}

#[tokio::test]
async fn the_layer_misses_nothing() {
    let (books, shown, late) = load(start(&["counted", "--source", "layer"])).await;
    equal_to_the_last(&books, &shown);
    equal_to_the_last(&books, &late);
    println!("layer, {LOAD:?} of load: {:?} on both sides", shown.sums());
}

#[tokio::test]
async fn the_wrappers_miss_nothing() {
    let (books, shown, late) = load(start(&["counted", "--source", "wrappers"])).await;
    equal_to_the_last(&books, &shown);
    equal_to_the_last(&books, &late);
    println!("wrappers, {LOAD:?} of load: {:?} on both sides", shown.sums());
}

#[tokio::test]
async fn the_hooks_miss_no_task_and_no_poll() {
    let (books, shown, late) = load(start(&["counted", "--source", "hooks"])).await;
    for fold in [&shown, &late] {
        let (truth, shown) = (total(&books), fold.sums());
        assert_eq!((shown.spawned, shown.finished), (truth.spawned, truth.finished));
        assert_eq!((shown.wakes, shown.self_wakes), (0, 0), "hooks don't see wakes, and say nothing of them");
        assert!(fold.live().all(|task| task.knows == 0), "what is not known is marked so");
        compare_sites(&books, fold, |name, truth, shown| {
            // Tokio calls the hooks also when it drops the future of an aborted task, and does not say so.
            let most = truth.polls + if name == "aborted" { truth.spawned } else { 0 };
            (shown.spawned, shown.finished) == (truth.spawned, truth.finished)
                && (truth.polls..=most).contains(&shown.polls)
        });
    }
}

#[tokio::test]
async fn a_task_of_three_sources_is_one_task() {
    let (books, shown, late) = load(start(&["counted", "--source", "all"])).await;
    equal_to_the_last(&books, &shown);
    equal_to_the_last(&books, &late);
    let sources = shown.hello.and_then(|hello| hello.sources).expect("they are always sent");
    assert!(sources.tracing && sources.hooks && sources.wrappers, "{sources:?}");
}
