//! The same program text with console-subscriber and with taskscope: moving is a change of the crate's name.

#![cfg(all(feature = "layer", feature = "console-api", tokio_unstable))]
#![deny(unused_must_use, deprecated)]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

/// What their documentation shows, less what `docs/TOKIO_CONSOLE.md` says differs.
macro_rules! program {
    ($name:ident, $it:ident) => {
        mod $name {
            use std::{net::Ipv4Addr, path::Path, time::Duration};

            use tracing_subscriber::{layer::SubscriberExt as _, util::SubscriberInitExt as _};
            use $it::{Builder, ConsoleLayer, Server, ServerAddr};

            /// A layer can be kept, as its type has a name.
            struct Kept {
                layer: ConsoleLayer,
                server: Server,
            }

            pub(crate) fn init() {
                $it::init();
            }

            pub(crate) fn init_with_options() {
                ConsoleLayer::builder()
                    .with_default_env()
                    .retention(ConsoleLayer::DEFAULT_RETENTION * 2)
                    .publish_interval(ConsoleLayer::DEFAULT_PUBLISH_INTERVAL)
                    .filter_env_var("MY_LOG")
                    .enable_self_trace(false)
                    .server_addr((Ipv4Addr::LOCALHOST, 0))
                    .init();
            }

            pub(crate) fn compose() {
                let console_layer = ConsoleLayer::builder().with_default_env().spawn();
                tracing_subscriber::registry()
                    .with(console_layer)
                    .with(tracing_subscriber::fmt::layer())
                    .init();
            }

            pub(crate) fn addresses() -> Builder {
                let _tcp: ServerAddr = (Ipv4Addr::LOCALHOST, Server::DEFAULT_PORT).into();
                let _default = (Server::DEFAULT_IP, Server::DEFAULT_PORT);
                Builder::default().server_addr(Path::new("/run/console"))
            }

            pub(crate) async fn serve_by_oneself() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
                let (layer, server) = ConsoleLayer::new();
                let kept = Kept { layer, server };
                tracing_subscriber::registry().with(kept.layer).init();
                let transport = tonic::transport::Server::builder().timeout(Duration::from_secs(5));
                kept.server.serve_with(transport).await?;
                let (_layer, server) = ConsoleLayer::builder().build();
                server.serve().await?;
                Ok(())
            }
        }
    };
}

program!(theirs, console_subscriber);
program!(ours, taskscope);

#[test]
fn the_same_text_compiles_with_both() {
    // Compiled, not run: each would set the process's global subscriber.
    let programs: [[fn(); 2]; 3] = [
        [theirs::init, ours::init],
        [theirs::init_with_options, ours::init_with_options],
        [theirs::compose, ours::compose],
    ];
    assert_eq!(programs.len(), 3);
    let (_theirs, _ours) = (theirs::addresses(), ours::addresses());
    drop((theirs::serve_by_oneself(), ours::serve_by_oneself()));
}

#[test]
fn defaults_are_those_that_serve() {
    let default = format!("{}:{}", taskscope::Server::DEFAULT_IP, taskscope::Server::DEFAULT_PORT);
    let options = format!("{:?}", taskscope::builder());
    assert!(options.contains(&format!("bind: \"{default}\"")), "{options}");
}

#[test]
#[expect(deprecated, reason = "that is what they are")]
fn what_has_no_meaning_compiles_and_warns() {
    let builder = taskscope::ConsoleLayer::builder()
        .event_buffer_capacity(taskscope::ConsoleLayer::DEFAULT_EVENT_BUFFER_CAPACITY)
        .client_buffer_capacity(taskscope::ConsoleLayer::DEFAULT_CLIENT_BUFFER_CAPACITY)
        .poll_duration_histogram_max(taskscope::ConsoleLayer::DEFAULT_POLL_DURATION_MAX)
        .scheduled_duration_histogram_max(taskscope::ConsoleLayer::DEFAULT_SCHEDULED_DURATION_MAX)
        .recording_path("/tmp/recording");
    let problems = builder.build_handle().problems();
    assert!(
        problems.iter().any(|problem| problem.starts_with("recording_path has no effect")),
        "{problems:?}"
    );
}

#[tokio::test]
async fn a_server_serves_on_the_callers_runtime() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (_layer, server) = taskscope::ConsoleLayer::builder().server_addr(free).build();
    let serving = tokio::spawn(server.serve());
    let connects = async {
        while tonic::transport::Endpoint::new(format!("http://{free}")).unwrap().connect().await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), connects).await.unwrap();
    serving.abort();
    // A second one gets an error that says why.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (_layer, server) =
        taskscope::ConsoleLayer::builder().server_addr(taken.local_addr().unwrap()).build();
    assert!(matches!(server.serve().await, Err(taskscope::ServeError::Bind(_))));
}
