//! What could be typed next in a filter.

use crate::{
    lint::LintKind,
    query::{Field, fields, parse::STATES},
    store::task::Kind,
};

/// Completions of the word before the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Completions {
    /// Where the part that they replace starts, as a count of characters.
    pub(crate) start: usize,
    /// Best first.
    pub(crate) words: Vec<String>,
}

/// Completions for `text` with the cursor after `cursor` characters.
pub(crate) fn complete(text: &str, cursor: usize) -> Completions {
    let before: Vec<char> = text.chars().take(cursor).collect();
    let word_start = before
        .iter()
        .rposition(|c| c.is_whitespace() || matches!(c, '|' | '(' | ')' | '!' | '"'))
        .map_or(0, |at| at + 1);
    let word: String = before[word_start..].iter().collect();
    let word = word.trim_start_matches('-').to_lowercase();
    let start = cursor.min(before.len()) - word.chars().count();
    if let Some((name, value)) = word.split_once(':') {
        let values =
            fields().find(|(known, _)| *known == name).map_or_else(Vec::new, |(_, field)| values(field));
        let start = start + name.chars().count() + 1;
        let words = values.into_iter().filter(|known| known.starts_with(value) && known != value).collect();
        return Completions { start, words };
    }
    let words = if word.is_empty() {
        Vec::new()
    } else {
        fields()
            .filter(|(known, _)| known.starts_with(&word))
            .map(|(known, field)| {
                format!("{known}{}", if matches!(field, Field::Number(_)) { ">" } else { ":" })
            })
            .collect()
    };
    Completions { start, words }
}

fn values(field: Field) -> Vec<String> {
    match field {
        Field::State => STATES.iter().map(|(word, _)| (*word).to_owned()).collect(),
        Field::Kind => Kind::ALL.iter().filter_map(|kind| kind.word()).map(str::to_owned).collect(),
        Field::Lint => {
            LintKind::ALL.iter().map(|kind| kind.name().to_owned()).chain(["any".to_owned()]).collect()
        }
        Field::Id | Field::Text(_) | Field::Number(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
