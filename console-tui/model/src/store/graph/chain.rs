//! The way from a task to whoever is at the root of its wait, as a tree: the longest branches first.
//!
//! Limit: [`MAX_DEPTH`] levels and [`MAX_LINES`] lines; what is left out is counted in the line before it.

use std::cmp::Reverse;

use super::{How, Wait};
use crate::{
    format::{UNKNOWN, duration_ns},
    id::SiteId,
    store::{
        Store,
        locks::read::{End, Waiter},
        task::{State, Waker},
    },
};

/// Levels of the tree: a wait and whoever is in its way are two.
const MAX_DEPTH: u8 = 32;
/// Lines of the tree.
const MAX_LINES: usize = 128;
/// Branches at one place.
const MAX_BRANCHES: usize = 8;

/// What a line is about beside its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Somebody waits.
    Waits(Wait),
    /// Somebody is in the way.
    InTheWay(How),
    /// Nothing is known to be in the way, or nobody can tell.
    Root,
    /// It was there already: a circle.
    Circle,
    /// So many branches or levels are not shown.
    More(usize),
}

/// A line of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChainLine {
    pub(crate) depth: u8,
    /// `waits for Mutex ledger`, `held by transfer #91`
    pub(crate) text: String,
    /// Where it waits, or where it was acquired.
    pub(crate) site: SiteId,
    /// For how long; `None`: unknown.
    pub(crate) age_ns: Option<u64>,
    /// Whom it is about.
    pub(crate) who: Waker,
    pub(crate) mark: Mark,
}

struct Branch {
    lines: Vec<ChainLine>,
    /// Levels below.
    levels: u8,
}

impl Store {
    /// What a task or a thread waits for, who is in the way, what those wait for, and so on. Empty: it waits for nothing known.
    pub(crate) fn chain(&self, who: Waker) -> Vec<ChainLine> {
        let mut way = vec![who];
        let mut budget = MAX_LINES;
        self.waits_below(who, 0, &mut way, &mut budget).into_iter().flat_map(|branch| branch.lines).collect()
    }

    /// The waits of somebody, the longest branch first.
    fn waits_below(&self, who: Waker, depth: u8, way: &mut Vec<Waker>, budget: &mut usize) -> Vec<Branch> {
        let Some(blocked) = self.blocked(who) else { return Vec::new() };
        let mut branches: Vec<Branch> = Vec::new();
        for wait in blocked.waits.iter().take(MAX_BRANCHES) {
            if *budget == 0 {
                break;
            }
            *budget -= 1;
            branches.push(self.branch(wait, who, depth, way, budget));
        }
        longest_first(&mut branches);
        left_out(&mut branches, blocked.waits.len(), who, depth);
        branches
    }

    fn branch(
        &self,
        wait: &Waiter,
        who: Waker,
        depth: u8,
        way: &mut Vec<Waker>,
        budget: &mut usize,
    ) -> Branch {
        let resource = wait.op.resource.and_then(|key| self.lock_around(key));
        let on = resource.map_or_else(|| self.op_words(wait.op).to_owned(), |of| self.resource_words(of));
        let mark = match resource {
            Some(resource) => Mark::Waits(Wait::of(resource.key, wait)),
            None => Mark::Root,
        };
        let age_ns = Some(self.now_ns.saturating_sub(wait.since_ns));
        let text = format!("waits for {on}");
        let mut lines = vec![ChainLine { depth, text, site: wait.op.site, age_ns, who, mark }];
        let mut below: Vec<Branch> = Vec::new();
        let in_the_way = self.in_the_way(wait);
        let all = in_the_way.len();
        for mut line in in_the_way.into_iter().take(MAX_BRANCHES) {
            if *budget == 0 || depth + 1 >= MAX_DEPTH {
                break;
            }
            *budget -= 1;
            line.depth = depth + 1;
            below.push(self.below(line, way, budget));
        }
        longest_first(&mut below);
        left_out(&mut below, all, who, depth + 1);
        let levels = below.iter().map(|branch| branch.levels + 1).max().unwrap_or(0);
        lines.extend(below.into_iter().flat_map(|branch| branch.lines));
        Branch { lines, levels }
    }

    /// Somebody in the way, with what it waits for in turn.
    fn below(&self, mut line: ChainLine, way: &mut Vec<Waker>, budget: &mut usize) -> Branch {
        if way.contains(&line.who) {
            line.mark = Mark::Circle;
            return Branch { lines: vec![line], levels: 0 };
        }
        way.push(line.who);
        let (who, depth) = (line.who, line.depth + 1);
        let further = if depth < MAX_DEPTH { self.waits_below(who, depth, way, budget) } else { Vec::new() };
        way.pop();
        if further.is_empty() {
            line.text = format!("{}{}", line.text, self.doing(who));
        }
        let levels = further.iter().map(|branch| branch.levels + 1).max().unwrap_or(0);
        let mut lines = vec![line];
        lines.extend(further.into_iter().flat_map(|branch| branch.lines));
        Branch { lines, levels }
    }

    /// What whoever is at the root does, where it waits for nothing known.
    fn doing(&self, who: Waker) -> String {
        let Waker::Task(key) = who else { return String::new() };
        let Some(task) = self.task(key) else { return String::new() };
        let age = duration_ns(task.state_age_ns(self.now_ns));
        match task.stats.state {
            State::Idle => format!(", idle for {age}"),
            State::Running => format!(", in a poll for {age}"),
            State::Scheduled => format!(", woken {age} ago and not polled yet"),
            State::Done => ", which has ended".to_owned(),
            State::Unknown => String::new(),
        }
    }

    /// Those in the way of a wait; a line that nobody can tell where that is so.
    fn in_the_way(&self, wait: &Waiter) -> Vec<ChainLine> {
        let line = |text: String, who: Waker, how: How, since_ns: Option<u64>, site: SiteId| ChainLine {
            depth: 0,
            text,
            site,
            age_ns: since_ns.map(|since_ns| self.now_ns.saturating_sub(since_ns)),
            who,
            mark: Mark::InTheWay(how),
        };
        let words = |who: Waker| self.who_words(who).unwrap_or_else(|| "somebody".to_owned());
        let Some(resource) = wait.op.resource.and_then(|key| self.lock_around(key)) else {
            return Vec::new();
        };
        if let Some(channel) = self.channel(resource.key) {
            let (peer, verb, at_ns) = match self.channel_end(wait.op) {
                Some(End::Sender) => (channel.last_receiver, "received", channel.last_received_ns),
                Some(End::Receiver) => (channel.last_sender, "sent", channel.last_sent_ns),
                None => return Vec::new(),
            };
            if peer == Waker::Unknown {
                return Vec::new();
            }
            let text = format!("{} {verb} last", words(peer));
            return vec![line(text, peer, How::LastSeen, at_ns, SiteId::NONE)];
        }
        if self.lock_kind(resource).is_none() {
            return Vec::new();
        }
        let told = wait.op.resource.and_then(|key| self.lock_waited_for(key));
        let Some((_, lock)) = told.filter(|(_, lock)| lock.knows.holders) else {
            return vec![ChainLine {
                mark: Mark::Root,
                ..line(format!("held by {UNKNOWN}"), Waker::Unknown, How::Holds, None, SiteId::NONE)
            }];
        };
        let mut lines: Vec<ChainLine> = Vec::new();
        for holder in &lock.holders {
            let verb = self.hold_words(resource, holder);
            let text = format!("{verb} {}", words(holder.who));
            lines.push(line(text, holder.who, How::Holds, Some(holder.since_ns), holder.site));
        }
        let others = self.waiters(resource.key);
        for other in others.iter().filter(|other| other.op.key != wait.op.key && other.granted_ns.is_some()) {
            let text = format!("given to {}, in a future that has not taken it", words(other.who()));
            lines.push(line(text, other.who(), How::Given, other.granted_ns, other.op.site));
        }
        if let Some(other) = others.first().filter(|other| lines.is_empty() && other.op.key != wait.op.key) {
            let text = format!("behind {} in the queue", words(other.who()));
            lines.push(line(text, other.who(), How::Ahead, Some(other.since_ns), other.op.site));
        }
        if lock.more_holders > 0 {
            let more = lock.more_holders as usize;
            let text = format!("and {more} more");
            let rest = line(text, Waker::Unknown, How::Holds, None, SiteId::NONE);
            lines.push(ChainLine { mark: Mark::More(more), ..rest });
        }
        lines
    }
}

fn longest_first(branches: &mut [Branch]) {
    branches.sort_by_key(|branch| {
        (Reverse(branch.levels), Reverse(branch.lines.first().and_then(|line| line.age_ns)))
    });
}

/// Says what was left out, if anything was.
fn left_out(branches: &mut Vec<Branch>, all: usize, who: Waker, depth: u8) {
    let more = all.saturating_sub(branches.len());
    if more > 0 {
        let (text, mark) = (format!("and {more} more"), Mark::More(more));
        let line = ChainLine { depth, text, site: SiteId::NONE, age_ns: None, who, mark };
        branches.push(Branch { lines: vec![line], levels: 0 });
    }
}
