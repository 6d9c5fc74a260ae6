//! What is read: a process that runs, or what a core file has of one that died.

use std::{ops::Range, time::Duration};

use crate::{
    core::Core,
    error::AttachError,
    maps::Map,
    memory::Memory,
    os,
    process::{Process, Thread},
};

/// See the module's text.
#[derive(Debug)]
pub enum Source {
    /// It runs.
    Live(Process),
    /// It died.
    Core(Core),
}

impl Source {
    /// The process's number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        match self {
            Self::Live(process) => process.pid(),
            Self::Core(core) => core.pid(),
        }
    }

    /// Its name, as the kernel has it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Live(process) => process.name(),
            Self::Core(core) => core.name().to_owned(),
        }
    }

    /// Its executable, as its mappings name it.
    pub(crate) fn executable(&self) -> Result<String, AttachError> {
        match self {
            Self::Live(process) => {
                process.executable().map_err(|_| AttachError::Ended { pid: process.pid() })
            }
            Self::Core(core) => Ok(core.executable().to_owned()),
        }
    }

    pub(crate) fn maps(&self) -> Result<Vec<Map>, AttachError> {
        match self {
            Self::Live(process) => {
                let maps = process.maps().ok().filter(|maps| !maps.is_empty());
                maps.ok_or(AttachError::Ended { pid: process.pid() })
            }
            Self::Core(core) => Ok(core.maps().to_vec()),
        }
    }

    /// Whether what was opened is there and has this address. A core file always is.
    pub(crate) fn has(&self, address: u64) -> bool {
        match self {
            Self::Live(process) => process.read(address, &mut [0]),
            Self::Core(_) => true,
        }
    }

    pub(crate) fn threads(&self) -> Vec<Thread> {
        match self {
            Self::Live(process) => process.threads(),
            Self::Core(core) => core.threads().to_vec(),
        }
    }

    /// How long it has run; `None`: unknown.
    pub(crate) fn uptime(&self) -> Option<Duration> {
        match self {
            Self::Live(process) => process.uptime(),
            Self::Core(_) => None,
        }
    }

    /// Now, on the clock of its timers; `None`: it died, and when is unknown.
    pub(crate) fn monotonic_ns(&self) -> Option<u64> {
        match self {
            Self::Live(_) => os::monotonic_ns(),
            Self::Core(_) => None,
        }
    }
}

impl Memory for Source {
    fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        match self {
            Self::Live(process) => process.read(address, buffer),
            Self::Core(core) => core.read(address, buffer),
        }
    }

    fn resident(&self, range: Range<u64>) -> Vec<Range<u64>> {
        match self {
            Self::Live(process) => process.resident(range),
            Self::Core(core) => core.resident(range),
        }
    }
}
