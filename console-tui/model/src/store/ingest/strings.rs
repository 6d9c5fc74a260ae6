//! The strings of a set of columns, each cleaned and kept at its first use.

use taskscope_proto::rows::text;

use crate::{
    losses::Losses,
    text::{TextId, Texts, clean},
};

/// See the module's text.
pub(super) struct Strings<'a> {
    raw: &'a [String],
    max_bytes: usize,
    ids: Vec<Option<TextId>>,
}

impl<'a> Strings<'a> {
    pub(super) fn new(raw: &'a [String], max_bytes: usize) -> Self {
        Self { raw, max_bytes, ids: vec![None; raw.len()] }
    }

    /// The text with this 1-based number, held once more.
    pub(super) fn hold(&mut self, number: u32, texts: &mut Texts, losses: &mut Losses) -> TextId {
        let Some(raw) = text(self.raw, number) else { return TextId::NONE };
        let id = *self.ids[number as usize - 1].get_or_insert_with(|| {
            let cleaned = clean(raw, self.max_bytes);
            losses.texts_cleaned += u64::from(cleaned != raw);
            if cleaned.is_empty() {
                return TextId::NONE;
            }
            texts.hold(&cleaned).unwrap_or_else(|| {
                losses.texts_over_limit += 1;
                TextId::NONE
            })
        });
        texts.hold_again(id);
        id
    }

    /// Lets go of its own holds.
    pub(super) fn finish(self, texts: &mut Texts) {
        for id in self.ids.into_iter().flatten() {
            texts.release(id);
        }
    }
}
