//! Leases over their stream.

use etcd::wire::etcdserverpb as pb;
use futures_util::stream;
use tonic::Code;

use crate::fixture::Fixture;

#[tokio::test]
async fn each_request_to_keep_a_lease_alive_is_answered_and_an_unknown_one_with_no_time() {
    let fixture = Fixture::start().await;
    fixture.lease().lease_grant(pb::LeaseGrantRequest { id: 7, ttl: 3600 }).await.unwrap();
    let requests = stream::iter([7, 8, 7].map(|id| pb::LeaseKeepAliveRequest { id }));
    let mut answers = fixture.lease().lease_keep_alive(requests).await.unwrap().into_inner();
    let mut received = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        received.push((answer.id, answer.ttl));
    }
    assert_eq!(received, [(7, 3600), (8, 0), (7, 3600)]);
}

#[tokio::test]
async fn streams_end_with_the_server() {
    let fixture = Fixture::start().await;
    let mut renewals = fixture.lease().lease_keep_alive(stream::pending()).await.unwrap().into_inner();
    let mut watches = fixture.watch().watch(stream::pending()).await.unwrap().into_inner();
    fixture.stop().await;
    for status in [renewals.message().await.unwrap_err(), watches.message().await.unwrap_err()] {
        assert_eq!((status.code(), status.message()), (Code::Unavailable, "etcdserver: server stopped"));
    }
}
