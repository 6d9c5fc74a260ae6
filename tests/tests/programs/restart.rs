//! A program killed and started again on the same address: a new process, and nothing of the old one in it.

use std::net::TcpListener;

use taskscope_tests::console::{Console, dial};

use crate::start;

#[tokio::test]
async fn a_restarted_program_is_a_new_one() {
    let socket = tempfile::tempdir().expect("a place for a socket");
    let unix = format!("unix:{}", socket.path().join("scope").display());
    for bind in [free_address(), unix] {
        let mut program = start(&["idle", "--bind", &bind]);
        let address = program.address().to_owned();
        program.ask("spawn 300");
        let mut console = Console::open(&address).await;
        console.wait_for("the tasks", |fold| fold.complete && fold.live().count() == 300).await;
        let old = console.fold.hello.clone().expect("the first frame has it");

        program.kill();
        while console.next().await.is_ok() {}
        assert!(dial(&address).await.is_err(), "the address has no listener");

        let mut program = start(&["idle", "--bind", &bind]);
        assert_eq!(program.address(), address, "a socket left over is no obstacle");
        program.ask("spawn 7");
        let mut console = Console::open(&address).await;
        console.wait_for("the tasks of the new one", |fold| fold.complete && fold.live().count() == 7).await;
        let new = console.fold.hello.clone().expect("the first frame has it");
        assert_ne!(old.instance, new.instance);
        assert_eq!((old.pid == new.pid, new.pid), (false, program.pid()));
        assert_eq!(console.fold.process.spawned, 7);
    }
}

/// A port that was free a moment ago.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").to_string()
}
