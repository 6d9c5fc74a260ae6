//! What the screen shows: a pure function of the model, the theme and the keys, one small file per region.
//!
//! ```text
//!  header         process, connection, tasks by state, cost, losses
//!  tabs           the screens, and the keys that always work
//!  notices        what is wrong with the data itself; the most serious finding
//!  body           overview | tasks | task | runtime | worker | locks | resources | resource | I/O | descriptor | waits | findings | connecting
//!  footer         order and counts, hints; or the line that the user types
//! ```
//!
//! Invariant: the same model gives the same cells; a frame costs what is on it, not what there is. In ASCII mode, nothing else
//! leaves here. Limit: below [`MIN_WIDTH`] x [`MIN_HEIGHT`] it shows only that the terminal is too small.

mod blocks;
mod braille;
mod canvas;
mod chrome;
mod connecting;
mod findings;
mod footer;
mod header;
mod hits;
mod io;
mod lock;
mod overlays;
mod overview;
mod resource;
mod runtime;
mod scroll;
mod stack;
mod table;
mod task;
pub(crate) mod text;
mod too_small;
mod waits;
mod worker;

use ratatui::{Frame, layout::Rect};
use taskscope_model::{Model, Screen, screen::header::Header};

use self::canvas::Canvas;
pub use self::hits::HitMap;
use crate::{keymap::Keymap, theme::Theme};

/// Narrowest screen with anything useful on it.
pub const MIN_WIDTH: u16 = 60;

/// Lowest screen with anything useful on it.
pub const MIN_HEIGHT: u16 = 12;

/// What every region reads.
#[derive(Clone, Copy)]
struct Look<'a> {
    model: &'a Model,
    theme: &'a Theme,
    keymap: &'a Keymap,
    /// Made once a frame.
    header: &'a Header,
}

/// Draws one frame.
pub fn draw(frame: &mut Frame<'_>, model: &Model, theme: &Theme, keymap: &Keymap) -> HitMap {
    let header = model.header();
    let look = Look { model, theme, keymap, header: &header };
    let area = frame.area();
    let mut hits = HitMap::default();
    let mut canvas = Canvas::new(frame.buffer_mut(), theme);
    if area.width < MIN_WIDTH || area.height < MIN_HEIGHT {
        too_small::render(look, &mut canvas, area);
        canvas.finish();
        return hits;
    }
    let body = chrome::render(look, &mut canvas, &mut hits, area);
    if header.process.is_none() {
        connecting::render(look, &mut canvas, body);
    } else {
        screen(look, &mut canvas, &mut hits, body);
    }
    overlays::render(look, &mut canvas, &mut hits, area);
    let cursor = canvas.finish();
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
    hits
}

fn screen(look: Look<'_>, canvas: &mut Canvas<'_>, hits: &mut HitMap, area: Rect) {
    match (look.model.screen(), look.model.shown_table()) {
        // Two screens show a table in their own way.
        (Screen::Runtime, _) => runtime::render(look, canvas, hits, area),
        (Screen::Findings, _) => findings::render(look, canvas, hits, area),
        (Screen::Overview, _) => overview::render(look, canvas, hits, area),
        (_, Some(table)) => table::render(look, canvas, hits, area, table),
        (Screen::Task(key), None) => task::render(look, canvas, hits, area, key),
        (Screen::Worker(key), None) => worker::render(look, canvas, hits, area, key),
        (Screen::Waits(of), None) => waits::render(look, canvas, hits, area, of),
        (Screen::Resource(key), None) => resource::render(look, canvas, hits, area, key),
        (Screen::Descriptor(id), None) => io::descriptor(look, canvas, hits, area, id),
        // The others have tables.
        (_, None) => {}
    }
}
