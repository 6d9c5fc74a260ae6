//! `docs/LINTS.md` is what the registry of lints says.
//!
//! `TASKSCOPE_REGENERATE=1 cargo test -p taskscope-model --test lints` writes it.

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

use serde_json::Value;
use taskscope_model::{LintConfig, LintKind};

#[test]
fn the_guide_to_the_lints_is_up_to_date() -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/LINTS.md");
    let fresh = guide()?;
    if env::var_os("TASKSCOPE_REGENERATE").is_some_and(|value| value == "1") {
        fs::write(&path, fresh)?;
        return Ok(());
    }
    let committed = fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(committed == fresh, "docs/LINTS.md is stale: run `just gen-lints` and commit it");
    Ok(())
}

fn guide() -> Result<String, Box<dyn Error>> {
    let defaults = serde_json::to_value(LintConfig::default())?;
    let mut out = String::from(
        "# Lints\n\n\
         A lint looks for one kind of trouble. What it finds is on the Findings screen, on the screen of each task or lock that it is \
         about, and in `taskscope --once --json`. `taskscope --once --fail-on LINT` leaves with exit code 2 if it found something.\n\n\
         Each lint can be switched off, and most have thresholds: `[lints.NAME]` in the configuration file, which \
         `taskscope config` prints with its defaults; there, times are in milliseconds.\n\n\
         A finding has a severity (critical: something is stuck or holds up others now; warning: it costs latency or memory; info: worth \
         knowing) and a confidence. It is proven where it was measured, or follows from what was; it is suspected where something \
         harmless would look the same, and its sentence says so. `--fail-on LINT:critical` counts by the one, `--fail-on LINT:proven` \
         by the other.\n\n\
         This file is generated from the lints themselves: `console-tui/model/src/lints/`.\n",
    );
    soon(&mut out, &defaults)?;
    let mut group = None;
    for lint in LintKind::ALL.iter().copied() {
        if group != Some(lint.group()) {
            group = Some(lint.group());
            write!(out, "\n## {}\n", lint.group().title())?;
        }
        section(&mut out, lint, &defaults[lint.name()])?;
    }
    Ok(out)
}

/// How soon each lint speaks.
fn soon(out: &mut String, defaults: &Value) -> Result<(), Box<dyn Error>> {
    out.push_str(
        "\n## How soon, and how sure\n\n\
         How long something must have lasted before the lint speaks. To that comes the way to the screen: half a second between two \
         rounds of the process, and at most 0.9 s between two looks of the console.\n\n\
         | lint | confidence | after |\n|---|---|---|\n",
    );
    for lint in LintKind::ALL.iter().copied() {
        let mut after = Vec::new();
        for threshold in lint.thresholds() {
            let name = threshold.name();
            if let Some(what) = name.strip_suffix("-ms") {
                after.push(format!("{} ({what})", time(&defaults[lint.name()][&name])?));
            }
        }
        let after = if after.is_empty() { "at the next look".to_owned() } else { after.join(", ") };
        let confidence = lint.confidences().iter().map(|of| of.name()).collect::<Vec<_>>().join(", ");
        writeln!(out, "| `{}` | {confidence} | {after} |", lint.name())?;
    }
    Ok(())
}

/// Milliseconds, as people say them.
fn time(ms: &Value) -> Result<String, Box<dyn Error>> {
    let ms = ms.as_u64().ok_or("milliseconds are a number")?;
    Ok(match ms {
        60_000.. if ms.is_multiple_of(60_000) => format!("{} min", ms / 60_000),
        1000.. if ms.is_multiple_of(1000) => format!("{} s", ms / 1000),
        _ => format!("{ms} ms"),
    })
}

fn section(out: &mut String, lint: LintKind, defaults: &Value) -> Result<(), Box<dyn Error>> {
    write!(out, "\n### `{}`\n\n{}.\n\n> {}\n\n", lint.name(), capital(lint.help()), lint.example())?;
    match lint.advice() {
        [only] => writeln!(out, "What to do: {only}")?,
        several => {
            writeln!(out, "What to do, by what was found:\n")?;
            for advice in several {
                writeln!(out, "- {advice}")?;
            }
        }
    }
    if !lint.thresholds().is_empty() {
        writeln!(out, "\n| setting | default | meaning |\n|---|---|---|")?;
    }
    for threshold in lint.thresholds() {
        let name = threshold.name();
        let default = defaults.get(&name).ok_or("each setting has a default")?;
        let default = if name.ends_with("-ms") { time(default)? } else { default.to_string() };
        writeln!(out, "| `{name}` | {default} | {} |", threshold.help())?;
    }
    Ok(())
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
