//! Scenarios, from frames to what the screen shows.

mod fake;
mod hostile;
mod io;
mod lints;
mod locks;
mod polls;
mod resources;
mod same;
mod scan;
mod scheduler;
mod screens;
mod stream;
mod table;
mod young;

use std::time::Duration;

use taskscope_proto::v1;

use crate::{
    Action, ColumnId, Config, ConnectionEvent, Effect, Event, Model, SiteId, TableId, TaskKey,
    analysis::Analysis,
    screen::table::Row,
    table::place::{RowKey, Rows as _},
    update,
};
pub(super) use fake::{Fake, FakeTask, SITE_COUNT};

/// A model and a clock.
pub(super) struct Client {
    pub(super) model: Model,
    pub(super) now: Duration,
    pub(super) requests: Vec<v1::WatchRequest>,
    pub(super) effects: Vec<Effect>,
}

impl Client {
    pub(super) fn new(config: Config) -> Self {
        let mut client = Self {
            model: Model::new(config),
            now: Duration::ZERO,
            requests: Vec::new(),
            effects: Vec::new(),
        };
        client.send(Event::PageRows(20));
        client.perform(Action::Tasks);
        client.send(Event::Connection(ConnectionEvent::Connecting { attempt: 1 }));
        client.send(Event::Connection(ConnectionEvent::Connected));
        client
    }

    /// A client that has the whole picture of `fake`.
    pub(super) fn watching(fake: &mut Fake) -> Self {
        let mut client = Self::new(Config::default());
        client.take(fake.snapshot());
        client
    }

    /// An event, and the work that it makes.
    pub(super) fn send(&mut self, event: Event) {
        self.send_alone(event);
        while self.model.wants_work() {
            self.send_alone(Event::Work);
        }
    }

    pub(super) fn send_alone(&mut self, event: Event) {
        for effect in update(&mut self.model, event) {
            match effect {
                Effect::SendRequest(request) => self.requests.push(request),
                other => self.effects.push(other),
            }
        }
    }

    pub(super) fn perform(&mut self, action: Action) {
        self.send(Event::Action(action));
    }

    pub(super) fn take(&mut self, frames: Vec<v1::Frame>) {
        for frame in frames {
            self.send(Event::Frame(Box::new(frame)));
        }
    }

    /// The state on the screen.
    pub(super) fn store(&self) -> Analysis<'_> {
        self.model.context().expect("a snapshot has come").store
    }

    pub(super) fn wait(&mut self, time: Duration) {
        self.now += time;
        self.send(Event::Tick { now: self.now });
    }

    /// Time passes on both sides, and the changes arrive.
    pub(super) fn run(&mut self, fake: &mut Fake, seconds: u64) {
        for _ in 0..seconds {
            fake.now_ns += 1_000_000_000;
            self.now += Duration::from_secs(1);
            self.send(Event::Tick { now: self.now });
            self.take(vec![fake.delta()]);
        }
        // What came with the last frame is on the screen too.
        self.wait(Duration::from_secs(1));
    }

    /// The first columns of the rows, as text.
    pub(super) fn rows(&self, columns: &[ColumnId]) -> Vec<String> {
        let line = |row: &Row| row.cells.iter().map(|cell| cell.text.clone()).collect::<Vec<_>>().join(" ");
        self.model.rows(TableId::Tasks, columns).iter().map(line).collect()
    }
}

/// Every column of a table.
pub(super) fn all(table: TableId) -> Vec<ColumnId> {
    table.columns().iter().map(|spec| spec.id).collect()
}

/// What a row of the tasks stands for.
pub(super) fn key_of(client: &Client, row: &Row) -> RowKey<TaskKey, SiteId> {
    client.model.ui.tables.tasks.rows.get(row.index).expect("a row on the screen").0
}
