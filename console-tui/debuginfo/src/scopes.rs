//! The namespaces of a unit: which one an entry lies in.
//!
//! Three numbers each, as a large program has millions; a namespace's name is read again from its entry when a type in it is wanted.

/// See the module's text.
#[derive(Default)]
pub(crate) struct Scopes(Vec<Scope>);

struct Scope {
    /// Offset of its entry in the unit.
    start: u32,
    /// Offset behind its last entry.
    end: u32,
    /// Number of the namespace that it is in, plus one.
    parent: u32,
}

impl Scopes {
    /// A namespace begins. In the order of the unit, from outside in. Its number.
    pub(crate) fn open(&mut self, start: usize, parent: Option<u32>) -> u32 {
        let parent = parent.map_or(0, |parent| parent + 1);
        self.0.push(Scope { start: start as u32, end: u32::MAX, parent });
        (self.0.len() - 1) as u32
    }

    pub(crate) fn close(&mut self, scope: u32, end: usize) {
        if let Some(scope) = self.0.get_mut(scope as usize) {
            scope.end = end as u32;
        }
    }

    /// The innermost namespace of an entry.
    pub(crate) fn of(&self, offset: usize) -> Option<u32> {
        let offset = offset as u32;
        let mut found = self.0.partition_point(|scope| scope.start < offset).checked_sub(1)? as u32;
        while self.0.get(found as usize)?.end <= offset {
            found = self.parent(found)?;
        }
        Some(found)
    }

    pub(crate) fn parent(&self, scope: u32) -> Option<u32> {
        self.0.get(scope as usize)?.parent.checked_sub(1)
    }

    /// Offset of a namespace's entry.
    pub(crate) fn start(&self, scope: u32) -> Option<usize> {
        self.0.get(scope as usize).map(|scope| scope.start as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::Scopes;

    #[test]
    fn the_innermost_namespace_of_an_entry() {
        let mut scopes = Scopes::default();
        let outer = scopes.open(10, None);
        let inner = scopes.open(20, Some(outer));
        scopes.close(inner, 30);
        scopes.close(outer, 50);
        assert_eq!(scopes.of(5), None);
        assert_eq!(scopes.of(15), Some(outer));
        assert_eq!(scopes.of(25), Some(inner));
        assert_eq!(scopes.of(40), Some(outer));
        assert_eq!(scopes.of(60), None);
        assert_eq!(scopes.parent(inner), Some(outer));
    }
}
