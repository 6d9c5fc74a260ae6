//! `cargo run -p screenshots`: draws every picture into `screenshots/`.

use std::{fs, path::Path};

use color_eyre::eyre::{Result, WrapErr as _};
use screenshots::{SHOTS, png};

fn main() -> Result<()> {
    color_eyre::install()?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    for shot in SHOTS {
        let svg = shot.svg();
        let pixels = png(&svg).wrap_err(shot.name)?;
        for (ending, bytes) in [("svg", svg.as_bytes()), ("png", &pixels)] {
            let path = folder.join(shot.name).with_extension(ending);
            fs::write(&path, bytes).wrap_err_with(|| format!("cannot write {}", path.display()))?;
        }
        println!("{}: {}", shot.name, shot.title);
    }
    Ok(())
}
