//! The places that one console has, and the sums it has of each.

use taskscope_proto::v1;
use taskscope_recorder::{Clock, Recorder, SiteTotals};

/// Sums of sites in a frame.
const SITES_A_FRAME: usize = 512;
/// Bytes of a site beside its path, at most.
const SITE_BYTES: usize = 24;

/// By number: the sums that were sent last; `None`: not even the place was.
#[derive(Debug, Default)]
pub(crate) struct SentSites(Vec<Option<SiteTotals>>);

impl SentSites {
    /// Adds a place to the frame, if the console does not have it. Returns the bytes that it takes.
    pub(crate) fn send_place(&mut self, recorder: &Recorder, number: u32, frame: &mut v1::Frame) -> usize {
        let Some(site) = recorder.sites.site(number).filter(|_| number != 0) else { return 0 };
        let sent = self.of(number);
        if sent.is_some() {
            return 0;
        }
        *sent = Some(SiteTotals::default());
        let place = site.place();
        frame.sites.push(v1::Site {
            index: number,
            file: place.file.to_owned(),
            line: place.line,
            column: place.column,
        });
        place.file.len() + SITE_BYTES
    }

    fn of(&mut self, number: u32) -> &mut Option<SiteTotals> {
        let index = number as usize;
        self.0.resize(self.0.len().max(index + 1), None);
        &mut self.0[index]
    }
}

/// The sites of a round.
#[derive(Debug, Default)]
pub(super) struct SiteCursor {
    pub(super) sent: SentSites,
    /// The sums of all sites, read before the round's moment: a task that is in them has ended in the rows.
    totals: Vec<SiteTotals>,
    /// The next to look at.
    next: u32,
}

impl SiteCursor {
    /// The console knows nothing any more.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Starts a round, before its moment.
    pub(super) fn begin_round(&mut self, recorder: &Recorder) {
        let totals = |number| recorder.sites.totals(number);
        self.totals.clear();
        self.totals.extend((0..recorder.sites.len()).map(totals));
        self.next = 0;
    }

    pub(super) fn is_done(&self) -> bool {
        self.next as usize >= self.totals.len()
    }

    /// Adds the sums that changed, in one frame or several.
    pub(super) fn fill(&mut self, recorder: &Recorder, frame: &mut v1::Frame) {
        while let Some(&totals) = self.totals.get(self.next as usize)
            && frame.totals.len() < SITES_A_FRAME
        {
            let number = self.next;
            self.next += 1;
            if recorder.sites.site(number).is_none() || *self.sent.of(number) == Some(totals) {
                continue;
            }
            self.sent.send_place(recorder, number, frame);
            *self.sent.of(number) = Some(totals);
            frame.totals.push(message(number, totals, recorder.clock()));
        }
    }

    /// The sums of the round.
    pub(super) fn totals(&self) -> &[SiteTotals] {
        &self.totals
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.sent.0)
    }
}

fn message(site: u32, totals: SiteTotals, clock: &Clock) -> v1::SiteTotals {
    v1::SiteTotals {
        site,
        spawned: totals.spawned,
        finished: totals.finished,
        polls: totals.polls,
        busy_ns: clock.length_ns(totals.busy),
        scheduled_ns: clock.length_ns(totals.scheduled),
        wakes: totals.wakes,
        self_wakes: totals.self_wakes,
    }
}
