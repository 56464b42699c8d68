//! Bootstrap tokens: those that have expired are deleted, the others sign what they who join are told of the cluster.

pub(crate) mod signer;

use std::num::NonZeroUsize;
use std::time::Duration;

use client::{ApiError, Client, DeleteOptions, ListOptions};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use reconcile::{ObjectKey, Outcome, Reconcile, Store};

use crate::wiring::Wiring;

const NAMESPACE: &str = "kube-system";
const OF_TOKENS: &str = "type=bootstrap.kubernetes.io/token";
const EXPIRATION: &str = "expiration";

pub(crate) fn wire_cleaner(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("token_cleaner");
    let secrets = wiring.feed_some(ListOptions::fields(OF_TOKENS), &queue, |secret: &Secret| {
        Some(ObjectKey::of(&secret.metadata)).filter(|key| key.namespace == NAMESPACE)
    });
    let client = wiring.client();
    wiring.reconcile(Cleaner { client, secrets }, queue, NonZeroUsize::MIN);
}

struct Cleaner {
    client: Client,
    secrets: Store<Secret>,
}

impl Reconcile for Cleaner {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let Some(secret) = self.secrets.get(&key.namespace, &key.name) else { return Ok(Outcome::Done) };
        match left(&secret, supervise::clock::now()) {
            None => Ok(Outcome::Done),
            Some(left) if !left.is_zero() => Ok(Outcome::After(left)),
            Some(_) => {
                let only = DeleteOptions::default().of_uid(secret.metadata.uid.clone().unwrap_or_default());
                match self.client.namespaced::<Secret>(&key.namespace).delete(&key.name, &only).await {
                    Err(error) if !error.is_not_found() && !error.is_conflict() => Err(error),
                    _ => Ok(Outcome::Done),
                }
            }
        }
    }
}

/// How long the token is good for; `None` if it says nothing of that. One that cannot be read is good no longer.
fn left(secret: &Secret, now: Timestamp) -> Option<Duration> {
    let expiration = secret.data.as_ref()?.get(EXPIRATION).filter(|text| !text.0.is_empty())?;
    let text = std::str::from_utf8(&expiration.0).unwrap_or_default();
    let time = text.parse::<Timestamp>().unwrap_or(now);
    Some(Duration::try_from(time.duration_since(now)).unwrap_or(Duration::ZERO))
}

/// What the secret holds under a key, if it is text.
fn text<'a>(secret: &'a Secret, key: &str) -> Option<&'a str> {
    std::str::from_utf8(&secret.data.as_ref()?.get(key)?.0).ok()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;

    fn left_of(expiration: &str) -> Option<Duration> {
        let data = [(EXPIRATION.to_owned(), ByteString(expiration.as_bytes().to_vec()))].into();
        let secret = Secret { data: Some(data), ..Secret::default() };
        left(&secret, "2026-01-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_token_is_good_until_it_says() {
        assert_eq!(left_of("2026-01-01T00:01:00Z"), Some(Duration::from_secs(60)));
        assert_eq!(left_of("2025-01-01T00:01:00Z"), Some(Duration::ZERO));
        assert_eq!(left_of("whenever"), Some(Duration::ZERO));
        assert_eq!(left_of(""), None);
        assert_eq!(left(&Secret::default(), Timestamp::UNIX_EPOCH), None);
    }
}
