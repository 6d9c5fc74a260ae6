//! Watch the async tasks of a tokio program live: tracing layer, spawn wrappers and gRPC server.
