//! Tokens of service accounts that an older release made in secrets, and that nobody used for a year: they are marked
//! first, which the API server refuses, and go after another year. When a token was used last, the API server writes on
//! its secret.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use client::{ApiError, Client, DeleteOptions, ListOptions, Patch, Preconditions};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, ServiceAccount};
use objects::{Tree, tree};
use reconcile::{ObjectKey, Outcome, Reconcile, Store};

use crate::token_secret::{ACCOUNT_NAME, OF_TOKENS, annotation, is_of};
use crate::wiring::Wiring;

const NAMESPACE: &str = "kube-system";
const TRACKING: &str = "kube-apiserver-legacy-service-account-token-tracking";
const SINCE: &str = "since";
const LAST_USED: &str = "kubernetes.io/legacy-token-last-used";
const INVALID_SINCE: &str = "kubernetes.io/legacy-token-invalid-since";
const DATE: &str = "%Y-%m-%d";
/// From one look to the next, as upstream.
const PERIOD: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    // Nothing that happens makes a token older: only time does.
    let queue = wiring.queue("legacy_sa_token_cleaner");
    queue.add(TRACKING.to_owned());
    let secrets = wiring.store_some(ListOptions::fields(OF_TOKENS), |_| {});
    let (accounts, client, manager) = (wiring.store(), wiring.client(), wiring.manager());
    let unused = wiring.config().unused_tokens;
    wiring.reconcile(Cleaner { client, manager, secrets, accounts, unused }, queue, NonZeroUsize::MIN);
}

struct Cleaner {
    client: Client,
    /// Reads the pods.
    manager: Client,
    secrets: Store<Secret>,
    accounts: Store<ServiceAccount>,
    /// How long a token may go unused.
    unused: Duration,
}

impl Reconcile for Cleaner {
    type Key = String;
    type Error = ApiError;

    async fn reconcile(&self, _: &String) -> Result<Outcome, ApiError> {
        let now = supervise::clock::now();
        let again = Ok(Outcome::After(PERIOD));
        let map = self.client.namespaced::<ConfigMap>(NAMESPACE).find(TRACKING).await?;
        if !map.is_some_and(|map| is_tracked(&map, self.unused, now)) {
            return again;
        }
        let mut mounted = BTreeMap::new();
        for secret in self.secrets.all().into_iter().filter(|secret| self.is_made_for_account(secret)) {
            let fate = fate(&secret, self.unused, now);
            if fate == Fate::Keep || self.is_mounted(&secret, &mut mounted).await? {
                continue;
            }
            match self.carry_out(&secret, fate).await {
                Err(error) if !error.is_not_found() && !error.is_conflict() => return Err(error),
                _ => {}
            }
        }
        again
    }
}

impl Cleaner {
    /// Whether the secret's account names it: then it was not made by hand.
    fn is_made_for_account(&self, secret: &Secret) -> bool {
        let namespace = secret.metadata.namespace.as_deref().unwrap_or_default();
        let name = annotation(secret, ACCOUNT_NAME);
        let account = name.and_then(|name| self.accounts.get(namespace, name));
        account.filter(|account| is_of(secret, account)).is_some_and(|account| {
            account.secrets.iter().flatten().any(|reference| reference.name == secret.metadata.name)
        })
    }

    /// Whether a pod of its namespace uses the secret.
    async fn is_mounted(
        &self,
        secret: &Arc<Secret>,
        known: &mut BTreeMap<String, BTreeSet<String>>,
    ) -> Result<bool, ApiError> {
        let ObjectKey { namespace, name } = ObjectKey::of(&secret.metadata);
        if !known.contains_key(&namespace) {
            let pods = self.manager.namespaced::<Pod>(&namespace).viewed::<Tree>();
            let mut names = BTreeSet::new();
            for pod in pods.list_all(&ListOptions::default()).await?.items {
                collect_secrets(pod.get("spec").unwrap_or(&Tree::Null), &mut names);
            }
            known.insert(namespace.clone(), names);
        }
        Ok(known.get(&namespace).is_some_and(|names| names.contains(&name)))
    }

    async fn carry_out(&self, secret: &Secret, fate: Fate) -> Result<(), ApiError> {
        let ObjectKey { namespace, name } = ObjectKey::of(&secret.metadata);
        let secrets = self.client.namespaced::<Secret>(&namespace);
        match fate {
            Fate::Keep => Ok(()),
            Fate::Mark(today) => {
                let uid = secret.metadata.uid.as_deref().unwrap_or_default();
                let mut mark = tree!({ "metadata": { "uid": uid } });
                mark.set_at(&["metadata", "labels", INVALID_SINCE], today.strftime(DATE).to_string());
                secrets.patch(&name, &Patch::Merge(mark)).await.map(drop)
            }
            Fate::Delete => {
                let unchanged = Preconditions {
                    resource_version: secret.metadata.resource_version.clone(),
                    ..Preconditions::default()
                };
                let options = DeleteOptions { preconditions: Some(unchanged), ..DeleteOptions::default() };
                secrets.delete(&name, &options).await.map(drop)
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Keep,
    /// The API server takes the token no longer.
    Mark(Date),
    Delete,
}

fn date_of(time: Timestamp) -> Date {
    time.to_zoned(jiff::tz::TimeZone::UTC).date()
}

fn date(text: &str) -> Option<Date> {
    Date::strptime(DATE, text).ok()
}

fn before(now: Timestamp, unused: Duration) -> Timestamp {
    now.checked_sub(unused).unwrap_or(Timestamp::MIN)
}

/// Whether uses were written down for long enough that a token without one is unused. The first day counts as a half.
fn is_tracked(map: &ConfigMap, unused: Duration, now: Timestamp) -> bool {
    let since = map.data.as_ref().and_then(|data| date(data.get(SINCE)?));
    let whole = since.and_then(|since| since.checked_add(1.day()).ok());
    whole.is_some_and(|whole| whole <= date_of(before(now, unused)))
}

fn fate(secret: &Secret, unused: Duration, now: Timestamp) -> Fate {
    let earliest = before(now, unused);
    let label = |key: &str| secret.metadata.labels.as_ref().and_then(|labels| labels.get(key));
    let is_recent = |day: Date| day >= date_of(earliest);
    let created = secret.metadata.creation_timestamp.as_ref();
    let is_used = match label(LAST_USED).map(|text| date(text)) {
        Some(Some(day)) => is_recent(day),
        // What cannot be read may be of today.
        Some(None) => true,
        None => false,
    };
    if secret.metadata.deletion_timestamp.is_some()
        || created.is_none_or(|created| created.0 >= earliest)
        || is_used
    {
        return Fate::Keep;
    }
    match label(INVALID_SINCE).and_then(|text| date(text)) {
        None => Fate::Mark(date_of(now)),
        Some(day) if is_recent(day) => Fate::Keep,
        Some(_) => Fate::Delete,
    }
}

/// The names of all secrets that a pod's spec mentions.
fn collect_secrets(spec: &Tree, names: &mut BTreeSet<String>) {
    for (key, value) in spec.fields() {
        let told = match key {
            "secretName" => value.as_str(),
            "secret" | "secretRef" | "secretKeyRef" | "nodePublishSecretRef" => value.str_at(&["name"]),
            _ => None,
        };
        names.extend(told.map(str::to_owned));
        if key == "imagePullSecrets" {
            let pulls = value.items().iter().filter_map(|one| one.str_at(&["name"]));
            names.extend(pulls.map(str::to_owned));
        }
        collect_secrets(value, names);
    }
    for item in spec.items() {
        collect_secrets(item, names);
    }
}

#[cfg(test)]
mod tests {
    use objects::tree::from_tree;

    use super::*;

    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    fn now() -> Timestamp {
        "2026-06-15T12:00:00Z".parse().unwrap()
    }

    fn fate_of(created: &str, labels: &[(&str, &str)]) -> Fate {
        let mut secret = tree!({ "metadata": { "creationTimestamp": created } });
        for (label, value) in labels {
            secret.set_at(&["metadata", "labels", label], *value);
        }
        fate(&from_tree(&secret).unwrap(), YEAR, now())
    }

    #[test]
    fn a_token_is_marked_after_a_year_without_use_and_deleted_after_another() {
        let old = "2020-01-01T00:00:00Z";
        let today = date("2026-06-15").unwrap();
        assert_eq!(fate_of("2026-01-01T00:00:00Z", &[]), Fate::Keep);
        assert_eq!(fate_of(old, &[]), Fate::Mark(today));
        assert_eq!(fate_of(old, &[(LAST_USED, "2026-01-01")]), Fate::Keep);
        assert_eq!(fate_of(old, &[(LAST_USED, "whenever")]), Fate::Keep);
        assert_eq!(fate_of(old, &[(LAST_USED, "2025-01-01")]), Fate::Mark(today));
        assert_eq!(fate_of(old, &[(INVALID_SINCE, "whenever")]), Fate::Mark(today));
        assert_eq!(fate_of(old, &[(INVALID_SINCE, "2025-06-15")]), Fate::Keep);
        assert_eq!(fate_of(old, &[(INVALID_SINCE, "2025-06-14")]), Fate::Delete);
        let used = [(LAST_USED, "2026-06-15"), (INVALID_SINCE, "2025-01-01")];
        assert_eq!(fate_of(old, &used), Fate::Keep);
    }

    #[test]
    fn nothing_is_known_of_tokens_until_their_uses_were_written_down_for_a_year() {
        let tracked = |since: &str| {
            let map: ConfigMap = from_tree(&tree!({ "data": { "since": since } })).unwrap();
            is_tracked(&map, YEAR, now())
        };
        assert!(tracked("2025-06-14"));
        assert!(!tracked("2025-06-15"));
        assert!(!tracked("today"));
        assert!(!is_tracked(&ConfigMap::default(), YEAR, now()));
    }

    #[test]
    fn every_way_in_which_a_pod_mentions_a_secret_counts() {
        let mut names = BTreeSet::new();
        let spec = tree!({
            "imagePullSecrets": [{ "name": "pull" }],
            "containers": [{
                "name": "c",
                "envFrom": [{ "secretRef": { "name": "all" } }, { "configMapRef": { "name": "map" } }],
                "env": [{ "name": "e", "valueFrom": { "secretKeyRef": { "name": "one", "key": "k" } } }]
            }],
            "volumes": [
                { "name": "v", "secret": { "secretName": "volume" } },
                { "name": "p", "projected": { "sources": [{ "secret": { "name": "projected" } }] } },
                { "name": "d", "csi": { "driver": "d", "nodePublishSecretRef": { "name": "csi" } } }
            ]
        });
        collect_secrets(&spec, &mut names);
        assert_eq!(
            names.into_iter().collect::<Vec<_>>(),
            ["all", "csi", "one", "projected", "pull", "volume"]
        );
    }
}
