//! The report as text: the verdict, process, findings, workers, locks, I/O and the table of tasks.

mod locks;
mod names;
mod overview;
mod scheduler;
mod streams;

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use taskscope_model::{
    ColumnId, Model, Severity, TableId,
    columns::{Align, Cut, Fitted, WARN},
    format,
    report::Report,
};

use self::names::Names;
use super::Format;
use crate::view::text;

pub(super) const FORMAT: Format = Format { name: "text", help: "text for people", write };

/// Writes process, findings and the table as text of `width` columns.
fn write(model: &Model, width: u16, out: &mut dyn Write) -> io::Result<()> {
    let report = model.report();
    overview::verdict(&report, out)?;
    writeln!(out, "\n{}", summary(&report))?;
    for problem in report.process.iter().flat_map(|process| &process.problems) {
        writeln!(out, "! {problem}")?;
    }
    for finding in model.findings() {
        let tasks = match finding.count {
            0 => String::new(),
            1 => ", 1 task".to_owned(),
            count => format!(", {count} tasks"),
        };
        let place = finding.place.as_deref().unwrap_or(format::UNKNOWN);
        writeln!(
            out,
            "\n{} {} ({}, {}{tasks}, {place}): {}\n  {}",
            mark(finding.severity),
            finding.id.lint.name(),
            finding.severity.name(),
            finding.confidence.name(),
            finding.message,
            finding.advice
        )?;
    }
    let names = Names::of(&report);
    overview::rest(&report, &names, out)?;
    scheduler::write(&report, &names, out)?;
    locks::write(&report, &names, out)?;
    streams::write(&report, out)?;
    writeln!(out)?;
    table(model, width, out)
}

fn summary(report: &Report) -> String {
    let totals = &report.totals;
    let mut line = String::new();
    if let Some(process) = &report.process {
        let uptime = format::duration_ns(process.uptime_ns);
        // Writing to a String does not fail.
        let pid = process.pid.map_or_else(|| format::UNKNOWN.to_owned(), |pid| pid.to_string());
        let _ = write!(line, "{}  pid {pid}  up {uptime}  ", process.name);
    }
    let cost = totals.own_cost.map_or_else(|| format::UNKNOWN.to_owned(), format::percent);
    let lost = totals.untracked + totals.untracked_resources + totals.lost_events + totals.client_losses;
    let _ = write!(
        line,
        "{} tasks: {} running, {} scheduled, {} idle  {} finished  cost {cost}  lost {lost}",
        totals.alive, totals.running, totals.scheduled, totals.idle, totals.finished
    );
    line
}

fn table(model: &Model, width: u16, out: &mut dyn Write) -> io::Result<()> {
    let fitted = model.fit_columns(TableId::Tasks, width);
    let columns: Vec<ColumnId> = fitted.iter().map(|fitted| fitted.spec.id).collect();
    let write_line = |out: &mut dyn Write, cells: Vec<String>| -> io::Result<()> {
        let mut line = String::new();
        for (cell, Fitted { spec, width }) in cells.iter().zip(&fitted) {
            let room = width.saturating_sub(spec.aside_width);
            let cell = match spec.cut {
                Cut::Place => text::cut_place(cell, room, '…'),
                _ => text::cut(cell, room, '…'),
            };
            let blanks = " ".repeat(usize::from(room.saturating_sub(text::width(&cell))));
            match spec.align {
                Align::Left => line.extend([cell.as_str(), blanks.as_str(), " "]),
                Align::Right => line.extend([blanks.as_str(), cell.as_str(), " "]),
            }
        }
        writeln!(out, "{}", line.trim_end())
    };
    write_line(out, fitted.iter().map(|fitted| fitted.spec.title.to_owned()).collect())?;
    if let Some(empty) = model.table(TableId::Tasks).empty {
        return writeln!(out, "{empty}");
    }
    for row in model.rows(TableId::Tasks, &columns) {
        let cells = row.cells.iter().zip(&fitted).map(|(cell, Fitted { spec, .. })| match row.severity {
            severity if spec.id == WARN => severity.map_or("", mark).to_owned(),
            _ if row.depth > 0 => format!("{}{}", " ".repeat(usize::from(spec.indent)), cell.text),
            _ => cell.text.clone(),
        });
        write_line(out, cells.collect())?;
    }
    Ok(())
}

fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "!",
        Severity::Warning => "*",
        Severity::Info => ".",
    }
}
