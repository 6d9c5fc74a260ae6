//! Whatever way the state came here, it is the same state.

use proptest::prelude::*;
use taskscope_proto::v1::{self, TaskState};

use super::{Client, Fake, SITE_COUNT};
use crate::{Action, Config, Event, TableId};

#[derive(Debug, Clone)]
pub(super) enum Step {
    Spawn { slot: u32, site: u32, name: u8 },
    Work { slot: u32, polls: u64, wakes: u64, state: i32 },
    End { slot: u32 },
    Free { slot: u32 },
    Send,
    Resync,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let slot = 0_u32..12;
    prop_oneof![
        3 => (slot.clone(), 0..=SITE_COUNT, 0_u8..4).prop_map(|(slot, site, name)| Step::Spawn { slot, site, name }),
        4 => (slot.clone(), 0_u64..100, 0_u64..100, 1..=3_i32)
            .prop_map(|(slot, polls, wakes, state)| Step::Work { slot, polls, wakes, state }),
        1 => slot.clone().prop_map(|slot| Step::End { slot }),
        1 => slot.prop_map(|slot| Step::Free { slot }),
        3 => Just(Step::Send),
        1 => Just(Step::Resync),
    ]
}

pub(super) fn play(fake: &mut Fake, step: &Step, generation: &mut u32) -> Vec<v1::Frame> {
    fake.now_ns += 10_000_000;
    let now_ns = fake.now_ns;
    match step {
        Step::Spawn { slot, site, name } => {
            if !fake.tasks.contains_key(slot) {
                *generation += 1;
                fake.add(*slot, |task| {
                    task.generation = *generation;
                    task.site = *site;
                    task.name = if *name == 0 { String::new() } else { format!("name {name}") };
                });
                fake.process.spawned += 1;
            }
        }
        Step::Work { slot, polls, wakes, state } => {
            if let Some(task) = fake.tasks.get_mut(slot).filter(|task| task.state != TaskState::Done) {
                task.polls += polls;
                task.wakes += wakes;
                task.busy_ns += polls * 1000;
                task.state = TaskState::try_from(*state).unwrap();
                task.since_ns = now_ns;
            }
        }
        Step::End { slot } => {
            if let Some(task) = fake.tasks.get_mut(slot).filter(|task| task.state != TaskState::Done) {
                (task.state, task.since_ns) = (TaskState::Done, now_ns);
                let totals = fake
                    .totals
                    .entry(task.site)
                    .or_insert(v1::SiteTotals { site: task.site, ..Default::default() });
                totals.finished += 1;
                totals.polls += task.polls;
                totals.wakes += task.wakes;
                totals.busy_ns += task.busy_ns;
                totals.scheduled_ns += task.scheduled_ns;
                totals.self_wakes += task.self_wakes;
            }
        }
        Step::Free { slot } => {
            if fake.tasks.get(slot).is_some_and(|task| task.state == TaskState::Done) {
                fake.tasks.remove(slot);
            }
        }
        Step::Send => return vec![fake.delta()],
        Step::Resync => return fake.snapshot(),
    }
    Vec::new()
}

/// The report without tasks that the server has dropped: a client that comes later never heard of them.
fn known(client: &Client, fake: &Fake) -> crate::report::Report {
    let mut report = client.model.report();
    report
        .tasks
        .retain(|task| fake.tasks.get(&task.slot).is_some_and(|known| known.generation == task.generation));
    // What was found, and when, and whose end was missed, depends on when one looked.
    report.totals.ended_unseen = 0;
    report.overview = None;
    report.lints.clear();
    report.starving.clear();
    report.closures.clear();
    report
}

proptest! {
    #[test]
    fn deltas_lead_to_what_a_snapshot_says(steps in prop::collection::vec(step(), 1..80), chunk in 1_usize..8) {
        let mut fake = Fake::new();
        fake.chunk = chunk;
        let mut generation = 0;
        let mut client = Client::watching(&mut fake);
        for step in &steps {
            let frames = play(&mut fake, step, &mut generation);
            client.take(frames);
        }
        client.take(vec![fake.delta()]);
        let mut later = Client::new(Config::default());
        fake.reconnect();
        later.take(fake.snapshot());
        prop_assert_eq!(known(&client, &fake), known(&later, &fake));
        prop_assert_eq!(client.model.header().losses.gaps, 0);
    }

    #[test]
    fn the_same_events_make_the_same_screen(steps in prop::collection::vec(step(), 1..40), keys in prop::collection::vec(0_usize..30, 0..20)) {
        let run = || {
            let mut fake = Fake::new();
            let mut generation = 0;
            let mut client = Client::watching(&mut fake);
            let actions: Vec<Action> = Action::all();
            for (i, step) in steps.iter().enumerate() {
                let frames = play(&mut fake, step, &mut generation);
                client.take(frames);
                client.now += std::time::Duration::from_millis(300);
                let now = client.now;
                client.send(Event::Tick { now });
                if let Some(key) = keys.get(i) {
                    client.perform(actions[*key]);
                }
            }
            let rows = client.model.rows(TableId::Tasks, &super::all(TableId::Tasks));
            (rows, client.model.header(), client.model.table(TableId::Tasks), client.model.report(), client.effects, client.requests)
        };
        prop_assert_eq!(run(), run());
    }
}
