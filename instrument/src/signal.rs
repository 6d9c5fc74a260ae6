//! tokio's signals, on record: `use taskscope::signal` in place of `use tokio::signal`.
//!
//! Each listener is a resource: how many signals it received, when the last one came, and which task waits for the next.

use std::{io, panic::Location};

use crate::io::meter::{Call, Meter, Way};

/// Waits for the next Ctrl-C.
///
/// # Errors
/// As tokio's.
#[track_caller]
pub fn ctrl_c() -> impl Future<Output = io::Result<()>> {
    let at = Location::caller();
    async move {
        let meter = Meter::new("Signal", "", at);
        meter.describe(None, "SIGINT", "");
        let call = Call { way: Way::In, method: "ctrl_c", at };
        meter.wait(call, tokio::signal::ctrl_c(), received).await
    }
}

/// A received signal is an operation without bytes.
#[expect(clippy::unnecessary_wraps, reason = "one of several that say what a result moved")]
fn received<R>(_: &R) -> Option<u64> {
    Some(0)
}

/// Signals of Unix.
#[cfg(unix)]
pub mod unix {
    use std::{
        io,
        panic::Location,
        task::{Context, Poll, ready},
    };

    pub use tokio::signal::unix::SignalKind;

    use super::received;
    use crate::io::meter::{Call, Meter, Way};

    /// Listens for a signal, as tokio's does.
    ///
    /// # Errors
    /// As tokio's.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn signal(kind: SignalKind) -> io::Result<Signal> {
        let meter = Meter::new("Signal", "", Location::caller());
        let inner = tokio::signal::unix::signal(kind)?;
        meter.describe(None, &name(kind), "");
        Ok(Signal { inner, meter })
    }

    /// tokio's listener, on record.
    #[derive(Debug)]
    pub struct Signal {
        inner: tokio::signal::unix::Signal,
        meter: Meter,
    }

    impl Signal {
        /// Waits for the next one. Cancel safe, as tokio's.
        #[track_caller]
        pub fn recv(&mut self) -> impl Future<Output = Option<()>> + Send + '_ {
            let call = Call { way: Way::In, method: "Signal::recv", at: Location::caller() };
            let inner = &mut self.inner;
            let next = async { inner.recv().await.ok_or_else(closed) };
            let waiting = self.meter.wait(call, next, received);
            async move { waiting.await.ok() }
        }

        /// One poll of [`Signal::recv`].
        pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<()>> {
            let inner = &mut self.inner;
            let next = || match inner.poll_recv(context) {
                Poll::Ready(next) => Poll::Ready(next.ok_or_else(closed)),
                Poll::Pending => Poll::Pending,
            };
            Poll::Ready(ready!(self.meter.poll(Way::In, "Signal::recv", next, received)).ok())
        }
    }

    fn closed() -> io::Error {
        io::Error::other("no signal can come any more")
    }

    fn name(kind: SignalKind) -> String {
        let known = [
            (SignalKind::alarm(), "SIGALRM"),
            (SignalKind::child(), "SIGCHLD"),
            (SignalKind::hangup(), "SIGHUP"),
            (SignalKind::interrupt(), "SIGINT"),
            (SignalKind::io(), "SIGIO"),
            (SignalKind::pipe(), "SIGPIPE"),
            (SignalKind::quit(), "SIGQUIT"),
            (SignalKind::terminate(), "SIGTERM"),
            (SignalKind::user_defined1(), "SIGUSR1"),
            (SignalKind::user_defined2(), "SIGUSR2"),
            (SignalKind::window_change(), "SIGWINCH"),
        ];
        let found = known.iter().find(|(known, _)| *known == kind);
        found.map_or_else(|| format!("signal {}", kind.as_raw_value()), |(_, name)| (*name).to_owned())
    }
}
