//! What `/metrics` tells of requests, by upstream's names and labels. Labels are what the tables of resources hold, so
//! that a request makes none.

mod route;

use std::sync::Arc;
use std::time::Instant;

use http::{Request, Response};
use hyper::body::Body as _;
use net::Body;
use observe::Metrics;
use observe::counter::Counter;
use observe::family::Family;
use observe::gauge::Gauge;
use observe::histogram::Histogram;

use self::route::{Counted, Route, Timed, Undifferentiated};
use super::Asked;
use super::guarded::guarded;

type Histograms<S> = Family<S, Histogram, fn() -> Histogram>;

/// Upper bounds in seconds: upstream's.
#[rustfmt::skip]
const SECONDS: [f64; 23] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0,
    45.0, 60.0,
];
/// Upper bounds in bytes: upstream's.
const BYTES: [f64; 7] = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

/// Counts requests; clones share the counts.
#[derive(Clone)]
pub(crate) struct Requests(Arc<Counts>);

struct Counts {
    metrics: Metrics,
    total: Family<Counted, Counter>,
    durations: Histograms<Timed>,
    sizes: Histograms<Undifferentiated>,
    longrunning: Family<Undifferentiated, Gauge>,
    reading: Gauge,
    mutating: Gauge,
}

/// One request that is being answered.
pub(crate) struct Meter {
    requests: Requests,
    route: Route,
    begin: Instant,
    running: Running,
}

/// Counts as long as it is there.
struct Running(Gauge);

impl Running {
    fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Requests {
    pub(crate) fn new(metrics: Metrics) -> Self {
        let inflight = Family::<[(&str, &str); 1], Gauge>::default();
        let counts = Counts {
            total: Family::default(),
            durations: Family::new_with_constructor(|| Histogram::new(SECONDS)),
            sizes: Family::new_with_constructor(|| Histogram::new(BYTES)),
            longrunning: Family::default(),
            reading: inflight.get_or_create_owned(&[("request_kind", "readOnly")]),
            mutating: inflight.get_or_create_owned(&[("request_kind", "mutating")]),
            metrics,
        };
        let Counts { metrics, total, durations, sizes, longrunning, .. } = &counts;
        metrics.register("apiserver_request", "Requests answered", total.clone());
        metrics.register(
            "apiserver_request_duration_seconds",
            "How long answers took that are no streams",
            durations.clone(),
        );
        metrics.register("apiserver_response_sizes", "Bytes of what was read", sizes.clone());
        metrics.register("apiserver_longrunning_requests", "Streams that are open", longrunning.clone());
        metrics.register(
            "apiserver_current_inflight_requests",
            "Requests being answered that are no streams",
            inflight,
        );
        Self(Arc::new(counts))
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    pub(crate) fn begin(&self, asked: &Asked, request: &Request<Body>) -> Meter {
        let route = Route::of(asked, request);
        let gauge = if asked.info.is_long_running() {
            self.0.longrunning.get_or_create_owned(&Undifferentiated(route.clone()))
        } else if request.method().is_safe() {
            self.0.reading.clone()
        } else {
            self.0.mutating.clone()
        };
        Meter { requests: self.clone(), route, begin: Instant::now(), running: Running::new(gauge) }
    }
}

impl Meter {
    /// There is an answer. One that is a stream is counted as running until it ends.
    pub(crate) fn end(self, asked: &Asked, response: Response<Body>) -> Response<Body> {
        let Self { requests: Requests(counts), route, begin, running } = self;
        let code = response.status().as_u16();
        let is_long_running = asked.info.is_long_running();
        if let Some(size) = response.body().size_hint().exact().filter(|_| route.reads()) {
            #[expect(clippy::cast_precision_loss, reason = "a body is far smaller than 2^52 bytes")]
            counts.sizes.get_or_create(&Undifferentiated(route.clone())).observe(size as f64);
        }
        if !is_long_running {
            counts.durations.get_or_create(&Timed(route.clone())).observe(begin.elapsed().as_secs_f64());
        }
        counts.total.get_or_create(&Counted { route, code }).inc();
        if is_long_running { response.map(|body| guarded(body, running)) } else { response }
    }
}
