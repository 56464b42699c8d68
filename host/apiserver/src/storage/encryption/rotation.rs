//! A configuration of our own making, and the steps to another key in any configuration.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use objects::decode::{self, Notation};
use objects::{Tree, tree};

use super::configuration::{self, EncryptionError};
use crate::rest::random;

const KEY_LENGTH: usize = 32;

/// The two configurations of a change of keys. Everything is readable by the first, and by the second once everything
/// was written anew under the first.
#[derive(Debug)]
pub struct KeyRotation {
    /// A new key writes, all older ones read.
    pub with_old_keys: Vec<u8>,
    /// The new key alone.
    pub without: Vec<u8>,
}

/// The EncryptionConfiguration of a cluster that had none: secrets are written by a key of its own, and read from before.
pub(super) fn fresh() -> Vec<u8> {
    let document = tree!({
        "kind": "EncryptionConfiguration", "apiVersion": "apiserver.config.k8s.io/v1",
        "resources": [{
            "resources": ["secrets"],
            "providers": [{ "secretbox": { "keys": [(key())] } }, { "identity": {} }]
        }]
    });
    document.to_json().to_vec()
}

impl KeyRotation {
    /// From a configuration in force to another key for each of its rules; a rule that writes plainly stays as it is.
    ///
    /// # Errors
    /// What is wrong with the configuration in force.
    pub fn of(text: &[u8]) -> Result<Self, EncryptionError> {
        configuration::read(text)?;
        let (document, _) =
            decode::value(text, Notation::Yaml).map_err(|error| EncryptionError(vec![error.to_string()]))?;
        let (mut with_old_keys, mut without) = (document.clone(), document);
        let count = without.items_at(&["resources"]).len();
        for rule in (0..count).map(|at| at.to_string()) {
            let first = ["resources", &rule, "providers", "0"];
            let Some((kind, _)) = without.at(&first).and_then(|provider| provider.fields().next()) else {
                continue;
            };
            let kind = kind.to_owned();
            if kind == "identity" {
                continue;
            }
            let (keys, fresh) = ([&first[..], &[&kind, "keys"]].concat(), key());
            if let Some(list) = with_old_keys.at_mut(&keys).and_then(Tree::as_array_mut) {
                list.insert(0, fresh.clone());
            }
            if let Some(list) = without.at_mut(&keys).and_then(Tree::as_array_mut) {
                *list = vec![fresh];
            }
            if let Some(providers) = without.at_mut(&first[..3]).and_then(Tree::as_array_mut) {
                let mut position = 0;
                providers.retain(|provider| {
                    position += 1;
                    position == 1 || provider.get("identity").is_some()
                });
            }
        }
        Ok(Self { with_old_keys: with_old_keys.to_json().to_vec(), without: without.to_json().to_vec() })
    }
}

/// A key named like no other.
fn key() -> Tree {
    let secret: [u8; KEY_LENGTH] = random::bytes();
    tree!({ "name": (format!("key-{}", &random::uid()[..8])), "secret": (STANDARD.encode(secret)) })
}
