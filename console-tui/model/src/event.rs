//! Everything that reaches the model: time, keys, the network. Nothing else changes it.

use std::time::Duration;

use taskscope_proto::v1;

use crate::{action::Action, columns::ColumnId, nav::Tab, tables::TableId};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Time passed. `now` counts from the start of the client and never goes back.
    Tick {
        /// Time since the client started.
        now: Duration,
    },
    /// Nothing else is to be done: time for a bit of what takes long. Sent while [`crate::Model::wants_work`].
    Work,
    /// What has come is taken in, and lints and rows are made of it at once, however long that takes: a report is of one moment.
    Settle,
    /// The terminal has this size (columns, rows).
    Resize {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// The view drew lists with this many rows: the length of a page. Sent when it changes.
    PageRows(u16),
    /// The view drew the screen of a task, a resource or a wait: how long it is, and from where on it was shown. Sent after
    /// each frame.
    Extent(Extent),
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
    /// News of the program's memory, which the shell reads beside the stream.
    Memory(MemoryNews),
}

/// What the shell says of the program's memory.
#[derive(Debug, Clone, PartialEq)]
pub enum MemoryNews {
    /// Await trees as they are now, by tokio's ids of the tasks.
    Trees(Vec<(u64, v1::AwaitTree)>),
    /// Why none come: a sentence with what to do next.
    Problem(String),
}

/// How much there is of a screen that may be longer than the terminal is high; in lines.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Extent {
    /// The first line that is shown.
    pub top: usize,
    /// Lines that are shown.
    pub page: usize,
    /// Lines there are.
    pub lines: usize,
    /// The links on them, each with its line.
    pub links: Vec<(usize, usize)>,
}

impl Extent {
    /// The line that a link is on.
    pub fn line_of(&self, link: usize) -> Option<usize> {
        self.links.iter().find(|(index, _)| *index == link).map(|(_, line)| *line)
    }

    /// The greatest `top`.
    pub fn last_top(&self) -> usize {
        self.lines.saturating_sub(self.page)
    }

    fn shows(&self, line: usize) -> bool {
        (self.top..self.top + self.page).contains(&line)
    }

    /// The link to choose and the line to begin with, one step (`down` or up) from `link`: to the next link if it is in sight
    /// or a line beyond; else a line further.
    pub(crate) fn step(&self, link: usize, links: usize, down: bool) -> (usize, usize) {
        let left_behind = self.line_of(link).is_some_and(|line| !self.shows(line));
        let in_sight = self.links.iter().filter(|(_, line)| self.shows(*line)).map(|(index, _)| *index);
        let next = match (left_behind, down) {
            (false, true) => Some(link + 1).filter(|next| *next < links),
            (false, false) => link.checked_sub(1),
            // The first or last one in sight takes its place.
            (true, true) => in_sight.min(),
            (true, false) => in_sight.max(),
        };
        let near = |line: usize| line + 1 >= self.top && line <= self.top + self.page;
        match next {
            Some(next) if self.line_of(next).is_none_or(near) => {
                let at = self.line_of(next).unwrap_or(self.top);
                (next, self.top.min(at).max((at + 1).saturating_sub(self.page)))
            }
            _ if down => (link, (self.top + 1).min(self.last_top())),
            _ => (link, self.top.saturating_sub(1)),
        }
    }
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
    /// The header of a column of the table on the screen: sorts by it, and inverts when it is the sort column already.
    Header(ColumnId),
    /// One of the tables of the screen: shows it.
    Table(TableId),
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
