//! A Kubernetes client with two transports, in process and HTTPS; its users cannot tell which.
//!
//! A [`Client`] is one identity: whoever composes the host binds the identity to the transport. [`Api`] is
//! generic over serde types (`k8s_openapi` structs or [`objects::Tree`]); nothing here retries.

pub mod delegated;
pub mod events;

mod api;
mod client;
mod error;
mod https;
mod options;
mod resource;
mod transport;
mod unread;
mod watch;

pub use api::{Api, Deleted, List};
pub use client::Client;
pub use error::ApiError;
pub use https::{Credential, HttpsConfig, HttpsError, HttpsTransport};
pub use options::{DeleteOptions, ListOptions, Patch, Preconditions, Propagation, WatchOptions};
pub use resource::ApiResource;
pub use transport::{Body, BoxError, BoxFuture, Transport, TransportError};
pub use unread::Unread;
pub use watch::{Watch, WatchEvent};
