//! The gRPC server: listens, streams each console its frames.
//!
//! By default on a thread and runtime of its own, so that it answers while every worker of the program is blocked.

mod quiet;
mod routes;
mod stream;

#[cfg(feature = "console-api")]
pub(crate) use stream::{IDLE_SHARE, Seat};

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener as StdTcpListener},
    panic::Location,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use taskscope_proto::v1::taskscope_server::TaskscopeServer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_stream::{Stream, StreamExt as _, wrappers::TcpListenerStream};
use tonic::transport::server::Connected;

pub(crate) use self::stream::MAX_REQUEST_BYTES;
use self::{routes::Routes, stream::Service};
use crate::{
    aggregate::Hub,
    builder::Builder,
    error::{BindError, ServeError},
    handle::Handle,
    say::say,
};

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Address {
    /// TCP.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
    /// Nothing is recorded ([`Recording::Off`](crate::Recording::Off)), and nothing listens.
    Nowhere,
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl<I: Into<IpAddr>> From<(I, u16)> for Address {
    fn from(address: (I, u16)) -> Self {
        Self::Tcp(address.into())
    }
}

impl From<PathBuf> for Address {
    fn from(path: PathBuf) -> Self {
        Self::Unix(path)
    }
}

impl From<&Path> for Address {
    fn from(path: &Path) -> Self {
        Self::Unix(path.to_owned())
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Nowhere => f.write_str("nowhere: recording is off"),
        }
    }
}

/// Serves a recorder to consoles.
#[derive(Debug)]
pub struct Server {
    handle: Handle,
    options: Builder,
    /// The subscriber can't recognise the tool's own thread: a layer sees only what its registry took.
    quiet_by_scope: bool,
    /// Its listener, if it has one of its own: its descriptors are no part of the program's.
    listener: Option<OwnListener>,
}

impl Server {
    pub(crate) fn new(handle: Handle, options: Builder, quiet_by_scope: bool) -> Self {
        Self { handle, options, quiet_by_scope, listener: None }
    }

    /// The recorder it serves.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Listens where the builder said and serves from a thread of its own, until the process ends. Returns where.
    ///
    /// From then on its recorder is the one of taskscope's locks, channels, sockets and timers, if there was none yet
    /// ([`Handle::set_default`]).
    ///
    /// # Errors
    /// The address is nonsense or taken, or no thread can be started.
    #[track_caller]
    pub fn spawn(mut self) -> Result<Address, BindError> {
        if self.handle.is_off() {
            return Ok(Address::Nowhere);
        }
        let listener = self.listen(Location::caller())?;
        self.listener = self.listener.map(OwnListener::on_own_runtime);
        let address = listener.address()?;
        let (ready, built) = mpsc::sync_channel(1);
        let serve = move || {
            // The transport's own tasks, spans and events are no part of the program's.
            let hidden = !self.options.show_own_tasks;
            if hidden {
                crate::source::mark_own_thread();
            }
            // Here, not on the caller's thread: a runtime has a channel of its own, which is a resource.
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            if hidden && self.quiet_by_scope {
                quiet::while_awake(&mut runtime, &self.handle);
            }
            let runtime = runtime.enable_all().build();
            let (runtime, outcome) = match runtime {
                Ok(runtime) => (Some(runtime), Ok(())),
                Err(error) => (None, Err(error)),
            };
            // The caller waits for it.
            let _sent = ready.send(outcome);
            let Some(runtime) = runtime else { return };
            runtime.spawn(say_problems(self.handle.clone()));
            #[cfg(all(feature = "signal", unix))]
            if let Some(signal) = self.options.signal {
                runtime.spawn(on_signal(self.handle.clone(), signal));
            }
            if let Err(error) = runtime.block_on(listener.serve(self, tonic::transport::Server::builder())) {
                say(format_args!("the server stopped: {error}"));
            }
        };
        thread::Builder::new().name("taskscope".to_owned()).spawn(serve).map_err(BindError::Thread)?;
        built.recv().map_err(io::Error::other).and_then(|outcome| outcome).map_err(BindError::Thread)?;
        Ok(address)
    }

    /// Listens where the builder said and serves on the calling runtime, until the transport fails. A runtime of its own ([`Server::spawn`])
    /// answers also while every worker of the program is blocked; this one does not.
    ///
    /// # Errors
    /// The address is nonsense or taken, or the transport failed.
    ///
    /// # Panics
    /// On a runtime without I/O.
    pub async fn serve(self) -> Result<(), ServeError> {
        self.serve_on(tonic::transport::Server::builder()).await
    }

    /// [`Server::serve`] with settings of the transport.
    ///
    /// # Errors
    /// As [`Server::serve`].
    ///
    /// # Panics
    /// On a runtime without I/O.
    #[cfg(feature = "tonic")]
    pub async fn serve_with(self, transport: tonic::transport::Server) -> Result<(), ServeError> {
        self.serve_on(transport).await
    }

    async fn serve_on(mut self, transport: tonic::transport::Server) -> Result<(), ServeError> {
        if self.handle.is_off() {
            return std::future::pending().await;
        }
        let listener = self.listen(Location::caller())?;
        listener.serve(self, transport).await
    }

    /// Serves connections of any kind, on the calling runtime, until `incoming` ends.
    ///
    /// # Errors
    /// The transport failed as a whole; the end of one connection is no error.
    #[cfg(feature = "tonic")]
    pub async fn serve_with_incoming<I, C, E>(self, incoming: I) -> Result<(), tonic::transport::Error>
    where
        I: Stream<Item = Result<C, E>>,
        C: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.serve_over(tonic::transport::Server::builder(), incoming).await
    }

    async fn serve_over<I, C, E>(
        self,
        transport: tonic::transport::Server,
        incoming: I,
    ) -> Result<(), tonic::transport::Error>
    where
        I: Stream<Item = Result<C, E>>,
        C: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        transport
            .tcp_nodelay(true)
            .http2_keepalive_interval(Some(stream::KEEPALIVE))
            .serve_with_incoming(self.routes(), incoming)
            .await
    }

    /// Listens, and becomes the one of the process's own recorder.
    fn listen(&mut self, caller: &Location<'_>) -> Result<Listener, BindError> {
        self.handle.set_default();
        crate::runtime::found_here(&self.handle, caller);
        let listener = Listener::bind(&self.options.bind)?;
        let address = listener.address()?;
        if let Address::Tcp(tcp) = &address
            && !tcp.ip().is_loopback()
        {
            say(format_args!(
                "listening on {tcp}, without authentication: everybody who reaches it sees this program's insides"
            ));
        }
        self.listener = listener.own().filter(|_| !self.options.show_own_tasks);
        Ok(listener)
    }

    /// The service alone, to add to a tonic server of one's own: `Server::builder().add_routes(server.into_routes())`.
    ///
    /// With the feature `console-api` the service of `tokio-console` comes along.
    #[cfg(feature = "tonic")]
    pub fn into_routes(self) -> tonic::service::Routes {
        let routes = self.routes();
        #[cfg(feature = "console-api")]
        return tonic::service::Routes::new(routes.taskscope).add_service(routes.tokio_console);
        #[cfg(not(feature = "console-api"))]
        return tonic::service::Routes::new(routes.taskscope);
    }

    fn routes(self) -> Routes {
        let hub = Arc::new(Hub::new(self.handle, &self.options, self.listener));
        let taskscope =
            TaskscopeServer::new(Service::new(Arc::clone(&hub))).max_decoding_message_size(MAX_REQUEST_BYTES);
        #[cfg(feature = "gzip")]
        let taskscope = taskscope.send_compressed(tonic::codec::CompressionEncoding::Gzip);
        Routes {
            taskscope,
            #[cfg(feature = "console-api")]
            tokio_console: crate::compat::service(hub, self.options.publish_interval),
        }
    }
}

/// How long a program may take to install its subscriber before that is said to be missing.
const TIME_TO_INSTALL: Duration = Duration::from_secs(10);

/// Says on stderr what blinds the recorder, as soon as its subscriber is installed.
async fn say_problems(handle: Handle) {
    let start = Instant::now();
    while !handle.is_installed() && start.elapsed() < TIME_TO_INSTALL {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for problem in handle.blind_spots() {
        say(problem);
    }
}

/// Starts and stops recording at each signal.
#[cfg(all(feature = "signal", unix))]
async fn on_signal(handle: Handle, signal: i32) {
    use tokio::signal::unix::{SignalKind, signal as listen};
    match listen(SignalKind::from_raw(signal)) {
        Ok(mut signals) => {
            while signals.recv().await.is_some() {
                handle.toggle_recording();
            }
        }
        Err(error) => say(format_args!("signal {signal} does not start recording: {error}")),
    }
}

/// What the server's own descriptors are known by.
#[cfg(target_os = "linux")]
pub(crate) type OwnListener = crate::os::descriptors::Listener;
/// Descriptors are unknown there.
#[cfg(not(target_os = "linux"))]
#[derive(Debug, Clone, Copy)]
pub(crate) enum OwnListener {}

#[cfg(not(target_os = "linux"))]
impl OwnListener {
    fn on_own_runtime(self) -> Self {
        self
    }
}

enum Listener {
    Tcp(StdTcpListener),
    #[cfg(unix)]
    Unix(std::os::unix::net::UnixListener, PathBuf),
}

impl Listener {
    fn bind(address: &str) -> Result<Self, BindError> {
        if let Some(path) = address.strip_prefix("unix:") {
            return Self::bind_unix(Path::new(path));
        }
        let tcp = |cause| BindError::Tcp { address: address.to_owned(), cause };
        if !address.contains(':') {
            return Err(BindError::NotAnAddress(address.to_owned()));
        }
        let listener = StdTcpListener::bind(address).map_err(tcp)?;
        listener.set_nonblocking(true).map_err(tcp)?;
        Ok(Self::Tcp(listener))
    }

    #[cfg(unix)]
    fn bind_unix(path: &Path) -> Result<Self, BindError> {
        use std::os::unix::{fs::PermissionsExt as _, net::UnixListener, net::UnixStream};
        let unix = |cause| BindError::Unix { path: path.to_owned(), cause };
        // A socket without an answer is left over from a process that was killed.
        if path.exists()
            && UnixStream::connect(path).is_err_and(|e| e.kind() == io::ErrorKind::ConnectionRefused)
        {
            std::fs::remove_file(path).map_err(unix)?;
        }
        let listener = UnixListener::bind(path).map_err(unix)?;
        // For this user alone: the stream has no other authentication.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(unix)?;
        listener.set_nonblocking(true).map_err(unix)?;
        Ok(Self::Unix(listener, path.to_owned()))
    }

    #[cfg(not(unix))]
    fn bind_unix(path: &Path) -> Result<Self, BindError> {
        let cause = io::Error::new(
            io::ErrorKind::Unsupported,
            "this system has no Unix sockets that tokio can use; write `127.0.0.1:6669`",
        );
        Err(BindError::Unix { path: path.to_owned(), cause })
    }

    #[cfg(target_os = "linux")]
    fn own(&self) -> Option<OwnListener> {
        match self {
            Self::Tcp(listener) => OwnListener::of(listener),
            Self::Unix(listener, _) => OwnListener::of(listener),
        }
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "as on Linux")]
    fn own(&self) -> Option<OwnListener> {
        None
    }

    fn address(&self) -> Result<Address, BindError> {
        match self {
            Self::Tcp(listener) => {
                let address = listener.local_addr();
                address.map(Address::Tcp).map_err(|cause| BindError::Tcp { address: String::new(), cause })
            }
            #[cfg(unix)]
            Self::Unix(_, path) => Ok(Address::Unix(path.clone())),
        }
    }

    async fn serve(self, server: Server, transport: tonic::transport::Server) -> Result<(), ServeError> {
        match self {
            Self::Tcp(listener) => {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                let incoming = TcpListenerStream::new(listener).map(|connection| {
                    let connection = connection?;
                    connection.set_nodelay(true)?;
                    io::Result::Ok(connection)
                });
                server
                    .serve_over(transport, incoming)
                    .await
                    .map_err(|error| ServeError::Transport(error.into()))?;
            }
            #[cfg(unix)]
            Self::Unix(listener, _) => {
                let listener = tokio::net::UnixListener::from_std(listener)?;
                let incoming = tokio_stream::wrappers::UnixListenerStream::new(listener);
                server
                    .serve_over(transport, incoming)
                    .await
                    .map_err(|error| ServeError::Transport(error.into()))?;
            }
        }
        Ok(())
    }
}
