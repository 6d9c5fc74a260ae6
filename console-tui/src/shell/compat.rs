//! A program with console-subscriber in it, watched as if it had taskscope: the protocol of tokio-console, turned into our frames.
//!
//! Invariants: the frames are like a taskscope server's, but for `Hello.problems` and what is unknown; nothing is asked of the other
//! side that another console of it would feel, so its pause, which stops all consoles, is never sent.
//!
//! Limits: [`MAX_MESSAGE_BYTES`] a message, and those of the parts. The other side sets the pace; it has no
//! message for the interval that is asked for.

mod codec;
mod fields;
mod frames;
mod health;
mod histogram;
mod overlap;
mod resources;
mod rows;
mod sites;
mod slots;
mod tasks;
#[cfg(test)]
mod tests;
mod time;
mod translate;

use std::{
    pin::Pin,
    time::{Duration, Instant},
};

use console_api::{
    Id,
    instrument::{
        InstrumentRequest, State, StateRequest, TaskDetailsRequest, Temporality, Update,
        instrument_client::InstrumentClient,
    },
    tasks::TaskDetails,
};
use futures_util::{Stream, StreamExt as _, TryFutureExt as _};
use taskscope_proto::{
    limits::{DEFAULT_INTERVAL, MAX_DETAILS},
    v1::{Frame, WatchRequest},
};
use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_stream::StreamMap;
use tonic::{Request, Status, Streaming, client::Grpc, transport::Channel};

use self::{
    codec::{MAX_MESSAGE_BYTES, UpdateCodec},
    translate::Translator,
};
use super::{connect::News, random};

/// Longest wait for the answer to a call.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// Without an update for this long, or for [`PATIENCE_TICKS`] times the last gap, no sign of life is given for them.
const LEAST_PATIENCE: Duration = Duration::from_secs(3);
const PATIENCE_TICKS: u32 = 3;

/// How a stream ended.
#[derive(Debug)]
pub(super) enum End {
    /// The receiver of the frames is gone.
    Unheard,
    /// The other side closed it.
    Closed,
    /// It was refused, or broke.
    Broke(Status),
    /// No answer within [`CALL_TIMEOUT`].
    Silent,
}

impl From<Status> for End {
    fn from(status: Status) -> Self {
        Self::Broke(status)
    }
}

/// Watches the other side of `channel` until that ends; `sent` counts the frames.
pub(super) async fn watch(
    channel: Channel,
    frames: &mpsc::Sender<News>,
    wishes: watch::Receiver<Option<WatchRequest>>,
    sent: &mut u64,
) -> End {
    let updates = match updates(&channel).await {
        Ok(updates) => updates,
        Err(end) => return end,
    };
    let client = InstrumentClient::new(channel.clone());
    let session = Session {
        states: states(client.clone()),
        client,
        channel,
        updates,
        details: StreamMap::new(),
        translator: Translator::new(random(), 0),
        rhythm: Rhythm { last: Instant::now(), gap: Duration::ZERO },
        resync: None,
    };
    session.run(frames, wishes, sent).await
}

/// What a stream of updates becomes, those that can't be read left out: for the fuzz target, which has no connection.
#[doc(hidden)]
pub fn translate_updates<'a>(updates: impl Iterator<Item = &'a [u8]>) -> Vec<Frame> {
    let mut translator = Translator::new(1, 0);
    updates
        .filter_map(|bytes| codec::decode(bytes).ok())
        .flat_map(|update| translator.update(&update))
        .collect()
}

type Details = Pin<Box<dyn Stream<Item = Result<TaskDetails, Status>> + Send>>;
type States = Pin<Box<dyn Stream<Item = Result<State, Status>> + Send>>;

/// All streams of one connection.
struct Session {
    channel: Channel,
    client: InstrumentClient<Channel>,
    updates: Streaming<Update>,
    /// By their id of the task.
    details: StreamMap<u64, Details>,
    states: States,
    translator: Translator,
    rhythm: Rhythm,
    /// Of the last request.
    resync: Option<u32>,
}

impl Session {
    async fn run(
        mut self,
        frames: &mpsc::Sender<News>,
        mut wishes: watch::Receiver<Option<WatchRequest>>,
        sent: &mut u64,
    ) -> End {
        let mut pulse = interval(DEFAULT_INTERVAL);
        pulse.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let new = tokio::select! {
                update = self.updates.message() => match update {
                    Ok(Some(update)) => self.update(&update),
                    Ok(None) => return End::Closed,
                    Err(status) => return End::Broke(status),
                },
                Some((_, details)) = self.details.next(), if !self.details.is_empty() => {
                    // A task that is gone has no details; its stream ends with that.
                    details.ok().and_then(|details| self.translator.details(&details)).into_iter().collect()
                }
                Some(state) = self.states.next() => {
                    // An old console-subscriber has no such stream.
                    state.ok().and_then(|state| self.state(state)).into_iter().collect()
                }
                changed = wishes.changed() => {
                    if changed.is_err() {
                        return End::Unheard;
                    }
                    let wish = wishes.borrow_and_update().clone().unwrap_or_default();
                    match self.wish(&wish).await {
                        Ok(()) => Vec::new(),
                        Err(end) => return end,
                    }
                }
                _ = pulse.tick() => self.pulse().into_iter().collect(),
            };
            for frame in new {
                if frames.send(News::Frame(Box::new(frame))).await.is_err() {
                    return End::Unheard;
                }
                *sent += 1;
            }
        }
    }

    fn update(&mut self, update: &Update) -> Vec<Frame> {
        self.rhythm.beat();
        self.translator.update(update)
    }

    fn state(&mut self, state: State) -> Option<Frame> {
        self.translator.paused(state.temporality() == Temporality::Paused)
    }

    /// Theirs is a slow beat. In between, the link is fine and what is shown is what they know.
    fn pulse(&mut self) -> Option<Frame> {
        if self.rhythm.is_late() { None } else { self.translator.sign_of_life() }
    }

    async fn wish(&mut self, wish: &WatchRequest) -> Result<(), End> {
        if self.resync.replace(wish.resync).is_some_and(|before| before != wish.resync) {
            // A new stream starts with everything they know.
            self.updates = updates(&self.channel).await?;
            self.translator = Translator::new(random(), self.translator.sequence());
            self.details.clear();
            return Ok(());
        }
        let wanted: Vec<u64> =
            wish.details.iter().take(MAX_DETAILS).filter_map(|task| self.translator.id_of(*task)).collect();
        let unwanted: Vec<u64> = self.details.keys().copied().filter(|id| !wanted.contains(id)).collect();
        for id in unwanted {
            self.details.remove(&id);
        }
        for id in wanted {
            if !self.details.contains_key(&id) {
                self.details.insert(id, details(self.client.clone(), id));
            }
        }
        Ok(())
    }
}

/// When updates come.
struct Rhythm {
    last: Instant,
    gap: Duration,
}

impl Rhythm {
    fn beat(&mut self) {
        self.gap = self.last.elapsed();
        self.last = Instant::now();
    }

    fn is_late(&self) -> bool {
        self.last.elapsed() > LEAST_PATIENCE.max(self.gap * PATIENCE_TICKS)
    }
}

/// The updates, read by a codec of ours: see [`codec`].
async fn updates(channel: &Channel) -> Result<Streaming<Update>, End> {
    let call = async {
        let mut grpc = Grpc::new(channel.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES);
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let path =
            http::uri::PathAndQuery::from_static("/rs.tokio.console.instrument.Instrument/WatchUpdates");
        grpc.server_streaming(Request::new(InstrumentRequest {}), path, UpdateCodec).await
    };
    match timeout(CALL_TIMEOUT, call).await {
        Ok(answer) => Ok(answer?.into_inner()),
        Err(_) => Err(End::Silent),
    }
}

fn details(mut client: InstrumentClient<Channel>, id: u64) -> Details {
    let call = async move {
        client
            .watch_task_details(TaskDetailsRequest { id: Some(Id { id }) })
            .await
            .map(tonic::Response::into_inner)
    };
    Box::pin(call.try_flatten_stream())
}

fn states(mut client: InstrumentClient<Channel>) -> States {
    let call = async move { client.watch_state(StateRequest {}).await.map(tonic::Response::into_inner) };
    Box::pin(call.try_flatten_stream())
}
