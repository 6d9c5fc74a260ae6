//! Writes a core file of a process that runs, in the form in which Linux writes one: see core(5) and `fs/binfmt_elf.c`.
//!
//! As with the kernel's own filter: what the process can write to, and the first page of each file; the rest is in the files.

use std::{fs, fs::File, os::unix::fs::FileExt as _, path::Path};

use taskscope_observe::{Map, Process};

const PAGE: u64 = 4096;
const ELF_BYTES: u64 = 64;
const HEADER_BYTES: u64 = 56;
const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
const NT_PRSTATUS: u32 = 1;
const NT_PRPSINFO: u32 = 3;
const NT_FILE: u32 = 0x4649_4c45;

/// Writes the core file of a process whose tasks all wait: it is not stopped meanwhile.
pub(crate) fn write(process: &Process, path: &Path) {
    let maps: Vec<Map> = process.maps().expect("it runs");
    let maps: Vec<Map> = maps.into_iter().filter(|map| map.readable && !is_the_kernels(map)).collect();
    let memory = File::open(format!("/proc/{}/mem", process.pid())).expect("it is ours");
    let contents: Vec<Vec<u8>> = maps.iter().map(|map| contents(&memory, map)).collect();
    let notes = notes(process, &maps);
    let headers = 1 + maps.len() as u64;
    let notes_at = ELF_BYTES + headers * HEADER_BYTES;
    let mut at = (notes_at + notes.len() as u64).next_multiple_of(PAGE);
    let mut file = elf_header(headers);
    program_header(&mut file, (PT_NOTE, 0), [notes_at, 0, notes.len() as u64, 0]);
    for (map, contents) in maps.iter().zip(&contents) {
        let flags = 4 | if map.writable { 2 } else { 0 };
        program_header(&mut file, (PT_LOAD, flags), [at, map.from, contents.len() as u64, map.to - map.from]);
        at += contents.len() as u64;
    }
    file.extend(&notes);
    file.resize(file.len().next_multiple_of(PAGE as usize), 0);
    file.extend(contents.concat());
    fs::write(path, file).expect("there is room for it");
}

fn is_the_kernels(map: &Map) -> bool {
    map.name.starts_with("[v")
}

/// All of what was written to, which the loader does to tables that it makes read-only afterwards; of a file's start a page.
fn contents(memory: &File, map: &Map) -> Vec<u8> {
    let mut contents = vec![0; (map.to - map.from) as usize];
    // A page that can't be read is one that was never written to.
    for (number, page) in contents.chunks_mut(PAGE as usize).enumerate() {
        let _ = memory.read_exact_at(page, map.from + PAGE * number as u64);
    }
    let is_as_in_file = || {
        let file = fs::read(&map.name).unwrap_or_default();
        file.get(map.offset as usize..).is_some_and(|rest| {
            let both = rest.len().min(contents.len());
            rest[..both] == contents[..both]
        })
    };
    if !map.writable && is_as_in_file() {
        contents.truncate(if map.offset == 0 { PAGE as usize } else { 0 });
    }
    contents
}

fn elf_header(headers: u64) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(16, 0);
    file.extend(4_u16.to_le_bytes()); // a core file
    file.extend(62_u16.to_le_bytes()); // of x86-64
    file.extend(1_u32.to_le_bytes());
    for word in [0, ELF_BYTES, 0] {
        file.extend(word.to_le_bytes());
    }
    file.extend(0_u32.to_le_bytes());
    let headers = u16::try_from(headers).expect("a process of ours has few mappings");
    for half in [ELF_BYTES as u16, HEADER_BYTES as u16, headers, 0, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    file
}

/// Kind and flags; then where it is in the file, its address, its bytes in the file and in memory.
fn program_header(
    file: &mut Vec<u8>,
    (kind, flags): (u32, u32),
    [at, address, in_file, in_memory]: [u64; 4],
) {
    file.extend(kind.to_le_bytes());
    file.extend(flags.to_le_bytes());
    let align = if kind == PT_NOTE { 4 } else { PAGE };
    for word in [at, address, 0, in_file, in_memory, align] {
        file.extend(word.to_le_bytes());
    }
}

fn notes(process: &Process, maps: &[Map]) -> Vec<u8> {
    let mut notes = Vec::new();
    for thread in process.threads() {
        let mut status = vec![0; 336];
        status[32..36].copy_from_slice(&thread.os_id.to_le_bytes());
        status[264..272].copy_from_slice(&stack_pointer(process.pid(), thread.os_id).to_le_bytes());
        status[280..288].copy_from_slice(&thread.pointer.unwrap_or(0).to_le_bytes());
        note(&mut notes, NT_PRSTATUS, &status);
    }
    let mut about = vec![0; 136];
    about[24..28].copy_from_slice(&process.pid().to_le_bytes());
    let name = process.name();
    about[40..40 + name.len()].copy_from_slice(name.as_bytes());
    note(&mut notes, NT_PRPSINFO, &about);
    let of_files: Vec<&Map> = maps.iter().filter(|map| map.name.starts_with('/')).collect();
    let mut files = (of_files.len() as u64).to_le_bytes().to_vec();
    files.extend(PAGE.to_le_bytes());
    for map in &of_files {
        for word in [map.from, map.to, map.offset / PAGE] {
            files.extend(word.to_le_bytes());
        }
    }
    for map in &of_files {
        files.extend(map.name.as_bytes());
        files.push(0);
    }
    note(&mut notes, NT_FILE, &files);
    notes
}

/// Of a thread in a system call: the last but one of the kernel's words on it.
fn stack_pointer(pid: u32, os_id: u32) -> u64 {
    let words = fs::read_to_string(format!("/proc/{pid}/task/{os_id}/syscall")).expect("it runs");
    let word = words.split_whitespace().rev().nth(1).and_then(|word| word.strip_prefix("0x"));
    word.and_then(|word| u64::from_str_radix(word, 16).ok()).expect("each thread of it sleeps")
}

fn note(notes: &mut Vec<u8>, kind: u32, bytes: &[u8]) {
    for half in [5, bytes.len() as u32, kind] {
        notes.extend(half.to_le_bytes());
    }
    notes.extend(b"CORE\0\0\0\0");
    notes.extend(bytes);
    notes.resize(notes.len().next_multiple_of(4), 0);
}

/// Of all memory in a core file that can be written to, the place of each word in the file, and its address.
pub(crate) fn heap_words(file: &[u8]) -> Vec<(usize, u64)> {
    let number = |at: usize, bytes: usize| {
        let mut word = [0; 8];
        word[..bytes].copy_from_slice(&file[at..at + bytes]);
        u64::from_le_bytes(word)
    };
    let mut words = Vec::new();
    for header in 0..number(56, 2) {
        let at = (ELF_BYTES + header * HEADER_BYTES) as usize;
        if number(at, 4) == u64::from(PT_LOAD) && number(at + 4, 4) & 2 != 0 {
            let (place, address, bytes) = (number(at + 8, 8), number(at + 16, 8), number(at + 32, 8));
            words.extend((0..bytes / 8).map(|word| ((place + 8 * word) as usize, address + 8 * word)));
        }
    }
    words
}
