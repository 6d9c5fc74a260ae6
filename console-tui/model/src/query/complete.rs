//! What could be typed next in a filter.

use crate::query::{Named, What};

/// Completions of the word before the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Completions {
    /// Where the part that they replace starts, as a count of characters.
    pub(crate) start: usize,
    /// Best first.
    pub(crate) words: Vec<String>,
}

/// Completions for `text` with the cursor after `cursor` characters.
pub(crate) fn complete(text: &str, cursor: usize, names: &[Named]) -> Completions {
    let before: Vec<char> = text.chars().take(cursor).collect();
    let word_start = before
        .iter()
        .rposition(|c| c.is_whitespace() || matches!(c, '|' | '(' | ')' | '!' | '"'))
        .map_or(0, |at| at + 1);
    let word: String = before[word_start..].iter().collect();
    let word = word.trim_start_matches('-').to_lowercase();
    let start = cursor.min(before.len()) - word.chars().count();
    if let Some((name, value)) = word.split_once(':') {
        let start = start + name.chars().count() + 1;
        let known = names.iter().find(|named| named.name == name);
        let values = match known.map(|named| &named.what) {
            Some(What::Choice(values)) => values.as_slice(),
            _ => &[],
        };
        let words = values.iter().filter(|known| known.starts_with(value) && **known != value);
        return Completions { start, words: words.map(|word| (*word).to_owned()).collect() };
    }
    let known = names.iter().filter(|named| !word.is_empty() && named.name.starts_with(&word));
    let words = known.map(|named| {
        let compare = if matches!(named.what, What::Number(_)) { ">" } else { ":" };
        format!("{}{compare}", named.name)
    });
    Completions { start, words: words.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{table::filter::names, tables::tasks::Tasks};
    use proptest::prelude::*;

    fn complete(text: &str, cursor: usize) -> Completions {
        super::complete(text, cursor, &names::<Tasks>())
    }

    #[test]
    fn fields_and_values_are_offered() {
        assert_eq!(complete("a sta", 5), Completions { start: 2, words: vec!["state:".into()] });
        assert_eq!(complete("!state:i", 8), Completions { start: 7, words: vec!["idle".into()] });
        assert_eq!(complete("-kind:bl", 8).words, ["blocking", "block_on"]);
        assert_eq!(
            complete("wake", 4).words,
            ["wakes>", "wakes-per-s>", "wakers>"][..]
                .to_vec()
                .into_iter()
                .filter(|w| w.starts_with("wake"))
                .collect::<Vec<_>>()
        );
        assert!(complete("", 0).words.is_empty());
        assert!(complete("nothing-like-it", 15).words.is_empty());
    }

    proptest! {
        #[test]
        fn the_part_to_replace_lies_before_the_cursor(text in any::<String>(), cursor in 0_usize..40) {
            prop_assert!(complete(&text, cursor).start <= cursor);
        }
    }
}
