//! The console from outside: its screens on a made-up terminal, its connection to made-up servers, its binary in a real pty.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod cli;
mod compat;
mod connect;
mod fixture;
mod hostile;
mod keys;
mod pty;
mod screens;
mod server;
