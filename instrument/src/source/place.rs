//! Where a span was made: `loc.file`, `loc.line` and `loc.col` of tokio's spans, as the number of a site.
//!
//! A thread remembers where a text lay and which place it was in: so mostly no text is read, let alone hashed. A place that it doesn't know takes a second
//! look at the span's fields.

use std::fmt;

use taskscope_recorder::{Place, PlaceKey, Recorder};
use tracing_core::{
    field::{Field, Visit},
    span::Attributes,
};

/// The place among the fields of a span.
#[derive(Debug, Default)]
pub(super) struct PlaceVisitor(PlaceKey);

impl PlaceVisitor {
    #[inline]
    pub(super) fn str(&mut self, name: &str, value: &str) -> bool {
        let is_place = name == "loc.file";
        if is_place {
            self.0.set_file(value);
        }
        is_place
    }

    #[inline]
    pub(super) fn u64(&mut self, name: &str, value: u64) -> bool {
        let number = u32::try_from(value).unwrap_or(0);
        match name {
            "loc.line" => self.0.line = number,
            "loc.col" => self.0.column = number,
            _ => return false,
        }
        true
    }

    /// The number of the place; 0 when the span has none.
    #[inline]
    pub(super) fn site(&self, recorder: &Recorder, attributes: &Attributes<'_>) -> u32 {
        if self.0.is_empty() {
            return 0;
        }
        recorder.sites.number_of(self.0, |find| {
            let mut again = Again { key: self.0, found: None, find };
            attributes.record(&mut again);
            again.found.unwrap_or(0)
        })
    }
}

/// Looks for the place's number while its text is at hand.
struct Again<'f> {
    key: PlaceKey,
    found: Option<u32>,
    find: &'f dyn Fn(Place<'_>) -> u32,
}

impl Visit for Again<'_> {
    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "loc.file" {
            let place = Place { file: value, line: self.key.line, column: self.key.column };
            self.found = Some((self.find)(place));
        }
    }
}
