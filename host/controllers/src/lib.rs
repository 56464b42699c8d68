//! The controllers, each a reconciler with an identity of its own: namespaces that go empty themselves, every other
//! one has its default service account and the cluster's CA.

mod conditions;
mod daemon_set;
mod dependents;
mod deployment;
mod endpoint_slice;
mod endpoint_slice_mirroring;
mod endpoints;
mod every_namespace;
mod expectations;
mod int_or_percent;
mod manager;
mod namespace;
mod pod;
mod pod_batches;
mod pod_control;
mod pod_template;
mod replicas;
mod revisions;
mod root_ca;
mod selection;
mod service;
mod service_account;
mod slices;
mod slow_start;
mod stateful_set;
mod status;
mod wiring;

pub use manager::{Clients, Config, ControllersTask, Deps, names};
pub use selection::{Selection, UnknownController};
