//! How serious a finding is, and how sure.

use serde::{Deserialize, Serialize};

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Costs latency or memory.
    Warning,
    /// Something is stuck, or holds up others now.
    Critical,
}

impl Severity {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// How sure a finding is of what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// It fits what was measured; so would something harmless. The sentence says so.
    Suspected,
    /// It was measured, or follows from what was.
    Proven,
}

impl Confidence {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Suspected => "suspected",
            Self::Proven => "proven",
        }
    }
}
