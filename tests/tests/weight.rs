//! How many crates the library brings into a program that adds it, tokio's own included: counted with `cargo tree`, for Linux on x86_64.
//!
//! A new dependency of `taskscope`, of a crate below it, or a feature that one of those switches on shows here. The counts of today stand in docs/BENCHMARKS.md.

use std::{collections::BTreeSet, env, path::Path, process::Command};

/// Features (`None`: the default ones), and how many crates there may be with them.
const LIMITS: [(Option<&str>, usize); 2] = [(None, 85), (Some(""), 25)];

/// What only a chosen feature brings.
const CHOSEN: [(&str, &[&str]); 5] = [
    ("fmt", &["tracing-log", "matchers", "regex-automata", "nu-ansi-term"]),
    ("gzip", &["flate2"]),
    ("console-api", &["console-api", "hdrhistogram", "prost-types"]),
    ("symbols", &["taskscope-names", "addr2line", "object", "rustc-demangle", "ruzstd"]),
    ("tonic", &["axum", "matchit"]),
];

#[test]
fn the_library_is_light() {
    for (features, limit) in LIMITS {
        let crates = crates(features);
        assert!(crates.contains("tokio") && crates.contains("taskscope"), "{crates:?}");
        let shown =
            features.map_or("default", |features| if features.is_empty() { "none" } else { features });
        println!("features: {shown}: {} crates", crates.len());
        assert!(
            crates.len() <= limit,
            "features: {shown}: {} crates, and {limit} are the limit: {crates:#?}",
            crates.len()
        );
    }
}

#[test]
fn what_only_some_need_is_a_feature_that_they_choose() {
    let default = crates(None);
    for (feature, brings) in CHOSEN {
        let chosen = crates(Some(feature));
        for name in brings {
            assert!(!default.contains(*name), "{name} is there without the feature {feature}");
            assert!(
                chosen.contains(*name),
                "the feature {feature} no longer brings {name}: take it off the list"
            );
        }
    }
}

/// The names of all crates, two versions of one being two.
fn crates(features: Option<&str>) -> BTreeSet<String> {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in a folder of the workspace");
    let mut cargo = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    cargo.current_dir(root).args(["tree", "-p", "taskscope", "--edges", "normal", "--prefix", "none"]);
    cargo.args(["--format", "{p}", "--target", "x86_64-unknown-linux-gnu", "--locked", "--offline"]);
    if let Some(features) = features {
        cargo.args(["--no-default-features", "--features", features]);
    }
    let output = cargo.output().expect("cargo runs this test, so it can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    named(&String::from_utf8_lossy(&output.stdout))
}

/// `tokio v1.54.1`, `syn v2.0.119` and `tonic v0.14.9 (*)`: a name each, with its version where it is there in two.
fn named(tree: &str) -> BTreeSet<String> {
    let lines = tree.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.next()?))
    });
    let all: BTreeSet<(&str, &str)> = lines.collect();
    let several = |name| all.iter().filter(|(other, _)| *other == name).count() > 1;
    let shown =
        |(name, version)| if several(name) { format!("{name} {version}") } else { String::from(name) };
    all.iter().copied().map(shown).collect()
}

#[test]
fn two_versions_are_two_crates_and_one_that_is_met_twice_is_one() {
    let tree = "a v1.0.0 (/here)\nsyn v2.0.1 (proc-macro)\nsyn v3.0.0\nb v1.2.3\nb v1.2.3 (*)\n\n";
    let found: Vec<String> = named(tree).into_iter().collect();
    assert_eq!(found, ["a", "b", "syn v2.0.1", "syn v3.0.0"]);
}
