//! The layers of the model: arrows go one way, from what is known to what is shown.

use std::{collections::BTreeMap, fs, path::Path};

use super::{files, root};

/// The modules of the model, from the lowest layer up. A module may name those of lower layers and of its own.
const LAYERS: &[(&str, &[&str])] = &[
    ("base", &["cow", "format", "id", "losses", "severity", "text"]),
    // What a process reported, in our own types.
    ("store", &["store"]),
    // What follows from it.
    ("analysis", &["analysis"]),
    ("lints", &["lints"]),
    // What a screen shows, and what a user may do there.
    (
        "screens",
        &[
            "action", "columns", "config", "effect", "event", "line", "nav", "query", "report", "screen",
            "table", "tables",
        ],
    ),
    // The whole: frames in, screens out.
    ("model", &["model", "stream"]),
];

#[test]
fn arrows_of_the_model_go_one_way() {
    let source = root().join("console-tui/model/src");
    let mut found = Vec::new();
    for path in files(&source).expect("the work tree can be read") {
        let shown =
            path.strip_prefix(&source).expect("it was found there").to_string_lossy().replace('\\', "/");
        let text = fs::read_to_string(&path).expect("sources are text");
        found.extend(wrong_layers(&shown, &text));
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn each_module_of_the_model_has_a_layer() {
    let lib = fs::read_to_string(root().join("console-tui/model/src/lib.rs")).expect("the crate has a root");
    let modules =
        lib.lines().filter_map(|line| line.strip_suffix(';')?.rsplit_once("mod ").map(|(_, name)| name));
    let missing: Vec<&str> = modules.filter(|name| layer(name).is_none()).collect();
    assert!(missing.is_empty(), "without a layer: {missing:?}");
}

#[test]
fn the_rule_complains() {
    let lint = "use crate::{\n    id::SiteId,\n    screen::{Tone, table::Cell},\n};\n";
    assert_eq!(wrong_layers("lints/deadlock.rs", lint).len(), 1);
    assert_eq!(wrong_layers("screen/task.rs", lint).len(), 0);
    assert_eq!(wrong_layers("store/read.rs", "fn f(x: crate::lints::LintKind) {}\n").len(), 1);
    assert_eq!(wrong_layers("analysis/blame.rs", "use crate::store::Store;\n").len(), 0);
    assert_eq!(
        wrong_layers("store.rs", "#[cfg(test)]\nmod tests {\n    use crate::model::Model;\n}\n").len(),
        0
    );
}

fn wrong_layers(path: &str, content: &str) -> Vec<String> {
    let module = path.split(['/', '.']).next().unwrap_or_default();
    let Some(own) = layer(module) else { return Vec::new() };
    let is_test =
        Path::new(path).components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs");
    if is_test {
        return Vec::new();
    }
    let mut found: BTreeMap<&str, String> = BTreeMap::new();
    for named in named_modules(content) {
        if layer(named).is_some_and(|other| other > own) {
            found.insert(named, format!("console-tui/model/src/{path}: {module} is below {named}"));
        }
    }
    found.into_values().collect()
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|(_, modules)| modules.contains(&module))
}

/// The modules of the crate that a file names: behind `crate::`, alone or as the first names of a tree. Its own tests don't count.
fn named_modules(content: &str) -> Vec<&str> {
    let own_tests = content.find("#[cfg(test)]\nmod tests {").unwrap_or(content.len());
    let mut found = Vec::new();
    let product = &content[..own_tests];
    for (at, _) in product.match_indices("crate::") {
        let rest = &product[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(tree) => found.extend(first_names(tree)),
            None => found.extend(name_at(rest)),
        }
    }
    found
}

/// Of `a::{b, c}, d::e}` these: `a`, `d`.
fn first_names(tree: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut depth, mut starts) = (0, true);
    for (at, c) in tree.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => starts = true,
            c if starts && c.is_alphabetic() => {
                found.extend(name_at(&tree[at..]));
                starts = false;
            }
            _ => {}
        }
    }
    found
}

fn name_at(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then(|| &text[..end])
}
