//! A lock: who holds it, who waits for it and in which order, what it cost so far. A channel: its ends and its flow.
//!
//! ```text
//!  ─ held by ──────────────────────────────────────────────────────────────────
//!   transfer #91              41.2 s             src/ledger.rs:121
//!   └ waits for Mutex accounts
//!  ─ waiting, in order ────────────────────────────────────────────────────────
//!    1 transfer #88           41.2 s             src/ledger.rs:140
//!  ─ lock ───────────────── ─ use ──────────────── ─ contention ───────────────
//!  ─ held  p50 … ────────── ─ waited  p50 … ──────
//! ```

use ratatui::layout::Rect;
use taskscope_model::{
    format,
    screen::{
        lock::{ChannelView, HoldView, HolderView, LockView, WaiterView},
        resource::ResourceView,
        table::Cell,
    },
};

use super::{
    Look,
    blocks::{columns, facts, labelled, link},
    canvas::{Canvas, Piece, tone_slot},
    table::bar,
    task::distribution,
    text,
};
use crate::theme::Slot;

/// From this width on, blocks stand in three columns.
const WIDE: u16 = 108;

/// Least and most lines of the histograms, their title included.
const HISTOGRAM_LINES: (u16, u16) = (6, 12);

/// Lines of the contention on a narrow screen, its title included.
const CONTENTION_LINES: u16 = 6;

/// Cells of the number before a waiter, of an age, and of the bar of a channel.
const PLACE_IN_LINE: u16 = 4;
const AGE: u16 = 8;
const DEPTH_BAR: u16 = 24;

/// Lines that the screen takes when nothing is cut.
pub(super) fn lines(view: &ResourceView, width: u16) -> u16 {
    let Heights { upper, middle, contention, least, .. } = Heights::of(view, width);
    upper + middle + contention + least
}

/// Lines of the parts of the screen.
struct Heights {
    holders: u16,
    waiters: u16,
    /// Both, and the depth of a channel.
    upper: u16,
    middle: u16,
    contention: u16,
    least: u16,
}

impl Heights {
    fn of(view: &ResourceView, width: u16) -> Self {
        let holders = view.lock.as_ref().map_or(0, |lock| {
            let known = lock.holders.as_deref().unwrap_or_default();
            let lines: usize = known.iter().map(|holder| 1 + usize::from(!holder.waits_for.is_empty())).sum();
            list_lines(lines, lock.more_holders > 0)
        });
        let waiters = waiters_lines(view);
        let depth = if view.channel.is_some() { 2 } else { 0 };
        let facts = [
            view.about.len() + view.attributes.len(),
            view.lock.as_ref().map_or(0, |lock| lock.uses.len()),
            view.channel.as_ref().map_or(0, |channel| channel.ends.len().max(channel.flow.len())),
        ];
        let middle = facts.into_iter().max().unwrap_or(0) as u16 + 2;
        let narrow = width < WIDE;
        let is_lock = view.lock.is_some();
        let middle = if narrow && view.channel.is_some() { middle * 2 } else { middle };
        Self {
            holders,
            waiters,
            upper: holders + waiters + depth,
            middle,
            contention: if narrow && is_lock { CONTENTION_LINES } else { 0 },
            least: if is_lock { HISTOGRAM_LINES.0 } else { 0 },
        }
    }
}

/// Lines of those who wait.
pub(super) fn waiters_lines(view: &ResourceView) -> u16 {
    list_lines(view.waiters.len(), view.more_waiters > 0)
}

/// Lines of a list: its title, its entries or one line that there are none, what is left out, a blank.
fn list_lines(entries: usize, more: bool) -> u16 {
    (entries.max(1) + usize::from(more)) as u16 + 2
}

/// Draws into an area of [`lines`] lines or more.
pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, area: Rect, view: &ResourceView) {
    let heights = Heights::of(view, area.width);
    let mut y = area.y;
    let mut next = |height: u16| {
        let part = Rect { y, height: height.min(area.bottom().saturating_sub(y)), ..area };
        y += part.height;
        part
    };
    if let Some(channel) = &view.channel {
        depth(canvas, next(2), channel);
    }
    if let Some(held) = &view.lock {
        holders(canvas, next(heights.holders), held, view.selected_link);
    }
    waiters(canvas, next(heights.waiters), view);
    let middle = next(heights.middle);
    if let Some(channel) = &view.channel {
        channel_facts(canvas, middle, view, channel);
    }
    let Some(held) = &view.lock else { return };
    let chosen = view.selected_link;
    if area.width >= WIDE {
        let [left, centre, right] = columns::<3>(middle);
        about(canvas, left, "lock", view);
        facts(canvas, centre, "use", &held.uses, chosen);
        contention(look, canvas, Rect { height: right.height.saturating_sub(1), ..right }, held);
    } else {
        let [left, right] = columns::<2>(middle);
        about(canvas, left, "lock", view);
        facts(canvas, right, "use", &held.uses, chosen);
        let below = next(heights.contention);
        contention(look, canvas, Rect { height: below.height.saturating_sub(1), ..below }, held);
    }
    let rest = next(HISTOGRAM_LINES.1);
    let [left, right] = columns::<2>(rest);
    distribution(look, canvas, left, "held", held.holds.as_ref());
    distribution(look, canvas, right, "waited", held.waits.as_ref());
}

/// Its facts, then its attributes.
fn about(canvas: &mut Canvas<'_>, area: Rect, title: &'static str, view: &ResourceView) {
    let known = view.about.iter().map(|fact| (fact.label, &fact.value, fact.link));
    let said = view.attributes.iter().map(|(label, value)| (label.as_str(), value, None));
    labelled(canvas, area, title, &known.chain(said).collect::<Vec<_>>(), view.selected_link);
}

fn holders(canvas: &mut Canvas<'_>, area: Rect, lock: &LockView, chosen: Option<usize>) {
    canvas.rule(Rect { height: area.height.min(1), ..area }, &[("held by".into(), Slot::Head)]);
    let mut list = List { area, y: area.y + 1 };
    let Some(known) = &lock.holders else {
        return list.note(canvas, "– (the process does not report holders)");
    };
    if known.is_empty() && lock.more_holders == 0 {
        return list.note(canvas, "free");
    }
    for holder in known {
        list.entry(canvas, "", &Entry::of_holder(holder), chosen);
        if !holder.waits_for.is_empty() {
            list.note(canvas, &format!("└ {}", holder.waits_for));
        }
    }
    if lock.more_holders > 0 {
        list.note(canvas, &format!("and {} more", format::count(lock.more_holders)));
    }
}

pub(super) fn waiters(canvas: &mut Canvas<'_>, area: Rect, view: &ResourceView) {
    let title: Piece<'_> = ("waiting, in order".into(), Slot::Head);
    canvas.rule(Rect { height: area.height.min(1), ..area }, &[title]);
    let mut list = List { area, y: area.y + 1 };
    if view.waiters.is_empty() {
        return list.note(canvas, "no waiters");
    }
    for (n, waiter) in (1..).zip(&view.waiters) {
        let number = format!("{n:>3} ");
        list.entry(canvas, &number, &Entry::of_waiter(waiter), view.selected_link);
    }
    if view.more_waiters > 0 {
        list.note(canvas, &format!("and {} more", format::count(view.more_waiters as u64)));
    }
}

/// A holder, a waiter or a lock that is held, as a line.
struct Entry<'a> {
    name: &'a Cell,
    link: Option<usize>,
    age: &'a Cell,
    how: &'a str,
    place: &'a Cell,
    aside: &'a str,
}

impl<'a> Entry<'a> {
    fn of_holder(holder: &'a HolderView) -> Self {
        let HolderView { who, link, age, how, place, .. } = holder;
        Self { name: who, link: *link, age, how, place, aside: "" }
    }

    fn of_waiter(waiter: &'a WaiterView) -> Self {
        let WaiterView { who, link, age, how, place } = waiter;
        Self { name: who, link: *link, age, how, place, aside: "" }
    }

    fn of_hold(hold: &'a HoldView) -> Self {
        let HoldView { lock, link, age, how, place, waiters } = hold;
        Self { name: lock, link: *link, age, how, place, aside: waiters }
    }
}

/// Lines one below the other.
struct List {
    area: Rect,
    y: u16,
}

impl List {
    fn note(&mut self, canvas: &mut Canvas<'_>, words: &str) {
        if self.y < self.area.bottom() {
            canvas.text(self.area.x + 1, self.y, self.area.width.saturating_sub(1), words, Slot::Dim);
        }
        self.y += 1;
    }

    /// Columns: a number, a name, an age, a place, how, and more words.
    fn entry(&mut self, canvas: &mut Canvas<'_>, number: &str, entry: &Entry<'_>, chosen: Option<usize>) {
        let (y, right) = (self.y, self.area.right());
        self.y += 1;
        if y >= self.area.bottom() {
            return;
        }
        let room = |x: u16| right.saturating_sub(x);
        let mut x = self.area.x + 1;
        if !number.is_empty() {
            canvas.text(x, y, room(x), number, Slot::Dim);
            x += PLACE_IN_LINE;
        }
        // What follows stands in the same columns with and without a number.
        let names = (self.area.width * 3 / 10).clamp(20, 36).saturating_sub(x - self.area.x - 1);
        let used = canvas.text(x, y, names.min(room(x)), &entry.name.text, tone_slot(entry.name.tone));
        link(canvas, Rect::new(x, y, used, 1), entry.link, chosen);
        x += names + 1;
        canvas.text_right(x, y, AGE.min(room(x)), &entry.age.text, tone_slot(entry.age.tone));
        x += AGE + 2;
        let places = (self.area.width / 4).max(PLACE_IN_LINE * 4);
        let place = text::cut_place(&entry.place.text, places.min(room(x)), canvas.theme.glyphs.ellipsis);
        canvas.text(x, y, places.min(room(x)), &place, tone_slot(entry.place.tone));
        x += places + 1;
        let words = match (entry.how, entry.aside) {
            ("", words) | (words, "") => words.to_owned(),
            (how, aside) => format!("{how}; {aside}"),
        };
        canvas.text(x, y, room(x), &words, Slot::Text);
    }
}

/// What a task holds, one a line.
pub(super) fn holds(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (held, more): (&[HoldView], usize),
    chosen: Option<usize>,
) {
    canvas.rule(Rect { height: area.height.min(1), ..area }, &[("holds".into(), Slot::Head)]);
    let mut list = List { area, y: area.y + 1 };
    for hold in held {
        list.entry(canvas, "", &Entry::of_hold(hold), chosen);
    }
    if more > 0 {
        list.note(canvas, &format!("and {more} more"));
    }
}

fn depth(canvas: &mut Canvas<'_>, area: Rect, channel: &ChannelView) {
    let slot = tone_slot(channel.depth.tone);
    let line: [Piece<'_>; 3] = [
        ("depth  ".into(), Slot::Dim),
        (channel.depth.text.as_str().into(), slot),
        ("  ".into(), Slot::Text),
    ];
    let used = canvas.pieces(area.x + 1, area.y, area.width, &line);
    let width = DEPTH_BAR.min(area.width.saturating_sub(used + 1));
    bar(canvas, Rect { x: area.x + 1 + used, width, height: 1, ..area }, channel.filled_percent);
}

fn channel_facts(canvas: &mut Canvas<'_>, area: Rect, view: &ResourceView, channel: &ChannelView) {
    let chosen = view.selected_link;
    if area.width >= WIDE {
        let [left, centre, right] = columns::<3>(area);
        about(canvas, left, "channel", view);
        facts(canvas, centre, "ends", &channel.ends, chosen);
        facts(canvas, right, "flow", &channel.flow, chosen);
        return;
    }
    let half = area.height / 2;
    let [left, right] = columns::<2>(Rect { height: half, ..area });
    facts(canvas, left, "ends", &channel.ends, chosen);
    facts(canvas, right, "flow", &channel.flow, chosen);
    about(canvas, Rect { y: area.y + half, height: half, ..area }, "channel", view);
}

/// The share that had to wait, second by second, as bars.
fn contention(look: Look<'_>, canvas: &mut Canvas<'_>, area: Rect, shown: &LockView) {
    if area.height < 2 {
        return;
    }
    let most = shown.contention.iter().flatten().copied().fold(0.0_f64, f64::max);
    let seconds = shown.contention.len();
    let title = format!("  last {seconds} s");
    let head: [Piece<'_>; 2] = [("contention".into(), Slot::Head), (title.into(), Slot::Dim)];
    canvas.rule(Rect { height: 1, ..area }, &head[..if seconds > 0 { 2 } else { 1 }]);
    if seconds == 0 {
        canvas.text(area.x + 1, area.y + 1, area.width, "no data yet", Slot::Dim);
        return;
    }
    let bars = area.height.saturating_sub(2);
    let each = (area.width.saturating_sub(1) / seconds as u16).clamp(1, 3);
    for (n, share) in (0..).zip(&shown.contention) {
        let x = area.x + 1 + n * each;
        let Some(share) = share.filter(|_| most > 0.0) else { continue };
        let eighths = (share / most * f64::from(bars) * 8.0).ceil() as u16;
        for line in 0..bars {
            let filled = eighths.saturating_sub(line * 8).min(8);
            if filled > 0 {
                let cells = look.theme.glyphs.bars[usize::from(filled)].repeat(usize::from(each.max(2) - 1));
                canvas.text(x, area.y + bars - line, each, &cells, Slot::Trend);
            }
        }
    }
    let words = if most > 0.0 {
        format!("worst second: {} had to wait", format::percent(most))
    } else {
        "none had to wait".to_owned()
    };
    canvas.text(area.x + 1, area.bottom() - 1, area.width, &words, Slot::Text);
}
