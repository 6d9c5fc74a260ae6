//! Every shape that an await tree can have: the tree is the expected one, to the line, however the program was built.

use std::{fs, path::Path};

use crate::{
    looking::{observer, settled},
    programs::{Profile, Running, built},
    trees,
};

fn check(profile: Profile) {
    let built = built("shapes", profile);
    let running = Running::start(&built.path, &[]);
    let seen = trees::all(&settled(&mut observer(&built, &running)));
    if seen != trees::expected() {
        // Beside the other things of a build: a diff of both shows more than two long texts.
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("shapes-{profile:?}.txt"));
        fs::write(&path, &seen).expect("the folder is cargo's, for this");
        panic!("the trees are not those of tests/it/shapes.txt: see {}", path.display());
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
