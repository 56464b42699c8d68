//! Requests that change and read keys.

use etcd::wire::etcdserverpb as pb;
use pb::range_request::SortTarget;
use tonic::Code;

use crate::fixture::Fixture;

#[tokio::test]
async fn a_header_tells_the_cluster_the_member_and_the_revision() {
    let fixture = Fixture::start().await;
    let request = pb::PutRequest { key: "a".into(), ..Default::default() };
    let header = fixture.kv().put(request).await.unwrap().into_inner().header.unwrap();
    let identity = fixture.store.identity();
    assert_eq!((header.cluster_id, header.member_id), (identity.cluster, identity.member));
    assert_eq!((header.revision, header.raft_term), (2, 2));
}

#[tokio::test]
async fn a_message_beyond_the_limit_is_refused_as_grpc_go_does() {
    let fixture = Fixture::start().await;
    let put =
        |len: usize| pb::PutRequest { key: "a".into(), value: vec![0; len].into(), ..Default::default() };
    let refused = fixture.kv().put(put(3 << 20)).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(refused.message(), "grpc: received message larger than max (3145736 vs. 2097152)");
    let refused = fixture.kv().put(put(1_572_864)).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::InvalidArgument, "etcdserver: request is too large")
    );
    fixture.kv().put(put(1_572_000)).await.unwrap();
}

#[tokio::test]
async fn a_page_that_names_no_order_is_cut_by_key_and_sorted_then() {
    let fixture = Fixture::start().await;
    for (key, value) in [("a", "3"), ("b", "2"), ("c", "1"), ("d", "0")] {
        fixture.put(key, value).await;
    }
    let request = pb::RangeRequest {
        key: "a".into(),
        range_end: "z".into(),
        limit: 2,
        sort_target: SortTarget::Value.into(),
        ..Default::default()
    };
    let page = fixture.kv().range(request).await.unwrap().into_inner();
    let values: Vec<_> = page.kvs.iter().map(|kv| &kv.value[..]).collect();
    assert_eq!((values, page.more, page.count), (vec![&b"1"[..], b"2"], true, 4));
}

#[tokio::test]
async fn a_nested_transaction_answers_with_headers_of_revisions_only() {
    let fixture = Fixture::start().await;
    let put = |key: &'static str| pb::RequestOp {
        request: Some(pb::request_op::Request::RequestPut(pb::PutRequest {
            key: key.into(),
            ..Default::default()
        })),
    };
    let inner = pb::TxnRequest { success: vec![put("b")], ..Default::default() };
    let nested = pb::RequestOp { request: Some(pb::request_op::Request::RequestTxn(inner)) };
    let outer = pb::TxnRequest { success: vec![put("a"), nested], ..Default::default() };
    let answer = fixture.kv().txn(outer).await.unwrap().into_inner();
    let at = |revision| Some(pb::ResponseHeader { revision, ..Default::default() });
    let put = |revision| pb::ResponseOp {
        response: Some(pb::response_op::Response::ResponsePut(pb::PutResponse {
            header: at(revision),
            prev_kv: None,
        })),
    };
    let nested = pb::TxnResponse { header: at(0), succeeded: true, responses: vec![put(2)] };
    let nested = pb::ResponseOp { response: Some(pb::response_op::Response::ResponseTxn(nested)) };
    assert_eq!(answer.responses, [put(2), nested]);
}

#[tokio::test]
async fn a_damaged_store_takes_no_change() {
    let fixture = Fixture::start().await;
    let alarm = |action: pb::alarm_request::AlarmAction| pb::AlarmRequest {
        action: action.into(),
        alarm: pb::AlarmType::Corrupt.into(),
        ..Default::default()
    };
    fixture.maintenance().alarm(alarm(pb::alarm_request::AlarmAction::Activate)).await.unwrap();
    let put = pb::PutRequest { key: "a".into(), ..Default::default() };
    let refused = fixture.kv().put(put).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::DataLoss, "etcdserver: corrupt cluster"));
    fixture.maintenance().alarm(alarm(pb::alarm_request::AlarmAction::Deactivate)).await.unwrap();
    fixture.put("a", "1").await;
}
