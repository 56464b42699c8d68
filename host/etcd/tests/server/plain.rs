//! What is asked for without gRPC, and what gRPC is asked for beside etcd's services.

use http::{Request, StatusCode};
use http_body_util::BodyExt;
use tonic::Code;
use tonic::body::Body;
use tonic_reflection::pb::v1 as reflection;

use crate::fixture::{Fixture, origin};

async fn get(fixture: &Fixture, path: &str) -> (StatusCode, String) {
    let request = Request::get(format!("http://etcd{path}")).body(Body::empty()).unwrap();
    let response = fixture.channel.clone().send(request).await;
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn metrics_have_etcds_names() {
    let fixture = Fixture::start().await;
    fixture.put("a", "1").await;
    fixture.kv().range(etcd::wire::etcdserverpb::RangeRequest::default()).await.unwrap_err();
    let (_, text) = get(&fixture, "/metrics").await;
    let call = |code: &str, method: &str| {
        let labels = r#"grpc_type="unary",grpc_service="etcdserverpb.KV""#;
        format!("grpc_server_handled_total{{{labels},grpc_method=\"{method}\",grpc_code=\"{code}\"}} 1\n")
    };
    let expected = [
        "etcd_server_has_leader 1\n",
        "etcd_mvcc_put_total 1\n",
        "etcd_debugging_mvcc_keys_total 1\n",
        "etcd_debugging_mvcc_current_revision 2\n",
        "process_resident_memory_bytes ",
        &call("OK", "Put"),
        &call("InvalidArgument", "Range"),
    ];
    for line in expected {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

/// Those of etcd, so that its dashboards and alerts find them.
#[tokio::test]
async fn flushes_are_counted_in_etcds_buckets() {
    let fixture = Fixture::start().await;
    fixture.put("a", "1").await;
    fixture.put("a", "2").await;
    let (_, text) = get(&fixture, "/metrics").await;
    let name = "etcd_disk_wal_fsync_duration_seconds";
    let bounds: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix(name)?.strip_prefix("_bucket{le=\"")?.split_once('"'))
        .map(|(bound, _)| bound)
        .collect();
    let expected = [
        "0.001", "0.002", "0.004", "0.008", "0.016", "0.032", "0.064", "0.128", "0.256", "0.512", "1.024",
        "2.048", "4.096", "8.192", "+Inf",
    ];
    assert_eq!(bounds, expected);
    assert!(text.contains(&format!("{name}_count 2\n")), "{text}");
}

#[tokio::test]
async fn health_follows_the_alarms() {
    let fixture = Fixture::start().await;
    let healthy = r#"{"health":"true","reason":""}"#.to_owned();
    assert_eq!(get(&fixture, "/health").await, (StatusCode::OK, healthy));
    fixture.store.set_alarm(datastore::Alarm::NoSpace, true).await.unwrap();
    let full = r#"{"health":"false","reason":"ALARM NOSPACE"}"#.to_owned();
    assert_eq!(get(&fixture, "/health").await, (StatusCode::SERVICE_UNAVAILABLE, full));
    assert_eq!(get(&fixture, "/nothing").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn reflection_lists_the_services() {
    use reflection::server_reflection_client::ServerReflectionClient;
    use reflection::server_reflection_request::MessageRequest;
    use reflection::server_reflection_response::MessageResponse;
    let fixture = Fixture::start().await;
    let mut client = ServerReflectionClient::with_origin(fixture.channel.clone(), origin());
    let request = reflection::ServerReflectionRequest {
        message_request: Some(MessageRequest::ListServices(String::new())),
        ..Default::default()
    };
    let asked = client.server_reflection_info(futures_util::stream::iter([request])).await;
    let answer = asked.unwrap().into_inner().message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("{answer:?}")
    };
    let names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    assert!(names.contains(&"etcdserverpb.KV".to_owned()), "{names:?}");
    assert!(names.contains(&"grpc.health.v1.Health".to_owned()), "{names:?}");
}

#[tokio::test]
async fn an_unknown_method_is_not_implemented() {
    let fixture = Fixture::start().await;
    let request = Request::post("http://etcd/etcdserverpb.Auth/AuthStatus")
        .header("content-type", "application/grpc")
        .body(Body::empty())
        .unwrap();
    let response = fixture.channel.clone().send(request).await;
    let status = tonic::Status::from_header_map(response.headers()).unwrap();
    assert_eq!((status.code(), status.message()), (Code::Unimplemented, "unknown service etcdserverpb.Auth"));
}
