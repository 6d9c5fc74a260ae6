//! Text from the other side: cleaned of whatever a terminal would obey, cut, and kept once.
//!
//! Limit: [`MAX_TEXT_BYTES`] for all names and fields together; what does not fit is counted and shown as unknown.

use std::{borrow::Cow, sync::Arc};

use crate::cow::{Pages, Shards};

/// Bytes of all texts together. A million tasks with a name of their own each fit easily.
pub(crate) const MAX_TEXT_BYTES: usize = 256 * 1024 * 1024;

/// Stands for a character that must not be shown.
pub(crate) const REPLACEMENT: char = '·';

/// Marks stacked on one character; more only hide what stands around it.
const MAX_MARKS: usize = 2;

/// `text` without control characters, bidi marks and invisible characters, cut to `max_bytes` (an ellipsis included).
pub(crate) fn clean(text: &str, max_bytes: usize) -> Cow<'_, str> {
    if text.len() <= max_bytes && text.bytes().all(|b| matches!(b, 0x20..=0x7e)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(max_bytes));
    let mut marks = 0;
    for c in text.chars() {
        let shown = if is_dangerous(c) { REPLACEMENT } else { c };
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if marks > MAX_MARKS || is_variation(c) {
            continue;
        }
        if out.len() + shown.len_utf8() > max_bytes {
            while out.len() + '…'.len_utf8() > max_bytes && out.pop().is_some() {}
            out.push('…');
            break;
        }
        out.push(shown);
    }
    Cow::Owned(out)
}

fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            // Soft hyphen, joiners, fillers, bidi marks and isolates, invisible operators, byte order mark, tags.
            0xad | 0x34f | 0x61c | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f
            | 0x2028..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfeff | 0xffa0 | 0xfff0..=0xfffb
            | 0x1_d173..=0x1_d17a | 0xe_0000..=0xe_0fff
            // Private use and noncharacters: their width is unknown.
            | 0xe000..=0xf8ff | 0xfdd0..=0xfdef | 0xfffe | 0xffff | 0xf_0000..=0x10_ffff)
}

fn is_mark(c: char) -> bool {
    matches!(u32::from(c), 0x300..=0x36f | 0x483..=0x489 | 0x1ab0..=0x1aff | 0x1dc0..=0x1dff | 0x20d0..=0x20ff | 0xfe20..=0xfe2f)
}

fn is_variation(c: char) -> bool {
    matches!(u32::from(c), 0xfe00..=0xfe0f)
}

/// A text that is kept in [`Texts`]; 0 is "none".
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TextId(u32);

impl TextId {
    pub(crate) const NONE: Self = Self(0);
}

#[derive(Debug, Clone)]
struct Entry {
    text: Arc<str>,
    holders: u32,
}

/// Every text once, with the number of its holders.
#[derive(Debug, Default, Clone)]
pub(crate) struct Texts {
    ids: Shards<Arc<str>, TextId>,
    entries: Pages<Entry>,
    free: Vec<u32>,
    bytes: usize,
}

impl Texts {
    /// Keeps `text` for one holder more; `None` when there is no room.
    pub(crate) fn hold(&mut self, text: &str) -> Option<TextId> {
        if let Some(&id) = self.ids.get(text) {
            self.hold_again(id);
            return Some(id);
        }
        if self.bytes + text.len() > MAX_TEXT_BYTES {
            return None;
        }
        self.bytes += text.len();
        let text: Arc<str> = text.into();
        let entry = Entry { text: Arc::clone(&text), holders: 1 };
        let index = if let Some(index) = self.free.pop() {
            self.entries.set(index as usize, entry);
            index
        } else {
            self.entries.push(entry);
            self.entries.len() as u32 - 1
        };
        let id = TextId(index + 1);
        self.ids.insert(text, id);
        Some(id)
    }

    pub(crate) fn hold_again(&mut self, id: TextId) {
        if let Some(entry) = self.entry_mut(id) {
            entry.holders += 1;
        }
    }

    /// One holder less; the last one's text is forgotten.
    pub(crate) fn release(&mut self, id: TextId) {
        let Some(entry) = self.entry_mut(id) else { return };
        entry.holders -= 1;
        if entry.holders > 0 {
            return;
        }
        if let Some(entry) = self.entries.take(id.0 as usize - 1) {
            self.bytes -= entry.text.len();
            self.ids.remove(&entry.text);
            self.free.push(id.0 - 1);
        }
    }

    pub(crate) fn text(&self, id: TextId) -> Option<&str> {
        let entry = self.entries.get((id.0 as usize).checked_sub(1)?)?;
        Some(&entry.text)
    }

    /// Forgets the last `most` texts, whoever holds them; true: there are no more.
    pub(crate) fn release_some(&mut self, most: usize) -> bool {
        let Self { ids, entries, .. } = self;
        entries.drop_last(most, |entry| {
            ids.remove(&entry.text);
        });
        self.entries.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    fn entry_mut(&mut self, id: TextId) -> Option<&mut Entry> {
        self.entries.get_mut((id.0 as usize).checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hostile_text_is_shown_not_obeyed() {
        assert_eq!(clean("plain name", 256), "plain name");
        assert_eq!(clean("\x1b[2J\x07red", 256), "·[2J·red");
        assert_eq!(clean("a\u{202e}b\u{200b}c\r\n", 256), "a·b·c··");
        assert_eq!(clean("naïve 日本 ❤\u{fe0f}", 256), "naïve 日本 ❤");
        assert_eq!(clean("z\u{300}\u{301}\u{302}\u{303}!", 256), "z\u{300}\u{301}!");
        assert_eq!(clean("abcdef", 5), "ab…");
        assert_eq!(clean(&"x".repeat(1_000_000), 256).len(), 256);
    }

    #[test]
    fn texts_are_kept_once_and_forgotten_with_the_last_holder() {
        let mut texts = Texts::default();
        let first = texts.hold("conn").unwrap();
        assert_eq!(texts.hold("conn"), Some(first));
        texts.release(first);
        assert_eq!(texts.text(first), Some("conn"));
        texts.release(first);
        assert_eq!(texts.text(first), None);
        assert_eq!((texts.len(), texts.bytes), (0, 0));
        assert_eq!(texts.hold("next"), Some(first));
    }

    proptest! {
        #[test]
        fn nothing_dangerous_passes(text in any::<String>(), max in 3_usize..64) {
            let cleaned = clean(&text, max);
            prop_assert!(cleaned.len() <= max);
            prop_assert!(!cleaned.chars().any(is_dangerous));
        }
    }
}
