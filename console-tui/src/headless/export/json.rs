//! The report as JSON: docs/JSON.md describes it.

use std::io;

use super::Format;

pub(super) const FORMAT: Format = Format {
    name: "json",
    help: "JSON; docs/JSON.md describes it",
    write: |model, _, out| {
        serde_json::to_writer_pretty(&mut *out, &model.report()).map_err(io::Error::from)?;
        writeln!(out)
    },
};
