//! What was seen of a stuck poll.

use taskscope_recorder::Ticks;

/// See the module's text.
#[derive(Debug, Clone, Default)]
pub(crate) struct Captured {
    pub(crate) at: Ticks,
    /// Innermost first.
    pub(crate) frames: Vec<Frame>,
    /// The files that addresses of the frames are in.
    pub(crate) files: Vec<CodeFile>,
    /// Why there are none or not all: a sentence; empty: all are there.
    pub(crate) problem: String,
    /// What the kernel said of the thread, right before.
    pub(crate) kernel_state: String,
}

/// A function on a stack: with its name, or, without the feature `symbols`, with its address.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frame {
    pub(crate) function: String,
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) own: bool,
    /// Which of [`Captured::files`]; `None`: it has a name, or is in no file.
    pub(crate) code_file: Option<usize>,
    /// As that file counts.
    pub(crate) address: u64,
}

/// A file of code that is mapped into the process.
#[derive(Debug, Clone, Default)]
pub(crate) struct CodeFile {
    pub(crate) path: String,
    pub(crate) build_id: Vec<u8>,
    pub(crate) is_program: bool,
}

impl Captured {
    /// Without names only tokio's own span shows a `block_in_place`.
    pub(super) fn shows_block_in_place(&self) -> bool {
        self.frames.iter().any(|frame| !frame.own && frame.function.contains("block_in_place"))
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let texts = self.frames.iter().map(|frame| frame.function.capacity() + frame.file.capacity());
        let files = self.files.iter().map(|file| file.path.capacity() + file.build_id.capacity());
        self.frames.capacity() * size_of::<Frame>()
            + self.files.capacity() * size_of::<CodeFile>()
            + self.problem.capacity()
            + self.kernel_state.capacity()
            + texts.chain(files).sum::<usize>()
    }

    #[cfg(feature = "symbols")]
    pub(super) fn set_stack(&mut self, stack: taskscope_stack::Stack) {
        self.problem = stack.problem.unwrap_or_default();
        self.frames = stack.frames.into_iter().map(Frame::from).collect();
    }

    #[cfg(all(feature = "stacks", not(feature = "symbols")))]
    pub(super) fn set_stack(&mut self, stack: taskscope_stack::Stack) {
        self.problem = stack.problem.unwrap_or_default();
        self.frames = stack.addresses.into_iter().map(Frame::from).collect();
        self.files = stack.files.into_iter().map(CodeFile::from).collect();
    }
}

#[cfg(feature = "symbols")]
impl From<taskscope_stack::StackFrame> for Frame {
    fn from(frame: taskscope_stack::StackFrame) -> Self {
        let own = frame.is_own();
        Self { function: frame.function, file: frame.file, line: frame.line, own, ..Self::default() }
    }
}

#[cfg(all(feature = "stacks", not(feature = "symbols")))]
impl From<taskscope_stack::Address> for Frame {
    fn from(of: taskscope_stack::Address) -> Self {
        Self { code_file: of.file, address: of.address, ..Self::default() }
    }
}

#[cfg(all(feature = "stacks", not(feature = "symbols")))]
impl From<taskscope_stack::CodeFile> for CodeFile {
    fn from(file: taskscope_stack::CodeFile) -> Self {
        Self { path: file.path, build_id: file.build_id, is_program: file.is_program }
    }
}
