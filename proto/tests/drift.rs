//! The committed code is what the schema says: regenerates it in memory and compares.
//!
//! `TASKSCOPE_REGENERATE=1 cargo test -p taskscope-proto --test drift` (or `just gen-proto`) writes it.

use std::{env, error::Error, fs, path::Path};

const GENERATED: &str = "taskscope.v1.rs";

#[test]
fn committed_code_matches_the_schema() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let committed = root.join("src/generated").join(GENERATED);
    let fresh = generate(root)?;

    if env::var_os("TASKSCOPE_REGENERATE").is_some_and(|value| value == "1") {
        fs::write(&committed, fresh)?;
        return Ok(());
    }
    let old = fs::read_to_string(&committed).unwrap_or_default();
    // Git may check text out with other line ends; the compiler doesn't care, so neither does the test.
    let stale = old.replace("\r\n", "\n") != fresh;
    assert!(!stale, "{} is stale: run `just gen-proto` and commit it", committed.display());
    Ok(())
}

fn generate(root: &Path) -> Result<String, Box<dyn Error>> {
    let descriptors = protox::compile(["taskscope/v1/taskscope.proto"], [root])?;
    let out = env::temp_dir().join(format!("taskscope-drift-{}", std::process::id()));
    fs::create_dir_all(&out)?;
    tonic_prost_build::configure()
        .out_dir(&out)
        .build_transport(false)
        .codec_path("crate::decode::codec::BoundedCodec")
        .emit_rerun_if_changed(false)
        .client_mod_attribute(".", "#[cfg(feature = \"client\")]")
        .server_mod_attribute(".", "#[cfg(feature = \"server\")]")
        .compile_fds(descriptors)?;
    let code = fs::read_to_string(out.join(GENERATED))?;
    fs::remove_dir_all(&out)?;
    Ok(code)
}
