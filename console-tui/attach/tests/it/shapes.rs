//! Every shape that an await tree can have: the tree is the expected one, to the line, however the program was built.

use std::{collections::BTreeMap, fs, path::Path};

use taskscope_await::{Frame, Task, TaskKind};
use taskscope_observe::{Observed, Observer, SeenTask};

use crate::{
    looking::{observer, settled},
    programs::{Profile, Running, built},
    trees,
};

fn check(profile: Profile) {
    let built = built("shapes", profile);
    let running = Running::start(&built.path, &[]);
    let mut observer = observer(&built, &running);
    let look = if profile == Profile::Fat { settled(&mut observer) } else { settled_roots(&mut observer) };
    let (mut seen, mut expected) = (trees::all(&look), trees::expected());
    if profile == Profile::Fat {
        // Of a future that the optimizer took apart there is nothing to find on a stack.
        (seen, expected) = (without_roots(&seen), without_roots(&expected));
    }
    if seen != expected {
        // Beside the other things of a build: a diff of both shows more than two long texts.
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("shapes-{profile:?}.txt"));
        fs::write(&path, &seen).expect("the folder is cargo's, for this");
        panic!("the trees are not those of tests/it/shapes.txt: see {}", path.display());
    }
    by_id(&mut observer, &look);
}

/// What `shapes` shows when its last future of a `block_on` is parked, too: it begins after the program has said that it is ready.
pub(crate) fn settled_roots(observer: &mut Observer) -> Observed {
    /// In the program.
    const ROOTS: usize = 3;
    loop {
        let look = settled(observer);
        if look.tasks.iter().filter(|seen| seen.task.kind == TaskKind::Root).count() == ROOTS {
            return look;
        }
    }
}

fn without_roots(trees: &str) -> String {
    let is_task = |tree: &&str| !tree.lines().next().is_some_and(|head| head.ends_with(" Root"));
    trees.trim_end().split("\n\n").filter(is_task).collect::<Vec<_>>().join("\n\n")
}

/// The frames that are polled. What another task polls by now is known by a look at all tasks alone.
fn polled(task: &Task) -> Vec<Frame> {
    let mut aside = None;
    let is_polled = |frame: &&Frame| {
        aside = aside.filter(|depth| frame.depth > *depth).or(frame.not_polled.as_ref().map(|_| frame.depth));
        aside.is_none()
    };
    task.tree.frames.iter().filter(is_polled).cloned().collect()
}

/// The same tasks, found by tokio's ids of them alone; twice, as the second time their places are known.
fn by_id(observer: &mut Observer, look: &Observed) {
    let tasks = |seen: &[SeenTask]| -> BTreeMap<u64, Vec<Frame>> {
        seen.iter().filter_map(|seen| Some((seen.task.id?, polled(&seen.task)))).collect()
    };
    let expected = tasks(&look.tasks);
    let ids: Vec<u64> = expected.keys().copied().collect();
    for _ in 0..2 {
        let found = tasks(&observer.tasks(&ids).expect("it runs"));
        let differ: Vec<u64> = ids.iter().copied().filter(|id| found.get(id) != expected.get(id)).collect();
        let both = |id: &u64| (found.get(id), expected.get(id));
        assert!(differ.is_empty(), "{:#?}", differ.iter().map(both).collect::<Vec<_>>());
    }
    assert!(observer.tasks(&[u64::MAX]).expect("it runs").is_empty(), "no task has this id");
}

#[test]
fn dev() {
    check(Profile::Dev);
}

#[test]
fn release() {
    check(Profile::Release);
}

#[test]
fn fat() {
    check(Profile::Fat);
}
