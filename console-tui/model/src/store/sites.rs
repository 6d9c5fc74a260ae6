//! The spawn sites, by number. Number 0 is "no place known".
//!
//! Limit: [`MAX_SITES`](taskscope_proto::limits::MAX_SITES) and one, as the wire has it.

use crate::{
    id::SiteId,
    store::{
        path,
        process::{Site, SiteTotals},
        task::Sums,
    },
};

/// All sites.
#[derive(Debug, Clone)]
pub(crate) struct Sites(Vec<Site>);

impl Default for Sites {
    fn default() -> Self {
        Self(vec![Site::new()])
    }
}

impl Sites {
    pub(crate) fn get(&self, id: SiteId) -> Option<&Site> {
        self.0.get(id.0 as usize)
    }

    /// Makes it, if there is none such yet.
    pub(crate) fn get_mut(&mut self, id: SiteId) -> &mut Site {
        let index = id.0 as usize;
        if self.0.len() <= index {
            self.0.resize_with(index + 1, Site::new);
        }
        &mut self.0[index]
    }

    pub(crate) fn set_place(&mut self, id: SiteId, file: String, line: u32, column: u32) {
        let site = self.get_mut(id);
        site.in_tokio = path::is_of_tokio(&file);
        (site.file, site.line, site.column) = (file, line, column);
    }

    pub(crate) fn set_totals(&mut self, id: SiteId, totals: SiteTotals) {
        self.get_mut(id).totals = totals;
    }

    /// Sites that anything is known of, [`SiteId::NONE`] included.
    pub(crate) fn used(&self) -> impl Iterator<Item = (SiteId, &Site)> {
        (0..).map(SiteId).zip(&self.0).filter(|(_, site)| site.is_used())
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Site> {
        self.0.iter_mut()
    }

    /// Tasks that ended since the recorder started.
    pub(crate) fn finished(&self) -> u64 {
        self.0.iter().map(Site::finished).fold(0, u64::saturating_add)
    }

    /// The sums of those tasks.
    pub(crate) fn finished_sums(&self) -> Sums {
        let mut sums = Sums::default();
        self.0.iter().for_each(|site| sums.add(&site.finished_sums()));
        sums
    }

    /// Takes over what the wire does not carry.
    pub(crate) fn adopt(&mut self, old: &Self) {
        for (site, old) in self.0.iter_mut().zip(&old.0) {
            site.history = old.history.clone();
        }
    }
}
