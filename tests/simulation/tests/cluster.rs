//! What the cluster keeps for itself: certificates, roles, tokens, and what each node is given.

#![allow(clippy::unwrap_used, reason = "a test fails by its panic")]

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{CertificateSigningRequest, CertificateSigningRequestSpec};
use k8s_openapi::api::core::v1::{Node, Secret, ServiceAccount};
use k8s_openapi::api::networking::v1::{IPAddress, ServiceCIDR};
use k8s_openapi::api::rbac::v1::ClusterRole;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use objects::tree;
use pki::{Facts, Pki};
use simulation::{Rates, Setup, World};

/// A world that signs with a CA of its own, which lasts as long as the folder.
async fn signing_world() -> (World, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["certs", "credentials"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    let pki = Pki::new(folder.path());
    let facts = Facts {
        node_name: "box".to_owned(),
        addresses: Vec::new(),
        service_address: "10.152.183.1".parse().unwrap(),
        api_port: 16443,
    };
    pki.ensure(&facts, SystemTime::now()).unwrap();
    let duration = controllers::ClusterSigning::DURATION;
    let authority = pki::SigningCa::Cluster(pki);
    let cluster_signing = Some(controllers::ClusterSigning { authority, others: Vec::new(), duration });
    let controllers = controllers::Config { cluster_signing, ..controllers::Config::default() };
    (World::with(Setup { nodes: 0, controllers, ..Setup::default() }).await, folder)
}

/// A request of a node for a certificate, as some signer's.
async fn ask(world: &World, signer: &str, usages: &[&str]) -> CertificateSigningRequest {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::OrganizationName, "system:nodes");
    params.distinguished_name.push(rcgen::DnType::CommonName, "system:node:box");
    let request = params.serialize_request(&rcgen::KeyPair::generate().unwrap()).unwrap();
    let csr = CertificateSigningRequest {
        metadata: ObjectMeta { name: Some("box".to_owned()), ..ObjectMeta::default() },
        spec: CertificateSigningRequestSpec {
            request: ByteString(request.pem().unwrap().into_bytes()),
            signer_name: format!("kubernetes.io/{signer}"),
            usages: Some(usages.iter().map(|usage| (*usage).to_owned()).collect()),
            ..CertificateSigningRequestSpec::default()
        },
        status: None,
    };
    world.client().cluster().create(&csr).await.unwrap()
}

async fn until_status<T>(
    world: &World,
    claim: &str,
    look: impl Fn(CertificateSigningRequest) -> Option<T>,
) -> T {
    let requests = world.client().cluster::<CertificateSigningRequest>();
    world.until(claim, || async { look(requests.get("box").await.unwrap()) }).await
}

#[tokio::test(start_paused = true)]
async fn a_kubelet_that_may_have_a_certificate_gets_one_and_its_request_is_cleaned_up() {
    let (world, _folder) = signing_world().await;
    ask(&world, "kube-apiserver-client-kubelet", &["client auth", "digital signature"]).await;
    let signed = until_status(&world, "a certificate", |csr| csr.status?.certificate).await;
    assert!(signed.0.starts_with(b"-----BEGIN CERTIFICATE-----"));
    let requests = world.client().cluster::<CertificateSigningRequest>();
    world.rest(Duration::from_secs(3500)).await;
    assert!(requests.find("box").await.unwrap().is_some());
    let is_gone = || async { requests.find("box").await.unwrap().is_none().then_some(()) };
    world.until("the request is cleaned up", is_gone).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_signer_does_not_sign_fails_with_the_reason() {
    let (world, _folder) = signing_world().await;
    let mut csr = ask(&world, "kubelet-serving", &["server auth", "digital signature"]).await;
    world.rest(Duration::from_secs(5)).await;
    let conditions =
        tree!([{ "type": "Approved", "status": "True", "reason": "Test", "message": "by hand" }]);
    csr.status.get_or_insert_default().conditions = objects::tree::from_tree(&conditions).unwrap();
    let requests = world.client().cluster::<CertificateSigningRequest>();
    requests.update_subresource("box", "approval", &csr).await.unwrap();
    let failed = until_status(&world, "it failed", |csr| {
        csr.status?.conditions?.into_iter().find(|condition| condition.type_ == "Failed")
    })
    .await;
    assert_eq!(failed.reason.unwrap(), "SignerValidationFailure");
    assert_eq!(failed.message.unwrap(), "DNS or IP subjectAltName is required");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_sums_up_others_follows_them() {
    let world = World::with(Setup { nodes: 0, ..Setup::default() }).await;
    let sum = tree!({ "clusterRoleSelectors": [{ "matchLabels": { "sum": "yes" } }] });
    world
        .create_cluster::<ClusterRole>(tree!({ "metadata": { "name": "sum" }, "aggregationRule": sum }))
        .await;
    let rule = tree!({ "apiGroups": ["example.com"], "resources": ["things"], "verbs": ["get"] });
    let part = tree!({ "metadata": { "name": "part", "labels": { "sum": "yes" } }, "rules": [rule] });
    world.create_cluster::<ClusterRole>(part).await;
    let roles = world.client().cluster::<ClusterRole>();
    let rules = || async { roles.get("sum").await.unwrap().rules.map_or(0, |rules| rules.len()) };
    world.until("the rule", || async { (rules().await == 1).then_some(()) }).await;
    roles.delete("part", &client::DeleteOptions::default()).await.unwrap();
    world.until("no rule", || async { (rules().await == 0).then_some(()) }).await;
}

#[tokio::test(start_paused = true)]
async fn a_bootstrap_token_is_gone_when_it_has_expired() {
    let list = ["*", "token-cleaner-controller"];
    let controllers = controllers::Selection::parse(list).unwrap();
    let controllers = controllers::Config { controllers, ..controllers::Config::default() };
    let world = World::with(Setup { nodes: 0, controllers, ..Setup::default() }).await;
    let end = supervise::clock::now() + Duration::from_secs(300);
    let token = tree!({
        "metadata": { "name": "bootstrap-token-abcdef" },
        "type": "bootstrap.kubernetes.io/token",
        "stringData": { "token-id": "abcdef", "token-secret": "0123456789abcdef", "expiration": (objects::meta::rfc3339(end)) }
    });
    world.create_in::<Secret>("kube-system", token).await;
    let secrets = world.client().namespaced::<Secret>("kube-system");
    world.rest(Duration::from_secs(290)).await;
    assert!(secrets.find("bootstrap-token-abcdef").await.unwrap().is_some());
    let is_gone = || async { secrets.find("bootstrap-token-abcdef").await.unwrap().is_none().then_some(()) };
    world.until("the token is gone", is_gone).await;
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_a_service_account_has_a_token_and_goes_with_the_account() {
    let world = World::with(Setup { nodes: 0, ..Setup::default() }).await;
    world.create::<ServiceAccount>(tree!({ "metadata": { "name": "robot" } })).await;
    let annotations = tree!({ "kubernetes.io/service-account.name": "robot" });
    let metadata = tree!({ "name": "robot-token", "annotations": annotations });
    let secret = tree!({ "metadata": metadata, "type": "kubernetes.io/service-account-token" });
    world.create::<Secret>(secret).await;
    let filled = world
        .until_object::<Secret>("robot-token", "a token", |secret| {
            secret.str_at(&["data", "token"]).is_some_and(|token| !token.is_empty())
        })
        .await;
    assert!(filled.str_at(&["data", "ca.crt"]).is_some() && filled.str_at(&["data", "namespace"]).is_some());
    world.delete::<ServiceAccount>("robot", &client::DeleteOptions::default()).await;
    let is_gone = || async { world.find::<Secret>("robot-token").await.is_none().then_some(()) };
    world.until("the secret is gone", is_gone).await;
}

#[tokio::test(start_paused = true)]
async fn every_node_has_a_network_of_its_own_whatever_goes_wrong() {
    let cluster = vec!["10.1.0.0/16".parse().unwrap(), "fd00::/48".parse().unwrap()];
    let node_networks = controllers::NodeNetworks { cluster, ..controllers::NodeNetworks::default() };
    let controllers = controllers::Config { node_networks, ..controllers::Config::default() };
    let faults = Rates { conflicts: 100, losses: 50, closed_watches: 100 };
    for seed in 0..2 {
        let setup = Setup { nodes: 6, controllers: controllers.clone(), faults, seed, ..Setup::default() };
        let world = World::with(setup).await;
        let nodes = world.client().cluster::<Node>();
        let claim = format!("six networks, seed {seed}");
        world
            .until(&claim, || async {
                let nodes = nodes.list(&client::ListOptions::default()).await.unwrap().items;
                let given = nodes.iter().filter_map(|node| node.spec.as_ref()?.pod_cidrs.clone());
                let given: Vec<Vec<String>> = given.collect();
                let distinct: BTreeSet<&String> = given.iter().flatten().collect();
                assert_eq!(distinct.len(), 2 * given.len(), "seed {seed}: {given:?}");
                (given.len() == 6).then_some(())
            })
            .await;
        let ttl =
            |node: &Node| node.metadata.annotations.as_ref()?.get("node.alpha.kubernetes.io/ttl").cloned();
        let is_told = || async { (ttl(&nodes.get("node-0").await.unwrap())? == "0").then_some(()) };
        world.until("its TTL", is_told).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_network_of_services_is_ready_and_goes_when_its_addresses_are_gone() {
    let world = World::with(Setup { nodes: 0, ..Setup::default() }).await;
    world
        .create_cluster::<ServiceCIDR>(
            tree!({ "metadata": { "name": "more" }, "spec": { "cidrs": ["10.9.0.0/24"] } }),
        )
        .await;
    let cidrs = world.client().cluster::<ServiceCIDR>();
    let ready = |cidr: ServiceCIDR| {
        let conditions = cidr.status.and_then(|status| status.conditions).unwrap_or_default();
        conditions.into_iter().find(|condition| condition.type_ == "Ready").map(|condition| condition.status)
    };
    let until_ready = async |status: &str| {
        let look = || async { (ready(cidrs.get("more").await.unwrap())? == status).then_some(()) };
        world.until(status, look).await;
    };
    until_ready("True").await;
    let parent = tree!({ "parentRef": { "resource": "services", "namespace": "default", "name": "web" } });
    let metadata = tree!({ "name": "10.9.0.7" });
    world.create_cluster::<IPAddress>(tree!({ "metadata": metadata, "spec": parent })).await;
    cidrs.delete("more", &client::DeleteOptions::default()).await.unwrap();
    until_ready("False").await;
    let addresses = world.client().cluster::<IPAddress>();
    addresses.delete("10.9.0.7", &client::DeleteOptions::default()).await.unwrap();
    let is_gone = || async { cidrs.find("more").await.unwrap().is_none().then_some(()) };
    world.until("it is gone", is_gone).await;
}
