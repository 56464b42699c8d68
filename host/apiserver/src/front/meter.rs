//! What `/metrics` tells of requests.

use std::time::Instant;

use http::{Method, StatusCode};
use observe::Metrics;
use observe::counter::Counter;
use observe::family::Family;
use observe::gauge::Gauge;
use observe::histogram::Histogram;

use super::Asked;
use super::path::RequestInfo;

type Labels = Vec<(&'static str, String)>;
type Durations = Family<Labels, Histogram, fn() -> Histogram>;

/// Upper bounds in seconds, dense where an API server in this process answers.
const BUCKETS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0];

/// Counts requests; clones share the counts.
#[derive(Clone)]
pub(crate) struct Requests {
    metrics: Metrics,
    total: Family<Labels, Counter>,
    durations: Durations,
    inflight: Family<Labels, Gauge>,
}

/// One request that is being answered.
pub(crate) struct Meter {
    requests: Requests,
    verb: String,
    resource: String,
    is_timed: bool,
    inflight: Option<Gauge>,
    begin: Instant,
}

impl Requests {
    pub(crate) fn new(metrics: Metrics) -> Self {
        let requests = Self {
            total: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            inflight: Family::default(),
            metrics,
        };
        let Self { metrics, total, durations, inflight } = &requests;
        metrics.register("apiserver_request", "Requests answered", total.clone());
        metrics.register(
            "apiserver_request_duration_seconds",
            "How long answers took that are no streams",
            durations.clone(),
        );
        metrics.register(
            "apiserver_current_inflight_requests",
            "Requests being answered that are no streams",
            inflight.clone(),
        );
        requests
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(crate) fn begin(&self, Asked { info, resource }: &Asked, method: &Method) -> Meter {
        let kind = if method.is_safe() { "readOnly" } else { "mutating" };
        let is_timed = !info.is_long_running();
        let inflight =
            is_timed.then(|| self.inflight.get_or_create_owned(&vec![("request_kind", kind.to_owned())]));
        if let Some(inflight) = &inflight {
            inflight.inc();
        }
        // A name that anyone may invent is no label.
        let resource = resource.as_ref().map(|resource| resource.plural.to_string());
        Meter {
            requests: self.clone(),
            verb: verb(info, method).to_owned(),
            resource: resource.unwrap_or_default(),
            is_timed,
            inflight,
            begin: Instant::now(),
        }
    }
}

impl Meter {
    pub(crate) fn end(self, code: StatusCode) {
        let labels = vec![("verb", self.verb.clone()), ("resource", self.resource.clone())];
        if self.is_timed {
            self.requests.durations.get_or_create(&labels).observe(self.begin.elapsed().as_secs_f64());
        }
        let labels = [labels, vec![("code", code.as_str().to_owned())]].concat();
        self.requests.total.get_or_create(&labels).inc();
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(inflight) = &self.inflight {
            inflight.dec();
        }
    }
}

/// The label of a verb: the method, told apart where one method does several things.
fn verb(info: &RequestInfo, method: &Method) -> &'static str {
    match (info.verb.as_str(), method) {
        ("list", _) => "LIST",
        ("watch", _) => "WATCH",
        ("deletecollection", _) => "DELETECOLLECTION",
        (_, &Method::GET) => "GET",
        (_, &Method::HEAD) => "HEAD",
        (_, &Method::POST) => "POST",
        (_, &Method::PUT) => "PUT",
        (_, &Method::PATCH) => "PATCH",
        (_, &Method::DELETE) => "DELETE",
        _ => "other",
    }
}
