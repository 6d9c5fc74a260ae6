//! The file of code that a program says it runs: found on this machine, or refused.
//!
//! Invariant: the path is a peer's word. Only a regular file is opened for reading (a look at what it is comes first, and opens nothing), only one of the same build-id is used,
//! and it leads to no other file. Where the program itself was replaced since, `/proc/PID/exe` still has it.

use taskscope_names::Looked;
use taskscope_proto::v1;

/// The kernel's file, which is nowhere on disk.
#[cfg(target_os = "linux")]
const VDSO: &str = "[vdso]";
/// Bytes of it.
#[cfg(target_os = "linux")]
const MAX_VDSO_BYTES: u64 = 64 * 1024;

/// The frames at addresses of a file. The error is the end of a sentence: why it has no names here.
#[cfg(target_os = "linux")]
pub(super) fn look_up(file: &v1::CodeFile, pid: u32, addresses: &[u64]) -> Result<Looked, String> {
    if file.build_id.is_empty() {
        return Err("it has no build-id to know it by".to_owned());
    }
    if file.path == VDSO {
        let bytes = own_vdso()
            .filter(|bytes| taskscope_names::build_id_of_bytes(bytes).is_some_and(|id| id == file.build_id));
        let bytes = bytes.ok_or("it runs under another kernel")?;
        return Ok(taskscope_names::in_bytes(bytes, addresses));
    }
    let named = file.path.starts_with('/').then(|| file.path.clone());
    let running = (file.is_program && pid != 0).then(|| format!("/proc/{pid}/exe"));
    let mut is_there = false;
    for path in named.into_iter().chain(running) {
        let Ok(opened) = open_regular(&path) else { continue };
        is_there = true;
        if taskscope_names::build_id(&opened).is_some_and(|id| id == file.build_id) {
            let looked = taskscope_names::in_file(&opened, &file.path, addresses);
            // It begins with the path, as this sentence does.
            return looked.map_err(|error| error.rsplit(": ").next().unwrap_or_default().to_owned());
        }
    }
    Err(if is_there {
        "the file on this machine is of another build"
    } else {
        "the file is not on this machine"
    }
    .to_owned())
}

/// Elsewhere there are no such files.
#[cfg(not(target_os = "linux"))]
pub(super) fn look_up(_file: &v1::CodeFile, _pid: u32, _addresses: &[u64]) -> Result<Looked, String> {
    Err("a console on Linux finds them".to_owned())
}

/// Opens a regular file to read; nothing else is opened at all, as to open a device or a pipe may do something.
#[cfg(target_os = "linux")]
fn open_regular(path: &str) -> std::io::Result<std::fs::File> {
    use std::{fs::File, io, os::fd::AsRawFd as _};

    use rustix::fs::{Mode, OFlags, open};

    let place = File::from(open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?);
    if !place.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "no regular file"));
    }
    // What was looked at, whatever is at the path by now.
    File::open(format!("/proc/self/fd/{}", place.as_raw_fd()))
}

/// The kernel's file as this process has it.
#[cfg(target_os = "linux")]
pub(super) fn own_vdso() -> Option<Vec<u8>> {
    use std::os::unix::fs::FileExt as _;

    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let (range, _) = maps.lines().find(|line| line.ends_with(VDSO))?.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    let (start, end) = (number(start)?, number(end)?);
    let length = end.checked_sub(start).filter(|length| *length <= MAX_VDSO_BYTES)?;
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    std::fs::File::open("/proc/self/mem").ok()?.read_exact_at(&mut bytes, start).ok()?;
    Some(bytes)
}
