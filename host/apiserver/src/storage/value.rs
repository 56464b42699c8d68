//! What is stored at a key: JSON, or what upstream left behind there, its protobuf; in an envelope where encryption is
//! configured.

use bytes::Bytes;
use objects::Tree;
use objects::decode::{self, Notation, SyntaxError};
use objects::tree::JsonError;
use structural::Conversion;
use tokio::sync::watch;

use super::encryption::{self, Age, DecryptError, Encryption};
use crate::registry::Served;
use crate::strategy;

/// What upstream's protobuf begins with.
const PROTOBUF: &[u8] = b"k8s\0";

/// Reads and writes values. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Values {
    encryption: watch::Receiver<Option<Encryption>>,
}

/// Why a value cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValueError {
    #[error(transparent)]
    Decrypt(#[from] DecryptError),
    #[error("no JSON: {0}")]
    Json(#[from] JsonError),
    #[error("no protobuf: {0}")]
    Protobuf(SyntaxError),
}

impl Values {
    /// What is received later is in force for every value from then on.
    pub(crate) fn new(encryption: watch::Receiver<Option<Encryption>>) -> Self {
        Self { encryption }
    }

    pub(crate) fn read(
        &self,
        resource: &Served,
        key: &[u8],
        stored: &[u8],
    ) -> Result<(Tree, Age), ValueError> {
        let (opened, age) = match &*self.encryption.borrow() {
            Some(encryption) => encryption.open(resource, key, stored)?,
            None => encryption::plain(stored)?,
        };
        let bytes = opened.as_deref().unwrap_or(stored);
        if bytes.starts_with(PROTOBUF) {
            let (tree, _) = decode::value(bytes, Notation::Protobuf).map_err(ValueError::Protobuf)?;
            return Ok((tree, age));
        }
        let mut tree = Tree::from_json(bytes)?;
        if resource.custom().is_some() {
            settle(resource, &mut tree);
        }
        Ok((tree, age))
    }

    /// Whether the values of a resource are to be encrypted, or were.
    pub(crate) fn are_configured(&self, resource: &Served) -> bool {
        self.encryption.borrow().as_ref().is_some_and(|encryption| encryption.covers(resource))
    }

    pub(crate) fn write(&self, resource: &Served, key: &str, tree: &Tree) -> Bytes {
        let json = tree.to_json();
        match &*self.encryption.borrow() {
            Some(encryption) => encryption.seal(resource, key, json.into()).into(),
            None => json,
        }
    }
}

/// A stored custom resource in the shape of today's definition: in the version of the hub, unless it needs a webhook to get
/// there.
fn settle(hub: &Served, tree: &mut Tree) {
    if !matches!(hub.conversion(), Some(Conversion::Webhook(_))) {
        structural::convert_by_name(tree, &hub.group_version());
    }
    if tree.str_at(&["apiVersion"]) == Some(&hub.api_version()) {
        strategy::of(hub).refresh(tree);
    }
}
