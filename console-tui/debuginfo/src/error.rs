//! Why a program has no index: each one sentence, with what to do about it.

use std::{io, path::PathBuf};

/// What to set in the profile of the program.
pub(crate) const CURE: &str = "set `debug = \"full\"` in its Cargo profile and build it again; you may strip it afterwards, \
keep the debug file, and pass that with --debug-file";

/// See the module's text.
#[derive(Debug, thiserror::Error)]
pub enum DebugInfoError {
    /// The file can't be read.
    #[error("{path} cannot be read: {error}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A script, an archive, something else.
    #[error("{0} is not an ELF file; name the program itself, not a script that starts it")]
    NotElf(PathBuf),
    /// A program of 32 bits.
    #[error("{0} is a program of 32 bits; only those of 64 bits can be read")]
    Bits32(PathBuf),
    /// A program for another machine.
    #[error("{path} is made for another architecture ({machine}); only x86-64 can be read")]
    Machine {
        /// Which file.
        path: PathBuf,
        /// Its architecture.
        machine: String,
    },
    /// Whole debug information, and no task of tokio's in it.
    #[error("no tokio in {0}: its debug information has no function that polls tokio's tasks")]
    NoTokio(PathBuf),
    /// No debug information at all.
    #[error("no debug information for {0}: {CURE}")]
    Stripped(PathBuf),
    /// Lines without types, and not even the names of futures.
    #[error(
        "{0} was built with lines as its only debug information (`debug = 1` or less): no await points; {CURE}"
    )]
    LinesOnly(PathBuf),
    /// Its debug information is in other files, and they were not found.
    #[error(
        "the debug information of {0} is split off and not there; put its `.dwp` file beside it, or set `split-debuginfo` \
to \"packed\" or \"off\" in its Cargo profile and build it again"
    )]
    Split(PathBuf),
    /// The debug file has another build-id.
    #[error("{debug_file} is of another build than {binary}; pass the one that was made together with it")]
    OtherBuild {
        /// The debug file.
        debug_file: PathBuf,
        /// The program.
        binary: PathBuf,
    },
    /// Its tables contradict themselves.
    #[error("{path} is damaged: {what}; build it again")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A section over the limit.
    #[error(
        "{path} has {bytes} bytes in {section}, over the limit of {limit}; use `split-debuginfo` or fewer generics"
    )]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// Which section.
        section: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
}
