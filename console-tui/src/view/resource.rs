//! One resource: its facts, its attributes, its parts, and the operations on it.
//!
//! ```text
//!  ‹ Resources ▸ Mutex r4                                       1 task waits, for 41.2 s
//!  ─ resource ───────────── ─ attributes ────────── ─ parts ─────────
//!   kind     Sync            locked  true            Semaphore r5
//!   made at  src/state.rs:12
//!  ─ operations ──────────────────────────────────────────────────────
//!   Mutex::lock     transfer #88        idle   41.2 s      4 polls
//! ```

use ratatui::layout::Rect;
use taskscope_model::{ResourceKey, screen::resource::ResourceView};

use super::{
    Look,
    blocks::{self, Side, below},
    canvas::Canvas,
    hits::HitMap,
    io, lock, scroll, task,
};
use crate::theme::Slot;

/// Columns of blocks above the operations, on a wide screen and on another.
const WIDE_COLUMNS: u16 = 3;
const NARROW_COLUMNS: u16 = 2;
const WIDE: u16 = 108;

pub(super) fn render(
    look: Look<'_>,
    canvas: &mut Canvas<'_>,
    hits: &mut HitMap,
    area: Rect,
    key: ResourceKey,
) {
    hits.set_page_rows(area.height.saturating_sub(1));
    let view = look.model.resource(key);
    blocks::crumbs(look, canvas, hits, Rect { height: 1, ..area }, view.as_ref().map(|view| &view.state));
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let Some(view) = view else {
        let words = "This resource is gone; its data is no longer kept.";
        canvas.text_centred(body.x, body.y + body.height / 3, body.width, words, Slot::Dim);
        return;
    };
    let inner = Rect { x: body.x + 1, width: body.width.saturating_sub(2), ..body };
    if let Some(stream) = &view.io {
        let said = task::sentences(&view.findings, inner.width);
        let lines = io::lines(&view, stream, inner.width).saturating_add(said);
        scroll::render(look, canvas, hits, inner, (lines, view.selected_link), |canvas, area| {
            task::findings(canvas, area, &view.findings);
            io::stream(canvas, below(area, said), &view, stream);
        });
    } else if view.lock.is_some() || view.channel.is_some() {
        let said = task::sentences(&view.findings, inner.width);
        let lines = lock::lines(&view, inner.width).saturating_add(said);
        scroll::render(look, canvas, hits, inner, (lines, view.selected_link), |canvas, area| {
            task::findings(canvas, area, &view.findings);
            lock::render(look, canvas, below(area, said), &view);
        });
    } else {
        plain(look, canvas, hits, inner, &view);
    }
    if look.header.stale {
        canvas.tint(body, Slot::Stale);
    }
}

/// A resource that is neither a lock nor a channel, or one without a record.
fn plain(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, inner: Rect, view: &ResourceView) {
    let above = upper_lines(view, inner.width);
    let lines = above.saturating_add(blocks::ops_lines(&view.ops, view.more_ops));
    scroll::render(look, canvas, hits, inner, (lines, view.selected_link), |canvas, area| {
        upper(canvas, Rect { height: above, ..area }, view);
        operations(canvas, below(area, above), view);
    });
}

fn operations(canvas: &mut Canvas<'_>, area: Rect, view: &ResourceView) {
    canvas.rule(Rect { height: area.height.min(1), ..area }, &[("operations".into(), Slot::Head)]);
    let list = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..below(area, 1) };
    if view.ops.is_empty() {
        canvas.text(list.x, list.y, list.width, "none in progress", Slot::Dim);
    }
    blocks::ops(canvas, list, (&view.ops, view.more_ops), Side::Task, view.selected_link);
}

fn columns(width: u16) -> u16 {
    if width >= WIDE { WIDE_COLUMNS } else { NARROW_COLUMNS }
}

/// Lines above the parts: without a column of their own, they stand below the attributes.
fn above_parts(view: &ResourceView, width: u16) -> u16 {
    if columns(width) == WIDE_COLUMNS || view.parts.is_empty() { 0 } else { view.attributes.len() as u16 + 1 }
}

/// Lines that facts, attributes and parts take, with a blank one below them.
fn upper_lines(view: &ResourceView, width: u16) -> u16 {
    let parts = (view.parts.len() + usize::from(view.more_parts > 0)) as u16 + above_parts(view, width);
    parts.max(view.about.len() as u16).max(view.attributes.len() as u16) + 2
}

/// Facts, attributes and parts beside each other.
fn upper(canvas: &mut Canvas<'_>, area: Rect, view: &ResourceView) {
    let columns = columns(area.width);
    let width = area.width / columns;
    let block = |n: u16| Rect::new(area.x + n * width, area.y, width.saturating_sub(2), area.height);
    blocks::facts(canvas, block(0), "resource", &view.about, view.selected_link);
    let attributes: Vec<_> =
        view.attributes.iter().map(|(label, value)| (label.as_str(), value, None)).collect();
    blocks::labelled(canvas, block(1), "attributes", &attributes, None);
    let place =
        if columns == WIDE_COLUMNS { block(2) } else { below(block(1), above_parts(view, area.width)) };
    if !view.parts.is_empty() && place.height > 0 {
        let area = place;
        canvas.rule(Rect { height: 1, ..area }, &[("parts".into(), Slot::Head)]);
        let list = Rect {
            x: area.x + 1,
            y: area.y + 1,
            width: area.width.saturating_sub(1),
            height: area.height.saturating_sub(1),
        };
        let named = view.parts.iter().filter_map(|index| Some((*index, view.links.get(*index)?)));
        blocks::links(canvas, list, named, view.selected_link);
        if view.more_parts > 0 && view.parts.len() < usize::from(list.height) {
            let words = format!("and {} more", view.more_parts);
            canvas.text(list.x, list.y + view.parts.len() as u16, list.width, &words, Slot::Dim);
        }
    }
}
