//! The rules of the house that no compiler checks: which crate may know which, and what a file looks like.
//!
//! The map behind the first half is in ARCHITECTURE.md; the reasons for the second half are in CONTRIBUTING.md.
//! Each rule is a function from text to complaints, so that it is tested on text that breaks it.

#[path = "house/layers.rs"]
mod layers;

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

#[path = "house/words.rs"]
mod words;

/// Which crates of the workspace a crate may name in its manifest, as any kind of dependency.
const ARROWS: &[(&str, &[&str])] = &[
    ("taskscope-recorder", &[]),
    ("taskscope-proto", &[]),
    ("taskscope-names", &["taskscope-names"]),
    ("taskscope-stack", &["taskscope-names", "taskscope-stack"]),
    ("taskscope-macros", &[]),
    // Itself: its own tests switch features on.
    (
        "taskscope",
        &[
            "taskscope",
            "taskscope-macros",
            "taskscope-names",
            "taskscope-recorder",
            "taskscope-stack",
            "taskscope-proto",
            "taskscope-await",
            "taskscope-observe",
        ],
    ),
    ("taskscope-await", &[]),
    ("taskscope-debuginfo", &["taskscope-await"]),
    ("taskscope-observe", &["taskscope-await", "taskscope-proto"]),
    ("taskscope-attach", &["taskscope-await", "taskscope-observe", "taskscope-debuginfo", "taskscope-proto"]),
    ("taskscope-model", &["taskscope-proto"]),
    (
        "taskscope-console",
        &[
            "taskscope-model",
            "taskscope-names",
            "taskscope-proto",
            "taskscope",
            "taskscope-attach",
            "taskscope-observe",
            "taskscope-await",
            "taskscope-debuginfo",
        ],
    ),
    ("screenshots", &["taskscope-console", "taskscope-model", "taskscope-proto"]),
    (
        "taskscope-tests",
        &[
            "taskscope",
            "taskscope-await",
            "taskscope-recorder",
            "taskscope-proto",
            "taskscope-model",
            "taskscope-console",
        ],
    ),
];

/// Crates from outside that would break what a crate is. Tests of the crate may use them.
const NEVER_KNOWS: &[(&str, &[&str])] = &[
    ("taskscope-recorder", &["tokio", "tonic", "prost", "tracing", "ratatui", "crossterm"]),
    ("taskscope-names", &["tokio", "tonic", "prost", "tracing", "ratatui", "crossterm"]),
    ("taskscope-stack", &["tokio", "tonic", "prost", "tracing", "ratatui", "crossterm"]),
    ("taskscope-await", &["tokio", "tonic", "prost", "object", "gimli", "libc", "rustix"]),
    ("taskscope-debuginfo", &["tokio", "tonic", "prost", "ratatui", "crossterm"]),
    ("taskscope-observe", &["tokio", "tonic", "ratatui", "crossterm", "gimli"]),
    ("taskscope-attach", &["tokio", "tonic", "ratatui", "crossterm", "gimli"]),
    ("taskscope-proto", &["tokio", "tracing", "ratatui", "crossterm"]),
    ("taskscope", &["ratatui", "crossterm"]),
    ("taskscope-model", &["tokio", "tonic", "ratatui", "crossterm", "rustix"]),
];

/// Product files with `unsafe` in them; each block says why it is sound. CONTRIBUTING.md and ARCHITECTURE.md name them.
const UNSAFE: &[&str] = &[
    "instrument/src/source/wrap.rs",
    "instrument/src/lock/raw/mutex.rs",
    "instrument/src/lock/raw/rwlock.rs",
    "instrument/src/os/sys.rs",
    "instrument/stack/src/linux/os.rs",
    "instrument/observe/src/os.rs",
];

/// What code with `unsafe` in it starts with.
const UNSAFE_FORMS: [&str; 4] = [
    concat!("unsafe", " {"),
    concat!("unsafe", " fn"),
    concat!("unsafe", " impl"),
    concat!("unsafe", " extern"),
];

/// Files of the model that name messages of the wire: those that decode and encode them, and those that carry them.
const WIRE: &[&str] = &[
    "console-tui/model/src/effect.rs",
    "console-tui/model/src/event.rs",
    "console-tui/model/src/model/events.rs",
    "console-tui/model/src/model/feed.rs",
    "console-tui/model/src/store/ingest",
    "console-tui/model/src/stream.rs",
    "console-tui/model/src/stream/rounds.rs",
];

/// Lines of product code in one file, its own tests not counted. CONTRIBUTING.md asks for 400; this is the wall.
const MAX_FILE_LINES: usize = 500;

#[test]
fn dependencies_follow_the_arrows() {
    let found = wrong_arrows(&metadata());
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn files_follow_the_house_rules() {
    let root = root();
    let mut found = Vec::new();
    for path in files(&root).expect("the work tree can be read") {
        let shown = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(&path).expect("sources and manifests are text");
        found.extend(untidy(&shown, &text).into_iter().map(|complaint| format!("{shown}: {complaint}")));
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn texts_use_the_words_of_the_project() {
    let found = words::complaints(&root()).expect("the work tree can be read");
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

fn wrong_arrows(metadata: &Value) -> Vec<String> {
    let packages = list(&metadata["packages"]);
    let members: Vec<&str> = packages.iter().map(|package| text(&package["name"])).collect();
    let mut found = Vec::new();
    for package in packages {
        let name = text(&package["name"]);
        let Some((_, allowed)) = ARROWS.iter().find(|(from, _)| *from == name) else {
            found.push(format!("{name}: a crate without a place in the table of arrows"));
            continue;
        };
        let never = NEVER_KNOWS.iter().find(|(from, _)| *from == name).map_or(&[][..], |(_, never)| never);
        for dependency in list(&package["dependencies"]) {
            let to = text(&dependency["name"]);
            let is_dev = dependency["kind"] == "dev";
            if members.contains(&to) && !allowed.contains(&to) {
                found.push(format!("{name} -> {to}: a forbidden arrow"));
            }
            if never.contains(&to) && !is_dev {
                found.push(format!("{name} -> {to}: {name} must never know {to}"));
            }
            found.extend(wrong_features(name, to, is_dev, dependency));
        }
    }
    found
}

/// Two arrows are allowed in one form only.
fn wrong_features(from: &str, to: &str, is_dev: bool, dependency: &Value) -> Option<String> {
    match (from, to) {
        // The console watches programs; only its demo is one.
        ("taskscope-console", "taskscope") if dependency["optional"] != true => {
            Some("taskscope-console -> taskscope: only behind the feature `demo`".to_owned())
        }
        // The stubs would bring tonic into the model.
        ("taskscope-model", "taskscope-proto") if !is_dev && !list(&dependency["features"]).is_empty() => {
            Some("taskscope-model -> taskscope-proto: messages only, no feature".to_owned())
        }
        _ => None,
    }
}

fn untidy(path: &str, content: &str) -> Vec<String> {
    if path.ends_with("Cargo.toml") {
        return untidy_manifest(content);
    }
    let mut found = Vec::new();
    if path.ends_with("/mod.rs") {
        found.push("`foo.rs` beside `foo/`, not `foo/mod.rs`".to_owned());
    }
    for (number, line) in content.lines().enumerate() {
        // Split, so that this file keeps its own rule.
        for word in
            [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("TO", "DO"), concat!("FIX", "ME")]
        {
            if line.contains(word) {
                found.push(format!("line {}: `{word}` (an issue says it better)", number + 1));
            }
        }
    }
    if is_product(path) {
        if !UNSAFE.contains(&path) && UNSAFE_FORMS.iter().any(|form| content.contains(form)) {
            found.push("`unsafe` outside the files that house.rs names".to_owned());
        }
        let is_model = path.starts_with("console-tui/model/src/");
        let names_messages = ["v1::", "    v1,", "::v1;"].iter().any(|name| content.contains(name));
        if is_model && names_messages && !WIRE.iter().any(|allowed| path.starts_with(allowed)) {
            found.push("messages of the wire outside the files that house.rs names".to_owned());
        }
        let own_tests = content.find("\n#[cfg(test)]\nmod tests {").unwrap_or(content.len());
        let lines = content[..own_tests].lines().count();
        if lines > MAX_FILE_LINES {
            found.push(format!("{lines} lines; the wall is {MAX_FILE_LINES}"));
        }
        if !content.starts_with("//!") {
            found.push("no module doc at its top: what is it, its invariant, its limit?".to_owned());
        }
    }
    found
}

fn untidy_manifest(content: &str) -> Vec<String> {
    let is_package = content.lines().any(|line| line == "[package]");
    let mut lines = content.lines();
    let inherits = lines.any(|line| line == "[lints]") && lines.next() == Some("workspace = true");
    if is_package && !inherits {
        vec!["does not inherit the lints of the workspace".to_owned()]
    } else {
        Vec::new()
    }
}

/// Sources of a crate, without what is there to test it.
fn is_product(path: &str) -> bool {
    path.contains("src/") && !path.contains("tests/") && !path.ends_with("tests.rs")
}

/// Rust sources and manifests of the project, without what is generated or built.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            let skipped = name.starts_with('.') || name.starts_with("target") || name == "generated";
            if !skipped {
                found.extend(files(&path)?);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") || name == "Cargo.toml" {
            found.push(path);
        }
    }
    Ok(found)
}

fn metadata() -> Value {
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs this test, so it can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate is in a folder of the workspace")
        .to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The rules do complain.
mod rules {
    use super::{UNSAFE, untidy, wrong_arrows};
    use serde_json::{Value, json};

    fn dependency(name: &str) -> Value {
        json!({ "name": name, "kind": null, "optional": false, "features": [] })
    }

    fn complaints(package: &str, dependency: &Value) -> usize {
        let other = |name| json!({ "name": name, "dependencies": [] });
        let packages = json!({ "packages": [
            { "name": package, "dependencies": [dependency] },
            other("taskscope"), other("taskscope-recorder"), other("taskscope-proto"),
        ]});
        wrong_arrows(&packages).len()
    }

    #[test]
    fn on_arrows() {
        assert_eq!(complaints("taskscope-console", &dependency("taskscope-recorder")), 1);
        assert_eq!(complaints("taskscope-console", &dependency("taskscope")), 1);
        let mut optional = dependency("taskscope");
        optional["optional"] = true.into();
        assert_eq!(complaints("taskscope-console", &optional), 0);
        assert_eq!(complaints("taskscope-model", &dependency("tokio")), 1);
        assert_eq!(complaints("taskscope-model", &dependency("taskscope-proto")), 0);
        let mut stubs = dependency("taskscope-proto");
        stubs["features"] = json!(["client"]);
        assert_eq!(complaints("taskscope-model", &stubs), 1);
        let mut dev = dependency("tokio");
        dev["kind"] = "dev".into();
        assert_eq!(complaints("taskscope-model", &dev), 0);
        assert_eq!(complaints("a-new-crate", &dependency("serde")), 1);
    }

    #[test]
    fn on_files() {
        let long = format!("//! Long.\n{}", "fn f() {}\n".repeat(500));
        assert_eq!(untidy("a/src/long.rs", &long).len(), 1);
        let tested = format!("//! Short.\n\n#[cfg(test)]\nmod tests {{\n{}", "fn f() {}\n".repeat(500));
        assert!(untidy("a/src/tested.rs", &tested).is_empty());
        assert_eq!(untidy("a/src/foo/mod.rs", "//! Foo.\n").len(), 1);
        assert_eq!(untidy("a/src/mute.rs", "fn f() {}\n").len(), 1);
        let unsound = concat!("//! X.\nfn f() { unsafe", " { g() } }\n");
        assert_eq!(untidy("a/src/x.rs", unsound).len(), 1);
        assert!(untidy(UNSAFE[0], unsound).is_empty());
        let wire = "//! X.\nuse taskscope_proto::v1::Frame;\n";
        assert_eq!(untidy("console-tui/model/src/x.rs", wire).len(), 1);
        assert!(untidy("console-tui/model/src/store/ingest/x.rs", wire).is_empty());
        assert_eq!(untidy("a/src/x.rs", concat!("//! X.\n// TO", "DO\n")).len(), 1);
        assert_eq!(untidy("a/Cargo.toml", "[package]\nname = \"a\"\n").len(), 1);
        assert!(untidy("a/Cargo.toml", "[package]\n[lints]\nworkspace = true\n").is_empty());
    }
}
