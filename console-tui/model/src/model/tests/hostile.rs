//! A server that means harm: no panic, bounded memory, nothing for the terminal to obey.

use proptest::prelude::*;
use prost::Message;
use taskscope_proto::v1;

use super::{Client, Fake};
use crate::{Action, Config, Event, TableId, Target, store::task::State};

fn look_at_everything(client: &mut Client) {
    let model = &client.model;
    let _ = (model.header(), model.tabs(), model.strip(), model.breadcrumbs(), model.hints());
    let _ = (model.findings(), model.overlay(), model.input(), model.report());
    if let crate::Screen::Task(key) = model.screen() {
        let _ = model.task(key);
    }
    if let crate::Screen::Resource(key) = model.screen() {
        let _ = model.resource(key);
    }
    if let Some(runtimes) = model.runtimes() {
        for link in runtimes.links {
            if let crate::Screen::Worker(key) = link.to {
                let _ = model.worker(key);
            }
        }
    }
    if let crate::Screen::Descriptor(id) = model.screen() {
        let _ = model.descriptor(id);
    }
    for table in TableId::ALL {
        let _ = (model.table(*table), model.rows(*table, &super::all(*table)), model.table_tabs());
    }
    let _ = State::COUNT;
}

fn numbers() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(prop_oneof![0_u32..4, any::<u32>()], 0..6)
}

fn large() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(prop_oneof![0_u64..4, any::<u64>()], 0..6)
}

prop_compose! {
    fn task_columns()(
        slot_delta in numbers(), generation in numbers(), tokio_id in large(), site in numbers(),
        kind in prop::collection::vec(any::<i32>(), 0..6), name in numbers(), created_ago_ns in large(),
        parent_slot_plus1 in numbers(), knows in numbers(), strings in prop::collection::vec(any::<String>(), 0..6),
        whole in any::<bool>(),
    ) -> v1::TaskColumns {
        let rows = slot_delta.len();
        let mut columns = v1::TaskColumns {
            slot_delta, generation, tokio_id, site, kind, name, created_ago_ns, parent_slot_plus1, knows, strings,
            ..v1::TaskColumns::default()
        };
        if whole {
            // Right lengths, so that the values get further in.
            columns.generation.resize(rows, 1);
            columns.tokio_id.resize(rows, 1);
            columns.site.resize(rows, 1);
            columns.kind.resize(rows, 1);
            columns.name.resize(rows, 1);
            columns.created_ago_ns.resize(rows, 1);
            columns.parent_slot_plus1.resize(rows, 1);
            columns.knows.resize(rows, 15);
        }
        columns
    }
}

prop_compose! {
    fn stat_columns()(
        slot_delta in numbers(), state in prop::collection::vec(any::<i32>(), 0..6), state_ago_ns in large(),
        polls in large(), busy_ns in large(), wakes in large(), last_waker in large(), whole in any::<bool>(),
    ) -> v1::StatColumns {
        let rows = slot_delta.len();
        let mut columns = v1::StatColumns {
            slot_delta, state, state_ago_ns, polls, busy_ns, wakes, last_waker, ..v1::StatColumns::default()
        };
        if whole {
            columns.state.resize(rows, 3);
            columns.state_ago_ns.resize(rows, u64::MAX);
            columns.polls.resize(rows, u64::MAX);
            columns.busy_ns.resize(rows, u64::MAX);
            columns.wakes.resize(rows, u64::MAX);
            columns.last_waker.resize(rows, u64::MAX);
        }
        columns
    }
}

/// Names of types that make a resource a lock or a channel, and any others.
fn lock_words() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "Mutex|RwLock|Semaphore|Sender::send|Receiver::recv|lock|permits_requested|TcpStream|TcpListener|Signal|read|write|timer|duration"
    ]
}

prop_compose! {
    /// Streams and descriptors that may or may not be the same.
    fn io()(
        slot_delta in prop_oneof![Just(vec![0, 1, 1]), numbers()], fds in prop::collection::vec(0_u32..4, 0..6), large in large(),
        numbers in prop::collection::vec((0_u32..4, 0_u64..4, any::<i32>(), any::<u64>()), 0..6), address in "[0-9.:]{0,8}|\\PC*",
        ago_ns in any::<u64>(), whole in any::<bool>(),
    ) -> (v1::IoColumns, v1::Descriptors) {
        let rows = slot_delta.len();
        let columns = v1::IoColumns {
            slot_delta,
            fd_plus1: if whole { fds.iter().copied().cycle().take(if fds.is_empty() { 0 } else { rows }).collect() } else { fds },
            in_bytes: if whole { vec![u64::MAX; rows] } else { large },
            last_out_ago_ns_plus1: vec![ago_ns; rows], local: vec![1; rows], peer: vec![u32::MAX; rows],
            strings: vec![address.clone()], ..v1::IoColumns::default()
        };
        let descriptor = |(fd, identity, kind, n): (u32, u64, i32, u64)| v1::Descriptor {
            fd, identity, kind: kind % 16, local: address.clone(), peer: address.clone(), state: address.clone(), ready: n as u32,
            watched: true, interest: u32::MAX, first_seen_ago_ns: n, recv_queue_bytes: Some(n), send_queue_bytes: Some(n / 2),
            backlog: Some(n), max_backlog: Some(n), drops: Some(n), peer_pid: fd,
            tcp: Some(v1::TcpInfo {
                rtt_ns: n, rtt_var_ns: n, retransmits: n as u32, total_retransmits: n, unacked: n, acked_bytes: Some(n),
                received_bytes: Some(n / 3), unsent_bytes: Some(n), last_received_ago_ns: n, ..v1::TcpInfo::default()
            }),
            ..v1::Descriptor::default()
        };
        let descriptors = v1::Descriptors {
            descriptors: numbers.into_iter().map(descriptor).collect(), more: ago_ns, read_ago_ns: ago_ns, reading_ns: ago_ns,
            problem: address.clone(), open: ago_ns, limit: ago_ns / 2,
        };
        (columns, descriptors)
    }
}

prop_compose! {
    /// Resources and operations that point to each other in every way.
    fn resources()(
        slot_delta in prop_oneof![Just(vec![0, 1, 1]), numbers()], parents in prop::collection::vec(0_u32..4, 3), refs in numbers(),
        internal in prop::collection::vec(any::<bool>(), 3), holders in prop::collection::vec(0_u32..12, 1..4), sites in numbers(), counts in numbers(), large in large(),
        kinds in prop::collection::vec(any::<i32>(), 0..6), strings in prop::collection::vec(lock_words(), 0..6), whole in any::<bool>(),
        slot_blocks in any::<bool>(),
    ) -> v1::Frame {
        let rows = slot_delta.len();
        let fit = |mut column: Vec<u32>| {
            if whole {
                column.resize(rows, 1);
                for value in &mut column {
                    *value %= 5;
                }
            }
            column
        };
        let attributes = v1::Attributes {
            count: if whole { vec![2; rows] } else { counts },
            name: if whole { vec![1; rows * 2] } else { refs.clone() },
            kind: if whole { vec![3; rows * 2] } else { kinds },
            value: if whole { vec![u64::MAX; rows * 2] } else { large },
            unit: Vec::new(),
            strings: strings.clone(),
        };
        let mut internal = internal;
        internal.resize(rows, true);
        // Holders and peers are the few tasks there are, and each other.
        let codes: Vec<u64> = holders.iter().map(|code| u64::from(*code)).collect();
        v1::Frame {
            locks: Some(v1::LockColumns {
                slot_delta: slot_delta.clone(), holders: if whole { vec![2; rows] } else { refs.clone() },
                holder: if whole { codes.iter().copied().cycle().take(rows * 2).collect() } else { codes.clone() },
                acquisitions: vec![u64::MAX; rows], hold_ns: vec![u64::MAX; rows], free_ago_ns_plus1: vec![u64::MAX; rows],
                knows: vec![7; rows], ..v1::LockColumns::default()
            }),
            channels: Some(v1::ChannelColumns {
                slot_delta: slot_delta.clone(), receivers_plus1: vec![2; rows], depth_plus1: vec![u64::MAX; rows], capacity: vec![1; rows],
                last_receiver: codes.iter().copied().cycle().take(rows).collect(), ..v1::ChannelColumns::default()
            }),
            resources: Some(v1::ResourceColumns {
                slot_delta: slot_delta.clone(), name: fit(refs.clone()), concrete_type: fit(refs.clone()), site: fit(sites), parent_slot_plus1: fit(parents.clone()),
                internal, strings: strings.clone(), ..v1::ResourceColumns::default()
            }),
            resource_stats: Some(v1::ResourceStatColumns { slot_delta: slot_delta.clone(), attributes: Some(attributes.clone()) }),
            ops: Some(v1::OpColumns {
                slot_delta: slot_delta.clone(), source: fit(refs.clone()), resource_slot_plus1: fit(refs.clone()),
                parent_slot_plus1: fit(parents), strings, ..v1::OpColumns::default()
            }),
            op_stats: Some(v1::OpStatColumns {
                slot_delta, task_slot_plus1: fit(refs), task_generation: vec![1; rows], state: vec![1; rows], polls: vec![1; rows],
                thread: vec![u32::from(slot_blocks); rows], granted_ago_ns_plus1: if slot_blocks { vec![u64::MAX; rows] } else { Vec::new() },
                attributes: Some(attributes), ..v1::OpStatColumns::default()
            }),
            ..v1::Frame::default()
        }
    }
}

prop_compose! {
    /// Numbers of all sizes in every field, and tasks that may exist.
    fn scheduler()(
        workers in prop::collection::vec((0_u32..3, any::<u32>(), 0_u32..1025, any::<i32>(), large()), 0..5),
        ago_ns in large(), text in any::<String>(), lost in any::<u64>(),
    ) -> v1::Scheduler {
        let number = |i: usize| ago_ns.get(i).copied();
        let task = Some(v1::TaskRef { slot: 1, generation: 1 });
        let frame = v1::StackFrame { function: text.clone(), file: text.clone(), line: u32::MAX, own: lost.is_multiple_of(2), code_file: lost as u32 % 4, address: lost };
        let code_file = v1::CodeFile { path: text.clone(), build_id: text.clone().into_bytes(), is_program: lost == 0 };
        v1::Scheduler {
            runtimes: (0..3).map(|index| v1::Runtime {
                index, name: text.clone(), flavor: index.cast_signed(), workers: index, blocking_queue: number(0),
                idle_blocking_threads: number(1), blocking_threads: number(2), max_blocking_threads: number(3),
                io_registered: number(1), io_deregistered: number(2), io_ready: number(0), driver_lost_ago_ns: number(2),
                ..v1::Runtime::default()
            }).collect(),
            workers: workers.iter().map(|(runtime, worker, thread, state, numbers)| v1::Worker {
                runtime: *runtime, worker: *worker, thread: *thread, state: *state, state_ago_ns: numbers.first().copied().unwrap_or(0),
                task, polls: numbers.get(1).copied(), poll_ns: numbers.get(2).copied(), cpu_ns: numbers.get(3).copied(),
                kernel_state: text.clone(), handed_over: numbers.len() == 2, ..v1::Worker::default()
            }).collect(),
            stuck: workers.iter().map(|(site, _, thread, _, numbers)| v1::StuckPoll {
                thread: *thread, task, site: *site, started_ago_ns: numbers.first().copied().unwrap_or(0),
                duration_ns: numbers.get(1).copied().unwrap_or(0), captured_ago_ns_plus1: numbers.get(2).copied().unwrap_or(0),
                stack: vec![frame.clone(), v1::StackFrame { function: String::new(), ..frame.clone() }], problem: text.clone(), kernel_state: text.clone(),
                spent: Some(v1::PollTime { cpu_ns: lost, queued_ns: *thread as u64, asleep_ns: lost }), code_files: vec![code_file.clone(); 2],
            }).collect(),
            long_polls: ago_ns.iter().map(|ago_ns| v1::LongPoll {
                thread: 1, task, site: 1, started_ago_ns: *ago_ns, duration_ns: lost,
                spent: Some(v1::PollTime { cpu_ns: *ago_ns, queued_ns: lost, asleep_ns: lost }), in_place: lost == 0,
            }).collect(),
            lost_long_polls: lost,
            ..v1::Scheduler::default()
        }
    }
}

prop_compose! {
    fn frame()(
        sequence in 1_u64..6, now_ns in any::<u64>(), instance in 0_u64..3, hello in any::<bool>(),
        snapshot_start in any::<bool>(), snapshot_end in any::<bool>(), tasks in prop::option::of(task_columns()),
        stats in prop::option::of(stat_columns()), freed in numbers(), sites in prop::collection::vec((0_u32..6, any::<String>()), 0..4),
        totals in prop::collection::vec((0_u32..6, any::<u64>()), 0..4), buckets in prop::collection::vec(any::<(u64, u64, u64)>(), 0..6),
        resources in resources(), freed_resources in numbers(), freed_ops in numbers(), io in prop::option::of(io()),
        slot in 0_u32..4, kinds in prop::collection::vec((any::<i32>(), any::<u64>()), 0..6), alive in any::<u64>(),
        scheduler in prop::option::of(scheduler()),
    ) -> v1::Frame {
        let histogram = v1::Histogram {
            lower_ns: buckets.iter().map(|b| b.0).collect(),
            upper_ns: buckets.iter().map(|b| b.1).collect(),
            count: buckets.iter().map(|b| b.2).collect(),
            max_ns: alive,
        };
        let detail = v1::TaskDetail {
            task: Some(v1::TaskRef { slot, generation: 1 }),
            polls: Some(histogram.clone()),
            scheduled: Some(histogram.clone()),
            events: kinds.iter().map(|(kind, ago_ns)| v1::Event { kind: *kind, ago_ns: *ago_ns, by: *ago_ns }).collect(),
            wakers: kinds.iter().map(|(_, waker)| v1::WakerCount { waker: *waker, count: u64::MAX }).collect(),
            watched_ago_ns: alive,
            ..v1::TaskDetail::default()
        };
        let scheduler = scheduler.map(|report| v1::Scheduler {
            polls: Some(histogram.clone()), scheduled: Some(histogram.clone()), ..report
        });
        let tree = v1::AwaitTree {
            task: Some(v1::TaskRef { slot, generation: 1 }),
            taken_ago_ns: alive,
            frames: vec![v1::AwaitFrame { depth: u32::MAX, text: "\u{1b}[2J".into(), since_ago_ns_plus1: 1, ..Default::default() }],
            problem: "\u{7}".into(),
            walked: now_ns % 2 == 0,
        };
        v1::Frame {
            scheduler, await_trees: vec![tree],
            sequence, now_ns, snapshot_start, snapshot_end, tasks, stats, freed,
            hello: hello.then(|| v1::Hello { protocol: 1, instance, problems: vec!["\u{1b}]0;x\u{7}".into()], ..v1::Hello::default() }),
            sites: sites.into_iter().map(|(index, file)| v1::Site { index, file, line: index, column: 1 }).collect(),
            totals: totals.into_iter().map(|(site, n)| v1::SiteTotals { site, spawned: n, finished: n, polls: n, wakes: n, ..Default::default() }).collect(),
            process: Some(v1::Process { alive, spawned: alive, untracked: alive, own_cpu_ns: alive, cost_known: true, ..Default::default() }),
            details: vec![detail],
            freed_resources, freed_ops,
            io: io.clone().map(|(columns, _)| columns),
            descriptors: io.map(|(_, descriptors)| descriptors),
            ..resources
        }
    }
}

proptest! {
    #[test]
    fn hostile_frames_and_wild_keys_do_not_panic(
        frames in prop::collection::vec(frame(), 1..12), keys in prop::collection::vec((0_usize..80, any::<u16>()), 12),
    ) {
        let mut client = Client::watching(&mut Fake::with_tasks(3));
        let actions: Vec<Action> = Action::all();
        for (frame, (key, index)) in frames.into_iter().zip(keys) {
            client.take(vec![frame]);
            client.perform(actions[key % actions.len()]);
            client.send(Event::Click(Target::Row(usize::from(index))));
            client.send(Event::Scroll(index.cast_signed()));
            client.send(Event::PageRows(index));
            client.wait(std::time::Duration::from_millis(u64::from(index)));
            look_at_everything(&mut client);
        }
    }

    #[test]
    fn random_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut client = Client::watching(&mut Fake::with_tasks(3));
        if let Ok(frame) = v1::Frame::decode(bytes.as_slice()) {
            client.take(vec![frame]);
            look_at_everything(&mut client);
        }
    }

    #[test]
    fn no_text_reaches_the_terminal_raw(name in any::<String>(), fields in "\\PC*[\u{1b}\u{202e}\u{200b}\n]\\PC*", file in any::<String>()) {
        let mut fake = Fake::with_tasks(1);
        fake.files[1] = file;
        fake.add(1, |task| {
            task.name = name;
            task.fields = fields;
            task.wakers = Some(0);
        });
        let mut client = Client::watching(&mut fake);
        client.perform(Action::Open);
        let mut shown = format!("{:?}", client.model.rows(TableId::Tasks, &super::all(TableId::Tasks)));
        if let crate::Screen::Task(key) = client.model.screen() {
            shown = format!("{shown}{:?}", client.model.task(key));
        }
        for row in client.model.rows(TableId::Tasks, &super::all(TableId::Tasks)) {
            for cell in row.cells {
                prop_assert_eq!(crate::text::clean(&cell.text, usize::MAX).into_owned(), cell.text);
            }
        }
        for finding in client.model.findings() {
            prop_assert_eq!(crate::text::clean(&finding.message, usize::MAX).into_owned(), finding.message);
        }
        // The report is for scripts, which print it.
        let json = serde_json::to_string(&client.model.report()).unwrap();
        let obeyed = ['\u{1b}', '\u{202e}', '\u{200b}'];
        prop_assert!(!json.contains(obeyed));
        let escape = "\\u{1b}";
        prop_assert!(!shown.contains(escape));
    }
}

#[test]
fn two_thousand_million_tasks_do_not_fit_in_here() {
    let mut client = Client::watching(&mut Fake::with_tasks(3));
    let mut fake = Fake::new();
    fake.sequence = 1;
    let mut frame = fake.delta();
    frame.tasks = Some(v1::TaskColumns { slot_delta: vec![1 << 31], ..v1::TaskColumns::default() });
    client.take(vec![frame]);
    assert_eq!(client.model.header().losses.rejected_frames, 1);
    assert_eq!(client.model.report().tasks.len(), 3);
}

#[test]
fn names_of_a_megabyte_are_cut_and_counted() {
    let mut fake = Fake::with_tasks(1);
    fake.task(0).name = "x".repeat(1 << 20);
    let client = Client::watching(&mut fake);
    let name = client.model.report().tasks[0].name.clone().unwrap();
    assert_eq!(name.len(), taskscope_proto::limits::MAX_NAME_BYTES);
    assert_eq!(client.model.header().losses.texts_cleaned, 1);
}

#[test]
fn churn_does_not_grow_the_model() {
    let mut fake = Fake::with_tasks(20);
    let mut client = Client::new(Config { max_tasks: 64, ..Config::default() });
    client.take(fake.snapshot());
    let mut most = 0;
    for generation in 2..3000_u32 {
        for slot in 0..20 {
            fake.add(slot, |task| {
                task.generation = generation;
                task.name = format!("conn {generation}-{slot}");
            });
        }
        fake.now_ns += 1_000_000;
        client.take(vec![fake.delta()]);
        most = most.max(client.store().records.len());
    }
    let store = client.store();
    assert!(most <= crate::store::records::MAX_RETIRED + 64, "{most} tasks are kept");
    assert!(
        store.texts.len() <= store.records.len() + 1,
        "{} texts for {} tasks",
        store.texts.len(),
        store.records.len()
    );
    client.run(&mut fake, 10);
    assert_eq!(client.store().records.len(), 20);
    assert_eq!(client.store().texts.len(), 20);
}
