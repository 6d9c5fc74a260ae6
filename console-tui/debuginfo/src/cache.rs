//! Indexes on disk, one file for each build, so that a program is scanned once.
//!
//! The key is the build-id. A program without one is known by its path, its size and when it was written, and so is its debug file. An index with
//! a problem is not kept: what is wrong may be put right. A file that is damaged, or of another version, is made anew.

use std::{
    ffi::OsStr,
    fs::{self, File},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
    time::SystemTime,
};

use taskscope_await::Index;

use crate::{DebugInfoError, Progress, Read, Sources, elf::Elf, read, sources::hex};

/// Files in the folder. Past it, those that were not used for longest are removed.
pub const MAX_CACHE_FILES: usize = 64;
/// Bytes of a file that is read.
pub const MAX_CACHE_FILE_BYTES: u64 = 1 << 30;
/// Of what this reader keeps. Another number makes all indexes anew.
const VERSION: u32 = 1;
/// Of the files in the folder.
const EXTENSION: &str = "tsindex";

/// An index, and where it is from.
#[derive(Debug)]
pub enum Cached {
    /// It was in the folder.
    Kept(Index),
    /// It was made now.
    Made {
        /// What was made.
        read: Read,
        /// Why it was not kept for the next time, if it should have been.
        not_kept: Option<io::Error>,
    },
}

/// The index of a program: that of its build in `folder`, or else one that is made now and kept there.
///
/// A kept one takes milliseconds, another one what [`read`] takes. The folder is made if it is missing.
///
/// # Errors
/// As [`read`]. What goes wrong in the folder is no error: see [`Cached::Made`].
pub fn cached(
    sources: &Sources,
    folder: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Cached, DebugInfoError> {
    let binary = Elf::open(&sources.binary)?;
    let io = |error| DebugInfoError::Io { path: sources.binary.clone(), error };
    let path = folder.join(key(sources, &binary.build_id).map_err(io)?);
    if let Some(index) = kept(&path, &binary.build_id) {
        return Ok(Cached::Kept(index));
    }
    let read = read(sources, progress)?;
    let not_kept = if read.problem.is_none() { keep(folder, &path, &read.index).err() } else { None };
    Ok(Cached::Made { read, not_kept })
}

/// The name of a program's file in the folder.
fn key(sources: &Sources, build_id: &[u8]) -> io::Result<String> {
    if !build_id.is_empty() {
        return Ok(format!("{}.{VERSION}.{EXTENSION}", hex(build_id)));
    }
    let mut hash = DefaultHasher::new();
    for path in [Some(&sources.binary), sources.debug_file.as_ref()].into_iter().flatten() {
        let metadata = fs::metadata(path)?;
        (fs::canonicalize(path)?, metadata.len(), metadata.modified()?).hash(&mut hash);
    }
    Ok(format!("file-{:016x}.{VERSION}.{EXTENSION}", hash.finish()))
}

/// The index in a file; nothing where there is none, or one that can't be used.
fn kept(path: &Path, build_id: &[u8]) -> Option<Index> {
    let file = File::open(path).ok()?;
    let is_small = file.metadata().is_ok_and(|metadata| metadata.len() <= MAX_CACHE_FILE_BYTES);
    let index = Index::read(&is_small.then(|| fs::read(path).ok())??).ok()?;
    if index.build_id != build_id {
        return None;
    }
    // Only the order of removal depends on it, and a folder that is read-only serves all the same.
    let _ = file.set_modified(SystemTime::now());
    Some(index)
}

/// Writes beside the place and renames: a reader sees a whole file or none.
fn keep(folder: &Path, path: &Path, index: &Index) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let unfinished = path.with_extension(format!("{}.tmp", process::id()));
    let written = File::create(&unfinished)
        .and_then(|mut file| file.write_all(&index.write()))
        .and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        // What is left of it is of no use, and the error that counts is the first one.
        let _ = fs::remove_file(&unfinished);
    }
    written.and_then(|()| remove_oldest(folder, MAX_CACHE_FILES))
}

fn remove_oldest(folder: &Path, keep: usize) -> io::Result<()> {
    let mut files: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new(EXTENSION)) {
            files.push((fs::metadata(&path)?.modified()?, path));
        }
    }
    files.sort_unstable();
    let surplus = files.len().saturating_sub(keep);
    files.iter().take(surplus).try_for_each(|(_, path)| fs::remove_file(path))
}

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, File},
        time::{Duration, SystemTime},
    };

    use taskscope_await::{Index, types::Type};

    use super::{keep, kept, remove_oldest};

    fn index(build_id: &[u8]) -> Index {
        Index {
            build_id: build_id.to_vec(),
            texts: vec![String::new()],
            types: vec![Type::default()],
            ..Index::default()
        }
    }

    #[test]
    fn an_index_is_kept_and_a_damaged_one_is_not_used() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("new");
        let path = inner.join("ab.1.tsindex");
        assert_eq!(kept(&path, &[1]), None);
        keep(&inner, &path, &index(&[1])).expect("it can be written");
        assert_eq!(kept(&path, &[1]), Some(index(&[1])));
        assert_eq!(kept(&path, &[2]), None, "of another build");
        let whole = fs::read(&path).expect("it is there");
        fs::write(&path, &whole[..whole.len() - 1]).expect("it can be written");
        assert_eq!(kept(&path, &[1]), None, "cut short");
        assert_eq!(fs::read_dir(&inner).expect("the folder").count(), 1, "nothing unfinished is left");
    }

    #[test]
    fn the_oldest_files_are_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        for age in 0..4u64 {
            let file = File::create(folder.path().join(format!("{age}.tsindex"))).expect("a file");
            file.set_modified(SystemTime::now() - Duration::from_secs(age * 60)).expect("a time");
        }
        fs::write(folder.path().join("other"), "").expect("a file");
        remove_oldest(folder.path(), 2).expect("they can be removed");
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["0.tsindex", "1.tsindex", "other"]);
    }
}
