//! The controllers, each a reconciler with an identity of its own that keeps one promise of the cluster: what is declared
//! is made, what has no owner left goes, what somebody asks about is counted.

mod bootstrap_token;
mod certificates;
mod cluster_role_aggregation;
mod conditions;
mod config;
mod dependents;
mod deployment;
mod discovery;
mod endpoint_slice;
mod endpoint_slice_mirroring;
mod endpoints;
mod every_namespace;
mod expectations;
mod garbage_collector;
mod int_or_percent;
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
mod wiring;

pub use certificates::ClusterSigning;
pub use config::Config;
pub use manager::{Clients, ControllersTask, Deps, names};
pub use node_ipam::NodeNetworks;
pub use node_lifecycle::NodeLifecycle;
pub use selection::{Selection, UnknownController};
