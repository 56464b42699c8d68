//! Encryption of stored values, as an EncryptionConfiguration says: for each resource a list of providers, of which the
//! first writes and each reads. Values are in upstream's envelopes, so that a store can be brought along.

mod cipher;
mod configuration;
mod rotation;

use std::sync::Arc;

use objects::resource::Resource;

use self::cipher::{Key, OpenError};
pub use self::configuration::EncryptionError;
pub use self::rotation::KeyRotation;

/// What every envelope begins with.
const ENVELOPE: &[u8] = b"k8s:enc:";

/// How values are encrypted. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Encryption(Arc<Vec<Rule>>);

#[derive(Debug)]
struct Rule {
    /// `secrets`, `pandas.bears.example`, `*.apps`, `*.` for the core group, `*.*`
    resources: Vec<String>,
    providers: Vec<Provider>,
}

#[derive(Debug)]
enum Provider {
    /// As it is.
    Identity,
    Encrypts(Key),
}

/// Whether a value is written as it would be today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    Current,
    /// Of an older key or provider: the next write replaces it.
    Stale,
}

/// Why a value cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecryptError {
    #[error("no provider of the encryption configuration reads this value")]
    NoProvider,
    #[error("decrypt with key {key}: {why}")]
    Key { key: String, why: OpenError },
}

impl Encryption {
    /// Reads an EncryptionConfiguration (apiserver.config.k8s.io/v1) in YAML or JSON; every mistake is reported.
    pub fn parse(text: &[u8]) -> Result<Self, EncryptionError> {
        configuration::read(text).map(|rules| Self(Arc::new(rules)))
    }

    /// The EncryptionConfiguration of a cluster that had none, in JSON: secrets are encrypted by a key of its own.
    pub fn fresh() -> Vec<u8> {
        rotation::fresh()
    }

    fn providers(&self, resource: &Resource) -> Option<&[Provider]> {
        let rule = self.0.iter().find(|rule| rule.resources.iter().any(|name| is_meant(name, resource)))?;
        Some(&rule.providers)
    }

    pub(crate) fn covers(&self, resource: &Resource) -> bool {
        self.providers(resource).is_some()
    }

    /// A value as it is stored at a key.
    pub(crate) fn seal(&self, resource: &Resource, key: &str, value: Vec<u8>) -> Vec<u8> {
        match self.providers(resource).and_then(<[Provider]>::first) {
            Some(Provider::Encrypts(cipher)) => cipher.seal(key.as_bytes(), &value),
            Some(Provider::Identity) | None => value,
        }
    }

    /// The value of what is stored at a key.
    pub(crate) fn open(
        &self,
        resource: &Resource,
        key: &[u8],
        stored: &[u8],
    ) -> Result<(Option<Vec<u8>>, Age), DecryptError> {
        let Some(providers) = self.providers(resource) else { return plain(stored) };
        for (position, provider) in providers.iter().enumerate() {
            let age = if position == 0 { Age::Current } else { Age::Stale };
            match provider {
                Provider::Identity if !stored.starts_with(ENVELOPE) => return Ok((None, age)),
                Provider::Encrypts(cipher) if stored.starts_with(cipher.prefix()) => {
                    return match cipher.open(key, stored) {
                        Ok(value) => Ok((Some(value), age)),
                        Err(why) => Err(DecryptError::Key { key: cipher.name().to_owned(), why }),
                    };
                }
                _ => {}
            }
        }
        Err(DecryptError::NoProvider)
    }
}

/// What is stored where nothing is configured.
pub(crate) fn plain(stored: &[u8]) -> Result<(Option<Vec<u8>>, Age), DecryptError> {
    if stored.starts_with(ENVELOPE) { Err(DecryptError::NoProvider) } else { Ok((None, Age::Current)) }
}

fn is_meant(name: &str, resource: &Resource) -> bool {
    let (plural, group) = name.split_once('.').unwrap_or((name, ""));
    name == "*.*" || (group == resource.group && (plural == "*" || plural == resource.plural))
}

#[cfg(test)]
mod tests;
