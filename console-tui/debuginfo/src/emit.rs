//! The index itself: what is kept of the types, numbered anew, and each text once.

use rustc_hash::FxHashMap;
use taskscope_await::{
    MAX_TEXTS, MAX_TYPES,
    types::{Kind, Member, Text, Type, TypeId, Variant, Variants},
};

use crate::{
    die::{Die, Shape},
    graph::{Graph, Id},
    relevance::{Level, SHELL},
    units::Place,
};

/// Bytes of one name.
pub const MAX_NAME_BYTES: usize = 2048;

pub(crate) struct Emitter<'g, 'u, 'a> {
    graph: &'g mut Graph<'u, 'a>,
    levels: &'g [Level],
    types: Vec<Type>,
    texts: Vec<String>,
    text_numbers: FxHashMap<String, Text>,
    numbers: FxHashMap<Id, TypeId>,
    /// Types that have a number and are not written yet.
    queue: Vec<(Id, TypeId)>,
    files: FxHashMap<(u32, u64), Text>,
    /// Types and texts past the limits.
    refused: u64,
}

impl<'g, 'u, 'a> Emitter<'g, 'u, 'a> {
    pub(crate) fn new(graph: &'g mut Graph<'u, 'a>, levels: &'g [Level]) -> Self {
        Self {
            graph,
            levels,
            types: vec![Type::default()],
            texts: vec![String::new()],
            text_numbers: FxHashMap::from_iter([(String::new(), Text(0))]),
            numbers: FxHashMap::default(),
            queue: Vec::new(),
            files: FxHashMap::default(),
            refused: 0,
        }
    }

    /// The types and texts that were asked for, and how many were past the limits.
    pub(crate) fn finish(mut self) -> (Vec<Type>, Vec<String>, u64) {
        self.write_all();
        (self.types, self.texts, self.refused)
    }

    /// Writes the types that have a number, and those that they lead to.
    pub(crate) fn write_all(&mut self) {
        while let Some((id, number)) = self.queue.pop() {
            let ty = self.write(id);
            self.types[number.0 as usize] = ty;
        }
    }

    /// Whether more than the name of a type is kept.
    pub(crate) fn is_kept(&self, place: Place) -> bool {
        self.graph.known(place).is_some_and(|id| self.levels[id as usize] > SHELL)
    }

    pub(crate) fn is_numbered(&self, id: Id) -> bool {
        self.numbers.contains_key(&id)
    }

    /// The number that a type has in the index.
    pub(crate) fn number(&mut self, id: Id) -> TypeId {
        if let Some(number) = self.numbers.get(&id) {
            return *number;
        }
        if self.types.len() >= MAX_TYPES {
            self.refused += 1;
            return TypeId::UNKNOWN;
        }
        let number = TypeId(self.types.len() as u32);
        self.types.push(Type::default());
        self.numbers.insert(id, number);
        self.queue.push((id, number));
        number
    }

    fn at(&mut self, place: Place) -> TypeId {
        self.graph.known(place).map_or(TypeId::UNKNOWN, |id| self.number(id))
    }

    pub(crate) fn name(&mut self, name: &[u8]) -> Text {
        self.text(&String::from_utf8_lossy(name))
    }

    pub(crate) fn text(&mut self, text: &str) -> Text {
        let text = cut(text);
        if let Some(number) = self.text_numbers.get(text) {
            return *number;
        }
        if self.texts.len() >= MAX_TEXTS {
            self.refused += 1;
            return Text(0);
        }
        let number = Text(self.texts.len() as u32);
        self.texts.push(text.to_owned());
        self.text_numbers.insert(text.to_owned(), number);
        number
    }

    /// A type as the index has it. What it refers to gets a number.
    fn write(&mut self, id: Id) -> Type {
        // Taken out for as long as it is looked at; it is needed no more.
        let die = std::mem::take(&mut self.graph.dies[id as usize]);
        let is_shell = self.levels[id as usize] == SHELL;
        let path = self.graph.path_number(die.unit, die.scope);
        let path = self.graph.path_texts.get(path as usize).cloned().unwrap_or_default();
        let mut ty = Type {
            path: self.text(&path),
            name: self.name(die.name),
            size: die.size,
            kind: self.kind(&die, is_shell),
            ..Type::default()
        };
        if !is_shell {
            ty.members = die
                .members
                .iter()
                .map(|part| Member { name: self.name(part.name), ty: self.at(part.ty), offset: part.offset })
                .collect();
            ty.variants = self.variants(&die);
            let params = die.params.iter().filter(|(_, place)| self.is_kept(*place)).copied();
            let params: Vec<_> = params.collect();
            ty.params = params.iter().map(|(name, place)| (self.name(name), self.at(*place))).collect();
        }
        ty
    }

    fn kind(&mut self, die: &Die<'a>, is_shell: bool) -> Kind {
        let target = if is_shell { TypeId::UNKNOWN } else { self.at(die.target) };
        match die.shape {
            Shape::Other => Kind::Unknown,
            Shape::Bool => Kind::Bool,
            Shape::Unsigned => Kind::Unsigned,
            Shape::Signed => Kind::Signed,
            Shape::Base | Shape::Names => Kind::Base,
            Shape::Struct => Kind::Struct,
            Shape::Union => Kind::Union,
            Shape::Pointer => Kind::Pointer(target),
            Shape::Array => Kind::Array(target, die.count),
        }
    }

    fn variants(&mut self, die: &Die<'a>) -> Option<Variants> {
        let variants = die.variants.as_ref()?;
        let (offset, size) = match (variants.number, die.shape) {
            (Some((offset, place)), _) => {
                (offset, self.graph.glance(place).map_or(0, |(_, glance)| glance.size))
            }
            (None, Shape::Names) => (0, die.size),
            (None, _) => (0, 0),
        };
        let mask = if size < 8 { (1 << (size * 8)) - 1 } else { u64::MAX };
        let list = variants.list.iter().map(|variant| {
            let ty = variant.part.ty;
            // Those of coroutines have numbers as names; their types are called `Suspend0`.
            let is_numbered = variant.part.name.first().is_some_and(u8::is_ascii_digit);
            let glance = if is_numbered { self.graph.glance(ty) } else { None };
            let name = glance.map_or(variant.part.name, |(_, glance)| glance.name);
            Variant {
                value: variant.value.map(|value| value & mask),
                name: self.name(name),
                ty: self.at(ty),
                offset: variant.part.offset,
                file: self.file(die.unit, variant.file),
                line: variant.line,
            }
        });
        Some(Variants { offset, size, list: list.collect() })
    }

    fn file(&mut self, unit: u32, number: u64) -> Text {
        if number == 0 {
            return Text(0);
        }
        if let Some(file) = self.files.get(&(unit, number)) {
            return *file;
        }
        let path = self.graph.file(unit, number).unwrap_or_default();
        let file = self.text(&path);
        self.files.insert((unit, number), file);
        file
    }
}

/// A text up to the limit, whole characters only.
pub(crate) fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_NAME_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::{MAX_NAME_BYTES, cut};

    #[test]
    fn long_names_are_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let long = format!("{}é", "x".repeat(MAX_NAME_BYTES - 1));
        assert_eq!(cut(&long).len(), MAX_NAME_BYTES - 1);
    }
}
