//! For programs with layers of their own: taskscope's is one among them, and sees what it needs whatever the others filter.
//!
//! Where you can, wrap the whole subscriber instead (`taskscope::wrap(registry().with(…))`): that is cheaper.

use std::time::Duration;

use tokio::{task::JoinSet, time::sleep};
use tracing::{Instrument as _, info, info_span, level_filters::LevelFilter};
use tracing_subscriber::prelude::*;

#[tokio::main]
async fn main() {
    tracing_subscriber::registry()
        .with(taskscope::layer())
        .with(tracing_subscriber::fmt::layer().with_filter(LevelFilter::INFO))
        .init();

    loop {
        let mut round = JoinSet::new();
        for number in 0..10_u64 {
            let work = async move { sleep(Duration::from_millis(100 * number)).await };
            round.spawn(work.instrument(info_span!("work", number)));
        }
        round.join_all().await;
        info!("a round is over");
    }
}
