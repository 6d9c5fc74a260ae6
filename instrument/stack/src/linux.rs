//! Taking a stack: ask, wait, unwind, name.

mod maps;
mod mask;
mod module;
mod os;
mod shared;
mod symbols;
mod turn;

pub use self::os::thread_id;

use std::{
    fmt, io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use framehop::{CacheNative, FrameAddress, MayAllocateDuringUnwind, Unwinder as _, UnwinderNative};

use self::{
    maps::Mapping,
    module::Module,
    os::Raw,
    symbols::Symbols,
    turn::{TICKET_BITS, Withdrawn},
};
use crate::{CaptureError, Frame, MAX_FRAMES, STACK_BYTES, Stack};

/// How long a thread may take to run its handler. A sleeping one needs a few µs, one that waits for a processor some ms.
const TIME_LIMIT: Duration = Duration::from_millis(250);
/// Between two looks at whether it has.
const SHORTEST_LOOK: Duration = Duration::from_micros(50);
const LONGEST_LOOK: Duration = Duration::from_millis(5);
/// Return addresses followed; frames with inlined functions are more.
const MAX_ADDRESSES: usize = 256;
/// Files whose unwind tables are kept. One stack goes through three or four.
const MAX_MODULES: usize = 64;

/// Takes stacks of threads of this process. Several can live side by side; captures exclude each other.
///
/// Memory: unwind tables of the files that stacks went through, and the names of their functions, which [`Sampler::rest`] gives back.
pub struct Sampler {
    signal: i32,
    unwinder: UnwinderNative<Arc<[u8]>, MayAllocateDuringUnwind>,
    cache: CacheNative<MayAllocateDuringUnwind>,
    modules: Vec<Module>,
    symbols: Symbols,
}

impl Sampler {
    /// Installs the handler, if this process has not yet, for the highest real-time signal that nobody handles.
    ///
    /// # Errors
    /// The operating system refuses it.
    pub fn new() -> Result<Self, CaptureError> {
        Self::with(None)
    }

    /// The same for this signal; a handler that is there goes on to get the signals that are not ours. The first sampler of a process decides for
    /// all.
    ///
    /// # Errors
    /// It is no real-time signal, or the operating system refuses it.
    pub fn with_signal(signal: i32) -> Result<Self, CaptureError> {
        Self::with(Some(signal))
    }

    fn with(signal: Option<i32>) -> Result<Self, CaptureError> {
        Ok(Self {
            signal: os::install(signal)?,
            unwinder: UnwinderNative::new(),
            cache: CacheNative::new(),
            modules: Vec::new(),
            symbols: Symbols::default(),
        })
    }

    /// The signal that is sent.
    pub fn signal(&self) -> i32 {
        self.signal
    }

    /// The stack of a thread of this process, by the number that it has from [`thread_id`]. Costs the thread some 30 µs, the caller 1 ms, and at the
    /// first time as long as it takes to load the program's names.
    ///
    /// # Errors
    /// The thread is gone, blocks the signal, or was not run by the kernel within 250 ms.
    pub fn capture(&mut self, thread: u32) -> Result<Stack, CaptureError> {
        let raw = ask(self.signal, thread)?;
        let mut problems = Problems::default();
        let mappings = maps::read().unwrap_or_else(|error| {
            problems.add(format!("What is mapped can't be read: {error}."));
            Vec::new()
        });
        self.forget_unmapped(&mappings);
        if let Some(error) = &raw.error {
            problems.add(format!(
                "The stack could not be copied ({error}): only the innermost function is known."
            ));
        }
        let addresses = self.unwind(&raw, &mappings, &mut problems);
        let frames = self.name(&addresses, &mut problems);
        Ok(Stack { frames, problem: problems.sentence() })
    }

    /// Gives back what names took; they are loaded again when they are needed. For a while without captures.
    pub fn rest(&mut self) {
        self.modules.iter_mut().for_each(Module::forget_names);
    }

    /// The innermost address first.
    fn unwind(&mut self, raw: &Raw, mappings: &[Mapping], problems: &mut Problems) -> Vec<FrameAddress> {
        let mut registers = registers(raw);
        let mut read_stack = |address: u64| {
            let from = address.checked_sub(raw.sp).and_then(|from| usize::try_from(from).ok()).ok_or(())?;
            let bytes = raw.stack.get(from..).and_then(|rest| rest.first_chunk::<8>()).ok_or(())?;
            Ok(u64::from_ne_bytes(*bytes))
        };
        let mut address = FrameAddress::from_instruction_pointer(raw.pc);
        let mut addresses = vec![address];
        while addresses.len() < MAX_ADDRESSES {
            if let Err(problem) = self.module(address.address_for_lookup(), mappings) {
                problems.add(problem);
            }
            match self.unwinder.unwind_frame(address, &mut registers, &mut self.cache, &mut read_stack) {
                Ok(Some(caller)) => match FrameAddress::from_return_address(caller) {
                    Some(caller) => address = caller,
                    None => break,
                },
                Err(framehop::Error::CouldNotReadStack(_)) if raw.stack.len() == STACK_BYTES => {
                    problems.add(format!(
                        "The stack goes on past the {} KiB that are copied.",
                        STACK_BYTES / 1024
                    ));
                    break;
                }
                // The end of the stack, or code without tables: what was found is what there is.
                Ok(None) | Err(_) => break,
            }
            addresses.push(address);
        }
        addresses
    }

    /// Which module an address is in, loaded now if it is not. `None`: in none that has a file.
    fn module(&mut self, address: u64, mappings: &[Mapping]) -> Result<Option<usize>, String> {
        if let Some(known) = self.modules.iter().position(|module| module.mapping().contains(address)) {
            return Ok(Some(known));
        }
        let Some(mapping) = mappings.iter().find(|mapping| mapping.contains(address)) else {
            return Ok(None);
        };
        if self.modules.len() >= MAX_MODULES {
            self.forget_unmapped(&[]);
        }
        let (module, unwind) =
            Module::load(mapping).map_err(|why| format!("{} can't be read: {why}.", mapping.path))?;
        self.unwinder.add_module(unwind);
        self.modules.push(module);
        Ok(Some(self.modules.len() - 1))
    }

    /// Forgets modules that are not mapped as they were.
    fn forget_unmapped(&mut self, mappings: &[Mapping]) {
        let before = self.modules.len();
        let unwinder = &mut self.unwinder;
        self.modules.retain(|module| {
            let is_mapped = mappings.contains(module.mapping());
            if !is_mapped {
                unwinder.remove_module(module.mapping().start);
            }
            is_mapped
        });
        if self.modules.len() < before {
            self.symbols.forget();
        }
    }

    fn name(&mut self, addresses: &[FrameAddress], problems: &mut Problems) -> Vec<Frame> {
        let mut frames = Vec::new();
        for address in addresses {
            // The call, not the instruction after it: that may belong to the next line.
            let address = address.address_for_lookup();
            let module = self.modules.iter_mut().find(|module| module.mapping().contains(address));
            match module.map(|module| self.symbols.frames(address, module)) {
                Some(Ok(named)) => frames.extend_from_slice(named),
                Some(Err(why)) => {
                    problems.add(format!("{why}."));
                    frames.push(Frame::default());
                }
                None => frames.push(Frame::default()),
            }
        }
        // Where the thread was started, in a C library without tables.
        while frames.last().is_some_and(|frame| frame.function.is_empty()) && frames.len() > 1 {
            frames.pop();
        }
        let more = frames.len().saturating_sub(MAX_FRAMES);
        if more > 0 {
            frames.truncate(MAX_FRAMES);
            problems.add(format!("{more} frames further out are not shown."));
        }
        frames
    }
}

impl fmt::Debug for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { signal, modules, .. } = self;
        f.debug_struct("Sampler")
            .field("signal", signal)
            .field("modules", &modules.len())
            .finish_non_exhaustive()
    }
}

/// Registers and stack of a thread, from its handler.
fn ask(signal: i32, thread: u32) -> Result<Raw, CaptureError> {
    static ASKERS: Mutex<()> = Mutex::new(());
    static TICKETS: AtomicU64 = AtomicU64::new(1);
    let _one_at_a_time = ASKERS.lock().unwrap_or_else(PoisonError::into_inner);
    let ticket = TICKETS.fetch_add(1, Relaxed) & ((1 << TICKET_BITS) - 1);
    let turn = os::turn();
    if !turn.open(ticket) {
        return Err(CaptureError::Busy);
    }
    if let Err(source) = os::send(signal, thread, ticket) {
        turn.withdraw(ticket);
        return Err(match source.raw_os_error() {
            Some(libc::ESRCH) => CaptureError::Gone(thread),
            _ => CaptureError::Send { signal, thread, source },
        });
    }
    let asked = Instant::now();
    let mut look = SHORTEST_LOOK;
    while !turn.is_done(ticket) {
        if asked.elapsed() >= TIME_LIMIT {
            match turn.withdraw(ticket) {
                Withdrawn::Done => break,
                Withdrawn::Yes => return Err(silent(signal, thread)),
                Withdrawn::Writing => return Err(CaptureError::Busy),
            }
        }
        thread::sleep(look);
        look = (look * 2).min(LONGEST_LOOK);
    }
    let raw = os::take();
    turn.release(ticket);
    Ok(raw)
}

fn silent(signal: i32, thread: u32) -> CaptureError {
    match mask::blocks(thread, signal) {
        Ok(true) => CaptureError::Blocked { signal, thread },
        Err(error) if error.kind() == io::ErrorKind::NotFound => CaptureError::Gone(thread),
        _ => CaptureError::Silent { signal, thread, limit_ms: TIME_LIMIT.as_millis() as u64 },
    }
}

fn registers(raw: &Raw) -> framehop::UnwindRegsNative {
    #[cfg(target_arch = "x86_64")]
    {
        framehop::UnwindRegsNative::new(raw.pc, raw.sp, raw.fp)
    }
    #[cfg(target_arch = "aarch64")]
    {
        // The upper bits of a return address may be its signature; user addresses have 48.
        let mask = framehop::aarch64::PtrAuthMask((1 << 48) - 1);
        framehop::UnwindRegsNative::new_with_ptr_auth_mask(mask, raw.lr, raw.sp, raw.fp)
    }
}

/// Why something is missing; each reason once, the first ones first.
#[derive(Debug, Default)]
struct Problems(Vec<String>);

impl Problems {
    /// Sentences that are told together.
    const MAX: usize = 3;

    fn add(&mut self, problem: String) {
        if self.0.len() < Self::MAX && !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    fn sentence(self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join(" "))
    }
}
