//! The harness of the end-to-end tests: real processes, real sockets, and a reading of the wire of their own.
//!
//! Invariant: nothing here shares code with the server or with the console's model, so that a mistake in one of them can't hide itself.
//! Tests wait for conditions with [`DEADLINE`]; no test passes or fails by the speed of the machine.

pub mod console;
pub mod fake;
pub mod fold;
pub mod load;
pub mod program;
pub mod screen;
pub mod ss;

use std::time::Duration;

/// How long a condition may take to come true on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(90);
