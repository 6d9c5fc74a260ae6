//! A file of code as this process has it mapped: where its unwind tables are, which build it is, and under which path its names are found.

use super::{maps::Mapping, memory::Memory, tables::Tables};

/// See the module's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Module {
    pub(super) mapping: Mapping,
    pub(super) tables: Tables,
    /// It is the program itself, not a library.
    pub(super) is_program: bool,
    /// The file that is mapped, by a path that opens it; `None`: the kernel's, which is nowhere on disk. The error says why there is none.
    #[cfg(feature = "names")]
    pub(super) file: Result<Option<String>, String>,
}

impl Module {
    /// `None`: it is no ELF file.
    pub(super) fn load(memory: &Memory, mapping: &Mapping) -> Option<Self> {
        let tables = Tables::find(memory, mapping.base?)?;
        let running = std::fs::read_link("/proc/self/exe").ok();
        let is_program = running.is_some_and(|running| running.to_str() == Some(&mapping.path));
        #[cfg(feature = "names")]
        let file = match &*mapping.path {
            "[vdso]" => Ok(None),
            path => path_to_open(path, is_program).map(Some),
        };
        Some(Self {
            mapping: mapping.clone(),
            tables,
            is_program,
            #[cfg(feature = "names")]
            file,
        })
    }

    /// The file's path, and not that it was replaced since.
    pub(super) fn path(&self) -> &str {
        self.mapping.path.strip_suffix(DELETED).unwrap_or(&self.mapping.path)
    }
}

/// What the kernel adds to the path of a file that is there no more.
const DELETED: &str = " (deleted)";

/// A path under which the mapped file itself is found, not what replaced it.
#[cfg(feature = "names")]
fn path_to_open(mapped: &str, is_program: bool) -> Result<String, String> {
    if !mapped.ends_with(DELETED) {
        return Ok(mapped.to_owned());
    }
    // The program was rebuilt while it runs: the kernel still has the one that runs.
    if is_program {
        return Ok("/proc/self/exe".to_owned());
    }
    Err("it was replaced or deleted".to_owned())
}
