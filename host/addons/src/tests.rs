//! The addons as a whole, with the first-party ones and with components of a few bytes, on a node of fakes.

mod admission;
mod capabilities;
mod cluster;
mod folding;
mod hostile;
mod lifecycle;
pub(crate) mod node;
mod operations;
mod requests;
mod scheduling;
mod start;
mod upgrades;
