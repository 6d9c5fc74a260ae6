//! What the lints found.

use std::borrow::Cow;

use crate::{
    analysis::Analysis,
    columns::{Cut, Unit},
    lints::findings::Finding,
    screen::{
        Tone,
        findings::{FindingId, FindingView},
    },
    severity::Severity,
    table::{
        Context, List, Opens, Subject, Table,
        column::Column,
        filter::{Field, Test},
        listing::{At, Each, Listing, Lookup, listing},
        place::{RowKey, Rows as _},
        value::Value,
    },
    tables::TableId,
};

/// The list of findings.
#[derive(Debug)]
pub(crate) struct Findings;

type Col = Column<Findings>;

/// A finding, and its place among all.
#[derive(Debug, Clone)]
pub(crate) struct RankedFinding {
    finding: Finding,
    rank: usize,
}

fn place<'a>(row: &At<'a, Findings>) -> Option<Cow<'a, str>> {
    row.store.place(row.sum.finding.id.site).map(Cow::Owned)
}

impl List for Findings {
    const ID: TableId = TableId::Findings;
    const FOLDS: bool = false;
    const COLUMNS: &'static [Column<Self>] = &[
        // Which comes first of those that are as serious, the lints know.
        Col::warn("suspicion", |row| {
            Value::Mark(Some(row.sum.finding.severity), [u64::MAX - row.sum.rank as u64, 0, 0])
        }),
        Col::text("lint", "LINT", 20, "Which lint found it", |row| {
            Value::text(Some(row.sum.finding.id.lint.name()))
        }),
        Col::number(Unit::Time, "for", "FOR", 8, "Time since it was first seen", |row| {
            Value::number(row.since(Some(row.sum.finding.first_seen_ns)))
        })
        .words("time since it was first seen"),
        Col::number(Unit::Count, "tasks", "TASKS", 6, "Tasks it is about", |row| {
            Value::number(Some(row.sum.finding.count))
        }),
        Col::text(
            "place",
            "PLACE",
            22,
            "Where its tasks were spawned, or what it is about was made",
            |row| Value::toned(place(row), Tone::Dim),
        )
        .cut(Cut::Place)
        .grows(),
        Col::text("message", "FINDING", 40, "What was seen", |row| {
            Value::text(Some(row.sum.finding.message.as_str()))
        })
        .cut(Cut::Marked)
        .grows(),
    ];
    const FIELDS: &'static [Field<Self>] = &[
        Field::new("lint", Test::Text(|row| Some(row.sum.finding.id.lint.name().into()))),
        Field::new("severity", Test::Text(|row| Some(row.sum.finding.severity.name().into()))),
        Field::new("message", Test::Text(|row| Some(row.sum.finding.message.as_str().into()))),
        Field::new("place", Test::Text(|row| place(row))),
    ];

    type Key = FindingId;
    type Group = ();
    listing!();

    fn group_of(_store: Analysis<'_>, _key: FindingId) -> Option<()> {
        None
    }

    fn group_words(_store: Analysis<'_>, (): ()) -> String {
        String::new()
    }

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

    fn each(at: Context<'_>, _lookup: &Lookup<FindingId>, _with_parts: bool, take: Each<'_, Self>) -> usize {
        for (rank, finding) in at.findings.list.iter().enumerate() {
            take(finding.id, (), RankedFinding { finding: finding.clone(), rank });
        }
        0
    }

    fn summary(at: Context<'_>, _lookup: &Lookup<FindingId>, key: FindingId) -> Option<RankedFinding> {
        let rank = at.findings.list.iter().position(|finding| finding.id == key)?;
        Some(RankedFinding { finding: at.findings.list[rank].clone(), rank })
    }

    fn add(_sum: &mut RankedFinding, _other: &RankedFinding) {}

    fn severity(sum: &RankedFinding) -> Option<Severity> {
        Some(sum.finding.severity)
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
