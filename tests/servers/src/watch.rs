//! What is installed in a server.

use std::net::TcpListener;

use taskscope::Recording;
use tracing::{
    Event, Metadata, Subscriber,
    span::{Attributes, Id, Record},
    subscriber::{Interest, NoSubscriber},
};

use crate::Outcome;

/// Installs what `WATCH` names, and says where a console can look: `none`, or an address.
pub(crate) fn install() -> Outcome<String> {
    let taskscope = |recording| -> Outcome<String> {
        let (subscriber, server) =
            taskscope::builder().recording(recording).bind("127.0.0.1:0").wrap(NoSubscriber::default());
        tracing::subscriber::set_global_default(subscriber)?;
        Ok(server.spawn()?.to_string().replace(' ', "-"))
    };
    match std::env::var("WATCH").as_deref().unwrap_or("bare") {
        "bare" => Ok("none".to_owned()),
        "spans" => {
            tracing::subscriber::set_global_default(Unheard)?;
            Ok("none".to_owned())
        }
        "off" => taskscope(Recording::Off),
        "lazy" => taskscope(Recording::Lazy),
        "on" => taskscope(Recording::On),
        "console-subscriber" => {
            let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
            console_subscriber::ConsoleLayer::builder().server_addr(address).init();
            Ok(format!("http://{address}"))
        }
        other => Err(format!("nothing to watch with is called {other}").into()),
    }
}

/// Tokio's spans with nothing behind them: what is left of any subscriber that wants them.
struct Unheard;

impl Subscriber for Unheard {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        let is_tokios = metadata.name().starts_with("runtime.")
            || metadata.target().starts_with("runtime::resource") && !metadata.target().ends_with("poll_op")
            || metadata.target() == "tokio::task::waker";
        if is_tokios { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
