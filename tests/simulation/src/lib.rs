//! A whole control plane in one process under paused time: store, API server, controllers, scheduler, and nodes that run
//! pods by script. Hours of it take moments, and what a test waits for comes as soon as nothing else is left to do.

mod faults;
mod memory;
mod nodes;
mod world;

pub use faults::{Faults, Rates};
pub use nodes::Script;
pub use world::{Setup, World};
