//! Requests through every filter, one claim a test.

mod access;
mod backends;
mod customs;
mod audit;
mod exchange;
mod fixture;
mod limits;
mod sockets;
