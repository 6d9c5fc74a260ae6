//! The nearest of some names, for the "did you mean" of every message about a name that doesn't exist.

/// Below this likeness a suggestion would be a guess.
const LEAST_LIKENESS: f64 = 0.7;

/// The name that `wanted` is probably meant to be.
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (strsim::jaro_winkler(wanted, name), name))
        .filter(|(likeness, _)| *likeness >= LEAST_LIKENESS)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_gets_a_suggestion_and_nonsense_does_not() {
        let names = ["long-poll", "lost-waker"];
        assert_eq!(nearest("long-pol", names), Some("long-poll"));
        assert_eq!(nearest("zzz", names), None);
    }
}
