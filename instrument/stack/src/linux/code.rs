//! What the machine's code shows of a function's frame where unwind tables don't.
//!
//! *At the beginning.* The kernel does not show the frame pointer of a sleeping thread, and the function that it sleeps in, in the C library, mostly does
//! not save it. Its caller, in the standard library, is built with frame pointers: its tables say "sixteen bytes above the frame
//! pointer" and no more. But such a function begins alike everywhere: `push rbp; mov rbp, rsp`, then it saves registers and makes room. So the
//! distance between the stack pointer that it has now and its frame pointer can be read there.
//!
//! *At the end.* A thread that a signal meets may be in the last instructions of a function, which give back registers and room. Many tables say
//! nothing of them (those of the standard library); but they are few, and what they do can be done in thought.
//!
//! Invariant: what is found at the beginning is checked: above the frame pointer there must be an address that follows a call instruction. What does
//! not look as above (variable room, another alignment) is `None`: unknown.
//!
//! Limit: x86_64. On aarch64 the compiler saves in other orders, and the answer is `None`.

use super::{memory::Memory, registers::Registers, unwind::Copied};

/// Bytes of a function that are read: the longest such beginning has 27.
const BEGINNING_BYTES: usize = 48;
/// The same of a function's end: eight registers, and room.
const END_BYTES: usize = 32;
/// DWARF's numbers of the first eight registers, in the machine's order: `rax`, `rcx`, `rdx`, `rbx`, `rsp`, `rbp`, `rsi`, `rdi`.
const NUMBERS: [u8; 8] = [0, 2, 1, 3, 7, 6, 4, 5];

/// The frame pointer of a function that keeps one, when it is not known.
pub(super) fn frame_pointer(
    memory: &Memory,
    stack: &Copied<'_>,
    function: u64,
    registers: &Registers,
) -> Option<u64> {
    if !cfg!(target_arch = "x86_64") {
        return None;
    }
    let mut beginning = [0; BEGINNING_BYTES];
    let length = memory.read(function, &mut beginning).ok()?;
    let room = room(&beginning[..length])?;
    let frame_pointer = registers.sp()?.checked_add(room)?;
    let return_address = stack.word(frame_pointer.checked_add(8)?)?;
    follows_a_call(memory, return_address).then_some(frame_pointer)
}

/// The caller's registers, if from here on a function does nothing but leave. Of a jump to another function that is only known behind a `pop`.
pub(super) fn leave(memory: &Memory, stack: &Copied<'_>, registers: &Registers) -> Option<Registers> {
    if !cfg!(target_arch = "x86_64") {
        return None;
    }
    let mut bytes = [0; END_BYTES];
    let length = memory.read(registers.pc, &mut bytes).ok()?;
    let mut code = &bytes[..length];
    let mut sp = registers.sp()?;
    let mut popped = Vec::new();
    // `pop %rbp` may be behind us already.
    let mut has_popped = memory.array(registers.pc.checked_sub(1)?) == Some([0x5d]);
    loop {
        let (register, rest) = match code {
            // `pop` of one of the first and of the second eight registers.
            [0x41, pop @ 0x58..=0x5f, rest @ ..] => (8 + (pop - 0x58), rest),
            [pop @ 0x58..=0x5f, rest @ ..] => (NUMBERS[usize::from(pop - 0x58)], rest),
            // `add $N, %rsp`
            [0x48, 0x83, 0xc4, room @ 0..=0x7f, rest @ ..] => {
                (sp, code) = (sp.checked_add(u64::from(*room))?, rest);
                continue;
            }
            [0x48, 0x81, 0xc4, a, b, c, d, rest @ ..] => {
                (sp, code) = (sp.checked_add(u64::from(u32::from_le_bytes([*a, *b, *c, *d])))?, rest);
                continue;
            }
            [0xc3, ..] => break,
            [0xe9 | 0xeb, ..] | [0xff, 0x25, ..] if has_popped => break,
            _ => return None,
        };
        popped.push((usize::from(register), stack.word(sp)?));
        (sp, code, has_popped) = (sp.checked_add(8)?, rest, true);
    }
    let return_address = stack.word(sp)?;
    if !follows_a_call(memory, return_address) {
        return None;
    }
    let mut caller = registers.of_caller(return_address, sp.checked_add(8)?);
    for (register, value) in popped {
        caller.set(register, Some(value));
    }
    Some(caller)
}

/// Bytes between the stack pointer and the frame pointer, once the function has begun.
fn room(code: &[u8]) -> Option<u64> {
    // `endbr64`, where the processor guards its jumps.
    let code = code.strip_prefix(&[0xf3, 0x0f, 0x1e, 0xfa]).unwrap_or(code);
    // `push %rbp; mov %rsp, %rbp`, in the two ways to write it.
    let begins = [[0x55, 0x48, 0x89, 0xe5], [0x55, 0x48, 0x8b, 0xec]];
    let mut code = begins.iter().find_map(|begin| code.strip_prefix(begin))?;
    let mut bytes = 0;
    loop {
        code = match code {
            // `push` of one of the first and of the second eight registers.
            [0x50..=0x57, rest @ ..] | [0x41, 0x50..=0x57, rest @ ..] => rest,
            // `sub $N, %rsp`
            [0x48, 0x83, 0xec, room @ 0..=0x7f, ..] => return Some(bytes + u64::from(*room)),
            [0x48, 0x81, 0xec, a, b, c, d, ..] => {
                return Some(bytes + u64::from(u32::from_le_bytes([*a, *b, *c, *d])));
            }
            // `and $N, %rsp`: only the function itself knows the distance.
            [0x48, 0x83 | 0x81, 0xe4, ..] => return None,
            // Anything else: it has all the room that it wants.
            _ => return Some(bytes),
        };
        bytes += 8;
    }
}

/// Whether the bytes before an address are a call. Which function it names does not matter: a call may reach this one through another.
fn follows_a_call(memory: &Memory, address: u64) -> bool {
    let before = address.checked_sub(7).and_then(|at| memory.array::<7>(at));
    before.is_some_and(ends_with_a_call)
}

/// Source: Intel's manual, volume 2, `CALL` (0xe8, and 0xff with 2 in bits 3 to 5 of the byte behind it) and table 2-2 (how long the rest is).
fn ends_with_a_call(code: [u8; 7]) -> bool {
    if code[2] == 0xe8 {
        return true;
    }
    (0..=5).any(|at| {
        let (first, form) = (code[at], code[at + 1]);
        let rest = match (form >> 6, form & 7) {
            (0, 4) => 1,
            (0, 5) => 4,
            (0 | 3, _) => 0,
            (1, 4) => 2,
            (1, _) => 1,
            (_, 4) => 5,
            (_, _) => 4,
        };
        first == 0xff && form >> 3 & 7 == 2 && at + 2 + rest == code.len()
    })
}

#[cfg(test)]
mod tests {
    use super::{ends_with_a_call, room};

    #[test]
    fn the_room_is_read_from_the_first_instructions() {
        // push rbp; mov rbp, rsp; push rbx; push rax; mov rax, [rdi]
        assert_eq!(room(&[0x55, 0x48, 0x89, 0xe5, 0x53, 0x50, 0x48, 0x8b, 0x07]), Some(16));
        // endbr64; push rbp; mov rbp, rsp; push r15; push r14; sub rsp, 24
        let guarded =
            [0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48, 0x89, 0xe5, 0x41, 0x57, 0x41, 0x56, 0x48, 0x83, 0xec, 24];
        assert_eq!(room(&guarded), Some(40));
        // sub rsp, 0x1234
        assert_eq!(room(&[0x55, 0x48, 0x89, 0xe5, 0x48, 0x81, 0xec, 0x34, 0x12, 0, 0]), Some(0x1234));
    }

    #[test]
    fn what_does_not_begin_so_is_unknown() {
        assert_eq!(room(&[0x53, 0x48, 0x89, 0xe5]), None, "no frame pointer");
        assert_eq!(room(&[0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xe4, 0xe0]), None, "aligned");
        assert_eq!(room(&[]), None);
    }

    #[test]
    fn calls_are_known_by_their_bytes() {
        assert!(ends_with_a_call([0x90, 0x90, 0xe8, 1, 2, 3, 4]), "call of a place");
        assert!(ends_with_a_call([0x90, 0xff, 0x15, 0x13, 0xe6, 0x04, 0x00]), "call *0x4e613(%rip)");
        assert!(ends_with_a_call([0, 0, 0, 0, 0, 0xff, 0xd0]), "call *%rax");
        assert!(ends_with_a_call([0, 0, 0, 0, 0xff, 0x50, 0x18]), "call *24(%rax)");
        assert!(ends_with_a_call([0, 0, 0, 0xff, 0x54, 0x24, 0x08]), "call *8(%rsp)");
        assert!(!ends_with_a_call([0, 0, 0, 0, 0, 0xff, 0xe0]), "jmp *%rax");
        assert!(!ends_with_a_call([0x48, 0x89, 0xe5, 0x53, 0x50, 0x48, 0x8b]));
    }
}
