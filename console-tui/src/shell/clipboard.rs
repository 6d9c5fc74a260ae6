//! Copy by OSC 52: the terminal itself keeps the text, so it works over ssh and without a display server.
//!
//! Invariant: the text travels as base64, so nothing in it can be taken for a control sequence.
//! Limit: [`MAX_COPY_BYTES`]; terminals that don't know OSC 52 ignore it, and none answers.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Terminals cut or refuse longer sequences (xterm's limit is near 75 kB of base64).
pub const MAX_COPY_BYTES: usize = 32 * 1024;

/// The sequence that puts `text` on the clipboard, or `None` if it is too long to be taken whole.
pub fn sequence(text: &str) -> Option<String> {
    (text.len() <= MAX_COPY_BYTES).then(|| format!("\x1b]52;c;{}\x07", STANDARD.encode(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_and_never_raw() {
        assert_eq!(sequence("ab\x07").unwrap(), "\x1b]52;c;YWIH\x07");
        assert_eq!(sequence(&"x".repeat(MAX_COPY_BYTES + 1)), None);
    }
}
