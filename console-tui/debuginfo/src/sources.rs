//! Which files have the debug information of a program: itself, a debug file beside it, and a package of split units.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use crate::{DebugInfoError, elf::Elf};

/// Where distributions put debug files, by build-id.
const DEBUG_FOLDER: &str = "/usr/lib/debug";

/// A program, and where its debug information is if not where one looks for it.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The program.
    pub binary: PathBuf,
    /// The file with its debug information, of the same build-id.
    pub debug_file: Option<PathBuf>,
}

/// The files that were found.
pub(crate) struct Files {
    pub(crate) binary: Elf,
    /// `None`: the program has its own.
    pub(crate) debug: Option<Elf>,
    pub(crate) package: Option<Elf>,
}

impl Files {
    pub(crate) fn open(sources: &Sources) -> Result<Self, DebugInfoError> {
        let binary = Elf::open(&sources.binary)?;
        let debug = match &sources.debug_file {
            Some(path) => Some(same_build(&binary, Elf::open(path)?)?),
            None if binary.has_debug_info() => None,
            None => Some(beside(&binary).ok_or_else(|| DebugInfoError::Stripped(binary.path.clone()))?),
        };
        if debug.as_ref().is_some_and(|debug| !debug.has_debug_info()) {
            return Err(DebugInfoError::Stripped(sources.binary.clone()));
        }
        let package = packages(&sources.binary, debug.as_ref()).find_map(|path| Elf::open(&path).ok());
        Ok(Self { binary, debug, package })
    }

    /// The one with the debug information.
    pub(crate) fn debug(&self) -> &Elf {
        self.debug.as_ref().unwrap_or(&self.binary)
    }
}

/// A program without a build-id, or a debug file without one, can't be compared; then the user's word counts.
fn same_build(binary: &Elf, debug: Elf) -> Result<Elf, DebugInfoError> {
    if binary.build_id == debug.build_id || debug.build_id.is_empty() {
        return Ok(debug);
    }
    Err(DebugInfoError::OtherBuild { debug_file: debug.path, binary: binary.path.clone() })
}

/// A debug file where debuggers look for it. One of another build is passed over.
fn beside(binary: &Elf) -> Option<Elf> {
    let folder = binary.path.parent().unwrap_or(Path::new(""));
    let by_link = binary.debug_link.iter().flat_map(|name| {
        // A name, not a path: what a program says must not lead elsewhere.
        let name = Path::new(name).file_name().unwrap_or_default();
        [folder.join(name), folder.join(".debug").join(name)]
    });
    let is_good = |path: &PathBuf| *path != binary.path;
    let open = |path: PathBuf| {
        let debug = same_build(binary, Elf::open(&path).ok()?).ok()?;
        debug.has_debug_info().then_some(debug)
    };
    by_link.chain(by_build_id(&binary.build_id)).filter(is_good).find_map(open)
}

/// `/usr/lib/debug/.build-id/12/3456….debug`.
fn by_build_id(id: &[u8]) -> Option<PathBuf> {
    let (first, rest) = id.split_first().filter(|(_, rest)| !rest.is_empty())?;
    let name = format!("{}.debug", hex(rest));
    Some([DEBUG_FOLDER, ".build-id", &hex(&[*first]), &name].iter().collect())
}

/// `BIN.dwp`, and that of the debug file.
fn packages(binary: &Path, debug: Option<&Elf>) -> impl Iterator<Item = PathBuf> {
    let dwp = |path: &Path| {
        let mut name = path.as_os_str().to_owned();
        name.push(".dwp");
        PathBuf::from(name)
    };
    [Some(dwp(binary)), debug.map(|debug| dwp(&debug.path))].into_iter().flatten()
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Into memory: it can't fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::by_build_id;

    #[test]
    fn a_debug_file_is_found_by_its_build_id() {
        let path = by_build_id(&[0xab, 0x01, 0xff]).expect("it has a build-id");
        assert_eq!(path.to_string_lossy(), "/usr/lib/debug/.build-id/ab/01ff.debug");
        assert_eq!(by_build_id(&[]), None);
    }
}
