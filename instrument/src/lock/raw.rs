//! Any raw lock of the `lock_api` crate, on record.
//!
//! The traits of that crate are unsafe to implement: who implements them promises that a lock excludes as its trait says. Every method here asks the
//! raw lock inside, which its own author has promised for, and adds nothing to what is locked. This module and those in it are the
//! only `unsafe` of the wrappers; each implementation says why it keeps the promise.
//!
//! A raw lock's release does not know which hold it ends. Who has it alone is known; of readers, one of the current task or thread is taken,
//! else the one that has held it longest.

#![expect(unsafe_code, reason = "the traits of lock_api are unsafe to implement")]

mod mutex;
mod rwlock;

pub use self::{mutex::RawMutex, rwlock::RawRwLock};
