//! HTTP: from a request to its answer, through the same filters for everybody. What differs by origin is who vouches
//! for the user: the network proves who it is, a component of this process has a fixed identity.

mod authenticate;
mod authorize;
mod bearer;
mod components;
mod deadline;
mod dispatch;
mod guarded;
mod gzip;
mod health;
mod impersonate;
mod meter;
mod negotiate;
mod page;
mod reply;
mod throttle;
mod trace;
mod version;
mod websocket;

#[cfg(test)]
mod tests;

use datastore::Datastore;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Method, Request, Response};
use jiff::Timestamp;
use net::{Body, Peer, body};
use objects::request::{RequestInfo, ResourcePath};
use objects::status::Status;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use supervise::{Scope, panic_message};
use tokio_util::sync::CancellationToken;
use tracing::error;

use self::reply::Encoding;
use crate::aggregation::Aggregator;
use crate::audit::{Audit, Trail};
use crate::authn::{Authenticate, UserInfo};
use crate::authz::{Attributes, Authorize, Target};
use crate::config::Limits;
use crate::document::Documents;
use crate::flow::FlowControl;
use crate::kubelet::Proxy;
use crate::proxy::ObjectProxy;
use crate::registry::Served;
use crate::rest::Rest;
use crate::review::ReviewDeps;
use crate::tokens::PublicKey;

pub(crate) use self::authenticate::{FRONT_PROXY, grouped};
pub(crate) use self::bearer::Bearers;
pub(crate) use self::meter::Requests;

/// Whether a request without credentials is a user of its own.
pub type Anonymous = Arc<dyn Fn() -> bool + Send + Sync>;

/// Answers requests. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Front(pub(crate) Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) rest: Rest,
    pub(crate) store: Datastore,
    pub(crate) documents: Documents,
    pub(crate) bearers: Bearers,
    pub(crate) review: ReviewDeps,
    pub(crate) kubelet: Proxy,
    pub(crate) proxy: ObjectProxy,
    pub(crate) aggregator: Aggregator,
    pub(crate) issuer: Issuer,
    pub(crate) authenticate: Arc<dyn Authenticate>,
    pub(crate) authorize: Arc<dyn Authorize>,
    pub(crate) anonymous: Anonymous,
    pub(crate) requests: Requests,
    pub(crate) flow: FlowControl,
    pub(crate) audit: Option<Audit>,
    pub(crate) limits: Limits,
    /// Whether what every cluster has is there.
    pub(crate) bootstrapped: AtomicBool,
    /// Ends watches and streams.
    pub(crate) stop: CancellationToken,
    /// Of what is told over WebSockets.
    pub(crate) scope: Scope,
}

/// What the verifiers of service account tokens elsewhere are told.
pub(crate) struct Issuer {
    pub(crate) name: String,
    pub(crate) keys: Vec<PublicKey>,
    /// `host:port` of the API server.
    pub(crate) address: String,
}

/// Where a request comes from.
pub(crate) enum Origin {
    Network(Peer),
    /// A component of this process.
    Process(UserInfo),
}

impl Front {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    pub(crate) fn bootstrapped(&self) {
        self.0.bootstrapped.store(true, Ordering::Release);
    }

    /// The answer to a request, whatever happens on the way to it.
    pub(crate) fn answer(self, request: Request<Body>, origin: Origin) -> BoxFuture<'static, Response<Body>> {
        Box::pin(async move {
            let mut asked = self.0.read(&request);
            let is_head = request.method() == Method::HEAD;
            let takes_gzip = !asked.info.is_long_running() && gzip::is_accepted(request.headers());
            let meter = self.0.requests.begin(&asked, &request);
            let mut response = self.contain(&mut asked, request, origin).await;
            reply::complete(&mut response, &asked.audit_id);
            let response = meter.end(&asked, response);
            let response = asked.told(response);
            match (is_head, takes_gzip) {
                (true, _) => response.map(|_| body::empty()),
                (false, true) => gzip::compress(response),
                (false, false) => response,
            }
        })
    }

    /// Lets no panic out and no request last.
    async fn contain(&self, asked: &mut Asked, request: Request<Body>, origin: Origin) -> Response<Body> {
        let allotted = match deadline::allotted(&asked.info, self.0.limits.request_timeout) {
            Ok(allotted) => allotted,
            Err(status) => {
                self.0.trace_failure(asked, &request, origin.peer(), &status, status.message.clone());
                return reply::status(&status, asked.refusals);
            }
        };
        let is_long_running = asked.info.is_long_running();
        let handling = AssertUnwindSafe(self.0.handle(asked, allotted, request, origin)).catch_unwind();
        let handled =
            if is_long_running { Ok(handling.await) } else { tokio::time::timeout(allotted, handling).await };
        match handled {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(status))) => asked.refuse(&status),
            Ok(Err(panic)) => {
                let (RequestInfo { path, verb, .. }, why) = (&asked.info, panic_message(panic.as_ref()));
                error!(%path, %verb, "request panicked: {why}");
                if let Some(mut trail) = asked.trail.take() {
                    trail.panicked(&why);
                }
                let told = "the request made the API server panic, its log says more";
                reply::status(&Status::internal(told), asked.refusals)
            }
            Err(_) => {
                asked.refuse(&Status::timeout("request did not complete within the allotted timeout", 0))
            }
        }
    }
}

/// A request by its address.
pub(crate) struct Asked {
    pub(crate) info: RequestInfo,
    /// `None` where there is no such resource.
    pub(crate) resource: Option<Arc<Served>>,
    audit_id: String,
    received: Timestamp,
    /// How the client is told of what went wrong.
    refusals: Encoding,
    /// Where the audit policy wants one.
    trail: Option<Trail>,
}

impl Asked {
    /// What is to be authorized.
    fn attributes(&self) -> Attributes {
        let target = match &self.info.resource {
            None => Target::Path(self.info.path.clone()),
            Some(path) => Target::Resource {
                group: path.group.clone(),
                version: path.version.clone(),
                resource: path.resource.clone(),
                subresource: path.subresource.clone(),
                namespace: path.namespace.clone(),
                name: path.name.clone(),
            },
        };
        Attributes { verb: self.info.verb.clone(), target }
    }
}

impl Parts {
    fn read(&self, request: &Request<Body>) -> Asked {
        let uri = request.uri();
        let info = RequestInfo::read(request.method().as_str(), uri.path(), uri.query().unwrap_or_default());
        let find =
            |path: &ResourcePath| self.rest.registry().find(&path.group, &path.version, &path.resource);
        let audit_id = authenticate::values(request.headers(), reply::AUDIT_ID.as_str()).next();
        Asked {
            resource: info.resource.as_ref().and_then(find),
            refusals: negotiate::of_refusals(request.headers(), &info),
            info,
            audit_id: audit_id.unwrap_or_else(crate::rest::uid),
            received: supervise::clock::now(),
            trail: None,
        }
    }

    /// The filters, in upstream's order.
    async fn handle(
        &self,
        asked: &mut Asked,
        allotted: Duration,
        request: Request<Body>,
        origin: Origin,
    ) -> Result<Response<Body>, Status> {
        let headers = request.headers();
        let (user, peer) = match origin {
            Origin::Network(peer) => {
                self.authenticate.ready().await;
                match self.authenticate(headers, &peer) {
                    Ok(user) => (user, Some(peer)),
                    Err(status) => {
                        let token = asked.info.query_value("access_token");
                        let why = authenticate::attempted(headers, token, Some(&peer));
                        self.trace_failure(asked, &request, Some(&peer), &status, why);
                        return Err(status);
                    }
                }
            }
            Origin::Process(user) => (user, None),
        };
        let attributes = asked.attributes();
        self.trace(asked, &request, peer.as_ref(), &user, &attributes);
        let user = self.impersonate(asked, headers, user)?;
        self.throttle(asked, &attributes, user, allotted, request).await
    }

    /// What is behind every filter but the last.
    async fn serve(
        &self,
        asked: &mut Asked,
        attributes: &Attributes,
        user: UserInfo,
        request: Request<Body>,
    ) -> Result<Response<Body>, Status> {
        self.authorize_asked(asked, &user, attributes)?;
        if let Some(remote) = self.aggregator.serves(&asked.info.path) {
            return self.aggregator.answer(&remote, &user, request).await;
        }
        match &asked.info.resource {
            Some(_) => self.dispatch(asked, user, request).await,
            None => self.page(&asked.info, &request.into_parts().0).await,
        }
    }
}

impl Origin {
    fn peer(&self) -> Option<&Peer> {
        match self {
            Self::Network(peer) => Some(peer),
            Self::Process(_) => None,
        }
    }
}
