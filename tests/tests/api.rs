//! Whose types stand in the library's public API: a new major version of such a crate is one of ours, too.
//!
//! Reads what rustdoc says in JSON, which stable Rust gives only when asked for with `RUSTC_BOOTSTRAP`; the form of that JSON may change with any Rust,
//! and the test then fails with the key that it misses. `.ci/run api` runs it.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
    process::Command,
};

use serde_json::Value;

/// Of the Rust project.
const STD: [&str; 3] = ["std", "core", "alloc"];

/// With the default features, and with those that wrap another crate's types.
///
/// `bytes`: `BufMut`, as in tokio's sockets. `bytemuck` and `pin_project_lite`: traits that their macros implement for our types; all three are at 1 or without a promise.
const ALLOWED: [(&str, &[&str]); 2] = [
    (
        "",
        &[
            "bytemuck",
            "bytes",
            "futures_core",
            "pin_project_lite",
            "taskscope_macros",
            "tokio",
            "tracing_core",
            "tracing_subscriber",
        ],
    ),
    (
        "axum,fs,parking_lot,process,signal",
        &[
            "bytemuck",
            "bytes",
            "futures_core",
            "lock_api",
            "parking_lot",
            "pin_project_lite",
            "taskscope_macros",
            "tokio",
            "tracing_core",
            "tracing_subscriber",
        ],
    ),
];

#[test]
#[ignore = "builds the documentation twice: .ci/run api"]
fn the_api_has_types_of_few_crates() {
    for (features, allowed) in ALLOWED {
        let found = foreign(&rustdoc(features));
        let unexpected: Vec<_> = found.iter().filter(|(name, _)| !allowed.contains(&name.as_str())).collect();
        assert!(
            unexpected.is_empty(),
            "features {features:?}: types of crates that are not allowed: {unexpected:#?}"
        );
        let stale: Vec<_> = allowed.iter().filter(|name| !found.contains_key(**name)).collect();
        assert!(stale.is_empty(), "features {features:?}: allowed, but not there any more: {stale:?}");
    }
}

fn rustdoc(features: &str) -> Value {
    let root =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in a folder of the workspace");
    let output = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .current_dir(root)
        .env("RUSTC_BOOTSTRAP", "1")
        .args([
            "rustdoc",
            "-p",
            "taskscope",
            "--lib",
            "--locked",
            "--target-dir",
            "target/api",
            "--features",
            features,
        ])
        .args(["--", "-Zunstable-options", "--output-format", "json"])
        .output()
        .expect("cargo runs this test, so it can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read(root.join("target/api/doc/taskscope.json")).expect("rustdoc wrote it");
    serde_json::from_slice(&text).expect("it is JSON")
}

/// The crates whose types, traits and macros the public items name, each with an example.
fn foreign(doc: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for item in doc["index"].as_object().expect("`index`").values() {
        let implementation = &item["inner"]["impl"];
        let is_derived_of_a_bound =
            !implementation["blanket_impl"].is_null() || implementation["is_synthetic"] == true;
        if item["crate_id"] != 0 || is_derived_of_a_bound {
            continue;
        }
        let mut ids = BTreeSet::new();
        named(&item["inner"], &mut ids);
        for id in ids {
            // What has no path of its own is not public, and no code outside names it.
            let path = &doc["paths"][id.to_string()];
            let Some(number) = path["crate_id"].as_u64().filter(|number| *number > 0) else { continue };
            let name =
                doc["external_crates"][number.to_string()]["name"].as_str().expect("a crate has a name");
            if !STD.contains(&name) {
                let of = item["name"].as_str().unwrap_or("impl");
                found.entry(name.to_owned()).or_insert_with(|| format!("{} in {of}", path["path"]));
            }
        }
    }
    found
}

/// The numbers of the items that a signature names. They stand under `id`, in types, bounds, traits and uses alike.
fn named(value: &Value, ids: &mut BTreeSet<u64>) {
    match value {
        Value::Object(fields) => {
            ids.extend(fields.get("id").and_then(Value::as_u64));
            fields.values().for_each(|field| named(field, ids));
        }
        Value::Array(values) => values.iter().for_each(|value| named(value, ids)),
        _ => {}
    }
}

#[test]
fn the_check_finds_what_is_named_and_skips_what_a_bound_brings() {
    let doc = serde_json::json!({
        "index": {
            "1": { "crate_id": 0, "name": "serve", "inner": { "function": { "sig": { "inputs": [
                ["transport", { "resolved_path": { "path": "Server", "id": 7, "args": null } }]] } } } },
            "2": { "crate_id": 0, "name": null, "inner": { "impl": { "blanket_impl": { "generic": "T" },
                "is_synthetic": false, "trait": { "path": "Any", "id": 8 } } } },
            "3": { "crate_id": 5, "name": "theirs", "inner": { "function": { "id": 8 } } },
        },
        "paths": {
            "7": { "crate_id": 5, "path": ["tonic", "Server"] },
            "8": { "crate_id": 6, "path": ["other", "Any"] },
        },
        "external_crates": { "5": { "name": "tonic" }, "6": { "name": "other" } },
    });
    assert_eq!(foreign(&doc).into_keys().collect::<Vec<_>>(), ["tonic"]);
}
