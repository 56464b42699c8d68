//! Binds pods to nodes. The decision is pure: a pod and a snapshot of the cluster in, a node or the reasons against
//! each out. Which plugins have a say in it is a table.

mod advice;
mod allocate;
mod amounts;
mod board;
mod component;
mod config;
mod cycle;
mod decide;
mod extender;
#[cfg(test)]
mod fixture;
mod groups;
mod metrics;
mod plugin;
mod profile;
mod queue;
mod scheduling;
mod snapshot;
mod trace;
mod view;

pub use advice::{Advise, Advisors, Bind, Bound, Case, Counsel, Judged, Refused, Sought};
pub use component::{Deps, SchedulerTask};
pub use config::{Config, ConfigErrors, LeaderElection};
pub use profile::Profile;
