//! What `--fail-on` asks for, and what was found while it watched.
//!
//! Invariant: a finding of any round counts, also one that has ended since.

use std::{collections::BTreeMap, fmt::Write as _, str::FromStr};

use taskscope_model::{Confidence, LintKind, Model, Severity, screen::findings::FindingView};

use crate::nearest::nearest;

/// One entry of `--fail-on`: `all`, `LINT`, or either with `:info`, `:warning` or `:critical`, with `:proven`, or with both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailOn {
    /// `None`: every lint.
    lint: Option<LintKind>,
    /// The least serious finding that counts.
    least: Severity,
    /// The least sure finding that counts.
    surest: Confidence,
}

impl FailOn {
    /// Whether it names this lint, and not only all of them.
    pub fn names(self, lint: LintKind) -> bool {
        self.lint == Some(lint)
    }

    fn takes(self, Kind { lint, severity, confidence }: Kind) -> bool {
        self.lint.is_none_or(|wanted| wanted == lint) && severity >= self.least && confidence >= self.surest
    }
}

impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let (mut least, mut surest) = (Severity::Warning, Confidence::Suspected);
        for part in parts {
            let all = [Severity::Info, Severity::Warning, Severity::Critical];
            if part == Confidence::Proven.name() {
                surest = Confidence::Proven;
            } else {
                let severity = all.into_iter().find(|severity| severity.name() == part);
                least = severity.ok_or("after a colon, write info, warning, critical or proven")?;
            }
        }
        if name == "all" {
            return Ok(Self { lint: None, least, surest });
        }
        let Some(lint) = LintKind::from_name(name) else {
            let names = LintKind::ALL.iter().map(|kind| kind.name());
            return Err(match nearest(name, names.clone()) {
                Some(hint) => format!("there is no such lint; did you mean `{hint}`?"),
                None => {
                    format!("there is no such lint; available: all, {}", names.collect::<Vec<_>>().join(", "))
                }
            });
        };
        Ok(Self { lint: Some(lint), least, surest })
    }
}

/// The long help of `--fail-on`: every lint with what it looks for.
pub fn help() -> String {
    let mut help = "With --once: exit with code 2 if one of these lints finds something at warning or above. LINT:info counts \
                    info findings, too; LINT:critical counts critical findings only; LINT:proven counts what is proven, and no \
                    suspicion. `all` stands for every lint.\n\nLints:"
        .to_owned();
    let width = LintKind::ALL.iter().map(|kind| kind.name().len()).max().unwrap_or_default();
    for kind in LintKind::ALL {
        // Writing to a String does not fail.
        let _ = write!(help, "\n  {:width$}  {}", kind.name(), kind.help());
    }
    help
}

/// What `--fail-on` can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    lint: LintKind,
    severity: Severity,
    confidence: Confidence,
}

/// What was found in any round: by kind, the most tasks (or descriptors) that it was about at a time.
#[derive(Debug, Default)]
pub struct Found(BTreeMap<Kind, u64>);

impl Found {
    /// Adds the findings of now.
    pub(super) fn look(&mut self, model: &Model) {
        let mut now: BTreeMap<Kind, u64> = BTreeMap::new();
        for FindingView { id, severity, confidence, count, .. } in model.findings() {
            // A finding about a descriptor may have no known task.
            *now.entry(Kind { lint: id.lint, severity, confidence }).or_default() += count.max(1);
        }
        for (kind, count) in now {
            let most = self.0.entry(kind).or_default();
            *most = count.max(*most);
        }
    }

    /// The lints that count, each with the most tasks or descriptors that it was about.
    pub fn failed(&self, wanted: &[FailOn]) -> Vec<(LintKind, u64)> {
        let mut failed: BTreeMap<LintKind, u64> = BTreeMap::new();
        for (kind, count) in &self.0 {
            if wanted.iter().any(|wanted| wanted.takes(*kind)) {
                *failed.entry(kind.lint).or_default() += count;
            }
        }
        failed.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test's unwrap is an assertion")]

    use taskscope_model::{Confidence, LintKind, Severity};

    use super::{FailOn, Found, Kind};

    fn wanted(text: &str) -> Vec<FailOn> {
        text.split(',').map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn warnings_and_above_count_by_default() {
        let kind = |lint, severity, confidence| Kind { lint, severity, confidence };
        let found = Found(
            [
                (kind(LintKind::LargeFuture, Severity::Info, Confidence::Proven), 3),
                (kind(LintKind::Deadlock, Severity::Warning, Confidence::Suspected), 2),
                (kind(LintKind::Futurelock, Severity::Critical, Confidence::Proven), 1),
            ]
            .into(),
        );
        let failed = |text: &str| found.failed(&wanted(text));
        let (deadlock, futurelock) = ((LintKind::Deadlock, 2), (LintKind::Futurelock, 1));
        assert_eq!(failed("all"), [deadlock, futurelock]);
        assert_eq!(failed("all:critical"), [futurelock]);
        assert_eq!(failed("all:proven"), [futurelock], "at warning and above");
        assert_eq!(failed("all:proven:info"), [(LintKind::LargeFuture, 3), futurelock]);
        assert_eq!(failed("deadlock:proven"), []);
        assert_eq!(failed("futurelock:critical:proven"), [futurelock]);
        assert_eq!(failed("deadlock"), [deadlock]);
        assert_eq!(failed("deadlock:critical"), []);
        assert_eq!(failed("large-future"), []);
        assert_eq!(failed("large-future:info"), [(LintKind::LargeFuture, 3)]);
        assert_eq!(failed("long-poll"), []);
    }

    #[test]
    fn mistakes_get_a_hint() {
        let error = |text: &str| text.parse::<FailOn>().unwrap_err();
        assert!(error("long-pol").contains("did you mean `long-poll`?"));
        assert!(error("long-poll:serious").contains("info, warning, critical or proven"));
        assert!(error("deadlock:suspected").contains("critical or proven"));
    }
}
