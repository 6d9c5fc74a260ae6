//! The types that are reached from the roots, each once, though many units describe it.
//!
//! Two entries are one type when their name, their size and their parts are the same, and of each part its name, its offset, and the name and
//! size of its type. Names are compared by where they are, as the linker keeps each text once.
//!
//! Limit: two versions of a crate in one program can have types with the same path. Then those of equal size and shape become one.

mod edges;

use std::hash::{DefaultHasher, Hash, Hasher};

use rustc_hash::FxHashMap;

pub(crate) use self::edges::{Edge, edges, is_list, is_safe};
use crate::{
    die::{self, Die, Glance, Shape},
    units::{Place, Unit},
};

/// Types that are read.
pub const MAX_READ_TYPES: usize = 4 << 20;
/// Entries that are read for all types. A file can nest types so that each has all others in it.
pub const MAX_TYPE_ENTRIES: u64 = 1 << 28;
/// Namespaces in each other.
const MAX_DEPTH: usize = 256;
/// How many raw pointers are followed from a type of tokio's.
pub(crate) const HOPS: u8 = 2;
/// As many from what the search for tasks starts at: thread-local, handle, lists of tasks.
pub(crate) const HOPS_OF_ROOTS: u8 = 3;

/// Number of a type among those read.
pub(crate) type Id = u32;

pub(crate) struct Graph<'u, 'a> {
    units: &'u [Unit<'a>],
    pub(crate) dies: Vec<Die<'a>>,
    /// Of each type, how many raw pointers are followed from it.
    hops: Vec<u8>,
    /// Which type an entry is.
    by_place: FxHashMap<Place, Id>,
    by_key: FxHashMap<u64, Id>,
    /// Path of each namespace that was asked for.
    paths: FxHashMap<(u32, Option<u32>), u32>,
    pub(crate) path_texts: Vec<String>,
    path_numbers: FxHashMap<String, u32>,
    /// Types whose parts are to be read.
    queue: Vec<Id>,
    entries_left: u64,
    /// Types past the limits.
    pub(crate) refused: u64,
}

impl<'u, 'a> Graph<'u, 'a> {
    pub(crate) fn new(units: &'u [Unit<'a>]) -> Self {
        Self {
            units,
            dies: Vec::new(),
            hops: Vec::new(),
            by_place: FxHashMap::default(),
            by_key: FxHashMap::default(),
            paths: FxHashMap::default(),
            path_texts: Vec::new(),
            path_numbers: FxHashMap::default(),
            queue: Vec::new(),
            entries_left: MAX_TYPE_ENTRIES,
            refused: 0,
        }
    }

    /// Reads a type and, with [`Graph::finish`], all that it leads to.
    pub(crate) fn root(&mut self, place: Place, hops: u8) -> Option<Id> {
        let id = self.resolve(place)?;
        self.follow(id, hops);
        Some(id)
    }

    /// Reads what the roots lead to.
    pub(crate) fn finish(&mut self) {
        while let Some(id) = self.queue.pop() {
            // One more is noted than is left, as 0 is a type that nothing led to.
            let hops = self.hops[id as usize] - 1;
            for (edge, place) in edges(self, id) {
                let left = match edge {
                    Edge::Value | Edge::Safe => hops,
                    Edge::Shared if hops > 0 => hops,
                    Edge::Raw if hops > 0 => hops - 1,
                    Edge::Shared | Edge::Raw => continue,
                };
                if let Some(to) = self.resolve(place) {
                    self.follow(to, left);
                }
            }
        }
    }

    fn follow(&mut self, id: Id, hops: u8) {
        let path = self.path(id);
        let hops = if path.starts_with("tokio") { hops.max(HOPS) } else { hops } + 1;
        let known = &mut self.hops[id as usize];
        if hops > *known {
            *known = hops;
            self.queue.push(id);
        }
    }

    /// The type of an entry, if it was read.
    pub(crate) fn known(&self, place: Place) -> Option<Id> {
        self.by_place.get(&place).copied()
    }

    /// The type of an entry, read now if it was not.
    pub(crate) fn resolve(&mut self, place: Place) -> Option<Id> {
        if let Some(id) = self.known(place) {
            return Some(id);
        }
        let number = self.unit_of(place)?;
        let die = die::read(&self.units[number], number as u32, place, &mut self.entries_left);
        self.refused += u64::from(self.entries_left == 0);
        let die = die?;
        let key = self.key(&die);
        let id = match self.by_key.get(&key) {
            Some(id) => *id,
            None if self.dies.len() >= MAX_READ_TYPES => {
                self.refused += 1;
                return None;
            }
            None => {
                let id = self.dies.len() as Id;
                self.dies.push(die);
                self.hops.push(0);
                self.by_key.insert(key, id);
                id
            }
        };
        self.by_place.insert(place, id);
        Some(id)
    }

    fn unit_of(&self, place: Place) -> Option<usize> {
        let number = self.units.partition_point(|unit| unit.start <= place).checked_sub(1)?;
        (place != 0 && place < self.units[number].end()).then_some(number)
    }

    pub(crate) fn glance(&self, place: Place) -> Option<(usize, Glance<'a>)> {
        let number = self.unit_of(place)?;
        Some((number, die::glance(&self.units[number], place)?))
    }

    /// What makes a type the same as another one.
    fn key(&mut self, die: &Die<'a>) -> u64 {
        let mut hash = DefaultHasher::new();
        let path = self.path_number(die.unit, die.scope);
        (die.shape, path, die.name.as_ptr() as usize, die.size, die.count).hash(&mut hash);
        for part in &die.members {
            (part.name.as_ptr() as usize, part.offset).hash(&mut hash);
            self.hash_glance(part.ty, &mut hash);
        }
        if let Some(variants) = &die.variants {
            variants.number.map(|(offset, _)| offset).hash(&mut hash);
            for variant in &variants.list {
                let part = &variant.part;
                (variant.value, part.name.as_ptr() as usize, part.offset, variant.line).hash(&mut hash);
                self.hash_glance(part.ty, &mut hash);
            }
        }
        for (name, ty) in &die.params {
            (name.as_ptr() as usize).hash(&mut hash);
            self.hash_glance(*ty, &mut hash);
        }
        self.hash_glance(die.target, &mut hash);
        self.hash_glance(die.containing, &mut hash);
        hash.finish()
    }

    fn hash_glance(&mut self, place: Place, hash: &mut DefaultHasher) {
        // Arrays have no name: what they are of says which they are.
        let mut place = place;
        for _ in 0..8 {
            let Some((unit, glance)) = self.glance(place) else { break };
            let path = self.path_number(unit as u32, glance.scope);
            (glance.shape, path, glance.name.as_ptr() as usize, glance.size).hash(hash);
            if glance.shape != Shape::Array {
                break;
            }
            place = glance.target;
        }
    }

    /// The modules that a type is in: `tokio::sync::mutex`.
    pub(crate) fn path(&mut self, id: Id) -> &str {
        let die = &self.dies[id as usize];
        let number = self.path_number(die.unit, die.scope);
        &self.path_texts[number as usize]
    }

    pub(crate) fn path_number(&mut self, unit: u32, scope: Option<u32>) -> u32 {
        if let Some(number) = self.paths.get(&(unit, scope)) {
            return *number;
        }
        let path = self.read_path(unit, scope);
        let next = self.path_texts.len() as u32;
        let number = *self.path_numbers.entry(path.clone()).or_insert(next);
        if number == next {
            self.path_texts.push(path);
        }
        self.paths.insert((unit, scope), number);
        number
    }

    fn read_path(&self, unit: u32, scope: Option<u32>) -> String {
        let Some(unit) = self.units.get(unit as usize) else { return String::new() };
        let mut names = Vec::new();
        let mut next = scope;
        while let Some(scope) = next.filter(|_| names.len() < MAX_DEPTH) {
            let start = unit.scopes.start(scope).unwrap_or(0);
            let glance = die::glance(unit, unit.place(gimli::UnitOffset(start)));
            names.push(String::from_utf8_lossy(glance.map_or(&[], |it| it.name)));
            next = unit.scopes.parent(scope);
        }
        names.reverse();
        names.join("::")
    }

    pub(crate) fn file(&self, unit: u32, number: u64) -> Option<String> {
        self.units.get(unit as usize)?.file(number)
    }
}
