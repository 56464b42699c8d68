//! The API server: one machinery for every kind. It knows no RBAC rule and no credential format of an addon; it asks
//! [`authn::Authenticate`] and [`authz::Authorize`].

#![allow(dead_code, reason = "the HTTP side of the seam, which calls the verbs, is joined next")]

mod accept;
mod admission;
pub mod authn;
pub mod authz;
mod bootstrap;
mod cache;
mod call;
mod discovery;
mod document;
mod kubelet;
mod openapi;
mod registry;
mod rest;
mod review;
mod storage;
mod tokens;
