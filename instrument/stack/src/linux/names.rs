//! Names of functions, in the process itself (feature `names`).
//!
//! Nothing that was loaded for it is kept: only the frames of the addresses that were looked up ([`MAX_KNOWN`]; some 200 bytes a frame). A thread that is
//! stuck is stuck where it was a second ago, so most stacks need nothing else.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use taskscope_names::{Looked, StackFrame};

use super::{memory::Memory, module::Module};

/// Addresses whose frames are kept. A program is stuck in few places; past this all are forgotten and looked up again.
const MAX_KNOWN: usize = 4096;
/// Bytes of the kernel's own file in memory.
const MAX_KERNEL_BYTES: u64 = 64 * 1024;

/// Bytes that all of the process's [`Names`] keep.
static KEPT_BYTES: AtomicUsize = AtomicUsize::new(0);

/// Bytes that names take in this process.
pub(super) fn kept_bytes() -> usize {
    KEPT_BYTES.load(Relaxed)
}

/// Frames of addresses looked up before.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: HashMap<u64, Box<[StackFrame]>>,
    bytes: usize,
}

impl Names {
    /// The frames at an address, the innermost first: several where functions were inlined. Empty: not looked up yet.
    pub(super) fn frames(&self, address: u64) -> &[StackFrame] {
        self.known.get(&address).map_or(&[], |frames| frames)
    }

    /// Looks up those of `addresses` that are not known, all of one module. The error says what is missing.
    pub(super) fn look_up(
        &mut self,
        memory: &Memory,
        module: &Module,
        addresses: &[u64],
    ) -> Result<(), String> {
        let unknown: Vec<u64> =
            addresses.iter().copied().filter(|address| !self.known.contains_key(address)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        if self.known.len() + unknown.len() > MAX_KNOWN {
            self.forget();
        }
        let in_file: Vec<u64> =
            unknown.iter().map(|address| address.wrapping_sub(module.tables.bias)).collect();
        let looked = look_up(memory, module, &in_file)?;
        for (address, frames) in unknown.into_iter().zip(looked.frames) {
            let bytes = size_of::<(u64, Box<[StackFrame]>)>() + frames.iter().map(bytes_of).sum::<usize>();
            self.bytes += bytes;
            KEPT_BYTES.fetch_add(bytes, Relaxed);
            self.known.insert(address, frames.into());
        }
        looked.problem.map_or(Ok(()), Err)
    }

    /// What was mapped somewhere is mapped no more.
    pub(super) fn forget(&mut self) {
        self.known = HashMap::new();
        KEPT_BYTES.fetch_sub(std::mem::take(&mut self.bytes), Relaxed);
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        self.forget();
    }
}

fn bytes_of(frame: &StackFrame) -> usize {
    size_of::<StackFrame>() + frame.function.capacity() + frame.file.capacity()
}

/// Frames by address in the file.
fn look_up(memory: &Memory, module: &Module, addresses: &[u64]) -> Result<Looked, String> {
    let path = &module.mapping.path;
    let Some(file) = module.file.as_ref().map_err(|why| format!("{path} has no names: {why}"))? else {
        let length = module.mapping.end - module.mapping.start;
        let bytes = memory.bytes(module.mapping.start, length, MAX_KERNEL_BYTES).unwrap_or_default();
        return Ok(taskscope_names::in_bytes(bytes, addresses));
    };
    taskscope_names::in_mapped(file, path, addresses)
}
