//! What the terminal can show, from the environment and the flags: pure functions of what they are given.
//!
//! Invariant: a flag beats `NO_COLOR`, `NO_COLOR` beats the rest. Limit: terminals lie; flags and the
//! configuration have the last word.

use clap::ValueEnum;
use serde::Deserialize;

/// How many colours there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// None: bold, dim and reverse only.
    None,
    /// The terminal's own sixteen.
    Ansi16,
    /// The 256 of xterm.
    Ansi256,
    /// All.
    True,
}

/// What the terminal's background is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Background {
    /// Light text on dark.
    Dark,
    /// Dark text on light.
    Light,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColorChoice {
    /// When the terminal has it and NO_COLOR is not set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Which look to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThemeChoice {
    /// The terminal is asked for its background.
    #[default]
    Auto,
    /// For a dark background.
    Dark,
    /// For a light background.
    Light,
}

/// The variables of the environment that matter, as they are.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `NO_COLOR`
    pub no_color: Option<String>,
    /// `COLORTERM`
    pub colorterm: Option<String>,
    /// `TERM`
    pub term: Option<String>,
    /// The first of `LC_ALL`, `LC_CTYPE` and `LANG` that is not empty.
    pub locale: Option<String>,
}

impl Environment {
    /// Reads the process's own.
    pub fn read() -> Self {
        let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            no_color: var("NO_COLOR"),
            colorterm: var("COLORTERM"),
            term: var("TERM"),
            locale: var("LC_ALL").or_else(|| var("LC_CTYPE")).or_else(|| var("LANG")),
        }
    }

    /// How many colours to use.
    pub fn depth(&self, choice: ColorChoice) -> Depth {
        let has = match choice {
            ColorChoice::Never => return Depth::None,
            ColorChoice::Always => true,
            ColorChoice::Auto => self.no_color.as_deref().is_none_or(str::is_empty),
        };
        let term = self.term.as_deref().unwrap_or_default();
        let dumb = term.is_empty() || term == "dumb" || term.ends_with("-mono");
        if !has || (dumb && choice == ColorChoice::Auto) {
            return Depth::None;
        }
        if matches!(self.colorterm.as_deref(), Some("truecolor" | "24bit")) || term.ends_with("-direct") {
            return Depth::True;
        }
        if term.contains("256color") { Depth::Ansi256 } else { Depth::Ansi16 }
    }

    /// Whether to keep to ASCII: when asked to, or when the locale isn't UTF-8. No locale at all is
    /// common in containers, whose terminals draw UTF-8 nonetheless.
    pub fn ascii(&self, asked: bool) -> bool {
        let utf8 = |locale: &str| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        };
        asked
            || self.locale.as_deref().is_some_and(|locale| !utf8(locale))
            || self.term.as_deref() == Some("linux")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(no_color: &str, colorterm: &str, term: &str, locale: &str) -> Environment {
        let some = |value: &str| (!value.is_empty()).then(|| value.to_owned());
        Environment {
            no_color: some(no_color),
            colorterm: some(colorterm),
            term: some(term),
            locale: some(locale),
        }
    }

    #[test]
    fn depth_follows_flag_then_no_color_then_terminal() {
        use ColorChoice::{Always, Auto, Never};
        assert_eq!(env("", "truecolor", "xterm-256color", "").depth(Auto), Depth::True);
        assert_eq!(env("", "", "xterm-256color", "").depth(Auto), Depth::Ansi256);
        assert_eq!(env("", "", "xterm", "").depth(Auto), Depth::Ansi16);
        assert_eq!(env("1", "truecolor", "xterm", "").depth(Auto), Depth::None);
        assert_eq!(env("1", "truecolor", "xterm", "").depth(Always), Depth::True);
        assert_eq!(env("", "truecolor", "xterm", "").depth(Never), Depth::None);
        assert_eq!(env("", "", "dumb", "").depth(Auto), Depth::None);
    }

    #[test]
    fn ascii_follows_flag_and_locale() {
        assert!(!env("", "", "xterm", "en_GB.UTF-8").ascii(false));
        assert!(env("", "", "xterm", "en_GB.UTF-8").ascii(true));
        assert!(env("", "", "xterm", "C").ascii(false));
        assert!(!env("", "", "xterm", "").ascii(false));
    }
}
