//! The lints about I/O: each fires on its fault, and is silent on what only looks like it.

use taskscope_proto::v1;

use super::scene::{Scene, tcp};
use crate::{LintKind, Severity, model::tests::fake::S, screen::findings::Subject};

fn names(scene: &mut Scene, seconds: u64) -> Vec<&'static str> {
    scene.findings_after(seconds).iter().map(|finding| finding.id.lint.name()).collect()
}

/// An idle server with keep-alive: its last word was the answer, and it waits for the next question.
fn healthy() -> Scene {
    let mut scene = Scene::new();
    let stream = scene.of(1);
    (stream.in_bytes, stream.out_bytes) = (200, 4_000);
    (stream.in_ago_ns, stream.out_ago_ns) = (Some(300 * S), Some(299 * S));
    scene.wait(0, "TcpListener::accept", 0, 300 * S);
    scene.wait(1, "read", 1, 299 * S);
    scene
}

#[test]
fn an_idle_server_with_keep_alive_is_healthy() {
    assert_eq!(names(&mut healthy(), 6), [""; 0]);
    // And one that tokio serves without wrappers.
    let mut scene = healthy();
    (scene.streams, scene.waits) = (Vec::new(), Vec::new());
    assert_eq!(names(&mut scene, 6), [""; 0]);
    // Without a reading of the descriptors it is unknown who opened the connection.
    let mut scene = healthy();
    scene.descriptors = v1::Descriptors { problem: "There is no /proc.".to_owned(), ..Default::default() };
    assert_eq!(names(&mut scene, 6), [""; 0]);
}

/// A client that has asked, and waits.
fn asking() -> Scene {
    let mut scene = healthy();
    scene.descriptors.descriptors.push(tcp(20, 5, "10.0.0.4:44444", "10.0.0.8:5432"));
    let stream = scene.stream(2, "TcpStream", 20, "10.0.0.4:44444", "10.0.0.8:5432");
    (stream.in_bytes, stream.out_bytes) = (100, 64);
    (stream.in_ago_ns, stream.out_ago_ns) = (Some(40 * S), Some(12 * S));
    scene.wait(2, "read", 2, 12 * S);
    scene
}

#[test]
fn who_waits_for_an_answer_that_does_not_come_is_a_finding() {
    let findings = asking().findings_after(1);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let finding = &findings[0];
    assert_eq!(
        (finding.id.lint, finding.severity, finding.count),
        (LintKind::DeadPeer, Severity::Info, 1),
        "a peer may have nothing to say"
    );
    assert_eq!(
        finding.message,
        "t2 #102 has waited 13.0 s to read from TcpStream 10.0.0.4:44444 → 10.0.0.8:5432 (fd 20, made at src/ledger.rs:20) since its last \
         write 13.0 s ago; nothing has come since, and last something did 41.0 s ago."
    );
    let spared: [fn(&mut Scene); 6] = [
        // It was asked a moment ago.
        |scene| scene.of(2).out_ago_ns = Some(S),
        // The answer came.
        |scene| scene.of(2).in_ago_ns = Some(2 * S),
        // What was sent answered what came, as a pong does a ping.
        |scene| scene.of(2).in_ago_ns = Some(12 * S + S / 2),
        // A timeout went off around the read, and its task waits for something else.
        |scene| scene.fake.task(2).last_wake_ns = Some(scene.fake.now_ns - 2 * S),
        // Nothing was ever asked.
        |scene| scene.of(2).out_bytes = 0,
        // Its task does something else.
        |scene| scene.fake.task(2).state = v1::TaskState::Running,
    ];
    for (i, spare) in spared.into_iter().enumerate() {
        let mut scene = asking();
        spare(&mut scene);
        assert_eq!(names(&mut scene, 1), [""; 0], "{i}");
    }
}

#[test]
fn segments_that_are_sent_again_and_again_are_findings() {
    let lost = || {
        let mut scene = healthy();
        let tcp = scene.tcp(12);
        (tcp.retransmits, tcp.unacked, tcp.last_received_ago_ns) = (6, 4, 20 * S);
        scene
    };
    let findings = lost().findings_after(4);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let words = "The peer of TcpStream 10.0.0.4:8080 ← 10.0.0.9:51522 (fd 12, made at src/ledger.rs:20) does not answer";
    assert!(findings[0].message.starts_with(words), "{}", findings[0].message);
    assert!(
        findings[0].message.contains("6 times again, and nothing was acknowledged for 4.00 s"),
        "{findings:#?}"
    );
    // One lost segment is no dead peer, and neither is one that still talks.
    let mut one = lost();
    one.tcp(12).retransmits = 1;
    assert_eq!(names(&mut one, 4), [""; 0]);
    let mut talks = lost();
    let mut client = talks.client();
    for _ in 0..5 {
        talks.tcp(12).last_received_ago_ns = 0;
        talks.go_on(&mut client);
    }
    assert!(client.model.findings().iter().all(|finding| finding.id.lint.group() != crate::lints::Group::Io));
}

#[test]
fn who_waits_in_the_backlog_of_the_same_process_is_not_said_to_have_a_dead_peer() {
    let connects = |local: &str, peer: &str, backlog: u64| {
        let mut scene = healthy();
        scene.descriptor(9).backlog = Some(backlog);
        let mut client = tcp(20, 5, local, peer);
        client.state = "syn-sent".to_owned();
        let tcp = client.tcp.as_mut().unwrap();
        (tcp.retransmits, tcp.unacked, tcp.last_received_ago_ns) = (2, 1, 20 * S);
        scene.descriptors.descriptors.push(client);
        names(&mut scene, 4)
    };
    let (full, room) = (1_025, 3);
    let overflow = LintKind::BacklogOverflow.name();
    let dead = LintKind::DeadPeer.name();
    assert_eq!(connects("127.0.0.1:40000", "127.0.0.1:8080", full), [overflow]);
    assert_eq!(connects("10.0.0.4:40000", "10.0.0.4:8080", full), [overflow]);
    assert_eq!(connects("[::ffff:10.0.0.4]:40000", "[::ffff:10.0.0.4]:8080", full), [overflow]);
    // Another port, another machine with the same port, and a listener with room.
    assert_eq!(connects("127.0.0.1:40000", "127.0.0.1:8081", full), [overflow, dead]);
    assert_eq!(connects("10.0.0.4:40000", "10.0.0.7:8080", full), [overflow, dead]);
    assert_eq!(connects("10.0.0.4:40000", "10.0.0.4:8080", room), [dead]);
}

#[test]
fn who_connects_to_a_dead_address_is_a_finding() {
    let mut scene = healthy();
    let stream = scene.stream(2, "TcpStream", 0, "", "");
    stream.fd = None;
    scene.wait(2, "TcpStream::connect", 2, 5 * S);
    let findings = scene.findings_after(0);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(
        findings[0].message,
        "t2 #102 has tried to connect at src/main.rs:10 for 5.00 s, and is not connected."
    );
}

/// A client that does not read: its window is closed, and a task waits for room.
fn stalled() -> Scene {
    let mut scene = healthy();
    scene.waits.pop();
    scene.wait(1, "write", 1, 31 * S);
    let descriptor = scene.descriptor(12);
    (descriptor.send_queue_bytes, descriptor.ready) = (Some(2_100_000), 0);
    scene.tcp(12).unsent_bytes = Some(2_000_000);
    scene
}

#[test]
fn a_client_that_does_not_read_is_a_finding() {
    let findings = stalled().findings_after(3);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let finding = &findings[0];
    assert_eq!(
        (finding.id.lint, finding.severity, finding.count),
        (LintKind::SlowConsumer, Severity::Warning, 1)
    );
    assert_eq!(
        finding.message,
        "The peer of TcpStream 10.0.0.4:8080 ← 10.0.0.9:51522 (fd 12, made at src/ledger.rs:20) does not read: t1 #101 has waited 34.0 s \
         for room to write, 2.0 M wait in its send queue, no progress for 3.00 s."
    );
    // Without a wrapper there are the kernel's figures only.
    let mut bare = stalled();
    (bare.streams, bare.waits) = (Vec::new(), Vec::new());
    let findings = bare.findings_after(3);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert!(matches!(findings[0].id.subject, Subject::Descriptor(_)));
    // A reader that is slow for a moment, and one that has taken all.
    let mut short = stalled();
    short.waits.last_mut().unwrap().ago_ns = S / 2;
    assert_eq!(names(&mut short, 1), [""; 0]);
    let mut taken = stalled();
    (taken.descriptor(12).send_queue_bytes, taken.tcp(12).unsent_bytes) = (Some(0), Some(0));
    assert_eq!(names(&mut taken, 3), [""; 0]);
}

#[test]
fn a_full_backlog_is_a_finding() {
    let mut scene = healthy();
    scene.waits.remove(0);
    scene.descriptor(9).backlog = Some(1_024);
    assert_eq!(names(&mut scene, 0), [""; 0], "one look may have met a burst");
    let findings = scene.findings_after(2);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(
        findings[0].message,
        "TcpListener 0.0.0.0:8080 (fd 9, made at src/ledger.rs:20) has 1,024 connections in its backlog, and room for 1,024; no task waits \
         in accept."
    );
    // A task that was just woken to accept counts.
    scene.wait(0, "TcpListener::accept", 0, 60 * S);
    scene.fake.task(0).state = v1::TaskState::Scheduled;
    let findings = scene.findings_after(2);
    assert!(findings[0].message.ends_with("and room for 1,024."), "{findings:#?}");
    // What was turned away is counted from the first look on.
    let mut scene = healthy();
    scene.descriptor(9).drops = Some(7);
    assert_eq!(names(&mut scene, 2), [""; 0]);
    let mut client = scene.client();
    scene.descriptor(9).drops = Some(8);
    scene.go_on(&mut client);
    // A burst that has passed.
    assert!(client.model.findings().iter().all(|finding| finding.id.lint.group() != crate::lints::Group::Io));
    scene.descriptor(9).drops = Some(9);
    scene.go_on(&mut client);
    let messages: Vec<String> = client.model.findings().into_iter().map(|finding| finding.message).collect();
    assert!(messages[0].contains("turned 2 connection attempts away"), "{messages:#?}");
}

#[test]
fn few_descriptors_left_are_findings() {
    let mut scene = healthy();
    (scene.descriptors.open, scene.descriptors.limit) = (850, 1_024);
    let findings = scene.findings_after(0);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!((findings[0].id.lint, findings[0].severity), (LintKind::DescriptorLeak, Severity::Warning));
    assert!(
        findings[0].message.starts_with("850 of 1,024 descriptors are open (83 %)"),
        "{}",
        findings[0].message
    );
    scene.descriptors.open = 1_000;
    assert_eq!(scene.findings_after(0)[0].severity, Severity::Critical);
}

#[test]
fn a_place_that_opens_and_never_closes_is_a_finding() {
    let leak = |waits: bool| {
        let mut scene = healthy();
        for n in 0..60_u32 {
            let stream = scene.stream(10 + n, "TcpStream", 200 + n, "10.0.0.4:50000", "10.0.0.8:80");
            (stream.site, stream.made_ago_ns) = (3, (60 - u64::from(n)) * S / 2 + S);
            if waits {
                scene.wait(10 + n, "read", 2, 5 * S);
            }
        }
        scene
    };
    let findings = leak(false).findings_after(0);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let words = "This looks like a leak: 60 of kind tcp opened at src/db.rs:30 are open and none was closed since this console connected";
    assert!(findings[0].message.starts_with(words), "{}", findings[0].message);
    // A task waits on each: those are clients.
    assert_eq!(names(&mut leak(true), 0), [""; 0]);
    // Nothing was opened lately: those are a pool.
    let mut old = leak(false);
    old.streams.iter_mut().for_each(|stream| stream.made_ago_ns += 60 * S);
    assert_eq!(names(&mut old, 0), [""; 0]);
}

#[test]
fn a_storm_of_retransmits_is_a_finding() {
    let mut scene = healthy();
    let mut client = scene.client();
    for _ in 0..3 {
        scene.tcp(12).total_retransmits += 25;
        scene.go_on(&mut client);
    }
    let findings = client.model.findings();
    let finding = findings.iter().find(|finding| finding.id.lint == LintKind::RetransmitStorm).unwrap();
    assert!(
        finding
            .message
            .ends_with("sends 25 segments a second again, 75 in all; its round trip takes 210 µs."),
        "{}",
        finding.message
    );
    scene.tcp(12).rtt_ns = 0;
    scene.tcp(12).total_retransmits += 25;
    scene.go_on(&mut client);
    let unknown = client.model.findings().iter().any(|of| of.message.ends_with("again, 100 in all."));
    assert!(unknown, "{:#?}", client.model.findings());
    // A few are nothing.
    let mut scene = healthy();
    let mut client = scene.client();
    for _ in 0..3 {
        scene.tcp(12).total_retransmits += 2;
        scene.go_on(&mut client);
    }
    assert!(client.model.findings().iter().all(|finding| finding.id.lint.group() != crate::lints::Group::Io));
}

#[test]
fn who_waits_for_what_is_there_is_a_finding() {
    let stuck = || {
        let mut scene = healthy();
        let descriptor = scene.descriptor(12);
        (descriptor.ready, descriptor.recv_queue_bytes) = (5, Some(512));
        scene
    };
    let findings = stuck().findings_after(4);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let finding = &findings[0];
    assert_eq!((finding.id.lint, finding.severity), (LintKind::ReadyNotPolled, Severity::Critical));
    assert_eq!(
        finding.message,
        "t1 #101 waits in read on TcpStream 10.0.0.4:8080 ← 10.0.0.9:51522 (fd 12, made at src/ledger.rs:20), although 512 B have been \
         there to read for 4.00 s."
    );
    // Its task has been polled since, and not for this: it may not want it any more.
    let mut left = stuck();
    left.waits[1].ago_ns = 9 * S;
    left.fake.task(1).last_wake_ns = Some(left.fake.now_ns - S);
    let findings = left.findings_after(4);
    assert_eq!(findings[0].severity, Severity::Warning);
    assert!(findings[0].message.starts_with("t1 #101 was last seen waiting in read on "), "{findings:#?}");
    assert!(
        findings[0].message.contains(", and has been polled since without it, although 512 B"),
        "{findings:#?}"
    );
    // One reading says nothing of the time after it.
    let mut old = stuck();
    old.descriptors.read_ago_ns = S;
    let mut client = old.client();
    for _ in 0..6 {
        old.descriptors.read_ago_ns += S;
        old.go_on(&mut client);
    }
    assert!(client.model.findings().iter().all(|finding| finding.id.lint.group() != crate::lints::Group::Io));
    // Without a counter it is unknown whether those are the same bytes.
    let mut uncounted = stuck();
    uncounted.tcp(12).received_bytes = None;
    assert_eq!(names(&mut uncounted, 4), [""; 0]);
    // It was there for a moment only; or its task is at work; or no task wants it.
    assert_eq!(names(&mut stuck(), 1), [""; 0]);
    let mut works = stuck();
    works.fake.task(1).state = v1::TaskState::Running;
    assert_eq!(names(&mut works, 4), [""; 0]);
    let mut unwanted = stuck();
    unwanted.waits.pop();
    assert_eq!(names(&mut unwanted, 4), [""; 0]);
}

#[test]
fn a_hundred_of_a_kind_are_one_finding_and_counted() {
    let mut scene = stalled();
    for n in 0..100_u32 {
        let peer = format!("10.0.0.9:{n}");
        let stall = scene.descriptor(12).clone();
        let local = "10.0.0.4:8080".to_owned();
        scene.descriptors.descriptors.push(v1::Descriptor {
            fd: 100 + n,
            identity: u64::from(100 + n),
            local,
            peer,
            ..stall
        });
    }
    let findings = scene.findings_after(3);
    assert_eq!(findings.len(), 32);
    assert!(findings.iter().any(|finding| finding.message.ends_with(" 69 more are like this.")));
}
