//! HTTP: from a request to its answer, through the same filters for everybody. What differs by origin is who vouches
//! for the user: the network proves who it is, a component of this process has a fixed identity.

mod authenticate;
mod authorize;
mod bearer;
mod deadline;
mod dispatch;
mod gzip;
mod health;
mod impersonate;
mod meter;
mod negotiate;
mod page;
mod path;
mod reply;
mod version;

#[cfg(test)]
mod tests;

use datastore::Datastore;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Method, Request, Response};
use net::{Body, Peer, body};
use objects::status::Status;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use supervise::panic_message;
use tokio_util::sync::CancellationToken;
use tracing::error;

use self::path::RequestInfo;
use crate::aggregation::Aggregator;
use crate::authn::{Authenticate, UserInfo};
use crate::authz::Authorize;
use crate::config::Limits;
use crate::document::Documents;
use crate::kubelet::Proxy;
use crate::proxy::ObjectProxy;
use crate::rest::Rest;
use crate::review::ReviewDeps;
use crate::tokens::PublicKey;

pub(crate) use self::authenticate::grouped;
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
    pub(crate) limits: Limits,
    /// Whether what every cluster has is there.
    pub(crate) bootstrapped: AtomicBool,
    /// Ends watches and streams.
    pub(crate) stop: CancellationToken,
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
            let info = RequestInfo::read(request.method(), request.uri());
            let audit_id = authenticate::values(request.headers(), reply::AUDIT_ID.as_str()).next();
            let audit_id = audit_id.unwrap_or_else(crate::rest::uid);
            let is_head = request.method() == Method::HEAD;
            let takes_gzip = !info.is_long_running() && gzip::is_accepted(request.headers());
            let meter = self.0.requests.begin(&info, request.method(), self.0.rest.registry());
            let mut response = self.contain(&info, request, origin).await;
            reply::complete(&mut response, &audit_id);
            meter.end(response.status());
            match (is_head, takes_gzip) {
                (true, _) => response.map(|_| body::empty()),
                (false, true) => gzip::compress(response),
                (false, false) => response,
            }
        })
    }

    /// Lets no panic out and no request last.
    async fn contain(&self, info: &RequestInfo, request: Request<Body>, origin: Origin) -> Response<Body> {
        let handling = AssertUnwindSafe(self.0.handle(info, request, origin)).catch_unwind();
        let handled = if info.is_long_running() {
            Ok(handling.await)
        } else {
            match deadline::allotted(info, self.0.limits.request_timeout) {
                Ok(allotted) => tokio::time::timeout(allotted, handling).await,
                Err(status) => return reply::status(&status),
            }
        };
        let refused = match handled {
            Ok(Ok(Ok(response))) => return response,
            Ok(Ok(Err(status))) => status,
            Ok(Err(panic)) => {
                error!(path = %info.path, verb = %info.verb, "request panicked: {}", panic_message(panic.as_ref()));
                Status::internal("the request made the API server panic, its log says more")
            }
            Err(_) => Status::timeout("request did not complete within the allotted timeout", 0),
        };
        reply::status(&refused)
    }
}

impl Parts {
    /// The filters, in upstream's order.
    async fn handle(
        &self,
        info: &RequestInfo,
        request: Request<Body>,
        origin: Origin,
    ) -> Result<Response<Body>, Status> {
        let headers = request.headers();
        let user = match origin {
            Origin::Network(peer) => {
                self.authenticate.ready().await;
                self.authenticate(headers, &peer)?
            }
            Origin::Process(user) => user,
        };
        let user = self.impersonate(headers, user)?;
        self.authorize(&user, &info.attributes())?;
        if let Some(remote) = self.aggregator.serves(&info.path) {
            return self.aggregator.answer(&remote, &user, request).await;
        }
        match &info.resource {
            Some(path) => self.dispatch(info, path, user, request).await,
            None => self.page(info, &request.into_parts().0).await,
        }
    }
}
