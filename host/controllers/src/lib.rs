//! The controllers, each a reconciler with an identity of its own: namespaces that go empty themselves, every other
//! one has its default service account and the cluster's CA.

mod discovery;
mod every_namespace;
mod garbage_collector;
mod manager;
mod namespace;
mod pod;
mod root_ca;
mod service_account;
mod wiring;

pub use manager::{Clients, Config, ControllersTask, Deps, names};
