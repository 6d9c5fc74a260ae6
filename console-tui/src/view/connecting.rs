//! No data has arrived yet: what the console tries, why it failed, and what to do.
//!
//! ```text
//!            connecting to 127.0.0.1:6669
//!        nothing listens at 127.0.0.1:6669; next try in 2.1 s
//!
//!    To watch a tokio program, add taskscope to it and rebuild:
//!        cargo add taskscope …
//!    To try taskscope without a program: taskscope demo
//! ```

use ratatui::layout::Rect;
use taskscope_model::{format, screen::header::ConnectionState};

use super::{Look, canvas::Canvas};
use crate::theme::Slot;

/// What to do, a line each.
const ADVICE: [(&str, Slot); 10] = [
    ("To watch a tokio program, add taskscope to it and rebuild:", Slot::Text),
    ("", Slot::Text),
    ("    cargo add taskscope", Slot::Strong),
    ("    fn main() { taskscope::init(); … }    // first line of main", Slot::Strong),
    ("    RUSTFLAGS=\"--cfg tokio_unstable\" cargo run", Slot::Strong),
    ("", Slot::Text),
    ("Without that flag, you see only tasks of taskscope::spawn.", Slot::Dim),
    ("For another address: taskscope HOST:PORT or taskscope unix:/path", Slot::Dim),
    ("To try taskscope without a program: taskscope demo", Slot::Dim),
    ("", Slot::Text),
];

/// Cells that the advice takes at its widest.
const WIDTH: u16 = 64;

pub(super) fn render(look: Look<'_>, canvas: &mut Canvas<'_>, area: Rect) {
    let header = look.header;
    let y = area.y + area.height.saturating_sub(ADVICE.len() as u16 + 4) / 3;
    let doing = match &header.connection {
        ConnectionState::Waiting
        | ConnectionState::Receiving
        | ConnectionState::Live
        | ConnectionState::Silent => "connected; waiting for data from",
        _ => "connecting to",
    };
    canvas.text_centred(area.x, y, area.width, &format!("{doing} {}", header.target), Slot::Strong);
    if let ConnectionState::Lost { reason, retry_in } = &header.connection {
        let retry =
            retry_in.map_or_else(String::new, |wait| format!("; next try in {}", format::duration(wait)));
        canvas.text_centred(area.x, y + 1, area.width, &format!("{reason}{retry}"), Slot::Warning);
    }
    let x = area.x + area.width.saturating_sub(WIDTH) / 2;
    for (n, (line, slot)) in ADVICE.iter().enumerate() {
        let at = y + 3 + n as u16;
        if at < area.bottom() {
            canvas.text(x, at, area.right().saturating_sub(x), line, *slot);
        }
    }
}
