//! The ways to watch a program, and the processes that watch.

use std::{net::TcpListener, str::FromStr, time::Duration};

use taskscope::{Handle, Recording};
use taskscope_proto::v1::{self, taskscope_client::TaskscopeClient};
use tokio::runtime::{Builder, Runtime};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tracing_subscriber::prelude::*;

use crate::{Outcome, unheard};

/// What is installed in the program, and whether a client watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Bare,
    Off,
    Lazy,
    Spans,
    Registry,
    Console,
    ConsoleWatched,
    Wrap,
    WrapWatched,
    WrapEvents,
    Layer,
    LayerWatched,
    Hooks,
    HooksWatched,
    Wrappers,
    WrappersWatched,
}

/// A process that looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Watcher {
    Console,
    Taskscope,
    TaskscopeEvents,
}

/// What a mode set up.
pub(crate) struct Setup {
    pub(crate) address: Option<String>,
    /// For hooks and wrappers.
    hooks: Option<Handle>,
    pub(crate) wrappers: Option<Handle>,
}

impl Mode {
    pub(crate) const ALL: [Self; 16] = [
        Self::Bare,
        Self::Off,
        Self::Lazy,
        Self::Spans,
        Self::Registry,
        Self::Console,
        Self::ConsoleWatched,
        Self::Wrap,
        Self::WrapWatched,
        Self::WrapEvents,
        Self::Layer,
        Self::LayerWatched,
        Self::Hooks,
        Self::HooksWatched,
        Self::Wrappers,
        Self::WrappersWatched,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Off => "off",
            Self::Lazy => "lazy",
            Self::Spans => "spans",
            Self::Registry => "registry",
            Self::Console => "console",
            Self::ConsoleWatched => "console-watched",
            Self::Wrap => "wrap",
            Self::WrapWatched => "wrap-watched",
            Self::WrapEvents => "wrap-events",
            Self::Layer => "layer",
            Self::LayerWatched => "layer-watched",
            Self::Hooks => "hooks",
            Self::HooksWatched => "hooks-watched",
            Self::Wrappers => "wrappers",
            Self::WrappersWatched => "wrappers-watched",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Off => "taskscope::wrap, off",
            Self::Lazy => "taskscope::wrap, lazy, no console yet",
            Self::Spans => "tokio's spans with nothing behind them",
            Self::Registry => "tracing registry alone",
            Self::Console => "console-subscriber 0.5.0",
            Self::ConsoleWatched => "console-subscriber 0.5.0, client attached",
            Self::Wrap => "taskscope::init / wrap",
            Self::WrapWatched => "**taskscope::init / wrap, client attached**",
            Self::WrapEvents => "taskscope::init / wrap, all events streamed",
            Self::Layer => "taskscope::layer",
            Self::LayerWatched => "taskscope::layer, client attached",
            Self::Hooks => "taskscope::Hooks",
            Self::HooksWatched => "taskscope::Hooks, client attached",
            Self::Wrappers => "taskscope::spawn",
            Self::WrappersWatched => "taskscope::spawn, client attached",
        }
    }

    pub(crate) fn watcher(self) -> Option<Watcher> {
        match self {
            Self::ConsoleWatched => Some(Watcher::Console),
            Self::WrapWatched | Self::LayerWatched | Self::HooksWatched | Self::WrappersWatched => {
                Some(Watcher::Taskscope)
            }
            Self::WrapEvents => Some(Watcher::TaskscopeEvents),
            _ => None,
        }
    }

    pub(crate) fn set_up(self) -> Outcome<Setup> {
        let none = Setup { address: None, hooks: None, wrappers: None };
        let no_subscriber = tracing::subscriber::NoSubscriber::default;
        let builder = || taskscope::builder().bind("127.0.0.1:0");
        Ok(match self {
            Self::Bare => none,
            Self::Spans => {
                tracing::subscriber::set_global_default(unheard::Unheard)?;
                none
            }
            Self::Off | Self::Lazy => {
                let recording = if self == Self::Off { Recording::Off } else { Recording::Lazy };
                let (subscriber, server) = builder().recording(recording).wrap(no_subscriber());
                tracing::subscriber::set_global_default(subscriber)?;
                server.spawn()?;
                none
            }
            Self::Registry => {
                tracing::subscriber::set_global_default(tracing_subscriber::registry())?;
                none
            }
            Self::Console | Self::ConsoleWatched => {
                let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
                let layer = console_subscriber::ConsoleLayer::builder().server_addr(address).spawn();
                tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
                Setup { address: Some(format!("http://{address}")), ..none }
            }
            Self::Wrap | Self::WrapWatched | Self::WrapEvents => {
                let (subscriber, server) = builder().wrap(no_subscriber());
                tracing::subscriber::set_global_default(subscriber)?;
                Setup { address: Some(server.spawn()?.to_string()), ..none }
            }
            Self::Layer | Self::LayerWatched => {
                let (layer, server) = builder().build_layer();
                tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
                Setup { address: Some(server.spawn()?.to_string()), ..none }
            }
            Self::Hooks | Self::HooksWatched | Self::Wrappers | Self::WrappersWatched => {
                let (_, server) = builder().wrap(no_subscriber());
                let handle = server.handle().clone();
                let address = Some(server.spawn()?.to_string());
                match self {
                    Self::Hooks | Self::HooksWatched => {
                        Setup { address, hooks: Some(handle), wrappers: None }
                    }
                    _ => Setup { address, hooks: None, wrappers: Some(handle) },
                }
            }
        })
    }
}

impl Setup {
    /// Two workers, as the machine that the figures are from has.
    pub(crate) fn runtime(&self, on_one_thread: bool) -> Outcome<Runtime> {
        let mut builder =
            if on_one_thread { Builder::new_current_thread() } else { Builder::new_multi_thread() };
        builder.worker_threads(2).enable_all();
        if let Some(handle) = &self.hooks {
            taskscope::Hooks::new(handle).install(&mut builder);
        }
        Ok(builder.build()?)
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|mode| mode.name() == text).ok_or_else(|| format!("no mode {text}"))
    }
}

impl Watcher {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Taskscope => "taskscope",
            Self::TaskscopeEvents => "taskscope-events",
        }
    }
}

impl FromStr for Watcher {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Console, Self::Taskscope, Self::TaskscopeEvents];
        known.into_iter().find(|watcher| watcher.name() == text).ok_or_else(|| format!("no watcher {text}"))
    }
}

/// Takes messages as fast as they come, until the program is gone.
pub(crate) fn watch(watcher: Watcher, address: &str) -> Outcome<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let endpoint = tonic::transport::Endpoint::new(address.to_owned())?;
        let channel = loop {
            match endpoint.connect().await {
                Ok(channel) => break channel,
                // console-subscriber listens from a thread that may not run yet.
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        match watcher {
            Watcher::Console => {
                let mut client = console_api::instrument::instrument_client::InstrumentClient::new(channel)
                    .max_decoding_message_size(usize::MAX);
                let request = console_api::instrument::InstrumentRequest {};
                drain(client.watch_updates(request).await?.into_inner()).await;
            }
            Watcher::Taskscope | Watcher::TaskscopeEvents => {
                let (wishes, receiver) = tokio::sync::mpsc::channel(1);
                let events = watcher == Watcher::TaskscopeEvents;
                let wish = v1::WatchRequest { protocol: 1, interval_ms: 100, events, ..Default::default() };
                wishes.send(wish).await?;
                let mut client = TaskscopeClient::new(channel);
                drain(client.watch(ReceiverStream::new(receiver)).await?.into_inner()).await;
            }
        }
        Ok(())
    })
}

async fn drain<T>(mut messages: tonic::Streaming<T>) {
    let mut first = true;
    while let Some(Ok(_)) = messages.next().await {
        if std::mem::take(&mut first) {
            println!("watching");
        }
    }
}
