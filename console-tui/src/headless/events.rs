//! `taskscope events`: every poll and wake of every task, one JSON object a line, as they happen.
//!
//! Invariant: lost events get a line of their own (`{"lost":n}`, n since the start).

use std::{
    io::{self, Write},
    time::Duration,
};

use taskscope_model::{Config, ConnectionEvent, Effect, Event, Model, update};
use tokio::time::{Instant, sleep_until};

use super::HeadlessError;
use crate::{
    shell::connect::{Connection, News},
    target::{Reading, Target},
};

/// Longest wait for the first frame.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why the events end.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// As with every report.
    #[error(transparent)]
    Headless(#[from] HeadlessError),
    /// The program has no events.
    #[error("{0} speaks tokio-console's protocol, which has no events; add taskscope to the program")]
    NoEvents(Target),
    /// A frame that can't be read.
    #[error("the events can't be read")]
    Malformed(#[from] taskscope_model::model::EventsError),
    /// The output can't be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Prints the events of a program for a time, or until the output is closed.
///
/// # Errors
/// No program answers, the connection breaks, or `out` can't be written.
pub async fn stream(
    target: Target,
    config: Config,
    length: Option<Duration>,
    out: &mut impl Write,
) -> Result<(), EventsError> {
    let mut model = Model::new(config);
    let mut connection = Connection::start(target.clone(), Reading::default());
    let mut end = Instant::now() + TIMEOUT;
    let mut reason = None;
    let mut heard = false;
    let mut lost = 0;
    loop {
        let bounded = length.is_some() || !heard;
        let news = tokio::select! {
            news = connection.news.recv() => news,
            () = sleep_until(end), if bounded => {
                return if heard { Ok(()) } else { Err(HeadlessError::NoData { target, timeout: TIMEOUT, reason }.into()) };
            }
        };
        match news {
            Some(News::Frame(mut frame)) => {
                let hello = frame.hello.as_ref();
                if hello.is_some_and(|hello| hello.taskscope_version.is_empty()) {
                    return Err(EventsError::NoEvents(target));
                }
                if !std::mem::replace(&mut heard, true)
                    && let Some(length) = length
                {
                    end = Instant::now() + length;
                }
                let events = frame.events.take();
                feed(&mut model, &connection, Event::Frame(frame));
                let Some(events) = events else { continue };
                for line in model.event_lines(&events)? {
                    serde_json::to_writer(&mut *out, &line).map_err(io::Error::from)?;
                    writeln!(out)?;
                }
                if events.lost != lost {
                    lost = events.lost;
                    writeln!(out, "{{\"lost\":{lost}}}")?;
                }
                out.flush()?;
            }
            Some(News::Connection(event)) => {
                if let ConnectionEvent::Lost { reason: why, .. } = &event {
                    if heard {
                        return Err(HeadlessError::Lost { reason: why.clone() }.into());
                    }
                    reason = Some(why.clone());
                }
                feed(&mut model, &connection, Event::Connection(event));
            }
            Some(News::Memory(_)) => {}
            None => return Ok(()),
        }
    }
}

/// Sends each request of the model, with all events in it. The work that an event makes is done at once.
fn feed(model: &mut Model, connection: &Connection, event: Event) {
    let mut next = Some(event);
    while let Some(event) = next {
        for effect in update(model, event) {
            if let Effect::SendRequest(mut request) = effect {
                request.events = true;
                connection.request(request);
            }
        }
        next = model.wants_work().then_some(Event::Work);
    }
}
