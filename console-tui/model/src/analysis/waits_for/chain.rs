//! The way from a task to whoever is at the root of its wait, as a tree: the longest branches first.
//!
//! Invariant: what a task waits for is shown once. Where that task is in the way again, the line says that it is above.
//!
//! Limit: [`MAX_DEPTH`] levels and [`MAX_LINES`] lines; what is left out is counted in the line before it.

use std::cmp::Reverse;

use rustc_hash::FxHashSet;

use super::{Target, Wait};
use crate::{
    analysis::{
        Analysis,
        locks::{End, Waiter},
        waits_for::cycles::How,
    },
    format::{UNKNOWN, duration_ns},
    id::SiteId,
    store::task::{Agent, State},
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
    /// A wait.
    Waits(Wait),
    /// A task or thread is in the way.
    InTheWay(How),
    /// Nothing is known to be in the way.
    Root,
    /// It stands further up on the same way: a cycle.
    Cycle,
    /// It was on another way before, which shows what it waits for.
    Above,
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
    pub(crate) who: Agent,
    pub(crate) mark: Mark,
}

struct Branch {
    lines: Vec<ChainLine>,
    /// Levels below.
    levels: u8,
}

/// Where in the tree it is.
struct Way {
    /// From the first one down to here.
    up: Vec<Agent>,
    /// Lines that there is room for.
    budget: usize,
}

/// Those whose waits are shown.
pub(crate) type Shown = FxHashSet<Agent>;

impl Analysis<'_> {
    /// What a task or a thread waits for, who is in the way, what those wait for, and so on. Empty: it waits for nothing known.
    pub(crate) fn chain(self, who: Agent) -> Vec<ChainLine> {
        self.chain_beside(who, &mut Shown::default())
    }

    /// The same of one of several trees that are shown together.
    pub(crate) fn chain_beside(self, who: Agent, shown: &mut Shown) -> Vec<ChainLine> {
        let mut way = Way { up: vec![who], budget: MAX_LINES };
        shown.insert(who);
        self.waits_below(who, 0, &mut way, shown).into_iter().flat_map(|branch| branch.lines).collect()
    }

    /// The waits of a task or thread, the longest branch first.
    fn waits_below(self, who: Agent, depth: u8, way: &mut Way, shown: &mut Shown) -> Vec<Branch> {
        let Some(blocked) = self.blocked(who) else { return Vec::new() };
        let mut branches: Vec<Branch> = Vec::new();
        for wait in blocked.waits.iter().take(MAX_BRANCHES) {
            if way.budget == 0 {
                break;
            }
            way.budget -= 1;
            branches.push(self.branch(wait, who, depth, way, shown));
        }
        longest_first(&mut branches);
        left_out(&mut branches, blocked.waits.len(), who, depth);
        branches
    }

    fn branch(self, wait: &Waiter, who: Agent, depth: u8, way: &mut Way, shown: &mut Shown) -> Branch {
        let resource = wait.op.resource.and_then(|key| self.lock_around(key));
        let on = resource.map_or_else(|| self.op_words(wait.op).to_owned(), |of| self.resource_words(of));
        let mark = match resource {
            Some(resource) => Mark::Waits(Wait::of(resource.key, wait)),
            None => Mark::Root,
        };
        let age_ns = Some(self.store.now_ns.saturating_sub(wait.since_ns));
        let text = format!("waits for {on}");
        let mut lines = vec![ChainLine { depth, text, site: wait.op.site, age_ns, who, mark }];
        let mut below: Vec<Branch> = Vec::new();
        let in_the_way = self.in_the_way(wait);
        let all = in_the_way.len();
        for mut line in in_the_way.into_iter().take(MAX_BRANCHES) {
            if way.budget == 0 || depth + 1 >= MAX_DEPTH {
                break;
            }
            way.budget -= 1;
            line.depth = depth + 1;
            below.push(self.below(line, way, shown));
        }
        longest_first(&mut below);
        left_out(&mut below, all, who, depth + 1);
        let levels = below.iter().map(|branch| branch.levels + 1).max().unwrap_or(0);
        lines.extend(below.into_iter().flat_map(|branch| branch.lines));
        Branch { lines, levels }
    }

    /// A task in the way, with what it waits for in turn.
    fn below(self, mut line: ChainLine, way: &mut Way, shown: &mut Shown) -> Branch {
        if way.up.contains(&line.who) {
            line.mark = Mark::Cycle;
            return Branch { lines: vec![line], levels: 0 };
        }
        if line.who != Agent::Unknown && !shown.insert(line.who) {
            line.mark = Mark::Above;
            line.text.push_str(", as above");
            return Branch { lines: vec![line], levels: 0 };
        }
        way.up.push(line.who);
        let (who, depth) = (line.who, line.depth + 1);
        let further = if depth < MAX_DEPTH { self.waits_below(who, depth, way, shown) } else { Vec::new() };
        way.up.pop();
        if further.is_empty() {
            line.text = format!("{}{}", line.text, self.doing(who));
        }
        let levels = further.iter().map(|branch| branch.levels + 1).max().unwrap_or(0);
        let mut lines = vec![line];
        lines.extend(further.into_iter().flat_map(|branch| branch.lines));
        Branch { lines, levels }
    }

    /// What whoever is at the root does, where it waits for nothing known.
    fn doing(self, who: Agent) -> String {
        let Agent::Task(key) = who else { return String::new() };
        let Some(task) = self.store.task(key) else { return String::new() };
        let age = duration_ns(task.state_age_ns(self.store.now_ns));
        match task.stats.state {
            State::Idle => format!(", idle for {age}"),
            State::Running => format!(", in a poll for {age}"),
            State::Scheduled => format!(", woken {age} ago and not polled yet"),
            State::Done => ", which has ended".to_owned(),
            State::Unknown => String::new(),
        }
    }

    /// Those in the way of a wait; a line that it is unknown where that is so.
    fn in_the_way(self, wait: &Waiter) -> Vec<ChainLine> {
        let line = |text: String, who: Agent, how: How, since_ns: Option<u64>, site: SiteId| ChainLine {
            depth: 0,
            text,
            site,
            age_ns: since_ns.map(|since_ns| self.store.now_ns.saturating_sub(since_ns)),
            who,
            mark: Mark::InTheWay(how),
        };
        let words =
            |who: Agent| self.who_words(who).unwrap_or_else(|| "an unknown task or thread".to_owned());
        let Some(resource) = wait.op.resource.and_then(|key| self.lock_around(key)) else {
            return Vec::new();
        };
        let asked = self.target(wait).and_then(|target| match target {
            Target::Answer { asked, peer, .. } => Some((asked, peer)),
            Target::Lock(..) | Target::Channel(..) | Target::Inner(..) => None,
        });
        if let Some((asked, peer)) = asked {
            let on =
                self.store.resources.resource(asked).map_or_else(|| asked.id(), |of| self.resource_words(of));
            let text = format!("asked through {on}, from which {} receives", words(peer));
            return vec![line(text, peer, How::Asked, None, SiteId::NONE)];
        }
        if let Some(channel) = self.channel(resource.key) {
            let (peer, verb, at_ns) = match self.channel_end(wait.op) {
                Some(End::Sender) => (channel.last_receiver, "received", channel.last_received_ns),
                Some(End::Receiver) => (channel.last_sender, "sent", channel.last_sent_ns),
                None => return Vec::new(),
            };
            if peer == Agent::Unknown {
                return Vec::new();
            }
            let text = if self.store.hello.is_memory() {
                format!("{} has the other end", words(peer))
            } else {
                format!("{} {verb} last", words(peer))
            };
            return vec![line(text, peer, How::LastSeen, at_ns, SiteId::NONE)];
        }
        if self.lock_kind(resource).is_none() {
            return Vec::new();
        }
        let waited_for = wait.op.resource.and_then(|key| self.lock_waited_for(key));
        let Some((_, lock)) = waited_for.filter(|(_, lock)| lock.knows.holders) else {
            return vec![ChainLine {
                mark: Mark::Root,
                ..line(format!("held by {UNKNOWN}"), Agent::Unknown, How::Holds, None, SiteId::NONE)
            }];
        };
        let mut lines: Vec<ChainLine> = Vec::new();
        for holder in &lock.holders {
            let verb = self.hold_words(resource, lock, holder);
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
            let rest = line(text, Agent::Unknown, How::Holds, None, SiteId::NONE);
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
fn left_out(branches: &mut Vec<Branch>, all: usize, who: Agent, depth: u8) {
    let more = all.saturating_sub(branches.len());
    if more > 0 {
        let (text, mark) = (format!("and {more} more"), Mark::More(more));
        let line = ChainLine { depth, text, site: SiteId::NONE, age_ns: None, who, mark };
        branches.push(Branch { lines: vec![line], levels: 0 });
    }
}
