//! What tests of the whole node share: a machine of the test's own, a node on it, kubectl, and an image to run.
//!
//! Everything a test starts lives in namespaces that end with it; no packet leaves them.

#![allow(clippy::disallowed_methods, reason = "tests start the programs that they try")]
#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

mod etcd;
mod guests;
mod image;
mod kubectl;
mod machine;
mod node;
mod python;
mod registry;
mod wait;

pub use etcd::Etcd;
pub use guests::guest;
pub use image::{IMAGE, busybox_archive};
pub use kubectl::{Answer, Kubectl, Watching};
pub use machine::Machine;
pub use node::{Node, program};
pub use python::Python;
pub use registry::Registry;
pub use wait::{LIMIT, eventually};
