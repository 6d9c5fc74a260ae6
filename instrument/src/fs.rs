//! tokio's files, on record: `use taskscope::fs` in place of `use tokio::fs`.
//!
//! A file is a stream of [`taskscope::io`](crate::io) with its path; each of the functions is an operation for as long as it runs: which task waits
//! for which path, and how long. tokio runs all of this on its blocking pool, where each also shows as a task.

use std::{
    fs::{Metadata, Permissions},
    io,
    panic::Location,
    path::{Path, PathBuf},
};

pub use tokio::fs::{DirBuilder, DirEntry, ReadDir};

use crate::io::{
    Instrumented,
    meter::{Call, Meter, Way, nothing},
};

/// tokio's `File`, on record.
pub type File = Instrumented<tokio::fs::File>;

/// A function of tokio's on a path, on record while it runs.
macro_rules! on_path {
    ($($(#[$doc:meta])* $name:ident($path:ident $(, $other:ident: $type:ty)*) -> $result:ty, $way:ident, $moved:expr;)*) => {
        $(
            $(#[$doc])*
            ///
            /// # Errors
            /// As tokio's.
            #[track_caller]
            pub fn $name($path: impl AsRef<Path> $(, $other: $type)*) -> impl Future<Output = io::Result<$result>> {
                let at = Location::caller();
                async move {
                    let meter = Meter::new("File", "", at);
                    meter.describe(None, &$path.as_ref().to_string_lossy(), "");
                    let call = Call { way: Way::$way, method: concat!("fs::", stringify!($name)), at };
                    meter.wait(call, tokio::fs::$name($path.as_ref() $(, $other)*), $moved).await
                }
            }
        )*
    };
}

on_path! {
    /// The path without links, dots and relative parts.
    canonicalize(path) -> PathBuf, In, nothing;
    /// Copies a file.
    copy(from, to: impl AsRef<Path>) -> u64, Out, |bytes| Some(*bytes);
    /// Makes a folder.
    create_dir(path) -> (), Out, nothing;
    /// Makes a folder and those it lies in.
    create_dir_all(path) -> (), Out, nothing;
    /// Makes a hard link.
    hard_link(original, link: impl AsRef<Path>) -> (), Out, nothing;
    /// What is known of a file.
    metadata(path) -> Metadata, In, nothing;
    /// Reads a file whole.
    read(path) -> Vec<u8>, In, |bytes: &Vec<u8>| Some(bytes.len() as u64);
    /// Lists a folder.
    read_dir(path) -> ReadDir, In, nothing;
    /// Where a link leads.
    read_link(path) -> PathBuf, In, nothing;
    /// Reads a file whole, as text.
    read_to_string(path) -> String, In, |text: &String| Some(text.len() as u64);
    /// Removes an empty folder.
    remove_dir(path) -> (), Out, nothing;
    /// Removes a folder with all in it.
    remove_dir_all(path) -> (), Out, nothing;
    /// Removes a file.
    remove_file(path) -> (), Out, nothing;
    /// Gives a file another name.
    rename(from, to: impl AsRef<Path>) -> (), Out, nothing;
    /// Sets who may do what.
    set_permissions(path, permissions: Permissions) -> (), Out, nothing;
    /// What is known of a file or link itself.
    symlink_metadata(path) -> Metadata, In, nothing;
    /// Whether there is such a file.
    try_exists(path) -> bool, In, nothing;
}

/// Makes a symbolic link.
///
/// # Errors
/// As tokio's.
#[cfg(unix)]
#[track_caller]
pub fn symlink(original: impl AsRef<Path>, link: impl AsRef<Path>) -> impl Future<Output = io::Result<()>> {
    let at = Location::caller();
    async move {
        let meter = Meter::new("File", "", at);
        meter.describe(None, &link.as_ref().to_string_lossy(), "");
        let call = Call { way: Way::Out, method: "fs::symlink", at };
        meter.wait(call, tokio::fs::symlink(original, link.as_ref()), nothing).await
    }
}

/// Writes a file whole.
///
/// # Errors
/// As tokio's.
#[track_caller]
pub fn write(path: impl AsRef<Path>, contents: impl AsRef<[u8]>) -> impl Future<Output = io::Result<()>> {
    let at = Location::caller();
    async move {
        let meter = Meter::new("File", "", at);
        meter.describe(None, &path.as_ref().to_string_lossy(), "");
        let call = Call { way: Way::Out, method: "fs::write", at };
        let bytes = contents.as_ref().len() as u64;
        meter.wait(call, tokio::fs::write(path.as_ref(), contents), |()| Some(bytes)).await
    }
}

impl File {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn open(path: impl AsRef<Path>) -> impl Future<Output = io::Result<Self>> {
        opened(Location::caller(), "File::open", path, async |path| tokio::fs::File::open(path).await)
    }

    /// Opens a file for writing, new or emptied.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn create(path: impl AsRef<Path>) -> impl Future<Output = io::Result<Self>> {
        opened(Location::caller(), "File::create", path, async |path| tokio::fs::File::create(path).await)
    }

    /// Opens a file for reading and writing that must not exist yet.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn create_new(path: impl AsRef<Path>) -> impl Future<Output = io::Result<Self>> {
        opened(Location::caller(), "File::create_new", path, async |path| {
            tokio::fs::File::create_new(path).await
        })
    }

    /// How else a file can be opened.
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Puts a file of the standard library on record.
    #[track_caller]
    pub fn from_std(file: std::fs::File) -> Self {
        Self::with_name("", tokio::fs::File::from_std(file))
    }

    /// The file as the standard library has it, off the record.
    pub async fn into_std(self) -> std::fs::File {
        self.into_inner().into_std().await
    }
}

/// How a file is opened; as tokio's.
#[derive(Debug, Clone)]
pub struct OpenOptions(tokio::fs::OpenOptions);

impl Default for OpenOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl OpenOptions {
    /// Nothing allowed yet.
    pub fn new() -> Self {
        Self(tokio::fs::OpenOptions::new())
    }

    /// To read.
    pub fn read(&mut self, yes: bool) -> &mut Self {
        self.0.read(yes);
        self
    }

    /// To write.
    pub fn write(&mut self, yes: bool) -> &mut Self {
        self.0.write(yes);
        self
    }

    /// To write at the end.
    pub fn append(&mut self, yes: bool) -> &mut Self {
        self.0.append(yes);
        self
    }

    /// Emptied first.
    pub fn truncate(&mut self, yes: bool) -> &mut Self {
        self.0.truncate(yes);
        self
    }

    /// Made if there is none.
    pub fn create(&mut self, yes: bool) -> &mut Self {
        self.0.create(yes);
        self
    }

    /// Made, or an error if there is one.
    pub fn create_new(&mut self, yes: bool) -> &mut Self {
        self.0.create_new(yes);
        self
    }

    /// Opens a file.
    ///
    /// # Errors
    /// As tokio's.
    #[track_caller]
    pub fn open(&self, path: impl AsRef<Path>) -> impl Future<Output = io::Result<File>> {
        opened(Location::caller(), "OpenOptions::open", path, async |path| self.0.open(path).await)
    }
}

async fn opened<P: AsRef<Path>>(
    at: &'static Location<'static>,
    method: &'static str,
    path: P,
    open: impl AsyncFnOnce(&Path) -> io::Result<tokio::fs::File>,
) -> io::Result<File> {
    let path = path.as_ref();
    let meter = Meter::new("File", "", at);
    let words = path.to_string_lossy();
    meter.describe(None, &words, "");
    let file = meter.wait(Call { way: Way::In, method, at }, open(path), nothing).await?;
    meter.describe(crate::io::descriptor(&file), &words, "");
    Ok(Instrumented::metered(file, meter.into()))
}
