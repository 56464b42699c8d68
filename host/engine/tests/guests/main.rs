//! Guests on the engine: what they can do, and what they cannot.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

mod able;
mod host;
mod hostile;
