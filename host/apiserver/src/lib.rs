//! The API server: one machinery for every kind. It knows no RBAC rule and no credential format of an addon; it asks
//! [`authn::Authenticate`], [`authz::Authorize`] and [`Admit`].

mod accept;
mod admission;
mod aggregation;
mod audit;
pub mod authn;
pub mod authz;
mod backend;
mod bootstrap;
mod cache;
mod call;
mod config;
mod definitions;
mod discovery;
mod document;
mod flow;
mod front;
mod kubelet;
mod openapi;
mod proxy;
mod registration;
mod registry;
mod relay;
mod rest;
mod review;
mod rules;
mod server;
mod storage;
mod strategy;
mod tokens;
mod view;
mod webhook;

pub use admission::addon::{
    AdmissionStep, Admit, Denial, Judge, Judgement, Nobody, WriteOperation, WriteRequest, WriteScope,
};
pub use admission::{AdmissionConfiguration, AdmissionConfigurationError, Plugins as AdmissionPlugins};
pub use audit::{
    AuditConfig, AuditFormat, AuditLog, AuditTarget, Policy as AuditPolicy, PolicyError as AuditPolicyError,
    Rotation as AuditRotation,
};
pub use config::{ClientAuthorities, Config, ConfigError, ConfigErrors, Dependencies, Limits, NODE_PORTS};
pub use front::Anonymous;
pub use server::{ApiServerHandle, ApiServerTask, ServerError};
pub use storage::{Encryption, EncryptionError, KeyRotation};
pub use tokens::KeyError;
