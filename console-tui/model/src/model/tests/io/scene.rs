//! A process with sockets, sent as a server would: wrappers, descriptors, and those who wait.

use taskscope_proto::{
    rows::{AttributeRow, IoRow, OpRow, OpStatRow, ResourceRow, ResourceStatRow, Writer},
    v1::{self, AttributeKind, DescriptorKind, TaskState},
};

use crate::{
    Action, Config, TableId,
    model::tests::{
        Client, Fake,
        fake::{S, first_in},
    },
    screen::findings::FindingView,
};

/// A wrapper, by slot of its resource.
#[derive(Clone, Default)]
pub(super) struct FakeStream {
    pub(super) slot: u32,
    pub(super) concrete_type: &'static str,
    pub(super) site: u32,
    pub(super) made_ago_ns: u64,
    pub(super) fd: Option<u32>,
    pub(super) local: String,
    pub(super) peer: String,
    pub(super) in_bytes: u64,
    pub(super) out_bytes: u64,
    pub(super) reads: u64,
    pub(super) uncounted_reads: u64,
    pub(super) in_ago_ns: Option<u64>,
    pub(super) out_ago_ns: Option<u64>,
    /// Of a timer.
    pub(super) length_ms: Option<u64>,
}

/// A task that waits on a stream.
#[derive(Clone)]
pub(super) struct FakeWait {
    pub(super) on: u32,
    pub(super) source: &'static str,
    pub(super) task: u32,
    pub(super) ago_ns: u64,
}

#[derive(Clone)]
pub(super) struct Scene {
    pub(super) fake: Fake,
    pub(super) streams: Vec<FakeStream>,
    pub(super) waits: Vec<FakeWait>,
    pub(super) descriptors: v1::Descriptors,
}

/// A healthy connection, as the kernel reports it.
pub(super) fn tcp(fd: u32, identity: u64, local: &str, peer: &str) -> v1::Descriptor {
    let tcp = v1::TcpInfo {
        rtt_ns: 210_000,
        last_received_ago_ns: S / 2,
        last_sent_ago_ns: S / 2,
        acked_bytes: Some(14_000),
        received_bytes: Some(1_000),
        unsent_bytes: Some(0),
        ..v1::TcpInfo::default()
    };
    v1::Descriptor {
        fd,
        identity,
        kind: DescriptorKind::Tcp.into(),
        local: local.to_owned(),
        peer: peer.to_owned(),
        state: "established".to_owned(),
        watched: true,
        interest: 5,
        ready: 4,
        recv_queue_bytes: Some(0),
        send_queue_bytes: Some(0),
        tcp: Some(tcp),
        ..v1::Descriptor::default()
    }
}

pub(super) fn listener(fd: u32, identity: u64, local: &str) -> v1::Descriptor {
    v1::Descriptor {
        kind: DescriptorKind::TcpListener.into(),
        state: "listen".to_owned(),
        peer: String::new(),
        ready: 0,
        recv_queue_bytes: None,
        send_queue_bytes: None,
        backlog: Some(3),
        max_backlog: Some(1024),
        drops: Some(0),
        tcp: None,
        ..tcp(fd, identity, local, "")
    }
}

impl Scene {
    /// A server at port 8080 with one client, and three idle tasks.
    pub(super) fn new() -> Self {
        let mut fake = Fake::with_tasks(3);
        for slot in 0..3 {
            fake.task(slot).name = format!("t{slot}");
            fake.task(slot).since_ns = fake.now_ns - 60 * S;
            // Each waits since its last poll, which was its first.
            fake.task(slot).created_ns = 0;
            fake.task(slot).last_wake_ns = Some(0);
        }
        let descriptors = v1::Descriptors {
            descriptors: vec![listener(9, 1, "0.0.0.0:8080"), tcp(12, 2, "10.0.0.4:8080", "10.0.0.9:51522")],
            reading_ns: 1_200_000,
            open: 2,
            limit: 1024,
            ..v1::Descriptors::default()
        };
        let mut scene = Self { fake, streams: Vec::new(), waits: Vec::new(), descriptors };
        scene.stream(0, "TcpListener", 9, "0.0.0.0:8080", "");
        scene.stream(1, "TcpStream", 12, "10.0.0.4:8080", "10.0.0.9:51522");
        scene
    }

    pub(super) fn stream(
        &mut self,
        slot: u32,
        concrete_type: &'static str,
        fd: u32,
        local: &str,
        peer: &str,
    ) -> &mut FakeStream {
        self.streams.push(FakeStream {
            slot,
            concrete_type,
            site: 2,
            made_ago_ns: 60 * S,
            fd: Some(fd),
            local: local.to_owned(),
            peer: peer.to_owned(),
            ..FakeStream::default()
        });
        self.streams.last_mut().unwrap()
    }

    pub(super) fn of(&mut self, slot: u32) -> &mut FakeStream {
        self.streams.iter_mut().find(|stream| stream.slot == slot).unwrap()
    }

    pub(super) fn descriptor(&mut self, fd: u32) -> &mut v1::Descriptor {
        self.descriptors.descriptors.iter_mut().find(|of| of.fd == fd).unwrap()
    }

    pub(super) fn tcp(&mut self, fd: u32) -> &mut v1::TcpInfo {
        self.descriptor(fd).tcp.as_mut().unwrap()
    }

    pub(super) fn wait(&mut self, on: u32, source: &'static str, task: u32, ago_ns: u64) {
        self.waits.push(FakeWait { on, source, task, ago_ns });
    }

    pub(super) fn client(&mut self) -> Client {
        let mut client = Client::new(Config::default());
        let mut frames = self.fake.snapshot();
        self.send(frames.last_mut().unwrap(), true);
        client.take(frames);
        client
    }

    /// A second later; what changed is sent.
    pub(super) fn go_on(&mut self, client: &mut Client) {
        self.fake.now_ns += S;
        for wait in &mut self.waits {
            wait.ago_ns += S;
        }
        let mut frame = self.fake.delta();
        self.send(&mut frame, false);
        client.take(vec![frame]);
        client.wait(std::time::Duration::from_secs(1));
    }

    /// What the lints about I/O say after so many further seconds in which nothing else happens.
    pub(super) fn findings_after(&mut self, seconds: u64) -> Vec<FindingView> {
        let mut client = self.client();
        for _ in 0..seconds {
            for stream in &mut self.streams {
                for ago_ns in [&mut stream.in_ago_ns, &mut stream.out_ago_ns].into_iter().flatten() {
                    *ago_ns += S;
                }
            }
            for of in &mut self.descriptors.descriptors {
                if let Some(tcp) = &mut of.tcp {
                    tcp.last_received_ago_ns += S;
                }
            }
            self.go_on(&mut client);
        }
        let mut findings = client.model.findings();
        findings.retain(|finding| finding.id.lint.group() == crate::lints::Group::Io);
        findings
    }

    pub(super) fn send(&self, frame: &mut v1::Frame, first: bool) {
        frame.io = self.io();
        frame.descriptors = Some(self.descriptors.clone());
        let ops;
        (ops, frame.op_stats) = self.ops();
        if first {
            frame.ops = ops;
            (frame.resources, frame.resource_stats) = self.resources();
        }
    }

    fn resources(&self) -> (Option<v1::ResourceColumns>, Option<v1::ResourceStatColumns>) {
        let mut new = Writer::<v1::ResourceColumns>::default();
        let mut stats = Writer::<v1::ResourceStatColumns>::default();
        for stream in &self.streams {
            let row = ResourceRow {
                generation: 1,
                concrete_type: new.text(stream.concrete_type),
                kind: new.text(if stream.length_ms.is_some() { "timer" } else { "I/O" }),
                site: stream.site,
                created_ago_ns: stream.made_ago_ns,
                ..ResourceRow::default()
            };
            new.push(stream.slot, row);
            if let Some(value) = stream.length_ms {
                let (name, unit) = (stats.text("duration"), stats.text("ms"));
                let length = AttributeRow { name, kind: AttributeKind::Number, value, unit };
                stats.push_with(stream.slot, ResourceStatRow {}, [length]);
            }
        }
        (new.finish(), stats.finish())
    }

    fn io(&self) -> Option<v1::IoColumns> {
        let mut writer = Writer::<v1::IoColumns>::default();
        for stream in self.streams.iter().filter(|of| of.length_ms.is_none()) {
            let row = IoRow {
                fd: stream.fd,
                in_bytes: stream.in_bytes,
                out_bytes: stream.out_bytes,
                reads: stream.reads,
                uncounted_reads: stream.uncounted_reads,
                last_in_ago_ns: stream.in_ago_ns,
                last_out_ago_ns: stream.out_ago_ns,
                local: writer.text(&stream.local),
                peer: writer.text(&stream.peer),
                ..IoRow::default()
            };
            writer.push(stream.slot, row);
        }
        writer.finish()
    }

    fn ops(&self) -> (Option<v1::OpColumns>, Option<v1::OpStatColumns>) {
        let mut new = Writer::<v1::OpColumns>::default();
        let mut stats = Writer::<v1::OpStatColumns>::default();
        for (slot, wait) in (0..).zip(&self.waits) {
            let row = OpRow {
                generation: 1,
                source: new.text(wait.source),
                resource: Some(first_in(wait.on)),
                created_ago_ns: wait.ago_ns,
                site: 1,
                ..OpRow::default()
            };
            new.push(slot, row);
            let row = OpStatRow {
                task: Some(first_in(wait.task)),
                state: TaskState::Idle,
                state_ago_ns: wait.ago_ns,
                polls: 1,
                ..OpStatRow::default()
            };
            stats.push(slot, row);
        }
        (new.finish(), stats.finish())
    }
}

/// The rows of the table on the screen I/O: descriptor, kind, address, and who waits.
pub(super) fn rows(client: &mut Client) -> Vec<String> {
    client.perform(Action::Io);
    let columns = ["fd", "kind", "address", "waiting"];
    let words = |row: &crate::screen::table::Row| {
        let cells: Vec<&str> = row.cells.iter().map(|cell| cell.text.as_str()).collect();
        cells.join(" | ")
    };
    client.model.rows(TableId::Sockets, &columns).iter().map(words).collect()
}
