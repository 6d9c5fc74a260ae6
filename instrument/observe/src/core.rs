//! A core file: the memory of a process that died, with its threads and mappings.
//!
//! Linux writes what the process had written to, and leaves out what is in files: that is read from the program itself. See core(5) and the notes in Linux's
//! `fs/binfmt_elf.c`.
//!
//! Limits: [`MAX_NOTE_BYTES`] of notes, [`MAX_THREADS`] threads, [`MAX_MAPS`] mappings.

use std::{
    collections::BTreeMap,
    fs::File,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use object::{
    Endianness, ReadCache,
    elf::{self, FileHeader64},
    read::elf::{FileHeader as _, ProgramHeader as _},
};

use crate::{error::AttachError, maps::Map, memory::Memory, process::Thread};

/// Bytes of notes that are read.
const MAX_NOTE_BYTES: u64 = 64 << 20;
/// Threads of a core file.
const MAX_THREADS: usize = 65_536;
/// Mappings of a core file.
const MAX_MAPS: usize = 1 << 20;
/// In `elf_prstatus` of x86-64: the thread's number, and among its registers the base of its thread-local storage and its stack's pointer.
const PRSTATUS_PID: usize = 32;
const PRSTATUS_FS_BASE: usize = 112 + 21 * 8;
const PRSTATUS_STACK: usize = 112 + 19 * 8;
/// In `elf_prpsinfo` of x86-64: the process's number, and its name of 16 bytes.
const PSINFO_PID: usize = 24;
const PSINFO_NAME: usize = 40;

/// See the module's text.
#[derive(Debug)]
pub struct Core {
    file: File,
    /// By address: bytes, and where in the file they are.
    segments: BTreeMap<u64, (u64, u64)>,
    maps: Vec<Map>,
    threads: Vec<Thread>,
    pid: u32,
    name: String,
    executable: String,
    /// The program, for what the core file leaves out.
    program: Option<File>,
}

impl Core {
    /// Opens a core file. `program`: its executable, where it is not at the path that the core file has.
    ///
    /// # Errors
    /// It is no core file of an x86-64 Linux.
    pub fn open(path: &Path, program: Option<&Path>) -> Result<Self, AttachError> {
        let wrong = |reason: String| AttachError::NoCore { path: path.display().to_string(), reason };
        let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
        let reader = file.try_clone().map_err(|error| wrong(error.to_string()))?;
        let cache = ReadCache::new(reader);
        let no_core = || wrong("it is no core file; name a file that the kernel or gcore wrote".to_owned());
        let header = FileHeader64::<Endianness>::parse(&cache).map_err(|_| no_core())?;
        let endian = header.endian().map_err(|_| no_core())?;
        if header.e_type(endian) != elf::ET_CORE {
            return Err(no_core());
        }
        if header.e_machine(endian) != elf::EM_X86_64 {
            return Err(wrong(
                "it is of another architecture; taskscope reads core files of x86-64".to_owned(),
            ));
        }
        let mut core = Self {
            file,
            segments: BTreeMap::new(),
            maps: Vec::new(),
            threads: Vec::new(),
            pid: 0,
            name: String::new(),
            executable: String::new(),
            program: None,
        };
        let headers = header.program_headers(endian, &cache).map_err(|_| no_core())?;
        let of_kind = |kind| headers.iter().filter(move |header| header.p_type(endian) == kind);
        of_kind(elf::PT_LOAD).for_each(|segment| core.load(segment, endian));
        core.by_address();
        // The notes come first in the file, and name the mappings.
        for segment in of_kind(elf::PT_NOTE).filter(|it| it.p_filesz(endian) <= MAX_NOTE_BYTES) {
            let Ok(Some(mut notes)) = segment.notes(endian, &cache) else { continue };
            while let Ok(Some(note)) = notes.next() {
                core.note(note.n_type(endian), note.desc());
            }
        }
        core.name_stack();
        core.find_program(program);
        Ok(core)
    }

    fn load(&mut self, segment: &elf::ProgramHeader64<Endianness>, endian: Endianness) {
        let (from, bytes) = (segment.p_vaddr(endian), segment.p_filesz(endian));
        if self.maps.len() >= MAX_MAPS {
            return;
        }
        if bytes > 0 {
            self.segments.insert(from, (bytes, segment.p_offset(endian)));
        }
        let flags = segment.p_flags(endian);
        self.maps.push(Map {
            from,
            to: from.saturating_add(segment.p_memsz(endian)),
            writable: flags.0 & elf::PF_W.0 != 0,
            readable: flags.0 & elf::PF_R.0 != 0,
            offset: 0,
            name: String::new(),
        });
    }

    fn note(&mut self, kind: elf::NoteType, bytes: &[u8]) {
        match kind {
            elf::NT_PRSTATUS if self.threads.len() < MAX_THREADS => {
                let os_id = half(bytes, PRSTATUS_PID).unwrap_or(0);
                let pointer = word(bytes, PRSTATUS_FS_BASE).filter(|pointer| *pointer != 0);
                let stack = word(bytes, PRSTATUS_STACK).filter(|pointer| *pointer > 0);
                self.threads.push(Thread { os_id, name: String::new(), pointer, stack, kernel_state: None });
            }
            elf::NT_PRPSINFO => {
                self.pid = half(bytes, PSINFO_PID).unwrap_or(0);
                let name = bytes.get(PSINFO_NAME..PSINFO_NAME + 16).unwrap_or_default();
                let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
                self.name = String::from_utf8_lossy(&name[..end]).into_owned();
            }
            elf::NT_FILE => self.files(bytes),
            _ => {}
        }
    }

    /// The mappings of files: a count, the size of a page, three words for each, and the names.
    fn files(&mut self, bytes: &[u8]) {
        let (Some(count), Some(page_bytes)) = (word(bytes, 0), word(bytes, 8)) else { return };
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(MAX_MAPS);
        let Some(names) = count.checked_mul(24).and_then(|table| bytes.get(16 + table..)) else { return };
        let mut others = Vec::new();
        for (number, name) in names.split(|byte| *byte == 0).take(count).enumerate() {
            let at = 16 + number * 24;
            let (Some(from), Some(to), Some(page)) =
                (word(bytes, at), word(bytes, at + 8), word(bytes, at + 16))
            else {
                break;
            };
            let name = String::from_utf8_lossy(name).into_owned();
            let offset = page.saturating_mul(page_bytes);
            match self.maps.binary_search_by_key(&from, |map| map.from) {
                Ok(number) => (self.maps[number].name, self.maps[number].offset) = (name, offset),
                // The table of files may have more than the segments: what is left out altogether.
                Err(_) => others.push(Map { from, to, readable: true, writable: false, offset, name }),
            }
        }
        let room = MAX_MAPS.saturating_sub(self.maps.len());
        self.maps.extend(others.into_iter().take(room));
        self.by_address();
    }

    fn by_address(&mut self) {
        self.maps.sort_by_key(|map| map.from);
    }

    /// The first thread's stack has a name in a live process alone.
    fn name_stack(&mut self) {
        let pointer =
            self.threads.iter().find(|thread| thread.os_id == self.pid).and_then(|first| first.stack);
        let stack = pointer.and_then(|pointer| {
            self.maps.iter_mut().find(|map| (map.from..map.to).contains(&pointer) && map.name.is_empty())
        });
        if let Some(stack) = stack {
            "[stack]".clone_into(&mut stack.name);
        }
    }

    /// The first file that is mapped from its start is the program: the loader and its libraries lie above it.
    fn find_program(&mut self, program: Option<&Path>) {
        let first = self.maps.iter().find(|map| map.offset == 0 && map.name.starts_with('/'));
        self.executable = first.map(|map| map.name.clone()).unwrap_or_default();
        let path = program.map_or_else(|| PathBuf::from(&self.executable), Path::to_path_buf);
        self.program = File::open(path).ok();
    }

    /// The number that the process had.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its name, as the kernel had it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its executable, as the core file names it.
    #[must_use]
    pub fn executable(&self) -> &str {
        &self.executable
    }

    /// Its mappings.
    #[must_use]
    pub fn maps(&self) -> &[Map] {
        &self.maps
    }

    /// Its threads. Their names are in no core file.
    #[must_use]
    pub fn threads(&self) -> &[Thread] {
        &self.threads
    }

    /// What the core file leaves out, from the program.
    fn read_program(&self, address: u64, buffer: &mut [u8]) -> bool {
        let len = buffer.len() as u64;
        let end = self.maps.partition_point(|map| map.from <= address);
        let map = end.checked_sub(1).and_then(|number| self.maps.get(number));
        let map = map.filter(|map| map.name == self.executable && address.saturating_add(len) <= map.to);
        let (Some(map), Some(program)) = (map, &self.program) else { return false };
        program.read_exact_at(buffer, map.offset.saturating_add(address - map.from)).is_ok()
    }
}

impl Memory for Core {
    fn read(&self, address: u64, buffer: &mut [u8]) -> bool {
        let len = buffer.len() as u64;
        let segment = self.segments.range(..=address).next_back();
        match segment.filter(|(from, (bytes, _))| address.saturating_add(len) <= from.saturating_add(*bytes))
        {
            Some((from, (_, offset))) => {
                self.file.read_exact_at(buffer, offset.saturating_add(address - from)).is_ok()
            }
            None => self.read_program(address, buffer),
        }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
