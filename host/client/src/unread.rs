//! [`Unread`]: an object that its reader does not understand, which is to hide no other.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// An object that is no `K`: the API takes what Go's types hold, the types of a reader may hold less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Empty for cluster scope.
    pub namespace: String,
    pub name: String,
    pub resource_version: String,
    why: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Head {
    namespace: String,
    name: String,
    resource_version: String,
}

#[derive(Deserialize)]
struct Headed {
    metadata: Head,
}

impl Unread {
    /// Reads an object, or who it is and why it cannot be read; neither can be where it is no object.
    pub(crate) fn or<K: DeserializeOwned>(object: &RawValue) -> Result<Result<K, Self>, serde_json::Error> {
        serde_json::from_str(object.get()).map(Ok).or_else(|why: serde_json::Error| {
            let Headed { metadata } = serde_json::from_str(object.get())?;
            let Head { namespace, name, resource_version } = metadata;
            Ok(Err(Self { namespace, name, resource_version, why: why.to_string() }))
        })
    }
}

/// `NAMESPACE/NAME: why`
impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        write!(f, "{}: {}", self.name, self.why)
    }
}
