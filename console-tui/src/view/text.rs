//! Text in cells: how wide it is, where it is cut, where it is wrapped.
//!
//! Invariant: nothing that comes out is wider than asked, and no wide character is cut in half.

use ratatui::{style::Style, text::Span};
use unicode_width::UnicodeWidthStr as _;

/// Cells of a file that say more than the crate before it.
const LEAST_OF_A_FILE: u16 = 10;

/// Cells that `text` takes; what ratatui would not draw takes none.
pub(crate) fn width(text: &str) -> u16 {
    if text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_control()) {
        return u16::try_from(text.len()).unwrap_or(u16::MAX);
    }
    graphemes(text).map(|(_, width)| width).fold(0, u16::saturating_add)
}

/// `text` in at most `width` cells; an ellipsis marks what is cut off at the end.
pub(crate) fn cut(text: &str, width: u16, ellipsis: char) -> String {
    if self::width(text) <= width {
        return text.to_owned();
    }
    let mut out = take(graphemes(text), width.saturating_sub(1)).concat();
    if width > 0 {
        out.push(ellipsis);
    }
    out
}

/// As [`cut`], but from the start: paths differ at their end.
pub(crate) fn cut_start(text: &str, width: u16, ellipsis: char) -> String {
    if self::width(text) <= width {
        return text.to_owned();
    }
    let all: Vec<(&str, u16)> = graphemes(text).collect();
    let mut tail = take(all.into_iter().rev(), width.saturating_sub(1));
    tail.reverse();
    let head = if width > 0 { ellipsis.to_string() } else { String::new() };
    head + &tail.concat()
}

/// A place, as [`cut_start`] cuts it; the crate before it stays as long as something of the file is left: `deadpool::…d/mod.rs:420`.
pub(crate) fn cut_place(place: &str, width: u16, ellipsis: char) -> String {
    if self::width(place) > width
        && let Some((name, file)) = place.split_once("::")
    {
        let head = format!("{name}::");
        let left = width.saturating_sub(self::width(&head));
        if left >= LEAST_OF_A_FILE {
            return head + &cut_start(file, left, ellipsis);
        }
    }
    cut_start(place, width, ellipsis)
}

/// `text` in lines of at most `width` cells, broken at blanks where there are any; at most `max_lines`, the last one cut.
pub(super) fn wrap(text: &str, width: u16, max_lines: usize, ellipsis: char) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut words = text.split_whitespace().peekable();
    while words.peek().is_some() && lines.len() < max_lines {
        if lines.len() + 1 == max_lines {
            let rest = words.by_ref().collect::<Vec<_>>().join(" ");
            lines.push(cut(&rest, width, ellipsis));
            break;
        }
        let mut line = String::new();
        while let Some(word) = words.peek() {
            let blank = usize::from(!line.is_empty());
            let needed = self::width(&line).saturating_add(blank as u16).saturating_add(self::width(word));
            if needed > width && !line.is_empty() {
                break;
            }
            if blank > 0 {
                line.push(' ');
            }
            line.push_str(&cut(word, width, ellipsis));
            words.next();
        }
        lines.push(line);
    }
    lines
}

fn graphemes(text: &str) -> impl Iterator<Item = (&str, u16)> {
    // ratatui cuts text the same way when it draws, and leaves control characters out.
    let mut rest = text;
    std::iter::from_fn(move || {
        let span = Span::raw(rest);
        let symbol_len = span.styled_graphemes(Style::new()).next().map(|grapheme| {
            let start = rest.find(grapheme.symbol).unwrap_or(0);
            (start, grapheme.symbol.len())
        });
        let (start, len) = symbol_len?;
        let symbol = &rest[start..start + len];
        rest = &rest[start + len..];
        Some((symbol, symbol.width() as u16))
    })
}

fn take<'a>(graphemes: impl Iterator<Item = (&'a str, u16)>, width: u16) -> Vec<&'a str> {
    let mut left = width;
    graphemes
        .take_while(|(_, width)| {
            let fits = *width <= left;
            left = left.saturating_sub(*width);
            fits
        })
        .map(|(symbol, _)| symbol)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn cuts_keep_the_end_that_matters() {
        assert_eq!(cut("checkout", 5, '…'), "chec…");
        assert_eq!(cut("checkout", 8, '…'), "checkout");
        assert_eq!(cut_start("src/ledger.rs:118", 9, '…'), "…r.rs:118");
        assert_eq!(cut_place("deadpool::src/unmanaged/mod.rs:420", 24, '…'), "deadpool::…ed/mod.rs:420");
        assert_eq!(cut_place("deadpool::src/unmanaged/mod.rs:420", 18, '…'), "…anaged/mod.rs:420");
        assert_eq!(cut_place("src/ledger.rs:118", 9, '…'), "…r.rs:118");
        assert_eq!(cut("日本語", 4, '…'), "日…");
        assert_eq!(cut("x", 0, '…'), "");
    }

    #[test]
    fn lines_break_at_blanks() {
        assert_eq!(wrap("one two three", 7, 9, '…'), ["one two", "three"]);
        assert_eq!(wrap("one two three four", 7, 2, '…'), ["one two", "three …"]);
        assert_eq!(wrap("", 7, 2, '…'), Vec::<String>::new());
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_asked(text in "\\PC{0,40}", columns in 0_u16..30) {
            prop_assert!(width(&cut(&text, columns, '~')) <= columns);
            prop_assert!(width(&cut_start(&text, columns, '~')) <= columns);
            let place = format!("a::{text}");
            prop_assert!(width(&cut_place(&place, columns, '~')) <= columns);
            for line in wrap(&text, columns, 5, '~') {
                prop_assert!(width(&line) <= columns);
            }
        }
    }
}
