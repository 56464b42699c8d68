//! Requests through every filter, one claim a test.

mod access;
mod addons;
mod audit;
mod backends;
mod binary;
mod customs;
mod escalation;
mod exchange;
mod fixture;
mod limits;
mod policies;
mod rules;
mod sockets;
