//! What is installed in a server.

use std::net::TcpListener;

use taskscope::Recording;
use tracing::subscriber::NoSubscriber;

use crate::{Outcome, unheard::Unheard};

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
