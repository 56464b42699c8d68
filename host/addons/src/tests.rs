//! The addons as a whole, with the first-party ones and with components of a few bytes, on a node of fakes.

pub(crate) mod node;
mod operations;
mod requests;
mod start;
