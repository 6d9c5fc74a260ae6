//! The registers of a thread, by DWARF's numbers. Of a thread that sleeps only two are known: the rest is found on its stack, or stays unknown.

use gimli::Register;

#[cfg(target_arch = "x86_64")]
mod machine {
    /// `rax`, `rdx`, `rcx`, `rbx`, `rsi`, `rdi`, `rbp`, `rsp`, `r8` … `r15`, and the return address. System V ABI, AMD64, figure 3.36.
    pub(in super::super) const COUNT: usize = 17;
    pub(in super::super) const STACK_POINTER: usize = 7;
    pub(in super::super) const FRAME_POINTER: usize = 6;
    /// What a system call answers.
    pub(in super::super) const RESULT: usize = 0;
    /// Those that a function leaves as they were.
    pub(super) const PRESERVED: &[usize] = &[3, 6, 12, 13, 14, 15];
}

#[cfg(target_arch = "aarch64")]
mod machine {
    /// `x0` … `x30` and `sp`. DWARF for the Arm 64-bit Architecture, table 4.1.
    pub(in super::super) const COUNT: usize = 32;
    pub(in super::super) const STACK_POINTER: usize = 31;
    pub(in super::super) const FRAME_POINTER: usize = 29;
    /// What a system call answers.
    pub(in super::super) const RESULT: usize = 0;
    /// Those that a function leaves as they were; the link register as long as the function calls none.
    pub(super) const PRESERVED: &[usize] = &[19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30];
}

pub(super) use machine::{COUNT, FRAME_POINTER, RESULT, STACK_POINTER};

/// See the module's text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Registers {
    pub(super) pc: u64,
    values: [Option<u64>; COUNT],
}

impl Registers {
    /// Of a thread that sleeps.
    pub(super) fn asleep(pc: u64, sp: u64) -> Self {
        let mut registers = Self { pc, ..Self::default() };
        registers.values[STACK_POINTER] = Some(sp);
        registers
    }

    /// All of them.
    pub(super) fn known(pc: u64, values: [u64; COUNT]) -> Self {
        Self { pc, values: values.map(Some) }
    }

    pub(super) fn sp(&self) -> Option<u64> {
        self.values[STACK_POINTER]
    }

    /// `None`: not known.
    pub(super) fn get(&self, register: Register) -> Option<u64> {
        self.values.get(usize::from(register.0)).copied().flatten()
    }

    pub(super) fn set(&mut self, register: usize, value: Option<u64>) {
        if let Some(known) = self.values.get_mut(register) {
            *known = value;
        }
    }

    /// What the caller has in them if the function says nothing else: only those that a function preserves are known.
    pub(super) fn of_caller(&self, pc: u64, sp: u64) -> Self {
        let mut caller = Self::asleep(pc, sp);
        for &register in machine::PRESERVED {
            caller.values[register] = self.values[register];
        }
        caller
    }
}
