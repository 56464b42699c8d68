//! ServiceCIDRs are ready when they are protected, and go when no address of theirs is in use any more.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use client::{ApiError, Client, Patch};
use ipnet::IpNet;
use k8s_openapi::api::networking::v1::{IPAddress, ServiceCIDR};
use objects::{Tree, tree};
use reconcile::{Outcome, Reconcile, Store};

use crate::wiring::Wiring;

const FINALIZER: &str = "networking.k8s.io/service-cidr-finalizer";
const READY: &str = "Ready";
const IS_READY: &str = "Kubernetes Service CIDR is ready";
const IN_USE: &str =
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";
/// How long an API server that has not heard of the end may still give addresses of it; upstream's.
const GRACE: Duration = Duration::from_secs(10);
/// Upstream's.
const WORKERS: NonZeroUsize = NonZeroUsize::new(5).expect("five is not zero");

pub(crate) fn wire(wiring: &mut Wiring<'_>) {
    let queue = wiring.queue("service_cidrs");
    let cidrs = wiring.feed(&queue, |cidr: &ServiceCIDR| cidr.metadata.name.clone());
    let (all, waiting) = (cidrs.clone(), queue.clone());
    // Whether one may go depends on the others, and on the addresses.
    let look = move || {
        let going = all.all().into_iter().filter(|cidr| is_going(cidr));
        going.filter_map(|cidr| cidr.metadata.name.clone()).for_each(|name| waiting.add(name));
    };
    let looks = look.clone();
    wiring.on_change::<ServiceCIDR>(move |_| looks());
    wiring.on_change::<IPAddress>(move |change| {
        if change.new.is_none() {
            look();
        }
    });
    let (addresses, client) = (wiring.store(), wiring.client());
    wiring.reconcile(Keeper { client, cidrs, addresses }, queue, WORKERS);
}

fn is_going(cidr: &ServiceCIDR) -> bool {
    cidr.metadata.deletion_timestamp.is_some()
}

fn is_protected(cidr: &ServiceCIDR) -> bool {
    cidr.metadata.finalizers.iter().flatten().any(|finalizer| finalizer == FINALIZER)
}

fn networks(cidr: &ServiceCIDR) -> impl Iterator<Item = IpNet> + '_ {
    let texts = cidr.spec.iter().flat_map(|spec| spec.cidrs.iter().flatten());
    texts.filter_map(|text| text.parse().ok())
}

/// Whether an address of one that is going is of no other.
fn is_needed(cidr: &ServiceCIDR, all: &[Arc<ServiceCIDR>], addresses: &[Arc<IPAddress>]) -> bool {
    let others: Vec<IpNet> = all
        .iter()
        .filter(|other| !is_going(other) && other.metadata.name != cidr.metadata.name)
        .flat_map(|other| networks(other))
        .collect();
    let ips = addresses.iter().filter_map(|address| address.metadata.name.as_ref()?.parse().ok());
    let mut ips = ips.filter(|ip: &std::net::IpAddr| networks(cidr).any(|network| network.contains(ip)));
    ips.any(|ip| !others.iter().any(|other| other.contains(&ip)))
}

struct Keeper {
    client: Client,
    cidrs: Store<ServiceCIDR>,
    addresses: Store<IPAddress>,
}

impl Reconcile for Keeper {
    type Key = String;
    type Error = ApiError;

    async fn reconcile(&self, name: &String) -> Result<Outcome, ApiError> {
        let Some(cidr) = self.cidrs.get("", name) else { return Ok(Outcome::Done) };
        match self.keep(name, &cidr).await {
            Err(error) if error.is_not_found() => Ok(Outcome::Done),
            ended => ended,
        }
    }
}

impl Keeper {
    async fn keep(&self, name: &str, cidr: &ServiceCIDR) -> Result<Outcome, ApiError> {
        if !is_going(cidr) {
            if !is_protected(cidr) {
                self.set_finalizers(name, cidr, true).await?;
            }
            self.set_ready(name, cidr, "True", "", IS_READY).await?;
            return Ok(Outcome::Done);
        }
        if !is_protected(cidr) {
            return Ok(Outcome::Done);
        }
        if is_needed(cidr, &self.cidrs.all(), &self.addresses.all()) {
            self.set_ready(name, cidr, "False", "Terminating", IN_USE).await?;
            return Ok(Outcome::Done);
        }
        let since = cidr.metadata.deletion_timestamp.as_ref().map(|time| time.0);
        let past = since.map(|since| supervise::clock::now().duration_since(since));
        let past = past.and_then(|past| Duration::try_from(past).ok()).unwrap_or(Duration::ZERO);
        if let Some(left) = GRACE.checked_sub(past).filter(|left| !left.is_zero()) {
            return Ok(Outcome::After(left));
        }
        self.set_finalizers(name, cidr, false).await?;
        Ok(Outcome::Done)
    }

    /// Protects it, or protects it no longer.
    async fn set_finalizers(&self, name: &str, cidr: &ServiceCIDR, protected: bool) -> Result<(), ApiError> {
        let others = cidr.metadata.finalizers.iter().flatten().filter(|finalizer| *finalizer != FINALIZER);
        let ours = protected.then_some(FINALIZER);
        let finalizers: Vec<Tree> = others.map(String::as_str).chain(ours).map(Tree::from).collect();
        let version = cidr.metadata.resource_version.clone();
        let patch = tree!({ "metadata": { "resourceVersion": version, "finalizers": finalizers } });
        self.client.cluster::<ServiceCIDR>().patch(name, &Patch::Merge(patch)).await.map(drop)
    }

    async fn set_ready(
        &self,
        name: &str,
        cidr: &ServiceCIDR,
        status: &str,
        reason: &str,
        message: &str,
    ) -> Result<(), ApiError> {
        let conditions = cidr.status.as_ref().and_then(|status| status.conditions.as_ref());
        let mut known = conditions.into_iter().flatten();
        if known.any(|condition| condition.type_ == READY && condition.status == status) {
            return Ok(());
        }
        let now = objects::meta::rfc3339(supervise::clock::now());
        let condition = tree!({
            "type": READY, "status": status, "reason": reason, "message": message, "lastTransitionTime": now
        });
        let patch = Patch::Strategic(tree!({ "status": { "conditions": [condition] } }));
        self.client.cluster::<ServiceCIDR>().patch_status(name, &patch).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use objects::tree::from_tree;

    use super::*;

    fn cidr(name: &str, network: &str) -> Arc<ServiceCIDR> {
        Arc::new(from_tree(&tree!({ "metadata": { "name": name }, "spec": { "cidrs": [network] } })).unwrap())
    }

    fn address(ip: &str) -> Arc<IPAddress> {
        Arc::new(from_tree(&tree!({ "metadata": { "name": ip } })).unwrap())
    }

    #[test]
    fn one_is_needed_as_long_as_it_has_addresses_that_no_other_has() {
        let old = cidr("old", "10.0.0.0/24");
        let needed = |others: &[Arc<ServiceCIDR>], ip: &str| {
            is_needed(&old, &[&[old.clone()], others].concat(), &[address(ip)])
        };
        assert!(needed(&[], "10.0.0.1"));
        assert!(!needed(&[], "10.0.1.1"));
        assert!(!needed(&[cidr("new", "10.0.0.0/16")], "10.0.0.1"));
        assert!(needed(&[cidr("new", "10.0.0.128/25")], "10.0.0.1"));
    }
}
