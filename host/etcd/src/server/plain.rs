//! What is asked for without gRPC: metrics, health and version.

use datastore::Alarm;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use serde_json::json;

use super::member::Member;
use super::{CLUSTER_VERSION, VERSION};
use crate::snapshot::STORAGE_VERSION;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

pub(super) fn answer(member: &Member, method: &Method, path: &str) -> Response<net::Body> {
    let page = match path {
        "/metrics" => metrics,
        "/health" => health,
        "/version" => version,
        _ => return respond(StatusCode::NOT_FOUND, TEXT, "404 page not found\n".to_owned()),
    };
    if method != Method::GET {
        let mut refusal = respond(StatusCode::METHOD_NOT_ALLOWED, TEXT, "Method Not Allowed\n".to_owned());
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
        return refusal;
    }
    page(member)
}

fn metrics(member: &Member) -> Response<net::Body> {
    respond(StatusCode::OK, observe::CONTENT_TYPE, member.metrics.text(&member.store))
}

/// Healthy is who has no alarm.
fn health(member: &Member) -> Response<net::Body> {
    let (status, reason) = match member.store.status().alarms.first() {
        None => (StatusCode::OK, ""),
        Some(Alarm::NoSpace) => (StatusCode::SERVICE_UNAVAILABLE, "ALARM NOSPACE"),
        Some(Alarm::Corrupt) => (StatusCode::SERVICE_UNAVAILABLE, "ALARM CORRUPT"),
    };
    let metrics = &member.metrics;
    if reason.is_empty() {
        metrics.health_successes.inc()
    } else {
        metrics.health_failures.inc()
    };
    let health = reason.is_empty().to_string();
    respond(status, TEXT, json!({"health": health, "reason": reason}).to_string())
}

fn version(_: &Member) -> Response<net::Body> {
    let versions = json!({
        "etcdserver": VERSION,
        "etcdcluster": CLUSTER_VERSION,
        "storage": STORAGE_VERSION,
    });
    respond(StatusCode::OK, JSON, versions.to_string())
}

fn respond(status: StatusCode, content_type: &'static str, text: String) -> Response<net::Body> {
    let mut response = Response::new(net::body::full(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
