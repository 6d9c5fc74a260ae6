//! What adding the library costs a cold build: `just bench-build`.
//!
//! A program of one line is built from nothing, each time in an empty folder: with tokio alone, with taskscope, without its server, with all that is chosen, and with
//! console-subscriber. All have the versions of the workspace's `Cargo.lock`, and tokio's feature `full`, as servers have. CPU time depends less on what else the machine does than
//! wall time.

#[path = "shared/machine.rs"]
mod machine;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What is built, and what its manifest has beside tokio.
const MODES: [(&str, &str); 5] = [
    ("tokio alone", ""),
    ("**taskscope**", "taskscope = { path = \"ROOT/instrument\" }"),
    ("taskscope without its server", "taskscope = { path = \"ROOT/instrument\", default-features = false }"),
    (
        "taskscope with `fmt`, `console-api`, `gzip`, `symbols`",
        "taskscope = { path = \"ROOT/instrument\", features = [\"fmt\", \"console-api\", \"gzip\", \"symbols\"] }",
    ),
    ("console-subscriber", "console-subscriber = \"0.5.0\""),
];

/// Of `/proc/self/stat` (proc(5), `sysconf(_SC_CLK_TCK)`).
const TICKS_PER_S: f64 = 100.0;

/// One cold build.
struct Built {
    crates: usize,
    wall: Duration,
    cpu_s: f64,
}

fn main() -> Outcome<()> {
    // `cargo test` runs benches too; there is nothing to compare there.
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    println!("{}\n", machine::describe());
    for profile in ["dev", "release"] {
        println!("### A cold `cargo build`, profile {profile}\n");
        println!("| | crates | wall s | over tokio | CPU s | over tokio |\n|---|---:|---:|---:|---:|---:|");
        let mut alone: Option<Built> = None;
        for (name, dependency) in MODES {
            let built = build(profile, dependency)?;
            let base = alone.as_ref().unwrap_or(&built);
            println!(
                "| {name} | {} | {:.1} | +{:.1} | {:.1} | +{:.1} |",
                built.crates,
                built.wall.as_secs_f64(),
                built.wall.as_secs_f64() - base.wall.as_secs_f64(),
                built.cpu_s,
                built.cpu_s - base.cpu_s,
            );
            alone = alone.or(Some(built));
        }
        println!();
    }
    Ok(())
}

fn build(profile: &str, dependency: &str) -> Outcome<Built> {
    let folder = tempfile::tempdir()?;
    let root = root();
    let dependency = dependency.replace("ROOT", &root.to_string_lossy());
    let manifest = format!(
        "[package]\nname = \"cold\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         tokio = {{ version = \"1\", features = [\"full\", \"tracing\"] }}\n{dependency}\n"
    );
    fs::write(folder.path().join("Cargo.toml"), manifest)?;
    fs::copy(root.join("Cargo.lock"), folder.path().join("Cargo.lock"))?;
    fs::create_dir(folder.path().join("src"))?;
    fs::write(folder.path().join("src/main.rs"), "#[tokio::main]\nasync fn main() {}\n")?;
    let tree =
        run(cargo(folder.path()).args(["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}"]))?;
    // A crate that is met again has a star behind it. All but the program itself.
    let crates: BTreeSet<&str> =
        tree.lines().map(|line| line.trim_end_matches(" (*)")).filter(|line| !line.is_empty()).collect();
    let (start, before_s) = (Instant::now(), children_cpu_s()?);
    run(cargo(folder.path()).args(["build", "--quiet", "--profile", profile]))?;
    Ok(Built { crates: crates.len() - 1, wall: start.elapsed(), cpu_s: children_cpu_s()? - before_s })
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

fn cargo(folder: &Path) -> Command {
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    cargo.current_dir(folder).arg("--offline");
    cargo.env("CARGO_TARGET_DIR", folder.join("target")).env("RUSTFLAGS", "--cfg tokio_unstable");
    cargo.env("CARGO_INCREMENTAL", "0").env_remove("CARGO_ENCODED_RUSTFLAGS");
    cargo
}

fn run(command: &mut Command) -> Outcome<String> {
    let output = command.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// CPU time of all processes that have ended, as Linux counts it for their parent.
fn children_cpu_s() -> Outcome<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    // `cutime` and `cstime` are the 14th and 15th field behind the name.
    let ticks: Vec<f64> =
        fields.split_whitespace().skip(13).take(2).filter_map(|it| it.parse().ok()).collect();
    Ok(ticks.iter().sum::<f64>() / TICKS_PER_S)
}
