//! Which keys do what: one table, read by the dispatcher, the help, the footer and the palette, and changed by the
//! configuration.
//!
//! Invariant: no sequence of keys is bound twice, and none is the start of another; every action that needs no
//! argument has a key unless the user took it away. Limit: sequences of at most [`MAX_SEQUENCE`] keys.

pub mod key;

use std::{borrow::Cow, collections::BTreeMap};

use taskscope_model::Action;

pub use self::key::Key;
use crate::theme::Glyphs;

/// Longest sequence of keys for one action.
pub const MAX_SEQUENCE: usize = 3;

const DEFAULTS: &[(Action, &[&str])] = &[
    (Action::NextRow, &["down", "j"]),
    (Action::PrevRow, &["up", "k"]),
    (Action::PageDown, &["pagedown", "ctrl-f", "ctrl-d"]),
    (Action::PageUp, &["pageup", "ctrl-b", "ctrl-u"]),
    (Action::First, &["home", "g g"]),
    (Action::Last, &["end", "G"]),
    (Action::Open, &["enter"]),
    (Action::Back, &["esc", "backspace"]),
    (Action::OpenTopFinding, &["!"]),
    (Action::OpenParent, &["p"]),
    (Action::Waits, &["w"]),
    (Action::OpenLastWaker, &["W"]),
    (Action::NextTab, &["tab"]),
    (Action::PrevTab, &["shift-tab"]),
    (Action::Overview, &["0"]),
    (Action::Tasks, &["1"]),
    (Action::Runtime, &["2"]),
    (Action::Locks, &["3"]),
    (Action::Io, &["4"]),
    (Action::Findings, &["5"]),
    (Action::Resources, &["6"]),
    (Action::Help, &["?", "f1"]),
    (Action::Palette, &[":"]),
    (Action::SortNext, &["s"]),
    (Action::SortPrev, &["S"]),
    (Action::InvertSort, &["i"]),
    (Action::SortByChange, &["r"]),
    (Action::ToggleFold, &["z"]),
    (Action::Fold, &["left", "h"]),
    (Action::Unfold, &["right", "l"]),
    (Action::FoldAll, &["-"]),
    (Action::UnfoldAll, &["+"]),
    (Action::Filter, &["/"]),
    (Action::ClearFilter, &["x"]),
    (Action::ToggleChannels, &["v"]),
    (Action::ToggleParts, &["t"]),
    (Action::AwaitTree, &["a"]),
    (Action::Columns, &["c"]),
    (Action::Freeze, &["space"]),
    (Action::CopyId, &["y"]),
    (Action::CopyPlace, &["Y"]),
    (Action::ToggleMouse, &["m"]),
    (Action::Suspend, &["ctrl-z"]),
    (Action::Quit, &["q", "ctrl-c"]),
];

/// The meaning of the keys pressed so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// An action.
    Action(Action),
    /// More keys are to come.
    Prefix,
    /// Nothing.
    Unbound,
}

/// Why the keys of a configuration can't be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeymapError {
    /// No such action.
    #[error("there is no action `{name}`{}", hint.as_ref().map_or_else(String::new, |hint| format!("; did you mean `{hint}`?")))]
    Action {
        /// What was written.
        name: String,
        /// The nearest name.
        hint: Option<String>,
    },
    /// No such key.
    #[error("keys of `{action}`: {sentence}")]
    Key {
        /// The action it was for.
        action: Cow<'static, str>,
        /// What is wrong.
        sentence: String,
    },
    /// Two actions want the same keys, or one wants the start of the other's.
    #[error(
        "`{keys}` of `{one}` clashes with a key of `{other}`: both are the same, or one starts with the other"
    )]
    Conflict {
        /// The keys.
        keys: String,
        /// An action.
        one: Cow<'static, str>,
        /// Another one.
        other: Cow<'static, str>,
    },
}

/// The table.
#[derive(Debug, Clone)]
pub struct Keymap {
    bindings: Vec<(Vec<Key>, Action)>,
}

impl Default for Keymap {
    fn default() -> Self {
        let bindings = DEFAULTS
            .iter()
            .flat_map(|(action, keys)| keys.iter().map(|keys| (parse(*action, keys), *action)))
            .map(|(keys, action)| (keys.expect("DEFAULTS hold keys only, as a test checks"), action))
            .collect();
        Self { bindings }
    }
}

impl Keymap {
    /// The defaults, with the keys of some actions replaced. A key that the user gives to an action is taken from the
    /// action that had it by default.
    ///
    /// # Errors
    /// When an action or a key doesn't exist, or the user binds the same keys twice.
    pub fn with(changes: &BTreeMap<String, Vec<String>>) -> Result<Self, KeymapError> {
        let mut mine: Vec<(Vec<Key>, Action)> = Vec::new();
        let mut named = Vec::new();
        for (name, keys) in changes {
            let action = Action::from_name(name).ok_or_else(|| unknown(name))?;
            named.push(action);
            for keys in keys {
                mine.push((parse(action, keys)?, action));
            }
        }
        for (i, (keys, one)) in mine.iter().enumerate() {
            if let Some((_, other)) = mine[i + 1..].iter().find(|(other, _)| clash(keys, other)) {
                return Err(KeymapError::Conflict { keys: text(keys), one: one.name(), other: other.name() });
            }
        }
        let kept = Self::default()
            .bindings
            .into_iter()
            .filter(|(keys, action)| {
                !named.contains(action) && !mine.iter().any(|(taken, _)| clash(keys, taken))
            })
            .collect::<Vec<_>>();
        mine.extend(kept);
        Ok(Self { bindings: mine })
    }

    /// What `pressed` means, from the first key of a sequence to the last so far.
    pub fn lookup(&self, pressed: &[Key]) -> Lookup {
        let mut prefix = false;
        for (keys, action) in &self.bindings {
            if keys == pressed {
                return Lookup::Action(*action);
            }
            prefix |= keys.starts_with(pressed);
        }
        if prefix { Lookup::Prefix } else { Lookup::Unbound }
    }

    /// The sequences of an action, the first one first.
    pub fn keys(&self, action: Action) -> impl Iterator<Item = &[Key]> {
        self.bindings.iter().filter(move |(_, bound)| *bound == action).map(|(keys, _)| keys.as_slice())
    }

    /// The first sequence of an action, for a hint; `None` when it has no key.
    pub fn label(&self, action: Action, glyphs: &Glyphs) -> Option<String> {
        self.keys(action).next().map(|keys| label(keys, glyphs))
    }

    /// All sequences of an action, for the help.
    pub fn labels(&self, action: Action, glyphs: &Glyphs) -> String {
        self.keys(action).map(|keys| label(keys, glyphs)).collect::<Vec<_>>().join(" ")
    }
}

/// The default keys as the configuration writes them.
pub fn defaults() -> impl Iterator<Item = (Action, &'static [&'static str])> {
    DEFAULTS.iter().copied()
}

/// How the keys of a sequence look one after the other: `gg`, but `ctrl-x s`.
fn label(keys: &[Key], glyphs: &Glyphs) -> String {
    let labels: Vec<String> = keys.iter().map(|key| key.label(glyphs)).collect();
    let short = labels.iter().all(|label| label.chars().count() == 1);
    labels.join(if short { "" } else { " " })
}

fn text(keys: &[Key]) -> String {
    keys.iter().map(Key::to_string).collect::<Vec<_>>().join(" ")
}

/// Whether the two are the same, or one starts with the other.
fn clash(one: &[Key], other: &[Key]) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

fn parse(action: Action, keys: &str) -> Result<Vec<Key>, KeymapError> {
    let wrong = |sentence: String| KeymapError::Key { action: action.name(), sentence };
    let sequence = keys.split_whitespace().map(Key::parse).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    if sequence.is_empty() {
        return Err(wrong("an empty text is no key; to remove all keys, write an empty list".to_owned()));
    }
    if sequence.len() > MAX_SEQUENCE {
        return Err(wrong(format!("`{keys}` has more than {MAX_SEQUENCE} keys")));
    }
    Ok(sequence)
}

fn unknown(name: &str) -> KeymapError {
    let names: Vec<Cow<'static, str>> = Action::all().into_iter().map(Action::name).collect();
    let hint = crate::nearest::nearest(name, names.iter().map(AsRef::as_ref)).map(str::to_owned);
    KeymapError::Action { name: name.to_owned(), hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(keys: &str) -> Vec<Key> {
        keys.split_whitespace().map(|key| Key::parse(key).unwrap()).collect()
    }

    #[test]
    fn defaults_are_keys_without_conflict_and_every_plain_action_has_one() {
        let map = Keymap::default();
        for (i, (keys, action)) in map.bindings.iter().enumerate() {
            for (other, second) in &map.bindings[i + 1..] {
                assert!(!clash(keys, other), "{} and {} clash", action.name(), second.name());
            }
        }
        let argument = |action: &Action| matches!(action, Action::SortBy(_) | Action::ToggleColumn(_));
        for action in Action::all().into_iter().filter(|action| !argument(action)) {
            assert!(map.keys(action).next().is_some(), "{} has no key", action.name());
        }
    }

    #[test]
    fn a_sequence_waits_for_its_last_key() {
        let map = Keymap::default();
        assert_eq!(map.lookup(&press("g")), Lookup::Prefix);
        assert_eq!(map.lookup(&press("g g")), Lookup::Action(Action::First));
        assert_eq!(map.lookup(&press("g x")), Lookup::Unbound);
        assert_eq!(map.lookup(&press("G")), Lookup::Action(Action::Last));
        assert_eq!(map.label(Action::First, &Glyphs::ASCII).as_deref(), Some("home"));
        assert_eq!(map.labels(Action::First, &Glyphs::UNICODE), "home gg");
    }

    #[test]
    fn a_users_key_beats_the_default() {
        let changes = BTreeMap::from([("freeze".to_owned(), vec!["q".to_owned()])]);
        let map = Keymap::with(&changes).unwrap();
        assert_eq!(map.lookup(&press("q")), Lookup::Action(Action::Freeze));
        assert_eq!(map.lookup(&press("space")), Lookup::Unbound);
        assert_eq!(map.lookup(&press("ctrl-c")), Lookup::Action(Action::Quit));
    }

    #[test]
    fn mistakes_are_named() {
        let with = |name: &str, keys: &[&str]| {
            let keys = keys.iter().map(|key| (*key).to_owned()).collect();
            Keymap::with(&BTreeMap::from([(name.to_owned(), keys)])).unwrap_err().to_string()
        };
        assert_eq!(with("freze", &[]), "there is no action `freze`; did you mean `freeze`?");
        assert_eq!(with("freeze", &["hyper-q"]), "keys of `freeze`: `hyper-q` is not a key");
        let twice = with("freeze", &["a", "a b"]);
        assert_eq!(
            twice,
            "`a` of `freeze` clashes with a key of `freeze`: both are the same, or one starts with the other"
        );
    }
}
