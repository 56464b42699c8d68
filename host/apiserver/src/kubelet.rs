//! The sub-resources of pods that their kubelet answers: log, exec, attach and portforward. What they are for is made
//! an address here; bytes go through unread.

mod options;
mod target;

use http::header::{CONTENT_TYPE, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri};
use net::{Body, HttpClient, TlsClient, body};
use objects::resource::GroupResource;
use objects::status::{Outcome, Reason, Status};
use supervise::Scope;

use crate::call::Call;
use crate::relay;
use crate::rest::Rest;
use crate::tokens::core;

/// What of a kubelet's refusal is shown at most.
const MAX_REFUSAL: usize = 50_000;
/// Headers of an upgrade that go through, beside those of a WebSocket handshake.
const UPGRADE_HEADERS: &[&str] = &["connection", "upgrade", "origin", "x-stream-protocol-version"];
const WEBSOCKET: &str = "sec-websocket-";
/// Begins the protocol of a WebSocket that holds a token in base64url.
pub(crate) const BEARER_PROTOCOL: &str = "base64url.bearer.authorization.k8s.io.";

/// Answers for pods by their kubelets. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Proxy {
    rest: Rest,
    client: HttpClient,
    scope: Scope,
}

impl Proxy {
    /// `tls` verifies kubelets and is known to them; the scope's tasks copy the bytes of what was upgraded.
    pub(crate) fn new(rest: Rest, tls: TlsClient, scope: Scope) -> Self {
        Self { rest, client: HttpClient::tls_upgradable(tls), scope }
    }

    /// Whether a call is for here.
    pub(crate) fn serves(call: &Call) -> bool {
        target::of(call).is_some()
    }

    /// The kubelet's answer. The request gives its method, its headers and its connection; its body is not read.
    pub(crate) async fn answer<B>(&self, call: &Call, request: Request<B>) -> Result<Response<Body>, Status>
    where
        B: Send + 'static,
    {
        match self.place(call)? {
            Place::Nowhere => Ok(no_content()),
            Place::At(uri) => forward(&self.client, &self.scope, uri, request).await,
        }
    }

    fn place(&self, call: &Call) -> Result<Place, Status> {
        let target = target::of(call).ok_or_else(Status::no_such_path)?;
        let pod = core(self.rest.view(), "pods", &call.namespace, &call.name)
            .ok_or_else(|| Status::not_found(&call.resource.group_resource(), &call.name))?;
        let path = target.path(call, &pod)?;
        let Some(name) = pod.str_at(&["spec", "nodeName"]).filter(|name| !name.is_empty()) else {
            return target.unassigned(&call.name).map(|()| Place::Nowhere);
        };
        let node = core(self.rest.view(), "nodes", "", name)
            .ok_or_else(|| Status::not_found(&GroupResource::new("", "nodes"), name))?;
        target::uri(&node, &path).map(Place::At)
    }
}

/// Where a call is answered.
enum Place {
    /// There is no kubelet yet, and nothing to say.
    Nowhere,
    At(Uri),
}

fn no_content() -> Response<Body> {
    let mut nothing = Response::new(body::empty());
    *nothing.status_mut() = StatusCode::NO_CONTENT;
    nothing
}

async fn forward<B: Send + 'static>(
    client: &HttpClient,
    scope: &Scope,
    uri: Uri,
    request: Request<B>,
) -> Result<Response<Body>, Status> {
    let mut asked = Request::new(body::empty());
    *asked.method_mut() = request.method().clone();
    *asked.uri_mut() = uri;
    *asked.headers_mut() = upgrade_headers(request.headers());
    conceal_bearer(asked.headers_mut());
    let near = hyper::upgrade::on(request);
    let mut answer = client.send(asked).await.map_err(|why| unreachable_backend(&why))?;
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        relay::join(scope, near, hyper::upgrade::on(&mut answer));
        let mut switched = Response::new(body::empty());
        *switched.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *switched.headers_mut() = upgrade_headers(answer.headers());
        return Ok(switched);
    }
    if !answer.status().is_success() {
        return Err(refusal(answer).await);
    }
    let content_type = answer.headers_mut().remove(CONTENT_TYPE);
    let mut passed = Response::new(answer.into_body());
    let content_type = content_type.unwrap_or(HeaderValue::from_static("text/plain"));
    passed.headers_mut().insert(CONTENT_TYPE, content_type);
    Ok(passed)
}

/// The headers of a handshake; without `Upgrade` there is none.
fn upgrade_headers(headers: &HeaderMap) -> HeaderMap {
    let mut passed = HeaderMap::new();
    if headers.contains_key(UPGRADE) {
        for (name, value) in headers {
            if UPGRADE_HEADERS.contains(&name.as_str()) || name.as_str().starts_with(WEBSOCKET) {
                passed.append(name.clone(), value.clone());
            }
        }
    }
    passed
}

/// Takes the token away that browsers send among the protocols of a WebSocket.
fn conceal_bearer(headers: &mut HeaderMap) {
    let Some(sent) = headers.remove(SEC_WEBSOCKET_PROTOCOL) else { return };
    let Ok(protocols) = sent.to_str() else { return };
    let protocols = protocols.split(',').map(str::trim);
    let shown: Vec<&str> = protocols.filter(|protocol| !protocol.starts_with(BEARER_PROTOCOL)).collect();
    if let Ok(shown) = HeaderValue::from_str(&shown.join(", ")) {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, shown);
    }
}

fn unreachable_backend(why: &net::ClientError) -> Status {
    failure(StatusCode::INTERNAL_SERVER_ERROR, format!("error dialing backend: {}", relay::told(why)))
}

/// What the kubelet said in plain text, as a Status.
async fn refusal(answer: Response<Body>) -> Status {
    let code = answer.status();
    match body::collect(answer.into_body(), MAX_REFUSAL).await {
        Ok(text) => failure(code, String::from_utf8_lossy(&text).trim_end().to_owned()),
        Err(why) => Status::internal(why),
    }
}

fn failure(code: StatusCode, message: String) -> Status {
    const REASONS: &[Reason] = &[
        Reason::BadRequest,
        Reason::Unauthorized,
        Reason::Forbidden,
        Reason::NotFound,
        Reason::MethodNotAllowed,
        Reason::Conflict,
        Reason::TooManyRequests,
        Reason::InternalError,
        Reason::ServiceUnavailable,
        Reason::Timeout,
    ];
    let reason = REASONS.iter().copied().find(|reason| reason.code() == code.as_u16());
    Status {
        outcome: Outcome::Failure,
        code: code.as_u16(),
        reason,
        message,
        details: None,
        continued: None,
        warnings: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
