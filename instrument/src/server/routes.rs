//! Which service answers a request on the port: taskscope's, or the one that `tokio-console` speaks.
//!
//! Ours is asked first and alone: it answers what it does not know with `UNIMPLEMENTED`, as a router would. A router's crates are a tenth of what the library brings.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use taskscope_proto::v1::taskscope_server::TaskscopeServer;
use tonic::{
    body::Body,
    codegen::{BoxFuture, Service as Answers, http},
};

use super::stream::Service;

/// All services of the port.
#[derive(Clone)]
pub(super) struct Routes {
    pub(super) taskscope: TaskscopeServer<Service>,
    #[cfg(feature = "console-api")]
    pub(super) tokio_console: crate::compat::Server,
}

impl Answers<http::Request<Body>> for Routes {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    /// Both are ready at any time.
    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        #[cfg(feature = "console-api")]
        if is_for(request.uri().path(), <crate::compat::Server as tonic::server::NamedService>::NAME) {
            return self.tokio_console.call(request);
        }
        self.taskscope.call(request)
    }
}

/// `/SERVICE/METHOD`
#[cfg(feature = "console-api")]
fn is_for(path: &str, service: &str) -> bool {
    path.strip_prefix('/').and_then(|path| path.split_once('/')).is_some_and(|(name, _)| name == service)
}

#[cfg(all(test, feature = "console-api"))]
mod tests {
    use super::is_for;

    #[test]
    fn a_service_is_known_by_its_whole_name() {
        assert!(is_for("/a.b.C/Watch", "a.b.C"));
        for other in ["/a.b.Cd/Watch", "/a.b/Watch", "a.b.C/Watch", "/a.b.C", "", "/"] {
            assert!(!is_for(other, "a.b.C"), "{other:?}");
        }
    }
}
