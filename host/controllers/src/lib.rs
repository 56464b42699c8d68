//! The controllers, each a reconciler with an identity of its own: namespaces that go empty themselves, every other
//! one has its default service account and the cluster's CA.

mod bootstrap_token;
mod certificates;
mod cluster_role_aggregation;
mod conditions;
mod dependents;
mod discovery;
mod endpoint_slice;
mod endpoint_slice_mirroring;
mod endpoints;
mod every_namespace;
mod expectations;
mod garbage_collector;
mod manager;
mod namespace;
mod node;
mod node_ipam;
mod node_lifecycle;
mod node_ttl;
mod pod;
mod pod_control;
mod pod_template;
mod replicas;
mod root_ca;
mod selection;
mod service;
mod service_account;
mod slices;
mod slow_start;
mod status;
mod taint_eviction;
mod token_secret;
mod wiring;

pub use certificates::ClusterSigning;
pub use manager::{Clients, Config, ControllersTask, Deps, names};
pub use node_ipam::NodeNetworks;
pub use node_lifecycle::NodeLifecycle;
pub use selection::{Selection, UnknownController};
