//! Requests to a Kubernetes API server and what upstream answers to them: reads the cases, replays them, judges the
//! answers. It knows no server in particular.

mod expectation;
mod file;
mod run;
mod server;

pub use file::{Case, parse};
pub use run::{Failure, run};
pub use server::Server;
