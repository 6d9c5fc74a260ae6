//! What taskscope's own tests look at: the recorder of a handle, and a console's rounds without a server. No part of the API: it changes
//! with any version.

use std::{sync::Arc, time::Duration};

use taskscope_proto::v1;
use taskscope_recorder::{Limits, Recorder};

use crate::{
    aggregate::{Hub, cursor::Cursor},
    handle::Handle,
    recording::{Recording, Switch},
};

/// The recorder of a handle.
pub fn recorder(handle: &Handle) -> &Recorder {
    handle.recorder()
}

/// A recorder of its own, and a console of it.
#[derive(Debug)]
pub struct Rounds {
    handle: Handle,
    cursor: Cursor,
    is_first: bool,
}

impl Rounds {
    /// Of a recorder with these limits.
    pub fn new(limits: Limits) -> Self {
        let switch = Switch::new(Recording::On, Duration::ZERO);
        let handle =
            Handle::new(limits, switch, Duration::from_millis(100), crate::Stacks::default(), Vec::new());
        let cursor = Cursor::new(Arc::new(Hub::new(handle.clone(), &crate::Builder::default(), None)));
        Self { handle, cursor, is_first: true }
    }

    /// What the tasks are recorded with.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Starts a round. The next frames have at most this many rows of tasks each.
    pub fn begin(&mut self, rows_a_frame: usize) {
        self.cursor.limit_rows(rows_a_frame);
        self.cursor.begin_round();
        self.is_first = true;
    }

    /// The round's next frame; `None`: all of it was sent.
    pub fn next_frame(&mut self) -> Option<v1::Frame> {
        self.cursor.next_frame(std::mem::take(&mut self.is_first))
    }
}
