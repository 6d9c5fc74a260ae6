//! Where the time of a poll went, and how much of it is the poll's own doing.
//!
//! A poll that took 100 ms by the clock has done nothing wrong when the machine gave its thread no CPU. So a poll is judged by the time in which it
//! ran or slept. The parts are lower bounds: time of which nothing is known goes to where the greater part of the rest went.

use crate::{
    format::duration_ns,
    id::TaskKey,
    store::scheduler::{LongPoll, Scheduler},
};

/// Polls that ended longer ago are judged no more.
pub(crate) const RECENT_NS: u64 = 60_000_000_000;

/// Lower bounds, as the kernel counts.
#[expect(clippy::struct_field_names, reason = "the unit, as everywhere")]
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) cpu_ns: u64,
    /// Ready to run, without a CPU.
    pub(crate) queued_ns: u64,
    pub(crate) asleep_ns: u64,
}

/// What a poll did in the greater part of its own time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Did {
    /// It slept in the kernel: a blocking call.
    Sleep,
    /// It computed.
    Compute,
    /// It is not known whether it had a CPU at all.
    Unknown,
}

impl Spent {
    /// No more than the poll took until now: the kernel was asked a moment later.
    pub(crate) fn within(self, length_ns: u64) -> Self {
        let cpu_ns = self.cpu_ns.min(length_ns);
        let queued_ns = self.queued_ns.min(length_ns - cpu_ns);
        Self { cpu_ns, queued_ns, asleep_ns: self.asleep_ns.min(length_ns - cpu_ns - queued_ns) }
    }

    /// Of a poll of this length, the time that is its own doing.
    pub(crate) fn own_ns(&self, length_ns: u64) -> u64 {
        let own_ns = self.cpu_ns.saturating_add(self.asleep_ns);
        if own_ns > self.queued_ns {
            // What is not known of it lies between two readings of a thread that was busy with this.
            length_ns.saturating_sub(self.queued_ns)
        } else {
            own_ns.min(length_ns)
        }
    }

    fn did(&self) -> Did {
        if self.asleep_ns >= self.cpu_ns { Did::Sleep } else { Did::Compute }
    }
}

/// A poll as it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) length_ns: u64,
    /// `None`: unknown.
    pub(crate) spent: Option<Spent>,
}

impl Judged {
    /// Where nothing is known, all of it.
    pub(crate) fn own_ns(&self) -> u64 {
        self.spent.map_or(self.length_ns, |spent| spent.own_ns(self.length_ns))
    }

    pub(crate) fn did(&self) -> Did {
        self.spent.map_or(Did::Unknown, |spent| spent.did())
    }

    /// To follow a sentence about a poll that goes on: `; of that it slept for at least 290 ms`; empty: unknown.
    pub(crate) fn words_so_far(&self) -> String {
        match self.spent {
            Some(_) => self.words(),
            None => String::new(),
        }
    }

    /// To follow a sentence about its length: `; of that it slept for at least 290 ms`.
    pub(crate) fn words(&self) -> String {
        let Some(spent) = self.spent else {
            return "; how much of that it spent on a CPU is unknown".to_owned();
        };
        let did = match spent.did() {
            Did::Sleep => format!("slept for at least {}", duration_ns(spent.asleep_ns)),
            _ => format!("computed for at least {}", duration_ns(spent.cpu_ns)),
        };
        let queued = if spent.queued_ns * 10 >= self.length_ns {
            format!(" and waited {} for a CPU", duration_ns(spent.queued_ns))
        } else {
            String::new()
        };
        format!("; of that it {did}{queued}")
    }
}

impl LongPoll {
    pub(crate) fn length_ns(&self) -> u64 {
        self.ended_ns.saturating_sub(self.started_ns)
    }

    fn judged(&self) -> Judged {
        Judged { length_ns: self.length_ns(), spent: self.spent }
    }

    fn own_ns(&self) -> u64 {
        self.judged().own_ns()
    }
}

/// The worst poll of a task lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Worst {
    pub(crate) poll: Judged,
    pub(crate) ended_ns: u64,
}

impl Scheduler {
    /// Finds the worst poll of each task within [`RECENT_NS`]: that with the most time of its own. Those that held no worker are left out.
    pub(super) fn find_worst(&mut self, now_ns: u64) {
        self.worst.clear();
        let first = self.long_polls.partition_point(|poll| poll.ended_ns.saturating_add(RECENT_NS) < now_ns);
        for poll in self.long_polls.range(first..) {
            let Some(task) = poll.task.filter(|_| !poll.in_place) else { continue };
            let worst = Worst { poll: poll.judged(), ended_ns: poll.ended_ns };
            let known = self.worst.entry(task).or_insert(worst);
            if poll.own_ns() > known.poll.own_ns() {
                *known = worst;
            }
        }
    }

    /// The worst poll of a task within [`RECENT_NS`] of now.
    pub(crate) fn worst_poll(&self, task: TaskKey, now_ns: u64) -> Option<Worst> {
        let recent = |worst: &Worst| worst.ended_ns.saturating_add(RECENT_NS) >= now_ns;
        self.worst.get(&task).copied().filter(recent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn judged(length: u64, cpu: u64, queued: u64, asleep: u64) -> Judged {
        let spent = Spent { cpu_ns: cpu * MS, queued_ns: queued * MS, asleep_ns: asleep * MS };
        Judged { length_ns: length * MS, spent: Some(spent) }
    }

    #[test]
    fn a_poll_is_judged_by_its_own_time() {
        let cases = [
            // Preempted: its own time is what it ran.
            (judged(102, 3, 95, 0), 3, Did::Compute),
            (judged(300, 2, 0, 290), 300, Did::Sleep),
            (judged(300, 280, 10, 0), 290, Did::Compute),
            // Half and half: the machine takes its half on itself.
            (judged(200, 98, 98, 0), 98, Did::Compute),
            (judged(100, 0, 0, 0), 0, Did::Sleep),
        ];
        for (poll, own_ms, did) in cases {
            assert_eq!((poll.own_ns() / MS, poll.did()), (own_ms, did), "{poll:?}");
        }
        let unknown = Judged { length_ns: 7, spent: None };
        assert_eq!((unknown.own_ns(), unknown.did()), (7, Did::Unknown));
    }

    #[test]
    fn the_parts_of_a_poll_are_no_longer_than_it() {
        let spent = Spent { cpu_ns: 2, queued_ns: 1, asleep_ns: 1_150 };
        assert_eq!(spent.within(1_140), Spent { asleep_ns: 1_137, ..spent });
        assert_eq!(spent.within(2), Spent { cpu_ns: 2, queued_ns: 0, asleep_ns: 0 });
        assert_eq!(spent.within(2_000), spent);
    }

    #[test]
    fn words_say_what_it_did() {
        assert_eq!(judged(300, 2, 0, 290).words(), "; of that it slept for at least 290 ms");
        assert_eq!(
            judged(300, 200, 90, 0).words(),
            "; of that it computed for at least 200 ms and waited 90.0 ms for a CPU"
        );
        assert!(Judged { length_ns: 1, spent: None }.words().ends_with("is unknown"));
    }
}
