//! The forms that `--once` can write a report in. A new one is a file here and its line in [`FORMATS`].

mod json;
mod text;

use std::io::{self, Write};

use taskscope_model::Model;

/// A form of the report.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is, in one line.
    pub help: &'static str,
    /// Writes the report; the width is what a line has room for, in cells.
    write: fn(&Model, u16, &mut dyn Write) -> io::Result<()>,
}

/// All of them; the first is the default.
pub const FORMATS: &[Format] = &[text::FORMAT, json::FORMAT];

impl Format {
    /// The format with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        FORMATS.iter().copied().find(|format| format.name == name)
    }

    /// Writes the report.
    ///
    /// # Errors
    /// When `out` can't be written.
    pub fn write(&self, model: &Model, width: u16, out: &mut dyn Write) -> io::Result<()> {
        (self.write)(model, width, out)
    }
}
