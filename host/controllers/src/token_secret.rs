//! Secrets that hold the token of a service account, for whoever reaches the cluster from outside for long. The token is
//! bound to its secret: it is of no use when the secret is gone, and the secret goes with the account.

use std::sync::Arc;

use client::{ApiError, Client, DeleteOptions, ListOptions};
use k8s_openapi::ByteString;
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use reconcile::{ObjectKey, Outcome, Queue, Reconcile, Store};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::wiring::Wiring;

pub(crate) const OF_TOKENS: &str = "type=kubernetes.io/service-account-token";
pub(crate) const ACCOUNT_NAME: &str = "kubernetes.io/service-account.name";
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";
const CA_KEY: &str = "ca.crt";
const NAMESPACE_KEY: &str = "namespace";
const TOKEN_KEY: &str = "token";
/// Such tokens are to hold as long as their secrets: ten years.
const SECONDS: i64 = 10 * 365 * 24 * 60 * 60;

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("serviceaccount_tokens_secret");
    let secrets = wiring.feed_some(ListOptions::fields(OF_TOKENS), &queue, |secret: &Secret| {
        Some(ObjectKey::of(&secret.metadata))
    });
    let (all, waiting) = (secrets.clone(), queue.clone());
    wiring.on_change::<ServiceAccount>(move |change| {
        for secret in all.in_namespace(&change.key.namespace) {
            if annotation(&secret, ACCOUNT_NAME) == Some(&change.key.name) {
                waiting.add(ObjectKey::of(&secret.metadata));
            }
        }
    });
    let (bundle, all, waiting) = (wiring.bundle(), secrets.clone(), queue.clone());
    wiring.spawn("token secrets", move |stop| follow(bundle, all, waiting, stop));
    let (accounts, client, bundle) = (wiring.store(), wiring.manager(), wiring.bundle());
    let workers = wiring.config().token_secret_syncs;
    wiring.reconcile(Tokens { client, secrets, accounts, bundle }, queue, workers);
}

/// Queues every secret whenever the bundle is another.
async fn follow(
    mut bundle: watch::Receiver<String>,
    secrets: Store<Secret>,
    queue: Queue<ObjectKey>,
    stop: CancellationToken,
) {
    let follow = async {
        while bundle.changed().await.is_ok() {
            secrets.all().iter().for_each(|secret| queue.add(ObjectKey::of(&secret.metadata)));
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = follow => {}
    }
}

pub(crate) fn annotation<'a>(secret: &'a Secret, key: &str) -> Option<&'a String> {
    secret.metadata.annotations.as_ref()?.get(key).filter(|value| !value.is_empty())
}

fn has(secret: &Secret, key: &str) -> bool {
    secret.data.as_ref().and_then(|data| data.get(key)).is_some_and(|value| !value.0.is_empty())
}

/// Whether the secret is one of that account's.
pub(crate) fn is_of(secret: &Secret, account: &ServiceAccount) -> bool {
    annotation(secret, ACCOUNT_UID).is_none_or(|uid| Some(uid) == account.metadata.uid.as_ref())
}

struct Tokens {
    /// The manager's own: service accounts of controllers mint no tokens.
    client: Client,
    secrets: Store<Secret>,
    accounts: Store<ServiceAccount>,
    /// PEM; empty until it is known.
    bundle: watch::Receiver<String>,
}

impl Reconcile for Tokens {
    type Key = ObjectKey;
    type Error = ApiError;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, ApiError> {
        let secret = self.secrets.get(&key.namespace, &key.name);
        let Some(secret) = secret.filter(|secret| secret.metadata.deletion_timestamp.is_none()) else {
            return Ok(Outcome::Done);
        };
        let Some(name) = annotation(&secret, ACCOUNT_NAME) else { return Ok(Outcome::Done) };
        match self.account(&secret, &key.namespace, name).await? {
            Some(account) => self.fill(key, &secret, &account).await?,
            None => {
                let only = DeleteOptions::default().of_uid(secret.metadata.uid.clone().unwrap_or_default());
                match self.client.namespaced::<Secret>(&key.namespace).delete(&key.name, &only).await {
                    Err(error) if !error.is_not_found() && !error.is_conflict() => return Err(error),
                    _ => {}
                }
            }
        }
        Ok(Outcome::Done)
    }
}

impl Tokens {
    /// The account of a secret; that there is none is asked, since a secret may be seen before its account.
    async fn account(
        &self,
        secret: &Secret,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Arc<ServiceAccount>>, ApiError> {
        let seen = self.accounts.get(namespace, name).filter(|account| is_of(secret, account));
        if seen.is_some() {
            return Ok(seen);
        }
        let there = self.client.namespaced::<ServiceAccount>(namespace).find(name).await?;
        Ok(there.filter(|account| is_of(secret, account)).map(Arc::new))
    }

    async fn fill(&self, key: &ObjectKey, secret: &Secret, account: &ServiceAccount) -> Result<(), ApiError> {
        let bundle = self.bundle.borrow().clone();
        let mut new = filled(secret, account, &key.namespace, &bundle);
        if !has(secret, TOKEN_KEY) {
            let token = self.token(key, secret, account).await?.map(|token| ByteString(token.into_bytes()));
            new.data.get_or_insert_default().extend(token.map(|token| (TOKEN_KEY.to_owned(), token)));
        }
        if new == *secret {
            return Ok(());
        }
        match self.client.namespaced::<Secret>(&key.namespace).update(&key.name, &new).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    async fn token(
        &self,
        key: &ObjectKey,
        secret: &Secret,
        account: &ServiceAccount,
    ) -> Result<Option<String>, ApiError> {
        let bound = BoundObjectReference {
            api_version: Some("v1".to_owned()),
            kind: Some("Secret".to_owned()),
            name: Some(key.name.clone()),
            uid: secret.metadata.uid.clone(),
        };
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                audiences: None,
                bound_object_ref: Some(bound),
                expiration_seconds: Some(SECONDS),
            }),
            ..TokenRequest::default()
        };
        let name = account.metadata.name.as_deref().unwrap_or_default();
        let accounts = self.client.namespaced::<ServiceAccount>(&key.namespace);
        let answer: TokenRequest = accounts.create_subresource(name, "token", &request).await?;
        Ok(answer.status.and_then(|status| status.token))
    }
}

/// The secret with everything but its token.
fn filled(secret: &Secret, account: &ServiceAccount, namespace: &str, bundle: &str) -> Secret {
    let mut new = secret.clone();
    let annotations = new.metadata.annotations.get_or_insert_default();
    annotations.insert(ACCOUNT_UID.to_owned(), account.metadata.uid.clone().unwrap_or_default());
    let data = new.data.get_or_insert_default();
    if !bundle.is_empty() {
        data.insert(CA_KEY.to_owned(), ByteString(bundle.as_bytes().to_vec()));
    }
    if !has(secret, NAMESPACE_KEY) {
        data.insert(NAMESPACE_KEY.to_owned(), ByteString(namespace.as_bytes().to_vec()));
    }
    new
}

#[cfg(test)]
mod tests {
    use objects::tree;
    use objects::tree::from_tree;

    use super::*;

    fn secret(uid: &str) -> Secret {
        let annotations = tree!({ "kubernetes.io/service-account.uid": uid });
        from_tree(&tree!({ "metadata": { "annotations": annotations } })).unwrap()
    }

    fn account() -> ServiceAccount {
        from_tree(&tree!({ "metadata": { "uid": "u" } })).unwrap()
    }

    #[test]
    fn a_secret_of_an_account_of_the_same_name_that_is_gone_is_not_of_this_one() {
        assert!(is_of(&secret("u"), &account()));
        assert!(is_of(&secret(""), &account()));
        assert!(!is_of(&secret("before"), &account()));
    }

    #[test]
    fn a_secret_follows_the_bundle_and_keeps_the_namespace_that_it_has() {
        let first = filled(&secret(""), &account(), "web", "PEM");
        assert_eq!(annotation(&first, ACCOUNT_UID).unwrap(), "u");
        let text = |secret: &Secret, key: &str| {
            String::from_utf8(secret.data.as_ref().unwrap()[key].0.clone()).unwrap()
        };
        assert_eq!((text(&first, CA_KEY), text(&first, NAMESPACE_KEY)), ("PEM".to_owned(), "web".to_owned()));
        let next = filled(&first, &account(), "other", "PEM 2");
        assert_eq!((text(&next, CA_KEY), text(&next, NAMESPACE_KEY)), ("PEM 2".to_owned(), "web".to_owned()));
        assert_eq!(filled(&next, &account(), "web", ""), next);
    }
}
