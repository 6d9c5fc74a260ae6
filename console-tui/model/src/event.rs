//! Everything that reaches the model: time, keys, the network. Nothing else changes it.

use std::time::Duration;

use taskscope_proto::v1;

use crate::{action::Action, columns::Column, nav::Tab, screen::resources::ResourceColumn};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Time passed. `now` counts from the start of the client and never goes back.
    Tick {
        /// Time since the client started.
        now: Duration,
    },
    /// The terminal has this size (columns, rows).
    Resize {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// The view drew lists with this many rows: the length of a page. Sent when it changes.
    PageRows(u16),
    /// The user asked for an action, by whichever way.
    Action(Action),
    /// The user typed while [`crate::Model::input`] is `Some`.
    Edit(Edit),
    /// A click on something that the view drew.
    Click(Target),
    /// The wheel: positive is down.
    Scroll(i16),
    /// News of the connection.
    Connection(ConnectionEvent),
    /// A frame arrived.
    Frame(Box<v1::Frame>),
}

/// A change of the line that is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
    /// A character at the cursor.
    Insert(char),
    /// Pasted text; control characters are left out.
    Paste(String),
    /// Delete before the cursor.
    Backspace,
    /// Delete at the cursor.
    Delete,
    /// Delete the word before the cursor.
    DeleteWord,
    /// Delete everything.
    Clear,
    /// Cursor one to the left.
    Left,
    /// Cursor one to the right.
    Right,
    /// Cursor to the start.
    Home,
    /// Cursor to the end.
    End,
    /// Take the best completion.
    Complete,
}

/// What a click hit, by meaning; the view keeps the rectangles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A row of the list on the screen, counted from the top of the whole list (offset included).
    /// A click on the selected row opens it.
    Row(usize),
    /// A tab.
    Tab(Tab),
    /// A column's header: sorts by it, and inverts when it is the sort column already.
    Header(Column),
    /// The same of the table of resources.
    ResourceHeader(ResourceColumn),
    /// The strip with the most serious finding.
    Strip,
    /// The n-th breadcrumb from the left.
    Breadcrumb(usize),
    /// A row of the open overlay (palette, columns).
    OverlayRow(usize),
    /// Outside an open overlay: closes it.
    Outside,
}

/// What the shell says of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionEvent {
    /// It tries; the first attempt is 1.
    Connecting {
        /// Attempts since the last success.
        attempt: u32,
    },
    /// A new stream is open. The next frame is its first.
    Connected,
    /// The stream ended or could not be opened.
    Lost {
        /// A sentence for people.
        reason: String,
        /// Time until the next attempt; `None`: there will be none.
        retry_in: Option<Duration>,
    },
}
