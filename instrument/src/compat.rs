//! The service that `tokio-console` speaks, on the same port: an unmodified client of that name sees this program.
//!
//! Each stream has a cursor of its own, so a pause, a slow terminal or a big program costs the other consoles nothing. Invariant: no message
//! comes near the 4 MiB that those clients take; the first snapshot takes as many messages as it needs. Limits: update streams share the
//! seats of our own consoles; [`MAX_SIDE_STREAMS`] bounds the rest. docs/TOKIO_CONSOLE.md says which field becomes which.

mod cursor;
mod histogram;
mod ops;
mod pause;
mod resources;
mod tasks;
mod values;

use std::{pin::Pin, sync::Arc, time::Duration};

use console_api::{
    instrument::{
        InstrumentRequest, PauseRequest, PauseResponse, ResumeRequest, ResumeResponse, State, StateRequest,
        TaskDetailsRequest, Temporality, Update,
        instrument_server::{Instrument, InstrumentServer},
    },
    tasks::TaskDetails,
};
use taskscope_proto::limits;
use taskscope_recorder::TaskId;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::Instant,
};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::{Request, Response, Status};

use self::{
    cursor::Cursor,
    pause::{Pauses, Peer, Switch},
};
use crate::{
    aggregate::Hub,
    server::{IDLE_SHARE, MAX_REQUEST_BYTES, Seat},
};

/// Time between updates by default.
pub(crate) const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);
/// Streams of task details and of the pause's state, all connections together. A `tokio-console` has two.
const MAX_SIDE_STREAMS: usize = 4 * limits::MAX_CLIENTS;
/// Messages ready for a console that does not take them. One more is being made meanwhile.
const MESSAGES_AHEAD: usize = 1;

type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Service {
    hub: Arc<Hub>,
    interval: Duration,
    pauses: Pauses,
    side_streams: Arc<Semaphore>,
}

/// The service, ready for requests.
pub(crate) type Server = InstrumentServer<Service>;

/// The service over the state that `hub` has.
pub(crate) fn service(hub: Arc<Hub>, interval: Duration) -> Server {
    let service = Service {
        hub,
        interval: interval.clamp(limits::MIN_INTERVAL, limits::MAX_INTERVAL),
        pauses: Pauses::default(),
        side_streams: Arc::new(Semaphore::new(MAX_SIDE_STREAMS)),
    };
    InstrumentServer::new(service).max_decoding_message_size(MAX_REQUEST_BYTES)
}

#[tonic::async_trait]
impl Instrument for Service {
    type WatchUpdatesStream = Messages<Update>;
    type WatchTaskDetailsStream = Messages<TaskDetails>;
    type WatchStateStream = Messages<State>;

    async fn watch_updates(
        &self,
        request: Request<InstrumentRequest>,
    ) -> Result<Response<Self::WatchUpdatesStream>, Status> {
        let seat = Seat::take(&self.hub)?;
        let (messages, receiver) = mpsc::channel(MESSAGES_AHEAD);
        let console =
            Console { messages, switch: self.pauses.join(&Peer::of(&request)), interval: self.interval };
        let cursor = Cursor::new(Arc::clone(&self.hub));
        tokio::spawn(async move {
            console.updates(cursor).await;
            drop(seat);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn watch_task_details(
        &self,
        request: Request<TaskDetailsRequest>,
    ) -> Result<Response<Self::WatchTaskDetailsStream>, Status> {
        let id = request.get_ref().id.as_ref().map_or(0, |id| id.id);
        let known = |id: &TaskId| self.hub.handle.recorder().tasks.get(*id).is_some();
        let Some(task) = TaskId::from_u64(id).filter(known) else {
            return Err(Status::not_found(format!("there is no task {id}, or no more")));
        };
        let permit = self.side_stream()?;
        let (messages, receiver) = mpsc::channel(MESSAGES_AHEAD);
        let console =
            Console { messages, switch: self.pauses.join(&Peer::of(&request)), interval: self.interval };
        let hub = Arc::clone(&self.hub);
        tokio::spawn(async move {
            console.details(&hub, task).await;
            drop(permit);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn watch_state(
        &self,
        request: Request<StateRequest>,
    ) -> Result<Response<Self::WatchStateStream>, Status> {
        let permit = self.side_stream()?;
        let switch = self.pauses.join(&Peer::of(&request));
        let (messages, receiver) = mpsc::channel(MESSAGES_AHEAD);
        tokio::spawn(async move {
            send_state(&messages, &switch).await;
            drop(permit);
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn pause(&self, request: Request<PauseRequest>) -> Result<Response<PauseResponse>, Status> {
        self.pauses.set(&Peer::of(&request), true);
        Ok(Response::new(PauseResponse {}))
    }

    async fn resume(&self, request: Request<ResumeRequest>) -> Result<Response<ResumeResponse>, Status> {
        self.pauses.set(&Peer::of(&request), false);
        Ok(Response::new(ResumeResponse {}))
    }
}

impl Service {
    fn side_stream(&self) -> Result<OwnedSemaphorePermit, Status> {
        Arc::clone(&self.side_streams).try_acquire_owned().map_err(|_| {
            Status::resource_exhausted(format!(
                "{MAX_SIDE_STREAMS} streams of details and state are open already"
            ))
        })
    }
}

/// One stream's end of the wire.
struct Console<T> {
    messages: mpsc::Sender<Result<T, Status>>,
    switch: Arc<Switch>,
    interval: Duration,
}

impl<T> Console<T> {
    /// Waits while the console has paused; `None` when it is gone.
    async fn live(&self) -> Option<()> {
        tokio::select! {
            () = self.messages.closed() => None,
            () = self.switch.live() => Some(()),
        }
    }

    /// Sends a message; `None` when the console is gone.
    async fn send(&self, message: T) -> Option<()> {
        self.messages.send(Ok(message)).await.ok()
    }

    /// Rests after a round that began at `start` and kept this thread busy for `worked`; `None` when the console is gone.
    async fn rest(&self, start: Instant, worked: Duration) -> Option<()> {
        let next = start + self.interval.max(worked * IDLE_SHARE);
        tokio::select! {
            () = self.messages.closed() => None,
            () = tokio::time::sleep_until(next) => Some(()),
        }
    }
}

impl Console<Update> {
    async fn updates(self, mut cursor: Cursor) -> Option<()> {
        loop {
            self.live().await?;
            let round_start = Instant::now();
            let mut start = round_start;
            let mut worked = Duration::ZERO;
            cursor.begin_round();
            let mut first = true;
            while let Some(update) = cursor.next_update(first) {
                first = false;
                worked += start.elapsed();
                self.send(update).await?;
                // Other consoles' turn.
                tokio::task::yield_now().await;
                start = Instant::now();
            }
            self.rest(round_start, worked).await?;
        }
    }
}

impl Console<TaskDetails> {
    /// Until the task leaves its slot: then nothing more changes.
    async fn details(self, hub: &Hub, task: TaskId) -> Option<()> {
        loop {
            self.live().await?;
            let start = Instant::now();
            let details = tasks::details(hub, task)?;
            let worked = start.elapsed();
            self.send(details).await?;
            self.rest(start, worked).await?;
        }
    }
}

/// Sends whether the connection is paused, now and at each change.
async fn send_state(messages: &mpsc::Sender<Result<State, Status>>, switch: &Switch) {
    let mut paused = switch.subscribe();
    loop {
        let temporality = if *paused.borrow_and_update() { Temporality::Paused } else { Temporality::Live };
        if messages.send(Ok(State { temporality: temporality.into() })).await.is_err() {
            return;
        }
        tokio::select! {
            () = messages.closed() => return,
            changed = paused.changed() => if changed.is_err() { return },
        }
    }
}
