//! A server that does nothing: HTTP/2, mutual TLS, protobuf and answers that are always the same. No store can be faster
//! on this machine.

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use anyhow::{Context, Result};
use bytes::Bytes;
use etcd::server::Config;
use etcd::wire::etcdserverpb::kv_server::{Kv, KvServer};
use etcd::wire::etcdserverpb::{
    CompactionRequest, CompactionResponse, DeleteRangeRequest, DeleteRangeResponse, PutRequest, PutResponse,
    RangeRequest, RangeResponse, ResponseHeader, TxnRequest, TxnResponse,
};
use etcd::wire::mvccpb::KeyValue;
use net::{Binder, CertificatePem, Roots, Socket, SocketAddress, TlsServer, Transport, TrustAnchor};
use supervise::Scope;
use tonic::{Request, Response, Status, async_trait};
use tower_service::Service;

use crate::load::{RANGE, VALUE, key};

/// What makes this program that server; the folder of its certificates follows.
pub(crate) const ARGUMENT: &str = "nothing";
pub(crate) const PORT: u16 = 2479;

/// Serves until it is killed.
pub(crate) fn run(data: &Path) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serve(data))
}

async fn serve(data: &Path) -> Result<()> {
    let read = |name: &str| fs::read(data.join("certs").join(name));
    let certificate = CertificatePem { chain: read("server.crt")?, key: read("server.key")? };
    let roots = Roots::new(&[(TrustAnchor::EtcdCa, &read("etcd-ca.crt")?)])?;
    let tls = TlsServer::new(certificate, roots)?;
    let address =
        SocketAddress::Ip { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port: PORT, transport: Transport::Tcp };
    let row = Socket { name: ARGUMENT, service: ARGUMENT, address, binder: Binder::Host, access: "local" };
    let listener = net::bind_all(vec![row])?.listener(ARGUMENT).context("bound on the line above")?;
    let service = KvServer::new(Nothing::new());
    let answer = move |request| {
        let answering = service.clone().call(request);
        async {
            answering
                .await
                .map(|response| response.map(net::body::boxed))
                .unwrap_or_else(|never| match never {})
        }
    };
    let scope = Scope::root(ARGUMENT);
    net::serve_with(Config::HTTP2, &listener, Some(&tls), answer, scope.token()).await;
    Ok(())
}

/// The answers.
struct Nothing {
    put: PutResponse,
    get: RangeResponse,
    range: RangeResponse,
}

impl Nothing {
    fn new() -> Self {
        let header =
            ResponseHeader { cluster_id: 1 << 60, member_id: 1 << 60, revision: 1 << 20, raft_term: 2 };
        let pairs = |count: u64| RangeResponse {
            header: Some(header),
            kvs: (0..count).map(pair).collect(),
            more: false,
            count: count as i64,
        };
        Self { put: PutResponse { header: Some(header), prev_kv: None }, get: pairs(1), range: pairs(RANGE) }
    }
}

fn pair(index: u64) -> KeyValue {
    KeyValue {
        key: key(index),
        create_revision: 1 << 20,
        mod_revision: 1 << 20,
        version: 1,
        value: Bytes::from_static(&[b'x'; VALUE]),
        lease: 0,
    }
}

#[async_trait]
impl Kv for Nothing {
    async fn range(&self, request: Request<RangeRequest>) -> Result<Response<RangeResponse>, Status> {
        let answer = if request.get_ref().range_end.is_empty() { &self.get } else { &self.range };
        Ok(Response::new(answer.clone()))
    }

    async fn put(&self, _: Request<PutRequest>) -> Result<Response<PutResponse>, Status> {
        Ok(Response::new(self.put.clone()))
    }

    async fn delete_range(
        &self,
        _: Request<DeleteRangeRequest>,
    ) -> Result<Response<DeleteRangeResponse>, Status> {
        Err(Status::unimplemented("nothing is deleted"))
    }

    async fn txn(&self, _: Request<TxnRequest>) -> Result<Response<TxnResponse>, Status> {
        Err(Status::unimplemented("nothing is compared"))
    }

    async fn compact(&self, _: Request<CompactionRequest>) -> Result<Response<CompactionResponse>, Status> {
        Err(Status::unimplemented("nothing is kept"))
    }
}
