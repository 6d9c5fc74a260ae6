//! Numbers as the screen shows them: few characters, a fixed width, the unit always last. Unknown is `–`.

use std::time::Duration;

/// Samples that a table's sparkline shows.
pub const SPARK_WIDTH: u16 = 8;

/// What stands for a value that the source can't know.
pub const UNKNOWN: &str = "–";

const NS_PER_S: u64 = 1_000_000_000;

/// A time span in at most 7 characters, with about three digits: `512 ns`, `1.20 ms`, `41.2 s`, `12m30s`, `3h07m`, `12d4h`.
pub fn duration_ns(ns: u64) -> String {
    let seconds = ns / NS_PER_S;
    match ns {
        0..=999 => format!("{ns} ns"),
        1_000..=999_499 => scaled(ns as f64 / 1e3, "µs"),
        999_500..=999_499_999 => scaled(ns as f64 / 1e6, "ms"),
        999_500_000..=59_949_999_999 => scaled(ns as f64 / 1e9, "s"),
        _ if seconds < 3600 => {
            let rounded = (ns + NS_PER_S / 2) / NS_PER_S;
            format!("{}m{:02}s", rounded / 60, rounded % 60)
        }
        _ if seconds < 86_400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ if seconds < 86_400 * 1000 => format!("{}d{}h", seconds / 86_400, seconds % 86_400 / 3600),
        _ => format!("{}d", count(seconds / 86_400)),
    }
}

/// As [`duration_ns`].
pub fn duration(duration: Duration) -> String {
    duration_ns(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
}

/// As [`duration_ns`], or `–`.
pub fn duration_opt(ns: Option<u64>) -> String {
    ns.map_or_else(|| UNKNOWN.to_owned(), duration_ns)
}

/// A count in at most 6 characters: `999`, `1.2k`, `48.3k`, `1.0M`.
pub fn count(n: u64) -> String {
    if n < 1000 {
        return n.to_string();
    }
    let mut value = n as f64;
    let mut unit = "";
    for next in ["k", "M", "G", "T", "P", "E"] {
        if value < 999.95 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    format!("{value:.1}{unit}")
}

/// As [`count`], or `–`.
pub fn count_opt(n: Option<u64>) -> String {
    n.map_or_else(|| UNKNOWN.to_owned(), count)
}

/// Every digit, in groups of three: `1,204`.
pub fn exact(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Something a second: `0`, `0.3`, `812`, `48.3k`.
pub fn rate(per_s: f64) -> String {
    if !per_s.is_finite() || per_s <= 0.0 {
        "0".to_owned()
    } else if per_s < 0.1 {
        "<0.1".to_owned()
    } else if per_s < 9.95 {
        format!("{per_s:.1}")
    } else {
        count(per_s.round() as u64)
    }
}

/// A size: `824 B`, `16.0 K`, `1.5 M`; powers of 1024.
pub fn bytes(n: u64) -> String {
    if n < 1024 {
        return format!("{n} B");
    }
    let mut value = n as f64;
    let mut unit = "";
    for next in ["K", "M", "G", "T", "P", "E"] {
        if value < 1023.95 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

/// A size in at most 5 characters: `824`, `16K`, `1.5M`; powers of 1024.
pub fn size(n: u64) -> String {
    if n < 1000 {
        return n.to_string();
    }
    let mut value = n as f64;
    let mut unit = "";
    for next in ["K", "M", "G", "T", "P", "E"] {
        if value < 999.5 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if value < 9.95 { format!("{value:.1}{unit}") } else { format!("{value:.0}{unit}") }
}

/// A share as percent: `0 %`, `0.4 %`, `71 %`.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if !percent.is_finite() || percent <= 0.0 {
        "0 %".to_owned()
    } else if percent < 0.1 {
        "<0.1 %".to_owned()
    } else if percent < 9.95 {
        format!("{percent:.1} %")
    } else if percent > 99.5 && percent < 100.0 {
        // Nearly all is not all.
        format!("{:.1} %", (percent * 10.0).floor() / 10.0)
    } else {
        format!("{percent:.0} %")
    }
}

fn scaled(value: f64, unit: &str) -> String {
    if value < 9.995 {
        format!("{value:.2} {unit}")
    } else if value < 99.95 {
        format!("{value:.1} {unit}")
    } else {
        format!("{value:.0} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_read_well() {
        let cases: [(u64, &str); 16] = [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (312_000, "312 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (318_000_000, "318 ms"),
            (999_500_000, "1.00 s"),
            (2_100_000_000, "2.10 s"),
            (41_234_000_000, "41.2 s"),
            (59_999_999_999, "1m00s"),
            (750 * NS_PER_S, "12m30s"),
            (3 * 3600 * NS_PER_S + 7 * 60 * NS_PER_S, "3h07m"),
            (86_400 * NS_PER_S * 12 + 4 * 3600 * NS_PER_S, "12d4h"),
            (86_400 * NS_PER_S * 1000, "1.0kd"),
            (3_599_900_000_000, "60m00s"),
        ];
        for (ns, text) in cases {
            assert_eq!(duration_ns(ns), text, "{ns}");
        }
    }

    #[test]
    fn counts_and_sizes_read_well() {
        assert_eq!(count(999), "999");
        assert_eq!(count(1_204), "1.2k");
        assert_eq!(count(999_960), "1.0M");
        assert_eq!(exact(1_234_567), "1,234,567");
        assert_eq!(exact(12), "12");
        assert_eq!(bytes(16 * 1024), "16.0 K");
        assert_eq!([size(999), size(1000), size(16 * 1024), size(1_500_000)], ["999", "1.0K", "16K", "1.4M"]);
        assert_eq!(percent(0.004), "0.4 %");
        assert_eq!(
            (percent(0.9999).as_str(), percent(0.99), percent(1.0)),
            ("99.9 %", "99 %".into(), "100 %".into())
        );
        assert_eq!(rate(0.04), "<0.1");
        assert_eq!(rate(48_312.0), "48.3k");
        assert_eq!(rate(f64::NAN), "0");
        assert_eq!(duration_opt(None), "–");
    }

    proptest! {
        #[test]
        fn widths_hold_for_every_number(n in any::<u64>(), share in 0.0..1.0_f64) {
            prop_assert!(duration_ns(n).chars().count() <= 7, "{}", duration_ns(n));
            prop_assert!(count(n).chars().count() <= 6, "{}", count(n));
            prop_assert!(bytes(n).chars().count() <= 8, "{}", bytes(n));
            prop_assert!(size(n).chars().count() <= 5, "{}", size(n));
            prop_assert!(percent(share).chars().count() <= 6);
        }
    }
}
