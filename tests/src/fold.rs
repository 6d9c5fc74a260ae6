//! What a console knows after some frames, and every rule of the wire checked on the way. Slow, small, and sharing no code with the
//! console's model: it is the second opinion.

pub mod io;
mod scheduler;

use std::collections::{HashMap, HashSet};

use taskscope_proto::{Message as _, limits, v1, v1::TaskState};

/// A task: what the frames said of it, times counted from the recorder's start.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "each is the field of the schema that has its name")]
pub struct Task {
    pub slot: u32,
    pub generation: u32,
    pub tokio_id: u64,
    pub site: u32,
    pub kind: i32,
    pub name: String,
    pub fields: String,
    pub created_ns: u64,
    pub parent: Option<(u32, u32)>,
    pub size_bytes: u32,
    pub original_size_bytes: u32,
    pub knows: u32,
    pub state: i32,
    pub since_ns: u64,
    pub polls: u64,
    pub busy_ns: u64,
    pub scheduled_ns: u64,
    pub wakes: u64,
    pub self_wakes: u64,
    pub clones: u64,
    pub drops: u64,
    pub wakers: Option<u32>,
    pub last_waker: u64,
    pub longest_poll_ns: u64,
}

impl Task {
    /// Whether it has ended.
    pub fn is_done(&self) -> bool {
        self.state == TaskState::Done as i32
    }
}

/// Sums over live and finished tasks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the sum of the task counter of the same name")]
pub struct Sums {
    pub spawned: u64,
    pub finished: u64,
    pub polls: u64,
    pub wakes: u64,
    pub self_wakes: u64,
}

/// The state that the frames add up to.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "each is the part of the frame that has its name")]
pub struct Fold {
    pub hello: Option<v1::Hello>,
    pub sequence: u64,
    pub now_ns: u64,
    /// The number of the last frame's round, and whether it is whole.
    pub round: (u64, bool),
    pub sites: HashMap<u32, v1::Site>,
    pub threads: HashMap<u32, String>,
    pub tasks: HashMap<u32, Task>,
    pub totals: HashMap<u32, v1::SiteTotals>,
    pub process: v1::Process,
    pub details: Vec<v1::TaskDetail>,
    pub scheduler: v1::Scheduler,
    pub io: io::Io,
    /// Long polls received so far.
    pub long_polls: u64,
    /// Snapshots that were started.
    pub snapshots: u64,
    /// The last one is complete.
    pub complete: bool,
}

impl Fold {
    /// Adds a frame.
    ///
    /// # Errors
    /// It breaks a rule of WIRE.md; the sentence says which.
    pub fn apply(&mut self, frame: &v1::Frame) -> Result<(), String> {
        self.check_head(frame)?;
        if let Some(hello) = &frame.hello {
            self.hello = Some(hello.clone());
        }
        if frame.snapshot_start {
            self.snapshots += 1;
            self.complete = false;
            self.sites.clear();
            self.threads.clear();
            self.tasks.clear();
            self.totals.clear();
        }
        for site in &frame.sites {
            rule(site.index > 0 && (site.index as usize) < limits::MAX_SITES, "a site's index is in range")?;
            rule(site.file.len() <= limits::MAX_PATH_BYTES, "a path is within its limit")?;
            self.sites.insert(site.index, site.clone());
        }
        for thread in &frame.threads {
            rule(
                thread.index > 0 && thread.index as usize <= limits::MAX_THREADS,
                "a thread's index is in range",
            )?;
            rule(thread.name.len() <= limits::MAX_THREAD_NAME_BYTES, "a thread's name is within its limit")?;
            self.threads.insert(thread.index, thread.name.clone());
        }
        for slot in &frame.freed {
            rule(self.tasks.remove(slot).is_some(), "a freed slot had a task")?;
        }
        if let Some(columns) = &frame.tasks {
            self.tasks(columns)?;
        }
        if let Some(columns) = &frame.stats {
            self.stats(columns)?;
        }
        self.add_io(frame)?;
        if let Some(scheduler) = &frame.scheduler {
            self.add_scheduler(scheduler)?;
        }
        for totals in &frame.totals {
            rule(totals.site == 0 || self.sites.contains_key(&totals.site), "totals are of a known site")?;
            self.totals.insert(totals.site, *totals);
        }
        rule(frame.details.len() <= limits::MAX_DETAILS, "details are within their limit")?;
        self.details.clone_from(&frame.details);
        self.process = frame.process.ok_or("every frame has the process")?;
        self.complete |= frame.snapshot_end;
        Ok(())
    }

    fn check_round(&mut self, frame: &v1::Frame) -> Result<(), String> {
        let (round, whole) = std::mem::replace(&mut self.round, (frame.round, frame.round_end));
        if frame.round == 0 {
            return Ok(());
        }
        if whole || frame.sequence == 1 {
            rule(frame.round == round + 1, "rounds are numbered without a gap")?;
        } else {
            rule(frame.round == round, "a round goes on until its end")?;
            rule(frame.now_ns == self.now_ns, "a round has one moment")?;
        }
        rule(frame.round_end || !frame.snapshot_end, "a snapshot ends with its round")
    }

    fn check_head(&mut self, frame: &v1::Frame) -> Result<(), String> {
        rule(frame.encoded_len() <= limits::MAX_FRAME_BYTES, "a frame is at most 1 MiB")?;
        rule(frame.sequence == self.sequence + 1, "the sequence has no gap")?;
        rule(frame.now_ns >= self.now_ns, "the clock never goes back")?;
        self.check_round(frame)?;
        if frame.sequence == 1 {
            rule(
                frame.hello.is_some() && frame.snapshot_start,
                "the first frame says who it is and starts a snapshot",
            )?;
        }
        rule(
            !frame.snapshot_end || frame.snapshot_start || !self.complete,
            "a snapshot starts before it ends",
        )?;
        (self.sequence, self.now_ns) = (frame.sequence, frame.now_ns);
        Ok(())
    }

    fn tasks(&mut self, columns: &v1::TaskColumns) -> Result<(), String> {
        let slots = slots(&columns.slot_delta)?;
        let rows = slots.len();
        let text = |index| io::text(&columns.strings, index);
        for (row, slot) in slots.into_iter().enumerate() {
            let task = Task {
                slot,
                generation: at(&columns.generation, row, rows)?,
                tokio_id: at(&columns.tokio_id, row, rows)?,
                site: at(&columns.site, row, rows)?,
                kind: at(&columns.kind, row, rows)?,
                name: text(at(&columns.name, row, rows)?)?,
                fields: text(at(&columns.fields, row, rows)?)?,
                created_ns: self.now_ns.saturating_sub(at(&columns.created_ago_ns, row, rows)?),
                parent: match at(&columns.parent_slot_plus1, row, rows)? {
                    0 => None,
                    slot => Some((slot - 1, at(&columns.parent_generation, row, rows)?)),
                },
                size_bytes: at(&columns.size_bytes, row, rows)?,
                original_size_bytes: at(&columns.original_size_bytes, row, rows)?,
                knows: at(&columns.knows, row, rows)?,
                ..Task::default()
            };
            rule(task.name.len() <= limits::MAX_NAME_BYTES, "a name is within its limit")?;
            rule(task.fields.len() <= limits::MAX_FIELDS_BYTES, "fields are within their limit")?;
            rule(task.site == 0 || self.sites.contains_key(&task.site), "a task's site was sent")?;
            self.tasks.insert(slot, task);
        }
        Ok(())
    }

    fn stats(&mut self, columns: &v1::StatColumns) -> Result<(), String> {
        let slots = slots(&columns.slot_delta)?;
        let rows = slots.len();
        for (row, slot) in slots.into_iter().enumerate() {
            let task = self.tasks.get_mut(&slot).ok_or("counters are of a known task")?;
            let polls = at(&columns.polls, row, rows)?;
            rule(polls + 1 >= task.polls, "polls never go back by more than the entry that was none")?;
            task.state = at(&columns.state, row, rows)?;
            task.since_ns = self.now_ns.saturating_sub(at(&columns.state_ago_ns, row, rows)?);
            task.polls = polls;
            task.busy_ns = at(&columns.busy_ns, row, rows)?;
            task.scheduled_ns = at(&columns.scheduled_ns, row, rows)?;
            task.wakes = at(&columns.wakes, row, rows)?;
            task.self_wakes = at(&columns.self_wakes, row, rows)?;
            task.clones = at(&columns.waker_clones, row, rows)?;
            task.drops = at(&columns.waker_drops, row, rows)?;
            task.wakers = at(&columns.wakers_plus1, row, rows)?.checked_sub(1);
            task.last_waker = at(&columns.last_waker, row, rows)?;
            task.longest_poll_ns = at(&columns.longest_poll_ns, row, rows)?;
            rule(task.self_wakes <= task.wakes, "self-wakes are wakes")?;
        }
        Ok(())
    }

    /// Tasks that have not ended.
    pub fn live(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values().filter(|task| !task.is_done())
    }

    /// Live tasks in a state.
    pub fn in_state(&self, state: TaskState) -> impl Iterator<Item = &Task> {
        self.live().filter(move |task| task.state == state as i32)
    }

    /// The live task of a name.
    pub fn named(&self, name: &str) -> Option<&Task> {
        self.live().find(|task| task.name == name)
    }

    /// The sites in a source file, by the end of its path.
    pub fn sites_in(&self, file: &str) -> HashSet<u32> {
        let sites = self.sites.values().filter(|site| site.file.ends_with(file));
        sites.map(|site| site.index).collect()
    }

    /// `file:line` of a site.
    pub fn place(&self, site: u32) -> String {
        self.sites.get(&site).map_or_else(|| "?".to_owned(), |site| format!("{}:{}", site.file, site.line))
    }

    /// Sums over the tasks of some sites.
    pub fn sums_of(&self, wanted: impl Fn(u32) -> bool) -> Sums {
        let mut sums = Sums::default();
        for totals in self.totals.values().filter(|totals| wanted(totals.site)) {
            sums.spawned += totals.spawned;
            sums.finished += totals.finished;
            sums.polls += totals.polls;
            sums.wakes += totals.wakes;
            sums.self_wakes += totals.self_wakes;
        }
        for task in self.live().filter(|task| wanted(task.site)) {
            sums.polls += task.polls;
            sums.wakes += task.wakes;
            sums.self_wakes += task.self_wakes;
        }
        sums
    }

    /// Sums over everything, late wakes included.
    pub fn sums(&self) -> Sums {
        let mut sums = self.sums_of(|_| true);
        sums.wakes += self.process.late_wakes;
        sums
    }

    /// For messages.
    pub fn summary(&self) -> String {
        format!(
            "frame {} has {} tasks ({} live), {:?}, {:?}",
            self.sequence,
            self.tasks.len(),
            self.live().count(),
            self.sums(),
            self.process
        )
    }
}

fn slots(deltas: &[u32]) -> Result<Vec<u32>, String> {
    rule(deltas.len() <= limits::MAX_TASKS_PER_FRAME, "a frame has at most 8192 rows")?;
    let mut slot = 0_u32;
    let mut slots = Vec::with_capacity(deltas.len());
    for (row, delta) in deltas.iter().enumerate() {
        rule(row == 0 || *delta > 0, "slots ascend")?;
        slot =
            slot.checked_add(*delta).filter(|slot| *slot < limits::MAX_SLOTS).ok_or("a slot is in range")?;
        slots.push(slot);
    }
    Ok(slots)
}

fn at<T: Copy + Default>(column: &[T], row: usize, rows: usize) -> Result<T, String> {
    rule(column.is_empty() || column.len() == rows, "a column is as long as the others, or empty")?;
    Ok(column.get(row).copied().unwrap_or_default())
}

fn rule(holds: bool, rule: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("broken: {rule}")) }
}
