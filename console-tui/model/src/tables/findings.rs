//! What the lints found.

use std::borrow::Cow;

use crate::{
    analysis::ops::Waits,
    columns::Cut,
    lints::findings::Finding,
    screen::{
        Tone,
        findings::{FindingId, FindingView},
    },
    severity::Severity,
    table::{
        Context, List, Opens, Subject, Table,
        column::{Column, columns},
        filter::{Field, Test},
        listing::{At, Listed, Listing, Summary},
        place::{RowKey, Rows as _},
        value::Value,
    },
    tables::TableId,
};

/// The list of findings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Findings;

/// A finding, and its place among all.
#[derive(Debug, Clone)]
pub(crate) struct RankedFinding {
    finding: Finding,
    rank: usize,
}

impl Summary for RankedFinding {
    fn severity(&self) -> Option<Severity> {
        Some(self.finding.severity)
    }
}

fn place<'a>(row: &At<'a, Findings>) -> Option<Cow<'a, str>> {
    row.store.place(row.sum.finding.id.site).map(Cow::Owned)
}

impl List for Findings {
    const ID: TableId = TableId::Findings;
    const FOLDS: bool = false;
    const COLUMNS: &'static [Column<Self>] = columns! { Self, row;
        // Which comes first of those that are as serious, the lints know.
        warn "suspicion" => Value::Mark(row.severity, [u64::MAX - row.sum.rank as u64, 0, 0]);
        text  "lint"    "LINT"    20 "Which lint found it" => row.sum.finding.id.lint.name();
        text  "confidence" "SURE" 9 "Proven: it was measured, or follows from that; suspected: it fits what was measured" => row.sum.finding.confidence.name();
        Time  "for"     "FOR"      8 "Time since it was first seen" { words: "time since it was first seen" }
            => row.since(Some(row.sum.finding.first_seen_ns));
        Count "tasks"   "TASKS"    6 "Tasks it is about" => row.sum.finding.count;
        text  "place"   "PLACE"   22 "Where its tasks were spawned, or what it is about was made" { cut: Cut::Place, grows: true }
            => Value::toned(place(row), Tone::Dim);
        text  "message" "FINDING" 40 "What was seen" { cut: Cut::Marked, grows: true } => row.sum.finding.message.as_str();
    };
    const FIELDS: &'static [Field<Self>] = &[
        Field::new("lint", Test::Text(|row| Some(row.sum.finding.id.lint.name().into()))),
        Field::new("severity", Test::Text(|row| Some(row.sum.finding.severity.name().into()))),
        Field::new("confidence", Test::Text(|row| Some(row.sum.finding.confidence.name().into()))),
        Field::new("message", Test::Text(|row| Some(row.sum.finding.message.as_str().into()))),
        Field::new("place", Test::Text(|row| place(row))),
    ];

    type Key = FindingId;
    type Group = ();
    type Row<'a> = At<'a, Self>;
    type Source = Listed<Self>;

    fn subject(at: Context<'_>, row: RowKey<FindingId, ()>) -> Option<Subject> {
        let RowKey::One(id) = row else { return None };
        let finding = at.findings.get(id)?;
        Some(match finding.tasks.as_slice() {
            [only] => Subject::Task(*only),
            _ => Subject::Site(finding.id.site),
        })
    }

    fn opens(_at: Context<'_>, key: FindingId) -> Opens {
        Opens::Finding(key)
    }

    fn why_empty(_table: &Table<Self>, _at: Context<'_>) -> String {
        "Nothing is suspicious.".to_owned()
    }
}

impl Listing for Findings {
    const WAITS: bool = false;

    type Summary = RankedFinding;

    fn candidates(at: Context<'_>) -> Vec<FindingId> {
        at.findings.list.iter().map(|finding| finding.id).collect()
    }

    fn summary(at: Context<'_>, key: FindingId, _waits: &Waits) -> Option<RankedFinding> {
        let rank = at.findings.list.iter().position(|finding| finding.id == key)?;
        Some(RankedFinding { finding: at.findings.list[rank].clone(), rank })
    }
}

impl Table<Findings> {
    /// All that match, in their order.
    pub(crate) fn views(&self, at: Context<'_>) -> Vec<FindingView> {
        let selected = self.selected_key();
        let view = |index: usize| {
            let (RowKey::One(id), _) = self.rows.get(index)? else { return None };
            let finding = at.findings.get(id)?;
            Some(FindingView {
                id,
                index,
                selected: selected == Some(id),
                severity: finding.severity,
                confidence: finding.confidence,
                seen_for_ns: at.store.now_ns.saturating_sub(finding.first_seen_ns),
                count: finding.count,
                message: finding.message.clone(),
                advice: finding.advice.to_owned(),
                place: at.store.place(finding.id.site),
                tasks: finding.tasks.clone(),
            })
        };
        (0..self.rows.len()).filter_map(view).collect()
    }
}
