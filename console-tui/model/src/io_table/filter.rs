//! The filter of the tables of I/O.
//!
//! ```text
//! 10.0.0.7           kind, state, address, descriptor, waiting task, name, place or id contain it
//! kind:tcp peer:~10.0.0.7    so do state:, local:, addr:, fd:, waiting:, name:, type:, place: and id:
//! ```

use crate::{
    query::{
        contains,
        words::{Fields, WordFilter},
    },
    store::{Store, io::things::Thing, waits::Waits},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Kind,
    State,
    Local,
    Peer,
    Address,
    Fd,
    Waiting,
    Name,
    Type,
    Place,
    Id,
}

impl Fields for Field {
    const ALL: &'static [(&'static str, Self)] = &[
        ("kind", Self::Kind),
        ("state", Self::State),
        ("local", Self::Local),
        ("peer", Self::Peer),
        ("addr", Self::Address),
        ("fd", Self::Fd),
        ("waiting", Self::Waiting),
        ("name", Self::Name),
        ("type", Self::Type),
        ("place", Self::Place),
        ("id", Self::Id),
    ];
}

/// A filter in force.
pub(crate) type IoFilter = WordFilter<Field>;

impl IoFilter {
    /// `waits`: those who wait on it.
    pub(crate) fn matches(&self, store: &Store, thing: &Thing, waits: Option<&Waits>) -> bool {
        self.holds(|field, needle| has(store, thing, waits, field, needle))
    }
}

fn has(store: &Store, thing: &Thing, waits: Option<&Waits>, field: Field, needle: &str) -> bool {
    let text = |text: Option<&str>| text.is_some_and(|text| contains(text, needle));
    match field {
        Field::Kind => text(Some(thing.kind.word())),
        Field::State => text(thing.descriptor.map(|of| of.state.as_str())),
        Field::Local => text(store.io_local(thing)),
        Field::Peer => text(store.io_peer(thing)),
        Field::Address => text(store.io_addresses(thing).as_deref()),
        Field::Fd => thing.fd().is_some_and(|fd| fd.to_string() == needle),
        Field::Waiting => {
            let task = waits.and_then(|waits| waits.longest).and_then(|key| store.task(key));
            task.is_some_and(|task| contains(&store.task_words(task), needle))
        }
        Field::Name => text(thing.resource.and_then(|of| store.resource_name(of))),
        Field::Type => text(thing.resource.and_then(|of| store.texts.text(of.concrete_type))),
        Field::Place => text(store.place(thing.site()).as_deref()),
        Field::Id => thing.key().id().eq_ignore_ascii_case(needle),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_descriptor_and_slips_are_named() {
        assert_eq!(IoFilter::parse("kind:tcp peer:~10.0.0.7 !state:listen").unwrap().terms.len(), 3);
        let error = IoFilter::parse("stat:listen").unwrap_err();
        assert_eq!(error.message, "There is no field `stat`; did you mean `state`?");
        assert_eq!(IoFilter::complete("pee", 3), (0, vec!["peer:".to_owned()]));
    }
}
