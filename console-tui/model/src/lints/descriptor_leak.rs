//! `descriptor-leak`: the process comes near its limit, or a place goes on opening what is neither used nor closed.
//!
//! A server with many idle clients opens and closes, too, or its tasks wait for the clients: neither looks like a leak.

use std::cmp::Reverse;

use rustc_hash::FxHashMap;

use crate::{
    format::{duration_ns, exact, percent},
    id::SiteId,
    lints::{
        LintKind,
        findings::{Finding, FindingId},
        judged::Need,
        lint::{Check, Group, Lint, Rank, ns, thresholds},
        pass::io::IoPass,
    },
    severity::{Confidence, Severity},
    store::{io::IoKind, resources::Op},
};

thresholds! {
    DescriptorLeak {
        /// This share of the descriptors that the process may have is open; …
        limit_percent: u64 = 80,
        /// … from here on it is critical.
        critical_percent: u64 = 95,
        /// A place with fewer open ones is no leak yet.
        min_open: u64 = 50,
        /// At most this share of those ever opened there was closed.
        max_closed_percent: u64 = 10,
        /// The opening must go on for at least this long, …
        min_span_ms: u64 = 3000,
        /// … the newest must be younger than this, …
        max_newest_ms: u64 = 5000,
        /// … and at least half of them were unused for this long.
        unused_ms: u64 = 2000,
    }
}

const LIMIT: &str = "Close what is not needed, and see on the screen I/O what most of them are; the limit is raised with `ulimit -n`.";
const LEAK: &str = "See who keeps them: drop what is no longer used, close it after a time without use, or take it from a pool.";

pub(super) static LINT: Lint = Lint {
    help: "a place that goes on opening what is neither used nor closed, or few descriptors left",
    group: Group::Io,
    rank: Rank::Cause,
    needs: Need::Descriptors,
    example: "This looks like a leak: 412 of kind tcp opened at src/pool.rs:33 are open and none was closed since this console connected; the oldest is 41.0 s old, the newest 90.0 ms, and 409 of them are unused.",
    advice: &[LIMIT, LEAK],
    thresholds: DescriptorLeak::THRESHOLDS,
    check: Check::Streams(check),
};

/// What is open of a place.
#[derive(Debug, Clone)]
struct Opened {
    kind: IoKind,
    open: u64,
    /// No task waits on them, and nothing moved for a while.
    unused: u64,
    oldest_ns: u64,
    newest_ns: u64,
}

fn check(pass: &mut IoPass<'_>) {
    pass.limit();
    pass.places();
}

impl IoPass<'_> {
    fn limit(&mut self) {
        let lint = &self.config.descriptor_leak;
        let Some(reading) = self.store.descriptors.reading() else { return };
        let (Some(open), Some(limit)) = (reading.open, reading.limit) else { return };
        let share = open as f64 / limit as f64;
        if share * 100.0 < lint.limit_percent as f64 {
            return;
        }
        let mut kinds: FxHashMap<IoKind, u64> = FxHashMap::default();
        for descriptor in &reading.list {
            *kinds.entry(descriptor.kind).or_default() += 1;
        }
        let most = kinds.into_iter().max_by_key(|(kind, count)| (*count, Reverse(*kind)));
        let most = most.map_or_else(String::new, |(kind, count)| {
            format!("; {} are of kind {}", exact(count), kind.word())
        });
        let message = format!(
            "{} of {} descriptors are open ({}){most}. When none is left, nothing can be opened or accepted.",
            exact(open),
            exact(limit),
            percent(share),
        );
        let severity = if share * 100.0 >= lint.critical_percent as f64 {
            Severity::Critical
        } else {
            Severity::Warning
        };
        self.about_place((severity, Confidence::Proven), SiteId::NONE, (open, message), LIMIT);
    }

    fn places(&mut self) {
        let streams = &self.store.resources.streams;
        let mut places: FxHashMap<SiteId, Opened> = FxHashMap::default();
        for (slot, stream) in streams.streams() {
            // What is in memory only holds no descriptor.
            let of =
                self.store.resources.in_slot(slot).filter(|of| of.site.is_known() && stream.fd.is_some());
            let Some(resource) = of else { continue };
            let at_ns = resource.created_ns;
            let place = places.entry(resource.site).or_insert_with(|| {
                let kind = self.store.texts.text(resource.concrete_type).unwrap_or_default();
                Opened { kind: IoKind::of_type(kind), open: 0, unused: 0, oldest_ns: at_ns, newest_ns: at_ns }
            });
            place.open += 1;
            place.oldest_ns = place.oldest_ns.min(at_ns);
            place.newest_ns = place.newest_ns.max(at_ns);
        }
        places.retain(|site, place| self.grows(*site, place));
        self.count_unused(&mut places);
        let mut leaky: Vec<(SiteId, Opened)> =
            places.into_iter().filter(|(_, place)| place.unused * 2 >= place.open).collect();
        leaky.sort_unstable_by_key(|(site, _)| *site);
        for (site, place) in leaky {
            let message = self.leak_words(site, &place);
            self.about_place((Severity::Warning, Confidence::Suspected), site, (place.open, message), LEAK);
        }
    }

    /// Those that no task waits on, and through which nothing went for a while.
    fn count_unused(&self, places: &mut FxHashMap<SiteId, Opened>) {
        if places.is_empty() {
            return;
        }
        for (slot, stream) in self.store.resources.streams.streams() {
            let Some(resource) = self.store.resources.in_slot(slot) else { continue };
            let Some(place) = places.get_mut(&resource.site).filter(|_| stream.fd.is_some()) else {
                continue;
            };
            let moved_ns = stream.last_ns().unwrap_or(resource.created_ns);
            let is_waited_on = || self.store.resources.ops_on(resource.key).any(Op::is_waiting);
            let is_unused = self.is_old(moved_ns, self.config.descriptor_leak.unused_ms) && !is_waited_on();
            place.unused += u64::from(is_unused);
        }
    }

    fn grows(&self, site: SiteId, place: &Opened) -> bool {
        let lint = &self.config.descriptor_leak;
        let made = place.open.saturating_add(self.store.resources.streams.closed(site));
        let closed_percent = 100 - (place.open.saturating_mul(100) / made.max(1)).min(100);
        place.open >= lint.min_open
            && closed_percent <= lint.max_closed_percent
            && place.newest_ns.saturating_sub(place.oldest_ns) >= ns(lint.min_span_ms)
            && !self.is_old(place.newest_ns, lint.max_newest_ms)
    }

    fn leak_words(&self, site: SiteId, place: &Opened) -> String {
        let at = self.store.short_place(site).unwrap_or_default();
        let closed = match self.store.resources.streams.closed(site) {
            0 => "none was closed".to_owned(),
            closed => format!("only {} were closed", exact(closed)),
        };
        format!(
            "This looks like a leak: {} of kind {} opened at {at} are open and {closed} since this console connected; the oldest is {} old, the \
             newest {}, and {} of them are unused.",
            exact(place.open),
            place.kind.word(),
            duration_ns(self.age_ns(place.oldest_ns)),
            duration_ns(self.age_ns(place.newest_ns)),
            exact(place.unused),
        )
    }

    fn about_place(
        &mut self,
        (severity, confidence): (Severity, Confidence),
        site: SiteId,
        (weight, message): (u64, String),
        advice: &'static str,
    ) {
        let id = FindingId::of_site(LintKind::DescriptorLeak, site);
        let finding = Finding::about(id, severity, &[], message, advice).with(confidence);
        self.found.push((weight, finding));
    }
}
