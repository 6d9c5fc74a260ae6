//! A duration as people write it: `10s`, `500ms`, `1h 30m`, `1.5s`.
//!
//! The words are those of the `humantime` crate, so that variables written for console-subscriber go on to count.
//!
//! Invariant: what is not wholly understood is `None`. Limit: a [`Duration`], some 584 billion years.

use std::time::Duration;

/// The words of each unit, and its length.
const UNITS: [(&[&str], u64); 10] = [
    (&["nanos", "nsec", "ns"], 1),
    (&["usec", "us", "µs"], 1_000),
    (&["millis", "msec", "ms"], 1_000_000),
    (&["seconds", "second", "secs", "sec", "s"], SECOND_NS),
    (&["minutes", "minute", "min", "mins", "m"], 60 * SECOND_NS),
    (&["hours", "hour", "hr", "hrs", "h"], 3_600 * SECOND_NS),
    (&["days", "day", "d"], 86_400 * SECOND_NS),
    (&["weeks", "week", "wk", "wks", "w"], 7 * 86_400 * SECOND_NS),
    (&["months", "month", "M"], 2_630_016 * SECOND_NS),
    (&["years", "year", "yr", "yrs", "y"], 31_557_600 * SECOND_NS),
];
const SECOND_NS: u64 = 1_000_000_000;
/// Digits behind the point: finer ones are less than a nanosecond of every unit but the longest.
const MAX_FRACTION: usize = 9;

/// The sum of all parts, each a number and a unit.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    let mut sum = None;
    while !rest.is_empty() {
        let (part, after) = part(rest)?;
        sum = Some(sum.unwrap_or(Duration::ZERO).checked_add(part)?);
        rest = after.trim_start();
    }
    sum
}

/// The first number with its unit, and what follows.
fn part(text: &str) -> Option<(Duration, &str)> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        // A point without digits is a slip.
        Some(rest) => Some(digits(rest)).filter(|(fraction, _)| !fraction.is_empty())?,
        None => ("", rest),
    };
    let rest = rest.trim_start();
    let word = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
    let (word, after) = rest.split_at(word);
    let (_, unit_ns) = UNITS.iter().find(|(words, _)| words.contains(&word))?;
    let whole = u128::from(whole.parse::<u64>().ok()?).checked_mul(u128::from(*unit_ns))?;
    let ns = whole.checked_add(fraction_ns(fraction, *unit_ns)?)?;
    let seconds = u64::try_from(ns / u128::from(SECOND_NS)).ok()?;
    Some((Duration::new(seconds, (ns % u128::from(SECOND_NS)) as u32), after))
}

fn fraction_ns(digits: &str, unit_ns: u64) -> Option<u128> {
    let digits = &digits[..digits.len().min(MAX_FRACTION)];
    if digits.is_empty() {
        return Some(0);
    }
    let numerator = u128::from(digits.parse::<u64>().ok()?);
    Some(numerator * u128::from(unit_ns) / 10_u128.pow(digits.len() as u32))
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write() {
        for (text, ms) in [
            ("10s", 10_000),
            ("500ms", 500),
            (" 500 ms ", 500),
            ("1h 30m", 5_400_000),
            ("1h30min", 5_400_000),
            ("2 days", 172_800_000),
            ("1.5s", 1_500),
            ("0.25 minutes", 15_000),
            ("1w", 604_800_000),
            ("1month", 2_630_016_000),
            ("1y", 31_557_600_000),
            ("0", 0),
            ("0s", 0),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(ms)), "{text}");
        }
        assert_eq!(parse("7us 3ns"), Some(Duration::from_nanos(7_003)));
        assert_eq!(parse("2µs"), Some(Duration::from_micros(2)));
        assert_eq!(parse("18446744073709551615s"), Some(Duration::from_secs(u64::MAX)));
    }

    #[test]
    fn what_is_no_duration() {
        for text in [
            "",
            " ",
            "5",
            "s",
            "-1s",
            "1,5s",
            "1.s",
            ".5s",
            "1.5.2s",
            "10 parsecs",
            "1s!",
            "1s abc",
            "99999999999999999999s",
            "18446744073709551615h",
            "18446744073709551615s 1s",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
