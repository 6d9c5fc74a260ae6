//! Texts cut to a limit of the wire, between two characters.

/// The start of a text, at most so many bytes of it.
pub fn start(text: &str, max_bytes: usize) -> &str {
    let mut end = text.len().min(max_bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The end of a text, at most so many bytes of it.
pub fn end(text: &str, max_bytes: usize) -> &str {
    let mut from = text.len().saturating_sub(max_bytes);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

#[cfg(test)]
mod tests {
    #[test]
    fn texts_are_cut_at_a_character() {
        assert_eq!((super::start("aéb", 2), super::start("aéb", 4)), ("a", "aéb"));
        assert_eq!((super::end("aéb", 2), super::end("aéb", 4)), ("b", "aéb"));
    }
}
