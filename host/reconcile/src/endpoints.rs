//! The ports of a component: `/healthz` for everybody, `/metrics` for who may; over TLS behind a gate, and in plain
//! text for this machine alone.

#[cfg(test)]
mod tests;

use client::delegated::{Access, Gate};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use net::{Body, Listener, TlsServer, body};
use observe::Metrics;
use tokio_util::sync::CancellationToken;

const HEALTH: &str = "/healthz";
const METRICS: &str = "/metrics";
const TEXT: &str = "text/plain; charset=utf-8";

/// The listeners of a component; `None` where the arguments turn a port off.
#[derive(Clone, Default)]
pub struct Ports {
    pub secure: Option<(Listener, TlsServer)>,
    /// To be bound to loopback: who reaches it is asked for nothing.
    pub plain: Option<Listener>,
}

/// What answers on them. `gate` is asked by the secure port alone.
#[derive(Clone)]
pub struct Endpoints {
    pub ports: Ports,
    pub gate: Gate,
    pub metrics: Metrics,
}

impl Endpoints {
    /// Serves both ports until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let Self { ports, gate, metrics } = self;
        let secure = async {
            if let Some((listener, tls)) = &ports.secure {
                serve(listener, Some(tls), Some(gate), metrics.clone(), stop.clone()).await;
            }
        };
        let plain = async {
            if let Some(listener) = &ports.plain {
                serve(listener, None, None, metrics.clone(), stop.clone()).await;
            }
        };
        tokio::join!(secure, plain, stop.cancelled());
    }
}

async fn serve(
    listener: &Listener,
    tls: Option<&TlsServer>,
    gate: Option<Gate>,
    metrics: Metrics,
    stop: CancellationToken,
) {
    let service = move |request| {
        let (gate, metrics) = (gate.clone(), metrics.clone());
        async move { answer(request, gate.as_ref(), &metrics).await }
    };
    net::serve(listener, tls, service, stop).await;
}

/// Who may is asked before what there is, so that a stranger learns nothing.
async fn answer<B>(request: Request<B>, gate: Option<&Gate>, metrics: &Metrics) -> Response<Body> {
    let (head, _) = request.into_parts();
    let path = head.uri.path();
    if let Some(gate) = gate.filter(|_| path != HEALTH) {
        let access = Access::Path { verb: head.method.as_str().to_ascii_lowercase(), path: path.to_owned() };
        if let Err(refusal) = gate.admit(&head, &access).await {
            return refusal.response();
        }
    }
    match (path, &head.method) {
        (HEALTH, &Method::GET) => text(StatusCode::OK, TEXT, "ok"),
        (METRICS, &Method::GET) => text(StatusCode::OK, observe::CONTENT_TYPE, metrics.text()),
        (HEALTH | METRICS, _) => {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, TEXT, "method not allowed\n");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
            response
        }
        _ => text(StatusCode::NOT_FOUND, TEXT, "404 page not found\n"),
    }
}

fn text(code: StatusCode, kind: &'static str, text: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(body::full(text));
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
