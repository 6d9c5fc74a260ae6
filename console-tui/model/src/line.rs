//! One line of text being typed.

use crate::{event::Edit, text::clean};

/// Characters that a line holds; more is not taken.
const MAX_CHARS: usize = crate::query::parse::MAX_LEN;

/// The text and its cursor.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    chars: Vec<char>,
    cursor: usize,
}

impl Line {
    pub(crate) fn new(text: &str) -> Self {
        let chars: Vec<char> = text.chars().take(MAX_CHARS).collect();
        Self { cursor: chars.len(), chars }
    }

    pub(crate) fn text(&self) -> String {
        self.chars.iter().collect()
    }

    /// Characters before the cursor.
    pub(crate) fn cursor(&self) -> usize {
        self.cursor
    }

    /// Replaces what lies between `start` and the cursor.
    pub(crate) fn replace(&mut self, start: usize, text: &str) {
        let start = start.min(self.cursor);
        self.chars.drain(start..self.cursor);
        self.cursor = start;
        self.insert(text);
    }

    fn insert(&mut self, text: &str) {
        // What a terminal would obey has no business in a line either.
        for c in clean(text, MAX_CHARS * 4).chars() {
            if self.chars.len() < MAX_CHARS {
                self.chars.insert(self.cursor, c);
                self.cursor += 1;
            }
        }
    }

    pub(crate) fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::Insert(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            Edit::Paste(text) => self.insert(text),
            Edit::Backspace => {
                if self.cursor > 0 {
                    self.cursor -= 1;
                    self.chars.remove(self.cursor);
                }
            }
            Edit::Delete => {
                if self.cursor < self.chars.len() {
                    self.chars.remove(self.cursor);
                }
            }
            Edit::DeleteWord => {
                let before = &self.chars[..self.cursor];
                let word_end = before.iter().rposition(|c| !c.is_whitespace()).map_or(0, |at| at + 1);
                let start = before[..word_end].iter().rposition(|c| c.is_whitespace()).map_or(0, |at| at + 1);
                self.chars.drain(start..self.cursor);
                self.cursor = start;
            }
            Edit::Clear => *self = Self::default(),
            Edit::Left => self.cursor = self.cursor.saturating_sub(1),
            Edit::Right => self.cursor = (self.cursor + 1).min(self.chars.len()),
            Edit::Home => self.cursor = 0,
            Edit::End => self.cursor = self.chars.len(),
            // Depends on what the line is for.
            Edit::Complete => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_deleted_and_text_goes_to_the_cursor() {
        let mut line = Line::new("state:idle conn  ");
        line.edit(&Edit::DeleteWord);
        assert_eq!(line.text(), "state:idle ");
        line.edit(&Edit::Home);
        line.edit(&Edit::Paste("!\u{202e}\n".into()));
        assert_eq!((line.text().as_str(), line.cursor()), ("!··state:idle ", 3));
        line.replace(1, "x");
        assert_eq!(line.text(), "!xstate:idle ");
    }

    proptest! {
        #[test]
        fn no_edit_panics_or_grows_it_without_bound(edits in prop::collection::vec(prop_oneof![
            any::<char>().prop_map(Edit::Insert), any::<String>().prop_map(Edit::Paste),
            prop::sample::select(vec![Edit::Backspace, Edit::Delete, Edit::DeleteWord, Edit::Clear, Edit::Left,
                Edit::Right, Edit::Home, Edit::End, Edit::Complete]),
        ], 0..60)) {
            let mut line = Line::default();
            for edit in &edits {
                line.edit(edit);
                prop_assert!(line.cursor() <= line.text().chars().count());
                prop_assert!(line.text().chars().count() <= MAX_CHARS);
            }
        }
    }
}
