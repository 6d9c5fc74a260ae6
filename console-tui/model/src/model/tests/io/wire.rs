//! Frames about I/O: read with checks, kept by slot and by identity, gone with their resource.

use taskscope_proto::{limits::MAX_DESCRIPTORS, v1};

use super::scene::{Scene, rows, tcp};
use crate::{Action, Tab, model::tests::fake::S};

#[test]
fn what_makes_no_sense_is_refused_whole() {
    type Change = fn(&mut v1::Frame);
    let hostile: [Change; 4] = [
        |frame| frame.io.as_mut().unwrap().in_bytes.push(1),
        |frame| frame.io.as_mut().unwrap().slot_delta = vec![u32::MAX; 2],
        |frame| frame.io.as_mut().unwrap().local = vec![1],
        |frame| {
            let many = vec![v1::Descriptor::default(); MAX_DESCRIPTORS + 1];
            frame.descriptors.as_mut().unwrap().descriptors = many;
        },
    ];
    for (i, change) in hostile.into_iter().enumerate() {
        let mut scene = Scene::new();
        let mut client = scene.client();
        let mut frame = scene.fake.delta();
        scene.send(&mut frame, false);
        change(&mut frame);
        client.take(vec![frame]);
        assert_eq!(
            client.model.header().losses.rejected_frames,
            1,
            "{i}: {:?}",
            client.model.feed.stream.error
        );
    }
}

#[test]
fn rows_of_resources_that_were_never_sent_are_counted() {
    let mut scene = Scene::new();
    let mut client = scene.client();
    let mut frame = scene.fake.delta();
    frame.io = Some(v1::IoColumns { slot_delta: vec![77], ..Default::default() });
    client.take(vec![frame]);
    assert_eq!(client.model.header().losses.orphans, 1);
}

#[test]
fn numbers_that_no_kernel_reports_do_no_harm() {
    let mut scene = Scene::new();
    let mut client = scene.client();
    let all = |n: u64| v1::TcpInfo {
        rtt_ns: n,
        retransmits: n as u32,
        total_retransmits: n,
        unacked: n,
        last_sent_ago_ns: n,
        last_received_ago_ns: n,
        delivery_rate_bytes: Some(n),
        acked_bytes: Some(n),
        received_bytes: Some(n),
        unsent_bytes: Some(n),
        ..v1::TcpInfo::default()
    };
    for n in [u64::MAX, 0, u64::MAX] {
        let odd = v1::Descriptor {
            first_seen_ago_ns: n,
            recv_queue_bytes: Some(n),
            send_queue_bytes: Some(n),
            backlog: Some(n),
            max_backlog: Some(n),
            drops: Some(n),
            kind: -7,
            tcp: Some(all(n)),
            local: "\u{1b}[2J".repeat(400),
            ..tcp(12, 2, "", "")
        };
        // The same number and the same identity twice.
        scene.descriptors.descriptors = vec![odd.clone(), odd];
        (scene.descriptors.open, scene.descriptors.limit) = (n, 1);
        (scene.descriptors.read_ago_ns, scene.descriptors.reading_ns) = (n, n);
        scene.go_on(&mut client);
        let shown = format!("{:?}{:?}", client.model.report(), rows(&mut client));
        assert!(!shown.contains('\u{1b}'));
        client.perform(Action::Open);
        let _view = format!("{:?}", client.model.findings());
        client.perform(Action::Back);
    }
}

#[test]
fn a_wrapper_and_its_descriptor_are_one_row() {
    let mut client = Scene::new().client();
    let shown = rows(&mut client);
    assert_eq!(shown.len(), 2, "{shown:#?}");
    assert!(shown.contains(&"12 | tcp | 10.0.0.4:8080 ← 10.0.0.9:51522 | ".to_owned()), "{shown:#?}");
    assert!(shown.contains(&"9 | listener | 0.0.0.0:8080  backlog 3/1,024 | ".to_owned()), "{shown:#?}");
}

#[test]
fn a_number_that_is_used_again_mixes_nothing() {
    let other = tcp(12, 7, "10.0.0.4:8080", "10.0.0.200:9");
    // The kernel already reports the next connection with this number; the wrapper is still that of the last one.
    let mut scene = Scene::new();
    *scene.descriptor(12) = other.clone();
    let shown = rows(&mut scene.client());
    assert_eq!(shown.len(), 3, "{shown:#?}");
    // Or the other way round: the reading is older than the wrapper.
    let mut scene = Scene::new();
    scene.descriptors.read_ago_ns = 2 * S;
    scene.of(1).made_ago_ns = S;
    let shown = rows(&mut scene.client());
    assert_eq!(shown.len(), 3, "{shown:#?}");
    // Rates are counted anew.
    let mut scene = Scene::new();
    scene.streams.pop();
    let mut client = scene.client();
    scene.tcp(12).received_bytes = Some(2_000);
    scene.go_on(&mut client);
    let rate = |client: &crate::model::tests::Client| {
        client.model.report().io.iter().find(|of| of.fd == Some(12)).unwrap().in_bytes_per_s
    };
    assert_eq!(rate(&client), Some(1_000.0));
    *scene.descriptor(12) = v1::Descriptor { tcp: scene.descriptor(12).tcp, ..other };
    scene.tcp(12).received_bytes = Some(900_000);
    scene.go_on(&mut client);
    assert_eq!(rate(&client), None);
}

#[test]
fn what_is_gone_is_gone_and_its_texts_with_it() {
    let mut scene = Scene::new();
    let mut client = scene.client();
    let texts = |client: &crate::model::tests::Client| client.store().texts.len();
    let before = texts(&client);
    let mut frame = scene.fake.delta();
    frame.freed_resources = vec![1];
    frame.descriptors = Some(v1::Descriptors::default());
    client.take(vec![frame]);
    // Its type and its two addresses.
    assert_eq!(texts(&client), before - 3);
    assert_eq!(rows(&mut client), ["9 | listener | 0.0.0.0:8080 | "]);
}

#[test]
fn what_went_while_the_link_was_away_is_counted() {
    let mut scene = Scene::new();
    let mut client = scene.client();
    scene.streams.pop();
    let mut frames = scene.fake.snapshot();
    scene.send(frames.last_mut().unwrap(), true);
    client.take(frames);
    assert_eq!(client.store().resources.streams.closed(crate::SiteId(2)), 1);
}

#[test]
fn what_was_closed_since_the_last_reading_does_not_come_back_as_a_bare_socket() {
    let mut scene = Scene::new();
    let mut client = scene.client();
    scene.fake.now_ns += S;
    let mut frame = scene.fake.delta();
    frame.freed_resources = vec![1];
    client.take(vec![frame]);
    assert_eq!(rows(&mut client), ["9 | listener | 0.0.0.0:8080  backlog 3/1,024 | "]);
    // Sent with a reading that was made before.
    let mut scene = Scene::new();
    let mut client = scene.client();
    scene.fake.now_ns += S;
    let mut frame = scene.fake.delta();
    frame.freed_resources = vec![1];
    frame.descriptors = Some(v1::Descriptors { read_ago_ns: S / 2, ..scene.descriptors.clone() });
    client.take(vec![frame]);
    assert_eq!(rows(&mut client).len(), 1);
    // The next one has it still: it was taken out of its wrapper.
    scene.fake.now_ns += S;
    let mut frame = scene.fake.delta();
    frame.descriptors = Some(scene.descriptors.clone());
    client.take(vec![frame]);
    assert_eq!(rows(&mut client).len(), 2);
}

#[test]
fn who_opened_a_connection_outlives_the_listener_and_is_unknown_before_a_reading() {
    let accepted = |client: &crate::model::tests::Client, fd: u32| {
        client.model.report().io.into_iter().find(|of| of.fd == Some(fd)).unwrap().accepted
    };
    let mut scene = Scene::new();
    scene.descriptors.descriptors.push(tcp(20, 5, "10.0.0.4:44444", "10.0.0.8:5432"));
    let mut client = scene.client();
    assert_eq!((accepted(&client, 12), accepted(&client, 20)), (Some(true), Some(false)));
    // A graceful shutdown closes the listener first.
    scene.descriptors.descriptors.retain(|of| of.fd != 9);
    scene.go_on(&mut client);
    assert_eq!((accepted(&client, 12), accepted(&client, 20)), (Some(true), Some(false)));
    let mut client = crate::model::tests::Client::new(crate::Config::default());
    let mut frames = scene.fake.snapshot();
    scene.send(frames.last_mut().unwrap(), true);
    frames.last_mut().unwrap().descriptors = None;
    client.take(frames);
    assert_eq!(accepted(&client, 12), None);
    assert!(rows(&mut client).contains(&"12 | tcp | 10.0.0.4:8080 ↔ 10.0.0.9:51522 | ".to_owned()));
    // Not all listeners are known.
    scene.descriptors.more = 1;
    scene.go_on(&mut client);
    assert_eq!(accepted(&client, 12), None);
}

#[test]
fn bytes_of_a_wrapper_are_known_without_the_kernel() {
    let mut scene = Scene::new();
    (scene.of(1).in_bytes, scene.of(1).out_bytes) = (20, 30);
    scene.tcp(12).received_bytes = Some(0);
    let report = scene.client().model.report();
    let one = report.io.iter().find(|of| of.fd == Some(12)).unwrap();
    assert_eq!((one.in_bytes, one.out_bytes), (Some(20), Some(30)));
    // Nor does a file say what it is ready for, or a connection when something came that never did.
    scene.streams.pop();
    scene.descriptors.descriptors.push(v1::Descriptor {
        kind: v1::DescriptorKind::File.into(),
        tcp: None,
        ..tcp(6, 8, "/tmp/a", "")
    });
    let report = scene.client().model.report();
    let by_fd = |fd: u32| report.io.iter().find(|of| of.fd == Some(fd)).unwrap();
    assert_eq!(
        (by_fd(6).ready.as_deref(), by_fd(12).last_in_ns, by_fd(12).last_out_ns),
        (None, None, Some(S / 2))
    );
    // Without a reading.
    let mut scene = Scene::new();
    (scene.of(1).in_bytes, scene.descriptors) = (20, v1::Descriptors::default());
    let report = scene.client().model.report();
    assert_eq!(report.io.iter().find(|of| of.fd == Some(12)).unwrap().in_bytes, Some(20));
}

#[test]
fn bytes_that_are_not_counted_are_unknown_and_the_reason_is_said() {
    let mut scene = Scene::new();
    // A socket of the standard library that gets 30,000 datagrams a second: all that the kernel says of it is its queue.
    for (fd, kind) in
        [(20, v1::DescriptorKind::Udp), (21, v1::DescriptorKind::Unix), (22, v1::DescriptorKind::Pipe)]
    {
        scene.descriptors.descriptors.push(v1::Descriptor {
            kind: kind.into(),
            tcp: None,
            inode: 4_000 + u64::from(fd),
            drops: Some(7),
            ..tcp(fd, u64::from(fd), "0.0.0.0:53", "")
        });
    }
    let mut client = scene.client();
    scene.go_on(&mut client);
    let report = client.model.report();
    let by_fd = |fd: u32| report.io.iter().find(|of| of.fd == Some(fd)).unwrap();
    let known = |fd: u32| {
        let of = by_fd(fd);
        (of.in_bytes, of.out_bytes, of.in_bytes_per_s, of.out_bytes_per_s)
    };
    for (fd, cure) in [(20, "taskscope::net::UdpSocket"), (21, "taskscope::net::UnixStream"), (22, "pipes")] {
        assert_eq!(known(fd), (None, None, None, None));
        let problem = by_fd(fd).bytes_problem.as_deref().unwrap_or_default();
        assert!(problem.starts_with("The kernel counts no bytes of") && problem.contains(cure), "{problem}");
    }
    assert_eq!((by_fd(20).drops, by_fd(20).inode), (Some(7), Some(4_020)));
    assert_eq!(by_fd(12).bytes_problem, None);
    // The screen of the descriptor says it, too.
    let view = client.model.descriptor(crate::DescriptorId(20)).unwrap();
    let traffic: Vec<_> = view.io.traffic.iter().map(|fact| (fact.label, fact.value.text.as_str())).collect();
    let why = "The kernel counts no bytes of UDP sockets. taskscope::net::UdpSocket does.";
    assert_eq!(traffic, [("bytes in", "–"), ("bytes out", "–"), ("why unknown", why)]);

    // A wrapped one whose program receives by a system call of its own: from then on its bytes are unknown.
    let mut scene = Scene::new();
    (scene.of(1).in_bytes, scene.of(1).out_bytes) = (20, 30);
    let mut client = scene.client();
    scene.of(1).uncounted_reads = 3;
    scene.go_on(&mut client);
    let report = client.model.report();
    let one = report.io.iter().find(|of| of.fd == Some(12)).unwrap();
    assert_eq!((one.in_bytes, one.in_bytes_per_s, one.out_bytes), (None, None, Some(30)));
    assert!(one.bytes_problem.as_deref().is_some_and(|why| why.contains("try_io")), "{one:?}");
}

#[test]
fn descriptors_are_asked_for_often_only_while_they_are_shown() {
    let mut client = Scene::new().client();
    let asked =
        |client: &crate::model::tests::Client| client.requests.last().unwrap().descriptors_interval_ms;
    assert_eq!(asked(&client), 3_000);
    client.perform(Action::Io);
    assert_eq!(asked(&client), 1_000);
    client.perform(Action::Open);
    assert_eq!(asked(&client), 1_000);
    client.perform(Action::Tasks);
    assert_eq!((asked(&client), Tab::Io.number()), (3_000, 4));
}

#[test]
fn a_fresh_snapshot_keeps_what_was_counted() {
    let mut scene = Scene::new();
    let mut client = scene.client();
    scene.of(1).in_bytes = 50_000;
    scene.tcp(12).received_bytes = Some(51_000);
    scene.go_on(&mut client);
    scene.go_on(&mut client);
    let mut frames = scene.fake.snapshot();
    scene.send(frames.last_mut().unwrap(), true);
    // The descriptors come with their next reading.
    frames.last_mut().unwrap().descriptors = None;
    client.take(frames);
    let report = client.model.report();
    let one = report.io.iter().find(|of| of.fd == Some(12)).unwrap();
    assert!(one.in_bytes_per_s.is_some_and(|per_s| per_s > 0.0), "{one:?}");
    assert_eq!((one.state.as_deref(), report.io.len()), (Some("established"), 2));
}
