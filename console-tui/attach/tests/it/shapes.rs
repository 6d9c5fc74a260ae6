//! Every shape that an await tree can have: the tree is the expected one, to the line, however the program was built.

use std::{fs, path::Path};

use crate::{
    looking::{observer, settled},
    programs::{Profile, Running, built},
    trees,
};

/// The trees of all tasks, as text, in order.
fn seen(profile: Profile) -> String {
    let built = built("shapes", profile);
    let running = Running::start(&built.path, &[]);
    let observed = settled(&mut observer(&built, &running));
    let mut trees: Vec<String> = observed.tasks.iter().map(trees::text).collect();
    trees.sort_unstable();
    trees.join("\n")
}

fn check(profile: Profile) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/shapes.txt");
    let expected = fs::read_to_string(&path).expect("it is committed");
    let seen = seen(profile);
    if seen != expected {
        // Beside the other things of a build: a diff of both shows more than two long texts.
        let got = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("shapes-{profile:?}.txt"));
        fs::write(&got, &seen).expect("the folder is cargo's, for this");
        panic!("the trees are not those of {}: see {}", path.display(), got.display());
    }
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
