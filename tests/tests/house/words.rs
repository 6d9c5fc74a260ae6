//! Words that the project does not use, and what it says instead: docs/GLOSSARY.md has the words that it does use.
//!
//! A word counts alone, in `snake_case` and in `CamelCase`. One with a capital is a name and counts only as that: a program may have
//! a lock that is called `ledger`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Each word with what to write instead.
const WORDS: &[(&str, &str)] = &[
    ("told", "sent, reported, shown, listed, recorded, known: the verb that fits"),
    ("tell", "send, report, show, list, record, know: the verb that fits"),
    ("tells", "sends, reports, shows, lists, records, knows: the verb that fits"),
    ("telling", "sending, reporting, showing: the verb that fits"),
    ("nobody", "no task, no thread, no client, no code: name who"),
    ("somebody", "a task, a thread, a client, a user: name who"),
    ("door", "link"),
    ("doors", "links"),
    ("circle", "cycle"),
    ("circles", "cycles"),
    ("annex", "record"),
    ("annexes", "records"),
    ("muted", "unrecorded"),
    ("rubbish", "an invalid value"),
    ("Ledger", "record, with what it is of"),
    ("WakerRef", "AgentRef"),
    ("Picture", "what it is a snapshot of"),
    ("World", "what it holds"),
];

/// Files and folders in which the words are not used.
const WHERE: &[&str] = &[
    ".ci/run",
    ".github",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "Cargo.toml",
    "README.md",
    "SECURITY.md",
    "console-tui",
    "deny.toml",
    "docs",
    "fuzz",
    "instrument",
    "justfile",
    "proto",
    "screenshots",
    "tests",
];

/// Of those, what is left out: this list of words, what a program makes, and texts that are not ours.
const NOT: &[&str] =
    &[".png", ".ttf", "tests/tests/house/words.rs", "/corpus/", "/target", "LICENSE-", ".lock"];

/// The files to look at, and of each what is wrong.
pub(crate) fn complaints(root: &Path) -> io::Result<Vec<String>> {
    let mut files = Vec::new();
    for start in WHERE {
        list(&root.join(start), &mut files)?;
    }
    let mut found = Vec::new();
    for path in files {
        let shown = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        if NOT.iter().any(|not| shown.contains(not)) {
            continue;
        }
        let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
        let unwanted = unwanted(&shown, &text).into_iter();
        found.extend(
            unwanted.map(|(number, word, instead)| format!("{shown}:{number}: `{word}`; instead: {instead}")),
        );
    }
    Ok(found)
}

fn list(path: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            list(&entry?.path(), found)?;
        }
    } else {
        found.push(path.to_owned());
    }
    Ok(())
}

/// Line, word and replacement.
fn unwanted(path: &str, text: &str) -> Vec<(usize, &'static str, &'static str)> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = ours(path, line);
        let words = words(line);
        let is_name = |word: &str| word.starts_with(|first: char| first.is_ascii_uppercase());
        let has = |word: &str| {
            if is_name(word) { line.contains(word) } else { words.iter().any(|found| found == word) }
        };
        let here = WORDS.iter().filter(|(word, _)| has(word));
        found.extend(here.map(|(word, instead)| (index + 1, *word, *instead)));
    }
    found
}

/// The last column of the glossary has the words that it replaces.
fn ours<'t>(path: &str, line: &'t str) -> &'t str {
    match line.strip_suffix('|').and_then(|row| row.rsplit_once('|')) {
        Some((ours, _)) if path == "docs/GLOSSARY.md" => ours,
        _ => line,
    }
}

/// The words of a line in lower case, those of names taken apart.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for letter in line.chars() {
        let starts = !letter.is_alphabetic() || letter.is_uppercase() && before.is_lowercase();
        match words.last_mut() {
            Some(word) if !starts => word.extend(letter.to_lowercase()),
            _ => words.push(letter.to_lowercase().filter(|letter| letter.is_alphabetic()).collect()),
        }
        before = letter;
    }
    words
}

#[test]
fn unwanted_words_are_found_in_every_form() {
    let found =
        |text| unwanted("a.md", text).into_iter().map(|(line, word, _)| (line, word)).collect::<Vec<_>>();
    assert_eq!(found("Sent.\nWhat it TOLD.\n"), [(2, "told")]);
    assert_eq!(found("fn is_told_twice()"), [(1, "told")]);
    assert_eq!(found("struct TellSite;"), [(1, "tell")]);
    assert_eq!(found("struct LockLedger; // a lock named `ledger`"), [(1, "Ledger")]);
    assert_eq!(found("an outdoor intellect, retold; a ledger"), []);
    let glossary = "| **link** | Where Enter leads. | door |";
    assert_eq!(unwanted("docs/GLOSSARY.md", glossary), []);
    assert_eq!(found(glossary), [(1, "door")]);
}
