//! Reflectors, keyed work queues and the driver of reconcilers; which of several components works; and the two paths that
//! every component made of such loops serves.
//!
//! A reconciler gets a key, never an event: what it does follows from the state that it finds. All time is tokio's.

pub mod election;
pub mod endpoints;
#[cfg(any(test, feature = "fake"))]
pub mod fake;

mod driver;
mod key;
mod loops;
mod metrics;
mod queue;
mod reflector;
mod store;

pub use driver::{Outcome, Reconcile, run};
pub use key::{Key, ObjectKey};
pub use loops::{LoopEnded, Loops};
pub use metrics::LoopMetrics;
pub use queue::Queue;
pub use reflector::{Change, Reflected, Reflector};
pub use store::Store;
