//! The program is killed and started again: the console says so, keeps what it knew, comes back by itself, and mixes nothing.

use std::net::TcpListener;

use taskscope_model::{Model, screen::header::ConnectionState};
use taskscope_tests::screen::Screen;

use crate::start;

fn idle(model: &Model) -> u64 {
    model.header().tasks.idle
}

#[tokio::test]
async fn a_killed_program_is_said_to_be_gone_and_its_successor_is_another() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let bind = listener.local_addr().expect("it is bound").to_string();
    drop(listener);
    let mut program = start(&["idle", "--bind", &bind, "--name", "one"]);
    program.ask("spawn 300");
    let mut screen = Screen::open(program.address());
    screen.wait_for("the tasks", |model| model.is_complete() && idle(model) == 300).await;
    let old = screen.report();

    program.kill();
    screen
        .wait_for("the loss", |model| matches!(model.header().connection, ConnectionState::Lost { .. }))
        .await;
    // Again and again, with its old data and their age.
    screen
        .wait_for("another attempt", |model| {
            matches!(model.header().connection, ConnectionState::Connecting { attempt: 3.. })
        })
        .await;
    let header = screen.model.header();
    assert!(header.stale && header.data_age.is_some_and(|age| age.as_millis() > 100), "{header:?}");
    assert_eq!(idle(&screen.model), 300, "what was known is still there");

    let mut program = start(&["idle", "--bind", &bind, "--name", "two"]);
    program.ask("spawn 7");
    let mut most = 0;
    screen
        .wait_for("the successor", |model| {
            let named = |name: &str| model.header().process.is_some_and(|process| process.name == name);
            if named("two") {
                most = most.max(model.report().tasks.len());
            } else {
                assert_eq!((named("one"), idle(model)), (true, 300));
            }
            named("two") && model.header().connection == ConnectionState::Live && idle(model) == 7
        })
        .await;
    assert_eq!(most, 7, "never a task of the old one under the new one's name");
    let new = screen.report();
    let (old, new) = (old.process.expect("it was sent"), new.process.expect("it was sent"));
    assert_ne!(old.instance, new.instance);
    assert_eq!(screen.report().totals.spawned, 7);
    let header = screen.model.header();
    assert!(!header.stale, "{header:?}");
    assert!(
        header.notices.iter().any(|notice| notice.text.contains("restart")),
        "it is said: {:?}",
        header.notices
    );
}
