//! The server as clients see it, over a socket.

mod access;
mod fixture;
mod kv;
mod lease;
mod maintenance;
mod plain;
mod watch;
