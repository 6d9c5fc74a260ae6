//! The filter of the table of resources.
//!
//! ```text
//! ledger             name, type, kind, place, attributes, holder or id contain it
//! type:mutex         its type contains it; so do name:, kind:, place:, loc:, attr:, holder: and id:
//! mutex !locked      both; not
//! ```

use crate::{
    query::{
        contains,
        words::{Fields, WordFilter},
    },
    store::{Store, resources::Resource},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Name,
    Type,
    Kind,
    Place,
    Attributes,
    Holder,
    Id,
}

impl Fields for Field {
    const ALL: &'static [(&'static str, Self)] = &[
        ("name", Self::Name),
        ("type", Self::Type),
        ("kind", Self::Kind),
        ("place", Self::Place),
        ("loc", Self::Place),
        ("attr", Self::Attributes),
        ("holder", Self::Holder),
        ("id", Self::Id),
    ];
}

/// A filter in force.
pub(crate) type ResourceFilter = WordFilter<Field>;

impl ResourceFilter {
    pub(crate) fn matches(&self, store: &Store, resource: &Resource) -> bool {
        self.holds(|field, needle| has(store, resource, field, needle))
    }
}

fn has(store: &Store, resource: &Resource, field: Field, needle: &str) -> bool {
    let text = |text: Option<&str>| text.is_some_and(|text| contains(text, needle));
    match field {
        Field::Name => text(store.resource_name(resource)),
        Field::Holder => store.lock(resource.key).is_some_and(|lock| {
            lock.holders.iter().any(|holder| text(store.who_words(holder.who).as_deref()))
        }),
        Field::Type => text(store.texts.text(resource.concrete_type)),
        Field::Kind => text(store.texts.text(resource.kind)),
        Field::Place => text(store.place(resource.site).as_deref()),
        Field::Attributes => text(Some(&store.attribute_words(&resource.attributes))),
        Field::Id => resource.key.id().eq_ignore_ascii_case(needle),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn slips_are_named() {
        let error = ResourceFilter::parse("mutex typ:x").unwrap_err();
        assert_eq!((error.at, error.len), (6, 3));
        assert_eq!(error.message, "There is no field `typ`; did you mean `type`?");
        assert_eq!(ResourceFilter::parse("a !").unwrap_err().at, 3);
        assert_eq!(ResourceFilter::parse("main.rs:40 Mutex::lock").unwrap().terms.len(), 2);
        assert_eq!(ResourceFilter::complete("a ty", 4), (2, vec!["type:".to_owned()]));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), cursor in 0_usize..40) {
            if let Err(error) = ResourceFilter::parse(&text) {
                prop_assert!(error.at <= text.chars().count() && error.len > 0);
            }
            prop_assert!(ResourceFilter::complete(&text, cursor).0 <= cursor);
        }
    }
}
