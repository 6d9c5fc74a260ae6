//! A console beside the scenario `counted`: what the program counted, and what the console got.

use std::time::Duration;

use serde_json::Value;
use taskscope_proto::v1;

use crate::{
    console::Console,
    fold::{Fold, Sums},
    program::Program,
};

/// How long the load runs.
pub const LOAD: Duration = Duration::from_secs(2);

fn truth(book: &Value) -> Sums {
    let number = |key: &str| book[key].as_u64().expect("a number");
    Sums {
        spawned: number("spawned"),
        finished: number("finished"),
        polls: number("polls"),
        wakes: number("wakes"),
        self_wakes: number("self_wakes"),
    }
}

/// Sums over all books.
///
/// # Panics
/// They are no books.
pub fn total(books: &Value) -> Sums {
    let mut sums = Sums::default();
    for book in books.as_object().expect("an object").values().map(truth) {
        sums.spawned += book.spawned;
        sums.finished += book.finished;
        sums.polls += book.polls;
        sums.wakes += book.wakes;
        sums.self_wakes += book.self_wakes;
    }
    sums
}

/// Runs the load under a console that watches all it can; returns the program's books and the console's state when all is still.
///
/// # Panics
/// The program or its server fails.
pub async fn load(mut program: Program) -> (Value, Fold, Fold) {
    let mut console = Console::open(program.address()).await;
    console.wait_for("the first snapshot", |fold| fold.complete && !fold.tasks.is_empty()).await;
    // Timelines on: they must not cost a count.
    let watched = console.fold.live().take(4);
    let details: Vec<_> =
        watched.map(|task| v1::TaskRef { slot: task.slot, generation: task.generation }).collect();
    console.ask(|wish| wish.details = details).await;
    let end = tokio::time::Instant::now() + LOAD;
    while tokio::time::Instant::now() < end {
        console.next().await.expect("the stream is open");
    }
    program.send("stop");
    let mut books = None;
    while books.is_none() {
        console.next().await.expect("the stream is open");
        books = program.try_answer();
    }
    let books = books.expect("it came");
    assert_eq!(books, program.ask("again"), "the program is still");
    let mut late = Console::open(program.address()).await;
    late.wait_for("a snapshot", |fold| fold.complete).await;
    // A round that began after the end, and the two after it: a page marked while it was read is read once more. A round may be several
    // frames, and some that are older may be under way.
    let mut after_ns = late.fold.now_ns;
    for _ in 0..3 {
        console.wait_for("a round after the end", |fold| fold.now_ns > after_ns).await;
        after_ns = console.fold.now_ns;
    }
    (books, console.fold, late.fold)
}

/// Sites by the program's own names of them, each compared.
///
/// # Panics
/// One differs.
pub fn compare_sites(books: &Value, fold: &Fold, compare: impl Fn(&str, Sums, Sums) -> bool) {
    for (name, book) in books.as_object().expect("an object") {
        let line = book["line"].as_u64().expect("a number");
        let sites = fold.sites_in("counted_load.rs");
        let at = |site: u32| sites.contains(&site) && u64::from(fold.sites[&site].line) == line;
        let (truth, shown) = (truth(book), fold.sums_of(at));
        assert!(compare(name, truth, shown), "{name}: it is {truth:?}, the console has {shown:?}");
    }
}

/// Everything, and by site: there only wakes after a task's end are missing, as they are no task's.
///
/// # Panics
/// One differs.
pub fn equal_to_the_last(books: &Value, fold: &Fold) {
    let truth = total(books);
    assert_eq!(truth, fold.sums(), "{}", fold.summary());
    assert_eq!((fold.process.spawned, fold.process.alive), (truth.spawned, truth.spawned - truth.finished));
    assert!(truth.wakes > truth.self_wakes && truth.self_wakes > 0, "the load makes both kinds: {truth:?}");
    assert!(fold.process.late_wakes > 0, "the load makes late wakes");
    compare_sites(books, fold, |_, truth, shown| {
        let late = truth.wakes.checked_sub(shown.wakes);
        late.is_some_and(|late| late <= fold.process.late_wakes)
            && Sums { wakes: truth.wakes, ..shown } == truth
    });
}
