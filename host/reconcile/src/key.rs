//! What a queue holds: keys.

use std::fmt;
use std::hash::Hash;

use client::ApiError;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

/// Whatever names one piece of work.
pub trait Key: Clone + Ord + Hash + fmt::Display + Send + Sync + 'static {}

impl<K: Clone + Ord + Hash + fmt::Display + Send + Sync + 'static> Key for K {}

/// One object of a kind; the namespace of a cluster-scoped one is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    pub namespace: String,
    pub name: String,
}

impl ObjectKey {
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    pub fn of(metadata: &ObjectMeta) -> Self {
        Self::new(metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.namespace.as_str() {
            "" => f.write_str(&self.name),
            namespace => write!(f, "{namespace}/{}", self.name),
        }
    }
}

/// An error with everything that it came from, for one line of the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |error| error.source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}

/// Whether asking again for the same can never help, but a list can.
pub(crate) fn asks_for_list(error: &ApiError) -> bool {
    error.is_gone() || matches!(error, ApiError::Decode { .. })
}
