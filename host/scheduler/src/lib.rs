//! Binds pods to nodes. The decision is pure: a pod and a snapshot of the nodes in, a node or the reasons against
//! each out. No preemption, volumes, spreading or affinity between pods.

mod component;
mod decide;
mod demand;
mod node_affinity;
mod scheduling;
mod snapshot;
mod taint;

pub use component::{Config, Deps, SchedulerTask};
