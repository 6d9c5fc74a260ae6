//! From a function to its caller, by the unwind tables of the program (DWARF's call frame information).
//!
//! Invariant: a register that is not known makes the stack end there, never a guess: a frame that is shown was found by the tables, or by
//! [`super::code`] and a check.
//!
//! Source: DWARF 5, section 6.4; System V ABI, AMD64, section 3.7.

use gimli::{
    CfaRule, EvaluationResult, Expression, Location, Register, RegisterRule, UnwindContext, UnwindExpression,
    UnwindTableRow, Value,
};

use super::{
    memory::Memory,
    registers::{COUNT, FRAME_POINTER, Registers, STACK_POINTER},
    tables::{Entry, Slice, Tables},
};

/// Steps of a rule that is a small program; real ones have about ten.
const MAX_STEPS: u32 = 100;

/// Why a stack ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The thread's first function, or code without tables: what was found is what there is.
    Outermost,
    /// The next frame lies past what was copied.
    NotCopied,
    /// The caller's place depends on a register that a sleeping thread does not show.
    UnknownRegister,
}

/// The piece of a stack that was copied.
#[derive(Debug)]
pub(super) struct Copied<'s> {
    pub(super) from: u64,
    pub(super) bytes: &'s [u8],
}

impl Copied<'_> {
    pub(super) fn word(&self, address: u64) -> Option<u64> {
        let from = usize::try_from(address.checked_sub(self.from)?).ok()?;
        Some(u64::from_ne_bytes(*self.bytes.get(from..)?.first_chunk()?))
    }
}

/// The caller's registers, and whether its program counter is a return address. `is_return` says the same of `callee`.
pub(super) fn caller(
    memory: &Memory,
    stack: &Copied<'_>,
    tables: &Tables,
    callee: &Registers,
    is_return: bool,
) -> Result<(Registers, bool), End> {
    // The call, not the instruction after it: that may belong to another function.
    let address = callee.pc - u64::from(is_return);
    if !is_return && let Some(caller) = super::code::leave(memory, stack, callee) {
        return Ok((caller, true));
    }
    let entry = tables.entry(memory, address).ok_or(End::Outermost)?;
    let section = entry.section();
    let description = entry.description(&section, address).ok_or(End::Outermost)?;
    let mut context = UnwindContext::new();
    let row = description.unwind_info_for_address(&section, entry.bases(), &mut context, address);
    let row = row.map_err(|_| End::Outermost)?;
    let frame = CallFrame { memory, stack, entry: &entry, callee };
    let cfa = frame.cfa(row)?;
    if callee.sp().is_some_and(|sp| cfa < sp) {
        return Err(End::Outermost);
    }
    let return_address = description.cie().return_address_register();
    let pc = frame.register(row, return_address, cfa)?.filter(|pc| *pc != 0).ok_or(End::Outermost)?;
    // On aarch64 the upper bits may be the address's signature; addresses of programs have 48.
    let pc = if cfg!(target_arch = "aarch64") { pc & ((1 << 48) - 1) } else { pc };
    let mut registers = callee.of_caller(pc, cfa);
    for number in (0..COUNT).filter(|number| *number != STACK_POINTER) {
        let register = Register(number as u16);
        if row.register(register).is_some() && register != return_address {
            registers.set(number, frame.register(row, register, cfa)?);
        }
    }
    Ok((registers, !description.is_signal_trampoline()))
}

/// A function's frame, while its caller is looked for.
struct CallFrame<'f> {
    memory: &'f Memory,
    stack: &'f Copied<'f>,
    entry: &'f Entry,
    callee: &'f Registers,
}

impl CallFrame<'_> {
    /// The stack pointer that the caller had before the call.
    fn cfa(&self, row: &UnwindTableRow<usize>) -> Result<u64, End> {
        match row.cfa() {
            CfaRule::RegisterAndOffset { register, offset } => {
                let mut value = self.callee.get(*register);
                if value.is_none() && usize::from(register.0) == FRAME_POINTER {
                    value = self.frame_pointer();
                }
                Ok(value.ok_or(End::UnknownRegister)?.wrapping_add_signed(*offset))
            }
            CfaRule::Expression(rule) => self.evaluate(*rule, None),
        }
    }

    /// Of a function that keeps a frame pointer, as those of the standard library do, when its callee has not saved it.
    fn frame_pointer(&self) -> Option<u64> {
        super::code::frame_pointer(self.memory, self.stack, self.entry.start, self.callee)
    }

    /// The value that a register has in the caller. `None`: it is lost.
    fn register(
        &self,
        row: &UnwindTableRow<usize>,
        register: Register,
        cfa: u64,
    ) -> Result<Option<u64>, End> {
        Ok(match row.register(register) {
            None | Some(RegisterRule::SameValue) => self.callee.get(register),
            Some(RegisterRule::Offset(offset)) => Some(self.word(cfa.wrapping_add_signed(offset))?),
            Some(RegisterRule::ValOffset(offset)) => Some(cfa.wrapping_add_signed(offset)),
            Some(RegisterRule::Register(other)) => self.callee.get(other),
            Some(RegisterRule::Expression(rule)) => Some(self.word(self.evaluate(rule, Some(cfa))?)?),
            Some(RegisterRule::ValExpression(rule)) => Some(self.evaluate(rule, Some(cfa))?),
            Some(RegisterRule::Constant(value)) => Some(value),
            Some(_) => None,
        })
    }

    fn word(&self, address: u64) -> Result<u64, End> {
        self.stack.word(address).ok_or(End::NotCopied)
    }

    /// A rule that is a small program: of signal handlers' frames, and of the linker's stubs.
    fn evaluate(&self, rule: UnwindExpression<usize>, cfa: Option<u64>) -> Result<u64, End> {
        let section = self.entry.section();
        let expression: Expression<Slice<'_>> = rule.get(&section).map_err(|_| End::Outermost)?;
        let description = self.entry.description(&section, self.entry.start).ok_or(End::Outermost)?;
        let mut evaluation = expression.evaluation(description.cie().encoding());
        evaluation.set_max_iterations(MAX_STEPS);
        if let Some(cfa) = cfa {
            evaluation.set_initial_value(cfa);
        }
        let mut step = evaluation.evaluate().map_err(|_| End::Outermost)?;
        loop {
            step = match step {
                EvaluationResult::Complete => break,
                EvaluationResult::RequiresMemory { address, size: 8, .. } => {
                    evaluation.resume_with_memory(Value::Generic(self.word(address)?))
                }
                EvaluationResult::RequiresRegister { register, .. } => {
                    // `rip` has a number, too.
                    let value = self.callee.get(register).or((register.0 == 16).then_some(self.callee.pc));
                    evaluation.resume_with_register(Value::Generic(value.ok_or(End::UnknownRegister)?))
                }
                _ => return Err(End::Outermost),
            }
            .map_err(|_| End::Outermost)?;
        }
        match evaluation.as_result() {
            [piece] => match piece.location {
                Location::Address { address } => Ok(address),
                Location::Value { value: Value::Generic(value) } => Ok(value),
                _ => Err(End::Outermost),
            },
            _ => Err(End::Outermost),
        }
    }
}
