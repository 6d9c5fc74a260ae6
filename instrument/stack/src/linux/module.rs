//! A file of code as this process has it mapped: where its unwind tables are, and under which path its names are found.

use super::{maps::Mapping, memory::Memory, tables::Tables};

/// See the module's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) mapping: Mapping,
    pub(super) tables: Tables,
    /// The file that is mapped, by a path that opens it; `None`: the kernel's, which is nowhere on disk. The error says why there is none.
    pub(super) file: Result<Option<String>, String>,
}

impl Module {
    /// `None`: it is no ELF file.
    pub(super) fn load(memory: &Memory, mapping: &Mapping) -> Option<Self> {
        let tables = Tables::find(memory, mapping.base?)?;
        let file = if mapping.path == "[vdso]" { Ok(None) } else { path_to_open(&mapping.path).map(Some) };
        Some(Self { mapping: mapping.clone(), tables, file })
    }
}

/// A path under which the mapped file itself is found, not what replaced it.
fn path_to_open(mapped: &str) -> Result<String, String> {
    if !mapped.ends_with(" (deleted)") {
        return Ok(mapped.to_owned());
    }
    // The program was rebuilt while it runs: the kernel still has the one that runs.
    let running = std::fs::read_link("/proc/self/exe").map_err(|error| error.to_string())?;
    if running.to_str() == Some(mapped) {
        return Ok("/proc/self/exe".to_owned());
    }
    Err("it was replaced or deleted".to_owned())
}
