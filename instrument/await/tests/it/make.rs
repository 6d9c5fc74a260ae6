//! An index by hand, and memory for it.

use std::collections::BTreeMap;

use taskscope_await::{
    Index, Options, Program, Snapshot, Step, TaskFn,
    types::{Kind, Member, Text, Type, TypeId, Variant, Variants},
};

/// Rounds of reading until a walk has all that it asks for.
const ROUNDS: usize = 64;

/// An index under way.
#[derive(Debug, Default)]
pub(crate) struct Make {
    pub(crate) index: Index,
}

impl Make {
    pub(crate) fn new() -> Self {
        let mut make = Self::default();
        make.index.texts.push(String::new());
        make.index.types.push(Type::default());
        make.index.segments.push((0, 0x1_0000));
        make
    }

    pub(crate) fn text(&mut self, text: &str) -> Text {
        if let Some(at) = self.index.texts.iter().position(|known| known == text) {
            return Text(at as u32);
        }
        self.index.texts.push(text.to_owned());
        Text(self.index.texts.len() as u32 - 1)
    }

    pub(crate) fn ty(&mut self, path: &str, name: &str, size: u64, kind: Kind) -> TypeId {
        let (path, name) = (self.text(path), self.text(name));
        self.index.types.push(Type { path, name, size, kind, ..Type::default() });
        TypeId(self.index.types.len() as u32 - 1)
    }

    pub(crate) fn structure(
        &mut self,
        path: &str,
        name: &str,
        size: u64,
        members: &[(&str, TypeId, u64)],
    ) -> TypeId {
        let id = self.ty(path, name, size, Kind::Struct);
        self.members(id, members);
        id
    }

    pub(crate) fn members(&mut self, id: TypeId, members: &[(&str, TypeId, u64)]) {
        let members = members.iter().map(|(name, ty, offset)| Member {
            name: self.text(name),
            ty: *ty,
            offset: *offset,
        });
        self.index.types[id.0 as usize].members = members.collect();
    }

    /// A coroutine whose state is a byte at offset 0: 0 not started, 1 returned, 3 parked in the only `.await`.
    pub(crate) fn coroutine(
        &mut self,
        path: &str,
        size: u64,
        line: u32,
        parked: &[(&str, TypeId, u64)],
    ) -> TypeId {
        let id = self.ty(path, "{async_fn_env#0}", size, Kind::Struct);
        let file = self.text("src/app.rs");
        let state = self.structure(path, "Suspend0", size, parked);
        let empty = self.ty(path, "Unresumed", size, Kind::Struct);
        let variant = |value, name, ty, line| Variant { value: Some(value), name, ty, offset: 0, file, line };
        let (unresumed, returned, suspended) =
            (self.text("Unresumed"), self.text("Returned"), self.text("Suspend0"));
        let list = vec![
            variant(0, unresumed, empty, 1),
            variant(1, returned, empty, 1),
            variant(3, suspended, state, line),
        ];
        self.index.types[id.0 as usize].variants = Some(Variants { offset: 0, size: 1, list });
        id
    }

    pub(crate) fn word(&mut self) -> TypeId {
        self.ty("", "usize", 8, Kind::Unsigned)
    }

    pub(crate) fn pointer(&mut self, name: &str, to: TypeId) -> TypeId {
        self.ty("", name, 8, Kind::Pointer(to))
    }

    /// tokio's semaphore and the future that waits for it, in a `Mutex::lock`.
    pub(crate) fn mutex_lock(&mut self) -> TypeId {
        let (word, byte) = (self.word(), self.ty("", "bool", 1, Kind::Bool));
        let semaphore =
            self.structure("tokio::sync::batch_semaphore", "Semaphore", 32, &[("permits", word, 24)]);
        let to_semaphore = self.pointer("&tokio::sync::batch_semaphore::Semaphore", semaphore);
        let waiter = self.structure("tokio::sync::batch_semaphore", "Waiter", 8, &[("state", word, 0)]);
        let acquire = self.structure(
            "tokio::sync::batch_semaphore",
            "Acquire",
            32,
            &[
                ("node", waiter, 0),
                ("semaphore", to_semaphore, 8),
                ("num_permits", word, 16),
                ("queued", byte, 24),
            ],
        );
        self.coroutine("tokio::sync::mutex::{impl#9}::lock", 48, 7, &[("__awaitee", acquire, 8)])
    }

    /// A task with this future whose cell has a header of 64 bytes and the stage behind it; its poll function is at 0x100, its vtable at 0x2000.
    pub(crate) fn task(&mut self, future: TypeId) {
        let word = self.word();
        let header = self.structure(
            "tokio::runtime::task::core",
            "Header",
            64,
            &[("state", word, 0), ("vtable", word, 16), ("owner_id", word, 24)],
        );
        let vtable = self.structure(
            "tokio::runtime::task::raw",
            "Vtable",
            64,
            &[("poll", word, 0), ("trailer_offset", word, 8), ("id_offset", word, 16)],
        );
        let size = self.index.ty(future).size;
        let core = self.structure("tokio::runtime::task::core", "Core", size, &[("stage", future, 0)]);
        let cell = self.structure(
            "tokio::runtime::task::core",
            "Cell",
            64 + size,
            &[("header", header, 0), ("core", core, 64)],
        );
        for (name, id) in
            [("tokio::runtime::task::core::Header", header), ("tokio::runtime::task::raw::Vtable", vtable)]
        {
            let name = self.text(name);
            self.index.named.push((name, id));
        }
        let name = self.text("app::main, Arc<tokio::runtime::scheduler::multi_thread::handle::Handle>");
        self.index.tasks.push(TaskFn { address: 0x100, future, cell, name });
    }

    pub(crate) fn program(self) -> Program {
        // As it goes to a file and back.
        Program::new(Index::read(&self.index.write()).expect("it is whole"))
    }
}

/// Bytes at addresses.
#[derive(Debug, Default)]
pub(crate) struct Bytes(BTreeMap<u64, u8>);

impl Bytes {
    pub(crate) fn put(&mut self, address: u64, bytes: &[u8]) {
        self.0.extend(bytes.iter().enumerate().map(|(at, byte)| (address + at as u64, *byte)));
    }

    pub(crate) fn words(&mut self, address: u64, words: &[u64]) {
        for (at, word) in words.iter().enumerate() {
            self.put(address + 8 * at as u64, &word.to_le_bytes());
        }
    }

    pub(crate) fn read(&self, address: u64, len: u64) -> Option<Box<[u8]>> {
        (0..len).map(|at| self.0.get(&address.wrapping_add(at)).copied()).collect()
    }

    /// Walks until nothing is missing.
    pub(crate) fn walk<T>(&self, mut step: impl FnMut(&Snapshot) -> Step<T>) -> T {
        let mut snapshot = Snapshot::new();
        for _ in 0..ROUNDS {
            match step(&snapshot) {
                Step::Done(found) => return found,
                Step::Missing(pieces) => {
                    for (address, len) in pieces {
                        snapshot.insert(address, len, self.read(address, len));
                    }
                }
            }
        }
        panic!("the walk asks for more and more");
    }

    pub(crate) fn task(&self, program: &Program, header: u64) -> Option<taskscope_await::Task> {
        self.walk(|snapshot| program.task(header, snapshot, Options::default()))
    }
}
