//! The server as clients see it, over a socket.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

mod access;
mod fixture;
mod kv;
mod lease;
mod maintenance;
mod plain;
mod watch;
