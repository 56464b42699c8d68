//! The controllers, each a reconciler with an identity of its own: namespaces that go empty themselves, every other
//! one has its default service account and the cluster's CA.

mod endpoint_slice;
mod endpoint_slice_mirroring;
mod endpoints;
mod every_namespace;
mod manager;
mod namespace;
mod pod;
mod resource_claim;
mod root_ca;
mod selection;
mod service;
mod service_account;
mod slices;
mod volume;
mod wiring;

pub use manager::{Clients, Config, ControllersTask, Deps, names};
pub use selection::{Selection, UnknownController};
