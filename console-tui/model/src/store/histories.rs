//! The histories of tasks, and of the process as a whole.
//!
//! Limit: [`MAX_HISTORIES`] tasks at a time, [`COST_SAMPLES`] samples of the tool's own cost.

use std::collections::VecDeque;

use crate::{
    cow::Pages,
    store::{
        history::{History, MAX_HISTORIES, Rates, Ticks},
        process::Cpu,
        records::Records,
        task::{Sums, Task},
    },
};

/// Samples that the tool's cost is measured over: its own thread works in short bursts.
const COST_SAMPLES: usize = 5;

/// All of them.
#[derive(Debug, Clone)]
pub(crate) struct Histories {
    pub(crate) ticks: Ticks,
    /// Each with the record of its task.
    list: Pages<(u32, History)>,
    free: Vec<u32>,
    process: History,
    /// CPU time at the last samples, oldest first.
    cpu: VecDeque<Cpu>,
}

impl Default for Histories {
    fn default() -> Self {
        Self {
            ticks: Ticks::default(),
            list: Pages::default(),
            free: Vec::new(),
            process: History::new(Sums::default()),
            cpu: VecDeque::new(),
        }
    }
}

impl Histories {
    /// A history for the task in a record: its number plus one; 0: there is no room.
    pub(crate) fn start(&mut self, record: u32, base: Sums) -> u32 {
        let entry = (record, History::new(base));
        if let Some(index) = self.free.pop() {
            self.list.set(index as usize, entry);
            return index + 1;
        }
        if self.list.len() >= MAX_HISTORIES {
            return 0;
        }
        self.list.push(entry);
        self.list.len() as u32
    }

    pub(crate) fn drop_history(&mut self, history_plus1: u32) {
        if let Some(index) = history_plus1.checked_sub(1)
            && self.list.take(index as usize).is_some()
        {
            self.free.push(index);
        }
    }

    /// The history of a task; `None`: it did nothing lately, or there was no room.
    pub(crate) fn of(&self, task: &Task) -> Option<&History> {
        let index = (task.history_plus1 as usize).checked_sub(1)?;
        self.list.get(index).map(|(_, history)| history)
    }

    /// Takes a sample of the process and of each task that is active.
    pub(crate) fn sample(&mut self, records: &mut Records, totals: Sums, cpu: Option<Cpu>, now_ns: u64) {
        self.process.sample(totals);
        if let Some(cpu) = cpu {
            self.cpu.push_back(cpu);
            if self.cpu.len() > COST_SAMPLES {
                self.cpu.pop_front();
            }
        }
        for index in 0..self.list.len() {
            let Some((owner, history)) = self.list.get_mut(index) else { continue };
            let Some(task) = records.at_mut(*owner) else { continue };
            if !history.sample(task.sums(now_ns)) {
                task.history_plus1 = 0;
                self.list.take(index);
                self.free.push(index as u32);
            }
        }
    }

    /// Starts the clock, and the history of the process from these sums on.
    pub(crate) fn begin(&mut self, totals: Sums, now_ns: u64) {
        self.ticks.due(now_ns);
        self.process = History::new(totals);
    }

    /// Takes over those of an older state of the same process.
    pub(crate) fn adopt(&mut self, records: &mut Records, old: &Self, old_records: &Records) {
        self.ticks = old.ticks.clone();
        self.process = old.process.clone();
        self.cpu.clone_from(&old.cpu);
        for (owner, history) in old.list.iter() {
            let Some(key) = old_records.at(*owner).map(|task| task.key) else { continue };
            let Some(index) = records.at_slot(key.slot) else { continue };
            let Some(task) = records.at_mut(index) else { continue };
            if task.key == key && task.history_plus1 > 0 {
                self.list.set(task.history_plus1 as usize - 1, (index, history.clone()));
            } else if task.key == key && self.list.len() < MAX_HISTORIES {
                self.list.push((index, history.clone()));
                task.history_plus1 = self.list.len() as u32;
            }
        }
    }

    pub(crate) fn process_rates(&self) -> Option<Rates> {
        self.process.rates(&self.ticks)
    }

    /// The share of one processor that the tool took over the last seconds; `cpu`: its CPU time now. `None`: unknown.
    pub(crate) fn own_cost(&self, cpu: Cpu) -> Option<f64> {
        // Before the first sample: since the recorder started.
        cpu.share_since(self.cpu.front().copied().unwrap_or_default())
    }
}
