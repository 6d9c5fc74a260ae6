//! Scenarios, from frames to what the screen shows.
