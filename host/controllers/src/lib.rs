//! The controllers, each a reconciler with an identity of its own: namespaces that go empty themselves, every other
//! one has its default service account and the cluster's CA.

mod conditions;
mod cron_job;
mod dependents;
mod discovery;
mod disruption;
mod every_namespace;
mod expectations;
mod garbage_collector;
mod job;
mod manager;
mod monitors;
mod namespace;
mod pod;
mod pod_control;
mod pod_garbage_collector;
mod pod_template;
mod replicas;
mod resource_quota;
mod root_ca;
mod service_account;
mod slow_start;
mod status;
mod ttl_after_finished;
mod wiring;

pub use manager::{Clients, Config, ControllersTask, Deps, names};
