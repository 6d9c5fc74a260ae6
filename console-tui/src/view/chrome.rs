//! The frame of every screen: header, tabs, notices, strip, footer. Returns the room between them.
//!
//! ```text
//!  taskscope ▸ checkout-api  pid 4211 …
//! [1 Tasks]  2 Runtime  3 Locks  5 Findings 3                  ? help  / filter  : command  space freeze
//!  ● The process restarted 3 s ago. The data of the one before is gone.
//!  ▲ long-poll: render-pdf #102 has been in its poll for 318 ms              +2 more  ! open
//!  … body …
//!  footer
//! ```

use ratatui::layout::Rect;
use taskscope_model::{Action, Severity, ShowStrip, Tab, Target, format, screen::header::ConnectionState};

use super::{
    Look,
    canvas::{Canvas, severity_slot},
    footer, header,
    hits::HitMap,
    text,
};
use crate::theme::Slot;

/// Notices shown at a time, and on a low screen.
const MAX_NOTICES: usize = 4;
const MAX_NOTICES_LOW: usize = 2;

/// From this height on a screen isn't low.
const ROOMY_HEIGHT: u16 = 30;

/// The keys that work everywhere, the most used first, each with a word.
const ALWAYS: [(Action, &str); 4] = [
    (Action::Filter, "filter"),
    (Action::Help, "help"),
    (Action::Palette, "command"),
    (Action::Freeze, "freeze"),
];

pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect) -> Rect {
    let row = |y: u16| Rect::new(area.x, y, area.width, 1);
    let mut y = area.y;
    header::render(look, canvas, row(y));
    y += 1;
    tabs(look, canvas, hits, row(y));
    y += 1;
    let roomy = area.height >= ROOMY_HEIGHT;
    for (severity, notice) in notices(look).iter().take(if roomy { MAX_NOTICES } else { MAX_NOTICES_LOW }) {
        one_liner(canvas, row(y), *severity, notice, "");
        y += 1;
    }
    let wanted = match look.model.screen().tab().map_or(ShowStrip::Roomy, Tab::strip) {
        ShowStrip::Always => look.header.process.is_some(),
        ShowStrip::Roomy => roomy,
        ShowStrip::Never => false,
    };
    if wanted && strip(look, canvas, hits, row(y)) {
        y += 1;
    }
    let footer = footer::height(look);
    let bottom = area.bottom().saturating_sub(footer);
    footer::render(look, canvas, Rect::new(area.x, bottom, area.width, footer));
    Rect::new(area.x, y, area.width, bottom.saturating_sub(y))
}

/// Notices about the data: first that the connection is lost and why, then those of the model.
fn notices(look: Look<'_>) -> Vec<(Severity, String)> {
    let header = look.header;
    let mut notices = Vec::new();
    // Before the first data arrives, the body shows it.
    if let (ConnectionState::Lost { reason, retry_in }, true) = (&header.connection, header.process.is_some())
    {
        let retry =
            retry_in.map_or_else(String::new, |wait| format!("; next try in {}", format::duration(wait)));
        notices.push((Severity::Warning, format!("{reason}{retry}")));
    }
    notices.extend(header.notices.iter().map(|notice| (notice.severity, notice.text.clone())));
    notices
}

fn tabs(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect) {
    let mut x = area.x;
    let tabs = look.model.tabs();
    // Two brackets, a space and a number; a badge has room for three digits.
    let whole: u16 = tabs.iter().map(|tab| text::width(tab.title) + 4).sum::<u16>() + 4;
    let gap = u16::from(whole + tabs.len() as u16 <= area.width);
    for tab in tabs {
        let (open, close, slot) = if tab.active { ("[", "]", Slot::TabOpen) } else { (" ", " ", Slot::Text) };
        let start = x;
        // Where there is no room for all, the open one alone has its title.
        let title = if tab.active || whole <= area.width { tab.title } else { "" };
        let words = format!("{open}{} {title}", tab.number);
        x += canvas.text(x, area.y, area.right().saturating_sub(x), words.trim_end(), slot);
        if let Some(badge) = tab.badge.filter(|badge| *badge > 0) {
            let badge_slot = tab.badge_severity.map_or(Slot::Text, severity_slot);
            let badge_slot = if tab.active { slot } else { badge_slot };
            let badge = format!(" {}", format::count(badge));
            x += canvas.text(x, area.y, area.right().saturating_sub(x), &badge, badge_slot);
        }
        x += canvas.text(x, area.y, area.right().saturating_sub(x), close, slot);
        hits.add(Rect::new(start, area.y, x - start, 1), Target::Tab(tab.tab));
        x += gap;
    }
    let glyphs = look.theme.glyphs;
    let mut always: Vec<(String, &str)> = ALWAYS
        .iter()
        .filter(|(action, _)| *action != Action::Filter || look.model.shown_table().is_some())
        .filter_map(|(action, words)| Some((look.keymap.label(*action, glyphs)?, *words)))
        .collect();
    let needed = |hints: &[(String, &str)]| {
        hints.iter().map(|(key, words)| text::width(key) + text::width(words) + 3).sum::<u16>()
    };
    while !always.is_empty() && x + needed(&always) > area.right() {
        always.pop();
    }
    x = area.right() - needed(&always);
    for (key, words) in always {
        x += canvas.text(x, area.y, area.right() - x, &key, Slot::Key);
        x += canvas.text(x + 1, area.y, area.right() - x, words, Slot::Dim) + 3;
    }
}

fn strip(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect) -> bool {
    let Some(strip) = look.model.strip() else { return false };
    let key = look.keymap.label(Action::OpenTopFinding, look.theme.glyphs);
    let more = if strip.more > 0 { format!("+{} more", strip.more) } else { String::new() };
    let hint = match key {
        Some(key) => format!("{more}  {key} open"),
        None => more,
    };
    one_liner(canvas, area, strip.severity, &strip.text, &hint);
    hits.add(area, Target::Strip);
    true
}

/// A sentence with its mark, and at the right the key that leads on.
fn one_liner(canvas: &mut Canvas<'_>, area: Rect, severity: Severity, sentence: &str, hint: &str) {
    let slot = severity_slot(severity);
    canvas.text(area.x + 1, area.y, 1, canvas.mark(severity), slot);
    let hint_width = text::width(hint);
    let room = area.width.saturating_sub(5 + hint_width);
    canvas.text(area.x + 3, area.y, room, sentence, slot);
    canvas.text_right(area.x, area.y, area.width.saturating_sub(1), hint, Slot::Dim);
}
