//! Text limits.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What is kept of a text, counted in `truncated` when that is not all of it.
pub(crate) fn kept<'t>(text: &'t str, max_bytes: usize, truncated: &AtomicU64) -> &'t str {
    let kept = cut(text, max_bytes);
    if kept.len() < text.len() {
        truncated.fetch_add(1, Relaxed);
    }
    kept
}

/// `text`, cut at a character boundary to at most `max_bytes`.
pub(crate) fn cut(text: &str, max_bytes: usize) -> &str {
    if text.len() <= max_bytes {
        return text;
    }
    let end = (0..=max_bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

/// The last `max_bytes` of `text` at most: the end is what distinguishes paths.
pub(crate) fn cut_start(text: &str, max_bytes: usize) -> &str {
    let least = text.len().saturating_sub(max_bytes);
    let start = (least..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_cut_between_characters() {
        assert_eq!((cut("aéb", 2), cut("aéb", 4)), ("a", "aéb"));
        assert_eq!((cut_start("aéb", 2), cut_start("aéb", 4)), ("b", "aéb"));
    }
}
