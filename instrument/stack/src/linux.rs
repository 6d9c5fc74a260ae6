//! Taking a stack: look, unwind, and name where that is asked for.

mod build_id;
mod code;
mod look;
mod maps;
mod memory;
mod module;
#[cfg(feature = "names")]
mod names;
mod os;
mod registers;
mod tables;
mod thread;
mod turn;
mod unwind;

pub use self::os::thread_id;

#[cfg(feature = "names")]
use self::names::Names;
use self::{
    look::Seen,
    maps::Mapping,
    memory::Memory,
    module::Module,
    unwind::{Copied, End},
};
use crate::{Address, CaptureError, CodeFile, MAX_FRAMES, STACK_BYTES, Stack};

/// Return addresses followed; frames with inlined functions are more.
const MAX_ADDRESSES: usize = 256;

/// Takes stacks of threads of this process. Several can live side by side.
///
/// Memory: with the feature `names` those of functions that it met ([`memory_bytes`]); all else is read anew each time, and given back.
#[derive(Debug)]
pub struct Sampler {
    signals: Signals,
    /// `None`: no names are asked for.
    #[cfg(feature = "names")]
    names: Option<Names>,
}

/// Whether a thread that computes may be sent a signal.
#[derive(Debug, Clone, Copy)]
enum Signals {
    Never,
    /// The handler is installed when it is needed first.
    WhenNeeded,
    Installed(i32),
}

/// Bytes that this crate keeps in the process: names of functions, and the buffer of the signal's handler once it was used.
pub fn memory_bytes() -> usize {
    names_bytes() + if look::signals_sent() > 0 { STACK_BYTES } else { 0 }
}

#[cfg(feature = "names")]
fn names_bytes() -> usize {
    names::kept_bytes()
}

#[cfg(not(feature = "names"))]
fn names_bytes() -> usize {
    0
}

/// Signals that this crate has sent to threads of the process.
pub fn signals_sent() -> u64 {
    look::signals_sent()
}

/// System calls of the program that such a signal met, and may have ended early or repeated: 0 or 1, as no signal is sent after the first.
pub fn calls_met() -> u64 {
    look::calls_met()
}

impl Sampler {
    /// A sampler that sends a signal to a thread which computes: the highest real-time signal without a handler, picked and installed when
    /// it is needed first. A thread that sleeps gets none.
    ///
    /// # Errors
    /// None on this platform.
    pub fn new() -> Result<Self, CaptureError> {
        Ok(Self::with(Signals::WhenNeeded))
    }

    /// A sampler that never sends a signal: it takes stacks of threads that sleep in the kernel, and no others.
    ///
    /// # Errors
    /// None on this platform.
    pub fn without_signals() -> Result<Self, CaptureError> {
        Ok(Self::with(Signals::Never))
    }

    /// As [`Sampler::new`] with this signal, installed now; a handler that is there goes on to get the signals that are not ours. The first
    /// signal of a process is the one of all samplers.
    ///
    /// # Errors
    /// It is no real-time signal, or the operating system refuses it.
    pub fn with_signal(signal: i32) -> Result<Self, CaptureError> {
        Ok(Self::with(Signals::Installed(os::install(Some(signal))?)))
    }

    fn with(signals: Signals) -> Self {
        Self {
            signals,
            #[cfg(feature = "names")]
            names: None,
        }
    }

    /// The same with names of functions: [`Stack::frames`].
    #[cfg(feature = "names")]
    pub fn named(self) -> Self {
        Self { names: Some(Names::default()), ..self }
    }

    /// The signal that is sent; `None`: none was needed so far.
    pub fn signal(&self) -> Option<i32> {
        match self.signals {
            Signals::Installed(signal) => Some(signal),
            Signals::Never | Signals::WhenNeeded => None,
        }
    }

    /// The stack of a thread of this process, by the number that it has from [`thread_id`]. Costs a thread that sleeps nothing, one that computes some
    /// 30 µs; the caller waits 1 ms for the first and 20 ms for the second, and as long as it takes to look up names that it has not met.
    ///
    /// # Errors
    /// The thread is gone, neither sleeps nor computes for long enough, or computes and can't be sent a signal.
    pub fn capture(&mut self, thread: u32) -> Result<Stack, CaptureError> {
        let memory = Memory::open().map_err(|cause| CaptureError::Unknown { thread, cause })?;
        let seen = look::look(&memory, thread, || self.install(thread))?;
        let mut problems = Problems::default();
        let mappings = maps::read().unwrap_or_else(|error| {
            problems.add(format!("What is mapped can't be read: {error}."));
            Vec::new()
        });
        if let Some(error) = &seen.error {
            problems.add(format!(
                "The stack could not be copied ({error}): only the innermost function is known."
            ));
        }
        let (addresses, modules) = unwind(&memory, &seen, &mappings, &mut problems);
        #[cfg(feature = "names")]
        let frames = self.name(&memory, &addresses, &modules, &mut problems);
        // With names those are listed, and their count is another.
        if !self.has_names() {
            problems.add_more(addresses.len().saturating_sub(MAX_FRAMES));
        }
        Ok(Stack {
            addresses: listed(&addresses, &modules),
            files: modules.iter().map(file).collect(),
            #[cfg(feature = "names")]
            frames,
            problem: problems.sentence(),
        })
    }

    /// Gives back the names that it keeps. For a while without captures.
    pub fn rest(&mut self) {
        #[cfg(feature = "names")]
        if let Some(names) = &mut self.names {
            names.forget();
        }
    }

    #[cfg(feature = "names")]
    fn has_names(&self) -> bool {
        self.names.is_some()
    }

    #[cfg(not(feature = "names"))]
    #[expect(clippy::unused_self, reason = "as with the feature `names`")]
    fn has_names(&self) -> bool {
        false
    }

    /// The signal to send, its handler in place.
    fn install(&mut self, thread: u32) -> Result<i32, CaptureError> {
        let signal = match self.signals {
            Signals::Never => return Err(CaptureError::NoSignals(thread)),
            Signals::WhenNeeded => os::install(None)?,
            Signals::Installed(signal) => signal,
        };
        self.signals = Signals::Installed(signal);
        Ok(signal)
    }

    #[cfg(feature = "names")]
    fn name(
        &mut self,
        memory: &Memory,
        addresses: &[u64],
        modules: &[Module],
        problems: &mut Problems,
    ) -> Vec<crate::StackFrame> {
        let Some(names) = &mut self.names else { return Vec::new() };
        for module in modules {
            let of_module = addresses.iter().copied().filter(|address| module.mapping.contains(*address));
            if let Err(why) = names.look_up(memory, module, &of_module.collect::<Vec<_>>()) {
                problems.add(format!("{why}."));
            }
        }
        let mut frames = Vec::new();
        for address in addresses {
            match names.frames(*address) {
                [] => frames.push(crate::StackFrame::default()),
                named => frames.extend_from_slice(named),
            }
        }
        // Where the thread was started, in a C library without tables.
        while frames.last().is_some_and(|frame| frame.function.is_empty()) && frames.len() > 1 {
            frames.pop();
        }
        problems.add_more(frames.len().saturating_sub(MAX_FRAMES));
        frames.truncate(MAX_FRAMES);
        frames
    }
}

/// Addresses as the files count them.
fn listed(addresses: &[u64], modules: &[Module]) -> Vec<Address> {
    let listed = addresses.iter().take(MAX_FRAMES).map(|address| {
        let file = modules.iter().position(|module| module.mapping.contains(*address));
        let bias = file.map_or(0, |file| modules[file].tables.bias);
        Address { file, address: address.wrapping_sub(bias) }
    });
    listed.collect()
}

fn file(module: &Module) -> CodeFile {
    CodeFile {
        path: module.path().to_owned(),
        build_id: module.tables.build_id.clone(),
        is_program: module.is_program,
    }
}

/// The addresses to look up, the innermost first, and the files of code that they are in.
fn unwind(
    memory: &Memory,
    seen: &Seen,
    mappings: &[Mapping],
    problems: &mut Problems,
) -> (Vec<u64>, Vec<Module>) {
    let mut registers = seen.registers.clone();
    let stack = Copied { from: registers.sp().unwrap_or(0), bytes: &seen.stack };
    let (mut addresses, mut modules) = (Vec::new(), Vec::<Module>::new());
    let mut is_return = false;
    while addresses.len() < MAX_ADDRESSES {
        // The call, not the instruction after it: that may belong to the next line.
        let address = registers.pc.saturating_sub(u64::from(is_return));
        addresses.push(address);
        let known = modules.iter().position(|module| module.mapping.contains(address));
        let module = known.or_else(|| {
            let mapping = mappings.iter().find(|mapping| mapping.contains(address))?;
            modules.push(Module::load(memory, mapping)?);
            Some(modules.len() - 1)
        });
        // Code that no file has, as a compiler makes it in memory.
        let Some(module) = module else { break };
        match unwind::caller(memory, &stack, &modules[module].tables, &registers, is_return) {
            Ok((caller, returns)) => (registers, is_return) = (caller, returns),
            Err(End::Outermost) => break,
            Err(End::NotCopied) => {
                if seen.stack.len() == STACK_BYTES {
                    problems.add(format!(
                        "The stack goes on past the {} KiB that are copied.",
                        STACK_BYTES / 1024
                    ));
                }
                break;
            }
            Err(End::UnknownRegister) => {
                problems.add(
                    "Functions further out are missing: the thread sleeps, and the kernel does not show the register that leads to them."
                        .to_owned(),
                );
                break;
            }
        }
    }
    (addresses, modules)
}

/// Why something is missing; each reason once, the first ones first.
#[derive(Debug, Default)]
struct Problems(Vec<String>);

impl Problems {
    /// Sentences that are shown together.
    const MAX: usize = 3;

    fn add(&mut self, problem: String) {
        if self.0.len() < Self::MAX && !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    fn add_more(&mut self, frames: usize) {
        if frames > 0 {
            self.add(format!("{frames} frames further out are not shown."));
        }
    }

    fn sentence(self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join(" "))
    }
}
