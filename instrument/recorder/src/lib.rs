//! The hot path of taskscope: task slots, event rings, clock, counters.
