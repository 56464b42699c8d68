//! What every cluster has from its first moment: the system's namespaces and priority classes, the levels and schemas of
//! flow control, the APIServices of what is served here, whom aggregated servers are to believe, and the service
//! `kubernetes` with its endpoints. Ensured at each start; what others changed of it is left alone, but for the endpoints,
//! the CAs and flow control.

mod addresses;
mod authentication;
mod flow;

use std::net::IpAddr;

use http::StatusCode;
use ipnet::IpNet;
use objects::resource::{GroupVersion, Verb};
use objects::status::{Reason, Status};
use objects::{Tree, kind, meta, tree};
use tracing::warn;

use crate::call::{Call, Place};
use crate::config::ClientAuthorities;
use crate::discovery::Priority;
use crate::registration;
use crate::rest::Rest;
use crate::tokens::uses;

const NAMESPACES: &[&str] = &["default", "kube-system", "kube-public", "kube-node-lease"];
const HTTPS: u16 = 443;

pub(crate) use addresses::follow as follow_addresses;
pub(crate) use authentication::follow as follow_authorities;
pub(crate) use flow::follow as follow_flow;

/// Where the API server is to be found.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) service_cidrs: Vec<IpNet>,
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
}

/// Makes what is missing; returns when it is there.
pub(crate) async fn ensure(
    rest: &Rest,
    endpoint: &Endpoint,
    authorities: &ClientAuthorities,
) -> Result<(), Status> {
    rest.synced().await?;
    for name in NAMESPACES {
        write(rest, Verb::Create, ("", "namespaces"), "", tree!({ "metadata": { "name": (*name) } })).await?;
    }
    for class in kind::system_priority_classes() {
        write(rest, Verb::Create, ("scheduling.k8s.io", "priorityclasses"), "", class).await?;
    }
    write(rest, Verb::Create, ("", "configmaps"), "", tracking()).await?;
    flow::ensure(rest).await?;
    for service in api_services(rest) {
        write(rest, Verb::Create, ("apiregistration.k8s.io", "apiservices"), "", service).await?;
    }
    authentication::ensure(rest, authorities).await?;
    service_network(rest, endpoint).await?;
    let services = rest.registry().find("", "v1", "services").ok_or_else(Status::no_such_path)?;
    // One that is there has the address, so that another one is refused before its name is looked at.
    if let Some(service) =
        service(endpoint).filter(|_| rest.get_tree(&services, "default", "kubernetes").is_none())
    {
        write(rest, Verb::Create, ("", "services"), "", service).await?;
    }
    if endpoint.address.is_loopback() {
        // No endpoint may be there, and no pod could reach it.
        warn!(
            address = %endpoint.address,
            "pods cannot reach the API server: the service `kubernetes` has no endpoint on loopback; --advertise-address of args/kube-apiserver names another address"
        );
        return Ok(());
    }
    write(rest, Verb::Update, ("", "endpoints"), "kubernetes", endpoints(endpoint)).await?;
    let group = ("discovery.k8s.io", "endpointslices");
    let slice = slice(endpoint);
    write(rest, Verb::Create, group, "", slice.clone()).await?;
    write(rest, Verb::Update, group, "kubernetes", slice).await
}

/// One write of cluster scope or in the namespace that the object names, else in `default`. To exist already is as good.
async fn write(
    rest: &Rest,
    verb: Verb,
    (group, plural): (&str, &str),
    name: &str,
    tree: Tree,
) -> Result<(), Status> {
    let resource = rest.registry().find(group, "v1", plural).ok_or_else(Status::no_such_path)?;
    let named = tree.str_at(&["metadata", "namespace"]).unwrap_or("default");
    let namespace = if resource.is_namespaced() { named } else { "" };
    let call = Call::own(resource, verb, Place { namespace, name, subresource: "" }, &tree);
    match rest.answer(call).await {
        Ok(answer) if answer.code == StatusCode::OK || answer.code == StatusCode::CREATED => Ok(()),
        Ok(answer) => Err(Status::internal(answer.code)),
        Err(status) if status.is(Reason::AlreadyExists) => Ok(()),
        Err(status) => Err(status),
    }
}

/// Since when uses of tokens that secrets hold are written on those.
fn tracking() -> Tree {
    tree!({
        "metadata": {
            "namespace": "kube-system", "name": "kube-apiserver-legacy-service-account-token-tracking"
        },
        "data": { "since": (uses::day(supervise::clock::now())) }
    })
}

/// The ServiceCIDR of the addresses that Services get here, which is ready at once.
async fn service_network(rest: &Rest, endpoint: &Endpoint) -> Result<(), Status> {
    const GROUP: (&str, &str) = ("networking.k8s.io", "servicecidrs");
    const NAME: &str = "kubernetes";
    let cidrs: Vec<String> = endpoint.service_cidrs.iter().map(ToString::to_string).collect();
    let network = tree!({ "metadata": { "name": NAME }, "spec": { "cidrs": cidrs } });
    write(rest, Verb::Create, GROUP, "", network).await?;
    let row = rest.registry().find(GROUP.0, "v1", GROUP.1).ok_or_else(Status::no_such_path)?;
    let Some(mut network) = rest.get_tree(&row, "", NAME) else { return Ok(()) };
    if !network.items_at(&["status", "conditions"]).is_empty() {
        return Ok(());
    }
    let condition = tree!({
        "type": "Ready", "status": "True", "reason": "", "message": "Kubernetes Service CIDR is ready",
        "lastTransitionTime": (meta::rfc3339(supervise::clock::now()))
    });
    network.set_at(&["status", "conditions"], Tree::Array(vec![condition]));
    let place = Place { name: NAME, subresource: "status", ..Place::default() };
    rest.answer(Call::own(row, Verb::Update, place, &network)).await.map(drop)
}

/// An APIService for each built-in group version.
fn api_services(rest: &Rest) -> Vec<Tree> {
    let rows = rest.registry().rows();
    let mut versions: Vec<GroupVersion> = rows.iter().map(|row| row.group_version()).collect();
    versions.dedup();
    let registered =
        versions.iter().filter_map(|of| Some((of, Priority::registered(&of.group, &of.version)?)));
    registered
        .map(|(of, priority)| registration::local(of, priority, registration::Standing::OnStart))
        .collect()
}

fn service(endpoint: &Endpoint) -> Option<Tree> {
    let address = endpoint.service_cidrs.first()?.hosts().next()?.to_string();
    Some(tree!({
        "metadata": { "name": "kubernetes", "labels": { "component": "apiserver", "provider": "kubernetes" } },
        "spec": {
            "type": "ClusterIP", "clusterIP": (address.as_str()), "clusterIPs": [address], "sessionAffinity": "None",
            "ports": [{ "name": "https", "protocol": "TCP", "port": HTTPS, "targetPort": (endpoint.port) }]
        }
    }))
}

fn endpoints(endpoint: &Endpoint) -> Tree {
    tree!({
        "metadata": { "name": "kubernetes", "labels": { "endpointslice.kubernetes.io/skip-mirror": "true" } },
        "subsets": [{
            "addresses": [{ "ip": (endpoint.address.to_string()) }],
            "ports": [{ "name": "https", "port": (endpoint.port), "protocol": "TCP" }]
        }]
    })
}

fn slice(endpoint: &Endpoint) -> Tree {
    tree!({
        "metadata": { "name": "kubernetes", "labels": { "kubernetes.io/service-name": "kubernetes" } },
        "addressType": (if endpoint.address.is_ipv4() { "IPv4" } else { "IPv6" }),
        "endpoints": [{ "addresses": [(endpoint.address.to_string())], "conditions": { "ready": true } }],
        "ports": [{ "name": "https", "port": (endpoint.port), "protocol": "TCP" }]
    })
}
