//! A program that counts its own spawns, polls and wakes, under full load: the console's numbers are the same, to the last one.

use taskscope_tests::load::{LOAD, compare_sites, equal_to_the_last, load, total};

use crate::start;

#[tokio::test]
async fn the_wrapped_subscriber_misses_nothing() {
    let (books, told, late) = load(start(&["counted", "--source", "wrap"])).await;
    equal_to_the_last(&books, &told);
    equal_to_the_last(&books, &late);
    println!("wrap, {LOAD:?} of load: {:?} on both sides", told.sums());
}

#[tokio::test]
async fn the_layer_misses_nothing() {
    let (books, told, late) = load(start(&["counted", "--source", "layer"])).await;
    equal_to_the_last(&books, &told);
    equal_to_the_last(&books, &late);
    println!("layer, {LOAD:?} of load: {:?} on both sides", told.sums());
}

#[tokio::test]
async fn the_wrappers_miss_nothing() {
    let (books, told, late) = load(start(&["counted", "--source", "wrappers"])).await;
    equal_to_the_last(&books, &told);
    equal_to_the_last(&books, &late);
    println!("wrappers, {LOAD:?} of load: {:?} on both sides", told.sums());
}

#[tokio::test]
async fn the_hooks_miss_no_task_and_no_poll() {
    let (books, told, late) = load(start(&["counted", "--source", "hooks"])).await;
    for fold in [&told, &late] {
        let (truth, told) = (total(&books), fold.sums());
        assert_eq!((told.spawned, told.finished), (truth.spawned, truth.finished));
        assert_eq!((told.wakes, told.self_wakes), (0, 0), "hooks don't see wakes, and say nothing of them");
        assert!(fold.live().all(|task| task.knows == 0), "what is not known is marked so");
        compare_sites(&books, fold, |name, truth, told| {
            // Tokio calls the hooks also when it drops the future of an aborted task, and does not say so.
            let most = truth.polls + if name == "aborted" { truth.spawned } else { 0 };
            (told.spawned, told.finished) == (truth.spawned, truth.finished)
                && (truth.polls..=most).contains(&told.polls)
        });
    }
}

#[tokio::test]
async fn a_task_of_three_sources_is_one_task() {
    let (books, told, late) = load(start(&["counted", "--source", "all"])).await;
    equal_to_the_last(&books, &told);
    equal_to_the_last(&books, &late);
    let sources = told.hello.and_then(|hello| hello.sources).expect("they are always told");
    assert!(sources.tracing && sources.hooks && sources.wrappers, "{sources:?}");
}
