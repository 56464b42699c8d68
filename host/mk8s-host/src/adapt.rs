//! The up-calls: small traits that lower crates declare, answered by the services of this node.

pub(crate) mod authentication;
pub(crate) mod authorization;
pub(crate) mod clients;
pub(crate) mod compiler;
pub(crate) mod configuration;
pub(crate) mod kube;
pub(crate) mod store;
