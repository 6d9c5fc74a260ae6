//! Options, and the ways to put a recorder, a subscriber and a server together.

use std::{net::SocketAddr, str::FromStr, time::Duration};

use taskscope_recorder::Limits;
use tracing_core::{Dispatch, Subscriber};

use crate::{error::InitError, handle::Handle, source::wrap::Wrapped};

/// Set-up of a recorder and its server. Each option's variable of the environment is read by [`Builder::from_env`].
#[derive(Debug, Clone)]
pub struct Builder {
    pub(crate) bind: String,
    pub(crate) name: Option<String>,
    pub(crate) show_own_tasks: bool,
    limits: Limits,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            bind: "127.0.0.1:6669".to_owned(),
            name: None,
            show_own_tasks: false,
            limits: Limits::default(),
        }
    }
}

impl Builder {
    /// Where to listen: `host:port` or `unix:/path/to/socket`. Default `127.0.0.1:6669`; `TASKSCOPE_BIND`.
    ///
    /// Port 0 takes a free one. An address that is not loopback shows the program's insides to the network, without authentication.
    pub fn bind(mut self, address: impl Into<String>) -> Self {
        self.bind = address.into();
        self
    }

    /// [`Builder::bind`] under the name that `console_subscriber` has for it.
    pub fn server_addr(self, address: impl Into<SocketAddr>) -> Self {
        self.bind(address.into().to_string())
    }

    /// The name the console shows for this process. Default: the executable's; `TASKSCOPE_NAME`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// How long finished tasks can be looked at. Default 6 s; `TASKSCOPE_RETENTION` (`10s`, `500ms`). Their totals by spawn site stay.
    pub fn retention(mut self, retention: Duration) -> Self {
        self.limits.retention = retention;
        self
    }

    /// How many finished tasks can be looked at. Default 4,096; `TASKSCOPE_RETAINED_TASKS`.
    pub fn retained_tasks(mut self, tasks: usize) -> Self {
        self.limits.retained_tasks = tasks;
        self
    }

    /// How many live tasks are watched; further ones are counted. Default 2,097,152; `TASKSCOPE_MAX_TASKS`.
    pub fn max_tasks(mut self, tasks: u32) -> Self {
        self.limits.max_tasks = tasks;
        self
    }

    /// Also shows the tasks of taskscope's own server. Default no; `TASKSCOPE_SHOW_OWN_TASKS` (`1` or `true`).
    pub fn show_own_tasks(mut self, show: bool) -> Self {
        self.show_own_tasks = show;
        self
    }

    /// Replaces options whose variable is set in the environment.
    ///
    /// # Errors
    /// A variable holds something else than its option takes.
    pub fn from_env(mut self) -> Result<Self, InitError> {
        if let Some(bind) =
            read::<String>("TASKSCOPE_BIND", "an address such as 127.0.0.1:6669 or unix:/path")?
        {
            self.bind = bind;
        }
        if let Some(name) = read("TASKSCOPE_NAME", "a name")? {
            self.name = Some(name);
        }
        if let Some(Span(retention)) = read("TASKSCOPE_RETENTION", "a duration such as 10s or 500ms")? {
            self.limits.retention = retention;
        }
        if let Some(tasks) = read("TASKSCOPE_RETAINED_TASKS", "a number of tasks")? {
            self.limits.retained_tasks = tasks;
        }
        if let Some(tasks) = read("TASKSCOPE_MAX_TASKS", "a number of tasks")? {
            self.limits.max_tasks = tasks;
        }
        if let Some(Switch(show)) = read("TASKSCOPE_SHOW_OWN_TASKS", "1, true, 0 or false")? {
            self.show_own_tasks = show;
        }
        Ok(self)
    }

    /// A recorder alone, for wrappers and hooks without any subscriber.
    pub fn build_handle(&self) -> Handle {
        Handle::new(self.limits.clone())
    }

    /// The subscriber around `inner`, and the server apart.
    #[cfg(feature = "server")]
    pub fn wrap<S: Subscriber>(self, inner: S) -> (Wrapped<S>, crate::Server) {
        let handle = self.build_handle();
        (Wrapped::new(handle.clone(), inner), crate::Server::new(handle, self, false))
    }

    /// The layer, and the server apart.
    #[cfg(all(feature = "layer", feature = "server"))]
    pub fn build_layer<S>(self) -> (impl tracing_subscriber::Layer<S>, crate::Server)
    where
        S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    {
        let handle = self.build_handle();
        (crate::TaskscopeLayer::filtered(handle.clone()), crate::Server::new(handle, self, true))
    }

    /// Installs the recorder as the global subscriber and serves it from a thread of its own, with options of the environment on top.
    ///
    /// With the feature `fmt` the program's own events are printed as `RUST_LOG` says.
    ///
    /// # Errors
    /// A global subscriber is set, the address is taken, or the environment holds nonsense. After a [`InitError::Bind`] the program is
    /// recorded, but nobody can look.
    #[cfg(feature = "server")]
    pub fn init(self) -> Result<Handle, InitError> {
        let (subscriber, server) = self.from_env()?.wrap(events_to_stdout());
        let handle = subscriber.handle().clone();
        tracing_core::dispatcher::set_global_default(Dispatch::new(subscriber))
            .map_err(|_| InitError::SubscriberSet)?;
        handle.set_default();
        server.spawn()?;
        Ok(handle)
    }
}

/// Installs taskscope with its defaults and the environment's options. One line, at the start of `main`.
///
/// What goes wrong is said on stderr: a console that can't be had is no reason to stop the program.
#[cfg(feature = "server")]
pub fn init() {
    if let Err(error) = Builder::default().init() {
        eprintln!("taskscope: {error}");
    }
}

/// Wraps a subscriber and serves the recorder from a thread of its own, with options of the environment.
///
/// ```
/// use tracing_subscriber::prelude::*;
///
/// let subscriber = tracing_subscriber::registry().with(tracing_subscriber::fmt::layer());
/// let _default = tracing::subscriber::set_default(taskscope::wrap(subscriber));
/// ```
#[cfg(feature = "server")]
pub fn wrap<S: Subscriber>(inner: S) -> Wrapped<S> {
    let (subscriber, server) = environment().wrap(inner);
    start(&subscriber.handle().clone(), server);
    subscriber
}

/// A layer for a `tracing_subscriber::Registry`, its recorder served from a thread of its own, with options of the environment.
///
/// Prefer [`wrap`] where you can: here the registry pays for tokio's spans.
#[cfg(all(feature = "layer", feature = "server"))]
pub fn layer<S>() -> impl tracing_subscriber::Layer<S>
where
    S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let (layer, server) = environment().build_layer();
    start(&server.handle().clone(), server);
    layer
}

#[cfg(feature = "server")]
fn environment() -> Builder {
    Builder::default().from_env().unwrap_or_else(|error| {
        eprintln!("taskscope: {error}; using the defaults");
        Builder::default()
    })
}

#[cfg(feature = "server")]
fn start(handle: &Handle, server: crate::Server) {
    handle.set_default();
    if let Err(error) = server.spawn() {
        eprintln!("taskscope: {error}");
    }
}

#[cfg(feature = "fmt")]
fn events_to_stdout() -> impl Subscriber {
    use tracing_subscriber::{EnvFilter, Layer as _, prelude::*};
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_filter(EnvFilter::from_default_env()))
}

#[cfg(not(feature = "fmt"))]
fn events_to_stdout() -> impl Subscriber {
    tracing_core::subscriber::NoSubscriber::default()
}

fn read<T: FromStr>(name: &'static str, expected: &'static str) -> Result<Option<T>, InitError> {
    let value = match std::env::var(name) {
        Ok(value) => value,
        Err(std::env::VarError::NotPresent) => return Ok(None),
        Err(std::env::VarError::NotUnicode(value)) => value.to_string_lossy().into_owned(),
    };
    match value.parse() {
        Ok(parsed) => Ok(Some(parsed)),
        Err(_) => Err(InitError::Environment { name, value, expected }),
    }
}

struct Switch(bool);

impl FromStr for Switch {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "1" | "true" => Ok(Self(true)),
            "0" | "false" | "" => Ok(Self(false)),
            _ => Err(()),
        }
    }
}

/// `10s`, `500ms`, `2m`, `1h`.
struct Span(Duration);

impl FromStr for Span {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or(())?;
        let (number, unit) = text.split_at(unit_at);
        let number: u64 = number.parse().map_err(|_| ())?;
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(()),
        };
        number.checked_mul(milliseconds).map(Duration::from_millis).map(Self).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!("500ms".parse::<Span>().map(|span| span.0), Ok(Duration::from_millis(500)));
        assert_eq!("2m".parse::<Span>().map(|span| span.0), Ok(Duration::from_secs(120)));
        for nonsense in ["", "10", "s", "1d", "-1s", "99999999999999999999s", "18446744073709551615h"] {
            assert!(nonsense.parse::<Span>().is_err(), "{nonsense}");
        }
    }
}
