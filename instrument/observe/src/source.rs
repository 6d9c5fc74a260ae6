//! What is read: a process that runs, or what a core file has of one that died.

use std::{ops::Range, time::Duration};

#[cfg(feature = "core")]
use crate::core::Core;
use crate::{
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
    #[cfg(feature = "core")]
    /// It died.
    Core(Core),
}

impl Source {
    /// The process's number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        match self {
            Self::Live(process) => process.pid(),
            #[cfg(feature = "core")]
            Self::Core(core) => core.pid(),
        }
    }

    /// Its name, as the kernel has it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Live(process) => process.name(),
            #[cfg(feature = "core")]
            Self::Core(core) => core.name().to_owned(),
        }
    }

    /// Its executable, as its mappings name it.
    pub(crate) fn executable(&self) -> Result<String, AttachError> {
        match self {
            Self::Live(process) => {
                process.executable().map_err(|_| AttachError::Ended { pid: process.pid() })
            }
            #[cfg(feature = "core")]
            Self::Core(core) => Ok(core.executable().to_owned()),
        }
    }

    pub(crate) fn maps(&self) -> Result<Vec<Map>, AttachError> {
        match self {
            Self::Live(process) => {
                let maps = process.maps().ok().filter(|maps| !maps.is_empty());
                maps.ok_or(AttachError::Ended { pid: process.pid() })
            }
            #[cfg(feature = "core")]
            Self::Core(core) => Ok(core.maps().to_vec()),
        }
    }

    /// Whether what was opened is there and has this address. A core file always is.
    pub(crate) fn has(&self, address: u64) -> bool {
        match self {
            Self::Live(process) => process.read(address, &mut [0]),
            #[cfg(feature = "core")]
            Self::Core(_) => true,
        }
    }

    pub(crate) fn threads(&self) -> Vec<Thread> {
        match self {
            Self::Live(process) => process.threads(),
            #[cfg(feature = "core")]
            Self::Core(core) => core.threads().to_vec(),
        }
    }

    /// How long it has run; `None`: unknown.
    #[must_use]
    pub fn uptime(&self) -> Option<Duration> {
        match self {
            Self::Live(process) => process.uptime(),
            #[cfg(feature = "core")]
            Self::Core(_) => None,
        }
    }

    /// Now, on the clock of its timers; `None`: it died, and when is unknown.
    #[must_use]
    pub fn monotonic_ns(&self) -> Option<u64> {
        match self {
            Self::Live(_) => os::monotonic_ns(),
            #[cfg(feature = "core")]
            Self::Core(_) => None,
        }
    }
}

impl Memory for Source {
    fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        match self {
            Self::Live(process) => process.read(address, buffer),
            #[cfg(feature = "core")]
            Self::Core(core) => core.read(address, buffer),
        }
    }

    fn resident(&self, range: Range<u64>) -> Vec<Range<u64>> {
        match self {
            Self::Live(process) => process.resident(range),
            #[cfg(feature = "core")]
            Self::Core(core) => core.resident(range),
        }
    }
}
