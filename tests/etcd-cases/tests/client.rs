//! The `etcd-client` crate, over TLS with certificates on both sides, as the node's PKI makes them.

#![allow(clippy::unwrap_used, reason = "a helper of a test may fail it")]

use std::net::IpAddr;
use std::time::SystemTime;

use etcd_cases::{Endpoint, Ours, Running};
use etcd_client::{
    Certificate, Client, Compare, CompareOp, ConnectOptions, EventType, GetOptions, Identity, PutOptions,
    TlsOptions, Txn, TxnOp, WatchOptions,
};
use net::{CertificatePem, Roots, TlsServer, TrustAnchor};
use pki::{Authority, Facts, Pki};
use tempfile::TempDir;

/// A server with the certificates of a node.
struct Node {
    pki: Pki,
    server: Ours,
    _folder: TempDir,
}

impl Node {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["certs", "credentials"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let pki = Pki::new(folder.path());
        let facts = Facts {
            node_name: "node".into(),
            addresses: vec![IpAddr::from([127, 0, 0, 1])],
            service_address: IpAddr::from([10, 152, 183, 1]),
            api_port: 16443,
        };
        pki.ensure(&facts, SystemTime::now()).unwrap();
        let own = pki.pem("server").unwrap();
        let clients = pki.bundle(Authority::Etcd).unwrap();
        let roots = Roots::new(&[(TrustAnchor::EtcdCa, &clients)]).unwrap();
        let tls = TlsServer::new(CertificatePem { chain: own.chain, key: own.key }, roots).unwrap();
        Self { pki, server: Ours::start_with_tls(tls).unwrap(), _folder: folder }
    }

    /// Who shows this certificate.
    async fn client(&self, certificate: &str) -> Client {
        let Endpoint::Tcp(address) = self.server.endpoint() else { panic!("it listens on a port") };
        let pem = self.pki.pem(certificate).unwrap();
        let tls = TlsOptions::new()
            .ca_certificate(Certificate::from_pem(self.pki.bundle(Authority::Cluster).unwrap()))
            .identity(Identity::from_pem(pem.chain, pem.key));
        let options = ConnectOptions::new().with_tls(tls);
        Client::connect([format!("https://{address}")], Some(options)).await.unwrap()
    }
}

fn check(test: impl AsyncFnOnce(&Node)) {
    let node = Node::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(test(&node));
    runtime.shutdown_background();
}

#[test]
fn it_puts_gets_compares_and_deletes() {
    check(async |node| {
        let mut client = node.client("apiserver-etcd-client").await;
        client.put("/a", "1", None).await.unwrap();
        let swap = Txn::new()
            .when([Compare::value("/a", CompareOp::Equal, "1")])
            .and_then([TxnOp::put("/a", "2", None), TxnOp::put("/b", "1", None)])
            .or_else([TxnOp::get("/a", None)]);
        assert!(client.txn(swap.clone()).await.unwrap().succeeded());
        assert!(!client.txn(swap).await.unwrap().succeeded());
        let all = client.get("/", Some(GetOptions::new().with_prefix())).await.unwrap();
        let found: Vec<_> =
            all.kvs().iter().map(|kv| (kv.key_str().unwrap(), kv.value_str().unwrap())).collect();
        assert_eq!(found, [("/a", "2"), ("/b", "1")]);
        let old = client.get("/a", Some(GetOptions::new().with_revision(2))).await.unwrap();
        assert_eq!(old.kvs()[0].value(), b"1");
        assert_eq!(client.delete("/a", None).await.unwrap().deleted(), 1);
    });
}

#[test]
fn it_watches_what_its_lease_takes_along() {
    check(async |node| {
        let mut client = node.client("apiserver-etcd-client").await;
        let (mut watcher, mut events) =
            client.watch("/leased", Some(WatchOptions::new().with_prev_key())).await.unwrap().split();
        let lease = client.lease_grant(60, None).await.unwrap().id();
        client.put("/leased", "1", Some(PutOptions::new().with_lease(lease))).await.unwrap();
        client.lease_revoke(lease).await.unwrap();
        let mut seen = Vec::new();
        while seen.len() < 2 {
            let response = events.message().await.unwrap().unwrap();
            seen.extend(
                response
                    .events()
                    .iter()
                    .map(|event| (event.event_type(), event.prev_kv().map(|kv| kv.value().to_vec()))),
            );
        }
        assert_eq!(seen, [(EventType::Put, None), (EventType::Delete, Some(b"1".to_vec()))]);
        watcher.cancel(0).await.unwrap();
    });
}

#[test]
fn the_certificates_of_everybody_else_are_refused() {
    check(async |node| {
        for stranger in ["client", "kubelet", "server", "apiserver-kubelet-client", "front-proxy-client"] {
            let refused = node.client(stranger).await.get("/a", None).await.unwrap_err().to_string();
            assert!(refused.contains("client certificate is not of etcd-ca"), "{stranger}: {refused}");
        }
    });
}
