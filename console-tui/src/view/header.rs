//! Which process is watched, the state of the connection, tasks by state, what taskscope costs, what it lost.
//!
//! ```text
//!  taskscope ▸ checkout-api  pid 4211  up 12m31s     ● live   1,204 tasks  3 run  2 sched  52.1k polls/s   cost 0.4 %  lost 0
//! ```
//!
//! A narrow screen drops pieces, the least important first; it never drops the connection, the cost and the losses.

use ratatui::layout::Rect;
use taskscope_model::{
    format,
    screen::header::{ConnectionState, Header},
};

use super::{
    Look,
    canvas::{Canvas, Piece},
    text,
};
use crate::theme::{Slot, Theme};

/// Blanks between two pieces.
const GAP: u16 = 2;

/// Rank of the word `taskscope`.
const BRAND: u8 = 4;

/// A piece of the header; on a narrow screen the one with the highest rank goes first, and 0 never goes.
struct Part {
    rank: u8,
    pieces: Vec<Piece<'static>>,
}

pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, area: Rect) {
    let header = look.header;
    let mut left = who(header, look.theme);
    let mut right = vec![part(0, vec![connection(header, look.theme)])];
    if header.process.is_some() {
        right.extend(counts(header));
        right.extend(trust(header));
    }
    while width(&left) + width(&right) + 1 > area.width {
        let worst = left.iter().chain(&right).map(|part| part.rank).max().unwrap_or(0);
        if worst == 0 {
            break;
        }
        left.retain(|part| part.rank != worst);
        right.retain(|part| part.rank != worst);
    }
    let right_width = width(&right).min(area.width);
    let mut x = area.x + 1;
    let limit = area.right().saturating_sub(right_width + 1);
    for part in &left {
        // The name follows the brand like a step of a path.
        x += canvas.pieces(x, area.y, limit.saturating_sub(x), &part.pieces)
            + if part.rank == BRAND { 1 } else { GAP };
    }
    x = area.right().saturating_sub(right_width);
    for part in &right {
        x += canvas.pieces(x, area.y, area.right().saturating_sub(x), &part.pieces) + GAP;
    }
}

fn who(header: &Header, theme: &Theme) -> Vec<Part> {
    let name = header.process.as_ref().map_or_else(|| header.target.clone(), |process| process.name.clone());
    let name = if name.is_empty() { header.target.clone() } else { name };
    let mut parts = vec![
        part(BRAND, vec![("taskscope".into(), Slot::Dim)]),
        part(0, vec![(format!("{} ", theme.glyphs.step).into(), Slot::Dim), (name.into(), Slot::Strong)]),
    ];
    if let Some(process) = &header.process {
        parts.push(part(
            5,
            vec![
                ("pid ".into(), Slot::Dim),
                (process.pid.map_or_else(|| "–".to_owned(), |pid| pid.to_string()).into(), Slot::Text),
            ],
        ));
    }
    if let Some(uptime) = header.uptime {
        let uptime = format!("{:<7}", format::duration(uptime));
        parts.push(part(6, vec![("up ".into(), Slot::Dim), (uptime.into(), Slot::Text)]));
    }
    parts
}

/// The connection in words, with the age of the data wherever that isn't "now".
fn connection(header: &Header, theme: &Theme) -> Piece<'static> {
    let (up, down) = (theme.glyphs.live, theme.glyphs.down);
    if let Some(frozen) = header.frozen {
        return (format!("{down} frozen for {}", format::duration(frozen)).into(), Slot::Held);
    }
    if let Some(receiving) = header.receiving {
        return (format!("{up} {}", receiving.words()).into(), Slot::Held);
    }
    let words = header.connection.words();
    match (&header.connection, header.data_age) {
        (ConnectionState::Live, _) if !header.stale => (format!("{up} {words}").into(), Slot::Live),
        (_, Some(age)) => (format!("{down} {words}, data {} old", format::duration(age)).into(), Slot::Held),
        _ => (format!("{down} {words}").into(), Slot::Held),
    }
}

fn counts(header: &Header) -> Vec<Part> {
    let tasks = header.tasks;
    let mut parts = vec![
        number(2, &format!("{:>6}", thousands(tasks.alive)), "tasks", Slot::Text),
        number(
            3,
            &format!("{:>3}", thousands(tasks.running)),
            "run",
            state_slot(tasks.running, Slot::Running),
        ),
        number(
            3,
            &format!("{:>3}", thousands(tasks.scheduled)),
            "sched",
            state_slot(tasks.scheduled, Slot::Scheduled),
        ),
        number(8, &format!("{:>6}", thousands(tasks.idle)), "idle", Slot::Text),
    ];
    if let Some(rate) = header.polls_per_s {
        parts.push(number(7, &format!("{:>6}", format::rate(rate)), "polls/s", Slot::Text));
    }
    parts
}

/// What taskscope itself costs and lost.
fn trust(header: &Header) -> Vec<Part> {
    let cost = header.own_cost.map_or_else(|| format::UNKNOWN.to_owned(), format::percent);
    let lost = header.losses.total();
    let slot = if lost > 0 { Slot::Warning } else { Slot::Text };
    vec![
        part(0, vec![("cost ".into(), Slot::Dim), (format!("{cost:>5}").into(), Slot::Text)]),
        part(0, vec![("lost ".into(), Slot::Dim), (format!("{} ", format::count(lost)).into(), slot)]),
    ]
}

/// Every digit while they fit six cells.
fn thousands(n: u64) -> String {
    if n < 100_000 { format::exact(n) } else { format::count(n) }
}

fn state_slot(count: u64, slot: Slot) -> Slot {
    if count > 0 { slot } else { Slot::Text }
}

fn number(rank: u8, number: &str, unit: &'static str, slot: Slot) -> Part {
    part(rank, vec![(number.to_owned().into(), slot), (format!(" {unit}").into(), Slot::Dim)])
}

fn part(rank: u8, pieces: Vec<Piece<'static>>) -> Part {
    Part { rank, pieces }
}

fn width(parts: &[Part]) -> u16 {
    parts.iter().map(|part| part.pieces.iter().map(|(piece, _)| text::width(piece)).sum::<u16>() + GAP).sum()
}
