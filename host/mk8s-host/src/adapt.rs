//! The up-calls: small traits that lower crates declare, answered by the services of this node.

pub(crate) mod admission;
pub(crate) mod authentication;
pub(crate) mod authorization;
pub(crate) mod clients;
pub(crate) mod compiler;
pub(crate) mod configuration;
pub(crate) mod counsel;
pub(crate) mod documents;
pub(crate) mod issuer;
pub(crate) mod kube;
pub(crate) mod store;
