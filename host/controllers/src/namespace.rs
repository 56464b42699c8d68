//! Namespaces that are being deleted: everything in them goes, their status says what is left, and when nothing is,
//! the finalizer `kubernetes` is given up.

mod findings;

use std::time::Duration;

use client::{ApiError, Client, DeleteOptions, ListOptions, Propagation};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use objects::resource::Verb;
use reconcile::{Outcome, Reconcile};

use crate::discovery::{Served, discover};
use crate::wiring::Wiring;
use findings::Findings;

const FINALIZER: &str = "kubernetes";
const TERMINATING: &str = "Terminating";

/// How long until a namespace with something left in it is looked at again: a part of the time that it has taken, so
/// that pods which stop at once delay it little and a finalizer that nobody removes costs little.
const PATIENCE: u32 = 4;
const FIRST_LOOK: Duration = Duration::from_millis(100);
const LAST_LOOK: Duration = Duration::from_secs(15);

/// Why a namespace could not be emptied; its status says more.
#[derive(Debug, thiserror::Error)]
enum NamespaceError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error("empty the namespace: {0}")]
    Content(String),
}

/// Whether the namespace waits for us.
fn is_going(namespace: &Namespace) -> bool {
    namespace.metadata.deletion_timestamp.is_some()
        && finalizers(namespace).iter().any(|one| one == FINALIZER)
}

fn finalizers(namespace: &Namespace) -> &[String] {
    namespace.spec.as_ref().and_then(|spec| spec.finalizers.as_deref()).unwrap_or_default()
}

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("namespace");
    wiring.feed(&queue, |namespace: &Namespace| {
        is_going(namespace).then(|| namespace.metadata.name.clone())?
    });
    let workers = wiring.config().namespace_syncs;
    wiring.reconcile(NamespaceContent { client: wiring.client() }, queue, workers);
}

struct NamespaceContent {
    client: Client,
}

impl Reconcile for NamespaceContent {
    type Key = String;
    type Error = NamespaceError;

    async fn reconcile(&self, name: &String) -> Result<Outcome, NamespaceError> {
        match self.empty_and_finalize(name).await {
            Err(NamespaceError::Api(error)) if error.is_not_found() => Ok(Outcome::Done),
            ended => ended,
        }
    }
}

impl NamespaceContent {
    async fn empty_and_finalize(&self, name: &str) -> Result<Outcome, NamespaceError> {
        let namespaces = self.client.cluster::<Namespace>();
        let mut namespace = namespaces.get(name).await?;
        if !is_going(&namespace) {
            return Ok(Outcome::Done);
        }
        let findings = self.empty(name).await;
        let now = supervise::clock::now();
        if settle(&mut namespace, &findings, now) {
            namespace = namespaces.update_status(name, &namespace).await?;
        }
        if let Some(failure) = findings.failure() {
            return Err(NamespaceError::Content(failure));
        }
        if findings.is_any_left() {
            let since = namespace.metadata.deletion_timestamp.as_ref().map_or(now, |time| time.0);
            return Ok(Outcome::After(next_look(since, now)));
        }
        if let Some(list) = namespace.spec.get_or_insert_default().finalizers.as_mut() {
            list.retain(|finalizer| finalizer != FINALIZER);
        }
        namespaces.update_subresource(name, "finalize", &namespace).await?;
        Ok(Outcome::Done)
    }

    /// Deletes what there is; pods first, since what else is there may serve them until they end.
    async fn empty(&self, namespace: &str) -> Findings {
        let discovered = discover(&self.client).await;
        let mut findings = Findings::new(&discovered.failures);
        let targets = discovered.with(&[Verb::Delete, Verb::List]);
        let (pods, others): (Vec<_>, Vec<_>) =
            targets.into_iter().filter(|target| target.namespaced).partition(|target| target.is_pods());
        for targets in [pods, others] {
            for target in targets {
                if let Err(error) = self.empty_of(namespace, target, &mut findings).await {
                    findings.failed(&error);
                }
            }
            if findings.is_any_left() {
                break;
            }
        }
        findings
    }

    async fn empty_of(
        &self,
        namespace: &str,
        target: &Served,
        findings: &mut Findings,
    ) -> Result<(), ApiError> {
        let api = self.client.dynamic(&target.resource, Some(namespace));
        let all = ListOptions::default();
        let found = api.list(&all).await?.items;
        if found.is_empty() {
            return Ok(());
        }
        let options =
            DeleteOptions { propagation_policy: Some(Propagation::Background), ..DeleteOptions::default() };
        if target.verbs.contains(Verb::DeleteCollection) {
            api.delete_collection(&options, &all).await?;
        } else {
            for name in found.iter().map(objects::meta::name) {
                match api.delete(name, &options).await {
                    Err(error) if !error.is_not_found() => return Err(error),
                    _ => {}
                }
            }
        }
        findings.left(&target.resource, &api.list(&all).await?.items);
        Ok(())
    }
}

/// Whether the status says anything new.
fn settle(namespace: &mut Namespace, findings: &Findings, now: Timestamp) -> bool {
    let old = namespace.status.clone().unwrap_or_default();
    let mut new = old.clone();
    new.phase = Some(TERMINATING.to_owned());
    new.conditions = Some(findings.conditions(old.conditions.as_deref().unwrap_or_default(), now));
    let differs = new != old;
    namespace.status = Some(new);
    differs
}

fn next_look(since: Timestamp, now: Timestamp) -> Duration {
    let taken = Duration::try_from(now.duration_since(since)).unwrap_or(Duration::ZERO);
    (taken / PATIENCE).clamp(FIRST_LOOK, LAST_LOOK)
}

#[cfg(test)]
mod tests;
