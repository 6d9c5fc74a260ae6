//! Their fields and texts, cut to our limits.
//!
//! Limit: a name of a field that is only numbered is found among [`MAX_METADATA`] kinds of spans.

use std::collections::HashMap;

use console_api::{Attribute as TheirAttribute, Field, RegisterMetadata, field};
use taskscope_proto::cut;

use super::rows::{Attribute, AttributeValue};

/// Kinds of spans of which the names of fields are kept: tokio has a dozen.
const MAX_METADATA: usize = 4096;

/// Names of fields of a kind of span: tracing itself stops at 32.
const MAX_NAMES: usize = 32;

/// Attributes of a resource or an operation: tokio's have at most 4.
const MAX_ATTRIBUTES: usize = 16;

/// Bytes of a name, a unit, a type, a source, or a text that is an attribute's value.
pub(super) const MAX_WORD_BYTES: usize = 128;

/// Cuts texts, and counts what was cut.
#[derive(Debug, Default)]
pub(super) struct Texts {
    names: HashMap<u64, Vec<String>>,
    pub(super) truncated: u64,
}

impl Texts {
    pub(super) fn learn(&mut self, new: &RegisterMetadata) {
        for new in &new.metadata {
            let (Some(id), Some(metadata)) = (&new.id, &new.metadata) else { continue };
            if self.names.len() >= MAX_METADATA {
                return;
            }
            let names = metadata.field_names.iter().take(MAX_NAMES);
            let names = names.map(|name| cut::start(name, MAX_WORD_BYTES).to_owned()).collect();
            self.names.insert(id.id, names);
        }
    }

    /// The name of a field, if it is known.
    pub(super) fn name<'a>(&'a self, field: &'a Field) -> Option<&'a str> {
        match field.name.as_ref()? {
            field::Name::StrName(name) => Some(name),
            field::Name::NameIdx(index) => {
                let names = self.names.get(&field.metadata_id.as_ref()?.id)?;
                names.get(usize::try_from(*index).ok()?).map(String::as_str)
            }
        }
    }

    /// The text up to so many bytes.
    pub(super) fn cut(&mut self, text: &str, max_bytes: usize) -> String {
        let kept = cut::start(text, max_bytes);
        self.truncated += u64::from(kept.len() < text.len());
        kept.to_owned()
    }

    /// The end of the text, so many bytes of it.
    pub(super) fn cut_start(&mut self, text: &str, max_bytes: usize) -> String {
        let kept = cut::end(text, max_bytes);
        self.truncated += u64::from(kept.len() < text.len());
        kept.to_owned()
    }

    pub(super) fn attributes(&mut self, theirs: &[TheirAttribute]) -> Vec<Attribute> {
        self.truncated += theirs.len().saturating_sub(MAX_ATTRIBUTES) as u64;
        theirs.iter().take(MAX_ATTRIBUTES).filter_map(|attribute| self.attribute(attribute)).collect()
    }

    fn attribute(&mut self, theirs: &TheirAttribute) -> Option<Attribute> {
        let field = theirs.field.as_ref()?;
        let name = cut::start(self.name(field)?, MAX_WORD_BYTES).to_owned();
        let value = match field.value.as_ref()? {
            field::Value::U64Val(number) => AttributeValue::Number(*number),
            field::Value::I64Val(number) => match u64::try_from(*number) {
                Ok(number) => AttributeValue::Number(number),
                Err(_) => AttributeValue::Text(number.to_string()),
            },
            field::Value::BoolVal(yes) => AttributeValue::Bool(*yes),
            field::Value::DebugVal(text) | field::Value::StrVal(text) => {
                AttributeValue::Text(self.cut(text, MAX_WORD_BYTES))
            }
        };
        let unit = theirs.unit.as_deref().unwrap_or_default();
        Some(Attribute { name, unit: self.cut(unit, MAX_WORD_BYTES), value })
    }
}

/// A number, however it was written.
pub(super) fn number(value: &field::Value) -> Option<u64> {
    match value {
        field::Value::U64Val(number) => Some(*number),
        field::Value::I64Val(number) => u64::try_from(*number).ok(),
        field::Value::DebugVal(text) | field::Value::StrVal(text) => text.parse().ok(),
        field::Value::BoolVal(_) => None,
    }
}

/// A text that is one: not a number.
pub(super) fn text(value: &field::Value) -> Option<&str> {
    match value {
        field::Value::DebugVal(text) | field::Value::StrVal(text) => Some(text),
        field::Value::U64Val(_) | field::Value::I64Val(_) | field::Value::BoolVal(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use console_api::{MetaId, Metadata, register_metadata::NewMetadata};

    #[test]
    fn texts_are_cut_at_a_character() {
        let mut texts = Texts::default();
        assert_eq!(texts.cut("aéb", 2), "a");
        assert_eq!(texts.cut_start("aéb", 2), "b");
        assert_eq!(texts.cut("aéb", 4), "aéb");
        assert_eq!(texts.cut_start("aéb", 4), "aéb");
        assert_eq!(texts.truncated, 2);
    }

    #[test]
    fn a_numbered_name_is_found_in_its_metadata() {
        let mut texts = Texts::default();
        let metadata =
            Metadata { field_names: vec!["kind".into(), "task.name".into()], ..Metadata::default() };
        let new = NewMetadata { id: Some(MetaId { id: 9 }), metadata: Some(metadata) };
        texts.learn(&RegisterMetadata { metadata: vec![new] });
        let field = |index, id| Field {
            name: Some(field::Name::NameIdx(index)),
            metadata_id: Some(MetaId { id }),
            ..Field::default()
        };
        assert_eq!(texts.name(&field(1, 9)), Some("task.name"));
        assert_eq!(texts.name(&field(2, 9)), None);
        assert_eq!(texts.name(&field(1, 8)), None);
    }
}
