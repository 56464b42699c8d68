//! The heartbeat of the node: its Lease in kube-node-lease.

use std::sync::Arc;
use std::time::Duration;

use client::{Api, ApiError};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, OwnerReference};
use supervise::Backoff;

use crate::kubelet::Context;

const NAMESPACE: &str = "kube-node-lease";
/// How long the lease holds, and a quarter of it: upstream's figures.
const DURATION_SECONDS: i32 = 40;
const RENEW: Duration = Duration::from_secs(10);
const FIRST_DELAY: Duration = Duration::from_millis(200);
const LAST_DELAY: Duration = Duration::from_secs(7);

/// Renews the lease; never ends.
pub(crate) async fn renew(context: Arc<Context>) {
    let leases = context.client.namespaced::<Lease>(NAMESPACE);
    let mut backoff = Backoff::new(FIRST_DELAY, LAST_DELAY);
    let mut last = None;
    loop {
        let renewed = match last.take() {
            Some(lease) => write(&context, &leases, Some(lease)).await,
            None => match leases.find(&context.config.node_name).await {
                Ok(found) => write(&context, &leases, found).await,
                Err(error) => Err(error),
            },
        };
        let pause = match renewed {
            Ok(lease) => {
                last = Some(lease);
                backoff.reset();
                RENEW
            }
            Err(error) => {
                tracing::debug!(%error, "renew the node's lease");
                backoff.next_delay()
            }
        };
        tokio::time::sleep(pause).await;
    }
}

async fn write(context: &Context, leases: &Api<Lease>, last: Option<Lease>) -> Result<Lease, ApiError> {
    let name = &context.config.node_name;
    let exists = last.is_some();
    let mut lease = last.unwrap_or_default();
    let metadata =
        ObjectMeta { name: Some(name.clone()), namespace: Some(NAMESPACE.to_owned()), ..lease.metadata };
    lease.metadata = metadata;
    if lease.metadata.owner_references.is_none() {
        lease.metadata.owner_references = owner(context, name).await?.map(|owner| vec![owner]);
    }
    lease.spec = Some(LeaseSpec {
        holder_identity: Some(name.clone()),
        lease_duration_seconds: Some(DURATION_SECONDS),
        renew_time: Some(MicroTime(Timestamp::now())),
        ..lease.spec.unwrap_or_default()
    });
    if exists { leases.update(name, &lease).await } else { leases.create(&lease).await }
}

/// The lease goes with its node.
async fn owner(context: &Context, name: &str) -> Result<Option<OwnerReference>, ApiError> {
    let node = context.client.cluster::<Node>().find(name).await?;
    Ok(node.and_then(|node| node.metadata.uid).map(|uid| OwnerReference {
        api_version: "v1".to_owned(),
        kind: "Node".to_owned(),
        name: name.to_owned(),
        uid,
        ..OwnerReference::default()
    }))
}
