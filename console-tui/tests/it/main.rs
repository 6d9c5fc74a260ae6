//! The console from outside: its screens on a made-up terminal, its link to made-up servers, its binary in a real pty.

mod connect;
mod fixture;
mod server;
